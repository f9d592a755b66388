//! Who stores the bank's records. Whatever it is, a change is judged by [`Record::take`] between reading and writing, with
//! nobody in between.

use super::record::{Act, Came, Record};
use async_trait::async_trait;
use stampede_actors::ports::PortResult;
use stampede_domain::{Millis, PaymentId};

/// What came of an act.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) before: Record,
    pub(super) after: Record,
    pub(super) came: Came,
}

impl Change {
    pub(super) fn of(before: Record, now: Millis, act: &Act) -> Self {
        let mut after = before.clone();
        let came = after.take(now, act);
        Self { before, after, came }
    }
}

#[async_trait]
pub(super) trait Keeper: Send + Sync {
    /// Keeps a record, unless there is one with its key: then that one is the answer. One whose id is taken gets another id.
    async fn open(&self, new: Record) -> PortResult<Record>;

    async fn change(&self, payment: &PaymentId, now: Millis, act: Act) -> PortResult<Option<Change>>;

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<Record>>;

    /// By time and id.
    async fn since(&self, since: Millis, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<Record>>;
}
