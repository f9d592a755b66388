//! After the last fault: no clients, no settlement on its way arrives, nobody replays. Redelivery, reaper, the end of dead
//! letters and the sweep must bring every state to rest, with every promise decided and nothing leaked.

use crate::{
    bug::Bug,
    laws::Law,
    state::{At, Rebuild, Stage, State},
    steps::bodies,
    world::World,
};

impl World {
    /// The part of a state that recovery begins from.
    pub(crate) fn abandoned(&self, state: &State) -> State {
        let mut state = state.clone();
        state.broken = None;
        for order in &mut state.orders {
            for one in &mut order.tries {
                one.at = At::Over;
            }
            order.letters.clear();
            // Nobody asks any more, so no note is told and no id is old.
            order.pages.note = None;
            order.own = Some(0);
            order.backlog = 0;
        }
        if let Some(book) = &mut state.book {
            (book.backlog, book.virgin, book.dropped_until) = (false, false, None);
        }
        self.canonical(state)
    }

    /// Lets the shop come to rest, and says what is wrong then.
    pub(crate) fn at_rest(&self, mut state: State) -> Option<Law> {
        self.deliver(&mut state);
        if state.book.is_none() {
            state.rebuild = Rebuild::No;
            self.read_bus(&mut state);
            self.snapshot(&mut state);
            self.open(&mut state);
        }
        self.end_what_nobody_finishes(&mut state);
        self.sweep(&mut state);
        state.broken.or_else(|| self.leaks(&state))
    }

    /// What keepers have in hand, and what is on the bus.
    fn deliver(&self, state: &mut State) {
        for order in 0..state.orders.len() {
            self.expire(state, order);
            self.fail(state, order);
        }
        for order in 0..state.orders.len() {
            for body in bodies(state.orders[order].bus) {
                self.write(state, order, body, true);
            }
        }
    }

    /// Intents run out, dead letters grow old.
    fn end_what_nobody_finishes(&self, state: &mut State) {
        for claim in state.orders.iter_mut().filter_map(|order| order.pages.claim.as_mut()) {
            claim.late = matches!(claim.stage, Stage::Intent(_));
        }
        self.pick(state);
        for order in 0..state.orders.len() {
            let is_reaped = state.orders[order].reaped.is_some();
            self.expire(state, order);
            let is_dead = {
                let of = &state.orders[order];
                of.dead & !of.replayed != 0 && of.row.is_none()
            };
            if is_dead {
                self.dead_for_long(state, order);
                self.fail(state, order);
            }
            if is_dead || is_reaped && !self.has(Bug::ReapWithoutSettle) {
                self.settle_now(state, order);
            }
        }
    }

    fn settle_now(&self, state: &mut State, order: usize) {
        if let Some(letter) = self.letter(state, order) {
            self.settle(state, order, letter);
        }
    }

    /// Old claims first; then the numbers, and the buyers changed since the opening.
    fn sweep(&self, state: &mut State) {
        for order in 0..state.orders.len() {
            if state.orders[order].pages.claim.is_some() && !self.has(Bug::SweepWithoutClaims) {
                self.settle_now(state, order);
            }
        }
        if self.bug.is_some_and(Bug::is_hidden_by_the_sweep) {
            return;
        }
        self.settle_numbers(state);
        let swept = state.book.as_ref().map_or(0, |book| book.opened_version);
        for order in 0..state.orders.len() {
            let has_changed = state.orders[order].row.is_some_and(|row| row.version > swept);
            if has_changed && self.limit.is_some() {
                self.settle_now(state, order);
            }
        }
    }

    fn leaks(&self, state: &State) -> Option<Law> {
        if state.orders.iter().any(|order| order.told != 0 && order.row.is_none()) {
            return Some(Law::NeverDecided);
        }
        if state.orders.iter().any(|order| order.pages.claim.is_some()) {
            return Some(Law::ClaimStays);
        }
        let book = state.book.as_ref()?;
        let (here, there) = (book.numbers, state.store.numbers);
        if (here.sold, here.capacity) != (there.sold, there.capacity) {
            return Some(Law::FreeIsWrong);
        }
        if there.sold > there.capacity {
            return Some(Law::Oversold);
        }
        let wrong = |(&(_, settled), buyer)| settled != self.live_units(state, buyer);
        book.buyers.iter().zip(0..).any(wrong).then_some(Law::BuyerIsWrong)
    }
}
