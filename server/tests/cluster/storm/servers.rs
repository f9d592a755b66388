//! Faults of processes and servers: what each does, and what shows that it took effect.

use super::{Arena, Struck};
use crate::harness::servers::Server;
use rand::Rng;
use stampede_domain::ledger::BACKLOG_LIFE;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accident {
    WebKilled,
    WriterKilled,
    /// A process stands still for so many milliseconds.
    WebFrozen(u64),
    WriterFrozen(u64),
    RedisEmptied,
    RedisKilled,
    /// Killed, and started with what it held some seconds before.
    RedisRestored,
    RedisFrozen(u64),
    PostgresRestarted,
    PostgresKilled,
    PostgresFrozen(u64),
    /// Every session of the shop is ended by the server.
    SessionsEnded,
    PubSubKilled,
    PubSubFrozen(u64),
    StreamsDropped,
    LeasesEnded,
    /// Every message thrice, in any order.
    Duplicates,
    /// Stored and never answered.
    NoAnswer,
    /// Refused, or stored and then denied.
    Denied,
    /// Publishes take long.
    SlowPublishes,
    /// Everyone is thrown out, and all come back in the same moment.
    RetryStorm,
}

/// How long knobs stay turned.
const TURNED: Duration = Duration::from_secs(2);
/// A lost ledger is made again by then: the drain, and what a loaded machine adds.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
/// How long everyone stays outside.
const OUTSIDE: Duration = Duration::from_millis(800);

