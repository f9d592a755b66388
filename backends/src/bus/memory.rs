//! A bus in memory, shared by many "processes" on one thread: for simulations.
//!
//! The server outlives the processes; each has handles of its own. As Pub/Sub it knows of a dead process only that its leases
//! run out. As the embedded queue ([`MemoryBusOptions::sole_consumer`]) it has one process, whose start ends all leases.
//! Messages come in the order of their numbers, those that come again first. Nothing here depends on chance or on the
//! machine's clock: whoever wants messages late, twice or in disorder says so, message by message ([`Passage`]).

use async_trait::async_trait;
use stampede_actors::{
    clock::SharedClock,
    ports::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing, PortFailure, PortResult},
};
use stampede_domain::Millis;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// Longest message, as in the embedded queue.
const LONGEST: usize = 1 << 20;

/// How a server behaves.
#[derive(Clone, Copy, Debug)]
pub struct MemoryBusOptions {
    /// How long a delivered message is left alone before it comes again.
    pub lease: Duration,
    /// Whether it can tell what waits, as the embedded queue can and Pub/Sub cannot.
    pub tells_what_waits: bool,
    /// Whether a new handle is the only process there is, as with the embedded queue: whatever is leased comes again.
    pub sole_consumer: bool,
}

/// How a message passes through the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// How long it is held back, while others overtake it.
    pub delay: Duration,
    /// How often it arrives. None is a broken promise of the bus: for showing that a checker notices.
    pub copies: u32,
}

impl Default for Passage {
    fn default() -> Self {
        Self { delay: Duration::ZERO, copies: 1 }
    }
}

type Whim = Box<dyn FnMut(&Outgoing) -> Passage + Send>;

/// What all processes share. Clones are the same server.
#[derive(Clone)]
pub struct MemoryBusServer {
    clock: SharedClock,
    options: MemoryBusOptions,
    queue: Arc<Mutex<Queue>>,
    /// Something may be ready, or somebody has closed.
    ready: Arc<Notify>,
    handles: Arc<AtomicU64>,
}

#[derive(Default)]
struct Queue {
    latest: u64,
    messages: BTreeMap<u64, Message>,
    dead: BTreeMap<u64, DeadLetter>,
    whim: Option<Whim>,
}

impl Queue {
    /// Dead letters that have not ended.
    fn open_letters(&self) -> impl Iterator<Item = &DeadLetter> {
        self.dead.values().filter(|letter| letter.ended_at.is_none())
    }

    fn open_letter(&mut self, id: DeliveryId) -> Option<&mut DeadLetter> {
        self.dead.get_mut(&id.0).filter(|letter| letter.ended_at.is_none())
    }
}

struct Message {
    outgoing: Outgoing,
    published_at: Millis,
    attempts: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be delivered from then on.
    Waiting {
        from: Instant,
    },
    Leased {
        holder: u64,
        until: Instant,
    },
}

impl State {
    /// When the message may be delivered, if nobody does anything.
    fn free_at(self) -> Instant {
        match self {
            Self::Waiting { from } => from,
            Self::Leased { until, .. } => until,
        }
    }
}

impl MemoryBusServer {
    /// A server with nothing on it. `clock` says when messages were published; leases are measured by tokio's clock.
    #[must_use]
    pub fn new(clock: SharedClock, options: MemoryBusOptions) -> Self {
        Self { clock, options, queue: Arc::default(), ready: Arc::default(), handles: Arc::default() }
    }

    /// The server as one process sees it, with the lease of the options.
    #[must_use]
    pub fn handle(&self) -> MemoryBus {
        self.handle_with(self.options.lease)
    }

    /// The same, with a lease of its own.
    #[must_use]
    pub fn handle_with(&self, lease: Duration) -> MemoryBus {
        if self.options.sole_consumer {
            self.end_leases();
        }
        let number = self.handles.fetch_add(1, Ordering::Relaxed);
        MemoryBus { server: self.clone(), number, lease, closed: AtomicBool::new(false) }
    }

