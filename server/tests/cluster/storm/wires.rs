//! Faults of wires: what each does, and what shows that it hit something.

use super::{
    Arena,
    links::{Side, To, sum},
};
use rand::Rng;
use stampede_proxy::{Counts, Cut, Door, End, Flow, Moment, Proxy, Way, When, Wire};
use std::time::Duration;
use tokio::time::Instant;

/// What happens to a wire.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// Every connection is reset.
    Reset,
    /// Every connection has ended for the server, and nobody is told.
    HalfOpen,
    /// Nothing passes in either direction for so many milliseconds; then who is still connected is reset.
    BlackHole(u64),
    /// Only what the server says is lost.
    Deaf(u64),
    /// Nothing passes for so many milliseconds; then all of it does.
    Held(u64),
    /// Each direction takes so much longer, give or take a half, for two seconds.
    Slow(u64),
    /// So many bytes a second, for two seconds.
    Thin(u32),
    /// Connections end, and new ones are reset at once, for so many milliseconds.
    Slammed(u64),
    /// Connections end, and nobody listens for so many milliseconds.
    Gone(u64),
    /// A connection is cut when this message comes by, before it or after its answer.
    Cut(&'static str, Moment),
}

/// How long a slow or thin wire stays so.
const SLOW_FOR: Duration = Duration::from_secs(2);
/// How long a message is waited for that is to be cut, and its answer: somewhat longer than buyers wait for theirs.
const COMES_WITHIN: Duration = Duration::from_secs(6);

/// Brings trouble over a kind of wire: one of the two, or both. What shows its effect.
pub(super) async fn strike(arena: &mut Arena<'_>, side: Side, to: To, trouble: Trouble) -> Option<String> {
    let wires = arena.links.of(side, to);
    let (mut both, mut first) = (arena.chance.random_bool(0.4), arena.chance.random_range(0..2));
    // Nothing comes by at who stands still.
    let end = if side == Side::Crowd { Side::Webs } else { side };
    if let Some((_, asleep)) = arena.asleep.filter(|(side, _)| *side == end) {
        (both, first) = (false, 1 - asleep);
    }
    let hit: Vec<&Proxy> = if both { wires.iter().collect() } else { vec![&wires[first]] };
    let before = sum(&hit);
    let times = arena.chance.random_range(1..=4);
    bring(&hit, trouble, times).await;
    let after = sum(&hit);
    let whom = if both { "both nodes" } else { "one node" };
    effect(before, after).map(|effect| format!("{whom}: {effect}"))
}

/// How much longer than usual the shop may be closed. Nobody tells of a wire that died in silence: who asked Postgres by it gives
/// the answer the time that a connection, a lock and a statement may take (3, 5 and 10 s by default), and orders get old
/// meanwhile. Redis is given a second, and Pub/Sub is looked after every two.
pub(super) fn grace(to: To, trouble: Trouble) -> Duration {
    match (to, trouble) {
        (To::Postgres, Trouble::HalfOpen) => Duration::from_secs(18),
        _ => Duration::ZERO,
    }
}

async fn bring(hit: &[&Proxy], trouble: Trouble, times: u32) {
    let set = |wire: Wire| hit.iter().for_each(|proxy| proxy.set(wire));
    let end = |how: End| {
        for proxy in hit {
            proxy.end_all(how);
        }
    };
    let lasts = |ms: u64| tokio::time::sleep(Duration::from_millis(ms));
    let silent = Way { flow: Flow::Swallowed, ..Way::default() };
    match trouble {
        Trouble::Reset => end(End::Reset),
        Trouble::HalfOpen => end(End::Unheard),
        Trouble::BlackHole(ms) | Trouble::Deaf(ms) => {
            let is_deaf = matches!(trouble, Trouble::Deaf(_));
            set(if is_deaf { Wire { back: silent, ..Wire::default() } } else { Wire::black_hole() });
            lasts(ms).await;
            set(Wire::default());
            // A server that comes back knows nothing of these connections, and says so.
            end(End::Reset);
        }
        Trouble::Held(ms) => {
            set(Wire::both(Way { flow: Flow::Held, ..Way::default() }));
            lasts(ms).await;
            set(Wire::default());
        }
        Trouble::Slow(ms) => {
            set(Wire::slower(Duration::from_millis(ms / 2), Duration::from_millis(ms)));
            tokio::time::sleep(SLOW_FOR).await;
            set(Wire::default());
        }
        Trouble::Thin(bytes_per_second) => {
            set(Wire::both(Way { bytes_per_second, ..Way::default() }));
            tokio::time::sleep(SLOW_FOR).await;
            set(Wire::default());
        }
        Trouble::Slammed(ms) | Trouble::Gone(ms) => {
            let door = if matches!(trouble, Trouble::Gone(_)) { Door::Gone } else { Door::Slammed };
            set(Wire::with_door(door));
            end(End::Reset);
            lasts(ms).await;
            set(Wire::default());
        }
        Trouble::Cut(message, moment) => {
            let before = sum(hit).cut;
            let when = When::Seen { pattern: message.into(), times };
            hit.iter().for_each(|proxy| proxy.cut(Cut { when: when.clone(), moment }));
            let began = Instant::now();
            while sum(hit).cut < before + hit.len() as u64 && began.elapsed() < COMES_WITHIN {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            hit.iter().for_each(|proxy| proxy.cut_nothing());
        }
    }
}

/// What was hit, in words; `None`: nothing was.
fn effect(before: Counts, after: Counts) -> Option<String> {
    let all = [
        (after.ended - before.ended, "connections ended"),
        (after.cut - before.cut, "connections cut at a message"),
        (after.slammed - before.slammed, "connections refused"),
        (after.swallowed - before.swallowed, "bytes swallowed"),
        (after.slowed - before.slowed, "bytes slowed down"),
        (after.held - before.held, "directions held"),
    ];
    let hit: Vec<_> =
        all.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    (!hit.is_empty()).then(|| hit.join(", "))
}
