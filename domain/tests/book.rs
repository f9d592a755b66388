//! The ledger's book and the judge at their edges: the last millisecond, another opening, a promise that is broken.

use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, Millis, OrderId, OrderRefused, PoolId, PoolNumbers, RejectReason,
    Settlement,
    decide::{Offer, PoolRow, Verdict, Want, decide},
    event::Terms,
    key,
    ledger::{BACKLOG_LIFE, Broken, ClaimAnswer, ClaimRequest, INTENT_LIFE, Known, Opening, PoolBook, PromiseAnswer},
};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

const OPENED: Millis = Millis(1_700_000_000_000);
const EPOCH: u64 = 3;
const REVISION: u64 = 7;
const MS: Duration = Duration::from_millis(1);
const BODY: Fingerprint = Fingerprint(9);
const OTHER_BODY: Fingerprint = Fingerprint(10);
const SOLD_OUT: Decision = Decision::Rejected(RejectReason::SoldOut);

fn terms() -> Terms {
    Terms {
        opens_at: OPENED.minus(Duration::from_hours(1)),
        closes_at: OPENED.plus(Duration::from_hours(1)),
        paused: false,
        limit_per_buyer: None,
    }
}

fn opening() -> Opening {
    Opening {
        epoch: EPOCH,
        numbers: PoolNumbers { capacity: 100, held: 0, sold: 0, version: 5 },
        terms: terms(),
        buyers: Vec::new(),
        undecided: Vec::new(),
        virgin: true,
        drained: true,
        revision: REVISION,
    }
}

fn book() -> PoolBook {
    PoolBook::open(OPENED, &opening())
}

/// A key made at a moment.
fn key_of(made: Millis, number: u8) -> OrderId {
    let bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, number];
    OrderId(uuid::Builder::from_unix_timestamp_millis(made.0.unsigned_abs(), &bytes).into_uuid())
}

fn order(number: u8) -> OrderId {
    key_of(OPENED, number)
}

fn request(order: OrderId) -> ClaimRequest {
    ClaimRequest { order, quantity: 2, buyer: BuyerId::from_user_id("eva"), fingerprint: BODY, looked_up: None }
}

fn attempt(answer: ClaimAnswer) -> u64 {
    match answer {
        ClaimAnswer::Claimed { attempt } => attempt,
        other => panic!("claimed, not {other:?}"),
    }
}

/// A settlement that says something of orders, and of nothing else.
fn settlement(decided: &[(OrderId, Decision, Fingerprint)]) -> Settlement {
    let decided =
        decided.iter().map(|&(order, decision, fingerprint)| Decided { order, fingerprint, decision }).collect();
    Settlement { pool: PoolId(1), numbers: PoolNumbers::default(), decided, buyers: Vec::new() }
}

#[test]
fn a_sale_begins_and_ends_at_its_very_millisecond() {
    let closes_at = OPENED.plus(Duration::from_secs(1));
    let opening = Opening { terms: Terms { opens_at: OPENED, closes_at, ..terms() }, ..opening() };
    let at = |now| PoolBook::open(OPENED, &opening).claim(now, &request(order(1)));
    assert_eq!(at(OPENED.minus(MS)), ClaimAnswer::Refused(OrderRefused::NotOpen { opens_at: OPENED }));
    attempt(at(OPENED));
    attempt(at(closes_at.minus(MS)));
    assert_eq!(at(closes_at), ClaimAnswer::Refused(OrderRefused::SaleOver));
}

#[test]
fn a_claim_bears_a_name_of_its_opening_that_no_other_claim_bears() {
    let mut book = book();
    let first = attempt(book.claim(OPENED, &request(order(1))));
    assert_eq!(first >> 32, EPOCH);
    book.withdraw(OPENED, order(1), first);
    assert_eq!(book.numbers().claims, 0);
    let second = attempt(book.claim(OPENED, &request(order(1))));
    assert_eq!(second >> 32, EPOCH);
    book.withdraw(OPENED, order(1), first);
    assert_eq!(book.numbers().claims, 1, "a late withdrawal takes nobody else's claim");
}

#[test]
fn an_intent_lives_to_its_last_millisecond() {
    let mut book = book();
    attempt(book.claim(OPENED, &request(order(1))));
    let last = OPENED.plus(INTENT_LIFE);
    assert_eq!(book.clone().promise(last, order(1), BODY), PromiseAnswer::Promised);
    assert_eq!(book.clone().claim(last, &request(order(1))), ClaimAnswer::Resumed);
    assert_eq!(book.clone().pick(last, 10), []);
    assert_eq!(book.claims_older_than(last, INTENT_LIFE, 10), []);

    let late = last.plus(MS);
    assert_eq!(book.claims_older_than(late, INTENT_LIFE, 10), [order(1)]);
    assert_eq!(book.clone().promise(late, order(1), BODY), PromiseAnswer::Refused);
    assert_eq!(book.clone().claim(late, &request(order(1))), ClaimAnswer::Expiring);
    let picked: Vec<_> = book.pick(late, 10).iter().map(|picked| picked.order).collect();
    assert_eq!(picked, [order(1)]);
}