    /// Every message that is held comes again at once, though its holder may be at work on it.
    pub fn end_leases(&self) {
        let now = Instant::now();
        for message in self.queue().messages.values_mut() {
            if matches!(message.state, State::Leased { .. }) {
                message.state = State::Waiting { from: now };
            }
        }
        self.ready.notify_waiters();
    }

    /// Messages that are neither acknowledged nor set aside, leased ones included.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.queue().messages.len() as u64
    }

    /// Lets `whim` say how each message passes that is published from now on.
    pub fn on_publish(&self, whim: impl FnMut(&Outgoing) -> Passage + Send + 'static) {
        self.queue().whim = Some(Box::new(whim));
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, outgoing: Outgoing) -> PortResult<()> {
        if outgoing.payload.len() > LONGEST {
            return Err(PortFailure::Impossible(format!("a message of more than {LONGEST} bytes")));
        }
        let (published_at, now) = (self.clock.now(), Instant::now());
        let mut queue = self.queue();
        let passage = queue.whim.as_mut().map(|whim| whim(&outgoing)).unwrap_or_default();
        for _ in 0..passage.copies {
            queue.latest += 1;
            let (number, outgoing) = (queue.latest, outgoing.clone());
            let state = State::Waiting { from: now + passage.delay };
            queue.messages.insert(number, Message { outgoing, published_at, attempts: 0, state });
        }
        Ok(())
    }
}

/// A [`Bus`] of one process among others that have handles of the same [`MemoryBusServer`]. Dropped, it leaves its leases to
/// run out.
pub struct MemoryBus {
    server: MemoryBusServer,
    number: u64,
    lease: Duration,
    closed: AtomicBool,
}

impl MemoryBus {
    fn still_open(&self) -> PortResult<()> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// The queue, if this handle may still touch it.
    fn queue(&self) -> PortResult<MutexGuard<'_, Queue>> {
        self.still_open().map(|()| self.server.queue())
    }

    /// Leases what is ready, what has been delivered before first; and when something will be.
    fn take(&self, limit: usize) -> PortResult<(Vec<Delivery>, Option<Instant>)> {
        let (now, mut queue) = (Instant::now(), self.queue()?);
        let ready = queue.messages.iter().filter(|(_, message)| message.state.free_at() <= now);
        let mut numbers: Vec<_> = ready.map(|(number, message)| (message.attempts == 0, *number)).collect();
        numbers.sort_unstable();
        numbers.truncate(limit);
        let mut deliveries = Vec::with_capacity(numbers.len());
        for (_, number) in numbers {
            let Some(message) = queue.messages.get_mut(&number) else { continue };
            message.attempts += 1;
            message.state = State::Leased { holder: self.number, until: now + self.lease };
            let Message { outgoing, attempts, published_at, .. } = message;
            let (payload, attempt, published_at) = (outgoing.payload.clone(), *attempts, *published_at);
            deliveries.push(Delivery { id: DeliveryId(number), payload, attempt, published_at });
        }
        let next = queue.messages.values().map(|message| message.state.free_at()).min();
        Ok((deliveries, next))
    }

    /// Changes messages that this process holds, and nobody else since.
    fn change_held(&self, ids: &[DeliveryId], state: State) -> PortResult<()> {
        let mut queue = self.queue()?;
        for id in ids {
            if let Some(message) = queue.messages.get_mut(&id.0)
                && matches!(message.state, State::Leased { holder, until } if holder == self.number && until > Instant::now())
            {
                message.state = state;
            }
        }
        Ok(())
    }
}

