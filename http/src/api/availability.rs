//! How many tickets are left: from the shelf, never from the store.

use super::{
    cache::Cached,
    problems,
    wire::{EventAvailability, TicketsLeft, TypeAvailability},
};
use crate::{desk::Desk, error::Problem, watch};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method,
        header::{self, HeaderValue},
    },
    web::{Data, Path},
};
use bytes::Bytes;
use stampede_actors::{
    inventory::{EventNotShown, EventShown, FindEvent, WatchShelf},
    shelf::{EventOnSale, TypeOnSale},
};
use stampede_domain::{EventSlug, Millis, TicketType};
use std::sync::Arc;

/// Warn code 110, "response is stale" (RFC 7234, section 5.5.1).
const STALE: &str = "110 - \"Response is Stale\"";

/// Tickets left of the featured event's main ticket type.
#[utoipa::path(get, path = "/api/tickets/availability", operation_id = "ticketsLeft", tag = "featured event", responses(
    (status = 200, description = "The numbers", body = TicketsLeft, headers(("ETag" = String, description = "Changes with the numbers"))),
    (status = 304, description = "Not changed since the `ETag` of `If-None-Match`"),
    problems::NotNow,
))]
pub(crate) async fn of_featured(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let shown = desk.mailboxes.find_event.ask(FindEvent(None)).await??;
    let cached = desk.availability.of(&shown.event, || tickets_left(&shown.event))?;
    if is_known(&request, &cached.etag) {
        return Ok(fresh(HttpResponse::NotModified(), &shown, &cached.etag).finish());
    }
    Ok(fresh(HttpResponse::Ok(), &shown, &cached.etag).content_type(JSON).body(cached.body))
}

/// The numbers of an event.
#[utoipa::path(get, path = "/api/v1/events/{slug}/availability", operation_id = "eventAvailability", tag = "events",
    params(("slug" = String, Path, description = "The event's name in addresses", example = "frequency-festival")),
    responses(
    (status = 200, description = "The numbers", body = EventAvailability<'static>, headers(("ETag" = String, description = "Changes with the numbers"))),
    (status = 304, description = "Not changed since the `ETag` of `If-None-Match`"),
    problems::NotShown,
))]
pub(crate) async fn of_event(
    desk: Data<Desk>,
    request: HttpRequest,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let shown = desk.mailboxes.find_event.ask(FindEvent(Some(event_slug(&slug)?))).await??;
    let etag = etag(&format!("{}{}", shown.event.sequence, if shown.stale { "-stale" } else { "" }))?;
    if is_known(&request, &etag) {
        return Ok(fresh(HttpResponse::NotModified(), &shown, &etag).finish());
    }
    Ok(fresh(HttpResponse::Ok(), &shown, &etag).json(numbers(&shown.event, shown.now, shown.stale)))
}

/// Live numbers of an event, as server-sent events named `availability`; at most four a second.
#[utoipa::path(get, path = "/api/v1/events/{slug}/availability/stream", operation_id = "watchAvailability", tag = "events",
    params(("slug" = String, Path, description = "The event's name in addresses", example = "frequency-festival")),
    responses(
    (status = 200, description = "An endless stream of `availability` events, each with the body of `/availability`", body = String, content_type = "text/event-stream"),
    problems::NotShown,
))]
pub(crate) async fn stream(
    desk: Data<Desk>,
    request: HttpRequest,
    slug: Path<String>,
) -> Result<HttpResponse, Problem> {
    let slug = event_slug(&slug)?;
    desk.mailboxes.find_event.ask(FindEvent(Some(slug.clone()))).await??;
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // nginx would otherwise hold the numbers back until its buffer is full.
        .insert_header(("X-Accel-Buffering", "no"));
    // Without a body there is no end to wait for.
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    let place = Arc::clone(&desk.shop.watchers)
        .try_acquire_owned()
        .map_err(|_| Problem::from(stampede_actors::mailbox::NoAnswer::Full))?;
    let shelf = desk.mailboxes.watch_shelf.ask(WatchShelf).await?;
    Ok(response.streaming(watch::messages(desk, shelf, slug, place)))
}

/// One message of a stream.
pub(crate) fn message(event: &EventOnSale, now: Millis) -> Bytes {
    let json = serde_json::to_string(&numbers(event, now, false)).unwrap_or_default();
    Bytes::from(format!("event: availability\ndata: {json}\n\n"))
}

const JSON: &str = "application/json";

fn tickets_left(event: &EventOnSale) -> Result<Cached, Problem> {
    let numbers = event.find(None).and_then(|(_, on_sale)| on_sale.numbers).ok_or(EventNotShown::NotReady)?;
    let (available, total) = (numbers.free(), numbers.settled.capacity);
    let body = serde_json::to_vec(&TicketsLeft { available, total }).map_err(|_| Problem::internal())?;
    Ok(Cached { body: body.into(), etag: etag(&format!("{available}-{total}"))? })
}

fn etag(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(&format!("\"{text}\"")).map_err(|_| Problem::internal())
}

fn numbers(event: &EventOnSale, now: Millis, stale: bool) -> EventAvailability<'_> {
    let types = event.listing.event.ticket_types.iter().zip(&event.types);
    let ticket_types = types.map(|(ticket_type, on_sale)| type_numbers(ticket_type, on_sale)).collect();
    EventAvailability { ticket_types, server_time: now.rfc3339(), stale }
}

/// The numbers of a ticket type; what is not known is none.
pub(super) fn type_numbers<'a>(ticket_type: &'a TicketType, on_sale: &TypeOnSale) -> TypeAvailability<'a> {
    let numbers = on_sale.numbers;
    TypeAvailability {
        id: ticket_type.id.as_str(),
        state: on_sale.state,
        available: numbers.map_or(0, |numbers| numbers.free()),
        in_flight: numbers.map_or(0, |numbers| numbers.claimed + numbers.settled.held),
        sold: numbers.map_or(0, |numbers| numbers.settled.sold),
        total: numbers.map_or(ticket_type.capacity, |numbers| numbers.settled.capacity),
        opens_at: on_sale.terms.opens_at.rfc3339(),
        closes_at: on_sale.terms.closes_at.rfc3339(),
    }
}

/// A slug from an address; what is none belongs to no event.
pub(crate) fn event_slug(text: &str) -> Result<EventSlug, Problem> {
    text.parse().map_err(|_| EventNotShown::NotFound.into())
}

fn is_known(request: &HttpRequest, etag: &HeaderValue) -> bool {
    let known = request.headers().get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let etag = etag.to_str().unwrap_or_default();
    known.is_some_and(|known| {
        known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*")
    })
}

fn fresh(mut response: HttpResponseBuilder, shown: &EventShown, etag: &HeaderValue) -> HttpResponseBuilder {
    response.insert_header((header::ETAG, etag.clone())).insert_header((header::CACHE_CONTROL, "no-cache"));
    if shown.stale {
        response.insert_header((header::WARNING, STALE));
    }
    response
}
