//! `OrderWriter`: takes orders from the bus, has them decided in batches, and holds the stream back when it cannot keep up.
//!
//! Its truth is the bus (what is not acknowledged comes again) and the store (what is decided stays decided); it keeps the
//! batch being filled. One a process that writes; its writers are actors of their own.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Deliver`] | command, from its own pump | - | decided once, acknowledged twice |
//! | [`Drain`] | command | when nothing is held any more | the same |
//!
//! Asks `Writer`s; tells `CacheSync`. Limit: `order_writer_mailbox_capacity` orders, of which the pump fills
//! `order_writer_high_water`: above it nothing is pulled, and the depth told with every settlement makes `Inventory` refuse.
//! A restart drops what is held; the bus delivers it again when the leases run out.

mod filling;
mod setting_aside;
mod writing;

use crate::{
    batch::BatchMeter,
    cache_sync::Settle,
    carrier::{Life, Logic},
    clock::SharedClock,
    facts::{Fact, announce},
    flight::{self, Step},
    gate::Gate,
    mailbox::{Handles, Mailbox, Message, Reply},
    ports::{Bus, Delivery, DeliveryId},
    settings::ActorSettings,
    tasks::Tasks,
    writer::Write,
};
use filling::Filling;
use setting_aside::Letters;
use stampede_domain::{Millis, WriterReport};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How often the writers are reported on when nothing else is.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// How often leases are extended: three times in the shortest of them.
const EXTEND_EVERY: Duration = Duration::from_secs(2);
/// Who has not extended for so long stood still, and may have no leases left: it is the shortest of them.
const STOOD_STILL: Duration = Duration::from_secs(6);
/// The pause after the bus failed to give messages.
const PULL_AGAIN: Duration = Duration::from_millis(500);

/// Orders from the bus.
pub struct Deliver(pub Vec<Delivery>);

impl Message for Deliver {
    type Answer = ();
    const NAME: &'static str = "deliver";

    fn weight(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

/// Pull no more, and answer when nothing is held.
pub struct Drain;

impl Message for Drain {
    type Answer = ();
    const NAME: &'static str = "drain";
}

/// What an `OrderWriter` is built from, for each of its lives.
#[derive(Clone)]
pub struct OrderWriterParts {
    /// Time.
    pub clock: SharedClock,
    /// Where orders come from.
    pub bus: Arc<dyn Bus>,
    /// The writers.
    pub writers: Vec<Mailbox<Write>>,
    /// Who tells the ledger.
    pub cache_sync: Mailbox<Settle>,
    /// Limits.
    pub settings: ActorSettings,
}

/// The logic.
pub struct OrderWriter {
    parts: OrderWriterParts,
    gate: Arc<Gate>,
    own: Mailbox<Deliver>,
    filling: RefCell<Filling>,
    free_writers: RefCell<Vec<usize>>,
    in_work: RefCell<BTreeMap<u64, InWork>>,
    letters: Letters,
    batches: Cell<u64>,
    /// Orders decided since the last look, and the rate then.
    decided: Cell<u32>,
    per_second: Cell<u32>,
    draining: Cell<bool>,
    drained: Notify,
    meter: BatchMeter,
    tasks: Tasks,
}

/// A batch that a writer has.
struct InWork {
    /// When its oldest order was published.
    oldest: Millis,
    deliveries: Vec<DeliveryId>,
}

impl OrderWriter {
    /// A supervisor over writers.
    #[must_use]
    pub fn new(parts: OrderWriterParts, life: Life<Self>) -> Rc<Self> {
        let own = life.role.mailbox();
        Self::with_mailbox(parts, own, life.tasks)
    }

    /// The same, whoever carries it.
    #[must_use]
    pub fn with_mailbox(parts: OrderWriterParts, own: Mailbox<Deliver>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            gate: Arc::clone(own.gate()),
            filling: RefCell::new(Filling::new(parts.settings.order_writer_batch_size)),
            free_writers: RefCell::new((0..parts.writers.len()).collect()),
            in_work: RefCell::default(),
            letters: Letters::default(),
            batches: Cell::new(0),
            decided: Cell::new(0),
            per_second: Cell::new(0),
            draining: Cell::new(false),
            drained: Notify::new(),
            meter: BatchMeter::new(own.gate()),
            own,
            tasks,
            parts,
        })
    }
}

impl Logic for OrderWriter {
    fn begin(self: &Rc<Self>) {
        self.tasks.spawn(Rc::clone(self).pump());
        self.tasks.spawn(Rc::clone(self).report_regularly());
        self.tasks.spawn(Rc::clone(self).hold_on());
    }
}

