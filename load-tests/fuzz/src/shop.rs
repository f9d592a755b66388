//! A whole shop in memory: the actors on their threads, the door in front of them, a sale that is open.

use crate::names::NOW;
use actix_web::{
    App,
    body::to_bytes,
    http::{StatusCode, header::HeaderMap},
    middleware::from_fn,
    rt::{System, SystemRunner, time::sleep},
    test::{TestRequest, call_service, init_service},
};
use async_trait::async_trait;
use stampede_actors::{
    cache_sync::{AreWeReady, AuditLaws},
    clock::{Clock, SharedClock},
    ports::{Catalogue, Letter, Mailer, PortResult},
};
use stampede_backends::{
    InProcessLedger, MemoryBusOptions, MemoryBusServer, MemoryCatalogue, MemoryOrderStore, MemoryShop,
};
use stampede_domain::{Millis, OrderId};
use stampede_http::{Shop, ShopOptions, mails::ShopComposer, ticket::TicketKey};
use stampede_server::{
    config::Config,
    demo,
    wiring::{Payments, Ports, Post, Stage},
};
use std::{
    cell::{Cell, RefCell},
    future::Future,
    panic,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Nobody is counted by address or name: here it is asked more often than by anybody.
const UNLIMITED: [&str; 6] = [
    "--demo-opens-in=0s",
    "--demo-capacity=100000000",
    "--demo-vip-capacity=100000000",
    "--demo-limit-per-buyer=0",
    "--limit-reads-per-second=0",
    "--limit-orders-per-second=0",
];
const NO_LIMIT_OF_BUYERS: &str = "--buyer-attempts-per-second=0";
/// Behind a proxy that speaks TLS, with a site whose scripts may use the API.
const BEHIND_A_PROXY: [&str; 5] = [
    "--trusted-proxy-hops=1",
    "--require-https=on",
    "--cors-origins=https://friend.example",
    "--deny-networks=203.0.113.0/24",
    "--public-url=https://tickets.example",
];
const SECRET: &[u8] = b"a secret of thirty-two bytes ....";
/// The longest answer that is read; the largest file of ours has about two megabytes.
const LONGEST_ANSWER: usize = 8 << 20;

/// Until an order that was promised last is decided, on a machine that does something else.
const DECIDED_WITHIN: Duration = Duration::from_mins(1);

/// A clock that began when the process did, at the time that the corpus is of.
struct CorpusClock(Instant);

impl Clock for CorpusClock {
    fn now(&self) -> Millis {
        NOW.plus(self.0.elapsed())
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("because we write headers in ASCII"))
    }

    pub(crate) fn is(&self, status: u16) -> bool {
        self.status.as_u16() == status
    }
}

/// What the shop of a thread has answered so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// Requests of every kind.
    pub requests: u64,
    /// Those of them that were answered 503, of which no property asks more.
    pub unavailable: u64,
    /// Orders that were promised, each once however often it was sent.
    pub accepted: u64,
}

type Ask = Box<dyn Fn(TestRequest) -> Pin<Box<dyn Future<Output = Answer>>>>;

/// The shop of a thread.
pub(crate) struct Open {
    system: RefCell<SystemRunner>,
    stage: Arc<Stage>,
    /// Whoever connects is a shopper.
    plain: Ask,
    /// Whoever connects is a proxy.
    proxied: Ask,
    keys: Cell<u64>,
    answered: Cell<Answered>,
    clock: SharedClock,
}

thread_local! {
    // Never closed: its threads end with the process.
    static OPEN: &'static Open = Box::leak(Box::new(Open::new()));
}

thread_local! {
    static HERE: Cell<usize> = const { Cell::new(0) };
}
static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);

impl Open {
    fn new() -> Self {
        count_panics();
        let system = System::new();
        let (stage, clock, plain, proxied) = system.block_on(async {
            let config = config(&[&UNLIMITED[..], &[NO_LIMIT_OF_BUYERS]].concat());
            let ports = ports(&config).await;
            let clock = Arc::clone(&ports.clock);
            let composer = ShopComposer::new(SECRET, TicketKey::new(&[7; 32]), "http://127.0.0.1", Arc::clone(&clock));
            let composer = Arc::new(composer.expect("because the templates compile"));
            let post = Post { composer, mailer: Arc::new(Nowhere) };
            let stage = Arc::new(Stage::set(&config, ports, Some(post)));
            let behind = self::config(&BEHIND_A_PROXY);
            let plain = door(&stage, ShopOptions { max_watchers: 4, ..ShopOptions::default() }).await;
            let (public_url, door_rules) = (behind.public_url.clone(), behind.door.rules());
            let options = ShopOptions { public_url, max_watchers: 4, door: door_rules, ..ShopOptions::default() };
            let proxied = door(&stage, options).await;
            while stage.ready().ask(AreWeReady).await != Ok(true) {
                sleep(Duration::from_millis(2)).await;
            }
            (stage, clock, plain, proxied)
        });
        Self {
            system: RefCell::new(system),
            stage,
            plain,
            proxied,
            keys: Cell::new(1),
            answered: Cell::default(),
            clock,
        }
    }

    /// A key that nobody has used.
    pub(crate) fn key(&self) -> OrderId {
        let number = self.keys.replace(self.keys.get() + 1);
        let made = u128::try_from(self.clock.now().0).unwrap_or_default() << 80;
        OrderId(uuid::Uuid::from_u128(made | 7 << 76 | 2 << 62 | u128::from(number)))
    }

