//! A whole shop on one thread: the logic of every actor, carried by a task instead of actix, over ports in memory, in paused
//! time. What the domain decides is decided by the domain; here is only what can go wrong around it.

#![expect(dead_code, reason = "each test file uses its share")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod bank;
pub(crate) mod bus;
pub(crate) mod catalogue;
pub(crate) mod counters;
pub(crate) mod desk;
pub(crate) mod holds;
pub(crate) mod ledger;
pub(crate) mod mails;
pub(crate) mod store;

use bus::FakeBus;
use catalogue::FakeCatalogue;
use ledger::FakeLedger;
use stampede_actors::{
    cache_sync::{self, CacheSync, CacheSyncParts, Settle},
    carrier::Logic,
    chance::KeyMaker,
    clock::{Clock, SharedClock},
    gate::Gate,
    inventory::{
        FindEvent, FindOrder, Inventory, InventoryParts, ListEvents, OrderFound, OrderNotShown, PlaceOrder, Placed,
        RepeatOrder, WatchShelf,
    },
    mailbox::{Handles, Letter, Mailbox, Message, NoAnswer},
    order_writer::{self, Deliver, OrderWriter, OrderWriterParts},
    publisher::{Publish, Publisher},
    settings::ActorSettings,
    shelf::{Board, Pressure, Restock},
    tasks::Tasks,
    writer::{WRITER_CAPACITY, Write, Writer},
};
use stampede_domain::{
    BuyerId, Contact, Event, Millis, Money, OrderId, Payment, PoolId, SaleWindow, TicketType,
    event::{Text, Texts},
    ledger::BookNumbers,
};
use std::{
    future::Future,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};
use store::FakeStore;
use tokio::{
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    task::LocalSet,
    time::Instant,
};

/// 2027-06-01T10:00:00Z.
pub(crate) const START: i64 = 1_811_844_000_000;

/// A clock that goes with tokio's paused time, and may be put forward or back.
pub(crate) struct TestClock {
    began: Instant,
    ahead_ms: AtomicI64,
}

impl TestClock {
    fn begin() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), ahead_ms: AtomicI64::new(0) })
    }

    pub(crate) fn step(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        let gone = i64::try_from(self.began.elapsed().as_millis()).unwrap();
        Millis(START + gone + self.ahead_ms.load(Ordering::Relaxed))
    }
}

/// The ledger's clock, which may be behind that of the process: it is another machine's.
pub(crate) struct LedgerClock {
    of: Arc<TestClock>,
    pub(crate) behind_ms: AtomicI64,
}

impl Clock for LedgerClock {
    fn now(&self) -> Millis {
        Millis(self.of.now().0 - self.behind_ms.load(Ordering::Relaxed))
    }
}

/// Runs a test's tasks on its thread.
pub(crate) async fn on_stage<T>(test: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(test).await
}

/// Waits in paused time until something holds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within two minutes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets time pass.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// A mailbox, and where its letters come out.
pub(crate) fn mailbox<M: Message>(gate: &Arc<Gate>) -> (Mailbox<M>, UnboundedReceiver<Letter<M>>) {
    let (door, letters): (UnboundedSender<Letter<M>>, _) = unbounded_channel();
    (Mailbox::new(Arc::clone(gate), Arc::new(door)), letters)
}

/// Hands letters to a logic.
pub(crate) fn carry<L: Handles<M>, M: Message>(logic: &Rc<L>, mut letters: UnboundedReceiver<Letter<M>>) {
    let logic = Rc::clone(logic);
    tokio::task::spawn_local(async move {
        while let Some(letter) = letters.recv().await {
            letter.open(&logic);
        }
    });
}

/// A mailbox of a logic that is there already.
pub(crate) fn mailbox_of<L: Handles<M>, M: Message>(gate: &Arc<Gate>, logic: &Rc<L>) -> Mailbox<M> {
    let (mailbox, letters) = mailbox(gate);
    carry(logic, letters);
    mailbox
}

pub(crate) fn tasks() -> Tasks {
    // Nobody is replaced here: a task that panics leaves its reply unanswered, as an actor's death does.
    Tasks::new(|| {})
}

/// The ports, which outlive a process.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) ledger_clock: Arc<LedgerClock>,
    pub(crate) store: Arc<FakeStore>,
    pub(crate) bus: Arc<FakeBus>,
    pub(crate) catalogue: Arc<FakeCatalogue>,
    pub(crate) settings: ActorSettings,
}

