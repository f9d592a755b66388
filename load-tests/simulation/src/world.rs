//! Everything there is in one history: what the shop stands on, its processes, and who lets them come and go.

use crate::{
    clock::SimulatedClock,
    fate::{Death, Fate},
    node::{Counter, Ground, Node, Role},
    plan::{Mode, Plan},
};
use stampede_actors::{
    clock::SharedClock,
    ports::{Bus, Catalogue, Ledger, OrderStore},
    settings::ActorSettings,
};
use stampede_backends::{
    InProcessLedger, MemoryBusOptions, MemoryBusServer, MemoryCatalogue, MemoryLedgerCopy, MemoryLedgerServer,
    MemoryOrderStore, MemoryShop,
};
use stampede_checker::{Fault, Recorder, What};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};

/// The lease of the embedded queue.
const EMBEDDED_LEASE: Duration = Duration::from_secs(6);
/// The shortest lease of Pub/Sub.
const DISTRIBUTED_LEASE: Duration = Duration::from_secs(10);
/// The longest that a dead process stays away, in milliseconds.
const LONGEST_ABSENCE_MS: u64 = 15_000;
/// The same where deaths are written down: one must not keep the next from its moment.
const SHORT_ABSENCE_MS: u64 = 2_000;

/// One history's world.
pub(crate) struct World {
    pub(crate) fate: Arc<Fate>,
    pub(crate) mode: Mode,
    pub(crate) began: Instant,
    pub(crate) recorder: Recorder,
    pub(crate) store: Arc<dyn OrderStore>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) bus: MemoryBusServer,
    /// The bus for what outlives its sender.
    pub(crate) network: Arc<dyn Bus>,
    /// The servers' clock: the store's, the bus's and the shared ledger's.
    pub(crate) server_clock: Arc<SimulatedClock>,
    ledger: MemoryLedgerServer,
    older: RefCell<Option<MemoryLedgerCopy>>,
    nodes: RefCell<Vec<Place>>,
    panics: Rc<Cell<u32>>,
    settings: ActorSettings,
    capacity: Cell<u32>,
    is_closing: Cell<bool>,
    has_lost_the_ledger: Cell<bool>,
    longest_absence_ms: u64,
}

/// A process's place: its machine, and the process when it runs.
struct Place {
    role: Role,
    clock: Arc<SimulatedClock>,
    node: Option<Node>,
}

impl World {
    /// The servers are up, and nothing else.
    pub(crate) fn new(plan: &Plan, fate: Arc<Fate>) -> Rc<Self> {
        let began = Instant::now();
        let server_clock = SimulatedClock::since(began);
        let clock = Arc::clone(&server_clock) as SharedClock;
        let shop = MemoryShop::new();
        let embedded = plan.mode == Mode::Embedded;
        let options = MemoryBusOptions {
            lease: if embedded { EMBEDDED_LEASE } else { DISTRIBUTED_LEASE },
            tells_what_waits: embedded,
            sole_consumer: embedded,
        };
        let roles: &[Role] = if embedded { &[Role::All] } else { &[Role::Web, Role::Web, Role::Writer, Role::Writer] };
        let place = |role: &Role| Place {
            role: *role,
            // On one machine there is one clock.
            clock: if embedded { Arc::clone(&server_clock) } else { SimulatedClock::since(began) },
            node: None,
        };
        let nodes = roles.iter().map(place).collect();
        let bus = MemoryBusServer::new(Arc::clone(&clock), options);
        Rc::new(Self {
            mode: plan.mode,
            began,
            recorder: Recorder::default(),
            store: Arc::new(MemoryOrderStore::new(&shop)),
            catalogue: Arc::new(MemoryCatalogue::new(&shop)),
            network: Arc::new(bus.handle()),
            bus,
            server_clock,
            ledger: MemoryLedgerServer::new(clock),
            older: RefCell::default(),
            nodes: RefCell::new(nodes),
            panics: Rc::default(),
            settings: plan.settings(),
            capacity: Cell::new(plan.capacity),
            is_closing: Cell::new(false),
            has_lost_the_ledger: Cell::new(false),
            longest_absence_ms: if plan.script.is_empty() { LONGEST_ABSENCE_MS } else { SHORT_ABSENCE_MS },
            fate,
        })
    }

