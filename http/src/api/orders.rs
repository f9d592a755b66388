//! Taking orders, and telling where they stand.

use super::{
    availability::event_slug,
    problems,
    wire::{BuyRequest, OrderStanding, OrderTaken},
};
use crate::{
    body,
    desk::{Desk, PATIENCE},
    door,
    error::Problem,
    tickets, wishes,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, Payload},
};
use stampede_actors::{
    inventory::{FindOrder, OrderNotShown, PlaceOrder, Placed},
    trace,
};
use stampede_domain::{
    BuyerId, Contact, EventSlug, Hold, OrderId, OrderStatus,
    key::{self, KeyRefused},
};
use stampede_web::Lang;

/// Buys tickets of the featured event.
///
/// Send an `Idempotency-Key` (a fresh UUIDv7 for every new order): repeating the request with it finds the same order,
/// whatever happened to the first answer.
#[utoipa::path(post, path = "/api/tickets/buy", operation_id = "buyTickets", tag = "featured event", request_body = BuyRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "A UUID of version 7, which becomes the order's id. Without it a repeated request is a new order.")),
    responses(
    (status = 202, description = "Promised, and being written down; or written down already", body = OrderTaken<'static>,
     headers(("Location" = String, description = "Where to ask for it"), ("Idempotent-Replayed" = String, description = "`true` when an earlier request did it"))),
    problems::OrderProblems,
))]
pub(crate) async fn buy(desk: Data<Desk>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let input = body::json(&request, payload).await?;
    take(&desk, &request, None, input).await
}

/// Buys tickets of an event. Like `/api/tickets/buy`.
#[utoipa::path(post, path = "/api/v1/events/{slug}/orders", operation_id = "placeOrder", tag = "events", request_body = BuyRequest,
    params(("slug" = String, Path, description = "The event's name in addresses", example = "frequency-festival"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUID of version 7, which becomes the order's id. Without it a repeated request is a new order.")),
    responses(
    (status = 202, description = "Promised, and being written down; or written down already", body = OrderTaken<'static>,
     headers(("Location" = String, description = "Where to ask for it"), ("Idempotent-Replayed" = String, description = "`true` when an earlier request did it"))),
    problems::OrderProblems,
))]
pub(crate) async fn place(
    desk: Data<Desk>,
    request: HttpRequest,
    slug: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let slug = event_slug(&slug)?;
    let input = body::json(&request, payload).await?;
    take(&desk, &request, Some(slug), input).await
}

/// The language that the client asks for, if it asks for any: its user's mails are written in it.
fn asked_language(request: &HttpRequest) -> Option<String> {
    let asked = request.headers().get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    Some(Lang::negotiate(asked).tag().to_owned())
}

/// Where an order stands. Of an order that is paid online, whoever shows its key is told how the payment stands.
#[utoipa::path(get, path = "/api/v1/orders/{order}", operation_id = "findOrder", tag = "orders",
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b"),
        ("k" = Option<String>, Query, description = "The order's key, as `ticketsUrl` has it", example = "K7hQ2v9wXyZ0aBcDeFgHiA")),
    responses(
    (status = 200, description = "Where it stands", body = OrderStanding<'static>),
    problems::OrderNotShown,
))]
pub(crate) async fn find(desk: Data<Desk>, request: HttpRequest, order: Path<String>) -> Result<HttpResponse, Problem> {
    let order: OrderId = order.parse().map_err(|_| Problem::invalid("An order's id is a UUID.", Vec::new()))?;
    let found = desk.mailboxes.find_order.ask_within(PATIENCE, FindOrder { order, details: false }).await;
    let found = found.map_err(Problem::from)?.map_err(|why: OrderNotShown| Problem::from(why))?;
    let hold = hold(&desk, &request, order, found.status).await;
    let hold = hold.as_ref();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(OrderStanding {
        order_id: order.to_string(),
        // Both were read, one after the other: the row of the payment is the truth about it.
        status: hold.map_or(found.status, |hold| hold.status).as_str(),
        reason: found.reason.map(|reason| reason.as_str()),
        payment: hold.and_then(|hold| wishes::payment_word(hold, desk.now(), wishes::is_back_from_bank(&request))),
        hold_until: hold.map(|hold| hold.hold_until.rfc3339()),
        amount_minor: hold.map(|hold| hold.amount.minor),
        currency: hold.map(|hold| hold.amount.currency.code()),
        attempt: hold.map(|hold| hold.attempt),
        declined: hold.and_then(|hold| hold.decline).map(|why| why.as_str()),
        pay_url: hold.filter(|hold| hold.status == OrderStatus::Paying).and_then(|hold| hold.page.clone()),
        server_time: desk.now_in_words(),
    }))
}

