//! P7, and what P8 takes off: the backends measure themselves in examples of their own, whose answers are read here.

use crate::{
    report::{Figure, Goal, spread},
    servers::{example, scratch, taken},
};
use anyhow::ensure;

/// Rows of the comparison, 1,000 a transaction, no limit per buyer.
const STORE: [&str; 3] = ["500000", "1000", "0"];
/// Messages, and how many at a time: as many as there may be at once from the buyers of P8.
const CLIENT: [&str; 2] = ["100000", "250"];

/// `PostgresOrderStore` against the least that a store could do, by `store_speed`.
pub(super) fn store_against_raw_loop() -> anyhow::Result<Vec<Figure>> {
    let url = taken(&mut scratch()?, "DATABASE_URL")?;
    let text = example("store_speed", &[&STORE[..], &[&url]].concat())?;
    let mut figure =
        Figure::new("P7", "rows/s of the Postgres store / raw UNNEST + guard loop", "x", Goal::AtLeast(0.80));
    let (mut store, mut raw) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| line.starts_with("round ")) {
        // "round 1: store 101234 rows/s, raw 123456 rows/s, 0.82"
        let [ours, theirs, share] = numbers(line.split_once(':').map_or("", |(_, rest)| rest))[..] else {
            anyhow::bail!("not understood: {line}");
        };
        store.push(ours);
        raw.push(theirs);
        figure.seen.push(share);
    }
    ensure!(!figure.seen.is_empty(), "store_speed printed no round");
    figure.made_of.push(format!("store {} rows/s, raw {} rows/s, one connection", spread(&store), spread(&raw)));
    Ok(vec![figure])
}

/// Microseconds of CPU that Google's client costs in a bare loop for each message: published, pulled and acknowledged.
pub(super) fn bare_pubsub_client_us() -> anyhow::Result<Vec<f64>> {
    let text = example("bus_speed", &CLIENT)?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("the bare client"));
    let each: Vec<_> = lines.map(|line| numbers(line).iter().sum()).collect();
    ensure!(!each.is_empty(), "bus_speed printed no bare client");
    say!("a bare Pub/Sub client: {} µs a message", spread(&each));
    Ok(each)
}

fn numbers(line: &str) -> Vec<f64> {
    line.split([' ', ',']).filter_map(|word| word.parse().ok()).collect()
}
