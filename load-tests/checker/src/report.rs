//! What a judge says.

use serde::{Serialize, Serializer};
use stampede_domain::{OrderId, laws::Law};
use std::fmt;

/// What must hold: a law, or what the protocol says besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// One of the eight.
    Law(Law),
    /// 202s flow again soon after a fault, and every 202 is decided soon after the last one.
    Liveness,
    /// Every answer is one that the protocol has, and a no is justified at its moment.
    HonestAnswers,
}

impl Rule {
    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Law(law) => law.name(),
            Self::Liveness => "Liveness",
            Self::HonestAnswers => "HonestAnswers",
        }
    }
}

impl From<Law> for Rule {
    fn from(law: Law) -> Self {
        Self::Law(law)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Which rule it breaks.
    pub rule: Rule,
    /// How, with numbers.
    pub how: String,
    /// The orders it is about; none when it is about a pool.
    pub orders: Vec<OrderId>,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.how)?;
        self.orders.iter().try_for_each(|order| write!(f, " {order}"))
    }
}

/// What there was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests to buy.
    pub buys: u64,
    /// Keys among them.
    pub orders: u64,
    /// Keys told 202.
    pub accepted: u64,
    /// 202s to a key that somebody had asked for before.
    pub replays: u64,
    /// Noes: sold out, limit, ended and so on.
    pub refused: u64,
    /// "Not now", nothing taken.
    pub put_off: u64,
    /// Requests to buy without an outcome, timeouts and broken connections among them.
    pub unknown: u64,
    /// Requests to see an order.
    pub looks: u64,
    /// Rows of the store.
    pub rows: u64,
    /// Units of live rows.
    pub sold: u64,
    /// Units sold beyond a pool's capacity.
    pub oversold: u64,
    /// Orders told 202 without a terminal state.
    pub lost: u64,
    /// Ids with more than one row.
    pub double: u64,
    /// Units claimed or missing at rest.
    pub leaked: u64,
    /// Promises that were not kept.
    pub broken_promises: u64,
    /// How many may be broken: units claimed when the ledger was lost, and dead letters.
    pub may_break: u64,
    /// Faults.
    pub faults: u64,
    /// Those that took effect.
    pub effective_faults: u64,
    /// Different kinds among those.
    pub kinds: u64,
    /// Requests to buy without an answer when the median effective fault struck.
    pub in_flight: u64,
    /// The longest time from a fault's end to the next 202, in milliseconds, among those that no other fault followed first.
    pub slowest_recovery_ms: u64,
    /// From the last fault's end until every 202 was decided, in milliseconds.
    pub decided_after_ms: u64,
}

/// The verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What must not be, in a fixed order.
    pub breaches: Vec<Breach>,
    /// Why the absence of breaches says little.
    pub too_little: Vec<String>,
    /// What there was.
    pub counts: Counts,
}

impl Report {
    /// Whether every rule held and enough happened to say so.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.breaches.is_empty() && self.too_little.is_empty()
    }

    /// Breaches of a rule.
    pub fn of(&self, rule: impl Into<Rule>) -> impl Iterator<Item = &Breach> {
        let rule = rule.into();
        self.breaches.iter().filter(move |breach| breach.rule == rule)
    }

    pub(crate) fn breach(&mut self, rule: impl Into<Rule>, how: String, orders: impl IntoIterator<Item = OrderId>) {
        self.breaches.push(Breach { rule: rule.into(), how, orders: orders.into_iter().collect() });
    }
}

/// How many breaches are written out.
const SHOWN: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("every law held");
        }
        if !self.breaches.is_empty() {
            writeln!(f, "{} breaches", self.breaches.len())?;
        }
        self.breaches.iter().take(SHOWN).try_for_each(|breach| writeln!(f, "  {breach}"))?;
        self.too_little.iter().try_for_each(|why| writeln!(f, "too little: {why}"))
    }
}
