//! What befalls each call: drawn from the seed, or written down beforehand. Everything is drawn here and in one order, so the
//! same seed gives the same history.

use crate::{
    crash_table::{Coverage, Row},
    harm::{Caller, Harm, Planned, Point, Side},
    mixture::Mixture,
    trace::Trace,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{
        Notify,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::Instant,
};

/// The longest that anybody waits for an answer that never comes.
const GIVES_UP: Duration = Duration::from_secs(3);

/// A death that somebody has to carry out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Death {
    /// Of a whole process.
    Node(usize),
    /// Of one actor.
    Actor(Caller),
}

/// A port that cannot be reached.
struct Outage {
    port: &'static str,
    node: Option<usize>,
    until: Instant,
}

#[derive(Default)]
struct NodeState {
    life: u32,
    is_dead: bool,
    frozen_until: Option<Instant>,
}

/// The fate of one history.
pub(crate) struct Fate {
    inner: Mutex<Inner>,
    deaths: UnboundedSender<Death>,
    /// Wakes who lingers, in the order they came; a `watch` would wake them in a random one.
    calm: Notify,
}

pub(crate) struct Inner {
    pub(crate) rng: SmallRng,
    pub(crate) mixture: Mixture,
    pub(crate) trace: Trace,
    pub(crate) coverage: Coverage,
    /// Deaths that are to come at points, in this order, the first one next.
    script: Vec<Point>,
    /// What is to befall an operation.
    planned: Option<Planned>,
    is_calm: bool,
    outages: Vec<Outage>,
    nodes: BTreeMap<usize, NodeState>,
}

impl Fate {
    pub(crate) fn new(seed: u64, trace: Trace) -> (Self, UnboundedReceiver<Death>) {
        let (deaths, mortuary) = unbounded_channel();
        let inner = Inner {
            rng: SmallRng::seed_from_u64(seed),
            mixture: Mixture::default(),
            trace,
            coverage: Coverage::default(),
            script: Vec::new(),
            planned: None,
            is_calm: true,
            outages: Vec::new(),
            nodes: BTreeMap::new(),
        };
        (Self { inner: Mutex::new(inner), deaths, calm: Notify::new() }, mortuary)
    }

    pub(crate) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Between `from` and `to`, from the seed.
    pub(crate) fn between(&self, from: u64, to: u64) -> u64 {
        self.inner().rng.random_range(from..=to)
    }

    pub(crate) fn chance(&self, of: f64) -> bool {
        of > 0.0 && self.inner().rng.random_bool(of.min(1.0))
    }

