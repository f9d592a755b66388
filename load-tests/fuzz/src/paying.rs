//! Paying: what the provider's address is sent, what buyers send to pay, and rows of orders that are paid online.

use crate::{
    bytes::{Bytes, turned},
    names::NOW,
    requests::judge,
    rows::{RUNTIME, rows},
    shop::{Answer, Open, with_shop},
};
use actix_web::{rt::time::sleep, test::TestRequest};
use serde_json::Value;
use stampede_actors::ports::BadNotice;
use stampede_backends::fuzz::{HoldRows, HoldsSeen, Notices};
use stampede_domain::{HoldChange, Millis};
use std::{cell::RefCell, time::Duration};

thread_local! {
    static NOTICES: Notices = Notices::new();
    static HOLDS: HoldRows = RUNTIME.with(|runtime| runtime.block_on(HoldRows::open()));
}

/// A notice: a line with the header it is signed in, and the body. Nobody signs without the secret; what is signed is read or
/// refused in few words of ours; a turned bit is forged.
pub fn notice(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = (String::from_utf8_lossy(&data[..end]), data.get(end + 1..).unwrap_or_default());
    NOTICES.with(|notices| {
        for provider in notices.providers() {
            let signed = provider.signed(NOW, body);
            let read = provider.read(NOW, &header, body);
            assert!(matches!(read, Err(BadNotice::Forged(_))) || is_the_same(&header, &signed), "believed: {header}");
            match provider.read(NOW, &signed, body) {
                Ok(Some(notice)) => {
                    assert!(!notice.payment.as_str().is_empty() && notice.payment.as_str().len() <= 255);
                }
                Ok(None) => {}
                Err(BadNotice::Unreadable(why)) => assert!(why.len() < 100, "it may repeat what was sent: {why}"),
                Err(BadNotice::Forged(why)) => panic!("signed by the provider, and {why}"),
            }
            let bit = Bytes(data).below(u16::MAX.into());
            if !body.is_empty() {
                let damaged = turned(body, bit % (body.len() * 8));
                let read = provider.read(NOW, &signed, &damaged);
                assert!(matches!(read, Err(BadNotice::Forged(_))), "a turned bit of the body is not noticed");
            }
            let damaged = turned(signed.as_bytes(), bit % (signed.len() * 8));
            let damaged = String::from_utf8_lossy(&damaged);
            let read = provider.read(NOW, &damaged, body);
            // Hexadecimal digits may be large.
            assert!(matches!(read, Err(BadNotice::Forged(_))) || damaged.eq_ignore_ascii_case(&signed), "{damaged}");
        }
    });
}

/// Whether a header says the same: the time and the signature, with whatever stands beside them.
fn is_the_same(header: &str, signed: &str) -> bool {
    let header = header.to_ascii_lowercase();
    signed.split(',').all(|part| header.contains(part))
}

