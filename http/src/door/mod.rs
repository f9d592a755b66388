//! Who may come in, before anything is done for them: networks, TLS, other sites' scripts, and how often (ADR 19).
//!
//! A shop with nothing set asks for none of it: its visitors are known by the address that connects, and those from exempt
//! networks, the own machine first of all, go straight through.

mod cors;
mod networks;
mod standing;
mod visitor;

pub use cors::Origins;
pub use networks::Networks;
pub use visitor::{Proxies, ProxyHeader};

pub(crate) use cors::dress as dress_for_other_sites;
pub(crate) use standing::show as show_standing;
pub(crate) use visitor::Visitor;

use crate::{desk::Desk, error::Problem, webhook};
use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    dev::ServiceRequest,
    http::{
        Method,
        header::{self, HeaderValue},
    },
};
use stampede_actors::{
    doorkeeper::Admit,
    inventory::{PlaceOrder, Placed, RepeatOrder},
    mailbox::NoAnswer,
};
use std::{net::IpAddr, time::Duration};

/// A year, for this name alone: what else runs under the domain is not ours to decide.
pub(crate) const STRICT_TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// The least time over which those who ask too often are spread.
const SPREAD: Duration = Duration::from_secs(1);

/// Who may come in, as an operator says.
#[derive(Clone, Debug, Default)]
pub struct DoorRules {
    /// Who stands between the shoppers and us.
    pub proxies: Proxies,
    /// When not empty: only from here.
    pub allow: Networks,
    /// Never from here.
    pub deny: Networks,
    /// Not counted by address.
    pub exempt: Networks,
    /// Whether everybody has to come by TLS, as the nearest trusted proxy says.
    pub requires_https: bool,
    /// Sites whose scripts may use the API.
    pub origins: Origins,
    /// Whether requests are counted by address or altogether.
    pub limits_addresses: bool,
    /// Whether orders are counted by buyer.
    pub limits_buyers: bool,
}

impl DoorRules {
    /// Whether the address that connects is all that needs to be known.
    fn looks_at_addresses_only(&self) -> bool {
        self.allow.is_empty()
            && self.deny.is_empty()
            && !self.requires_https
            && self.origins.is_empty()
            && self.proxies.hops == 0
    }
}

/// What to do with a request instead of serving it.
pub(crate) enum Instead {
    /// An answer that is no problem.
    Answer(HttpResponse),
    /// A problem.
    Problem(Problem),
}

/// Somebody came too often, and was let in all the same to show that the provider of payments sent him.
#[derive(Clone, Copy)]
pub(crate) struct OnProof(Duration);

impl OnProof {
    /// What is answered to who cannot.
    pub(crate) fn refuse(self) -> Problem {
        too_often(self.0)
    }
}

fn too_often(wait: Duration) -> Problem {
    Problem::too_many_requests().after_or_later(wait, wait.max(SPREAD))
}

/// Lets a request in, or says what is answered instead.
pub(crate) async fn enter(desk: &Desk, request: &ServiceRequest) -> Result<(), Instead> {
    let rules = &desk.shop.options.door;
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    if rules.looks_at_addresses_only() {
        return count(desk, request, peer).await;
    }
    let visitor = Visitor::of(request.request(), &rules.proxies);
    if visitor.address.is_some_and(|address| !is_welcome(rules, address)) {
        return Err(Instead::Problem(Problem::network_refused()));
    }
    if rules.requires_https && !visitor.https {
        return Err(to_https(desk, request));
    }
    if let Some(preflight) = cors::preflight(request, &rules.origins) {
        return Err(Instead::Answer(preflight));
    }
    count(desk, request, visitor.address).await
}

fn is_welcome(rules: &DoorRules, address: IpAddr) -> bool {
    (rules.allow.is_empty() || rules.allow.contain(address)) && !rules.deny.contain(address)
}

/// A request without an address is not counted: it came by no network.
async fn count(desk: &Desk, request: &ServiceRequest, address: Option<IpAddr>) -> Result<(), Instead> {
    let rules = &desk.shop.options.door;
    let Some(address) = address.filter(|address| rules.limits_addresses && !rules.exempt.contain(*address)) else {
        return Ok(());
    };
    let who = if request.method() == Method::POST { Admit::Orderer(address) } else { Admit::Reader(address) };
    // Who cannot be judged is let in: the mailboxes behind the door have bounds.
    let verdict = desk.mailboxes.admit.ask(who).await.unwrap_or_default();
    // The provider sends from few networks, and many at once when a sale opens: its word is its signature, not its address.
    let says_to_be_the_provider = webhook::says_to_be_signed(desk, request);
    if let Some(standing) = verdict.standing.filter(|_| !says_to_be_the_provider) {
        request.extensions_mut().insert(standing);
    }
    match verdict.retry_after {
        None => Ok(()),
        Some(wait) if says_to_be_the_provider => {
            request.extensions_mut().insert(OnProof(wait));
            Ok(())
        }
        Some(wait) => Err(Instead::Problem(too_often(wait))),
    }
}

/// Who only looks is sent to where it is safe. What was sent in the clear is not taken: whoever sent it has to learn that.
fn to_https(desk: &Desk, request: &ServiceRequest) -> Instead {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Instead::Problem(Problem::https_required());
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = desk.shop.options.public_url.clone().filter(|url| url.starts_with("https://"));
    let base = base.unwrap_or_else(|| format!("https://{host}"));
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut answer = HttpResponse::PermanentRedirect();
    answer
        .insert_header((header::LOCATION, format!("{base}{path}")))
        .insert_header((header::CACHE_CONTROL, "no-store"));
    Instead::Answer(answer.finish())
}

/// Gives an order to the `Inventory`. A buyer who asks too often gets no new one, and hears of the one that has this key.
pub(crate) async fn place(desk: &Desk, request: &HttpRequest, order: PlaceOrder) -> Result<Placed, NoAnswer> {
    let mailboxes = &desk.mailboxes;
    let buyer = order.buyer;
    let verdict = if desk.shop.options.door.limits_buyers {
        mailboxes.admit.ask(Admit::Buyer(buyer)).await.unwrap_or_default()
    } else {
        Default::default()
    };
    let Some(wait) = verdict.retry_after else {
        return mailboxes.place_order.ask_within(crate::desk::PATIENCE, order).await;
    };
    if let Some(standing) = verdict.standing {
        request.extensions_mut().insert(standing);
    }
    let retry_after = wait + SPREAD + desk.some_of(wait.max(SPREAD));
    // A look-up is work too: as many as orders.
    if mailboxes.admit.ask(Admit::Repeater(buyer)).await.unwrap_or_default().retry_after.is_some() {
        return Ok(Placed::TooOften { retry_after });
    }
    mailboxes.repeat_order.ask_within(crate::desk::PATIENCE, RepeatOrder { order, retry_after }).await
}
