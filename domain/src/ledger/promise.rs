//! Step 3: the promise, without which nobody is told 202.

use super::{ClaimState, Noted, PoolBook};
use crate::{fingerprint::Fingerprint, id::OrderId, order::Decision, time::Millis};

/// The answer to a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromiseAnswer {
    /// The buyer may be told 202.
    Promised,
    /// The writer was faster.
    Decided(Decision),
    /// Too late, or another opening: the outcome is unknown here.
    Refused,
}

impl PoolBook {
    /// Turns an intent that is on the bus into a promise.
    pub fn promise(&mut self, now: Millis, order: OrderId, fingerprint: Fingerprint) -> PromiseAnswer {
        let Some(claim) = self.claims.get_mut(&order) else {
            return match self.notes.find(order) {
                Some(Noted { decision, fingerprint: noted }) if noted == fingerprint => {
                    PromiseAnswer::Decided(decision)
                }
                _ => PromiseAnswer::Refused,
            };
        };
        if claim.fingerprint != fingerprint {
            return PromiseAnswer::Refused;
        }
        #[cfg(feature = "sabotage")]
        if claim.state != ClaimState::Promised && crate::sabotage::is_on(crate::sabotage::Sabotage::PromisesTooLate) {
            claim.state = ClaimState::Promised;
            self.promised += claim.quantity;
        }
        match claim.state {
            ClaimState::Promised => PromiseAnswer::Promised,
            ClaimState::Intent { .. } if now <= claim.deadline() => {
                claim.state = ClaimState::Promised;
                self.promised += claim.quantity;
                PromiseAnswer::Promised
            }
            ClaimState::Intent { .. } | ClaimState::Picked => PromiseAnswer::Refused,
        }
    }
}
