//! The paid sale in its short form, in each mode: part of every test run.

use crate::paid::{Size, in_one_process, on_servers, print};
use std::time::Duration;

const SEED: u64 = 3;

fn short() -> Size {
    Size {
        capacity: 60,
        buyers: 300,
        hold: Duration::from_secs(4),
        arrive_within: Duration::from_secs(4),
        back_after_ms: 600..1_500,
        every: Duration::from_secs(3),
        weather: Duration::from_millis(1_200),
        sells_out_within: Duration::from_mins(3),
        is_short: true,
        accidents: 1,
        most_accidents: 5,
        faults: 0,
        kinds: 9,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_paid_sale_in_one_process_breaks_no_law() {
    print(&[("embedded", in_one_process(&short(), SEED).await)], SEED, true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_paid_sale_on_servers_breaks_no_law() {
    print(&[("servers", on_servers(&short(), SEED).await)], SEED, true);
}
