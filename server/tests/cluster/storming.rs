//! The storm in its short form: part of every test run.

use crate::storm::{Size, run};
use stampede_checker::Enough;
use std::time::Duration;

const SHORT: Size = Size {
    capacity: 12_000,
    limit: 4,
    crowd: 500,
    in_flight: 300,
    lasts: Duration::from_secs(9),
    faults: 9,
    every: Duration::from_millis(800),
    is_short: true,
    enough: |size| Enough {
        buys: 10_000,
        accepted: 6_000,
        replays: 50,
        unknown: 50,
        faults: size.faults,
        kinds: 8,
        in_flight: size.in_flight,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_storm_breaks_no_law() {
    run(SHORT, 1).await;
}
