//! What the shop was told to do, and how much has to have happened for a verdict to mean something.

use serde::{Deserialize, Serialize};
use stampede_domain::{OrderId, PoolId};

/// What a run is judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectations {
    /// What was for sale, under which terms. A row of another pool is a breach.
    pub pools: Vec<PoolTerms>,
    /// Messages set aside that are expected at the end: those that were made undecodable on purpose. Each may break one
    /// promise.
    pub dead_letters: u64,
    /// Orders put on the bus behind the buyers' backs, for a run that smuggles messages in: their rows need no request.
    pub smuggled: Vec<OrderId>,
    /// How long a claim may hide its units after the last word about its key, in milliseconds: an intent's life, the reaper's
    /// pace and, on a loaded machine, some more.
    pub claim_life_ms: u64,
    /// How long after it was asked for an order may be both a claim and a row for the ledger, in milliseconds: numbers that one
    /// writer settles contain what another one has committed and not settled yet, and a lost settlement heals by the sweep.
    /// Meanwhile its units are hidden twice, which makes a "sold out for now" premature and nothing else.
    pub hidden_twice_ms: u64,
    /// How soon after a fault is over somebody is told 202 again, in milliseconds; `None`: not judged.
    pub flows_within_ms: Option<u64>,
    /// How soon after the last fault every 202 is decided, in milliseconds; `None`: not judged. Needs an
    /// [`AllDecided`](crate::What::AllDecided) in the history.
    pub decided_within_ms: Option<u64>,
    /// Whether who was told a decision may not be told `pending` afterwards. Not so where the ledger can be out of reach, or
    /// lost, while the store is not: a look-up falls back to the store then, which is ahead of the ledger for a while.
    pub steady_readers: bool,
    /// How much must have happened.
    pub enough: Enough,
}

/// What a pool sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolTerms {
    /// Which.
    pub pool: PoolId,
    /// Units that exist.
    pub capacity: u32,
    /// Units that existed at first: an organizer may add some, and a no was right by what there was.
    pub at_first: u32,
    /// Most units of one buyer.
    pub limit: Option<u32>,
    /// Most units of one order.
    pub max_per_order: Option<u32>,
    /// Demand outlasted it: every unit must be sold in the end.
    pub sells_out: bool,
    /// The sale was open and never paused while buyers asked: nobody may be told otherwise.
    pub open_throughout: bool,
}

/// The least that must have happened, so that "nothing was found" is no empty word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enough {
    /// Requests to buy.
    pub buys: u64,
    /// Orders told 202.
    pub accepted: u64,
    /// 202s told once more to who repeated a key.
    pub replays: u64,
    /// Requests of which nobody knows what became of them.
    pub unknown: u64,
    /// Faults that took effect.
    pub faults: u64,
    /// Different kinds among them.
    pub kinds: u64,
    /// Requests to buy that had no answer yet when a fault struck, in at least `faults` of them.
    pub in_flight: u64,
}

impl Expectations {
    /// One pool that sells out in a sale that is open all the time, judged strictly, with nothing asked of the amount.
    #[must_use]
    pub fn of(pool: PoolTerms) -> Self {
        Self {
            pools: vec![pool],
            dead_letters: 0,
            smuggled: Vec::new(),
            claim_life_ms: 60_000,
            hidden_twice_ms: 10_000,
            flows_within_ms: None,
            decided_within_ms: None,
            steady_readers: true,
            enough: Enough::default(),
        }
    }

    pub(crate) fn terms(&self, pool: PoolId) -> Option<&PoolTerms> {
        self.pools.iter().find(|terms| terms.pool == pool)
    }
}
