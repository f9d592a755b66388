//! Who is on stage in a process of a role, and who talks to whom.

use super::{Ports, Post};
use crate::config::Config;
use actix_web::web::Data;
use stampede_actors::{
    cache_sync::{self, AreWeReady, AuditLaws, CacheSync, CacheSyncParts, LookAround, Settle, SteerSale, XrayOrder},
    carrier::{Life, Role},
    checkout::{self, Checkout, CheckoutParts},
    doorkeeper::{DOORKEEPER_CAPACITY, Doorkeeper, DoorkeeperParts},
    gate::Gate,
    hold_writer::{HoldWriter, HoldWriterParts},
    inventory::{Inventory, InventoryParts, STORE_READS},
    mailbox::Mailbox,
    mailroom::{self, Mailroom, MailroomParts},
    order_writer::{self, OrderWriter, OrderWriterParts},
    publisher::{Publish, Publisher},
    settings::ActorSettings,
    shelf::{Board, Restock},
    till::{Noticed, Till, TillParts},
    writer::{WRITER_CAPACITY, Writer},
};
use stampede_backends::InProcessRateLimits;
use stampede_http::{Desk, Shop, desk::Mailboxes, ops::Cast};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long letters on their way may take when the shop closes down: a mail server that is silent must not cost it the rest.
const LETTERS_ARRIVE: Duration = Duration::from_secs(5);
/// What stands on the statements of those who paid.
const ON_STATEMENTS: &str = "Stampede";

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
    /// Who asks how often, in this process.
    counts: Arc<InProcessRateLimits>,
    /// In a process that takes orders.
    publisher: Option<Role<Publisher>>,
    till: Option<Role<Till>>,
    /// In a process that writes them.
    writing: Option<Writing>,
    paying: Option<Paying>,
    /// In a process that can sign links and tickets.
    mailroom: Option<Role<Mailroom>>,
    cache_sync: Role<CacheSync>,
    /// The actors on the workers' threads, to be told that this life is their last.
    on_workers: Mutex<Vec<OnWorker>>,
    seeds: AtomicU64,
}

/// Those who come and go with a worker's thread.
struct OnWorker {
    inventory: Role<Inventory>,
    doorkeeper: Role<Doorkeeper>,
}

/// Those who write.
struct Writing {
    writers: Vec<Role<Writer>>,
    order_writer: Role<OrderWriter>,
}

/// Those who see that orders are paid.
struct Paying {
    hold_writer: Role<HoldWriter>,
    checkout: Role<Checkout>,
}

impl Stage {
    /// Brings the actors of the process's role on stage, those first whom others ask. A process that takes orders has a `post`.
    #[must_use]
    pub fn set(config: &Config, ports: Ports, post: Option<Post>) -> Self {
        let (cast, board, settings) = (Arc::new(Cast::default()), Arc::new(Board::default()), config.actors());
        let role = config.servers.role;
        let cache_sync = cache_sync(&cast, &ports, &board, settings, role.writes());
        let writing = role.writes().then(|| Writing::begin(&cast, &ports, cache_sync.mailbox(), settings));
        let paying = role.writes().then(|| Paying::begin(&cast, &ports, cache_sync.mailbox(), settings));
        let publisher = role.takes_orders().then(|| publisher(&cast, &ports, settings));
        let till = role.takes_orders().then(|| till(&cast, &ports, settings));
        let mailroom = post.map(|post| mailroom(&cast, &ports, post, settings, role.writes()));
        Self {
            cast,
            board,
            admitting: Arc::new(AtomicBool::new(true)),
            store_reads: Arc::new(Semaphore::new(STORE_READS)),
            counts: Arc::default(),
            ports,
            config: config.clone(),
            publisher,
            till,
            writing,
            paying,
            mailroom,
            cache_sync,
            on_workers: Mutex::default(),
            seeds: AtomicU64::new(1),
        }
    }

    /// A desk for the worker of this thread, with an `Inventory` of its own.
    #[must_use]
    pub fn desk(&self, shop: &Arc<Shop>) -> Data<Desk> {
        let settings = self.config.actors();
        let publisher = self.publisher.as_ref().expect("because only a process that takes orders has desks");
        let publisher = publisher.mailbox::<Publish>();
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
        let doorkeeper = self.doorkeeper();
        let on_worker = OnWorker { inventory: inventory.clone(), doorkeeper: doorkeeper.clone() };
        self.on_workers.lock().unwrap_or_else(PoisonError::into_inner).push(on_worker);
        let till = self.till.as_ref().expect("because only a process that takes orders has desks");
        let mailroom = self.mailroom.as_ref().expect("because whoever takes orders can sign, and so has a mailroom");
        let mailboxes = Mailboxes {
            admit: doorkeeper.mailbox(),
            find_event: inventory.mailbox(),
            list_events: inventory.mailbox(),
            watch_shelf: inventory.mailbox(),
            place_order: inventory.mailbox(),
            repeat_order: inventory.mailbox(),
            find_order: inventory.mailbox(),
            wished: till.mailbox(),
            find_hold: till.mailbox(),
            noticed: till.mailbox(),
            send_link: mailroom.mailbox(),
            orders_of: mailroom.mailbox(),
        };
        Data::new(Desk::new(Arc::clone(shop), mailboxes, Arc::clone(&self.ports.clock)))
    }

