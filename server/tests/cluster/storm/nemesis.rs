//! Who breaks things: a shuffled deck of all kinds, each card in the middle of a wave, and the next one when 202s flow again.

use super::{
    Arena, FLOWS_WITHIN, PAUSE, Size, Struck,
    kinds::{Fault, KINDS, Kind},
    links::Side,
    servers::{self, Accident},
    table::Row,
    wires,
};
use crate::harness::verdict::DECIDED_WITHIN;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use stampede_checker::Fault as Noted;
use stampede_domain::ledger::BACKLOG_LIFE;
use std::{sync::atomic::Ordering, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

/// How long a wave is waited for until so many are under way; fewer is too little, and the checker says so.
const RISES_WITHIN: Duration = Duration::from_secs(3);
/// The shop sells before anything is broken.
const BEGINS_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked.
const BREATH: Duration = Duration::from_millis(5);
/// How long some process stands still in the background while everything else goes on; beyond a lease now and then.
const STANDS_STILL_MS: std::ops::Range<u64> = 3_000..15_000;
/// `STAMPEDE_MAX_BACKLOG_SECONDS`. What a writer still held when it stood still is older than that when it goes on, and until it is
/// written no new orders are taken (PROTOCOL step 9): it gets a lease's time for it.
const TOO_OLD: Duration = Duration::from_secs(5);
/// How often a fault of one kind may hit nothing and be tried again later. What hits nothing once more is reported.
const MISSES: usize = 2;
/// Between two of those.
const IN_PEACE: Duration = Duration::from_secs(20);

/// The chance of a seed.
pub(super) fn chance(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// Somebody who stands still in the background.
struct Sleeper {
    began: Instant,
    kind: &'static str,
    in_flight: u64,
    until: JoinHandle<Struck>,
}

/// Rages until the time is up and enough was broken.
pub(super) async fn rage(mut arena: Arena<'_>, size: &Size) -> Vec<Row> {
    first_sales(&arena).await;
    let (began, mut rows, mut deck, mut misses) = (Instant::now(), Vec::new(), Vec::new(), Vec::new());
    let (mut sleeper, mut awake_since, mut turn): (Option<Sleeper>, _, _) = (None, Instant::now(), 0);
    while began.elapsed() < size.lasts || (rows.len() as u64) < size.faults {
        tokio::time::sleep_until(began + size.every * turn).await;
        if sleeper.as_ref().is_some_and(|sleeper| sleeper.until.is_finished()) {
            rows.extend(wake(sleeper.take(), &mut arena).await);
            awake_since = Instant::now();
        }
        let Some(kind) = draw(&mut deck, &mut arena.chance, size, sleeper.is_some()) else { continue };
        turn += 1;
        wave(&arena, size).await;
        if sleeper.is_none() && !size.is_short && awake_since.elapsed() > IN_PEACE {
            sleeper = Some(lull(&mut arena));
        }
        let row = strike(&mut arena, kind).await;
        let has_missed = row.effect.is_none() && row.lost_units.is_none();
        if has_missed && misses.iter().filter(|missed| **missed == kind.name).count() < MISSES {
            // It hit nothing, such as an answer that was under way already: no fault, and its turn comes again.
            misses.push(kind.name);
            deck.insert(0, kind);
            continue;
        }
        note(&arena, &row);
        rows.push(row);
    }
    rows.extend(wake(sleeper, &mut arena).await);
    rows
}

/// Everyone comes; until enough of them are under way.
async fn wave(arena: &Arena<'_>, size: &Size) {
    arena.buyers.wave();
    let rising = Instant::now();
    // Some more than wanted: between this look and the strike some are answered.
    let enough = size.in_flight + size.in_flight / 20;
    while arena.record.in_flight.load(Ordering::Relaxed) < enough && rising.elapsed() < RISES_WITHIN {
        tokio::time::sleep(BREATH).await;
    }
}

async fn first_sales(arena: &Arena<'_>) {
    let began = Instant::now();
    while arena.record.promised() < 50 {
        assert!(began.elapsed() < BEGINS_WITHIN, "the shop does not sell");
        tokio::time::sleep(BREATH).await;
    }
}

/// Each kind comes once before any comes again.
fn draw(deck: &mut Vec<Kind>, chance: &mut SmallRng, size: &Size, somebody_sleeps: bool) -> Option<Kind> {
    if deck.is_empty() {
        deck.extend(KINDS.iter().filter(|kind| kind.is_short || !size.is_short));
        deck.shuffle(chance);
        if size.is_short {
            // The card at the bottom: after it the shop may have to be closed for a lease.
            deck.sort_by_key(|kind| !matches!(kind.fault, Fault::Server(Accident::RedisEmptied)));
        }
    }
    // Who stands still cannot be killed, and the other one is needed; what is delivered thrice must have somebody to take it.
    let needs_everybody = |kind: &Kind| {
        use Accident as A;
        matches!(
            kind.fault,
            Fault::Server(
                A::WebKilled | A::WriterKilled | A::WebFrozen(_) | A::WriterFrozen(_) | A::Duplicates | A::LeasesEnded
            )
        )
    };
    let at = deck.iter().rposition(|kind| !somebody_sleeps || !needs_everybody(kind));
    match at {
        Some(at) => Some(deck.remove(at)),
        None => {
            deck.clear();
            None
        }
    }
}

/// One fault, in the middle of a wave.
async fn strike(arena: &mut Arena<'_>, kind: Kind) -> Row {
    let (began, hit) = (Instant::now(), arena.record.in_flight.load(Ordering::Relaxed));
    let struck = match kind.fault {
        Fault::Wire(side, to, trouble) => {
            Struck { grace: wires::grace(to, trouble), ..Struck::by(wires::strike(arena, side, to, trouble).await) }
        }
        Fault::Server(accident) => servers::strike(arena, accident).await,
    };
    if !struck.grace.is_zero() {
        catches_up(arena, struck.over).await;
    }
    seen(arena, kind.name, began, hit, struck).await
}

/// What there is to say of a fault, once 202s flow again.
async fn seen(arena: &Arena<'_>, name: &'static str, began: Instant, in_flight: u64, struck: Struck) -> Row {
    let row = Row {
        name,
        began: arena.record.at(began),
        in_flight,
        lasted: struck.over - began,
        recovered: recovery(arena, struck.over).await,
        effect: struck.effect,
        lost_units: struck.lost_units,
        grace: struck.grace,
    };
    row.print();
    row
}

fn note(arena: &Arena<'_>, row: &Row) {
    let began_ms = row.began;
    arena.record.broke(Noted {
        kind: row.name.to_owned(),
        began_ms,
        over_ms: began_ms + u64::try_from(row.lasted.as_millis()).unwrap_or(u64::MAX),
        effect: row.effect.clone(),
        lost_units: row.lost_units,
        grace_ms: u64::try_from(row.grace.as_millis()).unwrap_or(u64::MAX),
    });
}

/// A shop that is behind takes no orders, and a fault would hit nothing: it gets the time to write what it was given before
/// the last one was over.
async fn catches_up(arena: &Arena<'_>, over: Instant) {
    let began = Instant::now();
    while began.elapsed() < DECIDED_WITHIN {
        let oldest = arena.shop.grounds.oldest_waiting().await;
        if oldest < over.elapsed() {
            recovery(arena, Instant::now()).await;
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// How long after it was over somebody was told 202 that had not been promised before.
async fn recovery(arena: &Arena<'_>, over: Instant) -> Option<Duration> {
    let patience = 4 * FLOWS_WITHIN;
    while over.elapsed() < patience {
        if let Some(first) = arena.record.first_promise_asked_after(over) {
            return Some(first);
        }
        tokio::time::sleep(BREATH).await;
    }
    None
}

/// Some process stands still for a while.
fn lull(arena: &mut Arena<'_>) -> Sleeper {
    let (is_web, node) = (arena.chance.random_bool(0.5), arena.chance.random_range(0..2));
    let id = if is_web { arena.shop.webs[node].id() } else { arena.shop.writers[node].id() };
    let ms = arena.chance.random_range(STANDS_STILL_MS);
    let kind = if is_web { "a web node stands still for long" } else { "a writer stands still for long" };
    arena.asleep = Some((if is_web { Side::Webs } else { Side::Writers }, node));
    let until = tokio::spawn(async move { Struck::by(servers::frozen(id, ms).await) });
    Sleeper { began: Instant::now(), in_flight: arena.record.in_flight.load(Ordering::Relaxed), kind, until }
}

async fn wake(sleeper: Option<Sleeper>, arena: &mut Arena<'_>) -> Option<Row> {
    let Sleeper { began, in_flight, kind, until } = sleeper?;
    let mut struck = until.await.expect("a process can be stopped and continued");
    if arena.asleep.is_some_and(|(side, _)| side == Side::Writers) && struck.over - began > TOO_OLD {
        struck.grace = BACKLOG_LIFE;
    }
    arena.asleep = None;
    let row = seen(arena, kind, began, in_flight, struck).await;
    note(arena, &row);
    Some(row)
}