/// What a test may want otherwise.
#[derive(Clone, Copy)]
pub(crate) struct Wishes {
    pub(crate) capacity: u32,
    pub(crate) limit: Option<u32>,
    pub(crate) settings: ActorSettings,
}

impl Default for Wishes {
    fn default() -> Self {
        Self { capacity: 100, limit: None, settings: ActorSettings::default() }
    }
}

impl Ground {
    pub(crate) fn new(wishes: Wishes) -> Self {
        let clock = TestClock::begin();
        let event = festival(wishes.capacity, wishes.limit);
        let store = Arc::new(FakeStore::new(pool(), wishes.capacity, wishes.limit));
        let catalogue = Arc::new(FakeCatalogue::new(event, Arc::clone(&store)));
        let bus = Arc::new(FakeBus::new(Arc::clone(&clock) as SharedClock));
        let ledger_clock = Arc::new(LedgerClock { of: Arc::clone(&clock), behind_ms: AtomicI64::new(0) });
        Self { clock, ledger_clock, store, bus, catalogue, settings: wishes.settings }
    }

    fn clock(&self) -> SharedClock {
        Arc::clone(&self.clock) as SharedClock
    }

    pub(crate) fn cache_sync_parts(
        &self,
        ledger: &Arc<FakeLedger>,
        board: &Arc<Board>,
        keeper: bool,
    ) -> CacheSyncParts {
        CacheSyncParts {
            clock: self.clock(),
            store: Arc::clone(&self.store) as _,
            ledger: Arc::clone(ledger) as _,
            bus: Arc::clone(&self.bus) as _,
            catalogue: Arc::clone(&self.catalogue) as _,
            board: Arc::clone(board),
            settings: self.settings,
            keeper,
        }
    }
}

/// A process: the actors, and the ledger that dies with them.
pub(crate) struct Play {
    pub(crate) ground: Ground,
    pub(crate) ledger: Arc<FakeLedger>,
    pub(crate) board: Arc<Board>,
    pub(crate) admitting: Arc<AtomicBool>,
    pub(crate) keys: KeyMaker,
    pub(crate) place_order: Mailbox<PlaceOrder>,
    pub(crate) repeat_order: Mailbox<RepeatOrder>,
    pub(crate) find_order: Mailbox<FindOrder>,
    pub(crate) find_event: Mailbox<FindEvent>,
    pub(crate) list_events: Mailbox<ListEvents>,
    pub(crate) watch_shelf: Mailbox<WatchShelf>,
    pub(crate) publisher: Arc<Gate>,
    pub(crate) inventory: Arc<Gate>,
    pub(crate) writing: Option<Writing>,
    pub(crate) cache_sync: Mailbox<Settle>,
    pub(crate) drain_settlements: Mailbox<cache_sync::Drain>,
    pub(crate) ready: Mailbox<cache_sync::AreWeReady>,
    pub(crate) audit: Mailbox<cache_sync::AuditLaws>,
    pub(crate) around: Mailbox<cache_sync::LookAround>,
    pub(crate) xray: Mailbox<cache_sync::XrayOrder>,
    pub(crate) steer: Mailbox<cache_sync::SteerSale>,
    tasks: Vec<Tasks>,
    buyers: AtomicU64,
}

/// The writing half.
pub(crate) struct Writing {
    pub(crate) gate: Arc<Gate>,
    pub(crate) deliver: Mailbox<Deliver>,
    pub(crate) drain: Mailbox<order_writer::Drain>,
    pub(crate) writers: Vec<Arc<Gate>>,
    tasks: Vec<Tasks>,
}

impl Play {
    /// A shop that sells.
    pub(crate) async fn begin(wishes: Wishes) -> Self {
        Self::on(Ground::new(wishes)).await
    }

    /// A shop that sells, on ports that are there already.
    pub(crate) async fn on(ground: Ground) -> Self {
        let mut play = Self::without_writers(ground).await;
        play.start_writing();
        play
    }

    /// A shop that promises, and writes nothing yet.
    pub(crate) async fn without_writers(ground: Ground) -> Self {
        let play = Self::unready(ground);
        until("the pool is open", || {
            play.board.latest().is_some_and(|shelf| shelf.events.iter().all(|event| event.types[0].numbers.is_some()))
        })
        .await;
        // The inventory hears of the shelf by letter.
        pass(Duration::from_millis(1)).await;
        play
    }

