//! The paid sale in full size: 5,000 passes, 20,000 buyers, in each mode.

use crate::{
    paid::{Size, in_one_process, on_servers, print},
    support::servers::variable,
};
use std::time::Duration;

fn long() -> Size {
    Size {
        capacity: 5_000,
        buyers: 20_000,
        hold: Duration::from_secs(15),
        arrive_within: Duration::from_secs(120),
        back_after_ms: 20_000..40_000,
        every: Duration::from_secs(6),
        weather: Duration::from_secs(4),
        sells_out_within: Duration::from_mins(8),
        is_short: false,
        accidents: 3,
        most_accidents: u64::MAX,
        faults: 20,
        kinds: 13,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_passes_are_sold_and_paid_for_in_both_modes() {
    let seed = variable("STAMPEDE_PROOF_SEED").map_or(20_270_820, |seed| seed.parse().unwrap());
    let only = variable("STAMPEDE_PROOF_ONLY");
    let is_wanted = |mode: &str| only.as_deref().is_none_or(|only| only == mode);
    let mut modes = Vec::new();
    if is_wanted("embedded") {
        modes.push(("embedded", in_one_process(&long(), seed).await));
    }
    if is_wanted("servers") {
        // What a dead writer held comes again after a lease of ten seconds: it must not happen all the time to those who pay in fifteen.
        let size = Size { every: Duration::from_secs(11), accidents: 2, ..long() };
        modes.push(("servers", on_servers(&size, seed).await));
    }
    print(&modes, seed, false);
}
