//! The order's page: its state for whoever has its address, its details for whoever bought it.

use super::{
    hold::{self, Seen},
    html_leading_to, language, rendered,
};
use crate::{
    desk::{Desk, PATIENCE},
    door::Visitor,
    error::Problem,
    money, tickets, wishes,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use stampede_actors::{
    inventory::{EventShown, FindEvent, FindOrder, ListEvents, OrderFound, OrderNotShown},
    ports::OrderRecord,
};
use stampede_domain::{Hold, Millis, OnlinePayment, OrderId, OrderStatus, Payment, PoolId, TicketType};
use stampede_web::{CancelledView, ExpiredView, Links, OrderDetails, OrderPage, OrderStatusView};

/// Shows an order.
pub(super) async fn show(
    desk: Data<Desk>,
    request: HttpRequest,
    address: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let order: OrderId = address.1.parse().map_err(|_| Problem::from(OrderNotShown::NotFound))?;
    let details = tickets::is_shown_to(&desk, &request, order);
    let found = desk.mailboxes.find_order.ask_within(PATIENCE, FindOrder { order, details }).await?;
    let found = match found {
        Ok(found) => Some(found),
        Err(OrderNotShown::NotKnownYet { .. }) => None,
        Err(OrderNotShown::NotFound) => return Err(OrderNotShown::NotFound.into()),
    };
    let event = event_of(&desk, found.as_ref().and_then(|found| found.record.as_ref())).await?;
    let hold = match &found {
        Some(found) if details => hold_of(&desk, order, found, &event).await,
        _ => None,
    };
    let page = page(&desk, &request, order, details, found, hold.as_ref(), &event);
    let body = rendered(desk.shop.faces.order(language(&request), &page))?;
    let paying = &desk.shop.options.paying;
    Ok(html_leading_to(paying.pay_origin.as_deref(), StatusCode::OK)
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(body))
}

/// How the payment stands. Only orders that may have one are looked for; what cannot be read now is left out, and the page says less.
async fn hold_of(desk: &Desk, order: OrderId, found: &OrderFound, shown: &EventShown) -> Option<Hold> {
    let may_have_one = match found.status {
        OrderStatus::Reserved | OrderStatus::Paying | OrderStatus::Expiring | OrderStatus::Refunded => true,
        OrderStatus::Confirmed | OrderStatus::Expired | OrderStatus::Cancelled => {
            found.record.as_ref().and_then(|record| type_of(shown, record)).is_some_and(|of| of.hold().is_some())
        }
        OrderStatus::Pending | OrderStatus::Rejected | OrderStatus::Failed => false,
    };
    if may_have_one { wishes::find(desk, order).await.ok().flatten() } else { None }
}

/// The ticket type of an order, when its event is shown.
fn type_of<'a>(shown: &'a EventShown, record: &OrderRecord) -> Option<&'a TicketType> {
    tickets::type_of(&shown.event.listing.event, record.pool)
}

/// The event of an order; while its row is not written, the featured one stands for it.
async fn event_of(desk: &Desk, record: Option<&OrderRecord>) -> Result<EventShown, Problem> {
    if let Some(record) = record
        && let Some(shown) = event_of_pool(desk, record.pool).await?
    {
        return Ok(shown);
    }
    Ok(desk.mailboxes.find_event.ask(FindEvent(None)).await??)
}

/// The event whose tickets a pool has, when it is shown.
pub(super) async fn event_of_pool(desk: &Desk, pool: PoolId) -> Result<Option<EventShown>, Problem> {
    let events = desk.mailboxes.list_events.ask(ListEvents).await??;
    Ok(events.into_iter().find(|shown| shown.event.types.iter().any(|on_sale| on_sale.pool == pool)))
}

