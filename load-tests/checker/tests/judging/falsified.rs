//! A check that cannot fail is a defect: every law's check is given a sale that went well and one lie, and must notice it.

use crate::sale::{Sale, body, order, promised, replayed, row};
use stampede_checker::{Event, Outcome, Refusal, Rule, What};
use stampede_domain::{BuyerId, Fingerprint, OrderStatus, PoolId, laws::Law};

const SOLD_OUT: Outcome = Outcome::Refused(Refusal::SoldOut { finally: false });
const KEY_REUSED: Outcome = Outcome::Refused(Refusal::KeyReused);

fn told(status: OrderStatus) -> Outcome {
    Outcome::Told { status }
}

/// The lie must break this rule, with these words, and be found about this order, if it is about one.
#[track_caller]
fn noticed(falsify: impl FnOnce(&mut Sale), rule: impl Into<Rule>, words: &str, about: Option<u8>) {
    let mut sale = Sale::that_went_well();
    falsify(&mut sale);
    let report = sale.judge();
    let about = about.map(order);
    let found = report
        .of(rule)
        .any(|breach| breach.how.contains(words) && about.is_none_or(|about| breach.orders.contains(&about)));
    assert!(found, "nobody noticed: {words}\n{report}");
}

#[test]
fn a_sale_that_went_well_is_clean() {
    let report = Sale::that_went_well().judge();
    assert!(report.is_clean(), "{report}");
    let counts = &report.counts;
    assert_eq!((counts.buys, counts.orders, counts.accepted, counts.replays), (13, 9, 5, 1));
    assert_eq!((counts.refused, counts.put_off, counts.unknown, counts.looks), (3, 1, 3, 1));
    assert_eq!((counts.rows, counts.sold, counts.effective_faults, counts.slowest_recovery_ms), (7, 10, 1, 18));
    assert_eq!((counts.oversold, counts.lost, counts.double, counts.leaked, counts.broken_promises), (0, 0, 0, 0, 0));
}

#[test]
fn more_units_than_there_are() {
    let oversell = |sale: &mut Sale| {
        sale.then_buy(10, body(10, 1), promised(1));
        let mut row = row(10, 1);
        row.status = OrderStatus::Confirmed;
        sale.book(row);
    };
    noticed(oversell, Law::NeverOversold, "11 units of 10 are sold", None);
    noticed(|sale| sale.books.pools[0].store.capacity = 11, Law::NeverOversold, "capacity is 11", None);
    noticed(|sale| sale.books.pools[0].store.sold = 9, Law::NeverOversold, "by the pool's", None);
    noticed(|sale| sale.row(2).quantity = 1, Law::NeverOversold, "9 live units", None);
}

#[test]
fn an_order_with_two_fates() {
    let twice = |sale: &mut Sale| {
        let again = sale.row(3).clone();
        sale.books.rows.push(again);
    };
    noticed(twice, Law::OneFate, "more than one row", Some(3));
    noticed(|sale| sale.row(7).version = 21, Law::OneFate, "newer than the pool", Some(7));
    noticed(|sale| sale.row(7).status = OrderStatus::Pending, Law::OneFate, "pending", Some(7));
    noticed(|sale| sale.books.pools.clear(), Law::OneFate, "no row of its own", None);
}

#[test]
fn a_fate_that_was_told_and_taken_back() {
    let ended = |status| Outcome::Refused(Refusal::Ended(status));
    noticed(
        |sale| sale.then_look(7, told(OrderStatus::Confirmed)),
        Law::OneFate,
        "told to be confirmed, and the row is expired",
        Some(7),
    );
    noticed(|sale| sale.then_look(2, told(OrderStatus::Pending)), Law::OneFate, "and then to be pending", Some(2));
    noticed(|sale| sale.then_buy(2, body(2, 2), promised(2)), Law::OneFate, "and then to be pending", Some(2));
    noticed(
        |sale| sale.then_look(6, told(OrderStatus::Rejected)),
        Law::OneFate,
        "told to be expired and to be rejected",
        Some(6),
    );
    noticed(
        |sale| sale.then_buy(1, body(1, 2), ended(OrderStatus::Rejected)),
        Law::OneFate,
        "the row is confirmed",
        Some(1),
    );
    noticed(|sale| sale.then_look(11, told(OrderStatus::Rejected)), Law::OneFate, "there is no row", Some(11));
    // Beside each other both are wrong, whichever was first.
    let beside = |sale: &mut Sale| {
        for (call, status) in [(501, OrderStatus::Expired), (502, OrderStatus::Rejected)] {
            let ask = stampede_checker::Ask::Look { order: order(7) };
            sale.history.events.push(Event { at_ms: 200, what: What::Asked { call, ask } });
            sale.history.events.insert(
                sale.history.events.len(),
                Event { at_ms: 200, what: What::Answered { call, outcome: told(status) } },
            );
        }
        let last = sale.history.events.len();
        sale.history.events.swap(last - 2, last - 3);
    };
    noticed(beside, Law::OneFate, "told to be", Some(7));
}

