//! One key is one order, also after Redis has forgotten every one of them.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::{process::Command, time::Duration};
use support::{Shop, json, key};
use tokio::time::Instant;

/// Everything that the shop's processes wrote down in Redis is gone.
fn wipe(shop: &Shop) {
    let script = "local gone = 0 for _, key in ipairs(redis.call('KEYS', '*' .. ARGV[1] .. '*')) do \
                  gone = gone + redis.call('UNLINK', key) end return gone";
    let command = ["-u", shop.setting("REDIS_URL"), "EVAL", script, "0", shop.setting("STAMPEDE_REDIS_PREFIX")];
    let output = Command::new("redis-cli").args(command).output().unwrap();
    let gone: u32 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    assert!(gone > 3, "only {gone} keys were there to be wiped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_finds_its_order_after_the_ledger_was_wiped() {
    let mut shop = Shop::closed_on_servers(&[("STAMPEDE_DEMO_CAPACITY", "1000")]);
    shop.start().await;
    let keys: Vec<_> = (0..100).map(|_| key()).collect();
    for order in &keys {
        assert_eq!(shop.buy(order, "eva", 1).await.unwrap().status().as_u16(), 202);
    }
    // Some of them written, some on their way.
    wipe(&shop);
    let deadline = Instant::now() + Duration::from_secs(60);
    for order in &keys {
        loop {
            let answer = shop.buy(order, "eva", 1).await.unwrap();
            match answer.status().as_u16() {
                202 => {
                    assert!(answer.headers().contains_key("idempotent-replayed"), "{order} was taken a second time");
                    break;
                }
                // While nobody can tell, nobody says no.
                503 => assert!(Instant::now() < deadline, "{order} stays unknown: {}", json(answer).await),
                other => panic!("{other}: {}", json(answer).await),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let other = shop.buy(order, "max", 2).await.unwrap();
        assert_eq!((other.status().as_u16(), json(other).await["code"].as_str()), (422, Some("key_reused")));
    }
    shop.until_quiet().await;
    shop.until_numbers((900, 0, 100)).await;
    shop.audit();
}