#[test]
fn rules_of_another_opening_or_of_an_older_revision_are_not_taken() {
    let mut book = book();
    let mut paused_by = |epoch, revision| {
        book.set_terms(epoch, revision, Terms { paused: true, ..terms() });
        let is_paused = book.claim(OPENED, &request(order(1))) == ClaimAnswer::Refused(OrderRefused::Paused);
        let now = book.revision();
        book = self::book();
        is_paused.then_some(now)
    };
    assert_eq!(paused_by(EPOCH - 1, REVISION + 1), None);
    assert_eq!(paused_by(EPOCH + 1, REVISION + 1), None);
    assert_eq!(paused_by(EPOCH, REVISION - 1), None);
    assert_eq!(paused_by(EPOCH, REVISION), Some(REVISION));
    assert_eq!(paused_by(EPOCH, REVISION + 1), Some(REVISION + 1));
}

#[test]
fn messages_from_before_the_opening_are_awaited_for_a_lease_and_no_longer() {
    let book = PoolBook::open(OPENED, &Opening { drained: false, ..opening() });
    let over = OPENED.plus(BACKLOG_LIFE);
    assert!(book.awaits_backlog(over.minus(MS)) && !book.awaits_backlog(over));
}

#[test]
fn a_limit_counts_whatever_number_a_buyer_has() {
    let opening = Opening { terms: Terms { limit_per_buyer: Some(3), ..terms() }, ..opening() };
    for buyer in [i64::MIN, -1, 0, 63, 64, i64::MAX].map(BuyerId) {
        let mut book = PoolBook::open(OPENED, &opening);
        attempt(book.claim(OPENED, &ClaimRequest { buyer, ..request(order(1)) }));
        let answer = book.claim(OPENED, &ClaimRequest { buyer, ..request(order(2)) });
        assert_eq!(answer, ClaimAnswer::Refused(OrderRefused::LimitReached { limit: 3, taken: 2 }), "{buyer:?}");
    }
}

#[test]
fn a_decision_is_told_to_nobody_with_another_body() {
    let mut book = book();
    book.settle(OPENED, &settlement(&[(order(1), Decision::Confirmed, BODY)]));
    assert_eq!(book.promise(OPENED, order(1), BODY), PromiseAnswer::Decided(Decision::Confirmed));
    assert_eq!(book.promise(OPENED, order(1), OTHER_BODY), PromiseAnswer::Refused);
}

#[test]
fn a_note_that_is_dropped_is_known_no_more() {
    let mut book = book();
    book.settle(OPENED, &settlement(&[(order(1), Decision::Confirmed, BODY)]));
    assert!(matches!(book.find(order(1)), Known::Noted(_)));
    book.forget_oldest_notes();
    assert_eq!(book.find(order(1)), Known::Nothing);
    assert!(matches!(book.claim(OPENED, &request(order(1))), ClaimAnswer::LookUpFirst(_)));
}

#[test]
fn a_promise_is_broken_by_every_fate_but_the_confirmation_of_its_body() {
    let broken_by = |decision, fingerprint| {
        let mut book = book();
        for number in 1..=3 {
            attempt(book.claim(OPENED, &request(order(number))));
        }
        for number in 1..=2 {
            assert_eq!(book.promise(OPENED, order(number), BODY), PromiseAnswer::Promised);
        }
        // The third one was promised nothing.
        book.settle(OPENED, &settlement(&[1, 2, 3].map(|number| (order(number), decision, fingerprint))))
    };
    let broken = |decided_otherwise| Broken { decided_otherwise, ledger_lost: 0 };
    assert_eq!(broken_by(Decision::Confirmed, BODY), broken(0));
    assert_eq!(broken_by(Decision::Confirmed, OTHER_BODY), broken(2));
    for decision in [SOLD_OUT, Decision::Rejected(RejectReason::LimitReached), Decision::Expired, Decision::Failed] {
        assert_eq!(broken_by(decision, BODY), broken(2), "{decision:?}");
    }
}

/// The last key that may have been promised by an earlier book: its time may lie ahead of our clock.
fn last_old_key(number: u8) -> OrderId {
    key_of(OPENED.plus(key::AHEAD), number)
}

