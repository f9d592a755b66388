//! `Till`: takes the wishes of those who pay online, and says so only when the lane has them durably.
//!
//! Its truth is the hold's row; it keeps only the wishes that wait for the publish in flight. One a process that takes orders.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Wished`] | command | [`TillAnswer`]: refused at once, or on the lane | found to be so, or twice on the lane, which is harmless |
//! | [`FindHold`] | question | the order as it is paid, if it is | - |
//! | [`Noticed`] | command, from the provider | when the lane has it | twice on the lane, which is harmless |
//!
//! Asks and tells no actor. Limits: `till_mailbox_capacity` messages, of which [`TILL_READS`] read the store at a time;
//! `till_batch_size` wishes in one publish. A restart drops what waits: those who asked see "unknown", for some of it may be
//! on the lane.
//!
//! What it answers is a forecast: it asks a copy of the row what would come of the wish. `Checkout` asks the row itself.

use crate::{
    batch::{BatchMeter, Closed},
    carrier::Logic,
    clock::SharedClock,
    facts::PutOff,
    gate::Gate,
    lane::{self, LaneOrder, Wish},
    mailbox::{Handles, Message, Reply},
    ports::{Bus, HoldStore, PaymentNotice, PortFailure, PortResult},
    settings::ActorSettings,
    tasks::Tasks,
    trace,
};
use stampede_domain::{Hold, HoldAnswer, HoldRefused, OrderId};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};
use tracing::Instrument;

/// Reads of the store at a time: who pays must not be kept waiting by who looks, so there are few, and they are short.
pub const TILL_READS: usize = 16;
/// How long a message waits for its read: longer than a busy moment, shorter than a browser's patience.
const READ_PATIENCE: Duration = Duration::from_secs(2);

/// Do this for an order that is paid online.
#[derive(Clone, Debug)]
pub struct Wished {
    /// For which.
    pub order: OrderId,
    /// What.
    pub wish: Wish,
    /// W3C `traceparent`, when traces are on.
    pub trace: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TillAnswer {
    /// It will be done, as far as can be foreseen: it is on the lane, or is so already.
    Taken {
        /// The order as it stands now, before.
        hold: Hold,
    },
    /// No, and why.
    Refused(HoldRefused),
    /// No order of that id is paid online.
    Unknown,
    /// Not now; nothing was taken.
    NotNow {
        /// Why.
        why: PutOff,
    },
    /// We do not know whether it was taken: the order tells.
    Unsure,
}

impl Message for Wished {
    type Answer = TillAnswer;
    const NAME: &'static str = "wished";
}

/// How an order stands that is paid online; `None`: none of that id is.
#[derive(Clone, Copy, Debug)]
pub struct FindHold(pub OrderId);

impl Message for FindHold {
    type Answer = Result<Option<Hold>, PutOff>;
    const NAME: &'static str = "find_hold";
}

/// The provider says that something happened to a payment. Its answer is no answer to the provider before it is `Ok`.
#[derive(Clone, Debug)]
pub struct Noticed(pub PaymentNotice);

impl Message for Noticed {
    type Answer = PortResult<()>;
    const NAME: &'static str = "noticed";
}

/// What a `Till` is built from, for each of its lives.
#[derive(Clone)]
pub struct TillParts {
    /// Time.
    pub clock: SharedClock,
    /// How orders stand.
    pub holds: Arc<dyn HoldStore>,
    /// Where wishes go.
    pub lane: Arc<dyn Bus>,
    /// Limits.
    pub settings: ActorSettings,
}

/// A wish that waits for the lane.
type Waiting = (LaneOrder, oneshot::Sender<PortResult<()>>);

/// The logic.
pub struct Till {
    parts: TillParts,
    reads: Semaphore,
    waiting: RefCell<Vec<Waiting>>,
    publishing: Cell<bool>,
    meter: BatchMeter,
    tasks: Tasks,
}

impl Till {
    /// A till in front of a lane.
    #[must_use]
    pub fn new(parts: TillParts, gate: &Arc<Gate>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            parts,
            reads: Semaphore::new(TILL_READS),
            waiting: RefCell::default(),
            publishing: Cell::new(false),
            meter: BatchMeter::new(gate),
            tasks,
        })
    }
}

impl Logic for Till {}