    fn doorkeeper(&self) -> Role<Doorkeeper> {
        let parts = DoorkeeperParts {
            near: Arc::clone(&self.counts) as _,
            far: self.ports.limits.clone(),
            settings: self.config.door.settings(),
        };
        let gate = gate(&self.cast, "doorkeeper", DOORKEEPER_CAPACITY);
        Role::here(gate, move |life| Doorkeeper::new(parts.clone(), life.tasks))
    }

    /// Whether the pools are open.
    #[must_use]
    pub fn ready(&self) -> Mailbox<AreWeReady> {
        self.cache_sync.mailbox()
    }

    /// The laws.
    #[must_use]
    pub fn audit(&self) -> Mailbox<AuditLaws> {
        self.cache_sync.mailbox()
    }

    /// What is for sale, and how the writers are.
    #[must_use]
    pub fn around(&self) -> Mailbox<LookAround> {
        self.cache_sync.mailbox()
    }

    /// One order.
    #[must_use]
    pub fn xray(&self) -> Mailbox<XrayOrder> {
        self.cache_sync.mailbox()
    }

    /// Pauses and resumes, in a process that may write.
    #[must_use]
    pub fn steer(&self) -> Option<Mailbox<SteerSale>> {
        self.config.servers.role.writes().then(|| self.cache_sync.mailbox())
    }

    /// Takes no more orders. Those under way come to their end; the workers' actors go with their threads.
    pub fn stop_admitting(&self) {
        self.admitting.store(false, Ordering::Relaxed);
        for OnWorker { inventory, doorkeeper } in &*self.on_workers.lock().unwrap_or_else(PoisonError::into_inner) {
            inventory.retire();
            doorkeeper.retire();
        }
    }

    /// Writes what is held, settles it, and lets the actors go. What does not finish in time is on the bus and comes again.
    pub async fn drain(&self) {
        if let Some(Writing { order_writer, .. }) = &self.writing
            && order_writer.mailbox::<order_writer::Drain>().ask(order_writer::Drain).await.is_err()
        {
            tracing::warn!("the order writer could not be drained; its orders stay in the queue");
        }
        if self.cache_sync.mailbox::<cache_sync::Drain>().ask(cache_sync::Drain).await.is_err() {
            tracing::warn!("the ledger could not be settled; the sweep reads the store");
        }
        if let Some(Paying { checkout, .. }) = &self.paying
            && checkout.mailbox::<checkout::Drain>().ask(checkout::Drain).await.is_err()
        {
            tracing::warn!("payments under way could not be waited for; whoever looks next goes on with them");
        }
        if let Some(mailroom) = &self.mailroom
            && mailroom.mailbox().ask_within(LETTERS_ARRIVE, mailroom::Drain).await.is_err()
        {
            tracing::warn!("letters on their way could not be waited for; they may go out once more");
        }
        self.publisher.iter().for_each(Role::leave);
        self.till.iter().for_each(Role::leave);
        self.mailroom.iter().for_each(Role::leave);
        if let Some(Paying { hold_writer, checkout }) = &self.paying {
            checkout.leave();
            hold_writer.leave();
        }
        if let Some(Writing { writers, order_writer }) = &self.writing {
            order_writer.leave();
            writers.iter().for_each(Role::leave);
        }
        self.cache_sync.leave();
    }
}

/// A gate that those who look can see.
fn gate(cast: &Cast, actor: &'static str, capacity: u32) -> Arc<Gate> {
    let gate = Gate::new(actor, capacity);
    cast.enter(Arc::clone(&gate));
    gate
}

fn cache_sync(
    cast: &Cast,
    ports: &Ports,
    board: &Arc<Board>,
    settings: ActorSettings,
    keeper: bool,
) -> Role<CacheSync> {
    let Ports { clock, store, catalogue, ledger, bus, .. } = ports.clone();
    let board = Arc::clone(board);
    let parts = CacheSyncParts { clock, store, ledger, bus, catalogue, board, settings, keeper };
    let gate = gate(cast, "cache_sync", settings.cache_sync_mailbox_capacity);
    Role::on_own_thread(gate, move |life| CacheSync::new(parts.clone(), life.tasks))
}

