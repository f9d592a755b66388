//! The cookies: who this browser is (random, for limits of people without an e-mail), what it bought (sealed), and in which language
//! it went to pay. All are needed for buying, none tells anybody else anything.

use crate::desk::Desk;
use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};
use stampede_domain::OrderId;
use stampede_web::Lang;

/// Orders a browser is remembered for: a cookie has 4 KB, an order 16 bytes.
const MOST_ORDERS: usize = 40;
/// How long: until well after the festival.
const KEPT: Duration = Duration::days(400);

/// The browser's random name, if it has one.
pub(super) fn session(desk: &Desk, request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(&name(desk, "buyer"))?;
    let fine = (16..=64).contains(&cookie.value().len()) && cookie.value().bytes().all(|byte| byte.is_ascii_graphic());
    fine.then(|| cookie.value().to_owned())
}

/// A cookie with a fresh random name.
pub(super) fn new_session(desk: &Desk) -> Cookie<'static> {
    cookie(desk, "buyer", desk.keys.fresh().0.simple().to_string())
}

/// The orders this browser may see.
pub(crate) fn orders(desk: &Desk, request: &HttpRequest) -> Vec<OrderId> {
    let cookie = request.cookie(&name(desk, "orders"));
    cookie.map(|cookie| desk.shop.signer.unseal(cookie.value())).unwrap_or_default()
}

/// A cookie with one order more; the oldest are forgotten first.
pub(super) fn with_order(desk: &Desk, request: &HttpRequest, order: OrderId) -> Cookie<'static> {
    let mut orders = orders(desk, request);
    orders.retain(|other| *other != order);
    orders.push(order);
    let first = orders.len().saturating_sub(MOST_ORDERS);
    cookie(desk, "orders", desk.shop.signer.seal(&orders[first..]))
}

/// The language that this browser went to pay in.
pub(super) fn language(desk: &Desk, request: &HttpRequest) -> Option<Lang> {
    Lang::from_tag(request.cookie(&name(desk, "language"))?.value())
}

/// A cookie with the language: a payment provider sends everybody back to the same address, and it has none.
pub(super) fn with_language(desk: &Desk, lang: Lang) -> Cookie<'static> {
    cookie(desk, "language", lang.tag().to_owned())
}

/// `__Host-` keeps other hosts from setting it, and needs TLS; a laptop has none.
fn name(desk: &Desk, what: &str) -> String {
    if desk.shop.is_behind_tls() { format!("__Host-stampede_{what}") } else { format!("stampede_{what}") }
}

fn cookie(desk: &Desk, what: &str, value: String) -> Cookie<'static> {
    Cookie::build(name(desk, what), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(desk.shop.is_behind_tls())
        .max_age(KEPT)
        .finish()
}
