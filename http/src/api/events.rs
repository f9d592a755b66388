//! What is for sale.

use super::{
    availability::{event_slug, type_numbers},
    problems,
    wire::{EventList, EventView, PaymentView, TicketTypeView},
};
use crate::{desk::Desk, error::Problem};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Data, Path},
};
use stampede_actors::{
    inventory::{FindEvent, ListEvents},
    shelf::EventOnSale,
};
use stampede_domain::{Millis, Payment, TicketType};

/// Every event, the featured one first.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "listEvents", tag = "events", responses(
    (status = 200, description = "The events", body = EventList<'static>),
    problems::NotNow,
))]
pub(crate) async fn list(desk: Data<Desk>) -> Result<HttpResponse, Problem> {
    let shown = desk.mailboxes.list_events.ask(ListEvents).await??;
    let events = shown.iter().map(|shown| view(&shown.event)).collect();
    Ok(ok().json(EventList { events, server_time: desk.now_in_words() }))
}

/// One event.
#[utoipa::path(get, path = "/api/v1/events/{slug}", operation_id = "findEvent", tag = "events",
    params(("slug" = String, Path, description = "The event's name in addresses", example = "frequency-festival")),
    responses(
    (status = 200, description = "The event", body = EventView<'static>),
    problems::NotShown,
))]
pub(crate) async fn find(desk: Data<Desk>, slug: Path<String>) -> Result<HttpResponse, Problem> {
    let shown = desk.mailboxes.find_event.ask(FindEvent(Some(event_slug(&slug)?))).await??;
    Ok(ok().json(view(&shown.event)))
}

fn ok() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-cache"));
    response
}

fn view(event: &EventOnSale) -> EventView<'_> {
    let described = &event.listing.event;
    let types = described.ticket_types.iter().zip(&event.types);
    EventView {
        slug: described.slug.as_str(),
        name: &described.name,
        place: &described.place,
        starts_at: Millis::from(described.starts_at).rfc3339(),
        ends_at: Millis::from(described.ends_at).rfc3339(),
        time_zone: &described.time_zone,
        ticket_types: types
            .map(|(ticket_type, on_sale)| TicketTypeView {
                name: &ticket_type.name,
                price_minor: ticket_type.price.minor,
                currency: ticket_type.price.currency.code(),
                max_per_order: ticket_type.max_per_order,
                limit_per_buyer: ticket_type.limit_per_buyer,
                payment: payment(ticket_type),
                numbers: type_numbers(ticket_type, on_sale),
            })
            .collect(),
    }
}

fn payment(ticket_type: &TicketType) -> PaymentView {
    match ticket_type.payment {
        Payment::AtTheGate => PaymentView { how: "at_the_gate", fee_minor: None, hold_seconds: None },
        Payment::Online(online) => PaymentView {
            how: "online",
            fee_minor: Some(online.fee_minor),
            hold_seconds: ticket_type.hold().map(|terms| terms.hold_for.as_secs()),
        },
    }
}
