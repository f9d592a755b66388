//! Redis forgets everything in the middle of a sale.

use crate::{
    harness::{Cluster, buyers::Buyers, observer::Observer, record::Record},
    support::until,
};
use stampede_checker::Fault;
use std::time::Duration;
use tokio::time::Instant;

const CAPACITY: u32 = 1_500;
const DEMAND: u64 = 3 * CAPACITY as u64;
/// How soon nobody may buy any more from a ledger that has forgotten.
const CLOSED_WITHIN: Duration = Duration::from_millis(250);
/// How soon it is made again: what the drain takes at most, and what a loaded machine adds.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
/// How long nobody had been told 202 when the first one after the loss was: those before it were under way.
const SILENCE: Duration = Duration::from_millis(200);

/// The loss as the checker has to know it: as many promises may break as units were claimed.
fn lost(record: &Record, (began, over): (Instant, Instant), claimed: u64) -> Fault {
    Fault {
        kind: "Redis is emptied".into(),
        began_ms: record.at(began),
        over_ms: record.at(over),
        effect: Some(format!("{claimed} units were claimed")),
        lost_units: Some(claimed),
        grace_ms: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_emptied_in_mid_sale_is_closed_at_once_and_soon_made_again() {
    let shop = Cluster::selling(CAPACITY).await;
    let (buyers, observer) = (Buyers::new(&shop.door), Observer::of(&shop.door));
    let (record, everyone) = (&buyers.record, buyers.storm(DEMAND, 1, 4));
    until("orders flow", &mut async || record.promised() > 500).await;
    let begun = Instant::now();
    let claimed = shop.grounds.empty_redis(1).await;
    let done = Instant::now();
    assert!(record.promised() < u64::from(CAPACITY), "the ledger was emptied after the sale");

    until("somebody is put off", &mut async || record.first_put_off_after(begun).is_some()).await;
    let closed = record.first_put_off_after(begun).expect("somebody was put off");
    // It was emptied at some moment in between.
    assert!(closed < CLOSED_WITHIN + (done - begun), "closed only after {closed:?}");
    until("the shop sells again", &mut async || record.first_promise_after(begun + closed + SILENCE).is_some()).await;
    let open_again = record.longest_gap(begun, Instant::now());
    assert!(open_again < OPEN_WITHIN, "no 202 for {open_again:?}");

    record.broke(lost(record, (begun, done), claimed));
    let decided_in = shop.decided(record, done).await;
    tokio::time::timeout(Duration::from_secs(90), everyone.join_all()).await.expect("the sale comes to its end");
    let verdict = shop.judge(record, &observer).await;
    println!(
        "closed after {closed:?}, no 202 for {open_again:?}, decided after {decided_in:?}; {claimed} units were claimed; {verdict:?}"
    );
    assert_eq!(verdict.sold, u64::from(CAPACITY));
}

/// The worst that can happen to promises: the writers seem to be at rest, because what was promised is held up on the bus for
/// longer than anybody waits for them. The new ledger sells these units again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_that_are_lost_with_the_ledger_are_at_most_those_in_flight_and_no_ticket_is_sold_twice() {
    let shop = Cluster::selling(CAPACITY).await;
    let (buyers, observer) = (Buyers::new(&shop.door), Observer::of(&shop.door));
    let (record, everyone) = (&buyers.record, buyers.storm(DEMAND, 1, 5));
    until("orders flow", &mut async || record.promised() > 200).await;
    shop.grounds.pubsub_faults(r#"{"deliver_delay_ms": 8000}"#).await;
    let claimed = shop.grounds.empty_redis(300).await;
    let lost_at = Instant::now();
    // Until more is promised than there is: from then on some promise has to break.
    until("it is sold again", &mut async || record.promised() > u64::from(CAPACITY)).await;
    shop.grounds.pubsub_faults("{}").await;
    let last_fault = Instant::now();

    record.broke(lost(record, (lost_at, last_fault), claimed));
    let decided_in = shop.decided(record, last_fault).await;
    tokio::time::timeout(Duration::from_secs(90), everyone.join_all()).await.expect("the sale comes to its end");
    let verdict = shop.judge(record, &observer).await;
    println!(
        "{} promises were broken of {claimed} units claimed; decided after {decided_in:?}; {verdict:?}",
        verdict.broken
    );
    assert!(verdict.broken > 0, "too little: every promise in flight was kept");
    assert_eq!(verdict.sold, u64::from(CAPACITY));
}
