//! Each fault gets a shop of its own and a steady crowd, and must really take effect; then nothing may be lost or oversold,
//! 202s must flow again, and every 202 must be decided in time.

mod faults;
mod nodes;
mod postgres;
mod pubsub;
mod redis;

use crate::{
    harness::{Cluster, buyers::Buyers, observer::Observer},
    support::{servers::variable, until},
};
use faults::{FAULTS, Misfortune};
use stampede_checker::Fault;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{task::LocalSet, time::Instant};

/// How soon after a dependency is back 202s flow again (PROTOCOL: liveness).
const FLOWS_WITHIN: Duration = Duration::from_secs(5);
/// How long the crowd goes on buying when everything is well again.
const AFTERWARDS: Duration = Duration::from_secs(8);

/// What a fault did, as whoever made it tells.
pub(crate) struct Struck {
    /// When everything was well again.
    over: Instant,
    /// What shows that it took effect, besides what buyers and logs say.
    evidence: Option<String>,
    /// Units claimed in a ledger that was lost: as many promises may break.
    lost_units: Option<u64>,
}

impl Struck {
    /// Over now; its effect is left to buyers and logs.
    fn over() -> Self {
        Self { over: Instant::now(), evidence: None, lost_units: None }
    }

    /// Over now, with an effect that was seen, if it was.
    fn seen(evidence: Option<String>) -> Self {
        Self { evidence, ..Self::over() }
    }
}

/// A line of the table.
struct Row {
    buys: u64,
    promised: u64,
    unknown: u64,
    put_off: u64,
    gap: Duration,
    decided_in: Duration,
    broken: u64,
    may_break: u64,
    effect: String,
}

