//! Rows of the files, as anybody with an editor or a bad disk may leave them.

use crate::bytes::Bytes;
use stampede_backends::fuzz::{Cell, QueueRows, Row, ShopRows, ShopSeen};
use stampede_domain::{Event, OrderStatus};
use tokio::runtime::{Builder, Runtime};

thread_local! {
    pub(crate) static RUNTIME: Runtime = Builder::new_current_thread().enable_all().build().expect("because a runtime can be built");
    static QUEUE: QueueRows = RUNTIME.with(|runtime| runtime.block_on(QueueRows::open()));
    static SHOP: ShopRows = RUNTIME.with(|runtime| runtime.block_on(ShopRows::open()));
}

/// Most rows of a table: strange ones side by side are no stranger than one.
const MOST: usize = 3;

fn cell(bytes: &mut Bytes<'_>) -> Cell {
    match bytes.byte() % 6 {
        0 => Cell::Null,
        1 => Cell::Integer(bytes.number()),
        2 => Cell::Integer(i64::from(bytes.byte())),
        3 => Cell::Real(f64::from_le_bytes(bytes.array())),
        4 => {
            let length = bytes.below(4096);
            Cell::Text(bytes.text(length))
        }
        _ => {
            let length = bytes.below(4096);
            Cell::Blob(bytes.take(length).to_vec())
        }
    }
}

pub(crate) fn rows(bytes: &mut Bytes<'_>, columns: usize) -> Vec<Row> {
    let count = if bytes.is_empty() { 0 } else { 1 + bytes.below(MOST) };
    (0..count).map(|_| (0..columns).map(|_| cell(bytes)).collect()).collect()
}

/// The queue: a record that was damaged is delivered as bytes, and hides no other, so that it can be set aside.
pub fn queue_rows(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (of_message, of_letter) = QueueRows::columns();
    let (messages, letters) = (rows(&mut bytes, of_message), rows(&mut bytes, of_letter));
    let seen = RUNTIME.with(|runtime| QUEUE.with(|queue| runtime.block_on(queue.read(&messages, &letters))));
    let seen = seen.unwrap_or_else(|error| panic!("a damaged record hides the others: {error}"));
    assert_eq!(seen.delivered.len(), seen.waiting.len(), "a start sees what is delivered");
    assert!(seen.delivered.len() <= messages.len() && seen.letters.len() <= letters.len());
    for (delivered, waiting) in seen.delivered.iter().zip(&seen.waiting) {
        assert_eq!(*delivered, waiting.payload);
        let told = stampede_actors::wire::known(delivered, waiting.label);
        assert!(told.is_none_or(|intent| !intent.order.to_string().is_empty()));
    }
}

/// The shop: a row is read as one of ours or refused in words of ours; what is read can be told.
pub fn shop_rows(data: &[u8]) {
    let mut bytes = Bytes(data);
    let [orders, events, buyers, pools] = ShopRows::columns();
    let [orders, events, buyers, pools] = [orders, events, buyers, pools].map(|columns| rows(&mut bytes, columns));
    let seen = RUNTIME.with(|runtime| SHOP.with(|shop| runtime.block_on(shop.read(&orders, &events, &buyers, &pools))));
    let ShopSeen { orders: read, buyers: units, listings, others } = seen;
    for order in read.iter().flatten() {
        assert_eq!(order.reason.is_some(), order.reason.is_some_and(|reason| !reason.as_str().is_empty()));
        assert!(OrderStatus::ALL.contains(&order.status));
        assert!(!order.asked_at.rfc3339().is_empty() && !order.decided_at.rfc3339().is_empty());
    }
    assert!(read.as_ref().map_or(0, Vec::len) <= orders.len());
    assert!(units.as_ref().is_ok_and(|units| units.iter().all(|(_, units)| *units > 0)) || units.is_err());
    for listing in listings.iter().flatten() {
        let written = serde_json::to_string(&listing.event).expect("because it was read from JSON");
        assert_eq!(serde_json::from_str::<Event>(&written).ok().as_ref(), Some(&listing.event));
    }
    // What is said of an event may repeat it: it is on a page for everybody. Of orders nothing may.
    for (why, most) in [(read.err(), 200), (units.err(), 200), (others.err(), 200), (listings.err(), 8192)] {
        let why = why.map(|error| error.to_string()).unwrap_or_default();
        assert!(why.len() < most, "it may repeat a row: {why}");
    }
}
