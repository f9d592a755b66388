//! Which ports run on what, and who talks to whom. Decided here, once.

use crate::config::Config;
use actix_web::web::Data;
use anyhow::Context;
use stampede_actors::{
    cache_sync::{AreWeReady, AuditLaws, CacheSync, CacheSyncParts},
    carrier::Role,
    clock::{SharedClock, SystemClock},
    gate::Gate,
    inventory::{Inventory, InventoryParts, STORE_READS},
    order_writer::{OrderWriter, OrderWriterParts},
    ports::{Bus, Catalogue, Ledger, OrderStore},
    publisher::{Publish, Publisher},
    shelf::{Board, Restock},
    writer::{WRITER_CAPACITY, Writer},
};
use stampede_backends::{InProcessLedger, QueueOptions, ShopFile, SqliteBus, SqliteCatalogue, SqliteOrderStore, Timed};
use stampede_http::{Desk, Shop, desk::Mailboxes, ops::Cast};
use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::Semaphore;

/// The ports of a process.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: SharedClock,
    /// The truth.
    pub store: Arc<dyn OrderStore>,
    /// What is for sale.
    pub catalogue: Arc<dyn Catalogue>,
    /// The promise book.
    pub ledger: Arc<dyn Ledger>,
    /// The hand-over.
    pub bus: Arc<dyn Bus>,
}

/// Files to be closed when everything else is done.
pub struct Files {
    shop: ShopFile,
}

impl Ports {
    /// Everything on one machine, in one directory.
    ///
    /// # Errors
    /// With the file that cannot be used and the way out.
    pub async fn embedded(directory: &Path) -> anyhow::Result<(Self, Files)> {
        let clock: SharedClock = Arc::new(SystemClock);
        let shop = ShopFile::open(directory).await.context("the shop's file cannot be used")?;
        let bus = SqliteBus::open(directory, Arc::clone(&clock), QueueOptions::default()).await;
        let bus = bus.context("the queue's file cannot be used")?;
        let ports = Self {
            store: Arc::new(SqliteOrderStore::new(&shop)),
            catalogue: Arc::new(SqliteCatalogue::new(&shop)),
            ledger: Arc::new(InProcessLedger::new(Arc::clone(&clock))),
            bus: Arc::new(bus),
            clock,
        };
        Ok((ports.timed(), Files { shop }))
    }
}

impl Ports {
    /// The same ports, each call timed. Metrics must have begun.
    fn timed(self) -> Self {
        Self {
            clock: self.clock,
            store: Arc::new(Timed::new("order_store", self.store)),
            catalogue: Arc::new(Timed::new("catalogue", self.catalogue)),
            ledger: Arc::new(Timed::new("ledger", self.ledger)),
            bus: Arc::new(Timed::new("bus", self.bus)),
        }
    }
}

impl Files {
    /// Closes what the ports leave open.
    pub async fn close(&self) {
        self.shop.close().await;
    }
}

/// The actors of a process that are not bound to a worker's thread.
pub struct Stage {
    /// Every mailbox, for those who look.
    pub cast: Arc<Cast>,
    /// The latest shelf.
    pub board: Arc<Board>,
    /// False once the shop is closing down.
    pub admitting: Arc<AtomicBool>,
    ports: Ports,
    config: Config,
    store_reads: Arc<Semaphore>,
    publisher: Role<Publisher>,
    writers: Vec<Role<Writer>>,
    order_writer: Role<OrderWriter>,
    cache_sync: Role<CacheSync>,
    inventories: Mutex<Vec<Role<Inventory>>>,
    seeds: AtomicU64,
}

