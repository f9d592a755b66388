//! Paying for orders, holding them longer, giving them up, giving their money back.

use super::{
    problems,
    wire::{PayRequest, RefundRequest, WishTaken},
};
use crate::{
    body,
    desk::Desk,
    error::Problem,
    paying::{self, Organizer},
    wishes,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path, Payload},
};
use stampede_actors::lane::Wish;
use stampede_domain::{Hold, HoldRefused, OrderId, OrderStatus, hold::MAX_ATTEMPTS};

/// Begins to pay for a reserved order.
///
/// The provider is asked for a payment, which takes a moment: the answer has its `payUrl` if it was there at once, else the order
/// has it soon. Asking again for the same attempt is the same payment, whatever happened to the first answer; without a number the
/// one under way is meant, else the next one.
#[utoipa::path(post, path = "/api/v1/orders/{order}/payment", operation_id = "payOrder", tag = "paying", request_body = Option<PayRequest>,
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b"),
        ("k" = Option<String>, Query, description = "The order's key, as `ticketsUrl` has it", example = "K7hQ2v9wXyZ0aBcDeFgHiA"),
        ("Idempotency-Key" = Option<String>, Header, description = "The number of the attempt, from 1, as `attempt` in the body")),
    responses(
    (status = 202, description = "Taken down; asked again it is the same payment", body = WishTaken<'static>,
     headers(("Location" = String, description = "Where to ask for the order"))),
    problems::WishProblems,
))]
pub(crate) async fn pay(
    desk: Data<Desk>,
    request: HttpRequest,
    order: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let order = order_id(&order)?;
    wishes::check_access(&desk, &request, order)?;
    let sent: Option<PayRequest> = body::json_if_any(&request, payload).await?;
    let attempt = match attempt(&request, sent.and_then(|sent| sent.attempt))? {
        Some(attempt) => attempt,
        None => match wishes::find(&desk, order).await? {
            Some(hold) => wishes::attempt_meant(&hold),
            None => return Err(wishes::why_no_hold(&desk, order).await),
        },
    };
    let before = wishes::ask(&desk, order, Wish::Pay { attempt }).await?;
    // An attempt of an order that has ended since is known, and nothing to wait for.
    if matches!(before.status, OrderStatus::Expired | OrderStatus::Cancelled | OrderStatus::Refunded) {
        return Err(Problem::hold_refused(HoldRefused::Ended(before.status)).about(order));
    }
    let now = if wishes::can_go_on(&before, attempt) {
        before
    } else {
        wishes::soon(&desk, order, |hold| wishes::can_go_on(hold, attempt)).await.unwrap_or(before)
    };
    Ok(taken(&desk, &now, attempt))
}

/// Holds a reserved order longer, once.
#[utoipa::path(post, path = "/api/v1/orders/{order}/extend", operation_id = "extendOrder", tag = "paying",
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b"),
        ("k" = Option<String>, Query, description = "The order's key, as `ticketsUrl` has it", example = "K7hQ2v9wXyZ0aBcDeFgHiA")),
    responses(
    (status = 202, description = "Taken down", body = WishTaken<'static>, headers(("Location" = String, description = "Where to ask for the order"))),
    problems::PlainWishProblems,
))]
pub(crate) async fn extend(
    desk: Data<Desk>,
    request: HttpRequest,
    order: Path<String>,
) -> Result<HttpResponse, Problem> {
    let order = order_id(&order)?;
    wishes::check_access(&desk, &request, order)?;
    let before = wishes::ask(&desk, order, Wish::Extend).await?;
    let now = wishes::soon(&desk, order, |hold| hold.extended || hold.status != OrderStatus::Reserved).await;
    let now = now.unwrap_or(before);
    Ok(taken(&desk, &now, now.attempt))
}

