//! Step 5: what the store said replaces what the ledger believed. Nothing is ever added up.

use super::{BuyerUnits, ClaimState, Known, Noted, PoolBook};
use crate::{
    key,
    order::Decision,
    settlement::{Decided, Settlement},
    time::Millis,
};
use std::ops::AddAssign;

/// Promises that a settlement broke: orders that were told 202 and got no tickets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// Of claims in the book.
    pub decided_otherwise: u32,
    /// Of claims that died with an earlier book: at most so many, for not each of them had been promised.
    pub ledger_lost: u32,
}

impl AddAssign for Broken {
    fn add_assign(&mut self, more: Self) {
        self.decided_otherwise = self.decided_otherwise.saturating_add(more.decided_otherwise);
        self.ledger_lost = self.ledger_lost.saturating_add(more.ledger_lost);
    }
}

impl PoolBook {
    /// Applies a settlement: numbers and buyers' units where they are newer, the decided ids' claims and notes in any case.
    pub fn settle(&mut self, now: Millis, settlement: &Settlement) -> Broken {
        #[cfg(feature = "sabotage")]
        let sabotaged = self.sabotaged(settlement);
        #[cfg(feature = "sabotage")]
        let Some(settlement) = &sabotaged else { return Broken::default() };
        let version = settlement.numbers.version;
        if version > self.numbers.version {
            self.numbers = settlement.numbers;
        }
        if self.terms.limit_per_buyer.is_some() {
            let floor = self.opened_version;
            for &(buyer, units) in &settlement.buyers {
                let entry = self.buyers.of_mut(buyer.0).entry(buyer);
                let known = entry.or_insert(BuyerUnits { version: floor, settled: 0, claimed: 0 });
                if version > known.version {
                    (known.version, known.settled) = (version, units);
                }
            }
        }
        let mut broken = Broken::default();
        for decided in &settlement.decided {
            broken.decided_otherwise += u32::from(self.is_broken_by(decided));
            broken.ledger_lost += u32::from(self.was_lost_with(decided));
        }
        for decided in &settlement.decided {
            self.drop_claim(decided.order);
            let note = Noted { decision: decided.decision, fingerprint: decided.fingerprint };
            self.notes.write(now, decided.order, note);
        }
        broken
    }

    /// The settlement as a mistaken ledger takes it; `None`: not at all.
    #[cfg(feature = "sabotage")]
    fn sabotaged(&self, settlement: &Settlement) -> Option<Settlement> {
        use crate::sabotage::{Sabotage, is_on};
        let mut settlement = settlement.clone();
        let is_newer = settlement.numbers.version > self.numbers.version;
        if is_on(Sabotage::SettlesByAdding) {
            let confirmed = settlement.decided.iter().filter(|decided| decided.decision == Decision::Confirmed);
            let units = confirmed.filter_map(|decided| self.claims.get(&decided.order)).map(|claim| claim.quantity);
            settlement.numbers.sold = self.numbers.sold + units.sum::<u32>();
            settlement.numbers.version = settlement.numbers.version.max(self.numbers.version + 1);
        }
        if is_on(Sabotage::SettlesWhatIsOlder) && settlement.numbers.version < self.numbers.version {
            settlement.numbers.version = self.numbers.version + 1;
        }
        if is_on(Sabotage::KeepsClaimsOfOldNews) && !is_newer {
            return None;
        }
        if is_on(Sabotage::ForgetsTheBuyers) {
            settlement.buyers.clear();
        }
        Some(settlement)
    }

    /// A rejected order from before the opening of which this book knows nothing: its claim died with the book before, and
    /// perhaps a promise with it. Nobody can tell any more, so it counts as one.
    fn was_lost_with(&self, decided: &Decided) -> bool {
        let own = decided.order.time().minus(key::AHEAD);
        let may_be_forgotten = self.notes.dropped_until().is_some_and(|written| own <= written);
        matches!(decided.decision, Decision::Rejected(_))
            && self.is_from_before_the_opening(decided.order)
            && !may_be_forgotten
            && self.find(decided.order) == Known::Nothing
    }

    /// A promise is kept only by a confirmation or a reservation of the very body it was given for.
    fn is_broken_by(&self, decided: &Decided) -> bool {
        let promised = self.claims.get(&decided.order).filter(|claim| claim.state == ClaimState::Promised);
        let is_kept = matches!(decided.decision, Decision::Confirmed | Decision::Reserved);
        promised.is_some_and(|claim| !is_kept || claim.fingerprint != decided.fingerprint)
    }
}
