//! A store that writes so many orders a second and no more, so that a generator on the same machine can come with three times
//! that. Everything else is the real store's: what is decided, kept and added up.

use async_trait::async_trait;
use stampede_actors::ports::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortResult};
use stampede_domain::{Decision, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, Settlement};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// An [`OrderStore`] before another one, slowed down.
pub(super) struct SlowStore {
    store: Arc<dyn OrderStore>,
    an_order: Duration,
    /// When what was written so far is to have been written.
    written_at: Mutex<Instant>,
}

impl SlowStore {
    pub(super) fn new(store: Arc<dyn OrderStore>, orders_per_second: u32) -> Self {
        let an_order = Duration::from_secs(1) / orders_per_second.max(1);
        Self { store, an_order, written_at: Mutex::new(Instant::now()) }
    }
}

#[async_trait]
impl OrderStore for SlowStore {
    /// One transaction at a time, each as long as its orders are many: the lock is what a disk with one head would be.
    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        let mut written_at = self.written_at.lock().await;
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let ends = (*written_at).max(Instant::now()) + self.an_order * count;
        let judgements = self.store.decide(now, entries).await;
        sleep_until(ends).await;
        *written_at = ends;
        judgements
    }

    async fn unstorable(&self, entries: &[Entry]) -> PortResult<Vec<(usize, String)>> {
        self.store.unstorable(entries).await
    }

    async fn settlements(&self, orders: &[OrderId]) -> PortResult<Vec<Settlement>> {
        self.store.settlements(orders).await
    }

    async fn changed_since(&self, pool: PoolId, after: u64) -> PortResult<(Settlement, u64)> {
        self.store.changed_since(pool, after).await
    }

    async fn fates(&self, orders: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>> {
        self.store.fates(orders).await
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<OrderRecord>> {
        self.store.find(order).await
    }

    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>> {
        self.store.open_pool(pool, epoch).await
    }

    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)> {
        self.store.pool(pool).await
    }

    async fn audit(&self) -> PortResult<Vec<Audit>> {
        self.store.audit().await
    }

    async fn rows_after(&self, after: Option<OrderId>, limit: u32) -> PortResult<Vec<OrderRecord>> {
        self.store.rows_after(after, limit).await
    }
}
