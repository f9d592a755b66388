//! What the contracts of the order store and of the catalogue share: a rig, a fair, and entries to be judged.

use stampede_actors::ports::{Catalogue, Entry, HoldStore, OrderStore, Outbox};
use stampede_domain::{
    BuyerId, Contact, Event, Fingerprint, Intent, Millis, OnlinePayment, OrderId, Payment, PoolId, decide::Want,
    laws::check_store,
};
use std::sync::Arc;

/// A shop, open.
pub(crate) struct Shop {
    pub(crate) store: Arc<dyn OrderStore>,
    pub(crate) holds: Arc<dyn HoldStore>,
    pub(crate) outbox: Arc<dyn Outbox>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
}

/// Opens the same shop again and again, also twice at once. Dropping one without closing it is a crash.
pub(crate) trait StoreRig: Sync {
    async fn open(&self) -> Shop;
}

pub(crate) const NOW: Millis = Millis(1_700_000_000_000);

/// A fair with two ticket types.
pub(crate) fn fair(capacities: [u32; 2], limits: [Option<u32>; 2]) -> Event {
    let document = r#"{"slug":"fair","name":"Fair","place":"Here","starts_at":"2027-08-19T14:00:00Z",
        "ends_at":"2027-08-22T01:00:00Z","time_zone":"Europe/Vienna",
        "texts":{"de":{"title":"a","lead":""},"en":{"title":"a","lead":""}},
        "ticket_types":[{"id":"day","name":"Day","price":{"minor":100,"currency":"EUR"},"payment":"at_the_gate",
        "capacity":1,"max_per_order":6,"sale":{"opens_at":"2026-01-01T00:00:00Z","closes_at":"2027-08-19T14:00:00Z"}}]}"#;
    let mut event: Event = serde_json::from_str(document).unwrap();
    let mut night = event.ticket_types[0].clone();
    night.id = "night".parse().unwrap();
    event.ticket_types.push(night);
    for (ticket_type, (capacity, limit)) in event.ticket_types.iter_mut().zip(capacities.into_iter().zip(limits)) {
        (ticket_type.capacity, ticket_type.limit_per_buyer) = (capacity, limit);
    }
    event
}

/// The same with its first ticket type paid online: ten minutes, 10 cents for the shop.
pub(crate) fn paid_fair(capacities: [u32; 2], limits: [Option<u32>; 2]) -> Event {
    let mut event = fair(capacities, limits);
    let online = OnlinePayment { hold_minutes: 10, fee_minor: 10, vat_basis_points: 0 };
    event.ticket_types[0].payment = Payment::Online(online);
    event
}

pub(crate) fn day() -> PoolId {
    PoolId::of(&"fair".parse().unwrap(), &"day".parse().unwrap())
}

pub(crate) fn night() -> PoolId {
    PoolId::of(&"fair".parse().unwrap(), &"night".parse().unwrap())
}

pub(crate) fn id(number: u32) -> OrderId {
    OrderId(uuid::Uuid::from_u128(1_700_000_000_000 << 80 | 0x7000_8000_0000_0000_0000 | u128::from(number)))
}

pub(crate) fn entry(number: u32, quantity: u32) -> Entry {
    let intent = Intent {
        order: id(number),
        pool: day(),
        quantity,
        buyer: BuyerId(i64::from(number % 7)),
        fingerprint: Fingerprint(i64::from(number)),
        asked_at: NOW,
        contact: Contact::default(),
        trace: None,
    };
    Entry { intent, want: Want::Place }
}

/// An order of one unit by somebody who can be written to.
pub(crate) fn mailed(number: u32) -> Entry {
    from("Eva@Example.org ", number)
}

pub(crate) fn from(email: &str, number: u32) -> Entry {
    let mut entry = entry(number, 1);
    entry.intent.contact = Contact { email: Some(email.into()), name: Some("Eva".into()), ..Contact::default() };
    entry
}

pub(crate) async fn assert_sound(shop: &Shop) {
    for audit in shop.store.audit().await.unwrap() {
        assert_eq!(check_store(audit.pool, &audit.sums), [], "{audit:?}");
    }
}