impl Handles<Deliver> for OrderWriter {
    fn handle(self: &Rc<Self>, Deliver(deliveries): Deliver, mut reply: Reply<()>) {
        let Some(permits) = reply.take_permit() else { return };
        let redelivered = deliveries.iter().filter(|delivery| delivery.attempt > 1).count();
        if redelivered > 0 {
            announce(Fact::MessagesRedelivered(u32::try_from(redelivered).unwrap_or(u32::MAX)));
        }
        let (mut taken, mut unreadable) = (Vec::with_capacity(deliveries.len()), Vec::new());
        for (delivery, permit) in deliveries.into_iter().zip(permits.one_by_one()) {
            match self.filling.borrow_mut().take(delivery, permit) {
                Ok(order) => taken.push(order),
                Err(letter) => unreadable.push(letter),
            }
        }
        flight::note(Step::Taken, self.parts.clock.now(), taken.into_iter());
        self.set_aside(unreadable);
        self.ripen();
        self.dispatch();
    }
}

impl Handles<Drain> for OrderWriter {
    fn handle(self: &Rc<Self>, _: Drain, mut reply: Reply<()>) {
        drop(reply.take_permit());
        self.draining.set(true);
        self.drained.notify_waiters();
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            this.gate.below(1).await;
            reply.send(());
        });
    }
}

impl OrderWriter {
    /// Fills the mailbox up to the high-water mark, and not beyond.
    async fn pump(self: Rc<Self>) {
        let high_water = self.parts.settings.order_writer_high_water;
        while !self.draining.get() {
            self.gate.below(high_water).await;
            if self.draining.get() {
                break;
            }
            let room = high_water.saturating_sub(self.gate.depth()) as usize;
            let limit = room.min(self.parts.settings.order_writer_batch_size);
            let pulled = tokio::select! {
                // First, or a batch that arrives with the drain would be taken after the drain was answered.
                biased;
                () = self.drained.notified() => break,
                pulled = self.parts.bus.pull(limit) => pulled,
            };
            match pulled {
                Ok(deliveries) => self.deliver(deliveries).await,
                Err(failure) => {
                    tracing::warn!(%failure, "the bus gives no messages");
                    tokio::time::sleep(PULL_AGAIN).await;
                }
            }
        }
    }

    async fn deliver(&self, deliveries: Vec<Delivery>) {
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        if self.own.tell(Deliver(deliveries)).is_err() {
            // Only the pump fills this mailbox, so it cannot be full; if it is, the bus keeps them.
            tracing::error!(messages = ids.len(), "the order writer's mailbox is full below its high-water mark");
            self.release(&ids).await;
        }
    }

    async fn report_regularly(self: Rc<Self>) {
        let mut every = tokio::time::interval(REPORT_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let decided = self.decided.take();
            let now = decided.saturating_mul(u32::try_from(1_000 / REPORT_EVERY.as_millis()).unwrap_or(1));
            // Smoothed over about a second: one empty quarter is no standstill.
            self.per_second.set((self.per_second.get().saturating_mul(3).saturating_add(now)) / 4);
            self.tell_cache_sync(Vec::new(), self.report());
        }
    }

    /// Keeps the bus from delivering again what is still held: a slow store is no dead holder.
    async fn hold_on(self: Rc<Self>) {
        let mut every = tokio::time::interval(EXTEND_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut extended_at = Instant::now();
        loop {
            every.tick().await;
            let since_last = extended_at.elapsed();
            extended_at = Instant::now();
            if since_last >= STOOD_STILL {
                self.let_go().await;
            }
            let mut held = self.filling.borrow().deliveries();
            held.extend(self.in_work.borrow().values().flat_map(|batch| &batch.deliveries));
            if !held.is_empty()
                && let Err(failure) = self.parts.bus.extend(&held).await
            {
                tracing::warn!(%failure, messages = held.len(), "leases could not be extended; the messages come again");
            }
        }
    }

    /// What waited here while this process stood still is others' by now, or will come again: writing it all once more would only
    /// keep new orders waiting.
    async fn let_go(&self) {
        let deliveries = self.filling.borrow_mut().let_go();
        if !deliveries.is_empty() {
            tracing::warn!(
                messages = deliveries.len(),
                "this process stood still; what waited in it is left to the bus"
            );
            self.release(&deliveries).await;
        }
    }

    fn report(&self) -> WriterReport {
        let oldest_in_work = self.in_work.borrow().values().map(|batch| batch.oldest).min();
        let oldest_filling = self.filling.borrow().oldest();
        WriterReport {
            depth: self.gate.depth(),
            high_water: self.parts.settings.order_writer_high_water,
            oldest: [oldest_in_work, oldest_filling].into_iter().flatten().min(),
            per_second: self.per_second.get(),
        }
    }
}
