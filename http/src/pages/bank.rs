//! The simulated bank's pages: a card, the question whether it is you, back to the shop. Whoever has a payment's address may pay it,
//! as at a real bank; the way back opens the order only for those who had its key or its cookie on the way here.

use super::{html, language, order::event_of_pool, rendered, see_other};
use crate::{
    bank::{BankDesk, BankStep, BankView, CardTaken, TypedCard},
    body,
    desk::Desk,
    error::Problem,
    same_site, tickets, wishes,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use serde::Deserialize;
use stampede_actors::ports::PortResult;
use stampede_domain::PaymentId;
use stampede_web::{BankCardPage, BankPayment, BankStepPage, FieldError, Links, TestCard};
use std::sync::Arc;

/// The shop, as the bank names it.
const MERCHANT: &str = "Stampede Tickets";

#[derive(Deserialize)]
pub(super) struct CardForm {
    #[serde(default)]
    number: String,
    #[serde(default)]
    expiry: String,
    #[serde(default)]
    cvc: String,
}

/// What is to be done about a payment.
pub(super) async fn show(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (bank, payment) = bank(&desk, &request)?;
    let view = known(bank.view(&payment).await)?;
    page(&desk, &request, &*bank, &payment, &view, Vec::new()).await
}

/// Takes a card.
pub(super) async fn pay(desk: Data<Desk>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let (bank, payment) = taking(&desk, &request)?;
    let CardForm { number, expiry, cvc } = body::form(&request, payload).await?;
    match known(bank.pay_with(&payment, TypedCard { number, expiry, cvc }).await)? {
        CardTaken::Seen(view) => Ok(on(&desk, &request, &payment, &view)),
        CardTaken::Mistakes(mistakes) => {
            let view = known(bank.view(&payment).await)?;
            page(&desk, &request, &*bank, &payment, &view, mistakes).await
        }
    }
}

/// It is the card's owner.
pub(super) async fn approve(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (bank, payment) = taking(&desk, &request)?;
    let view = known(bank.answer_step(&payment, true).await)?;
    Ok(on(&desk, &request, &payment, &view))
}

/// It is not.
pub(super) async fn refuse(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (bank, payment) = taking(&desk, &request)?;
    let view = known(bank.answer_step(&payment, false).await)?;
    Ok(on(&desk, &request, &payment, &view))
}

/// Back to the shop without paying.
pub(super) async fn go_back(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (bank, payment) = taking(&desk, &request)?;
    let view = known(bank.go_back(&payment).await)?;
    Ok(see_other(&order_url(&desk, &request, &view)))
}

/// Who presses Enter in the address bar wants the payment.
pub(super) async fn to_payment(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let (_, payment) = bank(&desk, &request)?;
    Ok(see_other(&here(&request, &payment, "")))
}

/// The bank, where the shop has one, and the payment of the address.
fn bank(desk: &Desk, request: &HttpRequest) -> Result<(Arc<dyn BankDesk>, PaymentId), Problem> {
    let bank = desk.shop.options.paying.bank.clone().ok_or_else(Problem::not_found)?;
    let payment = PaymentId::new(request.match_info().query("payment")).map_err(|_| Problem::not_found())?;
    Ok((bank, payment))
}

/// The same, for a form of the bank's own pages.
fn taking(desk: &Desk, request: &HttpRequest) -> Result<(Arc<dyn BankDesk>, PaymentId), Problem> {
    same_site::check(desk.shop.options.public_url.as_deref(), request)?;
    bank(desk, request)
}

fn known<T>(told: PortResult<Option<T>>) -> Result<T, Problem> {
    match told {
        Ok(Some(told)) => Ok(told),
        Ok(None) => Err(Problem::not_found()),
        Err(failure) => {
            tracing::warn!(%failure, "the simulated bank does not answer");
            Err(Problem::bank_silent())
        }
    }
}

/// On to the next step, or back to the shop.
fn on(desk: &Desk, request: &HttpRequest, payment: &PaymentId, view: &BankView) -> HttpResponse {
    see_other(&match view.step {
        BankStep::NeedsCard | BankStep::NeedsStep { .. } => here(request, payment, ""),
        BankStep::Done(_) => order_url(desk, request, view),
    })
}

fn here(request: &HttpRequest, payment: &PaymentId, what: &str) -> String {
    format!("/{}{}", language(request).tag(), path(request, payment, what))
}

/// The address below the language, with the order's key that led here.
fn path(request: &HttpRequest, payment: &PaymentId, what: &str) -> String {
    let query = if request.query_string().is_empty() { String::new() } else { format!("?{}", request.query_string()) };
    format!("/bank/payments/{payment}{what}{query}")
}

fn order_url(desk: &Desk, request: &HttpRequest, view: &BankView) -> String {
    let is_shown = tickets::is_shown_to(desk, request, view.order);
    let key = if is_shown { format!("k={}&", desk.shop.signer.order_key(view.order)) } else { String::new() };
    let done = if matches!(view.step, BankStep::Done(_)) { wishes::BACK_FROM_BANK } else { "" };
    let query = format!("{key}{done}");
    let query = query.trim_end_matches('&');
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/{}/orders/{}{mark}{query}", language(request).tag(), view.order)
}

async fn page(
    desk: &Desk,
    request: &HttpRequest,
    bank: &dyn BankDesk,
    payment: &PaymentId,
    view: &BankView,
    mistakes: Vec<(&'static str, &'static str)>,
) -> Result<HttpResponse, Problem> {
    let lang = language(request);
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let links = Links::to(lang, &path(request, payment, ""));
    let page = match &view.step {
        BankStep::Done(_) => return Ok(see_other(&order_url(desk, request, view))),
        BankStep::NeedsCard => {
            let error = |(field, code): (&str, &str)| FieldError { field: field.into(), code: code.into() };
            let card = |card: crate::bank::RehearsalCard| TestCard { number: card.number.into(), does: card.does.into() };
            let page = BankCardPage {
                payment: what_is_paid(desk, view).await,
                action: here(request, payment, ""),
                back_url: here(request, payment, "/back"),
                declined: None,
                errors: mistakes.into_iter().map(error).collect(),
                test_cards: bank.cards().into_iter().map(card).collect(),
                links,
            };
            desk.shop.faces.bank_card(lang, &page)
        }
        BankStep::NeedsStep { card_ending } => {
            let page = BankStepPage {
                payment: what_is_paid(desk, view).await,
                card_ending: card_ending.clone(),
                approve_url: here(request, payment, "/approve"),
                refuse_url: here(request, payment, "/refuse"),
                links,
            };
            desk.shop.faces.bank_step(lang, &page)
        }
    };
    Ok(html(status).insert_header((header::CACHE_CONTROL, "private, no-store")).body(rendered(page)?))
}

/// Until when the shop waits is told if the shop can be asked.
async fn what_is_paid(desk: &Desk, view: &BankView) -> BankPayment {
    let hold = wishes::find(desk, view.order).await.ok().flatten();
    let shown = match &hold {
        Some(hold) => event_of_pool(desk, hold.pool).await.ok().flatten(),
        None => None,
    };
    let time_zone = shown.map(|shown| shown.event.listing.event.time_zone.clone());
    BankPayment {
        merchant: MERCHANT.to_owned(),
        description: view.what_for.clone(),
        amount_minor: view.amount.minor,
        currency: view.amount.currency.code().to_owned(),
        until_ms: hold.as_ref().filter(|_| time_zone.is_some()).map(|hold| hold.hold_until.0),
        time_zone: time_zone.unwrap_or_else(|| "UTC".to_owned()),
    }
}
