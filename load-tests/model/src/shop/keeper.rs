//! The keeper's duties: reap, settle; what a reader sees; and what only bugs do.

use super::store::acknowledge;
use crate::{
    book::{A_LONG_TIME, POOL, PRESENT},
    bug::Bug,
    laws::Law,
    state::{At, Book, Claim, Fate, Held, Letter, Pages, Stage, State},
    world::{World, buyer_id, fingerprint},
};
use stampede_domain::{
    Decided, Decision, Settlement,
    decide::Want,
    ledger::{Broken, Known, PoolBook},
};

impl World {
    /// Step 6: marks what is late and takes the list.
    pub(crate) fn pick(&self, state: &mut State) {
        let before: Vec<_> = state.orders.iter().map(|order| order.pages.claim).collect();
        if self.has(Bug::ReapPromised) {
            for claim in state.orders.iter_mut().filter_map(|order| order.pages.claim.as_mut()) {
                if claim.stage == Stage::Promised {
                    *claim = Claim { stage: Stage::Intent(0), late: true, ..*claim };
                }
            }
        }
        let now = if self.has(Bug::ReaperNoDeadline) { PRESENT.plus(A_LONG_TIME) } else { PRESENT };
        let Some((epoch, picked)) = self.with_book(state, |book| (book.epoch(), book.pick(now, usize::MAX))) else {
            return;
        };
        let epoch = u8::try_from(epoch).expect("because openings are few");
        for (order, before) in before.into_iter().enumerate() {
            let id = self.id(state, order);
            let of = &mut state.orders[order];
            let Some(claim) = of.pages.claim.filter(|_| picked.iter().any(|picked| picked.order == id)) else {
                continue;
            };
            of.reaped.get_or_insert(Held { epoch, body: claim.body });
            match self.bug {
                Some(Bug::ReaperNoDeadline | Bug::ClockBack) => of.pages.claim = before,
                Some(Bug::ReaperDropsFirst) => of.pages.claim = None,
                _ => {}
            }
        }
    }

    /// Offers an order that was picked, and settles whatever the store says.
    pub(crate) fn expire(&self, state: &mut State, order: usize) {
        let Some(Held { epoch, body }) = state.orders[order].reaped.take() else { return };
        let epoch = if self.has(Bug::ReapUnfenced) { state.store.epoch } else { epoch };
        let told = self.judge(state, &[(order, body, Want::Expire { epoch: epoch.into() })]);
        if self.has(Bug::ReapWithoutSettle) {
            state.orders[order].pages.claim = None;
        } else if told[0] {
            self.post(state, order);
        }
    }

    /// Step 5: a settlement arrives.
    pub(crate) fn settle(&self, state: &mut State, order: usize, letter: Letter) {
        if state.book.is_none() && self.has(Bug::SettleOpens) {
            self.open_over_nothing(state);
        }
        let before = (state.book.clone(), state.orders[order].pages);
        let settlement = self.settlement(state, order, letter);
        let broken = self.with_book(state, |book| book.settle(PRESENT, &settlement));
        let broken = if self.has(Bug::BrokenUncounted) { broken.map(|_| Broken::default()) } else { broken };
        let allowed = state.lost.is_some() || letter.fate.decision() == Decision::Failed;
        if broken.is_some_and(|broken| broken.decided_otherwise > 0) && !allowed {
            state.breaks(Law::PromiseBroken);
        }
        if broken == Some(Broken::default()) && self.is_first_news_of_a_broken_promise(state, order, letter, &before) {
            state.breaks(Law::Uncounted);
        }
        if let (Some(book), pages) = before {
            self.settle_wrongly(state, order, letter, &book, pages);
        }
    }

    /// Whether a book that has forgotten nothing hears for the first time that somebody was promised in vain.
    fn is_first_news_of_a_broken_promise(
        &self,
        state: &State,
        order: usize,
        letter: Letter,
        before: &(Option<Book>, Pages),
    ) -> bool {
        let (book, pages) = before;
        let is_rejection = matches!(letter.fate.decision(), Decision::Rejected(_));
        let forgot = book.as_ref().is_some_and(|book| book.dropped_until.is_some());
        is_rejection && state.orders[order].told != 0 && pages.note.is_none() && !forgot
    }

    fn settlement(&self, state: &State, order: usize, letter: Letter) -> Settlement {
        let kind = state.orders[order].kind;
        let buyer = buyer_id(self.body(kind, letter.body).buyer);
        let decided = Decided {
            order: self.id(state, order),
            fingerprint: fingerprint(kind, letter.body),
            decision: letter.fate.decision(),
        };
        Settlement {
            pool: POOL,
            numbers: letter.numbers.real(),
            decided: vec![decided],
            buyers: self.limit.map(|_| (buyer, letter.units.into())).into_iter().collect(),
        }
    }

