//! `/my`: finding one's orders again by the address they were made with. The form is answered alike for every address; only whoever
//! reads that address's mail gets the link that shows its orders.

use super::{html, language, rendered, see_other};
use crate::{
    body,
    desk::{Desk, PATIENCE},
    error::Problem,
    mails::LINK_WORKS,
    money, same_site, tickets,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use garde::Validate;
use serde::Deserialize;
use stampede_actors::{
    inventory::{EventShown, ListEvents},
    mailroom::{OrderOf, OrdersOf, SendLink},
};
use stampede_domain::{Hold, Millis, OrderStatus};
use stampede_web::{FaceError, FieldError, FindOrdersPage, Lang, LinkSentPage, Links, MyOrderRow, MyOrdersPage};

/// The form as it is sent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    email: String,
}

/// The same with its meaning.
#[derive(Debug, Validate)]
struct Input<'a> {
    #[garde(length(chars, max = 254), email, custom(body::readable))]
    email: &'a str,
}

/// Asks for an address.
pub(super) async fn show(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    find(&desk, language(&request), StatusCode::OK, Asked::default())
}

/// Has the link sent. Whether the address has orders, and so whether there will be a mail, is found out after the answer.
pub(super) async fn send(desk: Data<Desk>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    same_site::check(desk.shop.options.public_url.as_deref(), &request)?;
    let (form, lang): (Form, _) = (body::form(&request, payload).await?, language(&request));
    let address = form.email.trim();
    if let Some(code) = mistake(address) {
        let error = Some(FieldError { field: "email".into(), code: code.into() });
        return find(&desk, lang, StatusCode::UNPROCESSABLE_ENTITY, Asked { email: form.email, error, stale: false });
    }
    let wanted = SendLink { address: address.to_owned(), language: Some(lang.tag().to_owned()) };
    desk.mailboxes.send_link.ask_within(PATIENCE, wanted).await?;
    let page = LinkSentPage {
        email: address.to_owned(),
        valid_s: LINK_WORKS.as_secs(),
        again_url: format!("/{}/my", lang.tag()),
        links: Links::to(lang, "/my"),
    };
    answer(StatusCode::OK, desk.shop.faces.link_sent(lang, &page))
}

/// Shows the orders of the address that a link was sent to.
pub(super) async fn orders(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (lang, now) = (language(&request), desk.now());
    let query: Vec<(String, String)> = serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    let tokens = || query.iter().filter(|(name, _)| name == "k").map(|(_, token)| token);
    if tokens().next().is_none() {
        return Ok(see_other(&format!("/{}/my", lang.tag())));
    }
    // Mail programs add to links: any token that opens does.
    let Some((token, email)) = tokens().find_map(|token| Some((token, desk.shop.signer.address(token, now)?))) else {
        return find(&desk, lang, StatusCode::GONE, Asked { stale: true, ..Asked::default() });
    };
    let told = desk.mailboxes.orders_of.ask_within(PATIENCE, OrdersOf { address: email.clone() }).await?;
    let orders = told.map_err(Problem::wish_put_off)?;
    let events = desk.mailboxes.list_events.ask(ListEvents).await??;
    let page = MyOrdersPage {
        email,
        orders: orders.iter().filter_map(|order| row(&desk, lang, order, &events)).collect(),
        now_ms: now.0,
        links: Links::to(lang, &format!("/my/orders?k={token}")),
    };
    answer(StatusCode::OK, desk.shop.faces.my_orders(lang, &page))
}

/// What the form is shown with.
#[derive(Default)]
struct Asked {
    email: String,
    error: Option<FieldError>,
    stale: bool,
}

fn find(desk: &Desk, lang: Lang, status: StatusCode, asked: Asked) -> Result<HttpResponse, Problem> {
    let page = FindOrdersPage {
        action: format!("/{}/my", lang.tag()),
        email: asked.email,
        error: asked.error,
        link_is_stale: asked.stale,
        links: Links::to(lang, "/my"),
    };
    answer(status, desk.shop.faces.find_orders(lang, &page))
}

fn answer(status: StatusCode, page: Result<String, FaceError>) -> Result<HttpResponse, Problem> {
    Ok(html(status).insert_header((header::CACHE_CONTROL, "private, no-store")).body(rendered(page)?))
}

fn mistake(address: &str) -> Option<&'static str> {
    if address.chars().all(body::is_unseen) {
        return Some("required");
    }
    Input { email: address }.validate().is_err().then_some("invalid_characters")
}

/// A line of the list. Of an event that is not shown any more there is nothing to be said.
fn row(desk: &Desk, lang: Lang, (record, hold): &OrderOf, events: &[EventShown]) -> Option<MyOrderRow> {
    let shown = events.iter().find(|shown| shown.event.types.iter().any(|one| one.pool == record.pool))?;
    let event = &shown.event.listing.event;
    let ticket_type = tickets::type_of(event, record.pool)?;
    let total = money::total(ticket_type, record.quantity, hold.as_ref())?;
    let status = hold.as_ref().map_or(record.status, |hold| hold.status);
    let is_held = |hold: &&Hold| hold.status == OrderStatus::Reserved;
    let (here, key) = (format!("/{}/orders/{}", lang.tag(), record.order), desk.shop.signer.order_key(record.order));
    Some(MyOrderRow {
        id: record.order.to_string(),
        tickets_url: (status == OrderStatus::Confirmed).then(|| format!("{here}/tickets?k={key}")),
        url: format!("{here}?k={key}"),
        event_name: event.name.clone(),
        starts_at_ms: Millis::from(event.starts_at).0,
        time_zone: event.time_zone.clone(),
        ticket_type: ticket_type.name.clone(),
        quantity: record.quantity,
        total_minor: total.minor,
        currency: total.currency.code().to_owned(),
        status: status.as_str().to_owned(),
        hold_until_ms: hold.as_ref().filter(is_held).map(|hold| hold.hold_until.0),
    })
}
