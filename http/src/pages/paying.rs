//! The buttons of an order that is held: pay, hold it longer, give it up. Each leads back to the order's page, which says what came
//! of it, or on to the bank.

use super::{cookies, hold, language, see_other};
use crate::{body, desk::Desk, error::Problem, same_site, tickets, wishes};
use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use serde::Deserialize;
use stampede_actors::{inventory::OrderNotShown, lane::Wish};
use stampede_domain::{Hold, OrderId, OrderStatus};

type Address = Path<(String, String)>;

/// The form that all three buttons are in.
#[derive(Debug, Default, Deserialize)]
struct Form {
    #[serde(default)]
    attempt: String,
}

/// Begins to pay.
pub(super) async fn pay(
    desk: Data<Desk>,
    request: HttpRequest,
    address: Address,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let order = of_buyer(&desk, &request, &address.1)?;
    let form: Form = body::form(&request, payload).await?;
    let attempt = form.attempt.trim().parse().ok().filter(|attempt| *attempt > 0);
    let attempt: u32 = attempt.ok_or_else(|| Problem::malformed("The form has no number of an attempt.".to_owned()))?;
    let Some(before) = asked(&desk, order, Wish::Pay { attempt }).await? else {
        return Ok(back(&desk, &request, order));
    };
    let now = if wishes::can_go_on(&before, attempt) {
        Some(before)
    } else {
        wishes::soon(&desk, order, |hold| wishes::can_go_on(hold, attempt)).await
    };
    let bank = now.filter(|hold| hold.status == OrderStatus::Paying && hold.attempt == attempt);
    let mut onwards = match bank.and_then(|hold| to_bank(&desk, &request, &hold)) {
        Some(there) => there,
        None => back(&desk, &request, order),
    };
    let spoken = cookies::with_language(&desk, language(&request));
    onwards.add_cookie(&spoken).map_err(|_| Problem::internal())?;
    Ok(onwards)
}

/// Holds it longer.
pub(super) async fn extend(desk: Data<Desk>, request: HttpRequest, address: Address) -> Result<HttpResponse, Problem> {
    let order = of_buyer(&desk, &request, &address.1)?;
    if asked(&desk, order, Wish::Extend).await?.is_some() {
        wishes::soon(&desk, order, |hold| hold.extended || hold.status != OrderStatus::Reserved).await;
    }
    Ok(back(&desk, &request, order))
}

/// Gives it up.
pub(super) async fn cancel(desk: Data<Desk>, request: HttpRequest, address: Address) -> Result<HttpResponse, Problem> {
    let order = of_buyer(&desk, &request, &address.1)?;
    if asked(&desk, order, Wish::Cancel).await?.is_some_and(|before| before.status == OrderStatus::Reserved) {
        wishes::soon(&desk, order, |hold| hold.status != OrderStatus::Reserved).await;
    }
    Ok(back(&desk, &request, order))
}

/// Who presses Enter in the address bar wants the order.
pub(super) async fn to_order(request: HttpRequest, address: Address) -> HttpResponse {
    let query = if request.query_string().is_empty() { String::new() } else { format!("?{}", request.query_string()) };
    see_other(&format!("/{}/orders/{}{query}", language(&request).tag(), address.1))
}

/// The order whose page the form is on, for whoever may see its details. Forms are taken from our own pages only, with a signed link
/// too: it may be in a page of somebody who was sent it.
fn of_buyer(desk: &Desk, request: &HttpRequest, order: &str) -> Result<OrderId, Problem> {
    same_site::check(desk.shop.options.public_url.as_deref(), request)?;
    let order: OrderId = order.parse().map_err(|_| Problem::from(OrderNotShown::NotFound))?;
    if tickets::is_shown_to(desk, request, order) { Ok(order) } else { Err(Problem::not_yours_to_change()) }
}

/// The order as it stood when the wish was taken down. `None`: its page says why not, better than any message would.
async fn asked(desk: &Desk, order: OrderId, wish: Wish) -> Result<Option<Hold>, Problem> {
    match wishes::ask(desk, order, wish).await {
        Ok(before) => Ok(Some(before)),
        Err(problem) if matches!(problem.status, StatusCode::CONFLICT | StatusCode::GONE) => Ok(None),
        // Nobody knows: the page finds out.
        Err(problem) if problem.order.is_some() => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn back(desk: &Desk, request: &HttpRequest, order: OrderId) -> HttpResponse {
    see_other(&format!("/{}/orders/{order}?k={}", language(request).tag(), desk.shop.signer.order_key(order)))
}

/// To the bank's page, where a form may lead there; the order's page links to every other.
fn to_bank(desk: &Desk, request: &HttpRequest, hold: &Hold) -> Option<HttpResponse> {
    let page = hold.page.as_deref().filter(|page| desk.shop.options.paying.leads_to(page))?;
    let key = format!("?k={}", desk.shop.signer.order_key(hold.order));
    hold::bank_url(page, language(request), &key).map(|url| see_other(&url))
}
