//! Orders that are paid online, after they were reserved.

use super::PortResult;
use async_trait::async_trait;
use stampede_domain::{Hold, HoldAnswer, HoldChange, Millis, OrderId, OrderStatus, PaymentId, Settlement};

/// What came of a batch of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldsChanged {
    /// One for each change, in their order: what came of it and the order afterwards. `None`: no such order is paid online.
    pub answers: Vec<Option<(HoldAnswer, Hold)>>,
    /// For the ledger, of one snapshot: the numbers of every pool whose units moved, and the buyers concerned. Nothing in it is
    /// decided anew.
    pub settlements: Vec<Settlement>,
}

/// What the orders that are paid online add up to, in one snapshot. Minor units; a shop with two currencies adds them up apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldSums {
    /// Orders, units and amounts by status.
    pub by_status: Vec<(OrderStatus, u64, u64, i64)>,
    /// Money taken, by the payments' rows.
    pub captured: i64,
    /// Money given back.
    pub refunded: i64,
    /// What confirmed orders cost.
    pub earned: i64,
    /// Money that is still to be given back.
    pub owed: i64,
    /// Orders that ran out before their time, or whose payment began after it.
    pub unfair: u64,
    /// Since when the oldest payment under way has been one.
    pub oldest_payment: Option<Millis>,
    /// Since when the most overdue hold should have been let go.
    pub most_overdue: Option<Millis>,
}

impl HoldSums {
    /// Money that is neither earned nor owed, or is missing: nothing, or law 7 is broken.
    #[must_use]
    pub fn unaccounted(&self) -> i64 {
        self.captured - self.refunded - self.earned - self.owed
    }
}

/// A payment as the books have it, for comparing them with the provider's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedPayment {
    /// Which.
    pub payment: PaymentId,
    /// Of which order.
    pub order: OrderId,
    /// Money taken, minor units.
    pub captured: i64,
    /// Money given back.
    pub refunded: i64,
}

/// Keeps the orders that are paid online, beside the [`OrderStore`](super::OrderStore) that reserved them.
///
/// Time is the `now` of the caller, which is the clock that all processes share.
#[async_trait]
pub trait HoldStore: Send + Sync {
    /// Changes orders by [`Hold::change`], in the order given, in one durable transaction: each row is locked, judged and
    /// written back, units move in the pool's row, whose version rises once. At most 5,000 changes.
    ///
    /// # Errors
    /// `Unknown` when the commit's answer was lost; `Unavailable`. Then any of it may be asked for again. `Impossible` when a
    /// change cannot be stored (a payment that belongs to another order, more given back than was taken): nothing of the batch
    /// was.
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged>;

    /// One order.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn hold(&self, order: OrderId) -> PortResult<Option<Hold>>;

    /// The orders that need somebody at `now` (see [`Hold::due_at`]), the longest due first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn due(&self, now: Millis, limit: u32) -> PortResult<Vec<Hold>>;

    /// Adds everything up. It reads every such order.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn hold_sums(&self, now: Millis) -> PortResult<HoldSums>;

    /// Payments in the order of their names, after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn payments_after(&self, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<BookedPayment>>;
}