    pub(crate) fn at_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Units for sale, and the organizer's change of them.
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity.get()
    }

    pub(crate) fn now_sells(&self, capacity: u32) {
        self.capacity.set(capacity);
    }

    /// Whether the shared ledger was lost.
    pub(crate) fn has_lost_the_ledger(&self) -> bool {
        self.has_lost_the_ledger.get()
    }

    /// Buyers go home: nobody asks for anything new.
    pub(crate) fn close(&self) {
        self.is_closing.set(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// Actors that died of something that no fault explains.
    pub(crate) fn panics(&self) -> u32 {
        self.panics.get()
    }

    /// All processes come up.
    pub(crate) fn begin(self: &Rc<Self>) {
        for number in 0..self.places() {
            self.start(number);
        }
    }

    /// A process comes up, if it is not there.
    pub(crate) fn start(self: &Rc<Self>, number: usize) {
        let (role, clock) = {
            let nodes = self.nodes.borrow();
            if nodes[number].node.is_some() {
                return;
            }
            (nodes[number].role, Arc::clone(&nodes[number].clock))
        };
        let ground = self.ground(number, clock);
        let node = Node::begin(number, role, ground, &self.fate, &self.panics);
        self.nodes.borrow_mut()[number].node = Some(node);
    }

    fn ground(&self, number: usize, clock: Arc<SimulatedClock>) -> Ground {
        let ledger: Arc<dyn Ledger> = match self.mode {
            // It dies with its process.
            Mode::Embedded => Arc::new(InProcessLedger::new(Arc::clone(&clock) as SharedClock)),
            Mode::Distributed => Arc::new(self.ledger.handle(number as u64)),
        };
        Ground {
            clock,
            store: Arc::clone(&self.store),
            ledger,
            bus: Arc::new(self.bus.handle()),
            network: Arc::clone(&self.network),
            catalogue: Arc::clone(&self.catalogue),
            settings: self.settings,
        }
    }

    /// A process dies where it stands.
    pub(crate) fn kill(&self, number: usize) {
        let node = self.nodes.borrow_mut()[number].node.take();
        if let Some(node) = node {
            self.fate.has_died(number);
            node.kill();
        }
    }

    /// Those who carry the deaths out that the faults ask for; the dead come back after a while.
    pub(crate) async fn bury(self: Rc<Self>, mut mortuary: UnboundedReceiver<Death>) {
        while let Some(death) = mortuary.recv().await {
            match death {
                Death::Actor(caller) => {
                    if let Some(node) = &self.nodes.borrow()[caller.node].node {
                        node.fell(caller.actor);
                    }
                }
                Death::Node(number) => {
                    self.kill(number);
                    let absence = self.fate.between(1, self.longest_absence_ms);
                    self.return_after(number, Duration::from_millis(absence));
                }
            }
        }
    }

    pub(crate) fn return_after(self: &Rc<Self>, number: usize, absence: Duration) {
        let this = Rc::clone(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(absence).await;
            this.start(number);
        });
    }

    /// How many processes there are, dead or alive.
    pub(crate) fn places(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// The counter of some process that takes orders; `None` when the one that was asked is not there.
    pub(crate) fn counter(&self) -> Option<Counter> {
        let nodes = self.nodes.borrow();
        let doors: Vec<_> = nodes.iter().filter(|place| place.role.takes_orders()).collect();
        let some = self.fate.between(0, doors.len() as u64 - 1);
        let place = doors.get(usize::try_from(some).unwrap_or_default())?;
        place.node.as_ref()?.counter.clone()
    }

    /// The clock of a machine.
    pub(crate) fn clock(&self, number: usize) -> Arc<SimulatedClock> {
        Arc::clone(&self.nodes.borrow()[number].clock)
    }

    /// Some process, to be asked about the whole: one that keeps the books.
    pub(crate) fn with_a_keeper<T>(&self, look: impl FnOnce(&Node) -> T) -> Option<T> {
        let nodes = self.nodes.borrow();
        nodes.iter().rev().find_map(|place| place.node.as_ref()).map(look)
    }

    /// Keeps what the ledger holds now, for a later loss that brings it back.
    pub(crate) fn remember_the_ledger(&self) {
        *self.older.borrow_mut() = Some(self.ledger.copy());
    }

    /// The ledger is lost; with an older copy it restarts with that.
    pub(crate) async fn lose_the_ledger(&self, to_older_copy: bool) {
        let claimed = self.claimed().await;
        match self.older.borrow().as_ref().filter(|_| to_older_copy) {
            Some(copy) => self.restore(copy),
            None => self.ledger.lose(),
        }
        self.fate.note(&("the ledger is lost", claimed, to_older_copy));
        self.has_lost_the_ledger.set(true);
        if claimed > 0 {
            self.fate.hit(crate::Row::LedgerLost);
        }
        self.fate.took_effect(if to_older_copy { "ledger restored to an older copy" } else { "ledger lost" });
        let at = self.at_ms();
        let fault = Fault {
            kind: "the ledger is lost".into(),
            began_ms: at,
            over_ms: at,
            effect: Some(format!("{claimed} units were claimed")),
            lost_units: Some(claimed),
            // An opening before the writers had come to rest keeps old keys waiting for a lease.
            grace_ms: 12_000,
        };
        self.recorder.note(at, What::Fault(fault));
    }

    fn restore(&self, copy: &MemoryLedgerCopy) {
        #[cfg(feature = "sabotage")]
        if stampede_domain::sabotage::is_on(stampede_domain::sabotage::Sabotage::TrustsAnOldLedger) {
            self.ledger.restore_unnoticed(copy);
            return;
        }
        self.ledger.restore(copy);
    }

    /// Units claimed in the ledger now.
    async fn claimed(&self) -> u64 {
        let ledger = self.ledger.handle(u64::MAX);
        let snapshot = ledger.snapshot().await.unwrap_or_default();
        snapshot.pools.iter().map(|open| u64::from(open.numbers.claimed)).sum()
    }

    /// The ledger as it is now, whosever it is.
    pub(crate) async fn ledger(&self) -> stampede_actors::ports::LedgerSnapshot {
        match self.mode {
            Mode::Distributed => self.ledger.handle(u64::MAX).snapshot().await.unwrap_or_default(),
            Mode::Embedded => {
                let ledger = self.with_a_keeper(|node| Arc::clone(&node.ground.ledger));
                match ledger {
                    Some(ledger) => ledger.snapshot().await.unwrap_or_default(),
                    None => stampede_actors::ports::LedgerSnapshot::default(),
                }
            }
        }
    }
}