fn publisher(cast: &Cast, ports: &Ports, settings: ActorSettings) -> Role<Publisher> {
    let bus = Arc::clone(&ports.bus);
    let gate = gate(cast, "publisher", settings.publisher_mailbox_capacity);
    Role::on_own_thread(gate, move |life: Life<Publisher>| {
        Publisher::new(Arc::clone(&bus), &settings, life.role.gate(), life.tasks)
    })
}

fn till(cast: &Cast, ports: &Ports, settings: ActorSettings) -> Role<Till> {
    let Ports { clock, holds, lane, .. } = ports.clone();
    let parts = TillParts { clock, holds, lane, settings };
    let gate = gate(cast, "till", settings.till_mailbox_capacity);
    let till =
        Role::on_own_thread(gate, move |life: Life<Till>| Till::new(parts.clone(), life.role.gate(), life.tasks));
    if let Some(mut notices) = ports.payments.notices() {
        let noticed = till.mailbox::<Noticed>();
        actix::spawn(async move {
            while let Some(notice) = notices.recv().await {
                if noticed.tell(Noticed(notice)).is_err() {
                    tracing::debug!("a notice found no room; its payment is asked after a little later");
                }
            }
        });
    }
    till
}

fn mailroom(
    cast: &Cast,
    ports: &Ports,
    post: Post,
    settings: ActorSettings,
    sends_what_is_owed: bool,
) -> Role<Mailroom> {
    let Ports { clock, outbox, store, holds, catalogue, .. } = ports.clone();
    let Post { composer, mailer } = post;
    let seed = u64::from(std::process::id());
    let parts =
        MailroomParts { clock, outbox, store, holds, catalogue, composer, mailer, sends_what_is_owed, settings, seed };
    let gate = gate(cast, "mailroom", settings.mailroom_mailbox_capacity);
    Role::on_own_thread(gate, move |life: Life<Mailroom>| Mailroom::new(parts.clone(), life.role.gate(), life.tasks))
}

impl Paying {
    fn begin(cast: &Cast, ports: &Ports, cache_sync: Mailbox<Settle>, settings: ActorSettings) -> Self {
        let Ports { clock, holds, lane, payments, .. } = ports.clone();
        let parts = HoldWriterParts { clock: Arc::clone(&clock), holds: Arc::clone(&holds), cache_sync, settings };
        let gate_of_writer = gate(cast, "hold_writer", settings.hold_writer_mailbox_capacity);
        let hold_writer = Role::on_own_thread(gate_of_writer, move |life: Life<HoldWriter>| {
            HoldWriter::new(parts.clone(), life.role.gate(), life.tasks)
        });
        let gateway = Arc::clone(&payments.gateway);
        let (what_for, seed) = (ON_STATEMENTS.to_owned(), u64::from(std::process::id()));
        let hold_writer_mailbox = hold_writer.mailbox();
        let parts =
            CheckoutParts { clock, lane, holds, hold_writer: hold_writer_mailbox, gateway, what_for, settings, seed };
        let gate = gate(cast, "checkout", settings.checkout_mailbox_capacity);
        let checkout = Role::on_own_thread(gate, move |life: Life<Checkout>| {
            Checkout::new(parts.clone(), life.role.gate(), life.tasks)
        });
        Self { hold_writer, checkout }
    }
}

impl Writing {
    fn begin(cast: &Cast, ports: &Ports, cache_sync: Mailbox<Settle>, settings: ActorSettings) -> Self {
        let writer = |_| {
            let (clock, store) = (Arc::clone(&ports.clock), Arc::clone(&ports.store));
            let build = move |life: Life<Writer>| Writer::new(Arc::clone(&clock), Arc::clone(&store), life.tasks);
            Role::on_own_thread(gate(cast, "writer", WRITER_CAPACITY), build)
        };
        let writers: Vec<_> = (0..settings.order_writers).map(writer).collect();
        let parts = OrderWriterParts {
            clock: Arc::clone(&ports.clock),
            bus: Arc::clone(&ports.bus),
            writers: writers.iter().map(Role::mailbox).collect(),
            cache_sync,
            settings,
        };
        let gate = gate(cast, "order_writer", settings.order_writer_mailbox_capacity);
        let order_writer = Role::on_own_thread(gate, move |life| OrderWriter::new(parts.clone(), life));
        Self { writers, order_writer }
    }
}
