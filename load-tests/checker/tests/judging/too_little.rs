//! A verdict over too little is none; what the protocol allows is no breach.

use crate::sale::{Sale, body, fault, promised, row};
use stampede_checker::{Enough, Outcome, Refusal, What};
use stampede_domain::{OrderStatus, laws::Law};

#[track_caller]
fn too_little(change: impl FnOnce(&mut Sale), words: &str) {
    let mut sale = Sale::that_went_well();
    change(&mut sale);
    let report = sale.judge();
    assert!(!report.is_clean() && report.too_little.iter().any(|why| why.contains(words)), "{words}: {report}");
}

#[test]
fn too_few_of_anything_is_said() {
    let set = |set: fn(&mut Enough)| move |sale: &mut Sale| set(&mut sale.expected.enough);
    too_little(set(|enough| enough.buys = 14), "13 requests to buy");
    too_little(set(|enough| enough.accepted = 6), "5 orders told 202");
    too_little(set(|enough| enough.replays = 2), "1 replays");
    too_little(set(|enough| enough.unknown = 4), "3 unknown");
    too_little(set(|enough| enough.faults = 2), "1 faults that took effect");
    too_little(set(|enough| enough.kinds = 2), "1 kinds");
    // Nothing was in flight when it struck.
    let hit_nothing = |sale: &mut Sale| (sale.expected.enough.faults, sale.expected.enough.in_flight) = (1, 1);
    too_little(hit_nothing, "0 faults hit 1 requests in flight");
}

#[test]
fn a_fault_without_effect_proves_nothing() {
    too_little(|sale| sale.fault().effect = None, "took no effect");
}

#[test]
fn a_fault_counts_who_was_in_flight() {
    let mut sale = Sale::that_went_well();
    (sale.expected.enough.faults, sale.expected.enough.in_flight) = (1, 1);
    sale.fault().began_ms = 72;
    let report = sale.judge();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.counts.in_flight, 1);
}

#[test]
fn nobody_who_looked_whether_all_was_decided() {
    too_little(|sale| sale.history.events.retain(|event| event.what != What::AllDecided {}), "nobody saw");
}

#[test]
fn a_history_that_contradicts_itself_proves_nothing() {
    too_little(|sale| sale.history.events[3].at_ms = 0, "steps back");
    too_little(
        |sale| sale.history.events.retain(|event| !matches!(event.what, What::Asked { call: 1, .. })),
        "not asked before",
    );
    let again = |sale: &mut Sale| {
        let first = sale.history.events[0].what.clone();
        sale.history.events.last_mut().unwrap().what = first;
    };
    too_little(again, "began twice");
}

#[test]
fn as_many_promises_may_break_as_units_were_claimed_when_the_ledger_was_lost() {
    let mut sale = Sale::that_went_well();
    // Two orders in flight when it was lost; their units were sold again, to others.
    sale.row(3).status = OrderStatus::Rejected;
    sale.then_buy(10, body(10, 2), promised(2));
    let mut bought = row(10, 2);
    bought.status = OrderStatus::Confirmed;
    sale.book(bought);
    sale.fault().lost_units = Some(0);
    assert_eq!(sale.judge().of(Law::EveryPromiseDecided).count(), 1);
    sale.fault().lost_units = Some(1);
    let report = sale.judge();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.counts.broken_promises, report.counts.may_break), (1, 1));
}

#[test]
fn an_unknown_outcome_may_be_anything() {
    for status in [OrderStatus::Expired, OrderStatus::Rejected, OrderStatus::Failed] {
        let mut sale = Sale::that_went_well();
        sale.row(7).status = status;
        assert!(sale.judge().is_clean(), "{status:?}: {}", sale.judge());
    }
    let mut sale = Sale::that_went_well();
    sale.books.rows.retain(|row| row.order != crate::sale::order(7));
    assert!(sale.judge().is_clean(), "no row: {}", sale.judge());
    // Never answered, and confirmed: unknown, too.
    let mut sale = Sale::that_went_well();
    *sale.outcome(5, 1) = Outcome::Unknown;
    assert!(sale.judge().is_clean(), "confirmed: {}", sale.judge());
}

#[test]
fn what_was_asked_for_before_a_fault_was_over_does_not_show_that_202s_flow_again() {
    let mut sale = Sale::that_went_well();
    // Asked for at 40, told at 43, and the next one is asked for at 95.
    (sale.fault().began_ms, sale.fault().over_ms) = (41, 42);
    assert_eq!(sale.judge().counts.slowest_recovery_ms, 56);
}

#[test]
fn what_is_being_settled_may_be_hidden_twice_for_a_moment() {
    let mut sale = Sale::that_went_well();
    *sale.outcome(8, 0) = Outcome::Refused(Refusal::SoldOut { finally: false });
    assert!(!sale.judge().is_clean());
    sale.expected.hidden_twice_ms = 60;
    assert!(sale.judge().is_clean(), "{}", sale.judge());
}

#[test]
fn a_shop_that_may_be_closed_longer_is_not_late() {
    let mut sale = Sale::that_went_well();
    sale.expected.flows_within_ms = Some(10);
    assert!(!sale.judge().is_clean());
    sale.fault().grace_ms = 8;
    assert!(sale.judge().is_clean(), "{}", sale.judge());
}

#[test]
fn a_fault_that_another_one_follows_is_not_judged_by_the_next_202() {
    let mut sale = Sale::that_went_well();
    sale.expected.flows_within_ms = Some(17);
    assert_eq!(sale.judge().of(stampede_checker::Rule::Liveness).count(), 1);
    let next = stampede_checker::Event { at_ms: 151, what: What::Fault(fault(90, 99)) };
    sale.history.events.push(next);
    let report = sale.judge();
    assert_eq!(report.of(stampede_checker::Rule::Liveness).count(), 0, "{report}");
}
