//! Sockets that cost nothing to hold: opened by the hundred or thousand, of each kind, while people buy. The people do not
//! notice, and each socket is closed when its time is up.

use super::support::{Shop, key};
use reqwest::Client;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// Sockets of each kind.
const SOCKETS: usize = if cfg!(feature = "proof") { 2_000 } else { 200 };
/// People who buy meanwhile, one order after the other.
const BUYERS: usize = 16;
/// What a busy machine may be late by.
const LATE: Duration = Duration::from_secs(10);

/// What a socket does, and for how long it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Connects, and says nothing.
    Silent,
    /// A letter of a head now and then.
    SlowHead,
    /// A head, and a letter of a body now and then.
    SlowBody,
    /// The same in chunks.
    SlowChunks,
    /// One chunk too much, answered at once, and then nothing more.
    ChunksWithoutEnd,
    /// A body that nobody asked for, without an end.
    BodyOfARead,
    /// A request, its answer, and then nothing.
    Idle,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Silent,
        Self::SlowHead,
        Self::SlowBody,
        Self::SlowChunks,
        Self::ChunksWithoutEnd,
        Self::BodyOfARead,
        Self::Idle,
    ];

    /// How long the shop bears with it: 5 s for a head, 10 for a body, 15 between requests, one to hang up.
    fn may_last(self) -> Duration {
        Duration::from_secs(match self {
            Self::Silent | Self::SlowHead => 6,
            Self::SlowBody | Self::SlowChunks => 11,
            Self::ChunksWithoutEnd | Self::BodyOfARead => 2,
            Self::Idle => 16,
        })
    }

    fn begins_with(self) -> String {
        let buy = "POST /api/tickets/buy HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n";
        match self {
            Self::Silent => String::new(),
            Self::SlowHead => "GET /en HTTP/1.1\r\nhost: shop\r\nx: ".to_owned(),
            Self::SlowBody => format!("{buy}content-length: 1000\r\n\r\n{{"),
            Self::SlowChunks => format!("{buy}transfer-encoding: chunked\r\n\r\n"),
            Self::ChunksWithoutEnd => {
                format!("{buy}transfer-encoding: chunked\r\n\r\n8000\r\n{}\r\n", "a".repeat(0x8000))
            }
            Self::BodyOfARead => {
                "GET /api/tickets/availability HTTP/1.1\r\nhost: shop\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
                    .to_owned()
            }
            Self::Idle => "GET /api/tickets/availability HTTP/1.1\r\nhost: shop\r\n\r\n".to_owned(),
        }
    }

    fn goes_on_with(self) -> Option<&'static [u8]> {
        match self {
            Self::SlowHead | Self::SlowBody => Some(b"a"),
            Self::SlowChunks => Some(b"1\r\na\r\n"),
            _ => None,
        }
    }

    /// Opens a socket, does what it does, and returns how long it lasted and what status it was told.
    async fn hold(self, address: String) -> (Duration, Option<u16>) {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let opened = Instant::now();
        stream.write_all(self.begins_with().as_bytes()).await.unwrap_or_default();
        let mut told = Vec::new();
        let mut buffer = [0; 4096];
        while opened.elapsed() < self.may_last() + LATE {
            match timeout(Duration::from_secs(1), stream.read(&mut buffer)).await {
                Ok(Ok(0) | Err(_)) => return (opened.elapsed(), status(&told)),
                Ok(Ok(read)) => told.extend_from_slice(&buffer[..read]),
                Err(_) => {
                    if let Some(more) = self.goes_on_with() {
                        stream.write_all(more).await.unwrap_or_default();
                    }
                }
            }
        }
        panic!("{self:?} was still open after {:?}", opened.elapsed());
    }
}

fn status(told: &[u8]) -> Option<u16> {
    String::from_utf8_lossy(told).split(' ').nth(1)?.parse().ok()
}

