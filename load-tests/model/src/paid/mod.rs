//! What happens to an order that is paid online, explored with the very rule that the shop runs.
//!
//! One order, its row, its provider, two nodes that look after it, and everything that may happen to them, in every order. The row
//! is changed by [`stampede_domain::Hold::change`] and by nothing else, what is to be done next says [`stampede_domain::Hold::needs`],
//! and units move by [`stampede_domain::hold::move_units`]. What is written here is the glue that `Checkout` is in the shop: who
//! asks the provider for what, and what its answers are to the order.
//!
//! # What may happen
//!
//! * The buyer's and the organizer's wishes arrive at any time, any number of times, after anything: pay, pay again, extend, cancel,
//!   refund. So does the provider's word that something happened to a payment, or it never arrives.
//! * Two nodes take the same step, one long after the other, with what they read of the row long ago.
//! * The provider does what it is asked, and its answer is lost; or it never hears of it. A node dies between any two steps.
//! * The buyer pays, or is declined, at any time: before the end of his hold, after it, while the payment is being cancelled.
//! * Whoever writes has read the clock some time before.
//!
//! After every state the laws are judged (`laws`), and from every state the shop is left alone, without a buyer, to see whether
//! it comes to rest with the money where it belongs (`rest`).
//!
//! # What is not in it
//!
//! How long anything takes: pauses, the breaker and the pace (tests of `actors`). A payment of another sum than was asked for, and a
//! provider that forgets payments (property tests of `domain`). Several orders at once: they meet in the pool's row only, whose
//! sums `decide` and `move_units` make, and in the simulation.

pub mod bug;
mod laws;
mod provider;
mod rest;
mod shop;
mod state;
mod steps;

use crate::{
    explore::{Explored, Violation},
    laws::Law,
    report::{BugFound, WorldFound},
};
use bug::PaidBug;
use state::State;
use stateright::{Checker, Model, Property};
use std::{collections::BTreeMap, time::Instant};
use steps::{Step, Wish};

/// Under which heading these worlds stand.
pub const HEADING: &str = "an order that is paid online";

/// What may happen to the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidWorld {
    /// Its name in tables.
    pub name: String,
    /// What may be wished for.
    wishes: Vec<Wish>,
    /// The last moment. The hold ends at 1, or when it was extended at 2.
    last: u8,
    /// Whether whoever writes may have read the clock a moment before.
    is_stale: bool,
    /// Whether money may come although the provider had said that none would.
    is_unreliable: bool,
    /// Nodes that look after the order.
    nodes: usize,
    /// What is done wrong.
    bug: Option<PaidBug>,
}

impl PaidWorld {
    fn new(name: &str, wishes: &[Wish]) -> Self {
        Self {
            name: name.into(),
            wishes: wishes.into(),
            last: 1,
            is_stale: false,
            is_unreliable: false,
            nodes: 2,
            bug: None,
        }
    }

    fn has(&self, bug: PaidBug) -> bool {
        self.bug == Some(bug)
    }

    /// Explores the world until a law is broken or every state is known.
    #[must_use]
    pub fn explore(&self) -> Explored {
        let began = Instant::now();
        let checker = Exploration(self.clone()).checker().spawn_bfs().join();
        let violation = checker.discovery(LAWS).and_then(|path| {
            let law = checker.model().judge(path.last_state())?;
            Some(Violation { law, trace: path.into_actions().iter().map(Step::to_string).collect() })
        });
        Explored {
            states: checker.unique_state_count(),
            edges: checker.state_count() - 1,
            took: began.elapsed(),
            violation,
            tolerated: BTreeMap::new(),
        }
    }

    /// Explores it, and says so.
    #[must_use]
    pub fn report(&self) -> WorldFound {
        WorldFound::of(HEADING, &self.name, self.explore(), &[])
    }
}

/// The worlds in which nothing may be found.
#[must_use]
pub fn worlds() -> Vec<PaidWorld> {
    let all = [Wish::Pay(1), Wish::Pay(2), Wish::Extend, Wish::Cancel, Wish::Refund];
    vec![
        PaidWorld::new("a payment, taken back by buyer or organizer", &[Wish::Pay(1), Wish::Cancel, Wish::Refund]),
        PaidWorld::new("a second payment after a decline", &[Wish::Pay(1), Wish::Pay(2), Wish::Refund]),
        PaidWorld::new("a longer hold, clocks read long ago", &[Wish::Pay(1), Wish::Extend, Wish::Cancel]).for_long(),
        PaidWorld::new("money that comes after a no", &[Wish::Pay(1), Wish::Pay(2), Wish::Refund]).unreliable(),
        PaidWorld::new("everything", &all).for_long().unreliable(),
        PaidWorld::new("three nodes", &[Wish::Pay(1), Wish::Cancel, Wish::Refund]).nodes(3),
    ]
}

/// Larger ones: a minute.
#[must_use]
pub fn large_worlds() -> Vec<PaidWorld> {
    let payments = [Wish::Pay(1), Wish::Pay(2), Wish::Refund];
    vec![
        PaidWorld::new("three nodes, a second payment", &payments).nodes(3),
        PaidWorld::new("three nodes, a longer hold, clocks read long ago", &[Wish::Pay(1), Wish::Extend])
            .for_long()
            .nodes(3),
        PaidWorld::new("three nodes, money that comes after a no", &payments).unreliable().nodes(3),
    ]
}

impl PaidWorld {
    fn unreliable(self) -> Self {
        Self { is_unreliable: true, ..self }
    }

    /// As long as an extended hold, with clocks that were read before.
    fn for_long(self) -> Self {
        Self { is_stale: true, last: 2, ..self }
    }

    fn nodes(self, nodes: usize) -> Self {
        Self { nodes, ..self }
    }

    /// The world in which a mistake is let loose.
    #[must_use]
    pub fn of(bug: PaidBug) -> Self {
        let wishes = [Wish::Pay(1), Wish::Pay(2), Wish::Refund];
        // Honest, the provider takes no money too late.
        let is_unreliable = matches!(bug, PaidBug::LateMoneyConfirms | PaidBug::LateMoneyIgnored);
        Self { bug: Some(bug), is_stale: true, is_unreliable, ..Self::new(bug.name(), &wishes) }
    }

    /// The same without the mistake.
    #[must_use]
    pub fn without_bug(&self) -> Self {
        Self { bug: None, name: String::new(), ..self.clone() }
    }
}

/// Lets a mistake loose, and says what came of it.
#[must_use]
pub fn let_loose(bug: PaidBug) -> BugFound {
    BugFound::of(bug.name(), bug.does(), false, PaidWorld::of(bug).explore())
}

/// A world that is being explored.
struct Exploration(PaidWorld);

const LAWS: &str = "the laws hold";

impl Exploration {
    fn judge(&self, state: &State) -> Option<Law> {
        state.broken.or_else(|| state.breaks()).or_else(|| self.0.forgets(state)).or_else(|| self.0.at_rest(state))
    }
}

impl Model for Exploration {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.0.nodes)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        if state.broken.is_none() {
            self.0.steps(state, actions);
        }
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let next = self.0.after(state, &step).canonical();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(LAWS, |exploration: &Self, state| exploration.judge(state).is_none())]
    }
}
