//! A server that misbehaves, as the real one may, or that is not there.

use super::{
    super::{OpenPubSubError, PubSubBus, PubSubOptions},
    proxy::Proxy,
    rig::{Rig, options},
    server::Server,
    sharing::{consume, ids, number, numbered, publish},
};
use crate::bus::{contract::PATIENCE, dead_letters::memory::MemoryDeadLetters};
use stampede_actors::{
    clock::SystemClock,
    ports::{Bus, PortFailure},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

const DEADLINE: Duration = Duration::from_millis(600);
/// What is not there after this long does not come.
const A_WHILE: Duration = Duration::from_millis(600);

fn impatient(server: &Server) -> Rig {
    let mut rig = Rig::at(server.url.clone(), 0);
    rig.options.publish_deadline = DEADLINE;
    rig
}

fn all_unknown(outcomes: &[Result<(), PortFailure>]) -> bool {
    outcomes.iter().all(|outcome| matches!(outcome, Err(PortFailure::Unknown(_))))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_and_never_answered_is_unknown_in_time_and_comes() {
    let server = Server::start();
    let bus = impatient(&server).bus().await;
    server.faults(r#"{"publish_no_answer":1}"#);
    let began = Instant::now();
    let outcomes = bus.publish(numbered(0..1500)).await;
    let took = began.elapsed();
    assert!(all_unknown(&outcomes), "{outcomes:?}");
    assert!((DEADLINE..DEADLINE * 3).contains(&took), "{took:?}");
    server.faults("{}");
    consume(&bus, (0..1500).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_and_answered_with_an_error_is_never_called_refused() {
    let server = Server::start();
    let bus = impatient(&server).bus().await;
    server.faults(r#"{"publish_store_and_fail":1}"#);
    let outcomes = bus.publish(numbered(0..10)).await;
    assert!(all_unknown(&outcomes), "{outcomes:?}");
    server.faults("{}");
    consume(&bus, (0..10).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_waited_for_and_more_than_fits_is_refused() {
    let server = Server::start();
    let mut rig = Rig::at(server.url.clone(), 0);
    rig.options.max_publishing = 10;
    let bus = rig.bus().await;
    server.faults(r#"{"publish_answer_delay_ms":400}"#);
    let outcomes = bus.publish(numbered(0..25)).await;
    assert!(outcomes[..10].iter().all(Result::is_ok), "{outcomes:?}");
    assert!(outcomes[10..].iter().all(|outcome| matches!(outcome, Err(PortFailure::Unavailable(_)))), "{outcomes:?}");
    // What was answered makes room again.
    publish(&bus, 25..35).await;
    let seen = (0..10).chain(25..35).collect();
    assert_eq!(consume(&bus, seen).await, 20, "what was refused is nowhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_out_of_order_lose_nothing_and_end() {
    let server = Server::start();
    let bus = impatient(&server).bus().await;
    server.faults(r#"{"deliver_copies":2,"shuffle":true}"#);
    publish(&bus, 0..1000).await;
    assert!(consume(&bus, (0..1000).collect()).await > 1000, "nothing came twice");
    let until = Instant::now() + PATIENCE;
    while let Ok(late) = timeout(A_WHILE, bus.pull(1000)).await {
        bus.acknowledge(&ids(&late.unwrap())).await.unwrap();
        assert!(Instant::now() < until, "it does not end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_mid_publish_loses_nothing_that_was_acknowledged() {
    let server = Server::start();
    let bus = impatient(&server).bus().await;
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = tokio::spawn({
        let (bus, stop) = (Arc::clone(&bus), Arc::clone(&stop));
        async move {
            let (mut durable, mut unknown) = (BTreeSet::new(), 0);
            for batch in 0.. {
                let numbers = batch * 50..batch * 50 + 50;
                for (number, outcome) in numbers.clone().zip(bus.publish(numbered(numbers)).await) {
                    match outcome {
                        Ok(()) => {
                            durable.insert(number);
                        }
                        Err(PortFailure::Unknown(_)) => unknown += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                sleep(Duration::from_millis(5)).await;
            }
            (durable, unknown)
        }
    });
    for _ in 0..2 {
        sleep(Duration::from_millis(300)).await;
        server.kill();
        sleep(Duration::from_millis(1000)).await;
        server.start_again();
    }
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let (durable, unknown) = publishing.await.unwrap();
    assert!(!durable.is_empty() && unknown > 0, "{} durable, {unknown} unknown: nothing was tried", durable.len());
    consume(&bus, durable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_and_publishes_end_in_time_and_all_flows_again_when_it_is_back() {
    let server = Server::start();
    let bus = impatient(&server).bus().await;
    publish(&bus, 0..10).await;
    consume(&bus, (0..10).collect()).await;
    server.kill();
    // Longer than the client's own pauses are patient.
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        let began = Instant::now();
        let outcomes = bus.publish(numbered(10..20)).await;
        assert!(all_unknown(&outcomes), "{outcomes:?}");
        assert!(began.elapsed() < DEADLINE * 3, "{:?}", began.elapsed());
    }
    server.start_again();
    let back = Instant::now();
    while bus.publish(numbered(20..21)).await[0].is_err() {
        assert!(back.elapsed() < Duration::from_secs(5), "still nothing is published");
    }
    let until_it_came = consume(&bus, BTreeSet::from([20]));
    timeout(Duration::from_secs(5), until_it_came).await.expect("the streams are built again");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_died_in_silence_are_replaced() {
    let server = Server::start();
    // What the server sends into the dead streams comes again soon.
    server.faults(r#"{"lease_scale":0.1}"#);
    let proxy = Proxy::before(&server.url);
    let mut rig = Rig::at(proxy.url.clone(), 0);
    rig.options.publish_deadline = DEADLINE;
    let bus = rig.bus().await;
    publish(&bus, 0..10).await;
    consume(&bus, (0..10).collect()).await;
    // Until the watch has looked once, after two seconds of quiet: its connection dies as well, and that is how it notices.
    sleep(Duration::from_secs(5)).await;
    proxy.cut();
    let outcomes = bus.publish(numbered(10..20)).await;
    assert!(all_unknown(&outcomes), "{outcomes:?}");
    let cut = Instant::now();
    while bus.publish(numbered(20..21)).await[0].is_err() {
        assert!(cut.elapsed() < Duration::from_secs(5), "the dead connection is still used");
    }
    consume(&bus, BTreeSet::from([20])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_where_nobody_listens_is_named_after_a_bounded_wait() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{free}");
    let connecting =
        PubSubBus::connect(options(endpoint.clone()), Arc::new(SystemClock), Arc::new(MemoryDeadLetters::default()));
    let error = timeout(Duration::from_secs(15), connecting).await.expect("not for ever").err().unwrap();
    assert!(matches!(error, OpenPubSubError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(&endpoint), "{error}");
}

#[test]
fn what_a_killed_process_held_comes_to_another_after_the_lease() {
    let server = Server::start();
    // Ten seconds of lease last one.
    server.faults(r#"{"lease_scale":0.1}"#);
    let rig = impatient(&server);
    let killed = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
    let held = killed.block_on(async {
        let bus = rig.bus().await;
        publish(&bus, 0..20).await;
        let pulled = timeout(PATIENCE, bus.pull(5)).await.unwrap().unwrap();
        // Nothing of it is told that the process ends.
        std::mem::forget(bus);
        pulled
    });
    assert!(!held.is_empty());
    killed.shutdown_background();
    let other = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(1).build().unwrap();
    other.block_on(async {
        let bus = rig.bus().await;
        let mut missing: BTreeSet<_> = (0..20).collect();
        while !missing.is_empty() {
            let pulled = timeout(PATIENCE, bus.pull(100)).await.expect("after the lease").unwrap();
            bus.acknowledge(&ids(&pulled)).await.unwrap();
            missing.retain(|left| !pulled.iter().any(|delivery| number(delivery) == *left));
        }
        bus.close().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_disappears_and_is_made_again_is_used_again() {
    let server = Server::start();
    let rig = impatient(&server);
    let bus = rig.bus().await;
    let subscription = format!("/v1/projects/{}/subscriptions/writers", rig.options.project);
    super::server::request(&server.url, "DELETE", &subscription, "");
    // Nothing to wait for but time: the streams end, and the pauses between attempts grow.
    let silent = timeout(Duration::from_secs(3), bus.pull(1)).await;
    assert!(silent.is_err(), "{silent:?}");
    super::super::bootstrap(&PubSubOptions { ..rig.options.clone() }).await.unwrap();
    publish(&bus, 0..10).await;
    timeout(Duration::from_secs(6), consume(&bus, (0..10).collect())).await.expect("within seconds");
}