    /// The actors, as they begin.
    pub(crate) fn unready(ground: Ground) -> Self {
        let settings = ground.settings;
        let ledger = Arc::new(FakeLedger::new(Arc::clone(&ground.ledger_clock) as SharedClock));
        let board = Arc::new(Board::default());
        let admitting = Arc::new(AtomicBool::new(true));
        let mut all_tasks = Vec::new();
        let mut begun = || {
            all_tasks.push(tasks());
            all_tasks.last().unwrap().clone()
        };

        let cache_sync_gate = Gate::new("cache_sync", settings.cache_sync_mailbox_capacity);
        let cache_sync = CacheSync::new(ground.cache_sync_parts(&ledger, &board, true), begun());

        let publisher_gate = Gate::new("publisher", settings.publisher_mailbox_capacity);
        let bus = Arc::clone(&ground.bus);
        let publisher = Publisher::new(bus, &settings, &publisher_gate, begun());
        let publish: Mailbox<Publish> = mailbox_of(&publisher_gate, &publisher);

        let inventory_gate = Gate::new("inventory", settings.inventory_mailbox_capacity);
        let parts = InventoryParts {
            clock: ground.clock(),
            ledger: Arc::clone(&ledger) as _,
            store: Arc::clone(&ground.store) as _,
            store_reads: Arc::new(Semaphore::new(2)),
            publisher: publish,
            board: Arc::clone(&board),
            admitting: Arc::clone(&admitting),
            settings,
            seed: 7,
        };
        let inventory = Inventory::new(parts, &inventory_gate, begun());
        board.subscribe(mailbox_of::<_, Restock>(&inventory_gate, &inventory));
        let play = Self {
            ledger,
            board,
            admitting,
            keys: KeyMaker::new(ground.clock()),
            place_order: mailbox_of(&inventory_gate, &inventory),
            repeat_order: mailbox_of(&inventory_gate, &inventory),
            find_order: mailbox_of(&inventory_gate, &inventory),
            find_event: mailbox_of(&inventory_gate, &inventory),
            list_events: mailbox_of(&inventory_gate, &inventory),
            watch_shelf: mailbox_of(&inventory_gate, &inventory),
            publisher: publisher_gate,
            inventory: inventory_gate,
            writing: None,
            cache_sync: mailbox_of(&cache_sync_gate, &cache_sync),
            drain_settlements: mailbox_of(&cache_sync_gate, &cache_sync),
            ready: mailbox_of(&cache_sync_gate, &cache_sync),
            audit: mailbox_of(&cache_sync_gate, &cache_sync),
            around: mailbox_of(&cache_sync_gate, &cache_sync),
            xray: mailbox_of(&cache_sync_gate, &cache_sync),
            steer: mailbox_of(&cache_sync_gate, &cache_sync),
            tasks: all_tasks,
            buyers: AtomicU64::new(1),
            ground,
        };
        cache_sync.begin();
        play
    }

    pub(crate) fn start_writing(&mut self) {
        let settings = self.ground.settings;
        let mut all_tasks = Vec::new();
        let mut gates = Vec::new();
        let writers = (0..settings.order_writers).map(|_| {
            let tasks = tasks();
            all_tasks.push(tasks.clone());
            let gate = Gate::new("writer", WRITER_CAPACITY);
            let writer = Writer::new(self.ground.clock(), Arc::clone(&self.ground.store) as _, tasks);
            gates.push(Arc::clone(&gate));
            mailbox_of::<_, Write>(&gate, &writer)
        });
        let parts = OrderWriterParts {
            clock: self.ground.clock(),
            bus: Arc::clone(&self.ground.bus) as _,
            writers: writers.collect(),
            cache_sync: self.cache_sync.clone(),
            settings,
        };
        let writing = write_with(parts, gates, all_tasks);
        self.writing = Some(writing);
    }

    /// The writing half dies; what it held comes again.
    pub(crate) fn stop_writing(&mut self) {
        if let Some(writing) = self.writing.take() {
            writing.tasks.iter().for_each(Tasks::abort_all);
            self.ground.bus.leases_run_out();
        }
    }

    /// `CacheSync` dies.
    pub(crate) fn kill_cache_sync(&self) {
        self.tasks[0].abort_all();
    }

    /// The process dies; the ports stay.
    pub(crate) fn kill(mut self) -> Ground {
        self.stop_writing();
        self.tasks.iter().for_each(Tasks::abort_all);
        self.ground.bus.leases_run_out();
        self.ground.clone()
    }

    pub(crate) fn fresh(&self) -> OrderId {
        self.keys.fresh()
    }