#[test]
fn a_promise_without_an_end() {
    noticed(
        |sale| sale.books.rows.retain(|row| row.order != order(3)),
        Law::EveryPromiseDecided,
        "there is no row",
        Some(3),
    );
    noticed(|sale| sale.row(3).status = OrderStatus::Reserved, Law::EveryPromiseDecided, "still reserved", Some(3));
    noticed(
        |sale| sale.row(3).status = OrderStatus::Rejected,
        Law::EveryPromiseDecided,
        "told 202, and rejected",
        Some(3),
    );
    noticed(
        |sale| sale.row(3).status = OrderStatus::Expired,
        Law::EveryPromiseDecided,
        "told 202, and expired",
        Some(3),
    );
    noticed(|sale| sale.then_look(3, Outcome::NotFound), Law::EveryPromiseDecided, "and then not to be", Some(3));
    noticed(|sale| sale.books.bus.waiting = 1, Law::EveryPromiseDecided, "1 messages still wait", None);
    noticed(|sale| sale.books.bus.dead_letters = 1, Law::EveryPromiseDecided, "1 dead letters", None);
}

#[test]
fn a_row_without_a_request() {
    noticed(|sale| sale.forget_requests(7), Law::EveryPromiseDecided, "nobody asked for", Some(7));
    let refused = |sale: &mut Sale| *sale.outcome(7, 0) = SOLD_OUT;
    let confirmed_though_refused = move |sale: &mut Sale| {
        refused(sale);
        sale.row(7).status = OrderStatus::Rejected;
    };
    noticed(confirmed_though_refused, Law::EveryPromiseDecided, "only refused or put off", Some(7));
    let put_off = |sale: &mut Sale| {
        *sale.outcome(5, 0) = Outcome::PutOff;
        *sale.outcome(5, 1) = Outcome::PutOff;
    };
    noticed(put_off, Law::EveryPromiseDecided, "only refused or put off", Some(5));
    noticed(|sale| sale.row(7).pool = PoolId(8), Law::EveryPromiseDecided, "sells nothing", Some(7));
}

#[test]
fn a_key_of_two_orders() {
    noticed(|sale| sale.row(3).fingerprint = Fingerprint(1), Law::KeyIsOrder, "body or buyer", Some(3));
    noticed(|sale| sale.row(7).buyer = BuyerId(1), Law::KeyIsOrder, "body or buyer that was not asked", Some(7));
    noticed(
        |sale| sale.then_buy(3, body(33, 2), promised(2)),
        Law::KeyIsOrder,
        "for another body or buyer than the row's",
        Some(3),
    );
    noticed(
        |sale| *sale.outcome(4, 0) = promised(1),
        Law::KeyIsOrder,
        "2 units were asked for, 1 were promised",
        Some(4),
    );
    noticed(|sale| *sale.outcome(2, 0) = replayed(2), Law::KeyIsOrder, "nobody had asked before", Some(2));
    noticed(|sale| sale.then_buy(4, body(4, 2), promised(2)), Law::KeyIsOrder, "as if for the first time", Some(4));
    noticed(|sale| sale.then_buy(4, body(4, 2), SOLD_OUT), Law::KeyIsOrder, "told 202, and then SoldOut", Some(4));
    noticed(|sale| sale.then_buy(10, body(10, 2), KEY_REUSED), Law::KeyIsOrder, "and it was not", Some(10));
}

#[test]
fn a_leak() {
    noticed(
        |sale| sale.books.pools[0].ledger.as_mut().unwrap().claimed = 1,
        Law::NothingLeaks,
        "claims of 1 units",
        None,
    );
    noticed(|sale| sale.books.pools[0].ledger.as_mut().unwrap().claims = 1, Law::NothingLeaks, "1 claims", None);
    noticed(
        |sale| sale.books.pools[0].ledger.as_mut().unwrap().free = 1,
        Law::NothingLeaks,
        "1 units can be bought",
        None,
    );
    noticed(
        |sale| sale.books.pools[0].ledger.as_mut().unwrap().settled.version = 19,
        Law::NothingLeaks,
        "the ledger says",
        None,
    );
    noticed(|sale| sale.row(5).status = OrderStatus::Expired, Law::NothingLeaks, "2 units were not sold", None);
}

