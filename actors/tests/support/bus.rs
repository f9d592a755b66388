//! A queue in memory: leases, attempts, dead letters, and faults on demand.

use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::{
    clock::SharedClock,
    ports::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing, PortFailure, PortResult},
};
use stampede_domain::Millis;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// As long as the real one's.
const LEASE: Duration = Duration::from_secs(12);

/// What may become of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublishFault {
    /// Never handed over.
    Refused,
    /// Handed over, landed, and the answer lost.
    UnknownLanded,
    /// Handed over and lost.
    UnknownLost,
}

pub(crate) struct FakeBus {
    clock: SharedClock,
    queue: Mutex<Queue>,
    arrived: Notify,
    /// How long a publish takes.
    pub(crate) publish_takes_ms: AtomicU64,
    /// What the next publishes end with.
    pub(crate) publish_faults: Mutex<VecDeque<PublishFault>>,
    /// Sizes of the batches published.
    pub(crate) published: Mutex<Vec<usize>>,
    /// Sizes of the batches pulled.
    pub(crate) pulled: Mutex<Vec<usize>>,
    pub(crate) acknowledgements_fail: AtomicBool,
    /// It cannot tell what waits.
    pub(crate) tells_nothing: AtomicBool,
    pub(crate) closed: AtomicBool,
    /// Pulls that returned messages after the bus was closed or told to note it.
    pub(crate) extended: AtomicU64,
    /// How often dead letters were listed.
    pub(crate) listed: AtomicU64,
}

#[derive(Default)]
struct Queue {
    next: u64,
    messages: BTreeMap<u64, Message>,
    dead: Vec<DeadLetter>,
}

struct Message {
    message: Outgoing,
    published_at: Millis,
    attempts: u32,
    leased_until: Option<Instant>,
}

impl FakeBus {
    /// What waits comes in the opposite order.
    pub(crate) fn reverse(&self) {
        let mut queue = self.queue.lock().unwrap();
        let (ids, mut messages): (Vec<_>, Vec<_>) = std::mem::take(&mut queue.messages).into_iter().unzip();
        messages.reverse();
        queue.messages = ids.into_iter().zip(messages).collect();
    }

    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            queue: Mutex::default(),
            arrived: Notify::new(),
            publish_takes_ms: AtomicU64::new(0),
            publish_faults: Mutex::default(),
            published: Mutex::default(),
            pulled: Mutex::default(),
            tells_nothing: AtomicBool::new(false),
            acknowledgements_fail: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            extended: AtomicU64::new(0),
            listed: AtomicU64::new(0),
        }
    }

    /// Messages that are neither acknowledged nor dead.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.lock().unwrap().messages.len()
    }

    /// Dead letters that have not ended.
    pub(crate) fn dead(&self) -> Vec<DeadLetter> {
        self.letters().into_iter().filter(|letter| letter.ended_at.is_none()).collect()
    }

    /// All dead letters that are kept.
    pub(crate) fn letters(&self) -> Vec<DeadLetter> {
        self.queue.lock().unwrap().dead.clone()
    }

    /// Puts anything on the bus.
    pub(crate) fn put(&self, payload: Bytes) {
        self.put_labelled(Outgoing { payload, label: None });
    }

    /// Puts anything on the bus, with any label.
    pub(crate) fn put_labelled(&self, message: Outgoing) {
        let mut queue = self.queue.lock().unwrap();
        queue.next += 1;
        let number = queue.next;
        let published_at = self.clock.now();
        queue.messages.insert(number, Message { message, published_at, attempts: 0, leased_until: None });
        drop(queue);
        self.arrived.notify_waiters();
    }

    /// Puts every dead letter back on the bus, as an operator would.
    pub(crate) async fn replay_all(&self) {
        let ids: Vec<_> = self.dead().iter().map(|letter| letter.id).collect();
        self.replay(&ids, "by a test").await.unwrap();
    }

    pub(crate) fn leases_run_out(&self) {
        for message in self.queue.lock().unwrap().messages.values_mut() {
            message.leased_until = None;
        }
        self.arrived.notify_waiters();
    }

    fn lease(&self, limit: usize) -> Vec<Delivery> {
        let mut queue = self.queue.lock().unwrap();
        let now = Instant::now();
        let free =
            queue.messages.iter_mut().filter(|(_, message)| message.leased_until.is_none_or(|until| until <= now));
        let leased = free.take(limit).map(|(number, message)| {
            message.attempts += 1;
            message.leased_until = Some(now + LEASE);
            Delivery {
                id: DeliveryId(*number),
                payload: message.message.payload.clone(),
                attempt: message.attempts,
                published_at: message.published_at,
            }
        });
        leased.collect()
    }
}

