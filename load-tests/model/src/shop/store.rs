//! The store: the real judge over the model's rows, the writer, and what a settlement says.

use crate::{
    book::{POOL, PRESENT},
    bug::Bug,
    laws::Law,
    state::{Fate, Held, Letter, Numbers, Order, Row, State},
    world::{World, buyer_id, fingerprint},
};
use stampede_domain::{
    BuyerId, Decision, Fingerprint, OrderId, Settlement,
    decide::{Offer, PoolRow, Verdict, Want, decide},
};
use std::collections::HashMap;

impl World {
    /// One transaction of the judge; true when it told of the order, so that it can be settled.
    pub(crate) fn judge(&self, state: &mut State, offers: &[(usize, u8, Want)]) -> Vec<bool> {
        let mut known: HashMap<OrderId, (Decision, Fingerprint)> = HashMap::new();
        for (index, order) in state.orders.iter().enumerate() {
            if let Some(row) = order.row.filter(|row| !self.overwrites(row.fate)) {
                known.insert(self.id(state, index), (row.fate.decision(), fingerprint(order.kind, row.body)));
            }
        }
        let mut units: HashMap<BuyerId, u32> =
            (0..self.buyers()).map(|buyer| (buyer_id(buyer), self.live_units(state, buyer).into())).collect();
        let mut numbers = state.store.numbers.real();
        for (index, _, _) in offers {
            let order = &state.orders[*index];
            if let Some(row) = order.confirmed().filter(|row| self.overwrites(row.fate)) {
                numbers.sold -= u32::from(self.body(order.kind, row.body).quantity);
            }
        }
        if self.has(Bug::NoStoreGuard) {
            numbers.capacity = 100;
        }
        let limit = if self.has(Bug::NoStoreLimit) { None } else { self.limit };
        let epoch = state.store.epoch.into();
        let mut row = PoolRow { numbers, epoch, limit_per_buyer: limit.map(u32::from), hold: None };
        let asked: Vec<_> = offers.iter().map(|(order, body, want)| self.offer(state, *order, *body, *want)).collect();
        let verdicts = decide(&mut row, &mut units, &known, &asked);
        let Numbers { capacity, sold, .. } = state.store.numbers;
        state.store.numbers = Numbers { capacity, ..Numbers::of(row.numbers) };
        if self.has(Bug::LostUpdate) {
            state.store.numbers.sold = sold;
        }
        let mut told = Vec::with_capacity(verdicts.len());
        for (&(index, body, _), verdict) in offers.iter().zip(verdicts) {
            if let Verdict::New(decision) = verdict {
                self.insert(state, index, body, decision);
            }
            told.push(verdict != Verdict::Fenced);
        }
        told
    }

    fn insert(&self, state: &mut State, index: usize, body: u8, decision: Decision) {
        let (fate, version) = (Fate::of(decision), state.store.numbers.version);
        let earlier = state.orders[index].row.replace(Row { fate, body, version });
        if earlier.is_some_and(|earlier| earlier.fate != fate) {
            state.breaks(Law::DecisionChanged);
        }
    }

    fn overwrites(&self, fate: Fate) -> bool {
        self.has(Bug::SecondInsertOverwrites)
            || self.has(Bug::ReplayOverwritesFailed) && fate.decision() == Decision::Failed
    }

    fn offer(&self, state: &State, order: usize, body: u8, want: Want) -> Offer {
        let kind = state.orders[order].kind;
        let asked = self.body(kind, body);
        Offer {
            order: self.id(state, order),
            quantity: asked.quantity.into(),
            buyer: buyer_id(asked.buyer),
            fingerprint: fingerprint(kind, body),
            want,
        }
    }

    /// What the store tells of a decided order, in one snapshot.
    pub(crate) fn letter(&self, state: &State, order: usize) -> Option<Letter> {
        let of = &state.orders[order];
        let row = of.row?;
        Some(self.letter_saying(state, of, row.fate, row.body))
    }

    fn letter_saying(&self, state: &State, order: &Order, fate: Fate, body: u8) -> Letter {
        let units = self.limit.map_or(0, |_| self.units_read(state, order, body));
        Letter { numbers: state.store.numbers, fate, body, units }
    }

    fn units_read(&self, state: &State, order: &Order, body: u8) -> u8 {
        let units = self.live_units(state, self.body(order.kind, body).buyer);
        if !self.has(Bug::BuyerReadEarly) {
            return units;
        }
        units - order.confirmed().map_or(0, |row| self.body(order.kind, row.body).quantity)
    }

