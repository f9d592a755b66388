//! The laws of the shop, by name, each with its check. A broken law is a bug, never an answer.
//!
//! The checks judge plain sums, so that the same functions judge a store of ten rows in a test and one of ten million.

use crate::{id::PoolId, ledger::BookNumbers, pool::PoolNumbers};
use std::{fmt, time::Duration};

/// What must hold, whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// Units of live orders never exceed the capacity.
    NeverOversold,
    /// An order id has one row and one decision.
    OneFate,
    /// Every 202 ends in exactly one terminal state.
    EveryPromiseDecided,
    /// One key, at most one order, of one body.
    KeyIsOrder,
    /// After quiet nothing is claimed, and what is free can be bought.
    NothingLeaks,
    /// Units per buyer stay under the limit.
    LimitsHold,
    /// Captured less refunded is what confirmed paid orders cost.
    MoneyAdds,
    /// A hold is never released early.
    HoldsAreFair,
}

impl Law {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::NeverOversold,
        Self::OneFate,
        Self::EveryPromiseDecided,
        Self::KeyIsOrder,
        Self::NothingLeaks,
        Self::LimitsHold,
        Self::MoneyAdds,
        Self::HoldsAreFair,
    ];

    /// Its name in tables and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverOversold => "NeverOversold",
            Self::OneFate => "OneFate",
            Self::EveryPromiseDecided => "EveryPromiseDecided",
            Self::KeyIsOrder => "KeyIsOrder",
            Self::NothingLeaks => "NothingLeaks",
            Self::LimitsHold => "LimitsHold",
            Self::MoneyAdds => "MoneyAdds",
            Self::HoldsAreFair => "HoldsAreFair",
        }
    }
}

impl Law {
    /// What it says, in a sentence.
    #[must_use]
    pub fn says(self) -> &'static str {
        match self {
            Self::NeverOversold => "Units of live orders never exceed the capacity.",
            Self::OneFate => "An order id has at most one row and one decision.",
            Self::EveryPromiseDecided => "Every 202 ends in exactly one terminal state.",
            Self::KeyIsOrder => "One key, at most one order, of one body.",
            Self::NothingLeaks => "After quiet nothing is claimed, and every free unit can be bought.",
            Self::LimitsHold => "Units of a buyer stay under the limit.",
            Self::MoneyAdds => "Captured less refunded is what confirmed paid orders cost.",
            Self::HoldsAreFair => "A hold is never released early.",
        }
    }
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A law that was found broken, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub law: Law,
    /// How, with numbers and ids.
    pub how: String,
}

/// How long a promise may stay undecided while nothing is broken (embedded).
pub const DECIDED_WITHIN: Duration = Duration::from_secs(10);

/// What a store's rows of one pool add up to, read in one snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolSums {
    /// The pool row.
    pub numbers: PoolNumbers,
    /// Rows of orders.
    pub orders: u64,
    /// Different ids among them.
    pub distinct_orders: u64,
    /// Units of live orders by the rows.
    pub live_units: u64,
    /// Units of held orders by the rows.
    pub held_units: u64,
    /// Rows with a status, quantity, fingerprint or time that no version of the shop writes.
    pub unreadable_rows: u64,
    /// Rows whose id is no key: a UUID of another version than 7.
    pub rows_without_a_key: u64,
    /// Rows whose version lies beyond the pool row's.
    pub rows_from_the_future: u64,
    /// Whether its tickets are paid online; if not, nothing of it is ever held.
    pub is_paid_online: bool,
    /// Rows of orders that were reserved, after they were.
    pub holds: u64,
    /// Money taken for them, by the payments' rows; minor units.
    pub captured: i64,
    /// Money given back.
    pub refunded: i64,
    /// What confirmed ones of them cost.
    pub earned: i64,
    /// Money that is still to be given back.
    pub owed: i64,
    /// Those of them whose own money does not add up: two that are wrong may make a right sum.
    pub out_of_balance: u64,
    /// Payments whose order is in no book: they are in no pool, so they are told as of one that has nothing else.
    pub payments_of_no_order: u64,
    /// Those that ran out before their time, or whose payment began after it.
    pub unfair_holds: u64,
    /// The limit in force, and by how many buyers it is exceeded.
    pub buyers_over_limit: u64,
    /// Buyers whose kept sum is not the sum of their rows.
    pub buyers_miscounted: u64,
}

