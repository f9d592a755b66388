//! One history from its seed to its verdict: the storm, the calm, the rest.

use crate::{
    buyers::Errand,
    crash_table::Coverage,
    fate::Fate,
    festival::festival,
    judge,
    plan::{Mode, Plan},
    storm,
    trace::Trace,
    world::World,
};
use rand::{SeedableRng, rngs::SmallRng};
use stampede_checker::{Outcome, Refusal, What};
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{task::LocalSet, time::Instant};

/// How soon after the last fault every 202 is decided on one machine.
const DECIDED_WITHIN_EMBEDDED: Duration = Duration::from_secs(10);
/// And on servers, where a lease is longer.
const DECIDED_WITHIN_DISTRIBUTED: Duration = Duration::from_secs(25);
/// How soon after everything is back somebody is told 202 again.
const FLOWS_WITHIN: Duration = Duration::from_secs(5);
/// After the loss of a ledger whose writers did not come to rest, keys of its time wait for a lease and the drain.
const OLD_BACKLOG: Duration = Duration::from_secs(14);
/// How soon an abandoned intent is free again: its life, and the reaper's.
const FREE_AGAIN_WITHIN: Duration = Duration::from_secs(35);
/// The latest that a message comes that is still in the network when the storm ends, and its writing.
const STRAGGLERS: Duration = Duration::from_secs(20);

/// How soon a decision is settled while nothing is broken, the sweep's round included.
const SETTLED_WITHIN: Duration = Duration::from_secs(8);
/// What one order may have.
const MAX_PER_ORDER: u32 = 6;

/// What came of a history.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Its seed.
    pub seed: u64,
    /// Who ran.
    pub mode: Mode,
    /// The hash of everything that happened, in order.
    pub trace: u64,
    /// Everything that must not be; empty is good.
    pub breaches: Vec<String>,
    /// What was hit.
    pub coverage: Coverage,
    /// Orders told 202.
    pub accepted: u64,
    /// Promises broken by a ledger loss, within what it allows.
    pub broken: u64,
    /// Deaths written down that never came.
    pub still_to_come: usize,
    /// From the end of the storm until every 202 was decided.
    pub decided_after: Duration,
    /// The history in words, when they were asked for.
    pub words: Vec<String>,
}

/// Lets a history happen.
///
/// # Panics
/// When the runtime cannot be built.
#[must_use]
pub fn happen(plan: &Plan) -> Verdict {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("because it needs nothing of the machine");
    LocalSet::new().block_on(&runtime, run(plan.clone()))
}

async fn run(plan: Plan) -> Verdict {
    let (fate, mortuary) = Fate::new(plan.seed, Trace::begin(plan.in_words));
    let world = World::new(&plan, Arc::new(fate));
    let mut breaches = Vec::new();
    open(&world, &plan).await;
    tokio::task::spawn_local(Rc::clone(&world).bury(mortuary));

    world.fate.write_down(plan.script.clone());
    world.fate.begin_the_storm(plan.mixture.clone());
    tokio::task::spawn_local(storm::rage(Rc::clone(&world), plan.clone()));
    Errand::all(&plan).into_iter().for_each(|errand| errand.run(&world));
    tokio::time::sleep(plan.storm).await;

    // A death that has not come by now would only disturb the calm.
    let still_to_come = world.fate.still_to_come();
    world.fate.write_down(Vec::new());
    let decided_after = come_to_rest(&world, &mut breaches).await;
    buy_the_rest(&world, &plan, &mut breaches).await;
    let (found, counts, broken) = judge::judge(&world, &plan).await;
    breaches.extend(found);
    if world.panics() > 0 {
        breaches.push(format!("{} tasks of actors panicked", world.panics()));
    }
    let mut inner = world.fate.inner();
    let trace = inner.trace.hash();
    Verdict {
        seed: plan.seed,
        mode: plan.mode,
        trace,
        breaches,
        coverage: std::mem::take(&mut inner.coverage),
        accepted: counts,
        broken,
        still_to_come,
        decided_after,
        words: inner.trace.take_words(),
    }
}

