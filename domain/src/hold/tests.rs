use super::*;
use crate::{decide::PoolRow, pool::PoolNumbers};
use HoldAnswer::{Changed, Refused, Unchanged};
use OrderStatus as S;
use iso_currency::Currency;
use std::collections::HashMap;

const UNTIL: Millis = Millis(1_000);
const IN_TIME: Millis = Millis(999);

fn reserved() -> Hold {
    Hold {
        order: "018bcfe5-6807-7000-8000-000000000000".parse().unwrap(),
        pool: PoolId(1),
        quantity: 2,
        buyer: BuyerId(7),
        fingerprint: Fingerprint(1),
        amount: Money { minor: 99_800, currency: Currency::EUR },
        status: S::Reserved,
        hold_until: UNTIL,
        extended: false,
        attempt: 0,
        paying_at: Millis(0),
        page: None,
        decline: None,
        paid_by: None,
        payments: vec![],
        look_at: Millis(0),
        changed_at: Millis(0),
    }
}

fn id(text: &str) -> PaymentId {
    PaymentId::new(text).unwrap()
}

fn captured(attempt: u32, minor: i64) -> HoldChange {
    HoldChange::Captured { attempt, payment: id(&format!("pay_{attempt}")), minor }
}

fn after(changes: &[(Millis, HoldChange)]) -> Hold {
    let mut hold = reserved();
    for (now, change) in changes {
        hold.change(*now, change);
    }
    hold
}

const PAY: HoldChange = HoldChange::Pay { attempt: 1 };
const DECLINED: HoldChange = HoldChange::Failed { attempt: 1, why: Decline::Declined };

#[test]
fn paying_in_time_confirms_once() {
    let mut hold = reserved();
    assert_eq!(hold.change(IN_TIME, &PAY), Changed);
    assert_eq!(hold.change(IN_TIME, &PAY), Unchanged, "a double click");
    assert_eq!(hold.change(UNTIL, &captured(1, 99_800)), Changed, "the money may come after the time");
    assert_eq!((hold.status, hold.owed_minor()), (S::Confirmed, 0));
    assert_eq!(hold.change(UNTIL, &captured(1, 99_800)), Unchanged, "a webhook and a poll");
    assert_eq!(hold.change(UNTIL, &DECLINED), Unchanged, "what is paid is paid");
    assert_eq!(hold.change(UNTIL, &HoldChange::RunOut), Unchanged);
}

#[test]
fn nobody_begins_to_pay_at_the_end_or_after_it() {
    let mut hold = reserved();
    assert_eq!(hold.change(UNTIL, &PAY), Refused(HoldRefused::OutOfTime));
    assert_eq!(hold, reserved());
}

#[test]
fn a_hold_is_never_released_early() {
    for mut hold in [reserved(), after(&[(Millis(1), PAY)])] {
        let before = hold.clone();
        assert_eq!(hold.change(IN_TIME, &HoldChange::RunOut), Refused(HoldRefused::TooEarly));
        assert_eq!(hold, before);
    }
    assert_eq!(after(&[(UNTIL, HoldChange::RunOut)]).status, S::Expired);
}

#[test]
fn out_of_time_while_paying_waits_for_the_provider() {
    let expiring = after(&[(IN_TIME, PAY), (UNTIL, HoldChange::RunOut)]);
    assert_eq!((expiring.status, expiring.needs(UNTIL)), (S::Expiring, vec![Need::Cancellation]));
    let mut cancelled = expiring.clone();
    cancelled.change(UNTIL, &HoldChange::Failed { attempt: 1, why: Decline::Cancelled });
    assert_eq!(cancelled.status, S::Expired);
    let mut paid = expiring;
    paid.change(UNTIL, &captured(1, 99_800));
    assert_eq!(paid.status, S::Confirmed);
}

