//! `CacheSync`: keeps the ledger and everybody's view of it true to the store.
//!
//! Its truth is the store; it keeps settlements that wait for the one in flight and the catalogue. One a process, in every
//! role; those of processes that write are *keepers*: they open, reap and sweep too, any number of them at once.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Settle`] | news from `OrderWriter` and `HoldWriter` | - | nothing is added up, so nothing changes |
//! | [`Drain`] | command | when nothing waits to be settled | the same |
//! | [`AreWeReady`] | question | whether every pool for sale is open | - |
//! | [`AuditLaws`] | question | the laws, over every row; one audit at a time | - |
//! | [`LookAround`] | question, from operators | [`Surroundings`]: what is for sale, how the writers are | - |
//! | [`XrayOrder`] | question, from operators | [`OrderSeen`]: what ledger and store know of an order | - |
//! | [`SteerSale`] | command, from operators | when the sale is paused or resumed | the same |
//!
//! And by the clock: fills the shelf (`cache_sync_interval`, and when the ledger says that something has changed), follows the
//! catalogue (4 times a second), reaps, sweeps and checks (once a second). Asks no actor; tells `Inventory` ([`Restock`](crate::shelf::Restock)). Limit:
//! `cache_sync_mailbox_capacity`; a settlement that finds no room is made up for by the sweep. A restart loses settlements that
//! waited, with the same cure.

mod burying;
mod catalogue;
mod opening;
mod operating;
mod reaping;
mod shelving;
mod witness;

pub use burying::DEAD_LETTER_LIFE;
pub use operating::{LookAround, OrderSeen, SteerSale, Surroundings, XrayOrder};

use crate::{
    audit::{AuditReport, audit},
    carrier::Logic,
    clock::SharedClock,
    facts::{Fact, announce},
    flight::{self, Step},
    mailbox::{Handles, Message, Reply},
    ports::{Bus, Catalogue, CatalogueSnapshot, Ledger, Listing, OrderStore, PoolSnapshot, PortResult},
    settings::ActorSettings,
    shelf::{Board, Shelf},
    tasks::Tasks,
};
use stampede_domain::{OrderId, PoolId, Settlement, WriterReport, ledger::Broken};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{Mutex, Notify},
    time::MissedTickBehavior,
};
use witness::Witness;

/// How often the catalogue's revision is asked for: an organizer's change is in force within a second.
const FOLLOW_EVERY: Duration = Duration::from_millis(250);
/// The least time between two shelves that the ledger's word brings: a busy sale must not fill them all the time.
const BETWEEN_PUSHES: Duration = Duration::from_millis(20);
/// How often the reaper and the sweep run.
const TIDY_EVERY: Duration = Duration::from_secs(1);

/// Decisions on their way to the ledger, and how the writers are doing.
pub struct Settle {
    /// Decisions, numbers, buyers.
    pub settlements: Vec<Settlement>,
    /// The writers, from those who know how they are.
    pub report: Option<WriterReport>,
}

impl Message for Settle {
    type Answer = ();
    const NAME: &'static str = "settle";
}

/// Answer when nothing waits to be settled.
pub struct Drain;

impl Message for Drain {
    type Answer = ();
    const NAME: &'static str = "drain";
}

/// Whether the shop can sell: every pool for sale is open.
pub struct AreWeReady;

impl Message for AreWeReady {
    type Answer = bool;
    const NAME: &'static str = "are_we_ready";
}

/// Check every law over every row.
pub struct AuditLaws;

impl Message for AuditLaws {
    type Answer = PortResult<AuditReport>;
    const NAME: &'static str = "audit_laws";
}

/// What a `CacheSync` is built from, for each of its lives.
#[derive(Clone)]
pub struct CacheSyncParts {
    /// Time.
    pub clock: SharedClock,
    /// The truth.
    pub store: Arc<dyn OrderStore>,
    /// The promise book.
    pub ledger: Arc<dyn Ledger>,
    /// For what waits, and dead letters.
    pub bus: Arc<dyn Bus>,
    /// What is for sale.
    pub catalogue: Arc<dyn Catalogue>,
    /// Where shelves hang.
    pub board: Arc<Board>,
    /// Limits.
    pub settings: ActorSettings,
    /// Whether it opens pools, reaps and sweeps: only who may write can.
    pub keeper: bool,
}

/// The logic.
pub struct CacheSync {
    parts: CacheSyncParts,
    catalogue: RefCell<CatalogueSnapshot>,
    /// The catalogue's listings, shared with shelves.
    listings: RefCell<Vec<Arc<Listing>>>,
    shelf: RefCell<Option<Arc<Shelf>>>,
    surroundings: RefCell<Option<Surroundings>>,
    sequence: Cell<u64>,
    waiting: RefCell<Vec<Settlement>>,
    report: Cell<Option<WriterReport>>,
    settling: Cell<bool>,
    settled: Notify,
    /// The version up to which each pool's rows have been swept.
    swept: RefCell<HashMap<PoolId, u64>>,
    witness: RefCell<Witness>,
    tidied: Cell<u64>,
    /// Orders that no store takes an end of, as far as that was said.
    endless: RefCell<HashSet<OrderId>>,
    auditing: Mutex<()>,
    tasks: Tasks,
}

