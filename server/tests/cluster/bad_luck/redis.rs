//! Redis is empty, old, silent or full.

use super::Struck;
use crate::{
    harness::{CLAIMS, Cluster, record::Record},
    support::until,
};
use std::time::Duration;

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(10);

/// Kills it, and says how many claims it had: counted and held still in one step, so that nobody claims in between.
pub(super) async fn kill(shop: &Cluster) -> u64 {
    let count = format!("{} return claims", CLAIMS.replace('\n', " "));
    until("claims are in flight", &mut async || {
        shop.grounds.redis(&["eval", &count, "0"]).await.parse::<u64>().unwrap() > 0
    })
    .await;
    let answer = shop.grounds.redis_steps(&format!("MULTI\nEVAL \"{count}\" 0\nCLIENT PAUSE 60000 ALL\nEXEC\n")).await;
    shop.grounds.redis.tell("kill", &[]).await;
    // Of the last two lines, which are what EXEC answers.
    let counted = answer.lines().rev().nth(1).and_then(|line| line.trim().parse().ok());
    counted.unwrap_or_else(|| panic!("no count: {answer}"))
}

pub(super) async fn killed(shop: &mut Cluster, _: &Record) -> Struck {
    let lost_claims = kill(shop).await;
    shop.grounds.redis.tell("start", &[]).await;
    Struck { lost_claims, ..Struck::over() }
}

pub(super) async fn restored(shop: &mut Cluster, record: &Record) -> Struck {
    let copy = shop.grounds.home.directory.join("copy.rdb").display().to_string();
    shop.grounds.redis.tell("dump", &[&copy]).await;
    let then = record.promised();
    until("much is sold after the copy", &mut async || record.promised() > then + 200).await;
    let lost_claims = kill(shop).await;
    shop.grounds.redis.tell("restore", &[&copy]).await;
    Struck { lost_claims, ..Struck::over() }
}

pub(super) async fn paused(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.redis.tell("pause", &[]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.redis.tell("continue", &[]).await;
    Struck::over()
}

pub(super) async fn out_of_memory(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.redis(&["config", "set", "maxmemory", "1mb"]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.redis(&["config", "set", "maxmemory", "0"]).await;
    Struck::over()
}

pub(super) async fn emptied(shop: &mut Cluster, _: &Record) -> Struck {
    let lost_claims = shop.grounds.empty_redis(1).await;
    Struck { lost_claims, ..Struck::over() }
}
