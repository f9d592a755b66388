//! Several processes at one subscription, back-pressure, dead letters, and what is missing.

use super::{
    super::{PubSubBus, PubSubOptions, bootstrap},
    rig::Rig,
    server::{Server, request},
};
use crate::bus::{
    contract::{PATIENCE, label},
    dead_letters::DeadLetterShelf,
};
use bytes::Bytes;
use stampede_actors::{
    clock::SystemClock,
    ports::{Bus, Delivery, DeliveryId, Outgoing, PortFailure},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

const A_WHILE: Duration = Duration::from_millis(600);

pub(super) fn numbered(numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    numbers.map(|number| Outgoing { payload: Bytes::from(number.to_string()), label: Some(label(number)) }).collect()
}

pub(super) fn number(delivery: &Delivery) -> u32 {
    std::str::from_utf8(&delivery.payload).unwrap().parse().unwrap()
}

pub(super) fn ids(deliveries: &[Delivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

pub(super) async fn publish(bus: &PubSubBus, numbers: std::ops::Range<u32>) {
    let outcomes = bus.publish(numbered(numbers)).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

/// Takes and acknowledges until all of these have come; how many deliveries that took.
pub(super) async fn consume(bus: &PubSubBus, mut missing: BTreeSet<u32>) -> usize {
    let mut deliveries = 0;
    while !missing.is_empty() {
        let pulled = timeout(PATIENCE, bus.pull(1000)).await;
        let pulled = pulled.unwrap_or_else(|_| panic!("{} never came", missing.len())).unwrap();
        bus.acknowledge(&ids(&pulled)).await.unwrap();
        deliveries += pulled.len();
        for delivery in &pulled {
            missing.remove(&number(delivery));
        }
    }
    deliveries
}

/// Takes without acknowledging until nothing comes any more.
async fn hold_all(bus: &PubSubBus) -> Vec<Delivery> {
    let mut held = Vec::new();
    while let Ok(pulled) = timeout(A_WHILE, bus.pull(1000)).await {
        held.extend(pulled.unwrap());
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_a_subscription_and_lose_nothing() {
    let rig = Rig::ours();
    let (one, other) = (rig.bus().await, rig.bus().await);
    publish(&one, 0..2000).await;
    let mut missing: BTreeSet<u32> = (0..2000).collect();
    let until = Instant::now() + PATIENCE;
    while !missing.is_empty() {
        assert!(Instant::now() < until, "{} never came", missing.len());
        for bus in [&one, &other] {
            if let Ok(pulled) = timeout(Duration::from_millis(20), bus.pull(100)).await {
                let pulled = pulled.unwrap();
                bus.acknowledge(&ids(&pulled)).await.unwrap();
                missing.retain(|left| !pulled.iter().any(|delivery| number(delivery) == *left));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_gives_back_goes_to_another() {
    let rig = Rig::ours();
    let one = rig.bus().await;
    publish(&one, 0..500).await;
    let held = hold_all(&one).await;
    assert_eq!(held.len(), 500);
    let other = rig.bus().await;
    one.acknowledge(&ids(&held[..100])).await.unwrap();
    one.close().await;
    let rest: BTreeSet<_> = held[100..].iter().map(number).collect();
    assert_eq!(consume(&other, rest).await, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_counts_and_the_rest_stays_for_others() {
    let rig = Rig::ours();
    let full = rig.bus_with(PubSubOptions { ready: 50, ..rig.options.clone() }).await;
    publish(&full, 0..200).await;
    let held = hold_all(&full).await;
    assert_eq!(held.len(), 50, "no more than it may hold");
    let other = rig.bus().await;
    assert_eq!(hold_all(&other).await.len(), 150, "nothing waits behind a full process");
    full.acknowledge(&ids(&held)).await.unwrap();
    other.close().await;
    let first = timeout(PATIENCE, full.pull(100)).await.expect("there is room again").unwrap();
    assert_eq!(first.len() + hold_all(&full).await.len(), 50, "and no more than that");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_longer_than_a_lease_of_the_servers_stays_with_its_holder() {
    let rig = Rig::ours();
    let holder = rig.bus_with(PubSubOptions { lease: Duration::from_secs(12), ..rig.options.clone() }).await;
    publish(&holder, 0..3).await;
    let held = hold_all(&holder).await;
    assert_eq!(held.len(), 3);
    let other = rig.bus().await;
    let waiting = timeout(Duration::from_secs(11), other.pull(3)).await;
    assert!(waiting.is_err(), "{waiting:?}");
    holder.acknowledge(&ids(&held)).await.unwrap();
    holder.close().await;
    assert_eq!(hold_all(&other).await.len(), 0);
}

/// A process on a thread of its own stands still for longer than a lease, and another one does its work.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_in_a_process_that_stood_still_is_left_to_others() {
    let rig = Rig::ours();
    let awake = rig.bus_with(PubSubOptions { pulls: false, ..rig.options.clone() }).await;
    publish(&awake, 0..100).await;
    let (taken, was_taken) = std::sync::mpsc::channel();
    let (go_on, goes_on) = std::sync::mpsc::channel();
    let options = rig.options.clone();
    let sleeper = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bus = Rig::ours().bus_with(options).await;
            let held = timeout(PATIENCE, bus.pull(1)).await.expect("it has come").unwrap();
            // The others arrive as well, and wait.
            while bus.inbox.tray().arrivals() < 100 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            taken.send(()).unwrap();
            goes_on.recv().unwrap();
            // What runs out is looked for at the end of the standstill.
            tokio::time::sleep(A_WHILE).await;
            (held, hold_all(&bus).await)
        })
    });
    was_taken.recv().unwrap();
    drop(awake);
    consume(&*rig.bus().await, (0..100).collect()).await;
    go_on.send(()).unwrap();
    let (held, woken) = sleeper.join().unwrap();
    assert_eq!((held.len(), woken.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pubsub_gives_up_comes_to_the_shelf() {
    let rig = Rig::ours();
    let PubSubOptions { project, .. } = &rig.options;
    let url = rig.options.endpoint.clone().unwrap();
    for topic in ["orders", "orders-dead"] {
        request(&url, "PUT", &format!("/v1/projects/{project}/topics/{topic}"), "{}");
    }
    let subscription = format!(
        r#"{{"topic":"projects/{project}/topics/orders","ackDeadlineSeconds":10,"deadLetterPolicy":
        {{"deadLetterTopic":"projects/{project}/topics/orders-dead","maxDeliveryAttempts":5}}}}"#
    );
    request(&url, "PUT", &format!("/v1/projects/{project}/subscriptions/writers"), &subscription);
    let told = bootstrap(&rig.options).await.unwrap().join("\n");
    assert!(told.contains("after 5 deliveries instead of") && told.contains("after 100 deliveries"), "{told}");

    let bus = rig.bus().await;
    publish(&bus, 0..2).await;
    let until = Instant::now() + PATIENCE;
    while rig.shelf.count().await.unwrap() == 0 {
        assert!(Instant::now() < until, "it never came to the shelf");
        let Ok(pulled) = timeout(A_WHILE, bus.pull(10)).await else { continue };
        for delivery in pulled.unwrap() {
            if number(&delivery) == 0 {
                bus.release(&[delivery.id]).await.unwrap();
            } else {
                bus.acknowledge(&[delivery.id]).await.unwrap();
            }
        }
    }
    let dead = bus.dead_letters(10).await.unwrap();
    assert_eq!((dead.len(), dead[0].payload.as_ref(), dead[0].label), (1, &b"0"[..], Some(label(0))));
    assert!(dead[0].reason.starts_with("given up by Pub/Sub after"), "{}", dead[0].reason);
    assert_eq!(bus.backlog().await.unwrap().dead_letters, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_says_what_it_made_and_then_what_it_found() {
    let rig = Rig::ours();
    let made = bootstrap(&rig.options).await.unwrap();
    assert!(made.len() == 4 && made.iter().all(|line| line.starts_with("made projects/")), "{made:?}");
    let found = bootstrap(&rig.options).await.unwrap();
    assert!(found.len() == 4 && found.iter().all(|line| line.starts_with("found ")), "{found:?}");
    assert!(found.iter().all(|line| !line.contains("differs")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_topic_is_named_with_the_way_out() {
    let rig = Rig::ours();
    let opened = PubSubBus::connect(rig.options.clone(), Arc::new(SystemClock), rig.shelf.clone()).await;
    let error = opened.err().unwrap().to_string();
    let project = &rig.options.project;
    let expected = format!("projects/{project}/topics/orders does not exist: run `stampede pubsub bootstrap`");
    assert_eq!(error, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_disappears_makes_publishes_unknown_at_once() {
    let rig = Rig::ours();
    let bus = rig.bus().await;
    publish(&bus, 0..1).await;
    let topic = format!("/v1/projects/{}/topics/orders", rig.options.project);
    request(rig.options.endpoint.as_ref().unwrap(), "DELETE", &topic, "");
    let began = Instant::now();
    let outcomes = bus.publish(numbered(1..4)).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(PortFailure::Unknown(_)))), "{outcomes:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_pull_publishes_and_takes_nothing() {
    let rig = Rig::ours();
    let web = rig.bus_with(PubSubOptions { pulls: false, ..rig.options.clone() }).await;
    publish(&web, 0..10).await;
    assert!(matches!(web.pull(1).await, Err(PortFailure::Unavailable(_))));
    let writer = rig.bus().await;
    consume(&writer, (0..10).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_at_a_bus_that_is_just_dropped_goes_back() {
    let server = Server::start();
    // What is on the wire at that moment comes again after a lease, of which ten seconds last one.
    server.faults(r#"{"lease_scale":0.1}"#);
    let rig = Rig::at(server.url.clone(), 0);
    let stays = rig.bus().await;
    for round in 0..30 {
        let gone = rig.bus().await;
        let messages = round * 200..(round + 1) * 200;
        publish(&stays, messages.clone()).await;
        drop(gone);
        timeout(Duration::from_secs(20), consume(&stays, messages.collect())).await.expect("nothing is kept");
    }
}