    /// Puts what the store says of an order into the network.
    pub(super) fn post(&self, state: &mut State, order: usize) {
        if let Some(letter) = self.letter(state, order) {
            post(&mut state.orders[order], letter);
        }
    }

    pub(super) fn read_again(&self, state: &mut State, order: usize) {
        self.post(state, order);
    }

    /// Step 4.
    pub(crate) fn write(&self, state: &mut State, order: usize, body: u8, acknowledged: bool) {
        let is_new = state.orders[order].row.is_none();
        self.judge(state, &[(order, body, Want::Place)]);
        // Of an order that was decided before, the writer only reads again.
        if is_new || self.reread {
            self.post(state, order);
        }
        if acknowledged {
            acknowledge(&mut state.orders[order], body);
        }
    }

    pub(super) fn write_both(&self, state: &mut State, first: (usize, u8), second: (usize, u8)) {
        let messages = [first, second];
        let were_new = messages.map(|(order, _)| state.orders[order].row.is_none());
        self.judge(state, &messages.map(|(order, body)| (order, body, Want::Place)));
        for ((order, body), is_new) in messages.into_iter().zip(were_new) {
            if is_new || self.reread {
                self.post(state, order);
            }
            acknowledge(&mut state.orders[order], body);
        }
    }

    pub(super) fn set_aside(&self, state: &mut State, order: usize, body: u8, acknowledged: bool) {
        let of = &mut state.orders[order];
        of.dead |= 1 << body;
        of.replayed &= !(1 << body);
        if acknowledged {
            acknowledge(of, body);
        }
        if self.has(Bug::DeadReleases) && state.book.is_some() {
            of.pages.claim = None;
        }
    }

    /// The letter stays a dead one until its order is decided, so that a rebuild finds it whatever happens on the way.
    pub(super) fn replay(&self, state: &mut State, order: usize, body: u8) {
        let of = &mut state.orders[order];
        of.bus |= 1 << body;
        of.replayed |= 1 << body;
        if self.has(Bug::ReplayTakesLetter) {
            of.dead &= !(1 << body);
            of.replayed &= !(1 << body);
        }
    }

    /// Step 6: a keeper sees a dead letter that is not decided, and reads the epoch.
    pub(crate) fn dead_for_long(&self, state: &mut State, order: usize) {
        let epoch = state.store.epoch;
        let of = &mut state.orders[order];
        of.buried = Order::first_body(of.dead & !of.replayed).map(|body| Held { epoch, body });
    }

    /// And offers it as failed.
    pub(crate) fn fail(&self, state: &mut State, order: usize) {
        let Some(Held { epoch, body }) = state.orders[order].buried.take() else { return };
        if self.has(Bug::FailedNoInsert) {
            let letter = self.letter_saying(state, &state.orders[order], Fate::of(Decision::Failed), body);
            post(&mut state.orders[order], letter);
        } else if self.judge(state, &[(order, body, Want::Fail { epoch: epoch.into() })])[0] {
            self.post(state, order);
        }
    }

    /// Units may be added at any time. They may be taken away only where nothing is claimed, and the ledger knows at once, for the
    /// sale is paused.
    pub(super) fn change_capacity(&self, state: &mut State) {
        let by = self.changes.unwrap_or_default();
        let numbers = state.store.numbers;
        let is_cut = by < 0 && !self.has(Bug::CapacityCut);
        let claimed = state.orders.iter().any(|order| order.pages.claim.is_some());
        if by < 0 && numbers.capacity <= numbers.sold || is_cut && claimed {
            return;
        }
        state.store.numbers.capacity = numbers.capacity.saturating_add_signed(by);
        state.store.numbers.version += u8::from(!self.has(Bug::LapseSameVersion));
        state.budget.changes -= 1;
        if is_cut {
            self.settle_numbers(state);
        }
    }

    /// Tells the ledger the pool's numbers and nothing else, as the sweep does.
    pub(crate) fn settle_numbers(&self, state: &mut State) {
        let numbers = state.store.numbers.real();
        let settlement = Settlement { pool: POOL, numbers, decided: Vec::new(), buyers: Vec::new() };
        self.with_book(state, |book| book.settle(PRESENT, &settlement));
    }
}

fn post(order: &mut Order, letter: Letter) {
    if let Err(place) = order.letters.binary_search(&letter) {
        order.letters.insert(place, letter);
    }
}

pub(super) fn acknowledge(order: &mut Order, body: u8) {
    order.bus &= !(1 << body);
    order.backlog &= !(1 << body);
}