#[test]
fn who_is_declined_tries_again_while_time_remains_and_not_after() {
    let mut hold = after(&[(IN_TIME, PAY), (IN_TIME, DECLINED)]);
    assert_eq!((hold.status, hold.decline), (S::Reserved, Some(Decline::Declined)));
    assert_eq!(
        hold.change(IN_TIME, &HoldChange::Pay { attempt: 3 }),
        Refused(HoldRefused::NotTheNextAttempt { next: 2 })
    );
    assert_eq!(hold.change(IN_TIME, &HoldChange::Pay { attempt: 2 }), Changed);
    assert_eq!(hold.change(UNTIL, &HoldChange::Failed { attempt: 2, why: Decline::Lost }), Changed);
    assert_eq!((hold.status, hold.needs(UNTIL)), (S::Reserved, vec![Need::RunOut]));
    assert_eq!(hold.change(UNTIL, &HoldChange::Pay { attempt: 3 }), Refused(HoldRefused::OutOfTime));
}

#[test]
fn late_money_goes_back_once() {
    let mut hold = after(&[
        (IN_TIME, PAY),
        (UNTIL, HoldChange::RunOut),
        (UNTIL, HoldChange::Failed { attempt: 1, why: Decline::Lost }),
        (UNTIL, captured(1, 99_800)),
    ]);
    assert_eq!(hold.status, S::Expired);
    let repayment = Need::Repayment { payment: id("pay_1"), minor: 99_800 };
    assert_eq!(hold.needs(UNTIL), [repayment]);
    assert_eq!(hold.change(UNTIL, &HoldChange::Repaid { payment: id("pay_1"), minor: 99_800 }), Changed);
    assert_eq!(hold.change(UNTIL, &HoldChange::Repaid { payment: id("pay_1"), minor: 99_800 }), Unchanged);
    assert_eq!(hold.needs(UNTIL), []);
}

#[test]
fn money_of_an_earlier_attempt_pays_for_nothing_and_goes_back() {
    let hold = after(&[
        (IN_TIME, PAY),
        (IN_TIME, DECLINED),
        (IN_TIME, HoldChange::Pay { attempt: 2 }),
        (IN_TIME, captured(1, 99_800)),
    ]);
    assert_eq!((hold.status, hold.owed_minor()), (S::Paying, 99_800));
    let mut hold = hold;
    hold.change(IN_TIME, &captured(2, 99_800));
    assert_eq!((hold.status, hold.owed_minor()), (S::Confirmed, 99_800));
}

#[test]
fn another_sum_than_was_asked_for_pays_for_nothing() {
    let hold = after(&[(IN_TIME, PAY), (IN_TIME, captured(1, 99_799))]);
    assert_eq!((hold.status, hold.owed_minor()), (S::Reserved, 99_799));
}

#[test]
fn a_refund_gives_all_of_it_back() {
    let mut hold = after(&[(IN_TIME, PAY), (IN_TIME, captured(1, 99_800))]);
    assert_eq!(hold.change(UNTIL, &HoldChange::Cancel), Refused(HoldRefused::AlreadyPaid));
    assert_eq!(hold.change(UNTIL, &HoldChange::Refund), Changed);
    assert_eq!(hold.change(UNTIL, &HoldChange::Refund), Unchanged);
    assert_eq!((hold.status, hold.owed_minor()), (S::Refunded, 99_800));
    assert_eq!(reserved().change(IN_TIME, &HoldChange::Refund), Refused(HoldRefused::NotPaid));
}

#[test]
fn a_buyer_gets_more_time_once_and_only_in_time() {
    let mut hold = reserved();
    assert_eq!(hold.change(IN_TIME, &HoldChange::Extend), Changed);
    assert_eq!(hold.hold_until, UNTIL.plus(EXTENSION));
    assert_eq!(hold.change(IN_TIME, &HoldChange::Extend), Refused(HoldRefused::AlreadyExtended));
    assert_eq!(reserved().change(UNTIL, &HoldChange::Extend), Refused(HoldRefused::OutOfTime));
    assert_eq!(after(&[(IN_TIME, PAY)]).change(IN_TIME, &HoldChange::Extend), Refused(HoldRefused::PaymentUnderWay));
}