/// Gives a reserved order up: its tickets are there for others at once.
#[utoipa::path(post, path = "/api/v1/orders/{order}/cancel", operation_id = "cancelOrder", tag = "paying",
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b"),
        ("k" = Option<String>, Query, description = "The order's key, as `ticketsUrl` has it", example = "K7hQ2v9wXyZ0aBcDeFgHiA")),
    responses(
    (status = 202, description = "Taken down", body = WishTaken<'static>, headers(("Location" = String, description = "Where to ask for the order"))),
    problems::PlainWishProblems,
))]
pub(crate) async fn cancel(
    desk: Data<Desk>,
    request: HttpRequest,
    order: Path<String>,
) -> Result<HttpResponse, Problem> {
    let order = order_id(&order)?;
    wishes::check_access(&desk, &request, order)?;
    let before = wishes::ask(&desk, order, Wish::Cancel).await?;
    let now = match before.status {
        OrderStatus::Cancelled => before,
        _ => wishes::soon(&desk, order, |hold| hold.status != OrderStatus::Reserved).await.unwrap_or(before),
    };
    Ok(taken(&desk, &now, now.attempt))
}

/// Gives the money of a paid order back and takes its tickets. For the organizer.
#[utoipa::path(post, path = "/api/v1/orders/{order}/refund", operation_id = "refundOrder", tag = "paying", request_body = RefundRequest,
    security(("organizer" = [])),
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")),
    responses(
    (status = 202, description = "Taken down: the tickets are no longer good, the money is on its way", body = WishTaken<'static>,
     headers(("Location" = String, description = "Where to ask for the order"))),
    problems::RefundProblems,
))]
pub(crate) async fn refund(
    desk: Data<Desk>,
    request: HttpRequest,
    order: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    match paying::organizer(desk.shop.options.paying.organizer.as_ref(), &request) {
        Organizer::Proven => {}
        Organizer::Unknown => return Err(Problem::organizers_only()),
        Organizer::Other => return Err(Problem::not_the_organizer()),
    }
    let order = order_id(&order)?;
    let RefundRequest { reason } = body::json(&request, payload).await?;
    let before = wishes::ask(&desk, order, Wish::Refund { reason }).await?;
    let now = match before.status {
        OrderStatus::Refunded => before,
        _ => wishes::soon(&desk, order, |hold| hold.status == OrderStatus::Refunded).await.unwrap_or(before),
    };
    // Whoever may give money back need not see whose it was.
    Ok(told(&desk, &now, now.attempt, ""))
}

fn order_id(text: &str) -> Result<OrderId, Problem> {
    text.parse().map_err(|_| Problem::invalid("An order's id is a UUID.", Vec::new()))
}

/// The attempt that was named, in the body or as the key; both must name the same.
fn attempt(request: &HttpRequest, in_body: Option<u32>) -> Result<Option<u32>, Problem> {
    let Some(key) = request.headers().get("idempotency-key") else { return Ok(in_body) };
    let key: Option<u32> = key.to_str().ok().and_then(|key| key.trim().trim_matches('"').parse().ok());
    match key.filter(|key| (1..=MAX_ATTEMPTS).contains(key)) {
        Some(key) if in_body.is_none_or(|attempt| attempt == key) => Ok(Some(key)),
        _ => {
            let detail = format!(
                "The Idempotency-Key of a payment is the number of its attempt, 1 to {MAX_ATTEMPTS}, and the same as attempt in the body. \
                 The order's own answer says which attempt is next."
            );
            Err(Problem::invalid(detail, Vec::new()))
        }
    }
}

/// To a buyer, with the order's key.
fn taken(desk: &Desk, hold: &Hold, attempt: u32) -> HttpResponse {
    told(desk, hold, attempt, &format!("?k={}", desk.shop.signer.order_key(hold.order)))
}

fn told(desk: &Desk, hold: &Hold, attempt: u32, key: &str) -> HttpResponse {
    let order_id = hold.order.to_string();
    let status_url = ["/api/v1/orders/", &order_id, key].concat();
    let mut response = HttpResponse::Accepted();
    response.insert_header((header::LOCATION, status_url.as_str())).insert_header((header::CACHE_CONTROL, "no-store"));
    response.json(WishTaken {
        order_id,
        status: hold.status.as_str(),
        payment: wishes::payment_word(hold, desk.now(), false),
        attempt: Some(attempt).filter(|attempt| *attempt > 0),
        pay_url: hold.page.clone(),
        hold_until: hold.hold_until.rfc3339(),
        status_url,
        server_time: desk.now_in_words(),
    })
}
