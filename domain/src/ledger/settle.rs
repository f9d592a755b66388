//! Step 5: what the store said replaces what the ledger believed. Nothing is ever added up.

use super::{BuyerUnits, Noted, PoolBook};
use crate::{settlement::Settlement, time::Millis};

impl PoolBook {
    /// Applies a settlement: numbers and buyers' units where they are newer, the decided ids' claims and notes in any case.
    pub fn settle(&mut self, now: Millis, settlement: &Settlement) {
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
        for decided in &settlement.decided {
            self.drop_claim(decided.order);
            let note = Noted { decision: decided.decision, fingerprint: decided.fingerprint };
            self.notes.write(now, decided.order, note);
        }
    }
}
