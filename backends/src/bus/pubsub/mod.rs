//! Google Cloud Pub/Sub as the bus (ADR 14), over Google's own client.
//!
//! | part | job |
//! |---|---|
//! | [`outbox`] | publishing: flow control, the deadline, outcomes |
//! | [`intake`] | streams that are built again when they end |
//! | [`tray`] | what has arrived and what is held, in memory |
//! | [`watch`] | notices that Pub/Sub is back |
//! | [`collector`] | brings what Pub/Sub gave up to the shelf of dead letters |
//! | [`bootstrap`] | topics and subscriptions |
//!
//! Absent: order, exactly-once delivery (the store decides once whatever comes twice), a count of what waits (Pub/Sub's
//! monitoring knows it, minutes late), and compression: a message is some 300 bytes, and CPU for each order is dearer than
//! bytes on the way in.

mod bootstrap;
mod collector;
mod doors;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod intake;
mod options;
mod outbox;
mod tray;
mod watch;
mod weather;

#[cfg(test)]
mod tests;

pub use bootstrap::bootstrap;
pub use options::{OpenPubSubError, PubSubOptions};

use super::dead_letters::{DeadLetterShelf, NewDeadLetter};
use async_trait::async_trait;
use collector::Collector;
use doors::Doors;
use intake::{Destination, Intake, Order};
use outbox::{Outbox, closed};
use stampede_actors::{
    clock::SharedClock,
    ports::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing, PortFailure, PortResult},
};
use stampede_domain::Millis;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, watch as channel},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tray::{Arrived, Tray};
use weather::Weather;

/// How long a closing bus waits for Pub/Sub to hear of the last acknowledgements.
const FAREWELL: Duration = Duration::from_secs(5);
/// Dead letters outstanding; there should be none.
const DEAD_LETTERS_OUTSTANDING: usize = 100;

/// A [`Bus`] on Google Cloud Pub/Sub, shared with any number of processes.
pub struct PubSubBus {
    outbox: Outbox,
    inbox: Arc<Inbox>,
    pulls: bool,
    clock: SharedClock,
    dead: Arc<dyn DeadLetterShelf>,
    orders: channel::Sender<Order>,
    tasks: Mutex<Tasks>,
}

/// What runs beside the port.
#[derive(Default)]
struct Tasks {
    set: JoinSet<()>,
    /// Ends when no stream is read any more.
    reading: Option<mpsc::Receiver<()>>,
}

/// What the port and the streams both touch.
struct Inbox {
    tray: Mutex<Tray>,
    /// Something is ready to be pulled, or the bus has closed.
    ready: Notify,
    /// There may be room for more.
    roomier: Notify,
    /// The bus was dropped: whatever still arrives goes back.
    abandoned: AtomicBool,
}

impl Inbox {
    /// The tray. Its poison is ignored: what it has lost comes again.
    fn tray(&self) -> MutexGuard<'_, Tray> {
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is here, taken out under the lock and to be dropped outside it.
    fn empty(&self) -> impl Sized {
        self.tray().empty()
    }
}

impl Destination for Inbox {
    async fn room(&self) -> usize {
        loop {
            // Registered before looking, so that nothing can become free in between unnoticed.
            let mut roomier = std::pin::pin!(self.roomier.notified());
            roomier.as_mut().enable();
            let room = self.tray().room();
            if room > 0 {
                return room;
            }
            roomier.await;
        }
    }

    async fn take(&self, messages: Vec<Arrived>) {
        self.tray().arrive(messages);
        // Looked at after they are in: nobody else would give them back, and their leases would be kept alive for an hour.
        if self.abandoned.load(Ordering::SeqCst) {
            drop(self.empty());
        }
        self.ready.notify_waiters();
    }
}

impl PubSubBus {
    /// Looks whether the topic and the subscriptions are there, and begins to take messages if this process pulls.
    ///
    /// # Errors
    /// [`OpenPubSubError`] with the way out, after about 10 s at most.
    pub async fn connect(
        options: PubSubOptions,
        clock: SharedClock,
        dead: Arc<dyn DeadLetterShelf>,
    ) -> Result<Self, OpenPubSubError> {
        let doors = Doors::new(&options)?;
        bootstrap::look(&doors, &options).await?;
        let outbox = Outbox::open(doors.clone(), options.clone()).await;
        let outbox = outbox.map_err(|error| bootstrap::unreachable(&options, error))?;
        let inbox = Arc::new(Inbox {
            tray: Mutex::new(Tray::new(options.lease, options.ready)),
            ready: Notify::new(),
            roomier: Notify::new(),
            abandoned: AtomicBool::new(false),
        });
        let bus = Self {
            outbox,
            inbox,
            pulls: options.pulls,
            clock,
            dead,
            orders: channel::Sender::default(),
            tasks: Mutex::default(),
        };
        if options.pulls {
            bus.begin_to_pull(&doors, &options);
        }
        Ok(bus)
    }