fn closed() -> PortFailure {
    PortFailure::Unavailable("the bus is closed".into())
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        if let Err(failure) = self.still_open() {
            return vec![Err(failure); batch.len()];
        }
        let outcomes = batch.into_iter().map(|outgoing| self.server.put(outgoing)).collect();
        self.server.ready.notify_waiters();
        outcomes
    }

    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>> {
        loop {
            // Registered before looking, so that nothing can arrive in between unnoticed.
            let mut ready = std::pin::pin!(self.server.ready.notified());
            ready.as_mut().enable();
            let (deliveries, next) = self.take(limit)?;
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            match next {
                Some(next) => tokio::select! {
                    biased;
                    () = ready => {}
                    () = sleep_until(next) => {}
                },
                None => ready.await,
            }
        }
    }

    async fn acknowledge(&self, ids: &[DeliveryId]) -> PortResult<()> {
        let mut queue = self.queue()?;
        for id in ids {
            queue.messages.remove(&id.0);
        }
        Ok(())
    }

    async fn release(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.change_held(ids, State::Waiting { from: Instant::now() })?;
        self.server.ready.notify_waiters();
        Ok(())
    }

    async fn extend(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.change_held(ids, State::Leased { holder: self.number, until: Instant::now() + self.lease })
    }

    async fn set_aside(&self, letters: &[(DeliveryId, String)]) -> PortResult<()> {
        let dead_since = self.server.clock.now();
        let mut queue = self.queue()?;
        for (id, reason) in letters {
            if let Some(Message { outgoing: Outgoing { payload, label }, attempts, .. }) = queue.messages.remove(&id.0)
            {
                let letter = DeadLetter {
                    id: *id,
                    payload,
                    label,
                    reason: reason.clone(),
                    attempts,
                    dead_since,
                    // Not the machine's number of the process: the same seed, the same letters.
                    set_aside_by: format!("memory/{}", self.number),
                    replayed_at: None,
                    ended_at: None,
                    last_word: String::new(),
                };
                queue.dead.insert(id.0, letter);
            }
        }
        Ok(())
    }

    async fn dead_letters(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        let queue = self.queue()?;
        let mut letters: Vec<_> = queue.open_letters().cloned().collect();
        letters.sort_by_key(|letter| (letter.dead_since, letter.id));
        letters.truncate(limit);
        Ok(letters)
    }

    async fn dead_letter(&self, id: DeliveryId) -> PortResult<Option<DeadLetter>> {
        Ok(self.queue()?.dead.get(&id.0).cloned())
    }

    async fn replay(&self, ids: &[DeliveryId], why: &str) -> PortResult<()> {
        let now = self.server.clock.now();
        let mut back = Vec::new();
        {
            let mut queue = self.queue()?;
            for id in ids {
                let Some(letter) = queue.open_letter(*id) else { continue };
                (letter.replayed_at, letter.last_word) = (Some(now), why.to_owned());
                back.push(Outgoing { payload: letter.payload.clone(), label: letter.label });
            }
        }
        for outgoing in back {
            self.server.put(outgoing)?;
        }
        self.server.ready.notify_waiters();
        Ok(())
    }

    async fn end_dead_letters(&self, ends: &[(DeliveryId, String)]) -> PortResult<()> {
        let (now, mut queue) = (self.server.clock.now(), self.queue()?);
        for (id, how) in ends {
            if let Some(letter) = queue.open_letter(*id) {
                (letter.ended_at, letter.last_word) = (Some(now), how.clone());
            }
        }
        Ok(())
    }

    async fn forget_dead_letters(&self, ended_before: Millis) -> PortResult<u64> {
        let mut queue = self.queue()?;
        let before = queue.dead.len();
        queue.dead.retain(|_, letter| letter.ended_at.is_none_or(|ended| ended >= ended_before));
        Ok((before - queue.dead.len()) as u64)
    }

    async fn unconsumed(&self) -> PortResult<Option<Vec<Outgoing>>> {
        let queue = self.queue()?;
        let all = || queue.messages.values().map(|message| message.outgoing.clone()).collect();
        Ok(self.server.options.tells_what_waits.then(all))
    }

    async fn backlog(&self) -> PortResult<Backlog> {
        let queue = self.queue()?;
        let dead_letters = queue.open_letters().count() as u64;
        if !self.server.options.tells_what_waits {
            return Ok(Backlog { dead_letters, ..Backlog::default() });
        }
        let oldest = queue.messages.values().map(|message| message.published_at).min();
        Ok(Backlog { messages: Some(queue.messages.len() as u64), oldest, dead_letters })
    }

    async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.server.ready.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bus::contract::BusRig, ledger::HandClock};
    use bytes::Bytes;

    const SECOND: Duration = Duration::from_secs(1);

    fn server(lease: Duration, sole_consumer: bool) -> MemoryBusServer {
        let options = MemoryBusOptions { lease, tells_what_waits: sole_consumer, sole_consumer };
        MemoryBusServer::new(HandClock::default().shared(), options)
    }

    impl BusRig for MemoryBusServer {
        async fn open(&self, lease: Duration, _: usize) -> Arc<dyn Bus> {
            // Nobody tells it of a crash, so a lease has to run out while a test waits.
            let longest = if self.options.sole_consumer { lease } else { 3 * SECOND };
            Arc::new(self.handle_with(lease.min(longest)))
        }

        fn many(&self) -> u32 {
            10_000
        }
    }

    mod as_the_embedded_queue {
        use super::*;
        crate::bus::contract::bus_contract!(server(SECOND, true));
    }

    mod as_pubsub {
        use super::*;
        crate::bus::contract::bus_contract!(server(SECOND, false));
    }

    fn numbered(numbers: std::ops::Range<u8>) -> Vec<Outgoing> {
        numbers.map(|number| Outgoing { payload: Bytes::from(vec![number]), label: None }).collect()
    }

    async fn pulled(bus: &MemoryBus) -> Vec<(u8, u32)> {
        let deliveries = bus.pull(100).await.unwrap();
        deliveries.iter().map(|delivery| (delivery.payload[0], delivery.attempt)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_killed_process_held_comes_to_another_when_its_lease_has_run_out() {
        let server = server(10 * SECOND, false);
        let (killed, other) = (server.handle(), server.handle());
        killed.publish(numbered(0..3)).await;
        let held = killed.pull(2).await.unwrap();
        drop(killed);
        let own = other.pull(3).await.unwrap();
        assert_eq!(own[0].payload[0], 2);
        other.acknowledge(&[own[0].id]).await.unwrap();
        let began = Instant::now();
        assert_eq!(pulled(&other).await, [(0, 2), (1, 2)]);
        assert_eq!(began.elapsed(), 10 * SECOND);
        // A frozen process that wakes up neither gives back nor keeps what is another's now, but it may acknowledge it.
        let awake = server.handle();
        let late: Vec<_> = held.iter().map(|delivery| delivery.id).collect();
        awake.release(&late).await.unwrap();
        assert!(tokio::time::timeout(SECOND, other.pull(1)).await.is_err());
        awake.extend(&late).await.unwrap();
        awake.acknowledge(&late[..1]).await.unwrap();
        tokio::time::advance(9 * SECOND).await;
        assert_eq!(pulled(&awake).await, [(1, 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_passes_late_twice_or_never_as_it_is_told() {
        let server = server(10 * SECOND, false);
        server.on_publish(|outgoing| match outgoing.payload[0] {
            0 => Passage { delay: SECOND, ..Passage::default() },
            1 => Passage { copies: 2, ..Passage::default() },
            2 => Passage { copies: 0, ..Passage::default() },
            _ => Passage::default(),
        });
        let bus = server.handle();
        bus.publish(numbered(0..4)).await;
        assert_eq!(pulled(&bus).await, [(1, 1), (1, 1), (3, 1)]);
        let began = Instant::now();
        assert_eq!(pulled(&bus).await, [(0, 1)]);
        assert_eq!(began.elapsed(), SECOND);
    }

    #[tokio::test]
    async fn leases_that_are_ended_come_again_though_somebody_is_at_work() {
        let server = server(10 * SECOND, false);
        let bus = server.handle();
        bus.publish(numbered(0..2)).await;
        assert_eq!(pulled(&bus).await, [(0, 1), (1, 1)]);
        server.end_leases();
        assert_eq!(pulled(&bus).await, [(0, 2), (1, 2)]);
    }
}