pub(super) async fn strike(arena: &mut Arena<'_>, accident: Accident) -> Struck {
    let node = arena.chance.random_range(0..2);
    let effect = match accident {
        Accident::WebKilled => {
            let id = arena.shop.webs[node].id();
            arena.shop.webs[node].kill();
            arena.shop.start_web(node).await;
            Some(format!("process {id} is dead, {} took its place", arena.shop.webs[node].id()))
        }
        Accident::WriterKilled => {
            let id = arena.shop.writers[node].id();
            arena.shop.writers[node].kill();
            arena.shop.writers[node].start().await;
            Some(format!("process {id} is dead, {} took its place", arena.shop.writers[node].id()))
        }
        Accident::WebFrozen(ms) => frozen(arena.shop.webs[node].id(), ms).await,
        Accident::WriterFrozen(ms) => frozen(arena.shop.writers[node].id(), ms).await,
        Accident::RedisEmptied => return emptied(arena).await,
        Accident::RedisKilled => return redis_killed(arena, None).await,
        Accident::RedisRestored => {
            let copy = arena.shop.grounds.home.directory.join("copy.rdb").display().to_string();
            arena.shop.grounds.redis.tell("dump", &[&copy]).await;
            let then = arena.record.promised();
            let began = Instant::now();
            while arena.record.promised() < then + 100 && began.elapsed() < TURNED {
                sleep(Duration::from_millis(20)).await;
            }
            return redis_killed(arena, Some(copy)).await;
        }
        Accident::RedisFrozen(ms) => paused(&arena.shop.grounds.redis, ms).await,
        Accident::PostgresRestarted => restarted(&arena.shop.grounds.postgres, "stop").await,
        Accident::PostgresKilled => restarted(&arena.shop.grounds.postgres, "kill").await,
        Accident::PostgresFrozen(ms) => paused(&arena.shop.grounds.postgres, ms).await,
        Accident::SessionsEnded => {
            let end =
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stampede%'";
            let ended: u64 = arena.shop.grounds.sql(&[end]).await.parse().unwrap_or(0);
            (ended > 0).then(|| format!("{ended} sessions ended"))
        }
        Accident::PubSubKilled => restarted(&arena.shop.grounds.pubsub, "kill").await,
        Accident::PubSubFrozen(ms) => paused(&arena.shop.grounds.pubsub, ms).await,
        Accident::StreamsDropped => {
            let told = arena.shop.grounds.pubsub_does("drop-streams").await;
            told["dropped"].as_u64().filter(|dropped| *dropped > 0).map(|dropped| format!("{dropped} streams dropped"))
        }
        Accident::LeasesEnded => leases_ended(arena).await,
        Accident::Duplicates => duplicates(arena).await,
        Accident::NoAnswer => turned(arena, r#"{"publish_no_answer": 0.7}"#, &["unanswered"]).await,
        Accident::Denied => {
            let knobs = r#"{"publish_refuse": 0.3, "publish_store_and_fail": 0.3}"#;
            turned(arena, knobs, &["refused", "failed_after_store"]).await
        }
        Accident::SlowPublishes => {
            turned(arena, r#"{"publish_delay_ms": 300, "publish_answer_delay_ms": 300}"#, &["messages"]).await
        }
        Accident::RetryStorm => retry_storm(arena).await,
    };
    Struck::by(effect)
}

/// Stands still, as the kernel shows.
pub(super) async fn frozen(id: u32, ms: u64) -> Option<String> {
    signal(id, "STOP");
    let began = Instant::now();
    sleep(Duration::from_millis(ms / 2)).await;
    let state = state(id);
    sleep(Duration::from_millis(ms - ms / 2)).await;
    signal(id, "CONT");
    (state == Some('T')).then(|| format!("process {id} stood still for {:.1} s", began.elapsed().as_secs_f64()))
}

fn signal(id: u32, signal: &str) {
    let told = std::process::Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status();
    assert!(told.is_ok_and(|told| told.success()), "process {id} takes no {signal}");
}

/// As in `/proc/<pid>/stat`: `T` is stopped.
fn state(id: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

async fn paused(server: &Server, ms: u64) -> Option<String> {
    server.tell("pause", &[]).await;
    let id = server.id();
    sleep(Duration::from_millis(ms)).await;
    let stood = id.and_then(state) == Some('T');
    server.tell("continue", &[]).await;
    stood.then(|| format!("its process stood still for {ms} ms"))
}

async fn restarted(server: &Server, how: &'static str) -> Option<String> {
    let before = server.id();
    server.tell(how, &[]).await;
    server.tell("start", &[]).await;
    let after = server.id();
    (before.is_some() && before != after).then(|| format!("process {} ended", before.unwrap_or(0)))
}

async fn emptied(arena: &mut Arena<'_>) -> Struck {
    let epoch = arena.shop.grounds.epoch().await;
    let claimed = arena.shop.grounds.empty_redis(1).await;
    lost(arena, epoch, claimed).await
}

async fn redis_killed(arena: &mut Arena<'_>, copy: Option<String>) -> Struck {
    let epoch = arena.shop.grounds.epoch().await;
    let claimed = arena.shop.grounds.kill_redis().await;
    match &copy {
        Some(copy) => arena.shop.grounds.redis.tell("restore", &[copy]).await,
        None => arena.shop.grounds.redis.tell("start", &[]).await,
    };
    lost(arena, epoch, claimed).await
}

/// A ledger was lost: it took effect when the store has a new opening. How the shop opened it decides how long it may be closed.
async fn lost(arena: &mut Arena<'_>, epoch: u64, claimed: u64) -> Struck {
    let over = Instant::now();
    let grounds = &arena.shop.grounds;
    let (mut now, mut head) = (epoch, None);
    while head.is_none() && over.elapsed() < OPENS_WITHIN {
        sleep(Duration::from_millis(50)).await;
        now = grounds.epoch().await;
        head = if now > epoch { grounds.head().await.filter(|head| head.is_open && head.epoch == now) } else { None };
    }
    let effect =
        (now > epoch).then(|| format!("{claimed} units were claimed, the ledger was opened for the {now}. time"));
    let waits = head.is_some_and(|head| head.awaits_backlog);
    Struck { effect, lost_units: Some(claimed), grace: if waits { BACKLOG_LIFE } else { Duration::ZERO }, over }
}

async fn leases_ended(arena: &Arena<'_>) -> Option<String> {
    let expired = async || arena.shop.grounds.pubsub_total("expired").await;
    let before = expired().await;
    let began = Instant::now();
    let mut ended = 0;
    // Nothing may be leased at just this moment.
    while ended == 0 && began.elapsed() < TURNED {
        arena.shop.grounds.pubsub_does("expire-leases").await;
        ended = expired().await - before;
    }
    (ended > 0).then(|| format!("{ended} leases ended"))
}

async fn duplicates(arena: &Arena<'_>) -> Option<String> {
    let counts = async || {
        let stats = arena.shop.grounds.pubsub_stats().await;
        (stats["publish"]["messages"].as_u64().unwrap_or(0), arena.shop.grounds.pubsub_total("delivered").await)
    };
    let before = counts().await;
    arena.shop.grounds.pubsub_faults(r#"{"deliver_copies": 3, "shuffle": true}"#).await;
    sleep(TURNED).await;
    let after = counts().await;
    arena.shop.grounds.pubsub_faults("{}").await;
    let (messages, delivered) = (after.0 - before.0, after.1 - before.1);
    (delivered > messages + messages / 2).then(|| format!("{delivered} deliveries of {messages} messages"))
}

async fn turned(arena: &Arena<'_>, knobs: &str, counters: &[&str]) -> Option<String> {
    let counts = async || {
        let stats = arena.shop.grounds.pubsub_stats().await;
        counters.iter().map(|name| stats["publish"][*name].as_u64().unwrap_or(0)).collect::<Vec<_>>()
    };
    let before = counts().await;
    arena.shop.grounds.pubsub_faults(knobs).await;
    sleep(TURNED).await;
    let after = counts().await;
    arena.shop.grounds.pubsub_faults("{}").await;
    let hit: Vec<_> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    hit.iter().all(|count| *count > 0).then(|| {
        let said = counters.iter().zip(&hit).map(|(name, count)| format!("{count} publishes {name}"));
        said.collect::<Vec<_>>().join(", ")
    })
}

async fn retry_storm(arena: &Arena<'_>) -> Option<String> {
    let doors = arena.links.of(super::links::Side::Crowd, super::links::To::Web);
    arena.buyers.bar(true);
    let thrown_out: u64 = doors.iter().map(|proxy| proxy.end_all(stampede_proxy::End::Reset)).sum();
    sleep(OUTSIDE).await;
    let before = arena.links.accepted();
    arena.buyers.bar(false);
    let began = Instant::now();
    let mut back = 0;
    while back < thrown_out / 2 && began.elapsed() < TURNED {
        sleep(Duration::from_millis(10)).await;
        back = arena.links.accepted() - before;
    }
    (back > 0).then(|| format!("{thrown_out} thrown out, {back} back within {:.1} s", began.elapsed().as_secs_f64()))
}
