//! The truth, and the only judge of an order's fate.

use super::PortResult;
use async_trait::async_trait;
use stampede_domain::{
    BuyerId, Contact, Decision, Fingerprint, Intent, Millis, OrderId, OrderStatus, PoolId, PoolNumbers, RejectReason,
    Settlement, decide::Want, laws::PoolSums,
};

/// An order offered to the judge, and what is wanted for it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The order.
    pub intent: Intent,
    /// What is wanted.
    pub want: Want,
}

/// What came of a batch, for one pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// For the ledger: decisions new *and* known, numbers, buyers, of one snapshot.
    pub settlement: Settlement,
    /// The decisions among them that this very batch made: quantity and decision.
    pub fresh: Vec<(OrderId, u32, Decision)>,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRecord {
    /// Which order.
    pub order: OrderId,
    /// Which units.
    pub pool: PoolId,
    /// How many.
    pub quantity: u32,
    /// Whose limit it counts for.
    pub buyer: BuyerId,
    /// What it was asked with.
    pub fingerprint: Fingerprint,
    /// Whose it is.
    pub contact: Contact,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// When the shop took the request.
    pub asked_at: Millis,
    /// When the store decided.
    pub decided_at: Millis,
    /// The pool's version at the decision.
    pub version: u64,
}

/// The snapshot of a pool taken in the transaction that raised its epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOpening {
    /// The number of this opening.
    pub epoch: u64,
    /// The pool's numbers.
    pub numbers: PoolNumbers,
    /// Live units of every buyer who has any; empty when the pool has no limit.
    pub buyers: Vec<(BuyerId, u32)>,
    /// No row of an order exists.
    pub virgin: bool,
}

/// The rows of one pool, added up in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Which pool.
    pub pool: PoolId,
    /// Event and ticket type, for people.
    pub name: String,
    /// The sums that the laws judge.
    pub sums: PoolSums,
    /// Rows by status.
    pub by_status: Vec<(OrderStatus, u64, u64)>,
}

/// Keeps orders and decides about them.
#[async_trait]
pub trait OrderStore: Send + Sync {
    /// Judges a batch by [`stampede_domain::decide::decide`] in one durable transaction: when it returns, the decisions
    /// survive a power cut. Fenced entries appear in no judgement. Entries of one pool keep their order.
    ///
    /// # Errors
    /// `Impossible` when an entry itself cannot be stored (a pool nobody knows, a broken constraint): nothing of the batch
    /// was stored. `Unknown` when the commit's answer was lost. `Unavailable` otherwise.
    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>>;

    /// The places, ascending, of those of `entries` that can never be stored as new orders, each with why, as far as that can be told
    /// without trying: it writes nothing. A batch is freed of them so, instead of being halved until each stands alone. A store
    /// that cannot tell names none.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn unstorable(&self, _entries: &[Entry]) -> PortResult<Vec<(usize, String)>> {
        Ok(Vec::new())
    }

    /// The settlements of those of `orders` that are decided, each pool in one snapshot; at most 1,000 ids.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn settlements(&self, orders: &[OrderId]) -> PortResult<Vec<Settlement>>;

    /// For the sweep: numbers of a pool with the buyers of rows whose version is above `after` (at most 10,000 rows, oldest
    /// versions first; `numbers.version` of the answer is the pool's own, the second value the version it has swept to).
    ///
    /// # Errors
    /// `Unavailable`.
    async fn changed_since(&self, pool: PoolId, after: u64) -> PortResult<(Settlement, u64)>;

    /// The fates of those of `orders` that have a row; at most 1,000 ids.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn fates(&self, orders: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>>;

    /// One row.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, order: OrderId) -> PortResult<Option<OrderRecord>>;

    /// Raises the epoch of a pool from `epoch` (compare and set) and reads the pool in the same transaction. `None`: another
    /// opening was faster.
    ///
    /// # Errors
    /// `Impossible` for a pool nobody knows; `Unknown`, `Unavailable`.
    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>>;

    /// The epoch and numbers of a pool.
    ///
    /// # Errors
    /// `Impossible` for a pool nobody knows; `Unavailable`.
    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)>;

    /// Adds everything up, in one snapshot a pool; payments of no order, if there are any, as of a pool that has nothing else.
    /// Expensive: it reads every row.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn audit(&self) -> PortResult<Vec<Audit>>;

    /// Rows in the order of their ids, after `after`, at most `limit`: an export reads page by page.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn rows_after(&self, after: Option<OrderId>, limit: u32) -> PortResult<Vec<OrderRecord>>;
}
