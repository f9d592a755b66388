//! The promise book in memory, with counted calls and faults on demand.

use async_trait::async_trait;
use stampede_actors::{
    clock::SharedClock,
    ports::{ClaimOf, Ledger, LedgerSnapshot, PoolSnapshot, PortFailure, PortResult, PromiseOf, Withdrawal},
};
use stampede_domain::{
    Millis, OrderId, PoolId, Settlement, WriterReport,
    event::Terms,
    ledger::{BookNumbers, Broken, ClaimAnswer, Known, Opening, Picked, PoolBook, PromiseAnswer},
};
use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

pub(crate) struct FakeLedger {
    clock: SharedClock,
    books: Mutex<Books>,
    /// How long a claim takes.
    pub(crate) claim_takes_ms: AtomicU64,
    /// How long a promise takes, before it happens.
    pub(crate) promise_takes_ms: AtomicU64,
    /// Sizes of the claim batches.
    pub(crate) claims: Mutex<Vec<usize>>,
    /// What the next claims end with, instead of an answer. `Unknown`: they happen.
    pub(crate) claim_faults: Mutex<VecDeque<PortFailure>>,
    /// Settlements get lost.
    pub(crate) loses_settlements: AtomicBool,
    /// How long loading an opening takes.
    pub(crate) open_takes_ms: AtomicU64,
    pub(crate) settles: AtomicU64,
    /// The epochs that pools were closed up to.
    pub(crate) closed_up_to: Mutex<Vec<u64>>,
    /// Rules that were given to books.
    pub(crate) terms_set: Mutex<Vec<Terms>>,
    pub(crate) broken: AtomicU64,
    /// Broken, perhaps, because their claims were lost.
    pub(crate) broken_by_loss: AtomicU64,
}

#[derive(Default)]
struct Books {
    by_pool: BTreeMap<PoolId, PoolBook>,
    report: WriterReport,
    heard_at: Millis,
    word_at: Option<Millis>,
    /// Processes that write too, and have nothing to do.
    others: Vec<u64>,
}

impl FakeLedger {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            books: Mutex::default(),
            claim_takes_ms: AtomicU64::new(0),
            promise_takes_ms: AtomicU64::new(0),
            claims: Mutex::default(),
            claim_faults: Mutex::default(),
            loses_settlements: AtomicBool::new(false),
            open_takes_ms: AtomicU64::new(0),
            settles: AtomicU64::new(0),
            closed_up_to: Mutex::default(),
            terms_set: Mutex::default(),
            broken: AtomicU64::new(0),
            broken_by_loss: AtomicU64::new(0),
        }
    }

    pub(crate) fn numbers(&self, pool: PoolId) -> Option<BookNumbers> {
        self.books.lock().unwrap().by_pool.get(&pool).map(PoolBook::numbers)
    }

    pub(crate) fn known(&self, order: OrderId) -> Known {
        let books = self.books.lock().unwrap();
        let known = books.by_pool.values().map(|book| book.find(order)).find(|known| *known != Known::Nothing);
        known.unwrap_or(Known::Nothing)
    }

    /// Another process writes too, or does no more.
    pub(crate) fn hears_others(&self, others: &[u64]) {
        self.books.lock().unwrap().others = others.to_vec();
    }

    /// The writers' last word.
    pub(crate) fn report(&self) -> WriterReport {
        self.books.lock().unwrap().report
    }

    /// Everything in it is gone, the writers' last word too.
    pub(crate) fn lose(&self) {
        *self.books.lock().unwrap() = Books::default();
    }

    pub(crate) fn claim_batches(&self) -> Vec<usize> {
        self.claims.lock().unwrap().clone()
    }
}

