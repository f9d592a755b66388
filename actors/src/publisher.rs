//! `Publisher`: puts intents on the bus and says so only when the bus has them durably.
//!
//! Its truth is the bus; it keeps nothing. One a process.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Publish`] | command | one [`PortResult`] an intent, in order | twice on the bus, which is harmless |
//!
//! Asks and tells no actor. Limit: `publisher_mailbox_capacity` groups. A restart drops what waits: those who asked see
//! "unknown", for some of it may be on the bus.

use crate::{
    batch::{BatchMeter, Closed},
    carrier::Logic,
    gate::Gate,
    mailbox::{Handles, Message, Reply},
    ports::{Bus, PortResult},
    settings::ActorSettings,
    tasks::Tasks,
    trace, wire,
};
use stampede_domain::Intent;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
};
use tokio::time::Instant;
use tracing::Instrument;

/// Publishes under way at a time: while one waits for the disk the next one is written.
const IN_FLIGHT: usize = 2;

/// Put these on the bus.
pub struct Publish(pub Vec<Intent>);

impl Message for Publish {
    type Answer = Vec<PortResult<()>>;
    const NAME: &'static str = "publish";
}

type Group = (Vec<Intent>, Reply<Vec<PortResult<()>>>);

/// The logic.
pub struct Publisher {
    bus: Arc<dyn Bus>,
    batch_size: usize,
    waiting: RefCell<VecDeque<Group>>,
    in_flight: Cell<usize>,
    meter: BatchMeter,
    tasks: Tasks,
}

impl Publisher {
    /// A publisher in front of a bus.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, settings: &ActorSettings, gate: &Arc<Gate>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            bus,
            batch_size: settings.publisher_batch_size,
            waiting: RefCell::default(),
            in_flight: Cell::new(0),
            meter: BatchMeter::new(gate),
            tasks,
        })
    }
}

impl Logic for Publisher {}

impl Handles<Publish> for Publisher {
    fn handle(self: &Rc<Self>, Publish(intents): Publish, reply: Reply<Vec<PortResult<()>>>) {
        self.waiting.borrow_mut().push_back((intents, reply));
        if self.in_flight.get() < IN_FLIGHT {
            self.in_flight.set(self.in_flight.get() + 1);
            self.tasks.spawn(Rc::clone(self).publish_rounds());
        }
    }
}

impl Publisher {
    async fn publish_rounds(self: Rc<Self>) {
        while let Some((groups, why)) = self.next_batch() {
            self.publish(groups, why).await;
        }
        self.in_flight.set(self.in_flight.get() - 1);
    }

    /// As many whole groups as fit; a group larger than a batch is one of its own.
    fn next_batch(&self) -> Option<(Vec<Group>, Closed)> {
        let mut waiting = self.waiting.borrow_mut();
        let mut groups = vec![waiting.pop_front()?];
        let mut size = groups[0].0.len();
        while let Some((intents, _)) = waiting.front() {
            if size + intents.len() > self.batch_size {
                return Some((groups, Closed::Full));
            }
            size += intents.len();
            groups.extend(waiting.pop_front());
        }
        Some((groups, Closed::Ready))
    }

    async fn publish(&self, groups: Vec<Group>, why: Closed) {
        let began = Instant::now();
        let intents = groups.iter().flat_map(|(intents, _)| intents);
        let batch: Vec<_> = intents.map(wire::outgoing).collect();
        self.meter.closed(batch.len(), why);
        let members = groups.iter().flat_map(|(intents, _)| intents).map(|intent| intent.trace.as_deref());
        let span = trace::batch("publish", batch.len(), members);
        let mut outcomes = self.bus.publish(batch).instrument(span).await.into_iter();
        for (intents, reply) in groups {
            reply.send(outcomes.by_ref().take(intents.len()).collect());
        }
        self.meter.done(began.elapsed());
    }
}
