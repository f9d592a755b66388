//! Step 6 and the sweep: what nobody finished is finished, and what was missed is read again.

use super::CacheSync;
use crate::{
    facts::announce_decisions,
    ports::{Entry, Judgement, PortFailure, PortResult},
};
#[cfg(feature = "sabotage")]
use stampede_domain::sabotage::{Sabotage, is_on};
use stampede_domain::{Contact, Intent, PoolId, Settlement, decide::Want, ledger::Picked};
use std::{rc::Rc, time::Duration};

/// Intents reaped in one transaction.
const REAPED_AT_ONCE: usize = 1_000;
/// Ends offered in one transaction.
const OFFERED_AT_ONCE: usize = 1_000;
/// A claim older than this has probably been decided and its settlement missed.
const OLD_CLAIM: Duration = Duration::from_secs(5);
/// Old claims swept in a round: all that the writers may hold, or those that were missed could hide behind those that wait.
const SWEPT_IN_A_ROUND: usize = 100_000;
/// Old claims asked about in one look at the store.
const SWEPT_AT_ONCE: usize = 1_000;
/// How often, in rounds, buyers changed since the last sweep are read: it reads every buyer, and what it heals the sweep of
/// claims has healed before, but for the rarest of misses.
const SWEEP_BUYERS_EVERY: u64 = 60;
/// How often, in rounds, dead letters are looked at.
const DEAD_LETTERS_EVERY: u64 = 5;
/// How often, in rounds, dead letters that ended long ago are forgotten.
const FORGET_EVERY: u64 = 3_600;

impl CacheSync {
    /// One round of tidying.
    pub(super) async fn tidy(self: &Rc<Self>) {
        let round = self.tidied.replace(self.tidied.get() + 1);
        if let Err(failure) = self.try_tidy(round).await {
            tracing::warn!(%failure, "tidying was cut short");
        }
    }

    async fn try_tidy(self: &Rc<Self>, round: u64) -> PortResult<()> {
        if !self.parts.keeper {
            return self.check_laws().await;
        }
        for pool in self.pools() {
            self.reap(pool).await?;
            #[cfg(feature = "sabotage")]
            if is_on(Sabotage::SkipsTheSweep) || is_on(Sabotage::ReapsWithoutSettling) {
                continue;
            }
            self.sweep_claims(pool).await?;
        }
        #[cfg(feature = "sabotage")]
        if is_on(Sabotage::SkipsTheSweep) {
            return self.check_laws().await;
        }
        self.sweep_numbers().await?;
        if round.is_multiple_of(SWEEP_BUYERS_EVERY) {
            self.sweep_buyers().await?;
        }
        if round.is_multiple_of(DEAD_LETTERS_EVERY) {
            self.bury().await?;
        }
        if round.is_multiple_of(FORGET_EVERY) {
            self.forget().await?;
        }
        self.check_laws().await
    }

    async fn reap(self: &Rc<Self>, pool: PoolId) -> PortResult<()> {
        let (epoch, picked) = self.parts.ledger.pick(pool, REAPED_AT_ONCE).await?;
        let entries = picked.iter().map(|picked| expired(pool, epoch, picked)).collect();
        self.offer(entries).await
    }

    /// Offers ends to the judge; the first insert wins, and whatever it was is settled. One that cannot be stored is found by
    /// halving, so that it keeps no other from its end.
    pub(super) async fn offer(self: &Rc<Self>, mut entries: Vec<Entry>) -> PortResult<()> {
        entries.sort_by_key(|entry| entry.intent.order);
        let mut parts: Vec<_> = entries.chunks(OFFERED_AT_ONCE).collect();
        while let Some(part) = parts.pop() {
            match self.parts.store.decide(self.parts.clock.now(), part).await {
                Ok(judgements) => self.ended(judgements),
                Err(PortFailure::Impossible(why)) => match part {
                    // Said once: it is offered again in every round.
                    [one] if !self.endless.borrow_mut().insert(one.intent.order) => {}
                    [one] => tracing::error!(order = %one.intent.order, why, "an order that is over cannot be ended"),
                    several => {
                        let (first, second) = several.split_at(several.len() / 2);
                        parts.extend([second, first]);
                    }
                },
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    fn ended(self: &Rc<Self>, judgements: Vec<Judgement>) {
        for judgement in &judgements {
            for (order, _, decision) in &judgement.fresh {
                tracing::info!(%order, ?decision, "an order that nobody finished has ended");
            }
        }
        announce_decisions(&judgements);
        #[cfg(feature = "sabotage")]
        if is_on(Sabotage::ReapsWithoutSettling) {
            return;
        }
        self.settle_soon(judgements.into_iter().map(|judgement| judgement.settlement).collect());
    }

    async fn sweep_claims(self: &Rc<Self>, pool: PoolId) -> PortResult<()> {
        let old = self.parts.ledger.claims_older_than(pool, OLD_CLAIM, SWEPT_IN_A_ROUND).await?;
        for some in old.chunks(SWEPT_AT_ONCE) {
            self.settle_soon(self.parts.store.settlements(some).await?);
        }
        Ok(())
    }

    /// The pools' own numbers, claim or not.
    pub(super) async fn sweep_numbers(self: &Rc<Self>) -> PortResult<()> {
        let mut settlements = Vec::new();
        for pool in self.open_pools().await? {
            let (_, numbers) = self.parts.store.pool(pool.pool).await?;
            if numbers.version > pool.numbers.settled.version {
                settlements.push(Settlement { pool: pool.pool, numbers, decided: Vec::new(), buyers: Vec::new() });
            }
        }
        if !settlements.is_empty() {
            self.settle_soon(settlements);
        }
        Ok(())
    }

    /// The units of buyers under a limit, claim or not.
    async fn sweep_buyers(self: &Rc<Self>) -> PortResult<()> {
        for pool in self.pools() {
            let limited = self.terms(pool).is_some_and(|terms| terms.limit_per_buyer.is_some());
            if !limited {
                continue;
            }
            // A later life than the one that opened the pool does not know how far that one got: from the beginning then.
            let after = self.swept.borrow().get(&pool).copied().unwrap_or_default();
            let (settlement, swept) = self.parts.store.changed_since(pool, after).await?;
            // Not with the others: only what has reached the ledger counts as swept.
            self.parts.ledger.settle(&[settlement], None).await?;
            self.swept.borrow_mut().insert(pool, swept);
        }
        Ok(())
    }
}

/// An intent that ran out. The ledger knows no names, and an order that never was needs none.
fn expired(pool: PoolId, epoch: u64, picked: &Picked) -> Entry {
    let Picked { order, quantity, buyer, fingerprint } = *picked;
    let contact = Contact::default();
    let intent = Intent { order, pool, quantity, buyer, fingerprint, asked_at: order.time(), contact, trace: None };
    Entry { intent, want: Want::Expire { epoch } }
}