    fn begin_to_pull(&self, doors: &Doors, options: &PubSubOptions) {
        let (reading, all_read) = mpsc::channel(1);
        let mut tasks = self.tasks();
        tasks.reading = Some(all_read);
        let tasks = &mut tasks.set;
        let streams = options.streams.clamp(1, options.ready.max(1));
        let weather = Arc::new(Weather::new("a stream of messages from Pub/Sub"));
        for _ in 0..streams {
            tasks.spawn(
                Intake {
                    doors: doors.clone(),
                    subscription: options.subscription_name(),
                    lease: options.lease,
                    outstanding: options.ready / streams,
                    destination: Arc::clone(&self.inbox),
                    orders: self.orders.subscribe(),
                    weather: Arc::clone(&weather),
                    reading: reading.clone(),
                }
                .run(),
            );
        }
        let collector = Collector {
            shelf: Arc::clone(&self.dead),
            clock: Arc::clone(&self.clock),
            weather: Weather::new("putting dead letters on their shelf"),
        };
        tasks.spawn(
            Intake {
                doors: doors.clone(),
                subscription: options.dead_letter_subscription_name(),
                lease: options.lease,
                outstanding: DEAD_LETTERS_OUTSTANDING,
                destination: Arc::new(collector),
                orders: self.orders.subscribe(),
                weather: Arc::new(Weather::new("the stream of dead letters from Pub/Sub")),
                reading,
            }
            .run(),
        );
        let arrivals = {
            let inbox = Arc::clone(&self.inbox);
            move || inbox.tray().arrivals()
        };
        tasks.spawn(watch::keep_watch(doors.clone(), options.subscription_name(), arrivals, self.orders.clone()));
        tasks.spawn(give_back_what_runs_out(Arc::clone(&self.inbox), options.lease, self.orders.subscribe()));
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn still_open(&self) -> PortResult<()> {
        if self.inbox.tray().is_closed() { Err(closed()) } else { Ok(()) }
    }

    /// Whoever waits is told, and the streams end.
    fn stop(&self) {
        self.inbox.tray().close();
        self.orders.send_modify(|order| order.closing = true);
        self.inbox.ready.notify_waiters();
        self.inbox.roomier.notify_waiters();
    }
}

/// Gives back what was pulled and neither acknowledged nor extended: its holder is gone.
async fn give_back_what_runs_out(inbox: Arc<Inbox>, lease: Duration, mut orders: channel::Receiver<Order>) {
    let mut every = interval((lease / 8).max(Duration::from_millis(1)));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {
                // The tick's own instant is when it was due, not when it came.
                let (arrived, held) = inbox.tray().run_out(Instant::now());
                if !arrived.is_empty() {
                    tracing::warn!(messages = arrived.len(), "this process stood still; what waited in it is left to Pub/Sub");
                }
                if !(arrived.is_empty() && held.is_empty()) {
                    drop((arrived, held));
                    inbox.roomier.notify_waiters();
                }
            }
            _ = orders.wait_for(|order| order.closing) => return,
        }
    }
}