impl CacheSync {
    /// A cache sync over its ports.
    #[must_use]
    pub fn new(parts: CacheSyncParts, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            parts,
            catalogue: RefCell::default(),
            listings: RefCell::default(),
            shelf: RefCell::default(),
            surroundings: RefCell::default(),
            sequence: Cell::new(0),
            waiting: RefCell::default(),
            report: Cell::new(None),
            settling: Cell::new(false),
            settled: Notify::new(),
            swept: RefCell::default(),
            witness: RefCell::default(),
            tidied: Cell::new(0),
            endless: RefCell::default(),
            auditing: Mutex::new(()),
            tasks,
        })
    }
}

impl Logic for CacheSync {
    fn begin(self: &Rc<Self>) {
        // Sequences of a later life must not repeat those of an earlier one: answers are cached by them.
        self.sequence.set(u64::try_from(self.parts.clock.now().0).unwrap_or(0) << 16);
        self.tasks.spawn(Rc::clone(self).follow_catalogue());
        self.tasks.spawn(Rc::clone(self).keep_shelf());
        self.tasks.spawn(Rc::clone(self).tidy_regularly());
    }
}

impl Handles<Settle> for CacheSync {
    fn handle(self: &Rc<Self>, Settle { settlements, report }: Settle, _reply: Reply<()>) {
        if report.is_some() {
            self.report.set(report);
        }
        self.settle_soon(settlements);
    }
}

impl Handles<Drain> for CacheSync {
    fn handle(self: &Rc<Self>, _: Drain, reply: Reply<()>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            while this.settling.get() {
                this.settled.notified().await;
            }
            reply.send(());
        });
    }
}

impl Handles<AreWeReady> for CacheSync {
    fn handle(self: &Rc<Self>, _: AreWeReady, reply: Reply<bool>) {
        let shelf = self.shelf.borrow();
        let ready = shelf.as_ref().is_some_and(|shelf| {
            shelf.events.iter().flat_map(|event| &event.types).all(|on_sale| on_sale.numbers.is_some())
        });
        reply.send(ready);
    }
}

impl Handles<AuditLaws> for CacheSync {
    fn handle(self: &Rc<Self>, _: AuditLaws, reply: Reply<PortResult<AuditReport>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            let _one_at_a_time = this.auditing.lock().await;
            let CacheSyncParts { clock, store, bus, ledger, .. } = &this.parts;
            reply.send(audit(clock.now(), store.as_ref(), bus.as_ref(), Some(ledger.as_ref())).await);
        });
    }
}

impl CacheSync {
    /// Settles with the next call to the ledger.
    fn settle_soon(self: &Rc<Self>, settlements: Vec<Settlement>) {
        self.waiting.borrow_mut().extend(settlements);
        if !self.settling.replace(true) {
            self.tasks.spawn(Rc::clone(self).settle_rounds());
        }
    }

    async fn settle_rounds(self: Rc<Self>) {
        loop {
            let settlements = std::mem::take(&mut *self.waiting.borrow_mut());
            let report = self.report.take();
            if settlements.is_empty() && report.is_none() {
                break;
            }
            match self.parts.ledger.settle(&settlements, report).await {
                Ok(broken) => {
                    let decided: Vec<_> =
                        settlements.iter().flat_map(|one| &one.decided).map(|one| one.order).collect();
                    flight::note(Step::Settled, self.parts.clock.now(), decided.into_iter());
                    admit(broken);
                }
                Err(failure) => tracing::warn!(%failure, "settlements are left to the sweep"),
            }
        }
        self.settling.set(false);
        self.settled.notify_waiters();
    }

    async fn follow_catalogue(self: Rc<Self>) {
        let mut every = ticks(FOLLOW_EVERY);
        loop {
            every.tick().await;
            self.follow().await;
        }
    }

    async fn keep_shelf(self: Rc<Self>) {
        let mut every = ticks(self.parts.settings.cache_sync_interval);
        loop {
            tokio::select! {
                // In this order, so that a simulation does the same each time.
                biased;
                _ = every.tick() => {}
                () = self.parts.ledger.changed() => tokio::time::sleep(BETWEEN_PUSHES).await,
            }
            self.fill_shelf().await;
        }
    }

    async fn tidy_regularly(self: Rc<Self>) {
        let mut every = ticks(TIDY_EVERY);
        loop {
            every.tick().await;
            self.tidy().await;
        }
    }

    /// The ledger's open pools, but for those of ticket types that have been removed: the store knows them no more.
    async fn open_pools(&self) -> PortResult<Vec<PoolSnapshot>> {
        let open = self.parts.ledger.snapshot().await?.pools;
        let for_sale = self.pools();
        Ok(open.into_iter().filter(|open| for_sale.contains(&open.pool)).collect())
    }

    /// The pools of everything that is for sale, with the names of what they belong to.
    fn pools(&self) -> Vec<PoolId> {
        let catalogue = self.catalogue.borrow();
        let types = catalogue.listings.iter().flat_map(|listing| {
            let event = &listing.event;
            event.ticket_types.iter().map(|ticket_type| ticket_type.pool(&event.slug))
        });
        types.collect()
    }
}

/// Says so when promises were broken.
fn admit(broken: Broken) {
    if broken != Broken::default() {
        let Broken { decided_otherwise, ledger_lost } = broken;
        tracing::error!(decided_otherwise, ledger_lost, "promises were broken: orders told 202 got no tickets");
        announce(Fact::PromisesBroken(broken));
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
