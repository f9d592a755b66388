//! One history of paying from its seed to its verdict: the race, the calm, the rest.

use super::{
    judge,
    outcomes::Outcomes,
    plan::PaidPlan,
    shop::{Shop, Waiting},
};
use crate::{crash_table::Coverage, fate::Fate, mixture::Mixture, plan::Mode, trace::Trace};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{rc::Rc, sync::Arc, time::Duration};
use tokio::{task::LocalSet, time::Instant};

/// How soon after its time, or after everything is back, somebody has begun to end a hold.
const ENDS_WITHIN: Duration = Duration::from_secs(5);
/// How soon everything has ended after the last word of the provider: who was often told "unknown" looks again after up to half a
/// minute, and never on the second.
const RESTS_WITHIN: Duration = Duration::from_secs(70);
/// The latest that a message or a request comes that is still in the network when the storm ends.
const STRAGGLERS: Duration = Duration::from_secs(16);
/// How soon what they stirred has ended too.
const RESTS_AGAIN_WITHIN: Duration = Duration::from_secs(70);
/// The longest that a port is out of reach.
const LONGEST_OUTAGE_MS: u64 = 6_000;

/// What came of a history of paying.
#[derive(Clone, Debug)]
pub struct PaidVerdict {
    /// Its seed.
    pub seed: u64,
    /// Who ran.
    pub mode: Mode,
    /// The hash of everything that happened, in order.
    pub trace: u64,
    /// Everything that must not be; empty is good.
    pub breaches: Vec<String>,
    /// What happened.
    pub outcomes: Outcomes,
    /// What was hit.
    pub coverage: Coverage,
    /// Calls that never met what was planned for them.
    pub still_planned: u32,
    /// The history in words, when they were asked for.
    pub words: Vec<String>,
}

/// Lets a history of paying happen.
///
/// # Panics
/// When the runtime cannot be built.
#[must_use]
pub fn race(plan: &PaidPlan) -> PaidVerdict {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("because it needs nothing of the machine");
    LocalSet::new().block_on(&runtime, run(plan.clone()))
}

async fn run(plan: PaidPlan) -> PaidVerdict {
    let (fate, mortuary) = Fate::new(plan.seed, Trace::begin(plan.in_words));
    let (shop, Waiting { mortuary, notices }) = Shop::new(&plan, Arc::new(fate), mortuary);
    let customers: Vec<_> = plan.customers.iter().cloned().map(Rc::new).collect();
    shop.reserve(&customers).await;
    tokio::task::spawn_local(Rc::clone(&shop).bury(mortuary));
    tokio::task::spawn_local(Rc::clone(&shop).carry(notices));
    customers.iter().for_each(|customer| customer.begin(&shop));
    shop.begin().await;

    let (begins, ends) = plan.storm;
    tokio::time::sleep_until(shop.began + Duration::from_millis(begins)).await;
    shop.fate.begin_the_storm(plan.mixture.clone());
    shop.fate.plan(plan.planned);
    tokio::task::spawn_local(cut_off(Rc::clone(&shop), plan.clone()));
    tokio::time::sleep_until(shop.began + Duration::from_millis(ends)).await;
    let still_planned = shop.fate.still_planned();
    shop.fate.plan(None);

    let mut breaches = come_to_rest(&shop, &plan).await;
    let (found, outcomes) = judge::judge(&shop, &plan).await;
    breaches.extend(found);
    if shop.panics() > 0 {
        breaches.push(format!("{} tasks of actors panicked", shop.panics()));
    }
    let mut inner = shop.fate.inner();
    PaidVerdict {
        seed: plan.seed,
        mode: plan.mode,
        trace: inner.trace.hash(),
        breaches,
        outcomes,
        coverage: std::mem::take(&mut inner.coverage),
        still_planned,
        words: inner.trace.take_words(),
    }
}

/// Ports out of reach for a while: for one process, or for all.
async fn cut_off(shop: Rc<Shop>, plan: PaidPlan) {
    let Mixture { outages, .. } = plan.mixture;
    let mut rng = SmallRng::seed_from_u64(plan.seed ^ 0x00FF_0FF0_CAB1_E000);
    let (begins, ends) = plan.storm;
    let mut moments: Vec<_> = (0..outages).map(|_| rng.random_range(begins..ends)).collect();
    moments.sort_unstable();
    for moment in moments {
        tokio::time::sleep_until(shop.began + Duration::from_millis(moment)).await;
        let port = ["holds", "lane", "gateway"][rng.random_range(0..3)];
        let only = rng.random_bool(0.5).then(|| rng.random_range(0..2));
        let until = Instant::now() + Duration::from_millis(rng.random_range(10..LONGEST_OUTAGE_MS));
        shop.fate.cut_off(port, only, until);
    }
}

/// Everything works again: what is over its time ends, what is owed goes back.
async fn come_to_rest(shop: &Rc<Shop>, plan: &PaidPlan) -> Vec<String> {
    shop.fate.calm_down();
    // Deaths of the last moment are carried out before everybody comes back.
    tokio::time::sleep(Duration::from_millis(1)).await;
    shop.everybody_is_back();
    let calm = Instant::now();
    let over = calm.max(shop.began + Duration::from_millis(plan.last_deadline()));
    tokio::time::sleep_until(over + ENDS_WITHIN).await;
    let grace = i64::try_from(ENDS_WITHIN.as_millis()).unwrap_or(i64::MAX);
    let mut breaches = judge::overdue(shop, plan, grace).await;
    breaches.extend(rest(shop, plan, over, RESTS_WITHIN).await);
    shop.close();
    tokio::time::sleep_until(calm + STRAGGLERS).await;
    breaches.extend(rest(shop, plan, Instant::now(), RESTS_AGAIN_WITHIN).await);
    breaches
}

/// Waits until all is over; a complaint when it takes too long after `since`, or after the provider's last word.
async fn rest(shop: &Rc<Shop>, plan: &PaidPlan, since: Instant, patience: Duration) -> Option<String> {
    loop {
        if judge::is_at_rest(shop, plan).await {
            return None;
        }
        let word = shop.began + Duration::from_millis(shop.bank.is_quiet_at());
        if Instant::now() > since.max(word) + patience {
            let left = judge::leftovers(shop, plan).await;
            return Some(format!("NothingLeaks: not at rest {patience:?} after the calm: {left}"));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
