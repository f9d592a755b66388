//! Every state of a world, breadth first, by stateright: the first trace to a broken law is a shortest one.

use crate::{laws::Law, state::State, steps::Step, world::World};
use stateright::{Checker, Model, Property};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What an exploration found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub edges: usize,
    /// How long it took.
    pub took: Duration,
    /// The first law broken, unless the world allows it.
    pub violation: Option<Violation>,
    /// How often something happened that the world allows.
    pub tolerated: BTreeMap<Law, u64>,
}

impl Explored {
    /// What the world allows and what never happened in it: allowed too much.
    #[must_use]
    pub fn allowed_in_vain(&self, world: &World) -> Vec<Law> {
        world.tolerated.iter().filter(|law| !self.tolerated.contains_key(law)).copied().collect()
    }
}

/// A broken law and a shortest way to it.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which.
    pub law: Law,
    /// The steps.
    pub trace: Vec<String>,
}

/// A world that is being explored.
struct Exploration {
    world: World,
    /// What recovery makes of a state, by what it begins from.
    recovered: Mutex<HashMap<u64, Option<Law>>>,
    tolerated: Mutex<BTreeMap<Law, u64>>,
}

/// The name of the only property: stateright stops at its first counterexample.
const LAWS: &str = "the laws hold";

impl World {
    /// Explores the world until a law is broken or every state is known.
    ///
    /// # Panics
    /// When the model itself is wrong.
    #[must_use]
    pub fn explore(&self) -> Explored {
        let found = self.explore_once();
        if found.violation.is_none() || !self.symmetric {
            return found;
        }
        // Where orders change places, a trace cannot be read: once more, with their names kept.
        let named = self.clone().with(|world| world.symmetric = false);
        Explored { violation: named.explore_once().violation, ..found }
    }

    fn explore_once(&self) -> Explored {
        let began = Instant::now();
        let exploration = Exploration { world: self.clone(), recovered: Mutex::default(), tolerated: Mutex::default() };
        let checker = exploration.checker().spawn_bfs().join();
        let violation = checker.discovery(LAWS).map(|path| {
            let law = checker.model().judge(path.last_state()).expect("because it was found there");
            Violation { law, trace: path.into_actions().iter().map(Step::to_string).collect() }
        });
        Explored {
            states: checker.unique_state_count(),
            edges: checker.state_count() - 1,
            took: began.elapsed(),
            violation,
            tolerated: checker.model().tolerated.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Exploration {
    fn judge(&self, state: &State) -> Option<Law> {
        let (law, tolerated) = self.world.broken(state);
        self.count(tolerated);
        law.or_else(|| self.recovers(state))
    }

    fn recovers(&self, state: &State) -> Option<Law> {
        let start = self.world.abandoned(state);
        let mut hasher = DefaultHasher::new();
        start.hash(&mut hasher);
        let key = hasher.finish();
        let known = self.recovered.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        let law = known.unwrap_or_else(|| {
            let law = self.world.at_rest(start);
            self.recovered.lock().unwrap_or_else(PoisonError::into_inner).insert(key, law);
            law
        });
        law.filter(|law| !self.world.tolerated.contains(law))
    }

    fn count(&self, tolerated: impl IntoIterator<Item = Law>) {
        let mut tolerated = tolerated.into_iter().peekable();
        if tolerated.peek().is_some() {
            let mut counts = self.tolerated.lock().unwrap_or_else(PoisonError::into_inner);
            tolerated.for_each(|law| *counts.entry(law).or_default() += 1);
        }
    }
}

impl Model for Exploration {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![self.world.canonical(State::first(&self.world))]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        self.world.steps(state, actions);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let moved = self.world.after(state, step)?;
        self.count(moved.tolerated);
        Some(moved.state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(LAWS, |exploration: &Self, state| exploration.judge(state).is_none())]
    }
}
