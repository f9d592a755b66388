//! Two web nodes that know of each other only by Redis: what one address, or one buyer, gets of both is what it would get of one.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::time::Duration;
use support::{Shop, key};
use tokio::time::Instant;

const RUN: Duration = Duration::from_secs(6);

/// Orders that both nodes together admitted, asked by turns as fast as they answer.
async fn admitted(nodes: [&Shop; 2], from: &str, user: impl Fn(u32) -> String) -> u32 {
    let (began, mut admitted, mut asked) = (Instant::now(), 0, 0);
    while began.elapsed() < RUN {
        for node in nodes {
            asked += 1;
            let request = node.client.post(node.url("/api/tickets/buy")).header("x-forwarded-for", from);
            let request = request.header("content-type", "application/json").header("idempotency-key", key());
            let answer = request.body(format!(r#"{{"userId":"{}"}}"#, user(asked))).send().await.unwrap();
            match answer.status().as_u16() {
                429 => {}
                202 => admitted += 1,
                other => panic!("{other}: {:?}", answer.text().await),
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(asked > 300, "only {asked} were asked for");
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_hold_the_limits_of_addresses_and_of_buyers_together() {
    let mut one = Shop::closed_on_servers(&[
        ("STAMPEDE_TRUSTED_PROXY_HOPS", "1"),
        ("STAMPEDE_LIMIT_ORDERS_PER_SECOND", "10"),
        ("STAMPEDE_LIMIT_ORDERS_BURST", "20"),
        ("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "10"),
    ]);
    one.start().await;
    let other = one.another_web_node().await;
    // A burst and six seconds of ten; the second node's burst may slip through before the first round. Each for itself, two
    // nodes would let in 160.
    let of_address = admitted([&one, &other], "192.0.2.1", |number| format!("buyer-{number}")).await;
    assert!((70..=115).contains(&of_address), "{of_address} orders of one address");
    // A burst of ten, twice.
    let of_buyer = admitted([&one, &other], "127.0.0.1", |_| "eva".to_owned()).await;
    assert!((60..=95).contains(&of_buyer), "{of_buyer} orders of one buyer");
    assert_eq!(one.metric("stampede_limits_not_shared_total", "").await, 0.0);
    one.audit();
}
