//! A bus that keeps nothing: what is published is handed over in memory, and forgotten with the hand-over.

use async_trait::async_trait;
use stampede_actors::{
    clock::SharedClock,
    ports::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing, PortFailure, PortResult},
};
use stampede_domain::Millis;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// A [`Bus`] without a disk, without leases and without redelivery.
pub(crate) struct NullBus {
    clock: SharedClock,
    queue: Mutex<Queue>,
    ready: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Delivery>,
    last: u64,
    closed: bool,
}

impl NullBus {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, queue: Mutex::default(), ready: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for NullBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        let (count, published_at) = (batch.len(), self.clock.now());
        {
            let mut queue = self.queue();
            for Outgoing { payload, .. } in batch {
                queue.last += 1;
                let id = DeliveryId(queue.last);
                queue.waiting.push_back(Delivery { id, payload, attempt: 1, published_at });
            }
        }
        self.ready.notify_one();
        vec![Ok(()); count]
    }

    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>> {
        loop {
            let pulled: Vec<_> = {
                let mut queue = self.queue();
                if queue.closed {
                    return Err(PortFailure::Unavailable("closed".into()));
                }
                let count = queue.waiting.len().min(limit);
                queue.waiting.drain(..count).collect()
            };
            if !pulled.is_empty() {
                return Ok(pulled);
            }
            self.ready.notified().await;
        }
    }

    async fn acknowledge(&self, _: &[DeliveryId]) -> PortResult<()> {
        Ok(())
    }

    async fn extend(&self, _: &[DeliveryId]) -> PortResult<()> {
        Ok(())
    }

    async fn release(&self, _: &[DeliveryId]) -> PortResult<()> {
        Ok(())
    }

    async fn set_aside(&self, _: &[(DeliveryId, String)]) -> PortResult<()> {
        Ok(())
    }

    async fn dead_letters(&self, _: usize) -> PortResult<Vec<DeadLetter>> {
        Ok(Vec::new())
    }

    async fn dead_letter(&self, _: DeliveryId) -> PortResult<Option<DeadLetter>> {
        Ok(None)
    }

    async fn replay(&self, _: &[DeliveryId], _: &str) -> PortResult<()> {
        Ok(())
    }

    async fn end_dead_letters(&self, _: &[(DeliveryId, String)]) -> PortResult<()> {
        Ok(())
    }

    async fn forget_dead_letters(&self, _: Millis) -> PortResult<u64> {
        Ok(0)
    }

    async fn unconsumed(&self) -> PortResult<Option<Vec<Outgoing>>> {
        Ok(Some(Vec::new()))
    }

    async fn backlog(&self) -> PortResult<Backlog> {
        let queue = self.queue();
        let oldest = queue.waiting.front().map(|delivery| delivery.published_at);
        Ok(Backlog { messages: Some(queue.waiting.len() as u64), oldest, dead_letters: 0 })
    }

    async fn close(&self) {
        self.queue().closed = true;
        self.ready.notify_one();
    }
}
