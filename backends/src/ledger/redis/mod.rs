//! The promise book in Redis, for many processes: ADR 12.
//!
//! What a step does is said in [`stampede_domain::ledger`]; `lua/` does the same inside the server, one script a step, one call
//! a batch and pool. A book whose server was restarted or failed over is lost (its `run_id` is another), and so is one that was
//! never opened: both answer `None`, and are opened anew from the store.
//!
//! | keys | what |
//! |---|---|
//! | `{prefix:pool}:head` | a pool's numbers, terms, clock and bounds |
//! | `{prefix:pool}:EPOCH:claims`, `…:intents`, `…:promised`, `…:picked` | claims by id, and their ids by age |
//! | `{prefix:pool}:EPOCH:buyers` | units of buyers, under a limit |
//! | `{prefix:pool}:EPOCH:n:BUCKET`, `…:written` | notes (`lua/notes.lua`) |
//! | `{prefix:pool}:load:NAME:…` | an opening being loaded; expires |
//! | `{prefix:pool}:debris` | closed books whose notes are being thrown away |
//! | `{prefix:limit:NAME:OF}` | rate limits (`limits.rs`); expire |
//! | `{prefix:reports}`, `prefix:pools` | the writers' words; pools that were ever opened |

mod book;
mod clock;
mod connect;
mod fault;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod limits;
mod link;
mod news;
mod opening;
mod scripts;
mod view;
mod wire;

#[cfg(test)]
mod tests;

pub use connect::OpenRedisError;

use self::{clock::LedgerClock, link::Link, scripts::Script, wire::Packed};
use super::news::News;
use async_trait::async_trait;
use redis::Cmd;
use stampede_actors::{
    clock::SharedClock,
    ports::{ClaimOf, Ledger, LedgerSnapshot, PortResult, PromiseOf, Withdrawal},
};
use stampede_domain::{
    OrderId, PoolId, Settlement, WriterReport,
    event::Terms,
    ledger::{Broken, ClaimAnswer, Known, NOTES_KEPT, Opening, Picked, PromiseAnswer},
};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};
use tokio::task::AbortHandle;

/// How to reach a Redis, and as whom.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://user:password@host:port/database`, or `rediss://` for TLS.
    pub url: String,
    /// What every key begins with, so that shops can share a server.
    pub prefix: String,
    /// How long an answer may take; then the server counts as lost.
    pub response_timeout: Duration,
    /// How long [`RedisLedger::connect`] tries.
    pub connect_patience: Duration,
    /// Random: whose report this process's is.
    pub process: u64,
}

/// How many notes a pool keeps.
#[derive(Clone, Copy, Debug)]
struct NotesKept {
    all: usize,
    /// Notes of a segment, which are dropped together.
    segment: usize,
    /// Strings that they are spread over, a power of two. About 64 notes a string: shorter ones cost memory, longer ones time.
    buckets: usize,
}

impl NotesKept {
    fn about(all: usize) -> Self {
        Self { all, segment: 4096, buckets: (all / 64).clamp(1, 1 << 16).next_power_of_two() }
    }
}

/// A [`Ledger`] for many processes.
pub struct RedisLedger {
    link: Arc<Link>,
    prefix: String,
    process: String,
    /// Pools that somebody opened once, as far as this process knows.
    pools: Mutex<BTreeSet<i64>>,
    clock: Arc<LedgerClock>,
    news: Arc<News>,
    listener: AbortHandle,
    loads: AtomicU64,
    notes: NotesKept,
    /// The clock of tests, instead of the server's.
    given: Option<SharedClock>,
}

impl Drop for RedisLedger {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl RedisLedger {
    /// Connects, within [`RedisOptions::connect_patience`].
    ///
    /// # Errors
    /// [`OpenRedisError`] says what to do: at once for a bad URL, a wrong password or an unfit server.
    pub async fn connect(options: RedisOptions) -> Result<Self, OpenRedisError> {
        Self::connect_keeping(options, NotesKept::about(NOTES_KEPT), None).await
    }

    async fn connect_keeping(
        options: RedisOptions,
        notes: NotesKept,
        given: Option<SharedClock>,
    ) -> Result<Self, OpenRedisError> {
        let RedisOptions { url, prefix, response_timeout, connect_patience, process } = options;
        let unreachable =
            |failure| OpenRedisError::Unreachable { patience: connect_patience, cause: format!("{failure}") };
        let client = connect::client(&url)?;
        let connection = connect::patiently(&client, response_timeout, connect_patience).await?;
        let link = Link::over(client.clone(), connection, response_timeout).await.map_err(unreachable)?;
        let news = Arc::new(News::default());
        let listening = news::listen(client, format!("{prefix}:changed"), response_timeout, Arc::clone(&news));
        let listener = link.runtime().spawn(listening).abort_handle();
        let ledger = Self {
            link,
            prefix,
            process: format!("{process:016x}"),
            pools: Mutex::default(),
            clock: Arc::new(LedgerClock::new()),
            news,
            listener,
            loads: AtomicU64::new(0),
            notes,
            given,
        };
        // The first look sets the clock and learns of pools that others have opened.
        ledger.look().await.map_err(unreachable)?;
        Ok(ledger)
    }

    /// The ledger's clock for everybody in this process: the server's time, measured at every snapshot.
    #[must_use]
    pub fn clock(&self) -> SharedClock {
        self.given.clone().unwrap_or_else(|| Arc::clone(&self.clock) as SharedClock)
    }

    /// A call of a pool's script. Its first argument begins with the time of tests, or -1.
    fn call(&self, script: Script, pool: PoolId, packed: &Packed) -> Cmd {
        self.call_with(script, pool, packed, &[])
    }

    fn call_with(&self, script: Script, pool: PoolId, packed: &Packed, more: &[u8]) -> Cmd {
        let key = format!("{}:head", self.tag(pool));
        let channel = format!("{}:changed", self.prefix);
        self.link.digests.call(script, &key, &[&packed.0, channel.as_bytes(), more])
    }

    /// What all keys of a pool begin with; the braces keep them in one slot.
    fn tag(&self, pool: PoolId) -> String {
        format!("{{{}:{:016x}}}", self.prefix, pool.0)
    }

    fn packed(&self) -> Packed {
        let mut packed = Packed::default();
        packed.number(self.given.as_ref().map_or(-1, |clock| clock.now().0));
        packed
    }
}

#[async_trait]
impl Ledger for RedisLedger {
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        self.claim_all(claims).await
    }

    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        self.promise_all(promises).await
    }

    async fn withdraw(&self, withdrawals: &[Withdrawal]) -> PortResult<()> {
        self.withdraw_all(withdrawals).await
    }

    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken> {
        self.settle_all(settlements, report).await
    }

    async fn pick(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)> {
        self.pick_some(pool, limit).await
    }

    async fn claims_older_than(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>> {
        self.list_older(pool, age, limit).await.map_err(fault::only_read)
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<Known>> {
        self.find_order(order).await.map_err(fault::only_read)
    }

    async fn snapshot(&self) -> PortResult<LedgerSnapshot> {
        self.look().await.map_err(fault::only_read)
    }

    async fn set_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()> {
        self.put_terms(pool, epoch, revision, terms).await
    }

    async fn close(&self, pool: PoolId, epoch: u64) -> PortResult<()> {
        self.close_book(pool, epoch).await
    }

    async fn open(&self, pool: PoolId, opening: &Opening) -> PortResult<()> {
        self.open_book(pool, opening).await
    }

    async fn changed(&self) {
        self.news.wait().await;
    }
}
