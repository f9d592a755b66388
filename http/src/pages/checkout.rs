//! The checkout of a ticket type that is paid online: who buys, and what it costs, before anything is held.

use super::{html, language, rendered, see_other, views};
use crate::{api::availability::event_slug, desk::Desk, error::Problem, money};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use serde::Deserialize;
use stampede_actors::{
    inventory::{EventShown, FindEvent},
    shelf::TypeOnSale,
};
use stampede_domain::{Millis, OnlinePayment, OrderId, Payment, TicketType};
use stampede_web::{CheckoutPage, FormView, Lang, Links, RefusalView};

/// What is to be bought, as the address says it.
#[derive(Debug, Default, Deserialize)]
struct Query {
    #[serde(rename = "type", default)]
    ticket_type: String,
    #[serde(default)]
    quantity: String,
}

/// What somebody wants of a type that is paid online, and what was said about it before.
pub(super) struct Wanted<'a> {
    /// Of which type; the event's first when empty.
    pub(super) ticket_type: &'a str,
    /// How many, at least one.
    pub(super) quantity: u32,
    /// The key of the order.
    pub(super) key: OrderId,
    /// Input to keep.
    pub(super) form: Option<FormView>,
    /// Why the last click made no order.
    pub(super) refusal: Option<RefusalView>,
}

/// Shows it. A type that is not paid online has none: its event's page takes the order.
pub(super) async fn show(
    desk: Data<Desk>,
    request: HttpRequest,
    address: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let shown = desk.mailboxes.find_event.ask(FindEvent(Some(event_slug(&address.1)?))).await??;
    let query: Query = serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    let Some((ticket_type, ..)) = online(&shown, &query.ticket_type) else {
        return Ok(see_other(&format!("/{}/events/{}", language(&request).tag(), shown.event.listing.event.slug)));
    };
    let quantity = query.quantity.trim().parse().unwrap_or(1).clamp(1, ticket_type.max_per_order);
    let wanted =
        Wanted { ticket_type: &query.ticket_type, quantity, key: desk.keys.fresh(), form: None, refusal: None };
    Ok(response(StatusCode::OK).body(page(&desk, language(&request), &shown, wanted)?))
}

/// The type of that name with its numbers, if it is paid online.
pub(super) fn online<'a>(
    shown: &'a EventShown,
    ticket_type: &str,
) -> Option<(&'a TicketType, &'a TypeOnSale, OnlinePayment)> {
    let mut types = shown.event.listing.event.ticket_types.iter().zip(&shown.event.types);
    let (ticket_type, on_sale) = types.find(|(one, _)| ticket_type.is_empty() || one.id.as_str() == ticket_type)?;
    match ticket_type.payment {
        Payment::AtTheGate => None,
        Payment::Online(online) => Some((ticket_type, on_sale, online)),
    }
}

/// Its address.
pub(super) fn url(lang: Lang, shown: &EventShown, ticket_type: &str, quantity: u32) -> String {
    format!("/{}{}", lang.tag(), path(shown, ticket_type, quantity))
}

/// Below the language.
fn path(shown: &EventShown, ticket_type: &str, quantity: u32) -> String {
    let quantity = quantity.to_string();
    let query = serde_urlencoded::to_string([("type", ticket_type), ("quantity", &quantity)]).unwrap_or_default();
    format!("/events/{}/checkout?{query}", shown.event.listing.event.slug)
}

/// An answer that nobody keeps: it has a key.
pub(super) fn response(status: StatusCode) -> actix_web::HttpResponseBuilder {
    let mut response = html(status);
    response.insert_header((header::CACHE_CONTROL, "private, no-store"));
    response
}

/// The page.
pub(super) fn page(desk: &Desk, lang: Lang, shown: &EventShown, wanted: Wanted<'_>) -> Result<String, Problem> {
    let event = &shown.event.listing.event;
    let (ticket_type, on_sale, online) = online(shown, wanted.ticket_type).ok_or_else(Problem::not_for_sale)?;
    let page = CheckoutPage {
        action: format!("/{}/events/{}/orders", lang.tag(), event.slug),
        key: wanted.key.to_string(),
        event_name: event.name.clone(),
        event_url: format!("/{}/events/{}", lang.tag(), event.slug),
        place: event.place.clone(),
        starts_at_ms: Millis::from(event.starts_at).0,
        time_zone: event.time_zone.clone(),
        ticket: views::ticket(ticket_type, on_sale, shown.stale),
        price: money::price(ticket_type, online, wanted.quantity).ok_or_else(Problem::not_for_sale)?,
        hold_s: u64::from(online.hold_minutes) * 60,
        terms_url: None,
        refusal: wanted.refusal,
        form: wanted.form,
        now_ms: shown.now.0,
        links: Links::to(lang, &path(shown, ticket_type.id.as_str(), wanted.quantity)),
    };
    rendered(desk.shop.faces.checkout(lang, &page))
}