    fn settle_wrongly(&self, state: &mut State, order: usize, letter: Letter, was: &Book, pages: Pages) {
        let (Some(bug), Some(book)) = (self.bug, &mut state.book) else { return };
        let body = self.body(state.orders[order].kind, letter.body);
        let mine = if letter.fate.is_live() { body.quantity } else { 0 };
        let is_newer = letter.numbers.version > was.numbers.version;
        let buyer = usize::from(body.buyer);
        match bug {
            Bug::SettleIncremental => book.numbers.sold = was.numbers.sold + mine,
            Bug::NoVersionGuard => book.numbers = letter.numbers,
            Bug::DropsOnlyIfNewer if !is_newer => state.orders[order].pages.claim = pages.claim,
            Bug::BuyerAdded => book.buyers[buyer] = (was.buyers[buyer].0, was.buyers[buyer].1 + mine),
            Bug::BuyerPoolGuard if !is_newer => book.buyers[buyer] = was.buyers[buyer],
            Bug::BuyerNoGuard => book.buyers[buyer] = (letter.numbers.version, letter.units),
            Bug::BuyerNotSet => book.buyers[buyer] = was.buyers[buyer],
            _ => {}
        }
    }

    /// A note is forgotten: as the oldest, for any note may be the oldest.
    pub(super) fn forget(&self, state: &mut State, order: usize) {
        let others: Vec<_> = state.orders.iter().map(|order| order.pages.note).collect();
        for (index, of) in state.orders.iter_mut().enumerate() {
            of.pages.note = of.pages.note.filter(|_| index == order);
        }
        self.with_book(state, PoolBook::forget_oldest_notes);
        for (index, (of, note)) in state.orders.iter_mut().zip(others).enumerate() {
            if index != order {
                of.pages.note = note;
            }
        }
        state.budget.forgets -= 1;
    }

    /// What a reader is shown of an order: `Some` when it is decided.
    fn shown(&self, state: &State, order: usize) -> Option<Fate> {
        let of = &state.orders[order];
        let row = of.row.map(|row| row.fate);
        match (state.book.is_some(), of.pages) {
            (true, Pages { claim: Some(_), .. }) => None,
            (true, Pages { note: Some(note), .. }) => Some(note.fate),
            _ => row,
        }
    }

    /// Readers never go back; but a new book may not know at once what the store has decided.
    pub(super) fn reader_never_goes_back(&self, before: &State, state: &mut State) {
        for order in 0..state.orders.len() {
            let (was, is) = (self.shown(before, order), self.shown(state, order));
            let was_noted = before.orders[order].pages.note.is_some();
            match (was, is) {
                (Some(_), None) if !was_noted => state.breaks(Law::PendingAgain),
                (Some(_), _) if was != is => state.breaks(Law::ReadersGoBack),
                _ => {}
            }
        }
    }

    /// Whether the real book finds what [`World::shown`] says.
    pub(crate) fn finds_what_is_there(&self, state: &State) -> bool {
        let mut copy = state.clone();
        (0..state.orders.len()).all(|order| {
            let id = self.id(state, order);
            let known = self.with_book(&mut copy, |book| book.find(id));
            let pages = state.orders[order].pages;
            match known {
                Some(Known::Claimed { .. }) => pages.claim.is_some(),
                Some(Known::Noted(noted)) => pages.note.is_some_and(|note| note.fate == Fate::of(noted.decision)),
                Some(Known::Nothing) => pages.claim.is_none() && pages.note.is_none(),
                None => true,
            }
        })
    }

    pub(super) fn do_wrong(&self, state: &mut State, bug: Bug, order: usize, index: usize) {
        let is_open = state.book.is_some();
        match bug {
            Bug::OlderMeansVersion => self.close_because_it_lags(state),
            Bug::SecondRebuilder => self.open_again(state),
            Bug::RestartUnnoticed => self.restart(state),
            _ => {}
        }
        let letter = state.orders[order].letters.get(index).copied();
        let of = &mut state.orders[order];
        match bug {
            Bug::Told202BeforePublish => of.told |= 1 << of.tries[index].body,
            Bug::Told202BeforePromise => {
                of.told |= 1 << of.tries[index].body;
                of.tries[index].at = At::Over;
            }
            Bug::AckBeforeCommit => acknowledge(of, u8::try_from(index).unwrap_or_default()),
            Bug::TtlRelease if is_open => of.pages.claim = of.pages.claim.filter(|it| it.stage != Stage::Promised),
            Bug::TtlReleaseIntent if is_open => of.pages.claim = of.pages.claim.filter(|claim| !claim.late),
            Bug::DropBeforeNumbers => {
                if let Some(letter) = letter {
                    let settlement = self.settlement(state, order, letter);
                    let claims_only = Settlement {
                        numbers: stampede_domain::PoolNumbers::default(),
                        buyers: Vec::new(),
                        ..settlement
                    };
                    self.with_book(state, |book| book.settle(PRESENT, &claims_only));
                }
            }
            _ => {}
        }
    }
}
