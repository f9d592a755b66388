//! What happened in histories of paying, counted: what never happened was never tested.

use super::{bank::Account, customer::RACE_MS, witness::Moments};
use crate::clock::START;
use stampede_domain::{Hold, Millis, OrderStatus};

/// How many of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Orders that were to be paid.
    pub races: u64,
    /// Of them, those of which a click or the bank's word, and the end of the hold, came within 50 ms of the deadline.
    pub within_50_ms: u64,
    /// Orders that were paid, and stayed so.
    pub confirmed: u64,
    /// Orders whose time ran out.
    pub expired: u64,
    /// Of them, those that had been in the middle of a payment.
    pub expired_while_paying: u64,
    /// Orders that were paid after their time was up: the money was on the way.
    pub paid_after_the_end: u64,
    /// Orders that their buyers cancelled.
    pub cancelled: u64,
    /// Orders whose money the organizer gave back.
    pub given_back: u64,
    /// Payments that failed.
    pub declined: u64,
    /// Payments whose money paid for nothing and went back.
    pub late_money_refunded: u64,
    /// Payments that were given back.
    pub refunds: u64,
}

impl Outcomes {
    /// Names and numbers, in the order of the table.
    #[must_use]
    pub fn rows(&self) -> [(&'static str, u64); 11] {
        [
            ("races", self.races),
            ("within_50_ms", self.within_50_ms),
            ("confirmed", self.confirmed),
            ("paid_after_the_end", self.paid_after_the_end),
            ("expired", self.expired),
            ("expired_while_paying", self.expired_while_paying),
            ("cancelled", self.cancelled),
            ("given_back", self.given_back),
            ("declined", self.declined),
            ("late_money_refunded", self.late_money_refunded),
            ("refunds", self.refunds),
        ]
    }

    /// Adds another history's.
    pub fn add(&mut self, other: &Self) {
        self.races += other.races;
        self.within_50_ms += other.within_50_ms;
        self.confirmed += other.confirmed;
        self.expired += other.expired;
        self.expired_while_paying += other.expired_while_paying;
        self.paid_after_the_end += other.paid_after_the_end;
        self.cancelled += other.cancelled;
        self.given_back += other.given_back;
        self.declined += other.declined;
        self.late_money_refunded += other.late_money_refunded;
        self.refunds += other.refunds;
    }

    /// Counts what became of one order.
    pub(crate) fn count(&mut self, hold: &Hold, moments: &Moments, accounts: &[Account]) {
        let some = |is_so: bool| u64::from(is_so);
        let refunded = accounts.iter().filter(|account| account.payment.refunded > 0).count() as u64;
        let was_taken = hold.status == OrderStatus::Refunded;
        self.races += 1;
        self.within_50_ms += some(is_close(hold, moments, accounts));
        self.confirmed += some(hold.status == OrderStatus::Confirmed);
        self.paid_after_the_end += some(moments.is_paid.is_some_and(|paid| paid >= hold.hold_until));
        self.expired += some(hold.status == OrderStatus::Expired);
        self.expired_while_paying +=
            some(hold.status == OrderStatus::Expired && hold.attempt > 0 && moments.failures > 0);
        self.cancelled += some(hold.status == OrderStatus::Cancelled);
        self.given_back += some(was_taken);
        self.declined += u64::from(moments.failures);
        self.refunds += refunded;
        self.late_money_refunded += refunded - some(was_taken).min(refunded);
    }
}

/// Whether the payment and the end came at once.
fn is_close(hold: &Hold, moments: &Moments, accounts: &[Account]) -> bool {
    let is_near = |at: Millis| (at.0 - hold.hold_until.0).unsigned_abs() <= RACE_MS;
    let words = accounts.iter().filter_map(|account| account.has_word_at);
    let words = words.map(|at| Millis(START + at.cast_signed()));
    words.chain(moments.pays.iter().copied()).any(is_near) && moments.runs_out.iter().copied().any(is_near)
}