impl Stage {
    /// Brings the actors on stage, those first whom others ask.
    #[must_use]
    pub fn set(config: &Config, ports: Ports) -> Self {
        let (cast, board, settings) = (Arc::new(Cast::default()), Arc::new(Board::default()), config.actors());
        let gate = |actor, capacity| {
            let gate = Gate::new(actor, capacity);
            cast.enter(Arc::clone(&gate));
            gate
        };
        let cache_sync = {
            let Ports { clock, store, catalogue, ledger, bus } = ports.clone();
            let parts = CacheSyncParts {
                clock,
                store,
                ledger,
                bus,
                catalogue,
                board: Arc::clone(&board),
                settings,
                keeper: true,
            };
            let gate = gate("cache_sync", settings.cache_sync_mailbox_capacity);
            Role::on_own_thread(gate, move |life| CacheSync::new(parts.clone(), life.tasks))
        };
        let writers: Vec<_> = (0..settings.order_writers)
            .map(|_| {
                let (clock, store) = (Arc::clone(&ports.clock), Arc::clone(&ports.store));
                let build = move |life: stampede_actors::carrier::Life<Writer>| {
                    Writer::new(Arc::clone(&clock), Arc::clone(&store), life.tasks)
                };
                Role::on_own_thread(gate("writer", WRITER_CAPACITY), build)
            })
            .collect();
        let order_writer = {
            let parts = OrderWriterParts {
                clock: Arc::clone(&ports.clock),
                bus: Arc::clone(&ports.bus),
                writers: writers.iter().map(Role::mailbox).collect(),
                cache_sync: cache_sync.mailbox(),
                settings,
            };
            let gate = gate("order_writer", settings.order_writer_mailbox_capacity);
            Role::on_own_thread(gate, move |life| OrderWriter::new(parts.clone(), life))
        };
        let publisher = {
            let bus = Arc::clone(&ports.bus);
            let gate = gate("publisher", settings.publisher_mailbox_capacity);
            Role::on_own_thread(gate, move |life: stampede_actors::carrier::Life<Publisher>| {
                Publisher::new(Arc::clone(&bus), &settings, life.role.gate(), life.tasks)
            })
        };
        Self {
            cast,
            board,
            admitting: Arc::new(AtomicBool::new(true)),
            store_reads: Arc::new(Semaphore::new(STORE_READS)),
            ports,
            config: config.clone(),
            publisher,
            writers,
            order_writer,
            cache_sync,
            inventories: Mutex::default(),
            seeds: AtomicU64::new(1),
        }
    }

    /// A desk for the worker of this thread, with an `Inventory` of its own.
    #[must_use]
    pub fn desk(&self, shop: &Arc<Shop>) -> Data<Desk> {
        let settings = self.config.actors();
        let publisher = self.publisher.mailbox::<Publish>();
        let parts = InventoryParts {
            clock: Arc::clone(&self.ports.clock),
            ledger: Arc::clone(&self.ports.ledger),
            store: Arc::clone(&self.ports.store),
            store_reads: Arc::clone(&self.store_reads),
            publisher,
            board: Arc::clone(&self.board),
            admitting: Arc::clone(&self.admitting),
            settings,
            seed: self.seeds.fetch_add(1, Ordering::Relaxed),
        };
        let gate = Gate::new("inventory", settings.inventory_mailbox_capacity);
        self.cast.enter(Arc::clone(&gate));
        let inventory: Role<Inventory> =
            Role::here(gate, move |life| Inventory::new(parts.clone(), life.role.gate(), life.tasks));
        self.board.subscribe(inventory.mailbox::<Restock>());
        self.inventories.lock().unwrap_or_else(PoisonError::into_inner).push(inventory.clone());
        let mailboxes = Mailboxes {
            find_event: inventory.mailbox(),
            list_events: inventory.mailbox(),
            watch_shelf: inventory.mailbox(),
            place_order: inventory.mailbox(),
            find_order: inventory.mailbox(),
        };
        Data::new(Desk::new(Arc::clone(shop), mailboxes, Arc::clone(&self.ports.clock)))
    }

    /// Whether the pools are open.
    #[must_use]
    pub fn ready(&self) -> stampede_actors::mailbox::Mailbox<AreWeReady> {
        self.cache_sync.mailbox()
    }

    /// The laws.
    #[must_use]
    pub fn audit(&self) -> stampede_actors::mailbox::Mailbox<AuditLaws> {
        self.cache_sync.mailbox()
    }

    /// Takes no more orders. Those under way come to their end; the workers' actors go with their threads.
    pub fn stop_admitting(&self) {
        self.admitting.store(false, Ordering::Relaxed);
        self.inventories.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Role::retire);
    }

    /// Writes what is held, settles it, and lets the actors go. What does not finish in time is on the bus and comes back
    /// with the next start.
    pub async fn drain(&self) {
        let written = self.order_writer.mailbox::<stampede_actors::order_writer::Drain>();
        if written.ask(stampede_actors::order_writer::Drain).await.is_err() {
            tracing::warn!("the order writer could not be drained; its orders stay in the queue");
        }
        let settled = self.cache_sync.mailbox::<stampede_actors::cache_sync::Drain>();
        if settled.ask(stampede_actors::cache_sync::Drain).await.is_err() {
            tracing::warn!("the ledger could not be settled; the next start reads the store");
        }
        self.publisher.leave();
        self.order_writer.leave();
        self.writers.iter().for_each(Role::leave);
        self.cache_sync.leave();
    }
}
