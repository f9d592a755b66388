//! Judges a sale of what is paid online: the shop's rows, the provider's own books, and what buyers were told, against each other.
//!
//! | rule | what is looked at |
//! |---|---|
//! | `NeverOversold` | units of confirmed orders, against the capacity |
//! | `NothingLeaks` | the pool against its rows; holds that never ended; payments of ended orders that can still be paid; what is left on the buses |
//! | `MoneyAdds` | each payment with us and there; each order's money against what it earned; sums |
//! | `HoldsAreFair` | nobody's order ran out, by its row or by what its buyer was told, before the time that he was told |
//! | `OneFate` | who was told "confirmed" is; he has as many tickets as he bought, and nobody else has them; nobody has two orders |
//! | `LimitsHold` | confirmed units of each buyer |
//!
//! A provider's payment that was taken and given back is no fault: money that comes too late has to be given back. It is counted.

mod judge;

use crate::Report;
use serde::Serialize;
use stampede_domain::{BuyerId, Millis, OrderId, OrderStatus};
use std::collections::BTreeMap;

pub use judge::judge_paid;

/// What is written down when everything has come to rest.
#[derive(Clone, Debug, Default)]
pub struct PaidBooks {
    /// Units of the pool.
    pub capacity: u32,
    /// Most units of one buyer.
    pub limit: Option<u32>,
    /// What the pool's row says is held.
    pub held: u32,
    /// What the pool's row says is sold.
    pub sold: u32,
    /// Every order that was ever reserved.
    pub holds: Vec<HeldOrder>,
    /// Payments as the shop knows them.
    pub noted: Vec<Noted>,
    /// Payments as the provider knows them.
    pub provider: Vec<Account>,
    /// Messages that nobody has taken off any bus.
    pub waiting: u64,
    /// Messages that were set aside.
    pub dead_letters: u64,
}

/// The row of an order that was reserved.
#[derive(Clone, Debug)]
pub struct HeldOrder {
    /// The order.
    pub order: OrderId,
    /// Whose it is.
    pub buyer: BuyerId,
    /// Units.
    pub quantity: u32,
    /// What it costs, in minor units.
    pub amount: i64,
    /// Where it stands.
    pub status: OrderStatus,
    /// Until when its units are held.
    pub hold_until: Millis,
    /// When it last changed its state.
    pub changed_at: Millis,
    /// Money to be given back.
    pub owed: i64,
}

/// A payment as the shop knows it.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The provider's name for it.
    pub id: String,
    /// Its order.
    pub order: OrderId,
    /// What was taken.
    pub captured: i64,
    /// What of it was given back.
    pub refunded: i64,
}

/// A payment as the provider knows it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub id: String,
    /// The order that it is for, as the shop said.
    pub order: OrderId,
    /// Which attempt of that order.
    pub attempt: u32,
    /// What it is about.
    pub amount: i64,
    /// What was taken.
    pub captured: i64,
    /// What of it was given back.
    pub refunded: i64,
    /// Money may still come of it.
    pub is_open: bool,
}

/// What a buyer was told of an order, at the moment when he had read it.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// The order.
    pub order: OrderId,
    /// By the clock that the shop has, too.
    pub at: Millis,
    /// Where it stands.
    pub status: OrderStatus,
    /// Until when it is held.
    pub hold_until: Option<Millis>,
}

/// Everything that buyers were told.
#[derive(Clone, Debug, Default)]
pub struct Stories {
    /// In any order.
    pub told: Vec<Told>,
    /// The codes of the tickets of an order, as its buyer got them.
    pub tickets: BTreeMap<OrderId, Vec<String>>,
}

/// What there was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PaidCounts {
    /// Orders that were reserved, and what became of them.
    pub orders: u64,
    /// Orders that are paid.
    pub confirmed: u64,
    /// Orders that ran out.
    pub expired: u64,
    /// Orders whose money the organizer gave back.
    pub refunded_orders: u64,
    /// Units that are paid.
    pub sold: u64,
    /// Payments at the provider.
    pub payments: u64,
    /// Orders with a second payment.
    pub paid_again: u64,
    /// What the provider took, in minor units.
    pub captured: i64,
    /// What it gave back.
    pub refunded: i64,
    /// What confirmed orders cost.
    pub earned: i64,
    /// Payments that were taken too late, or for nothing, and given back.
    pub given_back: u64,
    /// Buyers who were told that their order is confirmed.
    pub told_confirmed: u64,
    /// Buyers who were told that their time is over.
    pub told_expired: u64,
    /// Tickets that buyers have.
    pub tickets: u64,
}

/// The verdict on a sale.
#[derive(Clone, Debug, Default)]
pub struct PaidReport {
    /// What must not be, and what was too little.
    pub report: Report,
    /// What there was.
    pub counts: PaidCounts,
}

impl PaidReport {
    /// So much was wanted, so that the absence of breaches says something.
    pub fn wants(&mut self, what: &str, there: u64, least: u64) {
        if there < least {
            self.report.too_little.push(format!("{what}: {there}, {least} are wanted"));
        }
    }

    /// What must be and is not, where a test sees it itself.
    pub fn objects(&mut self, law: stampede_domain::laws::Law, how: String) {
        self.report.breach(law, how, []);
    }
}
