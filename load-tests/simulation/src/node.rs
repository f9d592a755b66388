//! One process of the shop: the actors of its role, wired as the server wires them.

use crate::{
    clock::SimulatedClock,
    fate::Fate,
    harm::Caller,
    links::{BusLink, Link},
    part::{Mortal, Part},
};
use stampede_actors::{
    cache_sync::{AuditLaws, CacheSync, CacheSyncParts, Settle},
    clock::SharedClock,
    gate::Gate,
    inventory::{FindOrder, Inventory, InventoryParts, PlaceOrder},
    mailbox::Mailbox,
    order_writer::{Deliver, OrderWriter, OrderWriterParts},
    ports::{Bus, Catalogue, Ledger, OrderStore},
    publisher::{Publish, Publisher},
    settings::ActorSettings,
    shelf::{Board, Restock},
    writer::{WRITER_CAPACITY, Write, Writer},
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
};
use tokio::sync::Semaphore;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    All,
    Web,
    Writer,
}

impl Role {
    pub(crate) fn takes_orders(self) -> bool {
        self != Self::Writer
    }

    fn writes(self) -> bool {
        self != Self::Web
    }
}

/// What a process stands on, before its own wires.
pub(crate) struct Ground {
    pub(crate) clock: Arc<SimulatedClock>,
    pub(crate) store: Arc<dyn OrderStore>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) network: Arc<dyn Bus>,
    pub(crate) catalogue: Arc<dyn Catalogue>,
    pub(crate) settings: ActorSettings,
}

/// A life of a process.
pub(crate) struct Node {
    pub(crate) ground: Ground,
    pub(crate) counter: Option<Counter>,
    pub(crate) audit: Mailbox<AuditLaws>,
    parts: Vec<(&'static str, Rc<dyn Mortal>)>,
}

/// Where buyers ask.
#[derive(Clone)]
pub(crate) struct Counter {
    pub(crate) place_order: Mailbox<PlaceOrder>,
    pub(crate) find_order: Mailbox<FindOrder>,
}

/// Makes the wires of one life of a process.
struct Wires<'a> {
    ground: &'a Ground,
    fate: &'a Arc<Fate>,
    node: usize,
    life: u32,
    role: Role,
}

impl Wires<'_> {
    fn link<P: ?Sized>(&self, actor: &'static str, name: &'static str, port: &Arc<P>) -> Link<P> {
        let caller = Caller { node: self.node, life: self.life, actor };
        Link { port: Arc::clone(port), fate: Arc::clone(self.fate), caller, name }
    }

    fn store(&self, actor: &'static str) -> Arc<dyn OrderStore> {
        Arc::new(self.link(actor, "store", &self.ground.store))
    }

    fn ledger(&self, actor: &'static str) -> Arc<dyn Ledger> {
        Arc::new(self.link(actor, "ledger", &self.ground.ledger))
    }

    fn bus(&self, actor: &'static str) -> Arc<dyn Bus> {
        let link = self.link(actor, "bus", &self.ground.bus);
        Arc::new(BusLink::new(link, Arc::clone(&self.ground.network), self.role != Role::All))
    }

    fn catalogue(&self, actor: &'static str) -> Arc<dyn Catalogue> {
        Arc::new(self.link(actor, "catalogue", &self.ground.catalogue))
    }

    fn clock(&self) -> SharedClock {
        Arc::clone(&self.ground.clock) as SharedClock
    }
}