impl Handles<Wished> for Till {
    fn handle(self: &Rc<Self>, wished: Wished, reply: Reply<TillAnswer>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { reply.send(this.wished(wished).await) });
    }
}

impl Handles<FindHold> for Till {
    fn handle(self: &Rc<Self>, FindHold(order): FindHold, reply: Reply<Result<Option<Hold>, PutOff>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { reply.send(this.read(order).await) });
    }
}

impl Handles<Noticed> for Till {
    fn handle(self: &Rc<Self>, Noticed(notice): Noticed, reply: Reply<PortResult<()>>) {
        let PaymentNotice { payment, order, attempt } = notice;
        let this = Rc::clone(self);
        let look = LaneOrder { order, wish: Wish::Look { payment, attempt }, trace: trace::current() };
        self.tasks.spawn(async move { reply.send(this.publish(look).await) });
    }
}

impl Till {
    async fn wished(self: Rc<Self>, Wished { order, wish, trace }: Wished) -> TillAnswer {
        let hold = match self.read(order).await {
            Ok(Some(hold)) => hold,
            Ok(None) => return TillAnswer::Unknown,
            Err(why) => return TillAnswer::NotNow { why },
        };
        match self.forecast(&hold, &wish) {
            HoldAnswer::Refused(refused) => return TillAnswer::Refused(refused),
            HoldAnswer::Unchanged => return TillAnswer::Taken { hold },
            HoldAnswer::Changed => {}
        }
        match self.publish(LaneOrder { order, wish, trace }).await {
            Ok(()) => TillAnswer::Taken { hold },
            Err(PortFailure::Unavailable(_) | PortFailure::Impossible(_)) => TillAnswer::NotNow { why: PutOff::Broken },
            Err(PortFailure::Unknown(_)) => TillAnswer::Unsure,
        }
    }

    /// What would come of the wish, by the rule itself.
    fn forecast(&self, hold: &Hold, wish: &Wish) -> HoldAnswer {
        wish.change().map_or(HoldAnswer::Changed, |change| hold.clone().change(self.parts.clock.now(), &change))
    }

    async fn read(&self, order: OrderId) -> Result<Option<Hold>, PutOff> {
        let read = async {
            let _one_of_few = self.reads.acquire().await;
            self.parts.holds.hold(order).await
        };
        match tokio::time::timeout(READ_PATIENCE, read).await {
            Ok(Ok(hold)) => Ok(hold),
            Ok(Err(failure)) => {
                tracing::warn!(%order, %failure, "the store could not be asked for an order that is paid online");
                Err(PutOff::Broken)
            }
            Err(_) => Err(PutOff::Behind),
        }
    }

    /// Puts a wish on the lane, with the others that wait.
    async fn publish(self: &Rc<Self>, wished: LaneOrder) -> PortResult<()> {
        let (sender, outcome) = oneshot::channel();
        self.waiting.borrow_mut().push((wished, sender));
        if !self.publishing.replace(true) {
            self.tasks.spawn(Rc::clone(self).publish_rounds());
        }
        outcome.await.unwrap_or_else(|_| Err(PortFailure::Unknown("the till died with it".into())))
    }

    fn next_batch(&self) -> (Vec<LaneOrder>, Vec<oneshot::Sender<PortResult<()>>>, Closed) {
        let (mut waiting, most) = (self.waiting.borrow_mut(), self.parts.settings.till_batch_size);
        let closed = if waiting.len() < most { Closed::Ready } else { Closed::Full };
        let size = waiting.len().min(most);
        let (wishes, replies) = waiting.drain(..size).unzip();
        (wishes, replies, closed)
    }

    /// One publish at a time: what comes meanwhile goes together with the next one.
    async fn publish_rounds(self: Rc<Self>) {
        loop {
            let (wishes, replies, closed) = self.next_batch();
            if wishes.is_empty() {
                self.publishing.set(false);
                return;
            }
            let began = Instant::now();
            self.meter.closed(wishes.len(), closed);
            let span = trace::batch("publish_wishes", wishes.len(), wishes.iter().map(|wish| wish.trace.as_deref()));
            let batch = wishes.iter().map(lane::outgoing).collect();
            let outcomes = self.parts.lane.publish(batch).instrument(span).await;
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // Who asked may be gone; the lane has it all the same.
                reply.send(outcome).unwrap_or_else(drop);
            }
            self.meter.done(began.elapsed());
        }
    }
}
