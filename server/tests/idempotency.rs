//! One key is one order, whatever happens around it: at the same time, after success, refusal and 503, with another body, by
//! another buyer, after the ledger is gone, ten thousand times.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use stampede_actors::ports::PortFailure;
use stampede_backends::flaky::Fault;
use std::{collections::HashSet, sync::Arc, time::Duration};
use support::{Shop, faulty::FaultyShop, json, key, until};
use tokio::{sync::Barrier, task::JoinSet};

/// Told 202, and whether by an earlier request.
async fn taken(answer: Response, order: &str) -> bool {
    assert_eq!(answer.status(), StatusCode::ACCEPTED, "{:?}", answer.text().await);
    let replayed = answer.headers().get("idempotent-replayed").is_some();
    assert_eq!(json(answer).await["orderId"], order);
    replayed
}

async fn refused(answer: Response, status: u16, code: &str) -> Value {
    let told = answer.status().as_u16();
    let problem = json(answer).await;
    assert_eq!((told, problem["code"].as_str()), (status, Some(code)), "{problem}");
    problem
}

/// Every order that the shop has, as its export lists them.
fn orders(shop: &Shop) -> Vec<String> {
    let output = shop.run(&["orders", "export"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip(1).map(|line| line.split(',').next().unwrap().trim_matches('"').to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_connections_with_one_key_at_the_same_time_are_one_order() {
    let shop = Shop::selling(10_000).await;
    let mut keys = HashSet::new();
    for _ in 0..50 {
        let order = key();
        let (start, mut everyone) = (Arc::new(Barrier::new(8)), JoinSet::new());
        for _ in 0..8 {
            // Connections of their own, so that they reach different workers.
            let client = Client::builder().pool_max_idle_per_host(0).build().unwrap();
            let (start, url, order) = (Arc::clone(&start), shop.url("/api/tickets/buy"), order.clone());
            everyone.spawn(async move {
                start.wait().await;
                let request = client.post(url).header("content-type", "application/json");
                let request = request.header("idempotency-key", &order).body(r#"{"userId":"eva","quantity":2}"#);
                request.send().await.unwrap()
            });
        }
        let mut first = 0;
        for answer in everyone.join_all().await {
            // Those who resume each other's claim may all be first, or be told that it is not known yet; nobody is told no.
            match answer.status().as_u16() {
                202 => first += u32::from(!taken(answer, &order).await),
                503 => drop(refused(answer, 503, "unknown").await),
                other => panic!("{other}: {:?}", answer.text().await),
            }
        }
        assert!(first >= 1, "nobody was first");
        keys.insert(order);
    }
    shop.until_quiet().await;
    shop.until_numbers((10_000 - 100, 0, 100)).await;
    assert_eq!(orders(&shop).into_iter().collect::<HashSet<_>>(), keys);
    shop.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_success_a_key_finds_its_order_and_serves_nobody_else() {
    let mut shop = Shop::selling(100).await;
    let order = key();
    assert!(!taken(shop.buy(&order, "eva", 2).await.unwrap(), &order).await);
    // While it is written, when it is written, and after a start that knows of it only by the store.
    for round in 0..3 {
        assert!(taken(shop.buy(&order, "eva", 2).await.unwrap(), &order).await, "round {round}");
        for (user, quantity) in [("eva", 1), ("max", 2), ("max", 6)] {
            let problem = refused(shop.buy(&order, user, quantity).await.unwrap(), 422, "key_reused").await;
            assert!(!problem.to_string().contains(&order), "nothing of the order is revealed: {problem}");
        }
        shop.until_quiet().await;
        if round == 1 {
            assert!(shop.stop().success());
            shop.start().await;
        }
    }
    shop.until_numbers((98, 0, 2)).await;
    assert_eq!(orders(&shop), [order]);
    shop.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_refusal_a_key_is_unused() {
    let mut shop = Shop::closed(&[("STAMPEDE_DEMO_CAPACITY", "8"), ("STAMPEDE_DEMO_LIMIT_PER_BUYER", "4")]);
    shop.start().await;
    let (first, second, third) = (key(), key(), key());
    assert!(!taken(shop.buy(&first, "eva", 3).await.unwrap(), &first).await);
    refused(shop.buy(&second, "eva", 5).await.unwrap(), 422, "too_many_at_once").await;
    refused(shop.buy(&second, "eva", 2).await.unwrap(), 409, "limit").await;
    // Another buyer and another body: the key was never anybody's.
    assert!(!taken(shop.buy(&second, "max", 4).await.unwrap(), &second).await);
    refused(shop.buy(&second, "eva", 1).await.unwrap(), 422, "key_reused").await;
    refused(shop.buy(&third, "ida", 2).await.unwrap(), 409, "sold_out").await;
    assert!(!taken(shop.buy(&third, "ida", 1).await.unwrap(), &third).await);
    refused(shop.buy(&key(), "eva", 1).await.unwrap(), 409, "sold_out").await;
    assert!(taken(shop.buy(&third, "ida", 1).await.unwrap(), &third).await, "sold out is for new orders");
    shop.until_quiet().await;
    assert_eq!(orders(&shop).len(), 3);
    shop.audit();
}

/// Whatever failed, and whether it happened or not: the same key finds out, and it is one order in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_503_the_same_key_is_one_order() {
    let shop = FaultyShop::selling(1_000);
    let unavailable = || Fault::Fail(PortFailure::Unavailable("on purpose".into()));
    let faults = [
        ("claim", unavailable(), false),
        ("claim", Fault::LoseAnswer, true),
        ("publish", unavailable(), false),
        ("publish", Fault::LoseAnswer, true),
        ("promise", unavailable(), true),
        ("promise", Fault::LoseAnswer, true),
    ];
    for (operation, fault, is_somebodys) in &faults {
        let order = key();
        shop.script.always(operation, fault.clone());
        let answer = shop.buy(&order, 2).await;
        assert_eq!(answer.status().as_u16(), 503, "{operation} {fault:?}");
        assert!(answer.headers().contains_key("retry-after"));
        shop.script.heal();
        // What may have happened belongs to who asked for it; what has not is free for any body.
        let other = shop.buy(&order, 1).await;
        let expected = if *is_somebodys { 422 } else { 202 };
        assert_eq!(other.status().as_u16(), expected, "{operation} {fault:?}");
        let quantity = if *is_somebodys { 2 } else { 1 };
        let mut again = shop.buy(&order, quantity).await;
        while again.status() == StatusCode::SERVICE_UNAVAILABLE {
            tokio::time::sleep(Duration::from_millis(50)).await;
            again = shop.buy(&order, quantity).await;
        }
        taken(again, &order).await;
        until("it is confirmed", &mut async || shop.status(&order).await.as_deref() == Some("confirmed")).await;
        assert!(taken(shop.buy(&order, quantity).await, &order).await);
    }
    let units = 1 + 2 + 1 + 2 + 2 + 2;
    until("one order each", &mut async || shop.numbers().await == (1_000 - units, 0, units)).await;
    assert!(shop.audit().await.holds());
    shop.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_from_before_a_kill_finds_its_order_in_a_shop_with_an_empty_ledger() {
    let mut shop = Shop::selling(1_000).await;
    let keys: Vec<_> = (0..100).map(|_| key()).collect();
    for order in &keys {
        assert!(!taken(shop.buy(order, "eva", 1).await.unwrap(), order).await);
    }
    // The embedded ledger dies with the process; on servers it is Redis that keeps it.
    shop.kill();
    shop.start().await;
    for order in &keys {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let answer = shop.buy(order, "eva", 1).await.unwrap();
            // While nobody can tell, nobody says no.
            if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
                assert!(tokio::time::Instant::now() < deadline, "{order} stays unknown");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
            assert!(taken(answer, order).await, "{order} was taken a second time");
            break;
        }
        refused(shop.buy(order, "max", 1).await.unwrap(), 422, "key_reused").await;
    }
    shop.until_quiet().await;
    shop.until_numbers((900, 0, 100)).await;
    assert_eq!(orders(&shop).into_iter().collect::<HashSet<_>>(), keys.into_iter().collect());
    shop.audit();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_keys_repeated_by_a_crowd_are_one_order_each() {
    let shop = Shop::selling(20_000).await;
    let keys: Arc<Vec<_>> = Arc::new((0..10_000).map(|_| key()).collect());
    let mut everyone = JoinSet::new();
    // Each key is sent by two of four, in different orders, from different ends.
    for part in 0..16_usize {
        let (client, url, keys) = (shop.client.clone(), shop.url("/api/tickets/buy"), Arc::clone(&keys));
        everyone.spawn(async move {
            let (share, backwards) = (part / 2, part % 2 == 1);
            let mut mine: Vec<_> = keys.iter().skip(share).step_by(8).collect();
            if backwards {
                mine.reverse();
            }
            let mut first = 0;
            for order in mine {
                let send = || {
                    let request = client.post(&url).header("content-type", "application/json");
                    request.header("idempotency-key", order).body(format!(r#"{{"userId":"buyer-{order}"}}"#)).send()
                };
                let mut answer = send().await.unwrap();
                while answer.status() == StatusCode::SERVICE_UNAVAILABLE {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    answer = send().await.unwrap();
                }
                first += u32::from(!taken(answer, order).await);
            }
            first
        });
    }
    let first: u32 = everyone.join_all().await.into_iter().sum();
    assert!((10_000..10_500).contains(&first), "{first} requests were told that they were the first");
    shop.until_quiet().await;
    shop.until_numbers((10_000, 0, 10_000)).await;
    let orders = orders(&shop);
    assert_eq!(orders.len(), 10_000);
    assert_eq!(orders.into_iter().collect::<HashSet<_>>(), keys.iter().cloned().collect());
    shop.audit();
}