    /// From now on things go wrong.
    pub(crate) fn begin_the_storm(&self, mixture: Mixture) {
        let mut inner = self.inner();
        (inner.mixture, inner.is_calm) = (mixture, false);
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm_down(&self) {
        let mut inner = self.inner();
        (inner.mixture, inner.is_calm) = (Mixture::default(), true);
        inner.outages.clear();
        inner.nodes.values_mut().for_each(|node| node.frozen_until = None);
        drop(inner);
        self.calm.notify_waiters();
    }

    /// Lets time pass, but not beyond the storm: what goes wrong is over when it is.
    pub(crate) async fn linger(&self, time: Duration) {
        let calm = self.calm.notified();
        if !self.inner().is_calm {
            tokio::time::timeout(time, calm).await.unwrap_or_default();
        }
    }

    /// Waits for an answer that never comes, until somebody gives up.
    pub(crate) async fn wait_in_vain(&self) {
        let longest = self.inner().mixture.gives_up.unwrap_or(GIVES_UP);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(1).max(1);
        self.linger(Duration::from_millis(self.between(1, longest))).await;
    }

    /// Whether nothing goes wrong any more.
    pub(crate) fn is_calm(&self) -> bool {
        self.inner().is_calm
    }

    /// Deaths that shall come, one after the other.
    pub(crate) fn write_down(&self, script: Vec<Point>) {
        self.inner().script = script;
    }

    /// What shall befall one operation.
    pub(crate) fn plan(&self, planned: Option<Planned>) {
        self.inner().planned = planned;
    }

    /// How many calls are still to meet what was planned.
    pub(crate) fn still_planned(&self) -> u32 {
        self.inner().planned.map_or(0, |planned| planned.times)
    }

    /// That of several names of one call for which something is planned; else the first.
    pub(crate) fn awaited(&self, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
        let planned = self.inner().planned.map(|planned| planned.operation);
        let mut names = names.into_iter().peekable();
        let first = names.peek().copied();
        names.find(|name| Some(*name) == planned).or(first)
    }

    /// Deaths written down that have not come.
    pub(crate) fn still_to_come(&self) -> usize {
        self.inner().script.len()
    }

    /// A process begins a life.
    pub(crate) fn is_born(&self, node: usize) -> u32 {
        let mut inner = self.inner();
        let state = inner.nodes.entry(node).or_default();
        state.life += 1;
        (state.is_dead, state.frozen_until) = (false, None);
        state.life
    }

    pub(crate) fn has_died(&self, node: usize) {
        let mut inner = self.inner();
        inner.nodes.entry(node).or_default().is_dead = true;
        inner.trace.note(&("death", node));
    }

    /// A port is out of reach, for one process or for all.
    pub(crate) fn cut_off(&self, port: &'static str, node: Option<usize>, until: Instant) {
        let mut inner = self.inner();
        inner.trace.note(&("outage", port, node));
        inner.coverage.took_effect(match port {
            "ledger" => "ledger out of reach",
            "store" => "store out of reach",
            "bus" => "bus out of reach",
            "holds" => "holds out of reach",
            "lane" => "lane out of reach",
            "gateway" => "provider out of reach",
            _ => "catalogue out of reach",
        });
        inner.outages.push(Outage { port, node, until });
    }

    pub(crate) fn is_cut_off(&self, port: &'static str, node: usize) -> bool {
        let now = Instant::now();
        let inner = self.inner();
        inner.outages.iter().any(|out| out.port == port && out.until > now && out.node.is_none_or(|of| of == node))
    }

    /// What befalls this call. `matters`: it moves an order on; the others are calls by the clock, of which there are many more.
    pub(crate) fn of_call(&self, caller: Caller, port: &'static str, operation: &'static str, matters: bool) -> Harm {
        let cut_off = self.is_cut_off(port, caller.node);
        let mut inner = self.inner();
        let harm = inner
            .written(caller, operation)
            .or_else(|| inner.planned(operation))
            .unwrap_or_else(|| if cut_off { Harm::Refused } else { inner.drawn(caller, matters) });
        inner.trace.call(caller, operation, harm);
        if harm != Harm::None {
            inner.coverage.took_effect(harm.name());
        }
        harm
    }

    /// The caller's process dies here and now.
    pub(crate) fn dies(&self, caller: Caller) {
        let mut inner = self.inner();
        let state = inner.nodes.entry(caller.node).or_default();
        if state.life == caller.life && !state.is_dead {
            state.is_dead = true;
            drop(inner);
            self.deaths.send(Death::Node(caller.node)).unwrap_or_default();
        }
    }

    /// The calling actor dies here and now.
    pub(crate) fn actor_dies(&self, caller: Caller) {
        self.deaths.send(Death::Actor(caller)).unwrap_or_default();
    }

    pub(crate) fn freeze(&self, node: usize, time: Duration) {
        let mut inner = self.inner();
        let until = Instant::now() + time;
        inner.nodes.entry(node).or_default().frozen_until = Some(until);
    }

    /// Whether the caller's process still is in that life.
    pub(crate) fn lives(&self, caller: Caller) -> bool {
        let inner = self.inner();
        inner.nodes.get(&caller.node).is_some_and(|state| state.life == caller.life && !state.is_dead)
    }

    /// Waits while the caller's process stands still; for ever when it is dead.
    pub(crate) async fn alive(&self, caller: Caller) {
        loop {
            let until = {
                let mut inner = self.inner();
                let state = inner.nodes.entry(caller.node).or_default();
                if state.is_dead || state.life != caller.life {
                    None
                } else {
                    match state.frozen_until {
                        Some(until) if until > Instant::now() => Some(until),
                        _ => return,
                    }
                }
            };
            match until {
                Some(until) => self.linger(until - Instant::now()).await,
                None => std::future::pending().await,
            }
        }
    }

    pub(crate) fn hit(&self, row: Row) {
        self.inner().coverage.hit(row);
    }

    pub(crate) fn took_effect(&self, fault: &'static str) {
        self.inner().coverage.took_effect(fault);
    }

    pub(crate) fn note(&self, what: &(impl std::hash::Hash + std::fmt::Debug)) {
        self.inner().trace.note(what);
    }
}

impl Inner {
    /// A death that was written down for this point.
    fn written(&mut self, caller: Caller, operation: &'static str) -> Option<Harm> {
        let next = *self.script.first()?;
        if next.actor != caller.actor || next.operation != operation {
            return None;
        }
        self.script.remove(0);
        Some(Harm::Death(next.side))
    }

    /// What is planned for this operation.
    fn planned(&mut self, operation: &'static str) -> Option<Harm> {
        let planned = self.planned.as_mut().filter(|planned| planned.operation == operation)?;
        let harm = planned.harm;
        planned.times -= 1;
        if planned.times == 0 {
            self.planned = None;
        }
        Some(harm)
    }

    fn drawn(&mut self, caller: Caller, matters: bool) -> Harm {
        if self.is_calm {
            return Harm::None;
        }
        let scale = if matters { 1.0 } else { 0.05 };
        let drawn: f64 = self.rng.random();
        let side = if self.rng.random_bool(0.5) { Side::Before } else { Side::After };
        let mixture = &self.mixture;
        let latest = u64::try_from(mixture.latest.as_millis()).unwrap_or(1).max(1);
        let longest = u64::try_from(mixture.longest_freeze.as_millis()).unwrap_or(1).max(1);
        let mut below = 0.0;
        let mut falls_on = |likely: f64| {
            below += likely * scale;
            drawn < below
        };
        if falls_on(mixture.refused) {
            Harm::Refused
        } else if falls_on(mixture.request_lost) {
            Harm::RequestLost
        } else if falls_on(mixture.answer_lost) {
            Harm::AnswerLost
        } else if falls_on(mixture.death) {
            Harm::Death(side)
        } else if falls_on(mixture.actor_death) && caller.actor != "buyer" {
            Harm::ActorDeath(side)
        } else if falls_on(mixture.freeze) {
            let time = Duration::from_millis(self.rng.random_range(1..=longest));
            Harm::Freeze(side, time)
        } else if falls_on(mixture.twice) {
            Harm::Twice
        } else if falls_on(mixture.late) {
            let before = Duration::from_millis(self.rng.random_range(0..=latest));
            let after = Duration::from_millis(self.rng.random_range(0..=latest));
            Harm::Late { before, after }
        } else {
            Harm::None
        }
    }
}
