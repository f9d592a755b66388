//! Giving out tickets.

use super::{
    problems,
    wire::{OrderTickets, TicketCode},
};
use crate::{desk::Desk, error::Problem, tickets};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use stampede_domain::OrderId;

/// The tickets of a confirmed order.
///
/// For whoever has the `ticketsUrl` that the order was answered with, or the cookie of the browser that ordered. A code can be judged
/// offline, with nothing but the public key (`stampede ticket verify`); whether it was cancelled or used is not in it.
#[utoipa::path(get, path = "/api/v1/orders/{order}/tickets", operation_id = "findTickets", tag = "orders",
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b"),
        ("k" = Option<String>, Query, description = "The order's key, as `ticketsUrl` has it", example = "K7hQ2v9wXyZ0aBcDeFgHiA")),
    responses(
    (status = 200, description = "One ticket a unit; the same ones whenever you ask", body = OrderTickets),
    problems::NoTickets,
))]
pub(crate) async fn find(desk: Data<Desk>, request: HttpRequest, order: Path<String>) -> Result<HttpResponse, Problem> {
    let order: OrderId = order.parse().map_err(|_| Problem::invalid("An order's id is a UUID.", Vec::new()))?;
    if !tickets::is_shown_to(&desk, &request, order) {
        return Err(Problem::not_yours());
    }
    let record = tickets::confirmed(&desk, order).await.map_err(|why| Problem::from(why).about(order))?;
    let public = desk.shop.ticket_key.public();
    let tickets = tickets::of(&desk.shop.ticket_key, &record).into_iter();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "private, no-store")).json(OrderTickets {
        order_id: order.to_string(),
        tickets: tickets.map(|ticket| TicketCode { number: ticket.number, of: ticket.of, code: ticket.code }).collect(),
        key_id: public.id().to_string(),
        public_key: public.to_string(),
        server_time: desk.now_in_words(),
    }))
}