/// How the people fared.
#[derive(Default)]
struct Fared {
    bought: AtomicU32,
    failed: AtomicU32,
    slowest_ms: AtomicU32,
    go_home: AtomicBool,
}

/// Half of them keep their connection, the others come by a new one each time and have to get in.
fn people(shop: &Shop, fared: &Arc<Fared>) -> JoinSet<()> {
    let mut everyone = JoinSet::new();
    for number in 0..BUYERS {
        let (fared, url) = (Arc::clone(fared), shop.url("/api/tickets/buy"));
        let kept = if number % 2 == 0 { 1 } else { 0 };
        let client = Client::builder().pool_max_idle_per_host(kept).timeout(Duration::from_secs(5)).build().unwrap();
        everyone.spawn(async move {
            while !fared.go_home.load(Ordering::Relaxed) {
                let began = Instant::now();
                let request = client.post(&url).header("content-type", "application/json");
                let request = request.header("idempotency-key", key()).body(r#"{"userId":"eva"}"#);
                let bought = request.send().await.is_ok_and(|answer| answer.status().as_u16() == 202);
                let counter = if bought { &fared.bought } else { &fared.failed };
                counter.fetch_add(1, Ordering::Relaxed);
                let took = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
                fared.slowest_ms.fetch_max(took, Ordering::Relaxed);
                // People, not a bench: the machine is for the sockets too.
                sleep(Duration::from_millis(20)).await;
            }
        });
    }
    everyone
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_stalling_sockets_cost_nobody_a_ticket_and_are_closed_in_time() {
    // Both ends of a socket are files, though of different processes.
    let files = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let needed = u64::try_from(SOCKETS * Kind::ALL.len() + 500).unwrap();
    assert!(files >= needed, "this test needs {needed} open files, the system gives {files} (ulimit -Hn)");
    let mut shop = Shop::closed(&[("STAMPEDE_DEMO_CAPACITY", "1000000")]);
    shop.start().await;

    let fared = Arc::new(Fared::default());
    let everyone = people(&shop, &fared);
    let mut sockets = JoinSet::new();
    let began = Instant::now();
    for number in 0..SOCKETS * Kind::ALL.len() {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        let held = kind.hold(shop.address());
        sockets.spawn(async move { (kind, held.await) });
        if number % 100 == 0 {
            sleep(Duration::from_millis(5)).await;
        }
    }
    let opened_in = began.elapsed();
    let held = sockets.join_all().await;
    fared.go_home.store(true, Ordering::Relaxed);
    everyone.join_all().await;

    let (bought, failed) = (fared.bought.load(Ordering::Relaxed), fared.failed.load(Ordering::Relaxed));
    let slowest_ms = fared.slowest_ms.load(Ordering::Relaxed);
    assert!(bought > 1_000, "only {bought} orders are too few to judge by");
    let success = f64::from(bought) / f64::from(bought + failed);
    let mut lasted = serde_json::Map::new();
    for kind in Kind::ALL {
        let of_kind = || held.iter().filter(move |(other, _)| *other == kind).map(|(_, held)| held);
        let longest = of_kind().map(|(lasted, _)| *lasted).max().unwrap();
        assert!(longest <= kind.may_last() + LATE, "{kind:?} lasted {longest:?}");
        let told: Vec<_> = of_kind().filter_map(|(_, status)| *status).collect();
        assert!(told.iter().all(|status| *status < 500), "{kind:?} was told {told:?}");
        lasted.insert(format!("{kind:?}"), json!(longest.as_secs_f64()));
    }
    let proof = json!({"part": "hostile", "sockets_of_each_kind": SOCKETS, "opened_in_s": opened_in.as_secs_f64(),
        "longest_s": lasted, "bought": bought, "failed": failed, "success": success, "slowest_ms": slowest_ms});
    println!("PROOF {proof}");
    assert!(success >= 0.999, "{proof}");
    shop.until_quiet().await;
    assert_eq!(shop.ops_json("/audit").await["holds"], true);
}