async fn takes(ms: &AtomicU64) {
    let ms = ms.load(Ordering::Relaxed);
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

#[async_trait]
impl Ledger for FakeLedger {
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        self.claims.lock().unwrap().push(claims.len());
        takes(&self.claim_takes_ms).await;
        let fault = self.claim_faults.lock().unwrap().pop_front();
        if let Some(fault @ (PortFailure::Unavailable(_) | PortFailure::Impossible(_))) = fault {
            return Err(fault);
        }
        let now = self.clock.now();
        let mut books = self.books.lock().unwrap();
        let answer = |of: &ClaimOf| Some(books.by_pool.get_mut(&of.pool)?.claim(now, &of.request));
        let answers = claims.iter().map(answer).collect();
        fault.map_or(Ok(answers), Err)
    }

    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        takes(&self.promise_takes_ms).await;
        let now = self.clock.now();
        let mut books = self.books.lock().unwrap();
        let answer = |of: &PromiseOf| match books.by_pool.get_mut(&of.pool) {
            Some(book) => book.promise(now, of.order, of.fingerprint),
            None => PromiseAnswer::Refused,
        };
        Ok(promises.iter().map(answer).collect())
    }

    async fn withdraw(&self, withdrawals: &[Withdrawal]) -> PortResult<()> {
        let now = self.clock.now();
        let mut books = self.books.lock().unwrap();
        for withdrawal in withdrawals {
            if let Some(book) = books.by_pool.get_mut(&withdrawal.pool) {
                book.withdraw(now, withdrawal.order, withdrawal.attempt);
            }
        }
        Ok(())
    }

    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken> {
        let now = self.clock.now();
        let mut books = self.books.lock().unwrap();
        if let Some(report) = report {
            (books.report, books.heard_at, books.word_at) = (report, now, Some(now));
        }
        if self.loses_settlements.load(Ordering::Relaxed) && !settlements.is_empty() {
            return Err(PortFailure::Unknown("lost on purpose".into()));
        }
        self.settles.fetch_add(1, Ordering::Relaxed);
        let mut broken = Broken::default();
        for settlement in settlements {
            if let Some(book) = books.by_pool.get_mut(&settlement.pool) {
                broken += book.settle(now, settlement);
            }
        }
        self.broken.fetch_add(broken.decided_otherwise.into(), Ordering::Relaxed);
        self.broken_by_loss.fetch_add(broken.ledger_lost.into(), Ordering::Relaxed);
        Ok(broken)
    }

    async fn pick(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)> {
        let now = self.clock.now();
        let mut books = self.books.lock().unwrap();
        Ok(books.by_pool.get_mut(&pool).map_or((0, Vec::new()), |book| (book.epoch(), book.pick(now, limit))))
    }

    async fn claims_older_than(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>> {
        let now = self.clock.now();
        let books = self.books.lock().unwrap();
        Ok(books.by_pool.get(&pool).map(|book| book.claims_older_than(now, age, limit)).unwrap_or_default())
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<Known>> {
        let is_open = !self.books.lock().unwrap().by_pool.is_empty();
        Ok(is_open.then(|| self.known(order)))
    }

    async fn snapshot(&self) -> PortResult<LedgerSnapshot> {
        let now = self.clock.now();
        let books = self.books.lock().unwrap();
        let snapshot = |(pool, book): (&PoolId, &PoolBook)| PoolSnapshot {
            pool: *pool,
            numbers: book.numbers(),
            revision: book.revision(),
        };
        let pools = books.by_pool.iter().map(snapshot).collect();
        let Books { report, heard_at, word_at, .. } = *books;
        let writers = word_at.map(|_| 0).into_iter().chain(books.others.iter().copied()).collect();
        Ok(LedgerSnapshot { now, pools, report, heard_at, writers, word_at: word_at.unwrap_or_default() })
    }

    async fn set_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()> {
        if let Some(book) = self.books.lock().unwrap().by_pool.get_mut(&pool) {
            self.terms_set.lock().unwrap().push(terms);
            book.set_terms(epoch, revision, terms);
        }
        Ok(())
    }

    async fn close(&self, pool: PoolId, epoch: u64) -> PortResult<()> {
        self.closed_up_to.lock().unwrap().push(epoch);
        self.books.lock().unwrap().by_pool.retain(|of, book| *of != pool || book.epoch() >= epoch);
        Ok(())
    }

    async fn open(&self, pool: PoolId, opening: &Opening) -> PortResult<()> {
        takes(&self.open_takes_ms).await;
        let now = self.clock.now();
        let mut books = self.books.lock().unwrap();
        if let Entry::Vacant(closed) = books.by_pool.entry(pool) {
            closed.insert(PoolBook::open(now, opening));
            books.heard_at = now;
        }
        Ok(())
    }
}
