//! Changes of orders that are paid online, on their way through a transaction, and what stands in their columns. Pure: what it
//! needs to know is given to it.

use super::{batch::distinct, columns, mails::Standing};
use crate::sql::{signed, strange, units as as_units, unsigned};
use iso_currency::Currency;
use stampede_actors::ports::MailKey;
use stampede_domain::{
    BuyerId, Decline, Hold, HoldAnswer, HoldChange, HoldTerms, Millis, Money, OrderId, OrderStatus, PaymentId, PoolId,
    Settlement,
    decide::{Offer, PoolRow},
    hold::{Payment, move_units},
};
use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

/// What a batch of changes comes to.
pub(super) struct Changed {
    /// One for each change.
    pub(super) answers: Vec<Option<(HoldAnswer, Hold)>>,
    /// The orders to be written back, in the order of their ids.
    pub(super) holds: Vec<Hold>,
    /// Payments that are new or have changed.
    pub(super) payments: Vec<PlacedPayment>,
    /// Units that move, in the order they do.
    pub(super) moves: BTreeMap<PoolId, Vec<Move>>,
    /// Mails that are owed from now on, to those who have an address. Most changes owe none.
    pub(super) mails: Vec<MailKey>,
}

impl Changed {
    /// The orders that mails are owed for, each once.
    pub(super) fn mailed(&self) -> Vec<OrderId> {
        distinct(self.mails.iter().map(|(order, _)| *order))
    }
}

/// A payment at its place among those of its order.
pub(super) struct PlacedPayment {
    pub(super) order: OrderId,
    pub(super) place: i64,
    pub(super) payment: Payment,
}

/// An order whose units count elsewhere from now on.
pub(super) struct Move {
    buyer: BuyerId,
    quantity: u32,
    statuses: (OrderStatus, OrderStatus),
}

/// Changes the orders that were found, in the order wanted.
pub(super) fn change(now: Millis, wanted: &[(OrderId, HoldChange)], found: Vec<Hold>) -> Changed {
    let before: BTreeMap<OrderId, Hold> = found.into_iter().map(|hold| (hold.order, hold)).collect();
    let mut after = before.clone();
    let mut moves: BTreeMap<PoolId, Vec<Move>> = BTreeMap::new();
    let mut mails = Vec::new();
    let mut answers = Vec::with_capacity(wanted.len());
    for (order, wanted) in wanted {
        answers.push(after.get_mut(order).map(|hold| {
            let (status, standing) = (hold.status, Standing::of(hold));
            let answer = hold.change(now, wanted);
            mails.extend(standing.occasions(Standing::of(hold)).map(|occasion| (*order, occasion)));
            if (status.is_held(), status.is_live()) != (hold.status.is_held(), hold.status.is_live()) {
                let Hold { buyer, quantity, .. } = *hold;
                moves.entry(hold.pool).or_default().push(Move { buyer, quantity, statuses: (status, hold.status) });
            }
            (answer, hold.clone())
        }));
    }
    let mut payments = Vec::new();
    for (order, hold) in &after {
        let known = before.get(order).map_or(&[][..], |hold| &hold.payments);
        let changed = (0_i64..).zip(&hold.payments).enumerate().filter(|(at, (_, now))| known.get(*at) != Some(*now));
        payments.extend(changed.map(|(_, (place, payment))| PlacedPayment {
            order: *order,
            place,
            payment: payment.clone(),
        }));
    }
    let holds = after.into_values().filter(|hold| before.get(&hold.order) != Some(hold)).collect();
    Changed { answers, holds, payments, moves, mails }
}

/// The buyers who have fewer units after these moves, each once.
pub(super) fn freed(moves: &[Move]) -> Vec<BuyerId> {
    let freed = moves.iter().filter(|moved| moved.statuses.0.is_live() && !moved.statuses.1.is_live());
    distinct(freed.map(|moved| moved.buyer))
}

