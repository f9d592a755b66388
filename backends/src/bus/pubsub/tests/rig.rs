//! A topic of one's own on a test server.

use super::super::{PubSubBus, PubSubOptions, bootstrap};
use crate::{
    around::{Around, Surrounded},
    bus::{contract::BusRig, dead_letters::memory::MemoryDeadLetters},
};
use stampede_actors::{
    clock::{Clock, SystemClock},
    ports::{Bus, PortResult},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::runtime::{Builder, Runtime};

/// Both servers and everything between them and us, on a loaded machine.
const SHORT: Duration = Duration::from_millis(400);
const A_WHILE: Duration = Duration::from_millis(600);
/// As a server would have it; what is on the wire when a bus ends comes again only then.
const SERVERS_LEASE: Duration = Duration::from_secs(10);

pub(in super::super) fn options(endpoint: String) -> PubSubOptions {
    PubSubOptions {
        project: "test".into(),
        topic: "orders".into(),
        subscription: "writers".into(),
        dead_letter_topic: "orders-dead".into(),
        dead_letter_subscription: "orders-dead-shelf".into(),
        endpoint: Some(endpoint),
        publish_deadline: Duration::from_secs(5),
        max_publishing: 100_000,
        streams: 2,
        lease: Duration::from_secs(10),
        ready: 10_000,
        pulls: true,
    }
}

/// A project of its own, and a shelf that outlives its buses.
pub(super) struct Rig {
    pub(super) options: PubSubOptions,
    pub(super) shelf: Arc<MemoryDeadLetters>,
    many: u32,
}

impl Rig {
    /// Our server.
    pub(super) fn ours() -> Self {
        Self::at(endpoint("STAMPEDE_TEST_PUBSUB_ENDPOINT"), 20_000)
    }

    /// Google's own test server, which hands out one message a stream every 10 ms.
    pub(super) fn googles() -> Self {
        Self::at(endpoint("STAMPEDE_TEST_PSTEST_ENDPOINT"), 300)
    }

    pub(super) fn at(endpoint: String, many: u32) -> Self {
        static PROJECTS: AtomicU32 = AtomicU32::new(0);
        let mut options = options(endpoint);
        let number = PROJECTS.fetch_add(1, Ordering::Relaxed);
        options.project = format!("test-{}-{}-{number}", std::process::id(), SystemClock.now().0);
        Self { options, shelf: Arc::default(), many }
    }

    pub(super) async fn bus(&self) -> Arc<PubSubBus> {
        self.bus_with(self.options.clone()).await
    }

    pub(super) async fn bus_with(&self, options: PubSubOptions) -> Arc<PubSubBus> {
        bootstrap(&options).await.unwrap();
        let shelf = Arc::clone(&self.shelf);
        Arc::new(PubSubBus::connect(options, Arc::new(SystemClock), shelf).await.unwrap())
    }
}

/// The process that a bus lives in. Whoever drops the bus without closing it kills the process: nothing of it runs on, gives
/// anything back or keeps a lease alive.
struct Process {
    runtime: Option<Runtime>,
    /// Outlives the runtime, so that nothing it does at its end reaches anybody.
    _bus: Arc<PubSubBus>,
}

impl Around for Process {
    async fn around<T: Send>(
        &self,
        _: &'static str,
        call: impl Future<Output = PortResult<T>> + Send,
    ) -> PortResult<T> {
        call.await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl BusRig for Rig {
    async fn open(&self, lease: Duration, ready: usize) -> Arc<dyn Bus> {
        let options = PubSubOptions { lease: lease.min(SERVERS_LEASE), ready, ..self.options.clone() };
        let shelf = Arc::clone(&self.shelf);
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opening = runtime.spawn(async move {
            bootstrap(&options).await.unwrap();
            PubSubBus::connect(options, Arc::new(SystemClock), shelf).await.unwrap()
        });
        let bus = Arc::new(opening.await.unwrap());
        Arc::new(Surrounded::by(Arc::clone(&bus), Process { runtime: Some(runtime), _bus: bus }))
    }

    fn short_lease(&self) -> Duration {
        SHORT
    }

    fn a_while(&self) -> Duration {
        A_WHILE
    }

    /// The client gathers acknowledgements before it sends them.
    fn acknowledges_at_once(&self) -> bool {
        false
    }

    fn many(&self) -> u32 {
        self.many
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where their servers are")]
fn endpoint(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run it by `ops/servers/with cargo test …`, which starts the servers")
    })
}
