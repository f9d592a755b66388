//! The promise book in memory: one guarded map of books, locked once a call, never across an await.
//!
//! What a step does is said in [`stampede_domain::ledger`]; here is only whose book, and when. It dies with the process,
//! which is why a start opens every pool anew from the store and the queue.

use async_trait::async_trait;
use stampede_actors::{
    clock::SharedClock,
    ports::{ClaimOf, Ledger, LedgerSnapshot, PoolSnapshot, PortResult, PromiseOf, Withdrawal},
};
use stampede_domain::{
    Millis, OrderId, OrderRefused, PoolId, Settlement, WriterReport,
    event::Terms,
    ledger::{Broken, ClaimAnswer, Known, Opening, Picked, PoolBook, PromiseAnswer},
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A [`Ledger`] for one process.
pub struct InProcessLedger {
    clock: SharedClock,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    by_pool: BTreeMap<PoolId, PoolBook>,
    /// The latest opening of each pool: an older one that comes late must not open it again.
    epochs: BTreeMap<PoolId, u64>,
    report: WriterReport,
    heard_at: Millis,
    word_at: Option<Millis>,
    latest: Millis,
}

impl Books {
    fn claim(&mut self, now: Millis, of: &ClaimOf) -> Option<ClaimAnswer> {
        let mut others = self.by_pool.iter().filter(|(pool, _)| **pool != of.pool);
        let is_anothers = others.any(|(_, book)| book.find(of.request.order) != Known::Nothing);
        let book = self.by_pool.get_mut(&of.pool)?;
        Some(if is_anothers { ClaimAnswer::Refused(OrderRefused::KeyReused) } else { book.claim(now, &of.request) })
    }
}

impl InProcessLedger {
    /// A ledger in which no pool is open.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, books: Mutex::default() }
    }

    /// The books, and the ledger's time.
    ///
    /// The ledger's clock never runs back: while the machine's clock is behind the latest time seen, the ledger's stands still.
    /// Whether a claim is promised or reaped does not need this (picks are marks), but "may this id be forgotten?" does: it
    /// compares an id admitted at one time with a note written later, and "later" must not read as "earlier".
    ///
    /// A panic inside a transition leaves a book as it was between two statements. The claims may be off by one order then, in
    /// a book that is disposable, so the poison is ignored: the sale goes on, and the sweep settles what the store decided.
    fn locked(&self) -> (Millis, MutexGuard<'_, Books>) {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        books.latest = books.latest.max(self.clock.now());
        (books.latest, books)
    }
}

#[async_trait]
impl Ledger for InProcessLedger {
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        let (now, mut books) = self.locked();
        Ok(claims.iter().map(|of| books.claim(now, of)).collect())
    }

    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        let (now, mut books) = self.locked();
        let answer = |of: &PromiseOf| match books.by_pool.get_mut(&of.pool) {
            Some(book) => book.promise(now, of.order, of.fingerprint),
            None => PromiseAnswer::Refused,
        };
        Ok(promises.iter().map(answer).collect())
    }

    async fn withdraw(&self, withdrawals: &[Withdrawal]) -> PortResult<()> {
        let (now, mut books) = self.locked();
        for withdrawal in withdrawals {
            if let Some(book) = books.by_pool.get_mut(&withdrawal.pool) {
                book.withdraw(now, withdrawal.order, withdrawal.attempt);
            }
        }
        Ok(())
    }

    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken> {
        let (now, mut books) = self.locked();
        let mut broken = Broken::default();
        for settlement in settlements {
            if let Some(book) = books.by_pool.get_mut(&settlement.pool) {
                broken += book.settle(now, settlement);
            }
        }
        // Only the writers' own word counts as having heard of them: a sweep settles too, however dead the writers are.
        if let Some(report) = report {
            (books.report, books.heard_at, books.word_at) = (report, now, Some(now));
        }
        Ok(broken)
    }

    async fn pick(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)> {
        let (now, mut books) = self.locked();
        Ok(books.by_pool.get_mut(&pool).map_or((0, Vec::new()), |book| (book.epoch(), book.pick(now, limit))))
    }

    async fn claims_older_than(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>> {
        let (now, books) = self.locked();
        Ok(books.by_pool.get(&pool).map(|book| book.claims_older_than(now, age, limit)).unwrap_or_default())
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<Known>> {
        let (now, books) = self.locked();
        let known = books.by_pool.values().map(|book| book.find(order)).find(|known| *known != Known::Nothing);
        let nobody_can_tell = books.by_pool.is_empty() || books.by_pool.values().any(|book| book.awaits_backlog(now));
        Ok(known.or((!nobody_can_tell).then_some(Known::Nothing)))
    }

    async fn snapshot(&self) -> PortResult<LedgerSnapshot> {
        let (now, books) = self.locked();
        let snapshot = |(pool, book): (&PoolId, &PoolBook)| PoolSnapshot {
            pool: *pool,
            numbers: book.numbers(),
            revision: book.revision(),
        };
        let pools = books.by_pool.iter().map(snapshot).collect();
        let Books { report, heard_at, word_at, .. } = *books;
        // One process: its writers are there once they have spoken.
        let writers = word_at.map(|_| 0).into_iter().collect();
        Ok(LedgerSnapshot { now, pools, report, heard_at, writers, word_at: word_at.unwrap_or_default() })
    }

    async fn set_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()> {
        let (_, mut books) = self.locked();
        if let Some(book) = books.by_pool.get_mut(&pool) {
            book.set_terms(epoch, revision, terms);
        }
        Ok(())
    }

    async fn close(&self, pool: PoolId, epoch: u64) -> PortResult<()> {
        let (_, mut books) = self.locked();
        let is_older = books.by_pool.get(&pool).is_some_and(|book| book.epoch() < epoch);
        let closed = is_older.then(|| books.by_pool.remove(&pool));
        // Forgotten outside the lock: a book of a million buyers takes a while to drop.
        drop(books);
        drop(closed);
        Ok(())
    }

    async fn open(&self, pool: PoolId, opening: &Opening) -> PortResult<()> {
        // A book of a million buyers takes a while to make: that happens outside the lock.
        let now = self.locked().0;
        let opened = PoolBook::open(now, opening);
        let (now, mut books) = self.locked();
        let is_newer = books.epochs.get(&pool).is_none_or(|latest| *latest < opening.epoch);
        if is_newer && !books.by_pool.contains_key(&pool) {
            books.by_pool.insert(pool, opened);
            books.epochs.insert(pool, opening.epoch);
            books.heard_at = now;
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