/// The sale opens, in fair weather.
async fn open(world: &Rc<World>, plan: &Plan) {
    world.catalogue.apply(&festival(plan.capacity, plan.limit)).await.expect("because nothing is sold yet");
    world.begin();
    until(Duration::from_secs(20), async || !world.ledger().await.pools.is_empty()).await;
    // Until everybody has heard of it.
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// Everything works again, and nobody asks any more: what was promised is decided, what was abandoned is free again.
async fn come_to_rest(world: &Rc<World>, breaches: &mut Vec<String>) -> Duration {
    world.fate.calm_down();
    world.close();
    world.begin();
    let calm = Instant::now();
    // 202s flow again: told to somebody who asks, unless there is nothing left to be had.
    let patience = if world.has_lost_the_ledger() { FLOWS_WITHIN + OLD_BACKLOG } else { FLOWS_WITHIN };
    let flowing = until(patience, async || {
        let mut rng = SmallRng::seed_from_u64(world.at_ms());
        let errand = Errand::latecomer(u32::MAX, 1, &mut rng);
        let order = errand.key(world);
        matches!(errand.ask(world, order).await, Outcome::Accepted { .. } | Outcome::Refused(_))
    });
    let flowing = flowing.await;
    if !flowing {
        breaches.push(format!("Liveness: no 202 within {patience:?} of the calm"));
    }
    let limit = match world.mode {
        Mode::Embedded => DECIDED_WITHIN_EMBEDDED,
        Mode::Distributed => DECIDED_WITHIN_DISTRIBUTED,
    };
    // A message that is still in the network is a fault that is not over.
    let patience = limit + STRAGGLERS;
    if !until(patience.saturating_sub(calm.elapsed()), async || judge::undecided(world).await == 0).await {
        breaches.push(format!(
            "Liveness: {} orders told 202 are undecided {patience:?} after the calm",
            judge::undecided(world).await
        ));
    }
    let decided_after = calm.elapsed();
    let at = world.at_ms();
    world.recorder.note(at, What::AllDecided {});
    let patience = FREE_AGAIN_WITHIN + STRAGGLERS;
    if !until(patience.saturating_sub(calm.elapsed()), async || judge::is_at_rest(world).await).await {
        breaches
            .push(format!("NothingLeaks: not at rest {patience:?} after the calm: {}", judge::leftovers(world).await));
    }
    // Whatever the network still holds has come.
    tokio::time::sleep_until(calm + STRAGGLERS).await;
    decided_after
}

/// Every free unit can be bought, and not one more.
async fn buy_the_rest(world: &Rc<World>, plan: &Plan, breaches: &mut Vec<String>) {
    let free = judge::free(world).await;
    let mut rng = SmallRng::seed_from_u64(plan.seed ^ 0x1A7E_C0ED_2B0D_1E50);
    let most = plan.limit.unwrap_or(MAX_PER_ORDER).min(MAX_PER_ORDER);
    let (mut left, mut number) = (free, 0);
    while left > 0 {
        let errand = Errand::latecomer(number, most.min(left), &mut rng);
        let order = errand.key(world);
        let mut outcome = Outcome::PutOff;
        // "For now" is no no: the units of a decision may be hidden twice until it is settled.
        until(SETTLED_WITHIN, async || {
            outcome = errand.ask(world, order).await;
            !matches!(outcome, Outcome::Refused(Refusal::SoldOut { finally: false }))
        })
        .await;
        if !matches!(outcome, Outcome::Accepted { .. }) {
            breaches.push(format!("NothingLeaks: {left} units of {free} free ones cannot be bought: {outcome:?}"));
            break;
        }
        (left, number) = (left - most.min(left), number + 1);
    }
    let one_more = Errand::latecomer(number, 1, &mut rng);
    if left == 0 && matches!(one_more.ask(world, one_more.key(world)).await, Outcome::Accepted { .. }) {
        breaches.push(format!("NeverOversold: one more unit was promised than the {free} that were free"));
    }
    until(Duration::from_secs(20), async || judge::is_at_rest(world).await).await;
}

/// Waits until something holds, at most this long; whether it did.
async fn until(patience: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        if holds().await {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
