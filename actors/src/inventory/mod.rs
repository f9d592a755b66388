//! `Inventory`: answers shoppers, and takes their orders as far as the promise.
//!
//! One on each HTTP worker's thread, so that a read costs no wake-up. Its truth is the ledger; it keeps the latest shelf that
//! `CacheSync` sent and the claims that wait for the claim batch in flight.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`FindEvent`] | question | the event with its numbers | - |
//! | [`ListEvents`] | question | all events | - |
//! | [`WatchShelf`] | question | every shelf from now on | - |
//! | [`PlaceOrder`] | command | [`Placed`]: accepted only after claim, publish and promise | the same answer |
//! | [`RepeatOrder`] | question | [`Placed`]: what a known key was answered, else too often | the same answer |
//! | [`FindOrder`] | question | [`OrderFound`] or why not | - |
//! | [`Restock`] | news from `CacheSync` | - | the later one counts |
//!
//! Asks `Publisher`, the ledger and the store (old ids, details, what became of reservations; behind a bulkhead). Tells nobody. Limit:
//! `inventory_mailbox_capacity` messages. A restart drops what is in flight (its buyers see "unknown", the same key resumes)
//! and begins with the latest shelf.

mod placing;
mod reading;
mod replaying;

use crate::{
    batch::BatchMeter,
    carrier::Logic,
    chance::Chance,
    clock::SharedClock,
    facts::PutOff,
    gate::Gate,
    mailbox::{Handles, Mailbox, Message, Reply},
    ports::{Ledger, OrderRecord, OrderStore},
    publisher::Publish,
    settings::ActorSettings,
    shelf::{Board, EventOnSale, Restock, Shelf},
    tasks::Tasks,
};
use placing::Waiting;
use stampede_domain::{BuyerId, Contact, EventSlug, Millis, OrderId, OrderRefused, OrderStatus, RejectReason};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

/// Reads of the store at a time, for all of a process: it has a few connections, and shoppers must not queue for them.
pub const STORE_READS: usize = 64;
/// An event older than this is shown as stale: `CacheSync` looks ten times a second.
const STALE_AFTER: Duration = Duration::from_secs(1);

/// The event of that name, or the featured one.
pub struct FindEvent(pub Option<EventSlug>);

/// Every event of the shop, the featured one first.
pub struct ListEvents;

impl Message for ListEvents {
    type Answer = Result<Vec<EventShown>, EventNotShown>;
    const NAME: &'static str = "list_events";
}

/// An event as it is shown.
#[derive(Clone, Debug)]
pub struct EventShown {
    /// The event with its numbers.
    pub event: Arc<EventOnSale>,
    /// Whether the numbers are older than they should be.
    pub stale: bool,
    /// Server time.
    pub now: Millis,
}

/// Why an event cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventNotShown {
    /// There is none of that name.
    NotFound,
    /// The shop has just begun and knows nothing yet.
    NotReady,
}

impl Message for FindEvent {
    type Answer = Result<EventShown, EventNotShown>;
    const NAME: &'static str = "find_event";
}

/// Every shelf from now on.
pub struct WatchShelf;

impl Message for WatchShelf {
    type Answer = watch::Receiver<Option<Arc<Shelf>>>;
    const NAME: &'static str = "watch_shelf";
}

/// Take an order.
#[derive(Clone, Debug)]
pub struct PlaceOrder {
    /// The buyer's key.
    pub order: OrderId,
    /// Which event; the featured one when absent.
    pub event: Option<EventSlug>,
    /// Which ticket type; the event's first when absent.
    pub ticket_type: Option<String>,
    /// How many.
    pub quantity: u32,
    /// Whose limit it counts for.
    pub buyer: BuyerId,
    /// Whose order it is.
    pub contact: Contact,
    /// W3C `traceparent`, when traces are on.
    pub trace: Option<String>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// 202: the order is promised or decided in the buyer's favour. `replayed`: an earlier request did it.
    Accepted {
        /// Where it stands: `Pending`, held for its payment, or `Confirmed`.
        status: OrderStatus,
        /// By an earlier request.
        replayed: bool,
    },
    /// No, and why.
    Refused(OrderRefused),
    /// Not now; nothing was taken, the key is unused.
    PutOff {
        /// Why.
        why: PutOff,
        /// When to come back.
        retry_after: Duration,
    },
    /// We do not know: the same key finds out.
    Unknown {
        /// When to ask.
        retry_after: Duration,
    },
    /// This buyer asks too often; nothing was taken, the key is unused.
    TooOften {
        /// When to come back.
        retry_after: Duration,
    },
    /// There is no such event or ticket type.
    NotForSale,
}

impl Message for PlaceOrder {
    type Answer = Placed;
    const NAME: &'static str = "place_order";
}

/// Answer an order whose key is known, and take no other: its buyer asks too often.
#[derive(Clone, Debug)]
pub struct RepeatOrder {
    /// The order as it is asked for.
    pub order: PlaceOrder,
    /// When the buyer may ask for another.
    pub retry_after: Duration,
}

impl Message for RepeatOrder {
    type Answer = Placed;
    const NAME: &'static str = "repeat_order";
}

/// Where an order stands.
pub struct FindOrder {
    /// Which.
    pub order: OrderId,
    /// Whether the row is wanted too: for those who may see it.
    pub details: bool,
}

