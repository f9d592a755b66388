//! The ledger's transitions: the disposable promise book that keeps the judge from being flooded.
//!
//! One [`PoolBook`] a pool. Pure: every function that needs the time is given the ledger's own clock. The in-process ledger
//! guards these books with one lock; a distributed one does the same steps inside its server and is compared with them.
//!
//! | step | function | sent twice |
//! |---|---|---|
//! | claim | [`PoolBook::claim`] | the same answer |
//! | withdraw (a definite refusal of the bus) | [`PoolBook::withdraw`] | nothing |
//! | promise | [`PoolBook::promise`] | the same answer |
//! | settle | [`PoolBook::settle`] | nothing |
//! | pick (the reaper) | [`PoolBook::pick`] | the same claims, until they are settled |
//! | open (rebuild) | [`PoolBook::open`] | refused by the store's epoch |

mod claim;
#[doc(hidden)]
pub mod image;
mod notes;
mod open;
mod promise;
mod settle;
mod shards;

pub use claim::{ClaimAnswer, ClaimRequest, LookedUp};
pub use notes::{NOTES_KEPT, Noted};
pub use open::{BACKLOG_LIFE, Opening};
pub use promise::PromiseAnswer;
pub use settle::Broken;

use crate::{buyer::BuyerId, event::Terms, fingerprint::Fingerprint, id::OrderId, pool::PoolNumbers, time::Millis};
use hashbrown::HashMap;
use notes::Notes;
use shards::Shards;
use std::time::Duration;

/// How long a claim may stay an intent: longer than a publish may take, shorter than a buyer's patience.
pub const INTENT_LIFE: Duration = Duration::from_secs(30);

/// The ledger's book of one pool.
#[derive(Clone, Debug)]
pub struct PoolBook {
    epoch: u64,
    opened_at: Millis,
    /// The version of the opening's snapshot: a buyer who is not in it had 0 units then.
    opened_version: u64,
    /// Nothing that came before the opening can have been forgotten by it.
    virgin: bool,
    /// Until when messages from before the opening may be under way.
    backlog_until: Option<Millis>,
    numbers: PoolNumbers,
    terms: Terms,
    /// The catalogue's revision that the terms are of.
    revision: u64,
    /// Units of all claims: the sum is kept, because it is asked for with every request.
    claimed: u32,
    /// Units of promised claims among them.
    promised: u32,
    attempts: u64,
    claims: HashMap<OrderId, Claim>,
    buyers: Shards<HashMap<BuyerId, BuyerUnits>>,
    notes: Notes,
}

/// "This order id has units of this pool in flight."
#[derive(Clone, Copy, Debug)]
struct Claim {
    quantity: u32,
    buyer: BuyerId,
    fingerprint: Fingerprint,
    made_at: Millis,
    state: ClaimState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClaimState {
    /// Not known to be on the bus. `attempt` is who made it, 0 once another request resumed it.
    Intent { attempt: u64 },
    /// On the bus, and a buyer may have been told.
    Promised,
    /// Offered to the store as expired; no clock takes it back.
    Picked,
}

impl Claim {
    fn deadline(&self) -> Millis {
        self.made_at.plus(INTENT_LIFE)
    }
}

/// What a buyer has, kept only under a limit.
#[derive(Clone, Copy, Debug, Default)]
struct BuyerUnits {
    /// Pool version at which `settled` was read.
    version: u64,
    settled: u32,
    claimed: u32,
}

/// A claim that the reaper has picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picked {
    /// Which order.
    pub order: OrderId,
    /// How many units.
    pub quantity: u32,
    /// Whose.
    pub buyer: BuyerId,
    /// Asked with what.
    pub fingerprint: Fingerprint,
}

/// What the ledger knows of an order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// In flight: pending.
    Claimed {
        /// Asked with what.
        fingerprint: Fingerprint,
        /// Whether a buyer may have been told 202.
        promised: bool,
    },
    /// Decided.
    Noted(Noted),
    /// Neither; the store may know more.
    Nothing,
}

/// The numbers that shoppers see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookNumbers {
    /// As of the last settlement.
    pub settled: PoolNumbers,
    /// Units in flight.
    pub claimed: u32,
    /// Units in flight that a buyer may have been told of.
    pub promised: u32,
    /// Claims in flight.
    pub claims: u32,
    /// The opening.
    pub epoch: u64,
}

