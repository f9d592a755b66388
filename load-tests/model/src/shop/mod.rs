//! What each step does: glue around the real transitions, as thin as the shop's own.

mod keeper;
mod rebuild;
mod requests;
mod store;

use crate::{laws::Law, state::State, steps::Step, world::World};
use std::collections::BTreeSet;

/// The state after a step, and what happened that the protocol allows here.
pub(crate) struct Moved {
    pub(crate) state: State,
    pub(crate) tolerated: BTreeSet<Law>,
}

impl World {
    /// What a step makes of a state; `None` when it changes nothing.
    pub(crate) fn after(&self, before: &State, step: Step) -> Option<Moved> {
        let mut state = before.clone();
        self.take(&mut state, step);
        self.reader_never_goes_back(before, &mut state);
        let mut tolerated = BTreeSet::new();
        if let Some(law) = state.broken.filter(|law| self.tolerated.contains(law)) {
            tolerated.insert(law);
            state.broken = None;
        }
        let state = self.canonical(state);
        (state != *before).then_some(Moved { state, tolerated })
    }

    fn take(&self, state: &mut State, step: Step) {
        match step {
            Step::Claim { order, by, lost } => self.claim(state, order, by, lost),
            Step::LookUp { order, by } => self.look_up(state, order, by),
            Step::Publish { order, by } => self.publish(state, order, by),
            Step::PublishUnknown { order, by, landed } => self.publish_unknown(state, order, by, landed),
            Step::PublishRefused { order, by } => self.publish_refused(state, order, by),
            Step::Withdraw { order, by, arrives } => self.withdraw(state, order, by, arrives),
            Step::Promise { order, by, lost } => self.promise(state, order, by, lost),
            Step::Die { order, by } => state.orders[order].tries[by].at = crate::state::At::Over,
            Step::Late { order } => self.set_late(state, order, true),
            Step::ClockBack { order } => self.set_late(state, order, false),
            Step::Pick => self.pick(state),
            Step::Expire { order } => self.expire(state, order),
            Step::Write { order, body, acknowledged } => self.write(state, order, body, acknowledged),
            Step::WriteBoth { first, second } => self.write_both(state, first, second),
            Step::SetAside { order, body, acknowledged } => self.set_aside(state, order, body, acknowledged),
            Step::Replay { order, body } => self.replay(state, order, body),
            Step::EndLetters { order } => (state.orders[order].dead, state.orders[order].replayed) = (0, 0),
            Step::DeadForLong { order } => self.dead_for_long(state, order),
            Step::Fail { order } => self.fail(state, order),
            Step::Settle { order, letter } => self.settle(state, order, state.orders[order].letters[letter]),
            Step::ReadAgain { order } => self.read_again(state, order),
            Step::Forget { order } => self.forget(state, order),
            Step::ChangeCapacity => self.change_capacity(state),
            Step::Lose => self.lose(state),
            Step::Drain => state.rebuild = crate::state::Rebuild::Drained,
            Step::ReadBus => self.read_bus(state),
            Step::Snapshot => self.snapshot(state),
            Step::Open => self.open(state),
            Step::BacklogOver => {
                if let Some(book) = &mut state.book {
                    book.backlog = false;
                }
            }
            Step::Wrong { bug, order, index } => self.do_wrong(state, bug, order, index),
        }
    }
}