    /// A request of a buyer of its own.
    pub(crate) fn order(&self, order: OrderId, quantity: u32) -> PlaceOrder {
        let buyer = i64::try_from(self.buyers.fetch_add(1, Ordering::Relaxed)).unwrap();
        request(order, quantity, BuyerId(buyer))
    }

    /// Asks for tickets with a fresh key, and waits for the answer.
    pub(crate) async fn buy(&self, quantity: u32) -> (OrderId, Placed) {
        let order = self.fresh();
        (order, self.ask(self.order(order, quantity)).await)
    }

    pub(crate) async fn ask(&self, order: PlaceOrder) -> Placed {
        self.ask_for_it(order).await.expect("an answer")
    }

    pub(crate) fn ask_for_it(
        &self,
        order: PlaceOrder,
    ) -> impl Future<Output = Result<Placed, NoAnswer>> + Send + use<> {
        self.place_order.ask_within(Duration::from_secs(100), order)
    }

    /// Many orders at once, of one unit each.
    pub(crate) fn crowd(&self, buyers: usize) -> tokio::task::JoinHandle<Vec<Placed>> {
        let orders: Vec<_> = (0..buyers).map(|_| self.ask_for_it(self.order(self.fresh(), 1))).collect();
        tokio::task::spawn_local(async move {
            let answers = futures_util::future::join_all(orders).await;
            answers.into_iter().map(|answer| answer.expect("an answer")).collect()
        })
    }

    pub(crate) async fn find(&self, order: OrderId) -> Result<OrderFound, OrderNotShown> {
        self.find_order.ask(FindOrder { order, details: false }).await.expect("an answer")
    }

    pub(crate) fn numbers(&self) -> BookNumbers {
        self.ledger.numbers(pool()).expect("the pool is open")
    }

    pub(crate) fn pressure(&self) -> Pressure {
        self.board.latest().expect("a shelf").pressure
    }

    /// Until nothing is in flight any more, and the ledger is the store's.
    pub(crate) async fn rest(&self) {
        until("everything is decided and settled", || {
            let numbers = self.numbers();
            numbers.claims == 0 && numbers.settled == self.ground.store.numbers() && self.ground.bus.waiting() == 0
        })
        .await;
    }
}

/// An `OrderWriter` over these parts.
pub(crate) fn write_with(parts: OrderWriterParts, writers: Vec<Arc<Gate>>, mut all_tasks: Vec<Tasks>) -> Writing {
    let gate = Gate::new("order_writer", parts.settings.order_writer_mailbox_capacity);
    let (deliver, letters) = mailbox::<Deliver>(&gate);
    let tasks = tasks();
    all_tasks.push(tasks.clone());
    let order_writer = OrderWriter::with_mailbox(parts, deliver.clone(), tasks);
    carry(&order_writer, letters);
    let drain = mailbox_of(&gate, &order_writer);
    order_writer.begin();
    Writing { gate, deliver, drain, writers, tasks: all_tasks }
}

pub(crate) fn request(order: OrderId, quantity: u32, buyer: BuyerId) -> PlaceOrder {
    let contact = Contact { user_id: Some(format!("buyer {}", buyer.0)), ..Contact::default() };
    PlaceOrder { order, event: None, ticket_type: None, quantity, buyer, contact, trace: None }
}

pub(crate) fn pool() -> PoolId {
    PoolId::of(&"festival".parse().unwrap(), &"general".parse().unwrap())
}

pub(crate) fn festival(capacity: u32, limit: Option<u32>) -> Event {
    let text = Text { title: "Festival".into(), lead: String::new(), body: vec![] };
    Event {
        slug: "festival".parse().unwrap(),
        name: "Festival".into(),
        place: "Green Park".into(),
        starts_at: "2027-08-19T14:00:00Z".parse().unwrap(),
        ends_at: "2027-08-22T01:00:00Z".parse().unwrap(),
        time_zone: "Europe/Vienna".into(),
        texts: Texts { de: text.clone(), en: text },
        ticket_types: vec![ticket_type("general", capacity, limit)],
    }
}

pub(crate) fn ticket_type(id: &str, capacity: u32, limit: Option<u32>) -> TicketType {
    TicketType {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        price: Money { minor: 19_900, currency: "EUR".parse().unwrap() },
        payment: Payment::AtTheGate,
        capacity,
        max_per_order: 6,
        limit_per_buyer: limit,
        sale: SaleWindow {
            opens_at: "2027-01-01T00:00:00Z".parse().unwrap(),
            closes_at: "2027-08-19T14:00:00Z".parse().unwrap(),
        },
    }
}
