//! Processes of the shop are killed, stand still, or are restarted.

use super::Struck;
use crate::{
    harness::{Cluster, record::Record},
    support::until,
};
use std::time::Duration;

/// Longer than a claim that nobody has promised lives: it is taken back meanwhile.
const WEB_STANDS_STILL: Duration = Duration::from_secs(35);
/// Longer than a lease: what it holds is delivered to somebody else meanwhile.
const WRITER_STANDS_STILL: Duration = Duration::from_secs(15);

pub(super) async fn web_killed(shop: &mut Cluster, _: &Record) -> Struck {
    shop.webs[0].kill();
    shop.start_web(0).await;
    Struck::over()
}

pub(super) async fn writer_killed(shop: &mut Cluster, _: &Record) -> Struck {
    let before = streams(shop).await;
    shop.writers[0].kill();
    let mut left = before;
    until("its streams are gone", &mut async || {
        left = streams(shop).await;
        left < before
    })
    .await;
    shop.writers[0].start().await;
    Struck::seen(Some(format!("{left} of {before} streams were left")))
}

pub(super) async fn web_frozen(shop: &mut Cluster, _: &Record) -> Struck {
    shop.webs[0].signal("STOP");
    tokio::time::sleep(WEB_STANDS_STILL).await;
    shop.webs[0].signal("CONT");
    Struck::over()
}

pub(super) async fn writer_frozen(shop: &mut Cluster, _: &Record) -> Struck {
    let before = shop.grounds.pubsub_total("expired").await;
    shop.writers[0].signal("STOP");
    tokio::time::sleep(WRITER_STANDS_STILL).await;
    let expired = shop.grounds.pubsub_total("expired").await - before;
    shop.writers[0].signal("CONT");
    assert!(expired > 0, "too little: it held nothing");
    Struck::seen(Some(format!("{expired} leases ran out")))
}

pub(super) async fn rolling(shop: &mut Cluster, record: &Record) -> Struck {
    for node in 0..2 {
        let code = shop.writers[node].stop().await;
        assert!(code.success(), "{}: {code}", shop.writers[node].name);
        shop.writers[node].start().await;
        let code = shop.webs[node].stop().await;
        assert!(code.success(), "{}: {code}", shop.webs[node].name);
        shop.start_web(node).await;
        let before = record.promised();
        until("orders flow", &mut async || record.promised() > before + 50).await;
    }
    Struck::over()
}

/// The power fails. What was in flight in the ledger is lost; what was acknowledged by anybody is not.
pub(super) async fn power_cut(shop: &mut Cluster, _: &Record) -> Struck {
    let lost_units = Some(shop.grounds.kill_redis().await);
    for node in shop.webs.iter_mut().chain(&mut shop.writers) {
        node.kill();
    }
    let grounds = &shop.grounds;
    tokio::join!(grounds.postgres.tell("kill", &[]), grounds.pubsub.tell("kill", &[]));
    tokio::join!(
        grounds.postgres.tell("start", &[]),
        grounds.pubsub.tell("start", &[]),
        grounds.redis.tell("start", &[])
    );
    for node in 0..2 {
        shop.writers[node].start().await;
        shop.start_web(node).await;
    }
    Struck { lost_units, ..Struck::over() }
}

async fn streams(shop: &Cluster) -> u64 {
    shop.grounds.pubsub_total("streams").await
}