impl BookNumbers {
    /// `max(0, capacity - held - sold - claimed)`.
    #[must_use]
    pub fn free(&self) -> u32 {
        self.settled.unsold().saturating_sub(self.claimed)
    }
}

impl PoolBook {
    /// The numbers now.
    #[must_use]
    pub fn numbers(&self) -> BookNumbers {
        BookNumbers {
            settled: self.numbers,
            claimed: self.claimed,
            promised: self.promised,
            claims: u32::try_from(self.claims.len()).unwrap_or(u32::MAX),
            epoch: self.epoch,
        }
    }

    /// Changes the rules of the sale, unless they are of another opening or older than those in force. The capacity is not
    /// among them: it comes with a settlement.
    pub fn set_terms(&mut self, epoch: u64, revision: u64, terms: Terms) {
        if epoch == self.epoch && revision >= self.revision {
            (self.revision, self.terms) = (revision, terms);
        }
    }

    /// The catalogue's revision that its terms are of.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Whether messages from before the opening may still be under way: what is unknown then is not missing.
    #[must_use]
    pub fn awaits_backlog(&self, now: Millis) -> bool {
        self.backlog_until.is_some_and(|until| now < until)
    }

    /// What is known of an order id.
    #[must_use]
    pub fn find(&self, order: OrderId) -> Known {
        if let Some(claim) = self.claims.get(&order) {
            let promised = claim.state == ClaimState::Promised;
            return Known::Claimed { fingerprint: claim.fingerprint, promised };
        }
        self.notes.find(order).map_or(Known::Nothing, Known::Noted)
    }

    /// Marks intents past their deadline as picked and returns them with those picked before, at most `limit`.
    pub fn pick(&mut self, now: Millis, limit: usize) -> Vec<Picked> {
        let mut picked = Vec::new();
        for (order, claim) in &mut self.claims {
            if picked.len() == limit {
                break;
            }
            let due = matches!(claim.state, ClaimState::Intent { .. }) && claim.deadline() < now;
            #[cfg(feature = "sabotage")]
            if crate::sabotage::is_on(crate::sabotage::Sabotage::ReapsPromises)
                && claim.state == ClaimState::Promised
                && claim.deadline() < now
            {
                self.promised -= claim.quantity;
                claim.state = ClaimState::Picked;
            }
            if due {
                claim.state = ClaimState::Picked;
            }
            if claim.state == ClaimState::Picked {
                let Claim { quantity, buyer, fingerprint, .. } = *claim;
                picked.push(Picked { order: *order, quantity, buyer, fingerprint });
            }
        }
        picked
    }

    /// Ids of claims older than `age`, at most `limit`, for the sweep to ask the store about.
    #[must_use]
    pub fn claims_older_than(&self, now: Millis, age: Duration, limit: usize) -> Vec<OrderId> {
        let before = now.minus(age);
        self.claims.iter().filter(|(_, claim)| claim.made_at < before).map(|(order, _)| *order).take(limit).collect()
    }

    /// The opening's number.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    fn free(&self) -> u32 {
        self.numbers.unsold().saturating_sub(self.claimed)
    }

    /// The one place where a claim goes.
    fn drop_claim(&mut self, order: OrderId) {
        let Some(claim) = self.claims.remove(&order) else { return };
        self.claimed -= claim.quantity;
        if claim.state == ClaimState::Promised {
            self.promised -= claim.quantity;
        }
        if let Some(units) = self.buyers.of_mut(claim.buyer.0).get_mut(&claim.buyer) {
            units.claimed = units.claimed.saturating_sub(claim.quantity);
        }
    }

    /// The one place where a claim comes.
    fn add_claim(&mut self, order: OrderId, claim: Claim) {
        self.claimed += claim.quantity;
        if claim.state == ClaimState::Promised {
            self.promised += claim.quantity;
        }
        if self.terms.limit_per_buyer.is_some() {
            let version = self.opened_version;
            let units = self.buyers.of_mut(claim.buyer.0).entry(claim.buyer);
            units.or_insert(BuyerUnits { version, settled: 0, claimed: 0 }).claimed += claim.quantity;
        }
        self.claims.insert(order, claim);
    }
}

#[cfg(test)]
mod tests;
