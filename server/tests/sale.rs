//! The main job: a crowd, a thousand tickets, and a process that is killed again and again.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::{io::Write, sync::atomic::Ordering, time::Duration};
use support::{Shop, crowd::Crowd, key};

/// Every order told 202 is confirmed, and the units of all orders are exactly the capacity.
async fn everything_adds_up(shop: &Shop, crowd: &Crowd, capacity: u64) {
    shop.until_quiet().await;
    shop.until_numbers((0, 0, capacity)).await;
    let promised = crowd.promised.lock().unwrap().clone();
    assert!(promised.len() > 100, "only {} orders were promised", promised.len());
    for order in promised.keys() {
        assert_eq!(shop.status(order).await.as_deref(), Some("confirmed"), "order {order} was told 202");
    }
    let report = shop.ops_json("/audit").await;
    assert_eq!(report["holds"], true, "{report}");
}

/// As far as the bus can tell.
fn nothing_waits(audit: &str) -> bool {
    audit.contains("waiting in the queue: 0") || audit.contains("waiting in the queue: not told by the bus")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_repeats_itself_and_hangs_up_buys_exactly_a_thousand_tickets() {
    let mut shop = Shop::selling(1_000).await;
    let (crowd, everyone) = Crowd::come(&shop, 64, 1);
    everyone.join_all().await;

    assert!(crowd.hung_up.load(Ordering::Relaxed) > 10, "nobody hung up");
    assert!(crowd.repeated.load(Ordering::Relaxed) > 10, "nobody repeated an order");
    everything_adds_up(&shop, &crowd, 1_000).await;
    assert!(shop.stop().success());
    let audit = shop.audit();
    assert!(audit.contains("sold 1000"), "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_kills_lose_nothing_and_sell_nothing_twice() {
    let mut shop = Shop::selling(40_000).await;
    let (crowd, everyone) = Crowd::come(&shop, 64, 2);
    for kill in 0..10 {
        // Each life sells some, so that each kill hits orders in flight.
        let before = crowd.promised.lock().unwrap().len();
        shop.until("orders flow", async || crowd.promised.lock().unwrap().len() > before + 20).await;
        shop.kill();
        let audit = shop.audit();
        assert!(!audit.contains("BROKEN"), "after kill {kill}: {audit}");
        shop.start().await;
        crowd.follow(&shop);
    }
    tokio::time::timeout(Duration::from_secs(120), everyone.join_all()).await.expect("the sale comes to its end");
    everything_adds_up(&shop, &crowd, 40_000).await;
    assert!(shop.stop().success());
    shop.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_told_to_stop_keeps_every_promise_and_leaves_nothing_in_the_queue() {
    let mut shop = Shop::selling(1_000_000).await;
    let (crowd, everyone) = Crowd::come(&shop, 32, 3);
    shop.until("orders flow", async || crowd.promised.lock().unwrap().len() > 200).await;
    let code = shop.stop();
    crowd.go_home();
    everyone.join_all().await;
    assert!(code.success(), "{code}");
    let audit = shop.audit();
    assert!(nothing_waits(&audit), "{audit}");

    shop.start().await;
    let promised = crowd.promised.lock().unwrap().clone();
    for order in promised.keys() {
        let sentence = format!("order {order}, which was told 202, is confirmed");
        shop.until(&sentence, async || shop.status(order).await.as_deref() == Some("confirmed")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_is_told_to_wait_and_others_are_served() {
    let mut shop = Shop::closed(&[("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "2"), ("STAMPEDE_HTTP_WORKERS", "1")]);
    shop.start().await;
    let mut told = Vec::new();
    for _ in 0..20 {
        told.push(shop.buy(&key(), "bot", 1).await.unwrap());
    }
    let waits: Vec<_> = told.iter().filter(|answer| answer.status().as_u16() == 429).collect();
    assert!(waits.len() > 10, "only {} of 20 attempts were too many", waits.len());
    assert!(waits.iter().all(|answer| answer.headers().contains_key("retry-after")));
    assert_eq!(shop.buy(&key(), "eva", 1).await.unwrap().status().as_u16(), 202);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_crowd_comes_in_by_the_door() {
    let mut shop = Shop::closed(&[("STAMPEDE_DEMO_CROWD", "200"), ("STAMPEDE_DEMO_CAPACITY", "500")]);
    shop.start().await;
    shop.until("the crowd has bought some", async || shop.numbers().await.2 > 50).await;
    assert!(shop.metric("stampede_http_requests_total", r#"route="/api/tickets/buy""#).await > 10.0);
    assert!(shop.stop().success());
    shop.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_gets_in_where_the_system_is_stingy_at_first() {
    let mut shop = Shop::closed(&[]);
    shop.start_where("ulimit -Sn 64").await;
    let doors: Vec<_> = (0..200).map(|_| std::net::TcpStream::connect(shop.address())).collect();
    assert!(doors.iter().all(Result::is_ok));
    assert_eq!(shop.buy(&key(), "eva", 1).await.unwrap().status().as_u16(), 202);
    drop(doors);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stalls_does_not_keep_a_closing_shop_from_its_drain() {
    let mut shop = Shop::closed(&[("STAMPEDE_SHUTDOWN_LIMIT", "4s")]);
    shop.start().await;
    assert_eq!(shop.buy(&key(), "eva", 1).await.unwrap().status().as_u16(), 202);
    let mut stalled = std::net::TcpStream::connect(shop.address()).unwrap();
    let head =
        "POST /api/tickets/buy HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{";
    stalled.write_all(head.as_bytes()).unwrap();
    // Answered on the same worker or the other: either way the stalled request has been taken up by now.
    assert_eq!(shop.buy(&key(), "eva", 1).await.unwrap().status().as_u16(), 202);
    let code = shop.stop();
    assert!(code.success(), "{code}");
    assert!(nothing_waits(&shop.audit()));
    drop(stalled);
}