/// An order found.
#[derive(Clone, Debug)]
pub struct OrderFound {
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it was rejected.
    pub reason: Option<RejectReason>,
    /// The row, when it was asked for and exists.
    pub record: Option<OrderRecord>,
}

/// Why an order cannot be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderNotShown {
    /// Nobody ever asked for it, as far as anybody knows.
    NotFound,
    /// Nobody can say at the moment.
    NotKnownYet {
        /// When to ask again.
        retry_after: Duration,
    },
}

impl Message for FindOrder {
    type Answer = Result<OrderFound, OrderNotShown>;
    const NAME: &'static str = "find_order";
}

/// What an `Inventory` is built from, for each of its lives.
#[derive(Clone)]
pub struct InventoryParts {
    /// Time.
    pub clock: SharedClock,
    /// Claims.
    pub ledger: Arc<dyn Ledger>,
    /// Old ids, details, and what became of reservations.
    pub store: Arc<dyn OrderStore>,
    /// Reads of the store under way in this process.
    pub store_reads: Arc<Semaphore>,
    /// The bus.
    pub publisher: Mailbox<Publish>,
    /// Where the latest shelf hangs.
    pub board: Arc<Board>,
    /// False once the shop is closing down.
    pub admitting: Arc<AtomicBool>,
    /// Limits.
    pub settings: ActorSettings,
    /// For jitter.
    pub seed: u64,
}

/// The logic.
pub struct Inventory {
    parts: InventoryParts,
    chance: Chance,
    shelf: watch::Sender<Option<Arc<Shelf>>>,
    waiting: RefCell<VecDeque<Waiting>>,
    claiming: Cell<bool>,
    claims: BatchMeter,
    tasks: Tasks,
}

impl Inventory {
    /// An inventory that begins with the latest shelf.
    #[must_use]
    pub fn new(parts: InventoryParts, gate: &Arc<Gate>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            chance: Chance::seeded(parts.seed),
            shelf: watch::Sender::new(parts.board.latest()),
            waiting: RefCell::default(),
            claiming: Cell::new(false),
            claims: BatchMeter::new(gate),
            tasks,
            parts,
        })
    }
}

impl Logic for Inventory {}

impl Handles<FindEvent> for Inventory {
    fn handle(self: &Rc<Self>, FindEvent(slug): FindEvent, reply: Reply<Result<EventShown, EventNotShown>>) {
        reply.send(self.find_event(slug.as_ref()));
    }
}

impl Handles<ListEvents> for Inventory {
    fn handle(self: &Rc<Self>, _: ListEvents, reply: Reply<Result<Vec<EventShown>, EventNotShown>>) {
        reply.send(self.list_events());
    }
}

impl Handles<WatchShelf> for Inventory {
    fn handle(self: &Rc<Self>, _: WatchShelf, reply: Reply<watch::Receiver<Option<Arc<Shelf>>>>) {
        reply.send(self.shelf.subscribe());
    }
}

impl Handles<PlaceOrder> for Inventory {
    fn handle(self: &Rc<Self>, message: PlaceOrder, reply: Reply<Placed>) {
        self.place(message, reply);
    }
}

impl Handles<RepeatOrder> for Inventory {
    fn handle(self: &Rc<Self>, RepeatOrder { order, retry_after }: RepeatOrder, reply: Reply<Placed>) {
        self.repeat(order, Placed::TooOften { retry_after }, reply);
    }
}

impl Handles<FindOrder> for Inventory {
    fn handle(self: &Rc<Self>, question: FindOrder, reply: Reply<Result<OrderFound, OrderNotShown>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { reply.send(this.find_order(&question).await) });
    }
}

impl Handles<Restock> for Inventory {
    fn handle(self: &Rc<Self>, Restock(shelf): Restock, _reply: Reply<()>) {
        self.shelf.send_replace(Some(shelf));
    }
}

impl Inventory {
    fn find_event(&self, slug: Option<&EventSlug>) -> Result<EventShown, EventNotShown> {
        let shelf = self.shelf.borrow();
        let shelf = shelf.as_ref().ok_or(EventNotShown::NotReady)?;
        find(shelf, slug).map(|event| self.shown(shelf, event)).ok_or(EventNotShown::NotFound)
    }

    fn list_events(&self) -> Result<Vec<EventShown>, EventNotShown> {
        let shelf = self.shelf.borrow();
        let shelf = shelf.as_ref().ok_or(EventNotShown::NotReady)?;
        Ok(shelf.events.iter().map(|event| self.shown(shelf, event)).collect())
    }

    fn shown(&self, shelf: &Shelf, event: &Arc<EventOnSale>) -> EventShown {
        let now = self.parts.clock.now();
        EventShown { event: Arc::clone(event), stale: shelf.is_older_than(STALE_AFTER), now }
    }

    fn is_admitting(&self) -> bool {
        self.parts.admitting.load(Ordering::Relaxed)
    }
}

fn find<'a>(shelf: &'a Shelf, slug: Option<&EventSlug>) -> Option<&'a Arc<EventOnSale>> {
    match slug {
        Some(slug) => shelf.events.iter().find(|event| event.listing.event.slug == *slug),
        None => shelf.events.first(),
    }
}
