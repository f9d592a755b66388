//! The storm in full size: three minutes of faults.

use crate::{
    storm::{Size, run},
    support::servers::variable,
};
use stampede_checker::Enough;
use std::time::Duration;

const LONG: Size = Size {
    capacity: 270_000,
    limit: 4,
    crowd: 2_400,
    in_flight: 2_000,
    lasts: Duration::from_mins(3),
    faults: 60,
    every: Duration::from_millis(2_600),
    is_short: false,
    enough: |size| Enough {
        buys: 100_000,
        accepted: 60_000,
        replays: 1_000,
        unknown: 1_000,
        faults: size.faults,
        kinds: 20,
        in_flight: size.in_flight,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_minutes_of_storm_break_no_law() {
    let seed = variable("STAMPEDE_PROOF_SEED").map_or(20_270_819, |seed| seed.parse().unwrap());
    run(LONG, seed).await;
}