/// What is known of the payment, for those who may see it. Of orders that are confirmed or ended it is only read for those who show
/// the key: nobody polls them any more, and most of them were never paid online. If it cannot be read, the status has to do.
async fn hold(desk: &Desk, request: &HttpRequest, order: OrderId, status: OrderStatus) -> Option<Hold> {
    let is_wanted = match status {
        OrderStatus::Reserved | OrderStatus::Paying | OrderStatus::Expiring => {
            tickets::is_shown_to(desk, request, order)
        }
        OrderStatus::Confirmed | OrderStatus::Cancelled | OrderStatus::Refunded | OrderStatus::Expired => {
            tickets::shows_key(desk, request, order)
        }
        OrderStatus::Pending | OrderStatus::Rejected | OrderStatus::Failed => false,
    };
    if is_wanted { wishes::find(desk, order).await.ok().flatten() } else { None }
}

async fn take(
    desk: &Desk,
    request: &HttpRequest,
    event: Option<EventSlug>,
    input: BuyRequest,
) -> Result<HttpResponse, Problem> {
    let order = order_id(desk, request)?;
    let BuyRequest { user_id, quantity, ticket_type_id, name, email } = input;
    // Only who can be written to needs a language.
    let language = email.is_some().then(|| asked_language(request)).flatten();
    let message = PlaceOrder {
        order,
        event,
        ticket_type: ticket_type_id,
        quantity,
        buyer: BuyerId::from_user_id(&user_id),
        contact: Contact { user_id: Some(user_id), name, email, language },
        trace: trace::current(),
    };
    let placed = door::place(desk, request, message).await;
    let placed = placed.map_err(|why| Problem::no_answer_to_order(why, order))?;
    match placed {
        Placed::Accepted { status, replayed } => Ok(taken(desk, order, status.as_str(), quantity, replayed)),
        other => Err(Problem::of(&other, order, desk.now()).unwrap_or_else(Problem::internal)),
    }
}

/// The key the buyer sent, or a fresh one.
fn order_id(desk: &Desk, request: &HttpRequest) -> Result<OrderId, Problem> {
    let mut sent = request.headers().get_all("idempotency-key");
    let now = desk.now();
    match (sent.next(), sent.next()) {
        (None, _) => Ok(desk.keys.fresh()),
        (Some(key), None) => {
            key::order_id(key.to_str().unwrap_or(""), now).map_err(|refused| Problem::key(refused, now))
        }
        // Two keys are two orders or one: only who sent them knows.
        (Some(_), Some(_)) => Err(Problem::key(KeyRefused::NotAUuidV7, now)),
    }
}

fn taken(desk: &Desk, order: OrderId, status: &str, quantity: u32, replayed: bool) -> HttpResponse {
    let order_id = order.to_string();
    let status_url = ["/api/orders/", &order_id].concat();
    let tickets_url = ["/api/v1/orders/", &order_id, "/tickets?k=", &desk.shop.signer.order_key(order)].concat();
    let mut response = HttpResponse::Accepted();
    response.insert_header((header::LOCATION, status_url.as_str())).insert_header((header::CACHE_CONTROL, "no-store"));
    if replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response.json(OrderTaken { order_id, status, status_url, tickets_url, quantity, server_time: desk.now_in_words() })
}
