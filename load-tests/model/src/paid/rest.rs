//! The order left alone: no buyer, no faults, time goes by. Does everything find its end?

use super::{
    PaidWorld,
    shop::LONG_AFTER,
    state::{AMOUNT, Hand, Stage, State, name_of},
    steps::Step,
};
use crate::laws::Law;
use stampede_domain::OrderStatus as S;

/// More rounds than any order needs.
const ROUNDS: usize = 12;

impl PaidWorld {
    /// The law that is broken once the order is at rest, or that it never is.
    pub(super) fn at_rest(&self, state: &State) -> Option<Law> {
        let mut state = State { now: LONG_AFTER, hands: vec![Hand::Empty], ..state.clone() };
        for _ in 0..ROUNDS {
            if let Some(payment) = unheard(&state) {
                state = self.steps_in_turn(state, Step::Notice { node: 0, payment });
            } else if self.needs(&state).is_empty() {
                let broken = state.broken.or_else(|| state.breaks()).or_else(|| self.forgets(&state));
                return broken.or_else(|| wrong_at_rest(&state));
            } else {
                state = self.steps_in_turn(state, Step::Take { node: 0, need: 0 });
            }
        }
        Some(Law::NeverAtRest)
    }

    /// A step, and what the node does then until its hands are empty.
    fn steps_in_turn(&self, state: State, first: Step) -> State {
        let mut state = self.after(&state, &first);
        loop {
            let step = match &state.hands[0] {
                Hand::Empty => return state,
                Hand::Noticed(..) => Step::Note { node: 0 },
                Hand::Took(..) | Hand::Judges(..) => Step::Call { node: 0, lost: false },
                Hand::Writes(..) => Step::Write { node: 0 },
            };
            state = self.after(&state, &step);
        }
    }
}

/// Money of an order that nobody looks after any more: only the provider's word tells of it, and that comes until it is taken.
fn unheard(state: &State) -> Option<usize> {
    let waits = matches!(state.hold.status, S::Paying | S::Expiring);
    let is_booked = |place: usize| {
        let name = name_of(place);
        state.hold.payments.iter().any(|known| known.id == name && known.captured == AMOUNT)
    };
    let unheard = |(place, payment): (usize, &super::state::ProviderPayment)| {
        (payment.stage == Stage::Captured && payment.came_late && !is_booked(place)).then_some(place)
    };
    if waits { None } else { state.payments.iter().enumerate().find_map(unheard) }
}

fn wrong_at_rest(state: &State) -> Option<Law> {
    if state.hold.status.is_held() {
        return Some(Law::NeverAtRest);
    }
    let earned = if state.hold.status == S::Confirmed { AMOUNT } else { 0 };
    if state.kept() != earned {
        return Some(Law::WrongMoney);
    }
    let books = |place: usize| {
        let name = name_of(place);
        let known = state.hold.payments.iter().find(|known| known.id == name);
        known.map_or((0, 0), |known| (known.captured, known.refunded))
    };
    let differs = state.payments.iter().enumerate().any(|(place, payment)| {
        let taken = if payment.stage == Stage::Captured { AMOUNT } else { 0 };
        books(place) != (taken, payment.refunded)
    });
    differs.then_some(Law::BooksDiffer)
}
