//! The open books of a ledger in memory, and what each step does to them. Whose word of the writers counts is its owner's
//! affair: see [`super::InProcessLedger`] and, in simulations, the shared one.

use stampede_actors::ports::{ClaimOf, PoolSnapshot, PromiseOf, Withdrawal};
use stampede_domain::{
    Millis, OrderId, OrderRefused, PoolId, Settlement,
    event::Terms,
    ledger::{Broken, ClaimAnswer, Known, Opening, Picked, PoolBook, PromiseAnswer},
};
use std::{collections::BTreeMap, time::Duration};

/// A book for each pool that is open.
#[derive(Clone, Default)]
pub(super) struct Books {
    by_pool: BTreeMap<PoolId, PoolBook>,
    /// The latest opening of each pool: an older one that comes late must not open it again.
    epochs: BTreeMap<PoolId, u64>,
}

impl Books {
    pub(super) fn claim(&mut self, now: Millis, claims: &[ClaimOf]) -> Vec<Option<ClaimAnswer>> {
        claims.iter().map(|of| self.claim_one(now, of)).collect()
    }

    fn claim_one(&mut self, now: Millis, of: &ClaimOf) -> Option<ClaimAnswer> {
        let mut others = self.by_pool.iter().filter(|(pool, _)| **pool != of.pool);
        let is_anothers = others.any(|(_, book)| book.find(of.request.order) != Known::Nothing);
        let book = self.by_pool.get_mut(&of.pool)?;
        Some(if is_anothers { ClaimAnswer::Refused(OrderRefused::KeyReused) } else { book.claim(now, &of.request) })
    }

    pub(super) fn promise(&mut self, now: Millis, promises: &[PromiseOf]) -> Vec<PromiseAnswer> {
        let answer = |of: &PromiseOf| match self.by_pool.get_mut(&of.pool) {
            Some(book) => book.promise(now, of.order, of.fingerprint),
            None => PromiseAnswer::Refused,
        };
        promises.iter().map(answer).collect()
    }

    pub(super) fn withdraw(&mut self, now: Millis, withdrawals: &[Withdrawal]) {
        for withdrawal in withdrawals {
            if let Some(book) = self.by_pool.get_mut(&withdrawal.pool) {
                book.withdraw(now, withdrawal.order, withdrawal.attempt);
            }
        }
    }

    pub(super) fn settle(&mut self, now: Millis, settlements: &[Settlement]) -> Broken {
        let mut broken = Broken::default();
        for settlement in settlements {
            if let Some(book) = self.by_pool.get_mut(&settlement.pool) {
                broken += book.settle(now, settlement);
            }
        }
        broken
    }

    pub(super) fn pick(&mut self, now: Millis, pool: PoolId, limit: usize) -> (u64, Vec<Picked>) {
        self.by_pool.get_mut(&pool).map_or((0, Vec::new()), |book| (book.epoch(), book.pick(now, limit)))
    }

    pub(super) fn claims_older_than(&self, now: Millis, pool: PoolId, age: Duration, limit: usize) -> Vec<OrderId> {
        self.by_pool.get(&pool).map(|book| book.claims_older_than(now, age, limit)).unwrap_or_default()
    }

    pub(super) fn find(&self, now: Millis, order: OrderId) -> Option<Known> {
        let known = self.by_pool.values().map(|book| book.find(order)).find(|known| *known != Known::Nothing);
        let nobody_can_tell = self.by_pool.is_empty() || self.by_pool.values().any(|book| book.awaits_backlog(now));
        known.or((!nobody_can_tell).then_some(Known::Nothing))
    }

    pub(super) fn snapshot(&self) -> Vec<PoolSnapshot> {
        let snapshot = |(pool, book): (&PoolId, &PoolBook)| PoolSnapshot {
            pool: *pool,
            numbers: book.numbers(),
            revision: book.revision(),
        };
        self.by_pool.iter().map(snapshot).collect()
    }

    pub(super) fn set_terms(&mut self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) {
        if let Some(book) = self.by_pool.get_mut(&pool) {
            book.set_terms(epoch, revision, terms);
        }
    }

    /// Takes a book of an epoch before `epoch` out, for the caller to drop outside its lock: one of a million buyers takes a
    /// while.
    pub(super) fn close(&mut self, pool: PoolId, epoch: u64) -> Option<PoolBook> {
        let is_older = self.by_pool.get(&pool).is_some_and(|book| book.epoch() < epoch);
        is_older.then(|| self.by_pool.remove(&pool)).flatten()
    }

    /// Puts in a book that was made of `opening`, unless the pool is open or was opened with this epoch or a later one; whether
    /// it did.
    pub(super) fn open(&mut self, pool: PoolId, opening: &Opening, opened: PoolBook) -> bool {
        let is_newer = self.epochs.get(&pool).is_none_or(|latest| *latest < opening.epoch);
        let opens = is_newer && !self.by_pool.contains_key(&pool);
        if opens {
            self.by_pool.insert(pool, opened);
            self.epochs.insert(pool, opening.epoch);
        }
        opens
    }

    /// Closes every book, but remembers which epochs they were of; the pools that were open.
    #[cfg(any(test, feature = "memory"))]
    pub(super) fn close_all(&mut self) -> Vec<PoolId> {
        std::mem::take(&mut self.by_pool).into_keys().collect()
    }
}