/// Moves units in a pool's row and raises its version once. `units` are those of [`freed`] buyers, needed only under a limit;
/// the settlement's buyers are those whose units are to be written back.
pub(super) fn settle(pool: PoolId, row: &mut PoolRow, units: &mut HashMap<BuyerId, u32>, moves: &[Move]) -> Settlement {
    for moved in moves {
        move_units(row, units, (moved.buyer, moved.quantity), moved.statuses);
    }
    row.numbers.version += 1;
    let freed = if row.limit_per_buyer.is_some() { freed(moves) } else { Vec::new() };
    let buyers = freed.into_iter().map(|buyer| (buyer, units.get(&buyer).copied().unwrap_or(0))).collect();
    Settlement { pool, numbers: row.numbers, decided: Vec::new(), buyers }
}

/// An order that was reserved this moment.
pub(super) fn reserved(offer: &Offer, pool: PoolId, terms: HoldTerms, now: Millis) -> Hold {
    let HoldTerms { hold_for, unit } = terms;
    // What an order may cost at most fits; an intent that was not made by the shop asks for a price nobody pays.
    let amount = unit.times(offer.quantity).unwrap_or(Money { minor: i64::MAX, ..unit });
    Hold {
        order: offer.order,
        pool,
        quantity: offer.quantity,
        buyer: offer.buyer,
        fingerprint: offer.fingerprint,
        amount,
        status: OrderStatus::Reserved,
        hold_until: now.plus(hold_for),
        extended: false,
        attempt: 0,
        paying_at: Millis(0),
        page: None,
        decline: None,
        paid_by: None,
        payments: Vec::new(),
        look_at: now,
        changed_at: now,
    }
}

/// Whether it ran out before its time, or its payment began after it: law 8, as one row can show it.
#[cfg(any(test, feature = "memory"))]
pub(super) fn is_unfair(hold: &Hold) -> bool {
    let ran_out = matches!(hold.status, OrderStatus::Expired | OrderStatus::Expiring);
    (ran_out && hold.changed_at < hold.hold_until) || (hold.attempt > 0 && hold.paying_at >= hold.hold_until)
}

/// The three columns of a pool that say what its units are held for.
pub(crate) fn terms(seconds: Option<i64>, minor: Option<i64>, code: Option<&str>) -> sqlx::Result<Option<HoldTerms>> {
    match (seconds, minor, code) {
        (Some(seconds), Some(minor), Some(code)) => {
            let hold_for = Duration::from_secs(unsigned(seconds));
            Ok(Some(HoldTerms { hold_for, unit: Money { minor, currency: currency(code)? } }))
        }
        (None, None, None) => Ok(None),
        _ => Err(strange("half of what a pool is held for".into())),
    }
}

/// What stands in those columns.
pub(crate) fn columns(terms: Option<HoldTerms>) -> (Option<i64>, Option<i64>, Option<&'static str>) {
    let Some(HoldTerms { hold_for, unit }) = terms else { return (None, None, None) };
    (Some(signed(hold_for.as_secs())), Some(unit.minor), Some(unit.currency.code()))
}

pub(super) fn currency(code: &str) -> sqlx::Result<Currency> {
    Currency::from_code(code).ok_or_else(|| strange("a currency".into()))
}

pub(super) fn status(code: i64) -> sqlx::Result<OrderStatus> {
    columns::status(code).ok_or_else(|| strange(format!("status {code}")))
}

pub(super) fn decline(name: Option<&str>) -> sqlx::Result<Option<Decline>> {
    name.map(|name| Decline::from_name(name).ok_or_else(|| strange("a decline".into()))).transpose()
}

pub(super) fn payment_id(text: Option<&str>) -> sqlx::Result<Option<PaymentId>> {
    text.map(|text| PaymentId::new(text).map_err(|_| strange("a payment's id".into()))).transpose()
}

/// The payments of an order, which come as one JSON list of `[place, id, attempt, captured, refunded]` with its row, so that both
/// are of one moment.
pub(super) fn payments(list: Option<&str>) -> sqlx::Result<Vec<Payment>> {
    type Listed = (i64, PaymentId, i64, i64, i64);
    let read = list.map(serde_json::from_str::<Vec<Listed>>).transpose();
    let mut listed = read.map_err(|_| strange("a payment".into()))?.unwrap_or_default();
    listed.sort_unstable_by_key(|(place, ..)| *place);
    let payment = |(_, id, attempt, captured, refunded)| Payment { id, attempt: as_units(attempt), captured, refunded };
    Ok(listed.into_iter().map(payment).collect())
}