/// What the bus still holds of one pool, compared with the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BusSums {
    /// Messages that wait.
    pub waiting: u64,
    /// Age of the oldest of them.
    pub oldest: Duration,
}

/// Judges a pool's rows against the laws that the store alone can show.
#[must_use]
pub fn check_store(pool: PoolId, sums: &PoolSums) -> Vec<Breach> {
    let mut breaches = Breaches { pool, found: Vec::new() };
    let numbers = &sums.numbers;
    let (capacity, used) = (u64::from(numbers.capacity), u64::from(numbers.held) + u64::from(numbers.sold));
    breaches.unless(sums.live_units <= capacity && used <= capacity, Law::NeverOversold, || {
        format!("{} live units, {used} by the pool row, capacity {capacity}", sums.live_units)
    });
    breaches.unless(sums.live_units == used && sums.held_units == u64::from(numbers.held), Law::NeverOversold, || {
        format!(
            "{} live units ({} held) by the rows, {used} ({}) by the pool row",
            sums.live_units, sums.held_units, numbers.held
        )
    });
    breaches.unless(sums.orders == sums.distinct_orders, Law::OneFate, || {
        format!("{} rows of {} ids", sums.orders, sums.distinct_orders)
    });
    breaches.unless(sums.unreadable_rows == 0, Law::OneFate, || format!("{} unreadable rows", sums.unreadable_rows));
    breaches.unless(sums.rows_without_a_key == 0, Law::KeyIsOrder, || {
        format!("{} rows whose id no buyer's key can be", sums.rows_without_a_key)
    });
    breaches.unless(sums.rows_from_the_future == 0, Law::OneFate, || {
        format!("{} rows newer than version {} of their pool", sums.rows_from_the_future, numbers.version)
    });
    breaches.unless(sums.buyers_over_limit == 0, Law::LimitsHold, || {
        format!("{} buyers over the limit", sums.buyers_over_limit)
    });
    breaches.unless(sums.buyers_miscounted == 0, Law::LimitsHold, || {
        format!("{} buyers whose kept units are not the sum of their orders", sums.buyers_miscounted)
    });
    let PoolSums { captured, refunded, earned, owed, out_of_balance, .. } = *sums;
    let adds = i128::from(captured) - i128::from(refunded) == i128::from(earned) + i128::from(owed);
    breaches.unless(adds && out_of_balance == 0, Law::MoneyAdds, || {
        format!(
            "{captured} taken and {refunded} given back, {earned} earned and {owed} owed (minor units); \
             {out_of_balance} orders out of balance"
        )
    });
    breaches.unless(sums.payments_of_no_order == 0, Law::MoneyAdds, || {
        format!("{} payments of no order", sums.payments_of_no_order)
    });
    breaches.unless(sums.unfair_holds == 0, Law::HoldsAreFair, || {
        format!("{} orders ran out before their time, or were paid after it", sums.unfair_holds)
    });
    let nothing_is_held = numbers.held == 0 && sums.held_units == 0 && sums.holds == 0;
    breaches.unless(sums.is_paid_online || nothing_is_held, Law::HoldsAreFair, || {
        format!("{} units held by {} orders, though nothing here is held", numbers.held, sums.holds)
    });
    breaches.found
}

/// Judges the bus: a promise waits there, and must not wait for ever.
#[must_use]
pub fn check_bus(pool: PoolId, bus: &BusSums, running: bool) -> Vec<Breach> {
    let mut breaches = Breaches { pool, found: Vec::new() };
    breaches.unless(!running || bus.waiting == 0 || bus.oldest <= DECIDED_WITHIN, Law::EveryPromiseDecided, || {
        format!("{} messages wait, the oldest for {} s", bus.waiting, bus.oldest.as_secs())
    });
    breaches.found
}

