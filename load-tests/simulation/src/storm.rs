//! What goes wrong by itself, not at a call: processes killed and frozen from outside, the ledger lost, ports out of reach,
//! clocks put forward and back, and an organizer who adds units in the middle of it.

use crate::{
    festival,
    plan::{LedgerFate, Mode, Plan},
    world::World,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{rc::Rc, time::Duration};
use tokio::time::Instant;

/// How far a node's clock may be put forward or back.
const NODE_STEP_MS: i64 = 30_000;
/// How far the servers' clock may be put forward; intents run out early by it.
const SERVER_STEP_MS: i64 = 40_000;
/// And back: the ledger's time stands still for so long, and what it measures takes longer (ARCHITECTURE, "Known gaps").
const SERVER_STEP_BACK_MS: i64 = 3_000;
/// The longest that a port is out of reach.
const LONGEST_OUTAGE_MS: u64 = 12_000;

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug)]
enum Blow {
    RememberTheLedger,
    LoseTheLedger { to_older_copy: bool },
    CutOff { port: &'static str, all: bool },
    StepNode { ms: i64 },
    StepServers { ms: i64 },
    Kill,
    Freeze,
    Enlarge,
}

/// Lets the storm of a plan pass over the world.
pub(crate) async fn rage(world: Rc<World>, plan: Plan) {
    let mut rng = SmallRng::seed_from_u64(plan.seed ^ 0x0057_0A3D_15C0_FFEE);
    let began = Instant::now();
    for (at, blow) in blows(&plan, &mut rng) {
        tokio::time::sleep_until(began + at).await;
        strike(&world, &plan, blow, &mut rng).await;
    }
}

/// Everything that happens, in order of time.
fn blows(plan: &Plan, rng: &mut SmallRng) -> Vec<(Duration, Blow)> {
    let mut blows = Vec::new();
    let mixture = &plan.mixture;
    for _ in 0..mixture.ledger_losses {
        let to_older_copy = mixture.older_copies;
        blows.extend(to_older_copy.then_some(Blow::RememberTheLedger));
        blows.push(Blow::LoseTheLedger { to_older_copy });
    }
    for _ in 0..mixture.outages {
        let port = ["ledger", "store", "bus", "catalogue"][rng.random_range(0..4)];
        blows.push(Blow::CutOff { port, all: rng.random_bool(0.5) });
    }
    for _ in 0..mixture.clock_steps {
        // On one machine the ledger's clock is the node's.
        let of_servers = plan.mode == Mode::Embedded || rng.random_bool(0.33);
        blows.push(match of_servers {
            true => Blow::StepServers { ms: rng.random_range(-SERVER_STEP_BACK_MS..=SERVER_STEP_MS) },
            false => Blow::StepNode { ms: rng.random_range(-NODE_STEP_MS..=NODE_STEP_MS) },
        });
    }
    if mixture.death > 0.0 {
        blows.extend((0..rng.random_range(0..4)).map(|_| Blow::Kill));
    }
    if mixture.freeze > 0.0 {
        blows.extend((0..rng.random_range(0..3)).map(|_| Blow::Freeze));
    }
    blows.extend((0..mixture.enlargements).map(|_| Blow::Enlarge));
    let rush = u64::try_from(plan.rush.as_millis()).unwrap_or(1).max(1);
    let mut times: Vec<_> = blows.iter().map(|_| Duration::from_millis(rng.random_range(0..rush))).collect();
    // In the order they were made, so that a ledger is remembered before it comes back.
    times.sort();
    let mut blows: Vec<_> = times.into_iter().zip(blows).collect();
    blows.extend(written(plan, rng));
    blows
}

/// What becomes of the ledger in a history whose deaths are written down: twice, so that deaths of an opening can come early
/// and late.
fn written(plan: &Plan, rng: &mut SmallRng) -> Vec<(Duration, Blow)> {
    let to_older_copy = match plan.ledger {
        LedgerFate::Kept => return Vec::new(),
        LedgerFate::Lost => false,
        LedgerFate::Older => true,
    };
    let moments = [rng.random_range(1_000..8_000), rng.random_range(36_000..44_000)].map(Duration::from_millis);
    let twice = moments.into_iter().flat_map(|at| {
        let before = at.saturating_sub(Duration::from_millis(500));
        [(before, Blow::RememberTheLedger), (at, Blow::LoseTheLedger { to_older_copy })]
    });
    twice.collect()
}

async fn strike(world: &Rc<World>, plan: &Plan, blow: Blow, rng: &mut SmallRng) {
    let node = rng.random_range(0..world.places());
    match blow {
        Blow::RememberTheLedger => world.remember_the_ledger(),
        Blow::LoseTheLedger { to_older_copy } if plan.mode == Mode::Distributed => {
            world.lose_the_ledger(to_older_copy).await;
        }
        // Embedded, the ledger is lost with its process, and only so.
        Blow::LoseTheLedger { .. } | Blow::Kill => {
            world.kill(node);
            world.return_after(node, Duration::from_millis(rng.random_range(1..10_000)));
            world.fate.took_effect("process killed from outside");
        }
        Blow::CutOff { port, all } => {
            let until = Instant::now() + Duration::from_millis(rng.random_range(10..LONGEST_OUTAGE_MS));
            world.fate.cut_off(port, (!all).then_some(node), until);
        }
        Blow::StepNode { ms } => {
            world.clock(node).step(ms);
            world.fate.took_effect("clock of a node stepped");
        }
        Blow::StepServers { ms } => {
            world.server_clock.step(ms);
            world.fate.took_effect("clock of the servers stepped");
        }
        Blow::Freeze => {
            world.fate.freeze(node, Duration::from_millis(rng.random_range(100..60_000)));
            world.fate.took_effect("process frozen from outside");
        }
        Blow::Enlarge => {
            let capacity = world.capacity() + rng.random_range(1..5);
            if world.catalogue.apply(&festival::festival(capacity, plan.limit)).await.is_ok() {
                world.now_sells(capacity);
                world.fate.took_effect("units added");
            }
        }
    }
}
