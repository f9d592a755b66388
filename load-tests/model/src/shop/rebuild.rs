//! Step 7: the ledger is lost, or the process dies, and a book is made again.

use crate::{
    book::{POOL, PRESENT},
    bug::Bug,
    canonical::name,
    laws::Law,
    state::{At, Book, Claim, Numbers, Order, Pages, Rebuild, Snapshot, Stage, State},
    steps::is_alive,
    world::{Drain, Mode, World, buyer_id},
};
use stampede_domain::{
    PoolId,
    ledger::{Opening, PoolBook},
};

impl World {
    /// The ledger loses everything; what dies with it depends on the mode.
    pub(super) fn lose(&self, state: &mut State) {
        state.budget.losses -= 1;
        if self.mode == Mode::Servers {
            let claimed =
                |order: &Order| order.pages.claim.map_or(0, |claim| self.body(order.kind, claim.body).quantity);
            state.lost = Some(state.orders.iter().map(claimed).sum());
        }
        self.close(state);
    }

    fn close(&self, state: &mut State) {
        (state.book, state.rebuild) = (None, Rebuild::No);
        for order in &mut state.orders {
            order.pages = Pages::default();
            order.backlog = order.bus;
            order.reclaimed = None;
            if self.keepers_die() {
                (order.reaped, order.buried) = (None, None);
            }
            if self.mode == Mode::Embedded {
                order.letters.clear();
            }
            for one in order.tries.iter_mut().filter(|one| is_alive(one.at)) {
                if self.requests_die() {
                    one.at = At::Over;
                }
            }
        }
    }

    /// What waits on the bus, as far as it can tell, or is dead, and is not decided: those will be promises.
    pub(crate) fn read_bus(&self, state: &mut State) {
        let readable = self.mode == Mode::Embedded && !self.has(Bug::EmbForgetsQueue);
        for order in &mut state.orders {
            let bus = if readable { order.bus } else { 0 };
            let dead = if self.has(Bug::DeadWithoutClaims) { 0 } else { order.dead };
            let found = Order::first_body(bus).or_else(|| Order::first_body(dead));
            order.reclaimed = found.filter(|_| order.row.is_none());
        }
        let nothing = state.orders.iter().all(|order| order.bus == 0 && order.dead == 0);
        // Only the embedded queue can say that there is nothing.
        let can_tell = self.mode == Mode::Embedded || self.has(Bug::EpochRaisedLate);
        state.rebuild = Rebuild::Read { nothing: nothing && can_tell };
    }

    /// The store's transaction.
    pub(crate) fn snapshot(&self, state: &mut State) {
        let Rebuild::Read { nothing } = state.rebuild else { return };
        let epoch = state.store.epoch + 1;
        if !self.has(Bug::EpochRaisedLate) {
            state.store.epoch = epoch;
        }
        let virgin = nothing && state.orders.iter().all(|order| order.row.is_none());
        state.rebuild = Rebuild::Snapshot(Snapshot {
            epoch,
            numbers: state.store.numbers,
            buyers: (0..self.buyers()).map(|buyer| self.live_units(state, buyer)).collect(),
            virgin,
        });
    }

    /// The real opening.
    pub(crate) fn open(&self, state: &mut State) {
        let Rebuild::Snapshot(snapshot) = state.rebuild.clone() else { return };
        self.open_with(state, &snapshot);
        state.store.epoch = snapshot.epoch;
        for order in &mut state.orders {
            order.reclaimed = None;
        }
        if !self.has(Bug::SecondRebuilder) {
            state.rebuild = Rebuild::No;
        }
    }

    fn open_with(&self, state: &mut State, snapshot: &Snapshot) {
        let promised: Vec<_> =
            state.orders.iter().enumerate().filter_map(|(index, order)| Some((index, order.reclaimed?))).collect();
        let with_buyers = self.ledger_limit().is_some() && !self.has(Bug::RebuildWithoutBuyers);
        let units = snapshot.buyers.iter().zip(0..).filter(|(units, _)| with_buyers && **units > 0);
        let waits = self.mode == Mode::Servers && self.drain == Drain::GivenUp && !self.has(Bug::OldIdsDoNotWait);
        let opening = Opening {
            epoch: snapshot.epoch.into(),
            numbers: snapshot.numbers.real(),
            terms: self.terms(),
            buyers: units.map(|(units, buyer)| (buyer_id(buyer), (*units).into())).collect(),
            undecided: promised.into_iter().map(|(order, body)| self.intent(state, order, body)).collect(),
            virgin: snapshot.virgin,
            drained: !waits,
            revision: 1,
        };
        self.put_in(state, &opening);
        if self.has(Bug::EmbAsIntent) {
            for claim in state.orders.iter_mut().filter_map(|order| order.pages.claim.as_mut()) {
                *claim = Claim { stage: Stage::Intent(0), ..*claim };
            }
        }
    }

    fn put_in(&self, state: &mut State, opening: &Opening) {
        debug_assert_eq!(POOL, PoolId(1), "there is one pool");
        let image = PoolBook::open(PRESENT, opening).image();
        let borne = state.orders.iter().flat_map(|order| &order.tries).filter_map(|one| name(one.at));
        if borne.max().is_some_and(|name| image.attempts < name) {
            state.breaks(Law::NamesRepeat);
        }
        self.absorb(state, &image);
    }

    /// For bugs: a pool that is missing is taken for one that nobody has bought of.
    pub(super) fn open_over_nothing(&self, state: &mut State) {
        let numbers = Numbers { version: 0, sold: 0, capacity: self.capacity };
        let buyers = vec![0; usize::from(self.buyers())];
        let snapshot = Snapshot { epoch: state.store.epoch, numbers, buyers, virgin: true };
        for order in &mut state.orders {
            order.reclaimed = None;
        }
        self.open_with(state, &snapshot);
        state.rebuild = Rebuild::No;
    }

    /// For a bug: the snapshot is opened once more.
    pub(super) fn open_again(&self, state: &mut State) {
        let Rebuild::Snapshot(snapshot) = state.rebuild.clone() else { return };
        if state.book.is_some() {
            self.open_with(state, &snapshot);
            state.rebuild = Rebuild::No;
        }
    }

    /// For a bug: a book that lags behind the store is closed, and nobody has died.
    pub(super) fn close_because_it_lags(&self, state: &mut State) {
        if state.book.as_ref().is_some_and(|book| book.numbers.version < state.store.numbers.version) {
            self.close(state);
        }
    }

    /// For a bug: a copy of the ledger is taken, and later the ledger restarts from it.
    pub(super) fn restart(&self, state: &mut State) {
        if state.budget.losses == 0 {
            return;
        }
        match (state.copy.take(), &state.book) {
            (None, Some(book)) => {
                let pages = state.orders.iter().map(|order| order.pages).collect();
                state.copy = Some(Box::new((book.clone(), pages)));
            }
            (Some(copy), Some(_)) => {
                let (book, pages): (Book, Vec<Pages>) = *copy;
                state.budget.losses = 0;
                state.book = Some(book);
                for (order, pages) in state.orders.iter_mut().zip(pages) {
                    order.pages = pages;
                }
            }
            (_, None) => {}
        }
    }
}