/// Rows of orders that are paid online: one of ours or refused without repeating anything; whatever was read can be judged and
/// told, and no number in it is too large for the rule.
pub fn hold_rows(data: &[u8]) {
    let mut bytes = Bytes(data);
    let [holds, payments] = HoldRows::columns().map(|columns| rows(&mut bytes, columns));
    let seen = RUNTIME.with(|runtime| HOLDS.with(|shop| runtime.block_on(shop.read(&holds, &payments))));
    let HoldsSeen { holds: read, booked, others } = seen;
    for hold in read.iter().flatten() {
        for now in [Millis(0), NOW, Millis(i64::MAX)] {
            let _ = (hold.needs(now), hold.due_at(), hold.owed_minor());
            let mut changed = hold.clone();
            let payment = hold.payments.first().map(|payment| payment.id.clone());
            let captured =
                payment.map(|payment| HoldChange::Captured { attempt: hold.attempt, payment, minor: i64::MAX });
            let changes = [HoldChange::Pay { attempt: 1 }, HoldChange::Extend, HoldChange::RunOut, HoldChange::Refund];
            changes.into_iter().chain(captured).for_each(|change| {
                let _ = changed.change(now, &change);
            });
        }
        assert!(!hold.hold_until.rfc3339().is_empty());
    }
    assert!(read.as_ref().map_or(0, Vec::len) <= holds.len());
    assert!(booked.as_ref().map_or(0, Vec::len) <= payments.len());
    for why in [read.err(), booked.err(), others.err()].into_iter().flatten() {
        assert!(why.to_string().len() < 200, "it may repeat a row: {why}");
    }
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// An order of a VIP pass, which waits to be paid.
#[derive(Clone)]
struct Held {
    order: String,
    /// `k=…`
    key: String,
}

/// What a program sends to pay, to hold longer, to give up or to have money given back: the first byte chooses. No fault, and what is
/// taken is that order's and that attempt's.
pub fn pay_json(data: &[u8]) {
    let (which, body) = data.split_first().map_or((0, data), |(which, body)| (*which, body));
    let what = ["payment", "extend", "cancel", "refund"][usize::from(which % 4)];
    with_held(async |open, held| {
        let address = format!("/api/v1/orders/{}/{what}?{}", held.order, held.key);
        let request = TestRequest::post().uri(&address).insert_header(("content-type", "application/json"));
        let answer = open.ask(request.set_payload(body.to_vec())).await;
        judge(data, &answer, false);
        let known = [202, 400, 401, 403, 404, 409, 410, 413, 415, 422, 503];
        assert!(known.contains(&answer.status.as_u16()), "{}", answer.status);
        assert!(what != "refund" || !answer.is(202), "nobody here may give money back");
        if answer.is(202) {
            let taken: Value = serde_json::from_slice(&answer.body).expect("because it is JSON");
            assert_eq!(taken["orderId"].as_str(), Some(held.order.as_str()));
            let meant = serde_json::from_slice::<Value>(body).ok().and_then(|sent| sent["attempt"].as_u64());
            assert!(what != "payment" || meant.is_none() || taken["attempt"].as_u64() == meant, "{taken}");
        }
        answer
    });
}

/// What a browser's button sends to pay: back to the order's page, or a page with a word for what is wrong.
pub fn pay_form(data: &[u8]) {
    with_held(async |open, held| {
        let address = format!("/en/orders/{}/pay?{}", held.order, held.key);
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let answer = open.ask(TestRequest::post().uri(&address).insert_header(kind).set_payload(data.to_vec())).await;
        judge(data, &answer, false);
        assert!([303, 400, 403, 413, 415, 503].contains(&answer.status.as_u16()), "{}", answer.status);
        if answer.is(303) {
            let location = answer.header("location").expect("because it leads somewhere");
            assert!(location.contains(&held.order), "to another order: {location}");
        }
        answer
    });
}

/// Asks something of an order that can still be paid; of another one, once this one cannot.
fn with_held(ask: impl AsyncFnOnce(&'static Open, &Held) -> Answer) {
    let held = HELD.take().unwrap_or_else(|| with_shop(reserve));
    let is_open = with_shop(async |open| {
        drop(ask(open, &held).await);
        let order = open.ask(TestRequest::get().uri(&format!("/api/v1/orders/{}?{}", held.order, held.key))).await;
        let order: Value = serde_json::from_slice(&order.body).unwrap_or_default();
        ["reserved", "paying"].contains(&order["status"].as_str().unwrap_or_default())
    });
    HELD.set(Some(held).filter(|_| is_open));
}

async fn reserve(open: &'static Open) -> Held {
    loop {
        let order = open.key().to_string();
        let body = format!(r#"{{"userId":"pays {order}","quantity":1,"ticketTypeId":"vip-pass"}}"#);
        let buy = TestRequest::post().uri("/api/tickets/buy").insert_header(("content-type", "application/json"));
        let bought = open.ask(buy.insert_header(("idempotency-key", order.as_str())).set_payload(body)).await;
        if bought.is(503) {
            sleep(Duration::from_millis(20)).await;
            continue;
        }
        let taken: Value = serde_json::from_slice(&bought.body).expect("because it is JSON");
        let tickets = taken["ticketsUrl"].as_str().unwrap_or_else(|| panic!("{taken}"));
        let key = tickets.split_once('?').expect("because it has a key").1.to_owned();
        open.note_order();
        let held = Held { order, key };
        loop {
            let address = format!("/api/v1/orders/{}?{}", held.order, held.key);
            let order = open.ask(TestRequest::get().uri(&address)).await;
            let order: Value = serde_json::from_slice(&order.body).unwrap_or_default();
            if order["status"] == "reserved" {
                return held;
            }
            sleep(Duration::from_millis(2)).await;
        }
    }
}
