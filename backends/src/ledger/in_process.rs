//! The promise book in memory: one guarded map of books, locked once a call, never across an await.
//!
//! What a step does is said in [`stampede_domain::ledger`]; here is only whose book, and when. It dies with the process,
//! which is why a start opens every pool anew from the store and the queue.

use super::books::Books;
use async_trait::async_trait;
use stampede_actors::{
    clock::SharedClock,
    ports::{ClaimOf, Ledger, LedgerSnapshot, PortResult, PromiseOf, Withdrawal},
};
use stampede_domain::{
    Millis, OrderId, PoolId, Settlement, WriterReport,
    event::Terms,
    ledger::{Broken, ClaimAnswer, Known, Opening, Picked, PoolBook, PromiseAnswer},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A [`Ledger`] for one process.
pub struct InProcessLedger {
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    books: Books,
    report: WriterReport,
    heard_at: Millis,
    word_at: Option<Millis>,
    latest: Millis,
}

impl InProcessLedger {
    /// A ledger in which no pool is open.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// The books, and the ledger's time.
    ///
    /// The ledger's clock never runs back: while the machine's clock is behind the latest time seen, the ledger's stands still.
    /// Whether a claim is promised or reaped does not need this (picks are marks), but "may this id be forgotten?" does: it
    /// compares an id admitted at one time with a note written later, and "later" must not read as "earlier".
    ///
    /// A panic inside a transition leaves a book as it was between two statements. The claims may be off by one order then, in
    /// a book that is disposable, so the poison is ignored: the sale goes on, and the sweep settles what the store decided.
    fn locked(&self) -> (Millis, MutexGuard<'_, State>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.latest = state.latest.max(self.clock.now());
        (state.latest, state)
    }
}

#[async_trait]
impl Ledger for InProcessLedger {
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        let (now, mut state) = self.locked();
        Ok(state.books.claim(now, claims))
    }

    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        let (now, mut state) = self.locked();
        Ok(state.books.promise(now, promises))
    }

    async fn withdraw(&self, withdrawals: &[Withdrawal]) -> PortResult<()> {
        let (now, mut state) = self.locked();
        state.books.withdraw(now, withdrawals);
        Ok(())
    }

    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken> {
        let (now, mut state) = self.locked();
        let broken = state.books.settle(now, settlements);
        // Only the writers' own word counts as having heard of them: a sweep settles too, however dead the writers are.
        if let Some(report) = report {
            (state.report, state.heard_at, state.word_at) = (report, now, Some(now));
        }
        Ok(broken)
    }

    async fn pick(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)> {
        let (now, mut state) = self.locked();
        Ok(state.books.pick(now, pool, limit))
    }

    async fn claims_older_than(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>> {
        let (now, state) = self.locked();
        Ok(state.books.claims_older_than(now, pool, age, limit))
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<Known>> {
        let (now, state) = self.locked();
        Ok(state.books.find(now, order))
    }

    async fn snapshot(&self) -> PortResult<LedgerSnapshot> {
        let (now, state) = self.locked();
        let pools = state.books.snapshot();
        let State { report, heard_at, word_at, .. } = *state;
        // One process: its writers are there once they have spoken.
        let writers = word_at.map(|_| 0).into_iter().collect();
        Ok(LedgerSnapshot { now, pools, report, heard_at, writers, word_at: word_at.unwrap_or_default() })
    }

    async fn set_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()> {
        let (_, mut state) = self.locked();
        state.books.set_terms(pool, epoch, revision, terms);
        Ok(())
    }

    async fn close(&self, pool: PoolId, epoch: u64) -> PortResult<()> {
        let (_, mut state) = self.locked();
        let closed = state.books.close(pool, epoch);
        // Forgotten outside the lock: a book of a million buyers takes a while to drop.
        drop(state);
        drop(closed);
        Ok(())
    }

    async fn open(&self, pool: PoolId, opening: &Opening) -> PortResult<()> {
        // A book of a million buyers takes a while to make: that happens outside the lock.
        let now = self.locked().0;
        let opened = PoolBook::open(now, opening);
        let (now, mut state) = self.locked();
        if state.books.open(pool, opening, opened) {
            state.heard_at = now;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::contract::{self, HandClock};

    contract::ledger_contract!(|clock: HandClock| async move { InProcessLedger::new(clock.shared()) });
}
