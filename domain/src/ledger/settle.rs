//! Step 5: what the store said replaces what the ledger believed. Nothing is ever added up.

use super::{BuyerUnits, ClaimState, Noted, PoolBook};
use crate::{
    order::Decision,
    settlement::{Decided, Settlement},
    time::Millis,
};

impl PoolBook {
    /// Applies a settlement: numbers and buyers' units where they are newer, the decided ids' claims and notes in any case.
    /// Returns how many promises it broke: orders that were told 202 and got no tickets.
    pub fn settle(&mut self, now: Millis, settlement: &Settlement) -> u32 {
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
        let broken = settlement.decided.iter().filter(|decided| self.is_broken_by(decided)).count();
        for decided in &settlement.decided {
            self.drop_claim(decided.order);
            let note = Noted { decision: decided.decision, fingerprint: decided.fingerprint };
            self.notes.write(now, decided.order, note);
        }
        u32::try_from(broken).unwrap_or(u32::MAX)
    }

    /// A promise is kept only by a confirmation of the very body it was given for.
    fn is_broken_by(&self, decided: &Decided) -> bool {
        let promised = self.claims.get(&decided.order).filter(|claim| claim.state == ClaimState::Promised);
        promised
            .is_some_and(|claim| decided.decision != Decision::Confirmed || claim.fingerprint != decided.fingerprint)
    }
}