impl Node {
    /// A process comes up.
    pub(crate) fn begin(number: usize, role: Role, ground: Ground, fate: &Arc<Fate>, panics: &Rc<Cell<u32>>) -> Self {
        let life = fate.is_born(number);
        let wires = Wires { ground: &ground, fate, node: number, life, role };
        let board = Arc::new(Board::default());
        let gate = Gate::new("cache_sync", ground.settings.cache_sync_mailbox_capacity);
        let cache_sync = cache_sync(&wires, &board, role, panics);
        let audit = cache_sync.mailbox(&gate);
        let mut parts: Vec<(&'static str, Rc<dyn Mortal>)> = vec![("cache_sync", Rc::clone(&cache_sync) as _)];
        if role.writes() {
            let (writer, write) = writer(&wires, panics);
            let order_writer = order_writer(&wires, write, cache_sync.mailbox(&gate), panics);
            order_writer.begin();
            parts.push(("writer", writer));
            parts.push(("order_writer", order_writer));
        }
        let counter = role.takes_orders().then(|| {
            let (publisher, publish) = publisher(&wires, panics);
            let (inventory, counter) = inventory(&wires, &board, publish, panics);
            parts.push(("publisher", publisher));
            parts.push(("inventory", inventory));
            counter
        });
        cache_sync.begin();
        Self { counter, audit, parts, ground }
    }

    /// The process is gone, and with it everything it had in hand.
    pub(crate) fn kill(self) {
        // Those who ask before those whom they ask: nobody sees an answer that its own end has become.
        self.parts.iter().rev().for_each(|(_, part)| part.end());
    }

    /// One actor dies and is replaced.
    pub(crate) fn fell(&self, actor: &'static str) {
        let mut parts = self.parts.iter();
        if let Some((_, part)) = parts.find(|(name, _)| *name == actor) {
            part.fall();
        }
    }
}

fn cache_sync(wires: &Wires<'_>, board: &Arc<Board>, role: Role, panics: &Rc<Cell<u32>>) -> Rc<Part<CacheSync>> {
    let parts = CacheSyncParts {
        clock: wires.clock(),
        store: wires.store("cache_sync"),
        ledger: wires.ledger("cache_sync"),
        bus: wires.bus("cache_sync"),
        catalogue: wires.catalogue("cache_sync"),
        board: Arc::clone(board),
        settings: wires.ground.settings,
        keeper: role.writes(),
    };
    Part::cast(panics, move |tasks| CacheSync::new(parts.clone(), tasks))
}

fn writer(wires: &Wires<'_>, panics: &Rc<Cell<u32>>) -> (Rc<Part<Writer>>, Mailbox<Write>) {
    let (clock, store) = (wires.clock(), wires.store("writer"));
    let part = Part::cast(panics, move |tasks| Writer::new(Arc::clone(&clock), Arc::clone(&store), tasks));
    let mailbox = part.mailbox(&Gate::new("writer", WRITER_CAPACITY));
    (part, mailbox)
}

fn order_writer(
    wires: &Wires<'_>,
    write: Mailbox<Write>,
    cache_sync: Mailbox<Settle>,
    panics: &Rc<Cell<u32>>,
) -> Rc<Part<OrderWriter>> {
    let settings = wires.ground.settings;
    let parts = OrderWriterParts {
        clock: wires.clock(),
        bus: wires.bus("order_writer"),
        writers: vec![write],
        cache_sync,
        settings,
    };
    let gate = Gate::new("order_writer", settings.order_writer_mailbox_capacity);
    // It has a mailbox of its own, which is there before it is: the logic gets what the part will be reached by.
    Part::cast_with_own_mailbox(panics, &gate, move |own: Mailbox<Deliver>, tasks| {
        OrderWriter::with_mailbox(parts.clone(), own, tasks)
    })
}

fn publisher(wires: &Wires<'_>, panics: &Rc<Cell<u32>>) -> (Rc<Part<Publisher>>, Mailbox<Publish>) {
    let (bus, settings) = (wires.bus("publisher"), wires.ground.settings);
    let gate = Gate::new("publisher", settings.publisher_mailbox_capacity);
    let own = Arc::clone(&gate);
    let part = Part::cast(panics, move |tasks| Publisher::new(Arc::clone(&bus), &settings, &own, tasks));
    let mailbox = part.mailbox(&gate);
    (part, mailbox)
}

fn inventory(
    wires: &Wires<'_>,
    board: &Arc<Board>,
    publisher: Mailbox<Publish>,
    panics: &Rc<Cell<u32>>,
) -> (Rc<Part<Inventory>>, Counter) {
    let settings = wires.ground.settings;
    let parts = InventoryParts {
        clock: wires.clock(),
        ledger: wires.ledger("inventory"),
        store: wires.store("inventory"),
        store_reads: Arc::new(Semaphore::new(8)),
        publisher,
        board: Arc::clone(board),
        admitting: Arc::new(AtomicBool::new(true)),
        settings,
        seed: wires.fate.between(0, u64::MAX),
    };
    let gate = Gate::new("inventory", settings.inventory_mailbox_capacity);
    let own = Arc::clone(&gate);
    let part = Part::cast(panics, move |tasks| Inventory::new(parts.clone(), &own, tasks));
    board.subscribe(part.mailbox::<Restock>(&gate));
    let counter = Counter { place_order: part.mailbox(&gate), find_order: part.mailbox(&gate) };
    (part, counter)
}
