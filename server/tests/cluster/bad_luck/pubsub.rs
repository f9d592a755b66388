//! The Pub/Sub server goes away, is slow, forgets to answer, or repeats itself.

use super::Struck;
use crate::{
    harness::{Cluster, record::Record},
    support::until,
};
use std::time::Duration;
use tokio::time::Instant;

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(10);
/// How long it is dead.
const DEAD: Duration = Duration::from_secs(2);
/// Slow, but within the time that a publish may take.
const SLOW: Duration = Duration::from_millis(1_500);

pub(super) async fn killed(shop: &mut Cluster, record: &Record) -> Struck {
    let began = Instant::now();
    shop.grounds.pubsub.tell("kill", &[]).await;
    tokio::time::sleep(DEAD).await;
    shop.grounds.pubsub.tell("start", &[]).await;
    let over = Instant::now();
    // Who asked meanwhile has waited for it, if nothing worse happened to them.
    until("orders flow", &mut async || record.first_promise_after(over).is_some()).await;
    let slowest = record.slowest_promise_after(began);
    let evidence = (slowest >= DEAD / 2).then(|| format!("a 202 took {slowest:.1?}"));
    Struck { over, evidence, lost_units: None }
}

pub(super) async fn frozen(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.pubsub.tell("pause", &[]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.pubsub.tell("continue", &[]).await;
    Struck::over()
}

pub(super) async fn slow(shop: &mut Cluster, record: &Record) -> Struck {
    let began = Instant::now();
    let delay = SLOW.as_millis();
    let knobs =
        format!(r#"{{"publish_delay_ms": {delay}, "publish_answer_delay_ms": {delay}, "deliver_delay_ms": {delay}}}"#);
    during(shop, &knobs).await;
    let slowest = record.slowest_promise_after(began);
    Struck::seen((slowest >= 2 * SLOW).then(|| format!("a 202 took {slowest:.1?}")))
}

pub(super) async fn silent(shop: &mut Cluster, _: &Record) -> Struck {
    during(shop, r#"{"publish_no_answer": 1}"#).await;
    let unanswered = shop.grounds.pubsub_stats().await["publish"]["unanswered"].as_u64().unwrap();
    assert!(unanswered > 0, "too little: every publish was answered");
    Struck::over()
}

/// Every other publish fails, some of them only as far as the shop is told.
pub(super) async fn failing(shop: &mut Cluster, _: &Record) -> Struck {
    during(shop, r#"{"publish_refuse": 0.25, "publish_store_and_fail": 0.25}"#).await;
    let publish = &shop.grounds.pubsub_stats().await["publish"];
    let count = |what: &str| publish[what].as_u64().unwrap();
    let (refused, stored) = (count("refused"), count("failed_after_store"));
    assert!(refused > 0 && stored > 0, "too little: {refused} refused, {stored} stored and denied");
    Struck::seen(Some(format!("{refused} publishes refused, {stored} stored and denied")))
}

pub(super) async fn twice(shop: &mut Cluster, _: &Record) -> Struck {
    let counts = async |shop: &Cluster| {
        let stats = shop.grounds.pubsub_stats().await;
        (stats["publish"]["messages"].as_u64().unwrap(), shop.grounds.pubsub_total("delivered").await)
    };
    let before = counts(shop).await;
    during(shop, r#"{"deliver_copies": 2, "shuffle": true, "deliver_delay_ms": 300}"#).await;
    let after = counts(shop).await;
    let (messages, delivered) = (after.0 - before.0, after.1 - before.1);
    assert!(delivered > messages + messages / 2, "too little: {delivered} deliveries of {messages} messages");
    Struck::seen(Some(format!("{delivered} deliveries of {messages} messages")))
}

async fn during(shop: &Cluster, knobs: &str) {
    shop.grounds.pubsub_faults(knobs).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.pubsub_faults("{}").await;
}
