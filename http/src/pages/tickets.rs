//! The tickets of a confirmed order, for whoever may see its details: a page, the same on paper, a date for the calendar. Everybody
//! else is sent to the order's page, which says where the order stands.

use super::{
    html, language,
    order::{base_url, event_of_pool},
    rendered, see_other,
};
use crate::{
    desk::Desk,
    error::Problem,
    tickets::{self, NoTickets},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use stampede_actors::{inventory::OrderNotShown, ports::OrderRecord};
use stampede_domain::OrderId;
use stampede_web::{Lang, TicketsPage};
use std::{sync::Arc, time::Duration};

type Address = Path<(String, String)>;

/// Shows them, to be scanned or printed.
pub(super) async fn show(desk: Data<Desk>, request: HttpRequest, address: Address) -> Result<HttpResponse, Problem> {
    let (lang, page) = match tickets(&desk, &request, &address.1).await? {
        Ok(page) => (language(&request), page),
        Err(elsewhere) => return Ok(elsewhere),
    };
    let shop = Arc::clone(&desk.shop);
    let body = rendered(tickets::print(move || shop.faces.tickets(lang, &page)).await?)?;
    Ok(html(StatusCode::OK).insert_header((header::CACHE_CONTROL, "private, no-store")).body(body))
}

/// Gives them out as a PDF.
pub(super) async fn paper(desk: Data<Desk>, request: HttpRequest, address: Address) -> Result<HttpResponse, Problem> {
    let page = match tickets(&desk, &request, &address.1).await? {
        Ok(page) => page,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let (lang, name) = (language(&request), format!("tickets-{}.pdf", page.order_id));
    let pdf = tickets::print(move || stampede_web::tickets_pdf(lang, &page)).await?.map_err(|error| {
        tracing::error!(%error, "tickets could not be printed");
        Problem::internal()
    })?;
    Ok(file(&name, "application/pdf", pdf))
}

/// Gives out the event as a calendar's entry.
pub(super) async fn calendar(
    desk: Data<Desk>,
    request: HttpRequest,
    address: Address,
) -> Result<HttpResponse, Problem> {
    let page = match tickets(&desk, &request, &address.1).await? {
        Ok(page) => page,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let calendar = stampede_web::calendar(language(&request), &page);
    Ok(file(&format!("tickets-{}.ics", page.order_id), "text/calendar; charset=utf-8", calendar.into_bytes()))
}

fn file(name: &str, kind: &'static str, bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(bytes)
}

/// The tickets, or where to look instead.
async fn tickets(
    desk: &Desk,
    request: &HttpRequest,
    order: &str,
) -> Result<Result<TicketsPage, HttpResponse>, Problem> {
    let order: OrderId = order.parse().map_err(|_| Problem::from(OrderNotShown::NotFound))?;
    let lang = language(request);
    let to_order = |key: &str| Ok(Err(see_other(&format!("/{}/orders/{order}{key}", lang.tag()))));
    if !tickets::is_shown_to(desk, request, order) {
        return to_order("");
    }
    let key = format!("?k={}", desk.shop.signer.order_key(order));
    match tickets::confirmed(desk, order).await {
        Ok(record) => Ok(Ok(page(desk, request, lang, &record, &key).await?)),
        Err(NoTickets::Standing(_)) => to_order(&key),
        Err(NoTickets::Problem(problem)) => Err(problem),
    }
}

async fn page(
    desk: &Desk,
    request: &HttpRequest,
    lang: Lang,
    record: &OrderRecord,
    key: &str,
) -> Result<TicketsPage, Problem> {
    let not_now = || Problem::from(OrderNotShown::NotKnownYet { retry_after: Duration::from_secs(1) });
    let shown = event_of_pool(desk, record.pool).await?.ok_or_else(not_now)?;
    let base = base_url(desk, request);
    let event = &shown.event.listing.event;
    tickets::page(lang, &desk.shop.ticket_key, record, event, (&base, key)).ok_or_else(not_now)
}
