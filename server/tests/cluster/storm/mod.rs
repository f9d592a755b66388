//! The storm: a sale in waves, every link of the shop behind a wire of its own, and a nemesis that breaks one thing after the
//! other while thousands of requests are under way. At the end the checker judges what everybody was told by what is there.

mod kinds;
mod links;
mod nemesis;
mod servers;
mod table;
mod wires;

use crate::harness::{Cluster, Grounds, buyers::Buyers, observer::Observer, record::Record, verdict::DECIDED_WITHIN};
use links::{Links, Side};
use rand::rngs::SmallRng;
use stampede_checker::{Enough, Expectations, Report};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How soon after a dependency is back 202s flow again (PROTOCOL: liveness).
const FLOWS_WITHIN: Duration = Duration::from_secs(5);
/// How long the sale may go on when nothing is broken any more.
const SELLS_OUT_WITHIN: Duration = Duration::from_mins(4);
/// People who buy all the time, so that it is seen how soon 202s flow again; and the pause between two of their orders.
const REGULARS: u64 = 16;
const PAUSE: Duration = Duration::from_millis(80);
/// Most tickets of one order.
const MOST: u32 = 2;

/// How large a storm is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) capacity: u32,
    /// Most tickets of a buyer, who comes for two orders.
    pub(crate) limit: u32,
    /// People who come with every wave.
    pub(crate) crowd: u64,
    /// Requests under way when a fault strikes.
    pub(crate) in_flight: u64,
    /// How long faults go on, how many there are at least, and how soon one may follow the other: the tickets have to last.
    pub(crate) lasts: Duration,
    pub(crate) faults: u64,
    pub(crate) every: Duration,
    /// Only kinds that are over soon.
    pub(crate) is_short: bool,
    pub(crate) enough: fn(&Self) -> Enough,
}

/// What the nemesis has before it.
struct Arena<'a> {
    shop: &'a mut Cluster,
    links: &'a Links,
    buyers: &'a Arc<Buyers>,
    record: &'a Record,
    chance: SmallRng,
    /// Who stands still in the background: a web node or a writer, and which.
    asleep: Option<(Side, usize)>,
}

/// What a fault did.
struct Struck {
    effect: Option<String>,
    /// Units claimed in a ledger that was lost.
    lost_units: Option<u64>,
    /// How much longer the shop may be closed.
    grace: Duration,
    over: Instant,
}

impl Struck {
    /// Over now.
    fn by(effect: Option<String>) -> Self {
        Self { effect, lost_units: None, grace: Duration::ZERO, over: Instant::now() }
    }
}

/// Runs a storm and judges it. Whatever must not be ends the test.
pub(crate) async fn run(size: Size, seed: u64) {
    let grounds = Grounds::open().await;
    let links = Links::to(&grounds, seed).await;
    let mut shop =
        Cluster::on(grounds, size.capacity, Some(size.limit), |node, settings| links.wire(node, settings)).await;
    let links = links.and_to(&shop.door.webs, seed).await;
    let (buyers, observer) = (Buyers::at(links.doors(), Some(size.limit)), Observer::of(&shop.door));
    let record = Arc::clone(&buyers.record);
    // One and a half times as many tickets are wanted as there are.
    let demand = u64::from(size.capacity) * 3 / (1 + u64::from(MOST));
    let mut everyone = buyers.in_waves(size.crowd, demand, MOST, seed);
    let regulars = buyers.steadily(REGULARS, PAUSE, seed + 1);

    let arena = Arena {
        shop: &mut shop,
        links: &links,
        buyers: &buyers,
        record: &record,
        chance: nemesis::chance(seed),
        asleep: None,
    };
    let rows = nemesis::rage(arena, &size).await;
    links.mend();
    let last_fault = Instant::now();
    shop.decided(&record, last_fault).await;

    // What is left is sold, now that nothing breaks any more.
    buyers.no_more_waves();
    let sold_out = async {
        buyers.go_home(regulars).await;
        while everyone.join_next().await.is_some() {}
    };
    tokio::time::timeout(SELLS_OUT_WITHIN, sold_out).await.expect("the sale comes to its end");
    let report = judge(&shop, &record, &observer, &size).await;
    table::print(&rows, &report, &record, size, seed);
    if !report.is_clean() {
        keep(&record, seed);
    }
    assert!(report.is_clean(), "seed {seed}: {report}");
}

async fn judge(shop: &Cluster, record: &Arc<Record>, observer: &Observer, size: &Size) -> Report {
    let over = Instant::now();
    shop.decided(record, over).await;
    shop.everybody_looks(record).await;
    shop.at_rest(observer).await;
    let millis = |duration: Duration| Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    let mut expected = Expectations {
        flows_within_ms: millis(FLOWS_WITHIN),
        decided_within_ms: millis(DECIDED_WITHIN),
        enough: (size.enough)(size),
        ..shop.expectations()
    };
    expected.pools.iter_mut().for_each(|pool| pool.sells_out = true);
    shop.report(record, &expected).await
}

/// The history outlives a storm that broke something.
#[expect(clippy::print_stderr, reason = "who looks for the reason must find it")]
fn keep(record: &Record, seed: u64) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("storm-{seed}.jsonl"));
    let file = std::fs::File::create(&path).unwrap();
    record.history().write(std::io::BufWriter::new(file)).unwrap();
    eprintln!("the history is kept in {}", path.display());
}