#[async_trait]
impl Bus for FakeBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        self.published.lock().unwrap().push(batch.len());
        let takes = self.publish_takes_ms.load(Ordering::Relaxed);
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes)).await;
        }
        let fault = self.publish_faults.lock().unwrap().pop_front();
        let each = |outgoing: Outgoing| match fault {
            Some(PublishFault::Refused) => Err(PortFailure::Unavailable("refused on purpose".into())),
            Some(PublishFault::UnknownLost) => Err(PortFailure::Unknown("lost on purpose".into())),
            Some(PublishFault::UnknownLanded) => {
                self.put_labelled(outgoing);
                Err(PortFailure::Unknown("answer lost on purpose".into()))
            }
            None => {
                self.put_labelled(outgoing);
                Ok(())
            }
        };
        batch.into_iter().map(each).collect()
    }

    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>> {
        assert!(limit > 0, "nobody pulls nothing");
        loop {
            let arrived = self.arrived.notified();
            let leased = self.lease(limit);
            if !leased.is_empty() {
                self.pulled.lock().unwrap().push(leased.len());
                return Ok(leased);
            }
            // A lease may run out without anything arriving.
            tokio::time::timeout(Duration::from_millis(100), arrived).await.unwrap_or_default();
        }
    }

    async fn acknowledge(&self, ids: &[DeliveryId]) -> PortResult<()> {
        if self.acknowledgements_fail.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("on purpose".into()));
        }
        let mut queue = self.queue.lock().unwrap();
        for id in ids {
            queue.messages.remove(&id.0);
        }
        Ok(())
    }

    async fn release(&self, ids: &[DeliveryId]) -> PortResult<()> {
        for id in ids {
            if let Some(message) = self.queue.lock().unwrap().messages.get_mut(&id.0) {
                message.leased_until = None;
            }
        }
        self.arrived.notify_waiters();
        Ok(())
    }

    async fn extend(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.extended.fetch_add(ids.len() as u64, Ordering::Relaxed);
        let mut queue = self.queue.lock().unwrap();
        for id in ids {
            if let Some(message) = queue.messages.get_mut(&id.0)
                && message.leased_until.is_some()
            {
                message.leased_until = Some(Instant::now() + LEASE);
            }
        }
        Ok(())
    }

    async fn set_aside(&self, letters: &[(DeliveryId, String)]) -> PortResult<()> {
        let mut queue = self.queue.lock().unwrap();
        for (id, reason) in letters {
            if let Some(Message { message: Outgoing { payload, label }, attempts, .. }) = queue.messages.remove(&id.0) {
                queue.dead.push(DeadLetter {
                    id: *id,
                    payload,
                    label,
                    reason: reason.clone(),
                    attempts,
                    dead_since: self.clock.now(),
                    set_aside_by: "a test".into(),
                    replayed_at: None,
                    ended_at: None,
                    last_word: String::new(),
                });
            }
        }
        Ok(())
    }

    async fn dead_letters(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        self.listed.fetch_add(1, Ordering::Relaxed);
        Ok(self.dead().into_iter().take(limit).collect())
    }

    async fn dead_letter(&self, id: DeliveryId) -> PortResult<Option<DeadLetter>> {
        Ok(self.queue.lock().unwrap().dead.iter().find(|letter| letter.id == id).cloned())
    }

    async fn replay(&self, ids: &[DeliveryId], why: &str) -> PortResult<()> {
        let mut back = Vec::new();
        for letter in self.queue.lock().unwrap().dead.iter_mut() {
            if ids.contains(&letter.id) && letter.ended_at.is_none() {
                (letter.replayed_at, letter.last_word) = (Some(self.clock.now()), why.to_owned());
                back.push(Outgoing { payload: letter.payload.clone(), label: letter.label });
            }
        }
        back.into_iter().for_each(|message| self.put_labelled(message));
        Ok(())
    }

    async fn end_dead_letters(&self, ends: &[(DeliveryId, String)]) -> PortResult<()> {
        let mut queue = self.queue.lock().unwrap();
        for (id, how) in ends {
            let open = queue.dead.iter_mut().filter(|letter| letter.id == *id && letter.ended_at.is_none());
            open.for_each(|letter| (letter.ended_at, letter.last_word) = (Some(self.clock.now()), how.clone()));
        }
        Ok(())
    }

    async fn forget_dead_letters(&self, ended_before: Millis) -> PortResult<u64> {
        let mut queue = self.queue.lock().unwrap();
        let before = queue.dead.len();
        queue.dead.retain(|letter| letter.ended_at.is_none_or(|ended| ended >= ended_before));
        Ok((before - queue.dead.len()) as u64)
    }

    async fn unconsumed(&self) -> PortResult<Option<Vec<Outgoing>>> {
        if self.tells_nothing.load(Ordering::Relaxed) {
            return Ok(None);
        }
        Ok(Some(self.queue.lock().unwrap().messages.values().map(|message| message.message.clone()).collect()))
    }

    async fn backlog(&self) -> PortResult<Backlog> {
        let queue = self.queue.lock().unwrap();
        let oldest = queue.messages.values().map(|message| message.published_at).min();
        let open = queue.dead.iter().filter(|letter| letter.ended_at.is_none()).count();
        let (messages, dead_letters) = (queue.messages.len() as u64, open as u64);
        if self.tells_nothing.load(Ordering::Relaxed) {
            return Ok(Backlog { dead_letters, ..Backlog::default() });
        }
        Ok(Backlog { messages: Some(messages), oldest, dead_letters })
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}