#[async_trait]
impl Bus for PubSubBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        self.outbox.publish(batch).await
    }

    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>> {
        if !self.pulls {
            return Err(PortFailure::Unavailable(
                "this process was started without taking messages from Pub/Sub".into(),
            ));
        }
        loop {
            // Registered before looking, so that nothing can arrive in between unnoticed.
            let mut ready = std::pin::pin!(self.inbox.ready.notified());
            ready.as_mut().enable();
            let deliveries = {
                let mut tray = self.inbox.tray();
                if tray.is_closed() {
                    return Err(closed());
                }
                tray.take(Instant::now(), self.clock.now(), limit)
            };
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            ready.await;
        }
    }

    async fn acknowledge(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.still_open()?;
        let done = self.inbox.tray().remove(ids);
        for held in done {
            held.handler.ack();
        }
        self.inbox.roomier.notify_waiters();
        Ok(())
    }

    async fn release(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.still_open()?;
        let given_back = self.inbox.tray().remove(ids);
        for held in given_back {
            held.handler.nack();
        }
        self.inbox.roomier.notify_waiters();
        Ok(())
    }

    async fn extend(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.still_open()?;
        self.inbox.tray().extend(Instant::now(), ids);
        Ok(())
    }

    async fn set_aside(&self, letters: &[(DeliveryId, String)]) -> PortResult<()> {
        self.still_open()?;
        let dead_since = self.clock.now();
        let on_the_shelf: Vec<_> = {
            let tray = self.inbox.tray();
            let letter = |(id, reason): &(DeliveryId, String)| {
                tray.held(*id).map(|held| NewDeadLetter {
                    message_key: held.message_id.clone(),
                    payload: held.payload.clone(),
                    label: held.label,
                    reason: reason.clone(),
                    attempts: held.attempt,
                    dead_since,
                })
            };
            letters.iter().filter_map(letter).collect()
        };
        // First durable there, then forgotten here: a crash in between makes it come again, and the shelf takes it once.
        self.dead.put(&on_the_shelf).await?;
        self.acknowledge(&letters.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await
    }

    async fn dead_letters(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        self.still_open()?;
        self.dead.list(limit).await
    }

    async fn dead_letter(&self, id: DeliveryId) -> PortResult<Option<DeadLetter>> {
        self.still_open()?;
        Ok(self.dead.find(&[id]).await?.pop())
    }

    async fn replay(&self, ids: &[DeliveryId], why: &str) -> PortResult<()> {
        self.still_open()?;
        let mut letters = self.dead.find(ids).await?;
        letters.retain(|letter| letter.ended_at.is_none());
        let messages = letters.iter().map(|letter| Outgoing { payload: letter.payload.clone(), label: letter.label });
        let outcomes = self.outbox.publish(messages.collect()).await;
        let back: Vec<_> = letters.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).collect();
        // First durable there, then noted here: a crash in between forgets that it was replayed, and it may be replayed again.
        let noted: Vec<_> = back.iter().map(|(letter, _)| letter.id).collect();
        if !noted.is_empty() {
            let note = self.dead.replayed(&noted, self.clock.now(), why).await;
            note.map_err(|failure| {
                PortFailure::Unknown(format!("it is on the bus, and that is not noted: {failure}"))
            })?;
        }
        match outcomes.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some(failure) if noted.is_empty() => Err(failure),
            Some(failure) => Err(PortFailure::Unknown(format!("{} of {} are back: {failure}", noted.len(), ids.len()))),
        }
    }

    async fn end_dead_letters(&self, ends: &[(DeliveryId, String)]) -> PortResult<()> {
        self.still_open()?;
        self.dead.end(ends, self.clock.now()).await
    }

    async fn forget_dead_letters(&self, ended_before: Millis) -> PortResult<u64> {
        self.still_open()?;
        self.dead.forget(ended_before).await
    }

    async fn unconsumed(&self) -> PortResult<Option<Vec<Outgoing>>> {
        self.still_open()?;
        Ok(None)
    }

    async fn backlog(&self) -> PortResult<Backlog> {
        self.still_open()?;
        Ok(Backlog { messages: None, oldest: None, dead_letters: self.dead.count().await? })
    }

    async fn close(&self) {
        self.stop();
        let Tasks { mut set, reading } = std::mem::take(&mut *self.tasks());
        // What is given back while a stream of ours is open would come to us again, and wait there for a lease.
        if let Some(mut reading) = reading {
            let _ = timeout(FAREWELL, reading.recv()).await;
        }
        drop(self.inbox.empty());
        let all = async { while set.join_next().await.is_some() {} };
        // Whoever does not listen now delivers again, which is harmless.
        let (_, _) = tokio::join!(timeout(FAREWELL, all), self.outbox.close());
    }
}

impl Drop for PubSubBus {
    /// Gives back what is here, as far as the runtime still works. Nothing is waited for.
    fn drop(&mut self) {
        self.outbox.abandon();
        self.stop();
        self.inbox.abandoned.store(true, Ordering::SeqCst);
        drop(self.inbox.empty());
        self.tasks().set.detach_all();
    }
}
