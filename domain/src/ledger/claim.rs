//! Step 1: a claim takes units out of what is free, or says why not.

use super::{Claim, ClaimState, Noted, PoolBook};
use crate::{
    buyer::BuyerId, fingerprint::Fingerprint, id::OrderId, key, order::Decision, refusal::OrderRefused, time::Millis,
};

/// A request for units.
#[derive(Clone, Copy, Debug)]
pub struct ClaimRequest {
    /// Which order.
    pub order: OrderId,
    /// How many units.
    pub quantity: u32,
    /// Whose.
    pub buyer: BuyerId,
    /// Asked with what.
    pub fingerprint: Fingerprint,
    /// That the store had no row for the id, and when it said so.
    pub looked_up: Option<LookedUp>,
}

/// The ledger's ticket for a look-up in the store: it is void once the ledger forgot something since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The opening that asked.
    pub epoch: u64,
    /// When it asked, before the store was read.
    pub asked_at: Millis,
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The units are set aside: publish. `attempt` names this claim for a withdrawal.
    Claimed {
        /// Who made it.
        attempt: u64,
    },
    /// An earlier request made the claim and was not heard of since: publish again.
    Resumed,
    /// An earlier request got the promise: the answer is the same.
    AlreadyPromised,
    /// The store has decided.
    Decided(Decision),
    /// The reaper has it: the outcome is not known yet.
    Expiring,
    /// The ledger may have forgotten this id: ask the store, then claim again with this.
    LookUpFirst(LookedUp),
    /// The store knows nothing of it, but a message from before the opening may still be under way: not now.
    NotYet,
    /// A no.
    Refused(OrderRefused),
}

impl PoolBook {
    /// Claims units for an order id.
    pub fn claim(&mut self, now: Millis, request: &ClaimRequest) -> ClaimAnswer {
        if let Some(answer) = self.known(now, request) {
            return answer;
        }
        if now < self.terms.opens_at {
            return ClaimAnswer::Refused(OrderRefused::NotOpen { opens_at: self.terms.opens_at });
        }
        if self.may_be_forgotten(request) {
            return ClaimAnswer::LookUpFirst(LookedUp { epoch: self.epoch, asked_at: now });
        }
        if self.awaits_backlog(now) && self.is_from_before_the_opening(request.order) {
            return ClaimAnswer::NotYet;
        }
        if let Some(refused) = self.refuses(now, request) {
            return ClaimAnswer::Refused(refused);
        }
        self.attempts += 1;
        let attempt = self.attempts;
        let ClaimRequest { order, quantity, buyer, fingerprint, .. } = *request;
        let state = ClaimState::Intent { attempt };
        self.add_claim(order, Claim { quantity, buyer, fingerprint, made_at: now, state });
        ClaimAnswer::Claimed { attempt }
    }

    /// Step 2, when the bus was never given the message: gives the units back, if nobody else can be counting on them.
    pub fn withdraw(&mut self, now: Millis, order: OrderId, attempt: u64) {
        let mine = self
            .claims
            .get(&order)
            .is_some_and(|claim| claim.state == ClaimState::Intent { attempt } && now <= claim.deadline());
        #[cfg(feature = "sabotage")]
        let mine = mine || crate::sabotage::is_on(crate::sabotage::Sabotage::WithdrawsAnybodysClaim);
        if mine {
            self.drop_claim(order);
        }
    }

    fn known(&mut self, now: Millis, request: &ClaimRequest) -> Option<ClaimAnswer> {
        if let Some(claim) = self.claims.get_mut(&request.order) {
            #[cfg(feature = "sabotage")]
            let forgets = crate::sabotage::is_on(crate::sabotage::Sabotage::ForgetsTheFingerprint);
            #[cfg(not(feature = "sabotage"))]
            let forgets = false;
            if claim.fingerprint != request.fingerprint && !forgets {
                return Some(ClaimAnswer::Refused(OrderRefused::KeyReused));
            }
            return Some(match claim.state {
                ClaimState::Promised => ClaimAnswer::AlreadyPromised,
                ClaimState::Intent { .. } if now <= claim.deadline() => {
                    claim.state = ClaimState::Intent { attempt: 0 };
                    ClaimAnswer::Resumed
                }
                ClaimState::Intent { .. } | ClaimState::Picked => ClaimAnswer::Expiring,
            });
        }
        let Noted { decision, fingerprint } = self.notes.find(request.order)?;
        Some(if fingerprint == request.fingerprint {
            ClaimAnswer::Decided(decision)
        } else {
            ClaimAnswer::Refused(OrderRefused::KeyReused)
        })
    }

    /// An id whose own time, less what a key may lie ahead, is not later than the opening or than the writing of the newest
    /// note dropped, may have been decided and forgotten.
    fn may_be_forgotten(&self, request: &ClaimRequest) -> bool {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::is_on(crate::sabotage::Sabotage::SkipsTheLookUp) {
            return false;
        }
        let own = request.order.time().minus(key::AHEAD);
        let before_drop = self.notes.dropped_until().is_some_and(|written| own <= written);
        if !self.is_from_before_the_opening(request.order) && !before_drop {
            return false;
        }
        !request.looked_up.is_some_and(|looked_up| {
            looked_up.epoch == self.epoch
                && self.notes.dropped_until().is_none_or(|written| written < looked_up.asked_at)
        })
    }

    pub(super) fn is_from_before_the_opening(&self, order: OrderId) -> bool {
        !self.virgin && order.time().minus(key::AHEAD) <= self.opened_at
    }

    fn refuses(&self, now: Millis, request: &ClaimRequest) -> Option<OrderRefused> {
        if now >= self.terms.closes_at {
            return Some(OrderRefused::SaleOver);
        }
        if self.terms.paused {
            return Some(OrderRefused::Paused);
        }
        if let Some(limit) = self.terms.limit_per_buyer {
            let units = self.buyers.of(request.buyer.0).get(&request.buyer).copied().unwrap_or_default();
            let taken = units.settled.saturating_add(units.claimed);
            if taken.saturating_add(request.quantity) > limit {
                return Some(OrderRefused::LimitReached { limit, taken });
            }
        }
        let free = self.free();
        // What is held comes back as what is claimed does.
        let in_flight = self.claimed.saturating_add(self.numbers.held);
        (free < request.quantity).then_some(OrderRefused::SoldOut { free, in_flight })
    }
}