#[test]
fn whatever_happens_in_whatever_order_money_adds_up_and_units_are_somewhere() {
    let changes = [
        PAY,
        HoldChange::Pay { attempt: 2 },
        HoldChange::Extend,
        HoldChange::Cancel,
        HoldChange::Refund,
        HoldChange::RunOut,
        HoldChange::Opened { attempt: 1, payment: id("pay_1"), page: Some("/bank".into()) },
        captured(1, 99_800),
        captured(2, 99_800),
        DECLINED,
        HoldChange::Failed { attempt: 2, why: Decline::Cancelled },
        HoldChange::Repaid { payment: id("pay_1"), minor: 99_800 },
        HoldChange::LookAgain { at: UNTIL },
    ];
    let mut frontier = vec![(reserved(), 0)];
    let mut seen = std::collections::HashSet::new();
    while let Some((hold, depth)) = frontier.pop() {
        let captured: i64 = hold.payments.iter().map(|payment| payment.captured).sum();
        let refunded: i64 = hold.payments.iter().map(|payment| payment.refunded).sum();
        let earned = if hold.status == S::Confirmed { hold.amount.minor } else { 0 };
        assert_eq!(captured - refunded, earned + hold.owed_minor(), "{hold:?}");
        for now in [IN_TIME, UNTIL, UNTIL.plus(EXTENSION)] {
            for change in &changes {
                // Nothing is given back that was never taken.
                if let HoldChange::Repaid { payment, .. } = change
                    && hold.owed().all(|(owed, _)| owed.id != *payment)
                {
                    continue;
                }
                let mut next = hold.clone();
                let answer = next.change(now, change);
                assert_eq!(answer == Changed, next != hold, "{answer:?} {change:?} {hold:?}");
                let moved = next.status != hold.status;
                assert!(!moved || hold.status.may_become(next.status), "{:?} to {:?}", hold.status, next.status);
                let mut row = PoolRow {
                    numbers: PoolNumbers { capacity: 9, held: 3, sold: 3, version: 1 },
                    epoch: 1,
                    limit_per_buyer: Some(4),
                    hold: None,
                };
                let mut units = HashMap::from([(BuyerId(7), 2)]);
                move_units(&mut row, &mut units, (BuyerId(7), 2), (hold.status, next.status));
                let live = u32::from(next.status.is_live()) * 2;
                if moved && hold.status.is_live() {
                    assert_eq!((row.numbers.used(), units[&BuyerId(7)]), (4 + live, live));
                }
                if depth < 7 && seen.insert(format!("{next:?}")) {
                    frontier.push((next, depth + 1));
                }
            }
        }
    }
    assert!(seen.len() > 300, "{} states: nothing was tried", seen.len());
}

#[test]
fn whoever_needs_something_is_due_and_nobody_else() {
    assert_eq!(reserved().due_at(), Some(UNTIL));
    let mut paying = after(&[(Millis(1), PAY)]);
    assert_eq!(paying.due_at(), Some(UNTIL), "its time is up before anybody looks");
    paying.change(Millis(2), &HoldChange::LookAgain { at: Millis(500) });
    assert_eq!(paying.due_at(), Some(Millis(500)));
    let mut paid = after(&[(IN_TIME, PAY), (IN_TIME, captured(1, 99_800))]);
    assert_eq!(paid.due_at(), None);
    assert_eq!(paid.change(IN_TIME, &HoldChange::LookAgain { at: UNTIL }), Unchanged);
    paid.change(UNTIL, &HoldChange::Refund);
    assert_eq!(paid.due_at(), Some(UNTIL));
}

#[test]
fn a_payment_is_called_by_plain_names_only() {
    assert!(PaymentId::new("pi_3MtwBwLkdIwHu7ix28a3tqPa").is_ok());
    for strange in ["", "a b", "ö", "../x", &"x".repeat(256)] {
        assert_eq!(PaymentId::new(strange), Err(NoPaymentId), "{strange}");
    }
}

#[test]
fn every_decline_is_known_by_its_name() {
    for decline in Decline::ALL {
        assert_eq!(Decline::from_name(decline.as_str()), Some(decline));
    }
}
