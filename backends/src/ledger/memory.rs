//! The promise book in memory, shared by many "processes" on one thread: Redis, for simulations.
//!
//! The books are those of [`super::InProcessLedger`]; what differs is what a server differs in. Each process has a handle with
//! a number of its own, the reports of all are added up (`redis/lua/reports.lua`), and the whole can be lost, or come back as
//! it was earlier. Nothing here depends on chance, on the machine's clock or on the order of a hash map.
//!
//! Absent: the gap between "does another pool know this key" and the claim, which Redis leaves open to two nodes.

use super::{books::Books, news::News};
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
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// Processes heard this long before the latest word are counted together with it.
const TOGETHER: Duration = Duration::from_secs(2);
/// A process that is silent for this long is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// What all processes share. Clones are the same server.
#[derive(Clone)]
pub struct MemoryLedgerServer {
    clock: SharedClock,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    kept: Kept,
    listeners: Vec<Weak<News>>,
}

/// What the server keeps, and may lose.
#[derive(Clone, Default)]
struct Kept {
    latest: Millis,
    books: Books,
    /// Pools that were open when the server was started anew: they may know what nobody can ask them.
    lost: BTreeSet<PoolId>,
    words: BTreeMap<u64, (Millis, WriterReport)>,
    heard: Option<Millis>,
    opened: Millis,
}

/// What a server had kept at some moment.
#[derive(Clone)]
pub struct MemoryLedgerCopy(Kept);

impl MemoryLedgerServer {
    /// A server in which no pool is open. `clock` is its own, and everybody else's is told by it.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, shared: Arc::default() }
    }

    /// The server as process `writer` sees it; its writers' reports are kept under this number.
    #[must_use]
    pub fn handle(&self, writer: u64) -> MemoryLedger {
        let news = Arc::new(News::default());
        let mut shared = self.lock();
        shared.listeners.retain(|listener| listener.strong_count() > 0);
        shared.listeners.push(Arc::downgrade(&news));
        MemoryLedger { server: self.clone(), writer, news }
    }

    /// Everything is gone: `FLUSHALL`, or a start without its file.
    pub fn lose(&self) {
        self.lock().kept = Kept::default();
    }

    /// What is kept now, for a [`MemoryLedgerServer::restore`] later.
    #[must_use]
    pub fn copy(&self) -> MemoryLedgerCopy {
        MemoryLedgerCopy(self.lock().kept.clone())
    }

    /// The server is started with what it had kept at an earlier moment. Its books count as lost, and say so.
    pub fn restore(&self, copy: &MemoryLedgerCopy) {
        let mut kept = copy.0.clone();
        kept.lost.extend(kept.books.close_all());
        self.lock().kept = kept;
    }

    /// The deliberate mistake: an older state comes back, and nobody notices.
    pub fn restore_unnoticed(&self, copy: &MemoryLedgerCopy) {
        self.lock().kept = copy.0.clone();
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept, and the server's time, which never runs back: it stands still instead.
    fn locked(&self) -> (Millis, MutexGuard<'_, Shared>) {
        let mut shared = self.lock();
        shared.kept.latest = shared.kept.latest.max(self.clock.now());
        (shared.kept.latest, shared)
    }
}

impl Shared {
    fn tell(&self) {
        for listener in self.listeners.iter().filter_map(Weak::upgrade) {
            listener.arrive();
        }
    }
}

impl Kept {
    fn hear(&mut self, now: Millis, writer: u64, report: WriterReport) {
        self.heard = Some(now);
        self.words.insert(writer, (now, report));
        self.words.retain(|_, (said, _)| *said >= now.minus(FORGOTTEN_AFTER));
    }

    /// The writers of all processes together. Who has stopped while others go on drops out; when all fall silent, their last
    /// word stays.
    fn writers(&self) -> (WriterReport, Vec<u64>) {
        let since = self.heard.unwrap_or_default().minus(TOGETHER);
        let (mut together, mut writers) = (WriterReport::default(), Vec::new());
        for (writer, (_, word)) in self.words.iter().filter(|(_, (said, _))| *said >= since) {
            writers.push(*writer);
            together.depth = together.depth.saturating_add(word.depth);
            together.high_water = together.high_water.saturating_add(word.high_water);
            together.per_second = together.per_second.saturating_add(word.per_second);
            together.oldest = [together.oldest, word.oldest].into_iter().flatten().min();
        }
        (together, writers)
    }
}

/// A [`Ledger`] of one process among others that have handles of the same [`MemoryLedgerServer`].
pub struct MemoryLedger {
    server: MemoryLedgerServer,
    writer: u64,
    news: Arc<News>,
}

