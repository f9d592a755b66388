//! Parts that die or grow slow under load: the sale goes on, and the laws hold.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use stampede_backends::flaky::Fault;
use std::{sync::atomic::Ordering, time::Duration};
use support::{crowd::Crowd, faulty::FaultyShop, key, until};
use tokio::time::Instant;

/// Lets the `nth` call of `operation` panic under load, and expects `actor` to be replaced and everything to add up.
async fn survives_the_death_of(actor: &'static str, operation: &str) {
    let shop = FaultyShop::selling(3_000);
    let (crowd, everyone) = Crowd::come_to(&shop.url, &shop.client, 32, 7);
    until("orders flow", &mut async || crowd.promised.lock().unwrap().len() > 50).await;
    shop.script.on(operation, 1, Fault::Panic);
    until("the actor is replaced", &mut async || shop.restarts(actor) > 0).await;
    tokio::time::timeout(Duration::from_secs(60), everyone.join_all()).await.expect("the sale comes to its end");

    until("everything is sold and settled", &mut async || shop.numbers().await == (0, 0, 3_000)).await;
    let promised = crowd.promised.lock().unwrap().clone();
    for order in promised.keys() {
        assert_eq!(shop.status(order).await.as_deref(), Some("confirmed"), "order {order} was told 202");
    }
    let report = shop.audit().await;
    assert!(report.holds(), "{report:#?}");
    let orders = report.pools[0].by_status.iter().map(|(status, orders, _)| (status.as_str(), *orders));
    let unfinished: Vec<_> =
        orders.filter(|(status, _)| !["confirmed", "expired", "rejected"].contains(status)).collect();
    assert_eq!(unfinished, []);
    shop.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sale_goes_on_when_an_inventory_dies() {
    survives_the_death_of("inventory", "claim").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sale_goes_on_when_the_publisher_dies() {
    survives_the_death_of("publisher", "publish").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sale_goes_on_when_the_order_writer_dies() {
    survives_the_death_of("order_writer", "pull").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sale_goes_on_when_the_order_writer_dies_after_the_commit() {
    survives_the_death_of("order_writer", "acknowledge").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sale_goes_on_when_a_writer_dies() {
    survives_the_death_of("writer", "decide").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sale_goes_on_when_the_cache_sync_dies() {
    survives_the_death_of("cache_sync", "settle").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_writers_hold_the_crowd_back_and_lose_nothing() {
    const HIGH_WATER: u32 = 200;
    let shop = FaultyShop::with(&[
        "--demo-capacity=100000",
        "--order-writer-high-water=200",
        "--order-writer-batch-size=20",
        "--max-backlog-seconds=60",
    ]);
    shop.script.always("decide", Fault::Delay(Duration::from_millis(200)));
    let (crowd, everyone) = Crowd::come_to(&shop.url, &shop.client, 64, 9);
    let mut deepest = 0;
    until("the crowd is put off", &mut async || {
        deepest = deepest.max(shop.depth("order_writer"));
        crowd.put_off.load(Ordering::Relaxed) > 100
    })
    .await;
    assert_eq!(deepest, HIGH_WATER, "the depth rises to the high-water mark and stops there");

    let refused = shop.buy(&key(), 1).await;
    assert_eq!(refused.status().as_u16(), 503);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "come back after {wait} s");
    let asked = Instant::now();
    assert!(
        shop.client.get(format!("{}/api/tickets/availability", shop.url)).send().await.unwrap().status().is_success()
    );
    assert!(asked.elapsed() < Duration::from_secs(1), "reads stay served");

    crowd.go_home();
    everyone.join_all().await;
    shop.script.heal();
    let promised = crowd.promised.lock().unwrap().clone();
    for order in promised.keys() {
        until("it is decided", &mut async || shop.status(order).await.as_deref() == Some("confirmed")).await;
    }
    assert!(shop.audit().await.holds());
    shop.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_down_keeps_promises_waiting_and_a_full_disk_never_gives_a_false_202() {
    use stampede_actors::ports::PortFailure;
    let shop = FaultyShop::selling(3_000);
    let full = PortFailure::Unavailable("database or disk is full".into());
    shop.script.always("decide", Fault::Fail(full.clone()));
    let order = key();
    assert_eq!(shop.buy(&order, 1).await.status().as_u16(), 202, "the queue has it");
    assert_eq!(shop.status(&order).await.as_deref(), Some("pending"));

    shop.script.always("publish", Fault::Fail(full));
    for _ in 0..20 {
        assert_eq!(shop.buy(&key(), 1).await.status().as_u16(), 503, "neither queue nor store has it");
    }
    shop.script.heal();
    until("the promise is kept", &mut async || shop.status(&order).await.as_deref() == Some("confirmed")).await;
    until("nothing leaks", &mut async || shop.numbers().await == (2_999, 0, 1)).await;
    assert!(shop.audit().await.holds());
    shop.close();
}
