//! A sale during which processes are killed, restarted and frozen.

use crate::{
    harness::{
        Cluster,
        buyers::{Buyers, Told},
        observer::Observer,
    },
    support::until,
};
use stampede_domain::OrderId;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// Tickets, and buyers: three times as many.
const CAPACITY: u32 = 20_000;
const DEMAND: u64 = 3 * CAPACITY as u64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ticket_is_sold_once_while_every_node_is_killed_and_started_again() {
    let mut shop = Cluster::selling(CAPACITY).await;
    let (buyers, observer) = (Buyers::new(&shop.door), Observer::of(&shop.door));
    let everyone = buyers.storm(DEMAND, 1, 1);
    let mut last_fault = Instant::now();
    for (number, victim) in ["web 0", "writer 0", "web 1", "writer 1"].into_iter().enumerate() {
        // Each life sells some, so that each kill hits orders in flight.
        let enough = u64::from(CAPACITY) * (1 + 2 * number as u64) / 10;
        until("orders flow", &mut async || buyers.record.promised() >= enough).await;
        let (is_web, node) = (victim.starts_with("web"), number / 2);
        let process = if is_web { &mut shop.webs[node] } else { &mut shop.writers[node] };
        process.kill();
        last_fault = Instant::now();
        if is_web {
            shop.start_web(node).await;
        } else {
            shop.writers[node].start().await;
        }
        assert!(buyers.record.promised() < u64::from(CAPACITY), "{victim} was killed after the sale");
    }
    let decided_in = shop.decided(&buyers.record, last_fault).await;
    tokio::time::timeout(Duration::from_secs(120), everyone.join_all()).await.expect("the sale comes to its end");
    let verdict = shop.judge(&buyers.record, &observer).await;
    println!("decided {decided_in:?} after the last kill; {verdict:?}; {}", buyers.record.in_words());
    assert_eq!((verdict.sold, verdict.broken), (u64::from(CAPACITY), 0));
    assert!(buyers.record.unknowns() + buyers.record.put_offs() > 0, "the kills hit nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_restarted_one_by_one_while_the_shop_sells() {
    let mut shop = Cluster::selling(1_000_000).await;
    let (buyers, observer) = (Buyers::new(&shop.door), Observer::of(&shop.door));
    let everyone = buyers.steadily(32, Duration::from_millis(30), 2);
    for node in 0..2 {
        let before = buyers.record.promised();
        until("orders flow", &mut async || buyers.record.promised() > before + 100).await;
        let code = shop.writers[node].stop().await;
        assert!(code.success(), "{}: {code}", shop.writers[node].name);
        shop.writers[node].start().await;

        let before = buyers.record.promised();
        until("orders flow", &mut async || buyers.record.promised() > before + 100).await;
        let code = shop.webs[node].stop().await;
        assert!(code.success(), "{}: {code}", shop.webs[node].name);
        shop.start_web(node).await;
    }
    let decided_in = shop.decided(&buyers.record, Instant::now()).await;
    buyers.go_home(everyone).await;
    let verdict = shop.judge(&buyers.record, &observer).await;
    println!("decided {decided_in:?} after the last restart; {verdict:?}; {}", buyers.record.in_words());
    assert_eq!(verdict.broken, 0);
    assert!(verdict.sold > 400, "only {} were sold", verdict.sold);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_node_frozen_between_publish_and_promise_promises_nothing_wrong() {
    let shop = Cluster::selling(1_000).await;
    let (buyers, observer) = (Buyers::new(&shop.door), Observer::of(&shop.door));
    // Long enough to be caught in it: what is stored now is answered a second later.
    shop.grounds.pubsub_faults(r#"{"publish_answer_delay_ms": 1000}"#).await;
    let stored = async || shop.grounds.pubsub_stats().await["publish"]["messages"].as_u64().unwrap();
    let before = stored().await;
    let frozen: Vec<_> = (0..20).map(|_| buyers.key()).collect();
    let ask = |key: OrderId| {
        let (mut visitor, record) = (shop.door.visitor(Some(0)), Arc::clone(&buyers.record));
        tokio::spawn(async move {
            let asked = record.asks(key, "eva", 1);
            let answer = visitor.buy(&key.to_string(), "eva", 1).await;
            record.heard(&asked, answer.as_ref())
        })
    };
    let asked: Vec<_> = frozen.iter().copied().map(ask).collect();
    until("the orders are stored", &mut async || stored().await >= before + 20).await;
    shop.webs[0].signal("STOP");
    shop.grounds.pubsub_faults("{}").await;
    let caught = buyers.record.promised();

    // Their buyers hear nothing and repeat themselves at the other node, beside others who buy.
    let everyone = buyers.steadily(8, Duration::from_millis(30), 3);
    for outcome in asked {
        outcome.await.map(drop).unwrap();
    }
    let mut repeating = JoinSet::new();
    for (seed, key) in (0..).zip(frozen) {
        let buyers = Arc::clone(&buyers);
        let mut eva = buyers.buyer(seed, 3);
        repeating.spawn(async move { buyers.order_by(&mut eva, key, "eva", 1).await });
    }
    let told = repeating.join_all().await;
    assert!(told.iter().all(|told| matches!(told, Told::Yes)), "not every order was taken up by the other node");
    assert!(buyers.record.promised() >= caught + 20, "the other node does not take the orders up");
    shop.webs[0].signal("CONT");
    let last_fault = Instant::now();
    let after = buyers.record.promised();
    until("the shop sells on", &mut async || buyers.record.promised() > after + 50).await;
    let decided_in = shop.decided(&buyers.record, last_fault).await;
    buyers.go_home(everyone).await;
    let verdict = shop.judge(&buyers.record, &observer).await;
    println!("decided {decided_in:?} after the thaw; {verdict:?}; {}", buyers.record.in_words());
    assert_eq!((verdict.sold, verdict.broken), (buyers.record.promised(), 0));
}
