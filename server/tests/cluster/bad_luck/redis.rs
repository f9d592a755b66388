//! Redis is empty, old, silent or full.

use super::Struck;
use crate::{
    harness::{Cluster, record::Record},
    support::until,
};
use std::time::Duration;

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(10);

pub(super) async fn killed(shop: &mut Cluster, _: &Record) -> Struck {
    let lost_units = Some(shop.grounds.kill_redis().await);
    shop.grounds.redis.tell("start", &[]).await;
    Struck { lost_units, ..Struck::over() }
}

pub(super) async fn restored(shop: &mut Cluster, record: &Record) -> Struck {
    let copy = shop.grounds.home.directory.join("copy.rdb").display().to_string();
    shop.grounds.redis.tell("dump", &[&copy]).await;
    let then = record.promised();
    until("much is sold after the copy", &mut async || record.promised() > then + 200).await;
    let lost_units = Some(shop.grounds.kill_redis().await);
    shop.grounds.redis.tell("restore", &[&copy]).await;
    Struck { lost_units, ..Struck::over() }
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
    let lost_units = Some(shop.grounds.empty_redis(1).await);
    Struck { lost_units, ..Struck::over() }
}