/// A fault's name and row, or how it failed.
type Line = (&'static str, Result<Row, String>);

/// A fault under load.
#[expect(clippy::print_stdout, reason = "who waits for minutes wants to see what is going on")]
async fn suffer(fault: &Misfortune) -> Row {
    let mut shop = Cluster::selling(1_000_000).await;
    let (buyers, observer) = (Buyers::new(&shop.door), Observer::of(&shop.door));
    let record = Arc::clone(&buyers.record);
    let everyone = buyers.steadily(16, Duration::from_millis(40), 7);
    until("orders flow", &mut async || record.promised() > 200).await;

    let (began, before) = (Instant::now(), Noticed::now(&shop, &buyers));
    let struck = (fault.strike)(&mut shop, &record).await;
    let over = struck.over;
    // What was promised until now is waited for while everybody goes on, and what only shows afterwards (a connection that
    // is found dead) shows meanwhile.
    let (decided_in, ()) = tokio::join!(shop.decided(&record, over), tokio::time::sleep_until(over + AFTERWARDS));
    let noticed = Noticed::now(&shop, &buyers).since(before);
    let gap = record.longest_gap(over, over + AFTERWARDS);
    println!("    {:.1?} of it; buyers and logs: {noticed:?}; then no 202 for {gap:.1?}", over - began);
    assert!(noticed.anything() || struck.evidence.is_some(), "too little: nobody noticed that {}", fault.name);
    assert!(gap <= FLOWS_WITHIN, "no 202 for {gap:?} after all was well again");

    buyers.go_home(everyone).await;
    let effect = struck.evidence.unwrap_or_else(|| noticed.in_words());
    record.broke(Fault {
        kind: fault.name.into(),
        began_ms: record.at(began),
        over_ms: record.at(over),
        effect: Some(effect.clone()),
        lost_units: struck.lost_units,
        grace_ms: 0,
    });
    let verdict = shop.judge(&record, &observer).await;
    Row {
        buys: record.buys.load(Ordering::Relaxed),
        promised: record.promised(),
        unknown: record.unknowns(),
        put_off: record.put_offs(),
        gap,
        decided_in,
        broken: verdict.broken,
        may_break: struck.lost_units.unwrap_or(0),
        effect,
    }
}

/// What buyers and logs have noticed.
#[derive(Clone, Copy, Debug)]
struct Noticed {
    put_off: u64,
    unknown: u64,
    proxy: u64,
    complaints: u64,
}

impl Noticed {
    fn now(shop: &Cluster, buyers: &Buyers) -> Self {
        let complains = |line: &&str| line.contains(" WARN ") || line.contains("ERROR ");
        Self {
            put_off: buyers.record.put_offs(),
            unknown: buyers.record.unknowns(),
            proxy: shop.proxy_complaints(),
            complaints: shop.nodes().map(|node| node.log().lines().filter(complains).count() as u64).sum(),
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            put_off: self.put_off - before.put_off,
            unknown: self.unknown - before.unknown,
            proxy: self.proxy - before.proxy,
            complaints: self.complaints - before.complaints,
        }
    }

    fn anything(self) -> bool {
        self.put_off + self.unknown + self.proxy + self.complaints > 0
    }

    fn in_words(self) -> String {
        let Self { put_off, unknown, proxy, complaints } = self;
        format!("{put_off} put off, {unknown} unknown, {proxy} complaints of the proxy, {complaints} of the nodes")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_nothing_is_lost_and_nothing_is_sold_twice() {
    let only = variable("STAMPEDE_PROOF_ONLY").unwrap_or_default();
    let chosen: Vec<_> = FAULTS.iter().filter(|fault| fault.name.contains(&only)).collect();
    assert!(!chosen.is_empty(), "no fault is called {only}");
    let mut table: Vec<Line> = Vec::new();
    for fault in &chosen {
        println!("{}", fault.name);
        let fault: &'static Misfortune = fault;
        // A task of its own: what fails is a line of the table, and the next one has its turn.
        let row = LocalSet::new().run_until(async { tokio::task::spawn_local(suffer(fault)).await }).await;
        table.push((fault.name, row.map_err(why)));
    }
    print(&table);
    let failed: Vec<_> = table.iter().filter(|(_, row)| row.is_err()).map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "{} of {} failed: {failed:?}", failed.len(), chosen.len());
    if only.is_empty() {
        assert_eq!(table.len(), FAULTS.len());
    }
}

fn why(panic: tokio::task::JoinError) -> String {
    let panic = panic.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// What the table says, for the report.
fn lines(table: &[Line]) -> Vec<serde_json::Value> {
    let line = |(name, row): &Line| {
        row.as_ref().map_or_else(
            |why| serde_json::json!({ "fault": name, "failed": why }),
            |row| {
                serde_json::json!({
                    "fault": name, "buys": row.buys, "promised": row.promised, "unknown": row.unknown, "put off": row.put_off,
                    "seconds without a 202": row.gap.as_secs_f64(), "seconds until all decided": row.decided_in.as_secs_f64(),
                    "broken": row.broken, "of claims lost with the ledger": row.may_break, "effect": row.effect,
                })
            },
        )
    };
    table.iter().map(line).collect()
}

#[expect(clippy::print_stdout, reason = "the table is what it was run for")]
fn print(table: &[Line]) {
    println!(
        "\n{:<52} {:>6} {:>6} {:>7} {:>6} {:>7} {:>7} {:>9}  effect",
        "fault", "buys", "202", "unknown", "503", "gap s", "dec. s", "broken"
    );
    for (name, row) in table {
        match row {
            Ok(row) => println!(
                "{name:<52} {:>6} {:>6} {:>7} {:>6} {:>7.2} {:>7.2} {:>9}  {}",
                row.buys,
                row.promised,
                row.unknown,
                row.put_off,
                row.gap.as_secs_f64(),
                row.decided_in.as_secs_f64(),
                format!("{}/{}", row.broken, row.may_break),
                row.effect
            ),
            Err(why) => println!("{name:<52} FAILED: {why}"),
        }
    }
    println!("PROOF {}", serde_json::json!({ "part": "bad_luck", "faults": table.len(), "table": lines(table) }));
    println!(
        "gap: longest time without a 202 in the 8 s after all was well again. dec.: all 202s decided. broken: of units claimed when the ledger was lost."
    );
    println!("audit: clean in every line that did not fail");
}