#[test]
fn a_rejection_of_what_a_lost_book_may_have_promised_is_counted_apart() {
    let opened = || PoolBook::open(OPENED, &Opening { virgin: false, ..opening() });
    let lost = |ledger_lost| Broken { decided_otherwise: 0, ledger_lost };
    let rejected = |orders: &[OrderId]| -> Vec<_> { orders.iter().map(|order| (*order, SOLD_OUT, BODY)).collect() };
    let old = [last_old_key(1), key_of(OPENED.minus(Duration::from_mins(1)), 2)];

    let mut book = opened();
    assert_eq!(book.settle(OPENED, &settlement(&rejected(&old))), lost(2));
    assert_eq!(book.settle(OPENED, &settlement(&rejected(&old))), lost(0), "told again, it is known");
    let young = key_of(OPENED.plus(key::AHEAD).plus(MS), 3);
    assert_eq!(book.settle(OPENED, &settlement(&rejected(&[young]))), lost(0), "no earlier book knew it");

    for decision in [Decision::Confirmed, Decision::Expired, Decision::Failed] {
        assert_eq!(opened().settle(OPENED, &settlement(&[(old[0], decision, BODY)])), lost(0), "{decision:?}");
    }
    let virgin = &mut self::book();
    assert_eq!(virgin.settle(OPENED, &settlement(&rejected(&old))), lost(0), "there was no earlier book");
}

/// It was settled before, and its note had to make room: nobody was told anything else since.
#[test]
fn a_rejection_that_may_have_been_forgotten_is_no_broken_promise() {
    let key = last_old_key(1);
    let own = key.time().minus(key::AHEAD);
    let lost_when_dropped_until = |dropped_until| {
        let mut image = PoolBook::open(OPENED, &Opening { virgin: false, ..opening() }).image();
        image.dropped_until = Some(dropped_until);
        let broken = PoolBook::of_image(&image).settle(OPENED, &settlement(&[(key, SOLD_OUT, BODY)]));
        broken.ledger_lost
    };
    assert_eq!([own.minus(MS), own, own.plus(MS)].map(lost_when_dropped_until), [1, 0, 0]);
}

#[test]
fn broken_promises_of_several_pools_are_added_up() {
    let mut sum = Broken { decided_otherwise: 1, ledger_lost: 2 };
    sum += Broken { decided_otherwise: 3, ledger_lost: 5 };
    assert_eq!(sum, Broken { decided_otherwise: 4, ledger_lost: 7 });
}

#[test]
fn the_end_of_a_dead_letter_is_taken_from_the_opening_in_force_and_from_no_other() {
    for (epoch, expected) in
        [(EPOCH - 1, Verdict::Fenced), (EPOCH, Verdict::New(Decision::Failed)), (EPOCH + 1, Verdict::Fenced)]
    {
        let mut row = PoolRow { numbers: opening().numbers, epoch: EPOCH, limit_per_buyer: None, hold: None };
        let want = Want::Fail { epoch };
        let offer = Offer { order: order(1), quantity: 1, buyer: BuyerId(1), fingerprint: BODY, want };
        assert_eq!(decide(&mut row, &mut HashMap::new(), &HashMap::new(), &[offer]), [expected]);
        assert_eq!(row.numbers.version, 5 + u64::from(epoch == EPOCH), "only a decision is a new version");
    }
}

#[test]
fn an_order_id_is_where_its_time_says() {
    assert_eq!(order(1).time(), OPENED);
    assert_eq!(OrderId(Uuid::max()).time(), Millis((1 << 48) - 1));
}

/// Every change raises the version, so what is of the same version says the same; it is not taken all the same.
#[test]
fn only_what_is_newer_than_the_book_is_taken() {
    let opening = Opening { terms: Terms { limit_per_buyer: Some(3), ..terms() }, ..opening() };
    let eva = BuyerId::from_user_id("eva");
    let after = |version| {
        let mut book = PoolBook::open(OPENED, &Opening { buyers: vec![(eva, 1)], ..opening.clone() });
        let numbers = PoolNumbers { sold: 7, version, ..opening.numbers };
        book.settle(OPENED, &Settlement { numbers, buyers: vec![(eva, 2)], ..settlement(&[]) });
        (book.numbers().settled.sold, book.claim(OPENED, &request(order(1))))
    };
    for older in [opening.numbers.version - 1, opening.numbers.version] {
        let (sold, answer) = after(older);
        assert_eq!(sold, 0);
        attempt(answer);
    }
    let (sold, answer) = after(opening.numbers.version + 1);
    assert_eq!((sold, answer), (7, ClaimAnswer::Refused(OrderRefused::LimitReached { limit: 3, taken: 2 })));
}
