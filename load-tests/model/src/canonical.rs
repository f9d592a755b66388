//! Which states are the same: moments by their order, claims' names by who bears them, orders that are alike by nothing.
//!
//! The ledger compares moments in two places. An id may be forgotten when its own time is not later than the opening or the
//! writing of a note that was dropped; a look-up is void when a note written since was dropped. So of an id's time and of a
//! ticket only this matters: which openings and writings are earlier. Everything yet to come is later than all of them.

use crate::{
    state::{At, Stage, Stamp, State},
    world::{Clock, World},
};

/// The name of a claim whose maker does not live.
const NOBODYS: u64 = 1;

impl World {
    /// The one state that stands for all that are the same.
    pub(crate) fn canonical(&self, mut state: State) -> State {
        self.forget_what_is_dead(&mut state);
        rename(&mut state);
        if self.clock != Clock::Stands {
            renumber(&mut state);
        }
        if self.symmetric {
            for order in &mut state.orders {
                order.tries.sort_unstable();
            }
            state.orders.sort_unstable();
        }
        state
    }

    /// Moments that nobody will ever compare.
    fn forget_what_is_dead(&self, state: &mut State) {
        if self.clock == Clock::Stands {
            return;
        }
        let epoch = state.book.as_ref().map(|book| book.epoch);
        if let Some(book) = state.book.as_mut().filter(|book| book.virgin) {
            book.opened_at = 0;
        }
        for order in &mut state.orders {
            if state.budget.forgets == 0
                && let Some(note) = &mut order.pages.note
            {
                note.written = 0;
            }
            for one in &mut order.tries {
                if let At::Looking(ticket) | At::LookedUp(ticket) = &mut one.at
                    && Some(ticket.epoch) != epoch
                {
                    ticket.asked_at = 0;
                }
            }
        }
    }
}

/// Names are compared within an order only, and only while somebody bears them.
fn rename(state: &mut State) {
    for order in &mut state.orders {
        let mut names: Vec<u64> = order.tries.iter().filter_map(|one| name(one.at)).collect();
        names.sort_unstable();
        names.dedup();
        let small = |name: u64| names.binary_search(&name).map_or(NOBODYS, |rank| rank as u64 + NOBODYS + 1);
        if let Some(claim) = &mut order.pages.claim
            && let Stage::Intent(maker) = &mut claim.stage
            && *maker != 0
        {
            *maker = small(*maker);
        }
        for one in &mut order.tries {
            if let At::Claimed(Some(name)) | At::Refused(Some(name)) = &mut one.at {
                *name = small(*name);
            }
        }
    }
}

/// The name of the claim that a request may still withdraw.
pub(crate) fn name(at: At) -> Option<u64> {
    match at {
        At::Claimed(name) | At::Refused(name) => name,
        _ => None,
    }
}

fn renumber(state: &mut State) {
    let mut marks: Vec<Stamp> = Vec::with_capacity(6);
    if let Some(book) = &state.book {
        marks.extend((!book.virgin).then_some(book.opened_at));
        marks.extend(book.dropped_until);
    }
    if state.budget.forgets > 0 {
        marks.extend(state.orders.iter().filter_map(|order| order.pages.note).map(|note| note.written));
    }
    marks.sort_unstable();
    marks.dedup();
    // A mark's own rank, and for anything else that of the first mark that is not earlier.
    let rank = |stamp: Stamp| {
        let earlier = marks.partition_point(|mark| *mark < stamp);
        u8::try_from(2 * earlier + 2).expect("because there are few marks")
    };
    if let Some(book) = &mut state.book {
        if !book.virgin {
            book.opened_at = rank(book.opened_at);
        }
        book.dropped_until = book.dropped_until.map(rank);
    }
    for order in &mut state.orders {
        order.own = order.own.map(rank);
        if state.budget.forgets > 0
            && let Some(note) = &mut order.pages.note
        {
            note.written = rank(note.written);
        }
        for one in &mut order.tries {
            if let At::Looking(ticket) | At::LookedUp(ticket) = &mut one.at {
                ticket.asked_at = rank(ticket.asked_at);
            }
        }
    }
}