#[async_trait]
impl Ledger for MemoryLedger {
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        let (now, mut shared) = self.server.locked();
        Ok(shared.kept.books.claim(now, claims))
    }

    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        let (now, mut shared) = self.server.locked();
        Ok(shared.kept.books.promise(now, promises))
    }

    async fn withdraw(&self, withdrawals: &[Withdrawal]) -> PortResult<()> {
        let (now, mut shared) = self.server.locked();
        shared.kept.books.withdraw(now, withdrawals);
        shared.tell();
        Ok(())
    }

    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken> {
        let (now, mut shared) = self.server.locked();
        let broken = shared.kept.books.settle(now, settlements);
        if let Some(report) = report {
            shared.kept.hear(now, self.writer, report);
        }
        if !settlements.is_empty() {
            shared.tell();
        }
        Ok(broken)
    }

    /// Marks all that are due, for the book would mark as many as there is room for in the order of its hash map.
    async fn pick(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)> {
        let (now, mut shared) = self.server.locked();
        let (epoch, mut picked) = shared.kept.books.pick(now, pool, usize::MAX);
        picked.sort_by_key(|picked| picked.order);
        picked.truncate(limit);
        Ok((epoch, picked))
    }

    async fn claims_older_than(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>> {
        let (now, shared) = self.server.locked();
        let mut older = shared.kept.books.claims_older_than(now, pool, age, usize::MAX);
        older.sort_unstable();
        older.truncate(limit);
        Ok(older)
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<Known>> {
        let (now, shared) = self.server.locked();
        let known = shared.kept.books.find(now, order);
        Ok(known.filter(|known| *known != Known::Nothing || shared.kept.lost.is_empty()))
    }

    async fn snapshot(&self) -> PortResult<LedgerSnapshot> {
        let (now, shared) = self.server.locked();
        let (report, writers) = shared.kept.writers();
        let word_at = shared.kept.heard.unwrap_or_default();
        let heard_at = word_at.max(shared.kept.opened);
        Ok(LedgerSnapshot { now, pools: shared.kept.books.snapshot(), report, heard_at, writers, word_at })
    }

    async fn set_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()> {
        let (_, mut shared) = self.server.locked();
        shared.kept.books.set_terms(pool, epoch, revision, terms);
        shared.tell();
        Ok(())
    }

    async fn close(&self, pool: PoolId, epoch: u64) -> PortResult<()> {
        let (_, mut shared) = self.server.locked();
        if shared.kept.books.close(pool, epoch).is_some() {
            shared.tell();
        }
        Ok(())
    }

    async fn open(&self, pool: PoolId, opening: &Opening) -> PortResult<()> {
        let (now, mut shared) = self.server.locked();
        let opened = PoolBook::open(now, opening);
        if shared.kept.books.open(pool, opening, opened) {
            shared.kept.opened = now;
            shared.kept.lost.remove(&pool);
            shared.tell();
        }
        Ok(())
    }

    async fn changed(&self) {
        self.news.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::contract::{self, HandClock};
    use stampede_actors::{clock::Clock, ports::PoolSnapshot};
    use stampede_domain::{
        BuyerId, Fingerprint, PoolNumbers,
        ledger::{ClaimRequest, INTENT_LIFE},
    };

    contract::ledger_contract!(|clock: HandClock| async move { MemoryLedgerServer::new(clock.shared()).handle(7) });

    const POOL: PoolId = PoolId(7);

    fn opening(epoch: u64) -> Opening {
        let terms = Terms { opens_at: Millis(0), closes_at: Millis(i64::MAX), paused: false, limit_per_buyer: None };
        let numbers = PoolNumbers { capacity: 1000, version: 1, ..PoolNumbers::default() };
        let (buyers, undecided) = (vec![], vec![]);
        Opening { epoch, numbers, terms, buyers, undecided, virgin: true, drained: true, revision: 1 }
    }

    fn id(clock: &HandClock, number: u32) -> OrderId {
        let time = u128::from(clock.now().0.unsigned_abs()) << 80;
        // The lowest bits last, so that hash maps and time put them in another order than the ids have.
        let tail = u128::from(number.reverse_bits());
        OrderId(uuid::Uuid::from_u128(time | 0x7000_8000_0000_0000_0000 | tail))
    }

    fn claim(order: OrderId) -> ClaimOf {
        let (buyer, fingerprint) = (BuyerId(1), Fingerprint(9));
        ClaimOf { pool: POOL, request: ClaimRequest { order, quantity: 1, buyer, fingerprint, looked_up: None } }
    }

    async fn pools(ledger: &MemoryLedger) -> Vec<PoolSnapshot> {
        ledger.snapshot().await.unwrap().pools
    }

    async fn opened(clock: &HandClock) -> (MemoryLedgerServer, MemoryLedger) {
        let server = MemoryLedgerServer::new(clock.shared());
        let ledger = server.handle(1);
        ledger.open(POOL, &opening(1)).await.unwrap();
        (server, ledger)
    }

    #[tokio::test]
    async fn all_processes_see_one_book_and_their_writers_are_added_up() {
        let clock = HandClock::default();
        let (server, one) = opened(&clock).await;
        let other = server.handle(2);
        one.claim(&[claim(id(&clock, 1))]).await.unwrap();
        assert_eq!(pools(&one).await, pools(&other).await);
        let report = |depth, oldest| WriterReport { depth, high_water: 10, oldest, per_second: 3 };
        one.settle(&[], Some(report(4, None))).await.unwrap();
        clock.turn(Duration::from_secs(1));
        other.settle(&[], Some(report(5, Some(Millis(77))))).await.unwrap();
        let snapshot = one.snapshot().await.unwrap();
        let sum = WriterReport { depth: 9, high_water: 20, oldest: Some(Millis(77)), per_second: 6 };
        assert_eq!((snapshot.report, &snapshot.writers[..]), (sum, &[1, 2][..]));
        // The first falls silent.
        clock.turn(Duration::from_millis(1500));
        other.settle(&[], Some(report(5, None))).await.unwrap();
        let snapshot = one.snapshot().await.unwrap();
        assert_eq!((snapshot.report, &snapshot.writers[..]), (report(5, None), &[2][..]));
        clock.turn(Duration::from_hours(1));
        assert_eq!(one.snapshot().await.unwrap().writers, [2], "the last word stays");
    }

    #[tokio::test]
    async fn after_a_loss_no_pool_is_open_and_any_epoch_opens() {
        let clock = HandClock::default();
        let (server, ledger) = opened(&clock).await;
        ledger.settle(&[], Some(WriterReport::default())).await.unwrap();
        server.lose();
        assert_eq!(ledger.claim(&[claim(id(&clock, 1))]).await.unwrap(), [None]);
        let snapshot = ledger.snapshot().await.unwrap();
        assert_eq!((snapshot.pools.len(), snapshot.writers.len(), snapshot.word_at), (0, 0, Millis(0)));
        ledger.open(POOL, &opening(1)).await.unwrap();
        assert_eq!(pools(&ledger).await.len(), 1);
    }

    #[tokio::test]
    async fn an_older_copy_counts_as_lost_until_a_newer_epoch_opens_it() {
        let clock = HandClock::default();
        let (server, ledger) = opened(&clock).await;
        let order = id(&clock, 1);
        ledger.claim(&[claim(order)]).await.unwrap();
        let copy = server.copy();
        ledger.claim(&[claim(id(&clock, 2))]).await.unwrap();
        server.restore(&copy);
        assert_eq!(ledger.claim(&[claim(order)]).await.unwrap(), [None]);
        ledger.open(PoolId(8), &opening(1)).await.unwrap();
        assert_eq!(ledger.find(order).await.unwrap(), None, "the lost book may know it");
        ledger.open(POOL, &opening(1)).await.unwrap();
        assert_eq!(pools(&ledger).await.len(), 1, "its epoch has been before");
        ledger.open(POOL, &opening(2)).await.unwrap();
        assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Nothing));
    }

    #[tokio::test]
    async fn a_copy_restored_unnoticed_answers_as_if_nothing_had_been_since() {
        let clock = HandClock::default();
        let (server, ledger) = opened(&clock).await;
        let copy = server.copy();
        let order = id(&clock, 1);
        ledger.claim(&[claim(order)]).await.unwrap();
        server.restore_unnoticed(&copy);
        assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Nothing));
        assert_eq!(pools(&ledger).await[0].numbers.claimed, 0);
    }

    #[tokio::test]
    async fn what_a_hash_map_holds_comes_in_the_order_of_ids() {
        let clock = HandClock::default();
        let (_, ledger) = opened(&clock).await;
        let claims: Vec<_> = (0..300).map(|number| claim(id(&clock, number))).collect();
        ledger.claim(&claims).await.unwrap();
        clock.turn(INTENT_LIFE + Duration::from_secs(1));
        let mut ids: Vec<_> = claims.iter().map(|of| of.request.order).collect();
        ids.sort_unstable();
        let older = ledger.claims_older_than(POOL, Duration::from_secs(1), 200).await.unwrap();
        assert_eq!(older, ids[..200]);
        let picked = ledger.pick(POOL, 100).await.unwrap().1;
        assert_eq!(picked.iter().map(|picked| picked.order).collect::<Vec<_>>(), ids[..100]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_settlement_wakes_whoever_waits_for_news_in_every_process() {
        let clock = HandClock::default();
        let (server, one) = opened(&clock).await;
        let other = server.handle(2);
        one.changed().await;
        let (waiting, settling) = (async { tokio::join!(one.changed(), other.changed()) }, async {
            let numbers = opening(1).numbers;
            let settlement = Settlement { pool: POOL, numbers, decided: vec![], buyers: vec![] };
            one.settle(&[settlement], None).await.unwrap();
        });
        let both = async { tokio::join!(waiting, settling) };
        tokio::time::timeout(Duration::from_secs(1), both).await.expect("both are told");
    }
}