/// Judges a ledger that has come to rest against the store.
#[must_use]
pub fn check_quiet(pool: PoolId, ledger: &BookNumbers, store: &PoolNumbers) -> Vec<Breach> {
    let mut breaches = Breaches { pool, found: Vec::new() };
    breaches.unless(ledger.claimed == 0 && ledger.claims == 0, Law::NothingLeaks, || {
        format!("{} units of {} claims are still in flight", ledger.claimed, ledger.claims)
    });
    breaches.unless(ledger.free() == store.unsold(), Law::NothingLeaks, || {
        format!("{} units are free in the ledger, {} in the store", ledger.free(), store.unsold())
    });
    breaches.found
}

struct Breaches {
    pool: PoolId,
    found: Vec<Breach>,
}

impl Breaches {
    fn unless(&mut self, holds: bool, law: Law, how: impl FnOnce() -> String) {
        if !holds {
            self.found.push(Breach { law, how: format!("{}: {}", self.pool, how()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> PoolSums {
        PoolSums {
            numbers: PoolNumbers { capacity: 10, held: 0, sold: 4, version: 3 },
            orders: 2,
            distinct_orders: 2,
            live_units: 4,
            ..PoolSums::default()
        }
    }

    #[test]
    fn each_law_of_the_store_notices_its_breach() {
        assert_eq!(check_store(PoolId(1), &sound()), []);
        type Fault = fn(&mut PoolSums);
        let faults: [(Law, Fault); 15] = [
            (Law::KeyIsOrder, |sums| sums.rows_without_a_key = 1),
            (Law::NeverOversold, |sums| sums.live_units = 11),
            (Law::NeverOversold, |sums| sums.live_units = 3),
            (Law::OneFate, |sums| sums.orders = 3),
            (Law::OneFate, |sums| sums.unreadable_rows = 1),
            (Law::OneFate, |sums| sums.rows_from_the_future = 1),
            (Law::LimitsHold, |sums| sums.buyers_over_limit = 1),
            (Law::LimitsHold, |sums| sums.buyers_miscounted = 1),
            (Law::MoneyAdds, |sums| sums.captured = 1),
            (Law::MoneyAdds, |sums| sums.out_of_balance = 1),
            (Law::MoneyAdds, |sums| sums.payments_of_no_order = 1),
            (Law::HoldsAreFair, |sums| sums.unfair_holds = 1),
            (Law::HoldsAreFair, |sums| sums.holds = 1),
            (Law::HoldsAreFair, |sums| sums.held_units = 1),
            (Law::HoldsAreFair, |sums| sums.numbers.held = 1),
        ];
        for (law, fault) in faults {
            let mut sums = sound();
            fault(&mut sums);
            assert!(check_store(PoolId(1), &sums).iter().any(|breach| breach.law == law), "{law}: {sums:?}");
        }
    }

    #[test]
    fn what_is_paid_online_may_be_held_and_its_money_adds_up() {
        let held = PoolSums {
            numbers: PoolNumbers { held: 2, sold: 2, ..sound().numbers },
            held_units: 2,
            is_paid_online: true,
            holds: 3,
            captured: 700,
            refunded: 200,
            earned: 400,
            owed: 100,
            ..sound()
        };
        assert_eq!(check_store(PoolId(1), &held), []);
        let wrong = [PoolSums { owed: 99, ..held.clone() }, PoolSums { is_paid_online: false, ..held }];
        assert_eq!(wrong.map(|sums| check_store(PoolId(1), &sums)[0].law), [Law::MoneyAdds, Law::HoldsAreFair]);
    }

    #[test]
    fn a_claim_that_stays_is_a_leak() {
        let store = sound().numbers;
        let quiet = BookNumbers { settled: store, claimed: 0, promised: 0, claims: 0, epoch: 1 };
        assert_eq!(check_quiet(PoolId(1), &quiet, &store), []);
        assert_eq!(check_quiet(PoolId(1), &BookNumbers { claimed: 1, claims: 1, ..quiet }, &store).len(), 2);
    }

    #[test]
    fn a_promise_that_waits_too_long_is_broken_only_while_somebody_could_decide_it() {
        let late = BusSums { waiting: 1, oldest: DECIDED_WITHIN + Duration::from_secs(1) };
        assert_eq!(check_bus(PoolId(1), &late, true).len(), 1);
        assert_eq!(check_bus(PoolId(1), &late, false), []);
    }
}
