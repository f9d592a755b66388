//! The promise book: claims, free numbers, the status of orders in flight. Disposable.

use super::PortResult;
use async_trait::async_trait;
use stampede_domain::{
    Fingerprint, Millis, OrderId, PoolId, Settlement, WriterReport,
    event::Terms,
    ledger::{BookNumbers, Broken, ClaimAnswer, ClaimRequest, Known, Opening, Picked, PromiseAnswer},
};
use std::time::Duration;

/// A claim and the pool it is for.
#[derive(Clone, Copy, Debug)]
pub struct ClaimOf {
    /// Whose units.
    pub pool: PoolId,
    /// The claim.
    pub request: ClaimRequest,
}

/// A promise asked for.
#[derive(Clone, Copy, Debug)]
pub struct PromiseOf {
    /// Whose units.
    pub pool: PoolId,
    /// Which order.
    pub order: OrderId,
    /// Asked with what.
    pub fingerprint: Fingerprint,
}

/// A claim to be taken back because the bus never got its message.
#[derive(Clone, Copy, Debug)]
pub struct Withdrawal {
    /// Whose units.
    pub pool: PoolId,
    /// Which order.
    pub order: OrderId,
    /// Which claim, as [`ClaimAnswer::Claimed`] named it.
    pub attempt: u64,
}

/// One pool as the ledger sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSnapshot {
    /// Which.
    pub pool: PoolId,
    /// Its numbers.
    pub numbers: BookNumbers,
    /// The catalogue's revision that its terms are of.
    pub revision: u64,
}

/// What everybody reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerSnapshot {
    /// The ledger's clock.
    pub now: Millis,
    /// Pools that are open.
    pub pools: Vec<PoolSnapshot>,
    /// The writers, as last heard: those of all processes together.
    pub report: WriterReport,
    /// When one of them was last heard, or the ledger was opened.
    pub heard_at: Millis,
    /// The processes whose writers are in the report, in order.
    pub writers: Vec<u64>,
    /// When one of them last spoke, openings not counted.
    pub word_at: Millis,
}

/// Keeps claims. A pool that was never opened, or was closed, answers `None` where it stands in a list.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Step 1 for a batch, in order; `None` where the pool is not open. A key that another pool knows is refused as reused:
    /// its order is another one.
    ///
    /// # Errors
    /// `Unknown`: repeat with the same ids. `Unavailable`.
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>>;

    /// Step 3 for a batch, in order; [`PromiseAnswer::Refused`] where the pool is not open.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>>;

    /// Takes claims back, where nobody can be counting on them.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: the reaper will do it.
    async fn withdraw(&self, withdrawals: &[Withdrawal]) -> PortResult<()>;

    /// Step 5. Pools that are not open ignore it. `report` is kept as the latest word of the writers. Answers which
    /// promises were broken by it ([`stampede_domain::ledger::PoolBook::settle`]).
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: the sweep will do it.
    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken>;

    /// Step 6: marks intents past their deadline and returns them with the opening's epoch, at most `limit`.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    async fn pick(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)>;

    /// Claims older than `age`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn claims_older_than(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>>;

    /// What is known of an order; `None` while any pool that may know it is not open, or may yet learn of it from before its
    /// opening.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, order: OrderId) -> PortResult<Option<Known>>;

    /// The numbers of every open pool.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn snapshot(&self) -> PortResult<LedgerSnapshot>;

    /// Changes the rules of a pool's sale to those of the catalogue's `revision`; ignored by a pool that is not open, by
    /// another opening than that of `epoch`, and when newer rules are in force.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    async fn set_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()>;

    /// Closes a pool whose book is of an epoch before `epoch`: it answers as if it had never been opened, and its book is
    /// gone.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    async fn close(&self, pool: PoolId, epoch: u64) -> PortResult<()>;

    /// Opens a pool that is not open; ignored when it is, or when an opening of this epoch or a later one has been before.
    /// So a book that somebody counts on is never replaced: it has to be closed first.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    async fn open(&self, pool: PoolId, opening: &Opening) -> PortResult<()>;

    /// Returns when something has changed that everybody should see at once, as far as the ledger can tell. It may never
    /// return, so nobody waits for it alone: who must be up to date looks regularly.
    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}