#[test]
fn a_limit_that_did_not_hold() {
    let hoard = |sale: &mut Sale| (3..=5).for_each(|number| sale.row(number).buyer = BuyerId(1));
    noticed(hoard, Law::LimitsHold, "a buyer has 8 units, and may have 4", Some(5));
    noticed(|sale| sale.books.pools[0].buyers[0].1 = 1, Law::LimitsHold, "kept units of 1 buyers", None);
}

#[test]
fn money_and_holds_that_nobody_has() {
    noticed(|sale| sale.row(7).status = OrderStatus::Refunded, Law::MoneyAdds, "nothing is paid here", Some(7));
    noticed(|sale| sale.row(7).status = OrderStatus::Reserved, Law::HoldsAreFair, "nothing is held here", Some(7));
}

#[test]
fn an_answer_that_is_not_honest() {
    let strange = || Outcome::Strange { what: "500".into() };
    noticed(|sale| *sale.outcome(6, 0) = strange(), Rule::HonestAnswers, "nobody may get: 500", Some(6));
    noticed(|sale| *sale.outcome(6, 0) = told(OrderStatus::Confirmed), Rule::HonestAnswers, "in answer to", Some(6));
    let ended_well = || Outcome::Refused(Refusal::Ended(OrderStatus::Confirmed));
    noticed(|sale| *sale.outcome(6, 1) = ended_well(), Rule::HonestAnswers, "in answer to", Some(6));
    noticed(
        |sale| sale.then_look(12, told(OrderStatus::Pending)),
        Rule::HonestAnswers,
        "that nobody asked for",
        Some(12),
    );
    let refuse = |refusal| move |sale: &mut Sale| *sale.outcome(8, 0) = Outcome::Refused(refusal);
    noticed(refuse(Refusal::Paused), Rule::HonestAnswers, "the sale was open all the time", Some(8));
    noticed(refuse(Refusal::NotOpen), Rule::HonestAnswers, "the sale was open all the time", Some(8));
    noticed(refuse(Refusal::SaleOver), Rule::HonestAnswers, "the sale was open all the time", Some(8));
    noticed(refuse(Refusal::TooManyAtOnce), Rule::HonestAnswers, "not too many", Some(8));
    noticed(refuse(Refusal::Limit), Rule::HonestAnswers, "0 units at most", Some(8));
}

#[test]
fn sold_out_while_units_were_free() {
    // Nine units can have been taken when it was said: seven orders' worth, of which one was given back by nobody yet.
    noticed(|sale| *sale.outcome(8, 0) = SOLD_OUT, Rule::HonestAnswers, "at most 9 of 10 can have been taken", Some(8));
    // Given back long ago: what expired hides nothing for ever.
    let much_later = |sale: &mut Sale| {
        sale.expected.claim_life_ms = 1_000;
        sale.row(5).status = OrderStatus::Expired;
        sale.history.events.last_mut().unwrap().at_ms = 5_000;
        sale.then_buy(10, body(10, 1), SOLD_OUT);
    };
    noticed(much_later, Rule::HonestAnswers, "at most 8 of 10 can have been taken", None);
    let for_ever = |sale: &mut Sale| {
        sale.books.pools[0].store.sold = 9;
    };
    noticed(for_ever, Rule::HonestAnswers, "9 of 10 are sold in the end", Some(9));
    // Everything is sold in the end, and was not when it was said.
    let too_early = |sale: &mut Sale| *sale.outcome(8, 0) = Outcome::Refused(Refusal::SoldOut { finally: true });
    noticed(too_early, Rule::HonestAnswers, "sold out for ever, and at most 9 of 10", Some(8));
}

#[test]
fn a_shop_that_does_not_come_back() {
    noticed(|sale| sale.expected.flows_within_ms = Some(17), Rule::Liveness, "no 202 for 18 ms", None);
    let in_grace = |sale: &mut Sale| (sale.expected.flows_within_ms, sale.fault().grace_ms) = (Some(10), 7);
    noticed(in_grace, Rule::Liveness, "no 202 for 18 ms", None);
    noticed(|sale| sale.expected.decided_within_ms = Some(69), Rule::Liveness, "70 ms after the last fault", None);
}