    /// Asks the door that shoppers come to.
    pub(crate) async fn ask(&self, request: TestRequest) -> Answer {
        self.noted((self.plain)(request).await)
    }

    /// Asks the door behind a proxy.
    pub(crate) async fn ask_behind_proxy(&self, request: TestRequest) -> Answer {
        self.noted((self.proxied)(request).await)
    }

    /// Counts an order that was promised just now, for the first time.
    pub(crate) fn note_order(&self) {
        self.note(|answered| answered.accepted += 1);
    }

    fn noted(&self, answer: Answer) -> Answer {
        self.note(|answered| {
            answered.requests += 1;
            answered.unavailable += u64::from(answer.is(503));
        });
        answer
    }

    fn note(&self, what: impl FnOnce(&mut Answered)) {
        let mut answered = self.answered.get();
        what(&mut answered);
        self.answered.set(answered);
    }
}

/// Does something with the thread's shop, and sees that none of its threads has panicked meanwhile.
pub(crate) fn with_shop<T>(visit: impl AsyncFnOnce(&'static Open) -> T) -> T {
    let open = OPEN.with(|open| *open);
    let before = panics();
    let told = open.system.borrow().block_on(visit(open));
    assert_eq!(panics(), before, "somebody panicked behind the door");
    told
}

/// What this thread's shop has answered so far.
#[must_use]
pub fn answered() -> Answered {
    OPEN.with(|open| open.answered.get())
}

/// Checks every law over everything that was sold on this thread, and that every order that was promised is decided.
///
/// # Panics
/// When one is broken, a promised order is undecided after a minute, or nothing was sold at all.
pub fn laws_hold() {
    with_shop(async |open| {
        let promised = open.answered.get().accepted;
        assert!(promised > 0, "nothing was sold");
        let begun = now();
        loop {
            let report =
                open.stage.audit().ask(AuditLaws).await.expect("because the books are kept").expect("and read");
            assert!(report.holds(), "{report:#?}");
            let decided: u64 = report.pools.iter().map(|pool| pool.sums.orders).sum();
            if decided >= promised {
                break;
            }
            assert!(begun.elapsed() < DECIDED_WITHIN, "{promised} orders were promised, and {decided} are decided");
            sleep(Duration::from_millis(20)).await;
        }
    });
}

fn config(arguments: &[&str]) -> Config {
    Config::of(arguments.iter().copied()).expect("because these are settings")
}

async fn ports(config: &Config) -> Ports {
    let shop = MemoryShop::new();
    let clock: SharedClock = Arc::new(CorpusClock(now()));
    let options = MemoryBusOptions { lease: Duration::from_secs(30), tells_what_waits: true, sole_consumer: true };
    let catalogue = MemoryCatalogue::new(&shop);
    let festival = demo::festival(config, NOW).expect("because the festival has no mistake");
    catalogue.apply(&festival).await.expect("because the catalogue is empty");
    let store = Arc::new(MemoryOrderStore::new(&shop));
    Ports {
        holds: Arc::clone(&store) as _,
        outbox: Arc::clone(&store) as _,
        store,
        lane: Arc::new(MemoryBusServer::new(Arc::clone(&clock), options).handle()),
        payments: Arc::new(Payments::none()),
        catalogue: Arc::new(catalogue),
        ledger: Arc::new(InProcessLedger::new(Arc::clone(&clock))),
        bus: Arc::new(MemoryBusServer::new(Arc::clone(&clock), options).handle()),
        limits: None,
        clock,
    }
}

/// Mails are written, and go nowhere.
struct Nowhere;

#[async_trait]
impl Mailer for Nowhere {
    async fn send(&self, _: &Letter) -> PortResult<()> {
        Ok(())
    }
}

fn now() -> Instant {
    Instant::now()
}

/// The product's App, as `serve` makes it.
async fn door(stage: &Stage, options: ShopOptions) -> Ask {
    let (closes, closing) = watch::channel(false);
    // It never closes.
    std::mem::forget(closes);
    let shop =
        Arc::new(Shop::new(SECRET, TicketKey::new(&[7; 32]), options, closing).expect("because the templates compile"));
    let desk = stage.desk(&shop);
    let app = App::new()
        .wrap(from_fn(stampede_http::middleware::serve))
        .configure(|routes| stampede_http::routes(routes, desk));
    let service = Rc::new(init_service(app).await);
    Box::new(move |request| {
        let service = Rc::clone(&service);
        Box::pin(async move {
            let response = call_service(&*service, request.to_request()).await;
            let (status, headers) = (response.status(), response.headers().clone());
            let is_endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
            let body = if is_endless { Vec::new() } else { read(response.into_body()).await };
            Answer { status, headers, body }
        })
    })
}

async fn read(body: impl actix_web::body::MessageBody) -> Vec<u8> {
    let read = to_bytes(body).await.unwrap_or_else(|_| panic!("an answer ends before its end"));
    assert!(read.len() <= LONGEST_ANSWER, "an answer of {} bytes", read.len());
    read.to_vec()
}

/// Actors are replaced when they panic, and nobody outside notices: here somebody does. Those of this thread's own are counted
/// apart from the others', because tests run side by side.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            HERE.with(|here| here.set(here.get() + 1));
            if thread::current().name().is_some_and(|name| name.starts_with("actix")) {
                ELSEWHERE.fetch_add(1, Ordering::SeqCst);
            }
            before(info);
        }));
    });
}

fn panics() -> usize {
    HERE.with(Cell::get) + ELSEWHERE.load(Ordering::SeqCst)
}