fn page(
    desk: &Desk,
    request: &HttpRequest,
    order: OrderId,
    details: bool,
    found: Option<OrderFound>,
    hold: Option<&Hold>,
    shown: &EventShown,
) -> OrderPage {
    let lang = language(request);
    let event = &shown.event.listing.event;
    let signed = details.then(|| format!("?k={}", desk.shop.signer.order_key(order)));
    let path = format!("/orders/{order}{}", signed.as_deref().unwrap_or(""));
    let record = found.as_ref().and_then(|found| found.record.as_ref()).filter(|_| details);
    let ticket_type = record.and_then(|record| type_of(shown, record));
    let is_back = wishes::is_back_from_bank(request);
    let seen = Seen {
        lang,
        key: signed.as_deref().unwrap_or(""),
        now: desk.now(),
        is_back,
        online: ticket_type.and_then(online),
    };
    let status = match (hold, &found) {
        (Some(hold), _) => hold::status(hold, &seen),
        (None, Some(found)) => status(found),
        (None, None) => OrderStatusView::Unknown,
    };
    let has_tickets = matches!(status, OrderStatusView::Confirmed { .. });
    let tickets_url = signed.as_deref().filter(|_| has_tickets);
    OrderPage {
        id: order.to_string(),
        status_url: status_url(order, hold.and(signed.as_deref()), is_back),
        status,
        event_name: event.name.clone(),
        event_url: format!("/{}/events/{}", lang.tag(), event.slug),
        place: event.place.clone(),
        starts_at_ms: Millis::from(event.starts_at).0,
        time_zone: event.time_zone.clone(),
        now_ms: seen.now.0,
        details: record.zip(ticket_type).and_then(|(record, of)| order_details(record, of, hold)),
        tickets_url: tickets_url.map(|key| format!("/{}/orders/{order}/tickets{key}", lang.tag())),
        signed_url: signed.is_some().then(|| format!("{}/{}{path}", base_url(desk, request), lang.tag())),
        links: Links::to(lang, &path),
    }
}

/// What the page's script asks. It has to be told as much as the page was, or it would think that something had moved.
fn status_url(order: OrderId, key: Option<&str>, is_back: bool) -> String {
    match key {
        Some(key) if is_back => format!("/api/orders/{order}{key}&{}", wishes::BACK_FROM_BANK),
        key => format!("/api/orders/{order}{}", key.unwrap_or("")),
    }
}

fn status(found: &OrderFound) -> OrderStatusView {
    match found.status {
        OrderStatus::Pending => OrderStatusView::Pending,
        OrderStatus::Reserved => OrderStatusView::Reserved { hold: None },
        OrderStatus::Paying => OrderStatusView::Paying { continue_url: None, until_ms: None, declined: None },
        OrderStatus::Expiring => OrderStatusView::Checking { out_of_time: true, bank_is_silent: false },
        OrderStatus::Confirmed => OrderStatusView::Confirmed { receipt: None, refund: None },
        OrderStatus::Cancelled => OrderStatusView::Cancelled { how: CancelledView::NoLongerValid, refund: None },
        OrderStatus::Refunded => OrderStatusView::Refunded { refund: None },
        OrderStatus::Rejected => {
            OrderStatusView::Rejected { reason: found.reason.map_or("", |reason| reason.as_str()).to_owned() }
        }
        OrderStatus::Expired => OrderStatusView::Expired { after: ExpiredView::NotTaken },
        OrderStatus::Failed => OrderStatusView::Failed,
    }
}

fn online(ticket_type: &TicketType) -> Option<OnlinePayment> {
    match ticket_type.payment {
        Payment::AtTheGate => None,
        Payment::Online(online) => Some(online),
    }
}

fn order_details(record: &OrderRecord, ticket_type: &TicketType, hold: Option<&Hold>) -> Option<OrderDetails> {
    let total = money::total(ticket_type, record.quantity, hold)?;
    Some(OrderDetails {
        ticket_type: ticket_type.name.clone(),
        quantity: record.quantity,
        name: record.contact.name.clone().unwrap_or_default(),
        email: record.contact.email.clone().unwrap_or_default(),
        total_minor: total.minor,
        currency: total.currency.code().to_owned(),
        paid_at_gate: ticket_type.payment == Payment::AtTheGate,
    })
}

/// The shop's address as the shopper knows it.
pub(super) fn base_url(desk: &Desk, request: &HttpRequest) -> String {
    match &desk.shop.options.public_url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            // Not what `Forwarded` says of the host: anybody can write that, and the link would lead to them.
            let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            let by_tls = Visitor::of(request, &desk.shop.options.door.proxies).https;
            format!("{}://{host}", if by_tls { "https" } else { "http" })
        }
    }
}
