//! Tickets of an order, for pages, programs and mails alike: who may see them, whether there are any, their codes.

use crate::{
    desk::{Desk, PATIENCE},
    error::Problem,
    pages::cookies,
    ticket::{Ticket, TicketKey},
};
use actix_web::{HttpRequest, web};
use stampede_actors::{
    inventory::{FindOrder, OrderFound, OrderNotShown},
    ports::OrderRecord,
};
use stampede_domain::{Event, Millis, OrderId, OrderStatus, Payment, PoolId, TicketType};
use stampede_web::{Lang, Links, TicketView, TicketsPage};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Orders printed or drawn at a time in a process; the others are told to come back. Six tickets take 15 ms
/// on paper and a hundred, the most of an order, a fifth of a second, which nobody's request on a worker's thread should wait for.
const PRESSES: usize = 4;
static PRESS: Semaphore = Semaphore::const_new(PRESSES);
/// When to ask again about a row that nobody can read now.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Whether somebody may see an order's details: whoever has its signed link, or the browser that ordered it.
pub(crate) fn is_shown_to(desk: &Desk, request: &HttpRequest, order: OrderId) -> bool {
    shows_key(desk, request, order) || cookies::orders(desk, request).contains(&order)
}

/// Whether somebody has an order's signed link. Mail programs add to links, people paste them twice: any `k` that opens the order
/// does.
pub(crate) fn shows_key(desk: &Desk, request: &HttpRequest, order: OrderId) -> bool {
    let query: Vec<(String, String)> = serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    query.iter().any(|(name, key)| name == "k" && desk.shop.signer.is_order_key(order, key))
}

/// What an order has instead of tickets.
pub(crate) enum NoTickets {
    /// It is known, and stands elsewhere.
    Standing(OrderStatus),
    /// It cannot be told.
    Problem(Problem),
}

impl From<NoTickets> for Problem {
    fn from(why: NoTickets) -> Self {
        match why {
            NoTickets::Standing(status) => Self::no_tickets(status),
            NoTickets::Problem(problem) => problem,
        }
    }
}

/// The row of an order that has tickets. Who may see it has been decided before.
pub(crate) async fn confirmed(desk: &Desk, order: OrderId) -> Result<OrderRecord, NoTickets> {
    let told = desk.mailboxes.find_order.ask_within(PATIENCE, FindOrder { order, details: true }).await;
    let found = told.map_err(|why| NoTickets::Problem(why.into()))?;
    match found.map_err(|why| NoTickets::Problem(why.into()))? {
        OrderFound { status: OrderStatus::Confirmed, record: Some(record), .. } => Ok(record),
        OrderFound { status: OrderStatus::Confirmed, .. } => {
            Err(NoTickets::Problem(OrderNotShown::NotKnownYet { retry_after: ASK_AGAIN }.into()))
        }
        found => Err(NoTickets::Standing(found.status)),
    }
}

/// The tickets of a confirmed order, one a unit.
pub(crate) fn of(ticket_key: &TicketKey, record: &OrderRecord) -> Vec<TicketView> {
    // An order has at most a hundred units (`MAX_PER_ORDER`).
    let of = u8::try_from(record.quantity).unwrap_or(u8::MAX);
    let (order, pool) = (record.order, record.pool);
    let sign = |number| ticket_key.code(&Ticket { order, pool, number, of });
    (1..=of).map(|number| TicketView { number, of, code: sign(number) }).collect()
}

/// The ticket type that an order's units are of; `None`: the event has no such (any more).
pub(crate) fn type_of(event: &Event, pool: PoolId) -> Option<&TicketType> {
    event.ticket_types.iter().find(|ticket_type| ticket_type.pool(&event.slug) == pool)
}

/// What the tickets of a confirmed order say, on a page, on paper and in a calendar. `base` is the shop's address, `key` the query
/// that opens the order.
pub(crate) fn page(
    lang: Lang,
    ticket_key: &TicketKey,
    record: &OrderRecord,
    event: &Event,
    (base, key): (&str, &str),
) -> Option<TicketsPage> {
    let ticket_type = type_of(event, record.pool)?;
    let path = format!("/orders/{}", record.order);
    let here = format!("/{}{path}", lang.tag());
    Some(TicketsPage {
        order_id: record.order.to_string(),
        event_name: event.name.clone(),
        place: event.place.clone(),
        starts_at_ms: Millis::from(event.starts_at).0,
        ends_at_ms: Millis::from(event.ends_at).0,
        time_zone: event.time_zone.clone(),
        ticket_type: ticket_type.name.clone(),
        price_minor: ticket_type.price.minor,
        currency: ticket_type.price.currency.code().to_owned(),
        paid_at_gate: ticket_type.payment == Payment::AtTheGate,
        holder: record.contact.name.clone().unwrap_or_default(),
        confirmed_at_ms: record.decided_at.0,
        tickets: of(ticket_key, record),
        event_url: format!("{base}/{}/events/{}", lang.tag(), event.slug),
        order_url: format!("{here}{key}"),
        pdf_url: format!("{here}/tickets.pdf{key}"),
        calendar_url: format!("{here}/tickets.ics{key}"),
        links: Links::to(lang, &format!("{path}/tickets{key}")),
    })
}

/// Does what takes longer than a worker's thread may be kept from others, on a thread of its own; few at a time.
pub(crate) async fn print<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    let permit = PRESS.try_acquire().map_err(|_| Problem::from(stampede_actors::mailbox::NoAnswer::Full))?;
    web::block(move || {
        let done = work();
        // Kept until it is done, whether or not somebody still waits for it.
        drop(permit);
        done
    })
    .await
    .map_err(|error| {
        tracing::error!(%error, "tickets could not be printed");
        Problem::internal()
    })
}
