//! For the fuzz targets: what the door reads, one function each. In no shop (feature `fuzz`).

use crate::{
    door::{Proxies, Visitor},
    signing::Signer,
};
use actix_web::HttpRequest;
use stampede_actors::inventory::EventShown;
use stampede_domain::OrderId;
use stampede_web::{FaceError, Faces, Lang};
use std::net::IpAddr;

/// Whom a request is from, and whether they came by TLS.
#[must_use]
pub fn visitor(request: &HttpRequest, proxies: &Proxies) -> (Option<IpAddr>, bool) {
    let Visitor { address, https } = Visitor::of(request, proxies);
    (address, https)
}

/// The cookie of a browser that bought these orders.
#[must_use]
pub fn seal(secret: &[u8], orders: &[OrderId]) -> String {
    Signer::new(secret).seal(orders)
}

/// The orders of a cookie; none when it is not ours.
#[must_use]
pub fn unseal(secret: &[u8], sealed: &str) -> Vec<OrderId> {
    Signer::new(secret).unseal(sealed)
}

/// The `k` of an order's link.
#[must_use]
pub fn order_key(secret: &[u8], order: OrderId) -> String {
    Signer::new(secret).order_key(order)
}

/// Whether a `k` opens an order.
#[must_use]
pub fn is_order_key(secret: &[u8], order: OrderId, key: &str) -> bool {
    Signer::new(secret).is_order_key(order, key)
}

/// The page of an event in a language.
///
/// # Errors
/// A page that did not come out of its template.
pub fn event_page(faces: &Faces, lang: Lang, shown: &EventShown) -> Result<String, FaceError> {
    crate::pages::event_page(faces, lang, shown)
}
