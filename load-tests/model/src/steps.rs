//! What can happen, and its name in a trace.

use crate::{
    bug::Bug,
    state::{At, Order, Rebuild, Stage, State},
    world::{Calm, Clock, Drain, Mode, World},
};
use std::fmt;

/// One thing that happens. Orders, requests and letters are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// A request claims; `lost` when it never hears the answer.
    Claim { order: usize, by: usize, lost: bool },
    /// A request that was told so looks into the store.
    LookUp { order: usize, by: usize },
    /// The message is on the bus and the request knows it.
    Publish { order: usize, by: usize },
    /// The outcome is unknown, or the node dies.
    PublishUnknown { order: usize, by: usize, landed: bool },
    /// The message was never handed to the bus.
    PublishRefused { order: usize, by: usize },
    /// The claim is taken back, or the call is lost.
    Withdraw { order: usize, by: usize, arrives: bool },
    /// A promise is asked for; `lost` when the answer is.
    Promise { order: usize, by: usize, lost: bool },
    /// The node dies after publishing.
    Die { order: usize, by: usize },
    /// 30 s pass for a claim.
    Late { order: usize },
    /// The ledger's clock steps back.
    ClockBack { order: usize },
    /// The reaper picks what is late.
    Pick,
    /// The reaper offers an order as expired.
    Expire { order: usize },
    /// The writer decides one message.
    Write { order: usize, body: u8, acknowledged: bool },
    /// The writer decides two messages in one transaction.
    WriteBoth { first: (usize, u8), second: (usize, u8) },
    /// The writer sets a message aside.
    SetAside { order: usize, body: u8, acknowledged: bool },
    /// Somebody replays a dead letter.
    Replay { order: usize, body: u8 },
    /// A keeper ends the dead letters of a decided order.
    EndLetters { order: usize },
    /// A keeper sees that a letter has been dead for fifteen minutes.
    DeadForLong { order: usize },
    /// It offers the order as failed.
    Fail { order: usize },
    /// A settlement arrives; it stays in the network.
    Settle { order: usize, letter: usize },
    /// A settlement is made from a fresh snapshot.
    ReadAgain { order: usize },
    /// A note is forgotten.
    Forget { order: usize },
    /// The organizer changes the capacity.
    ChangeCapacity,
    /// The ledger is lost, or the process dies.
    Lose,
    /// A rebuild has seen the writers come to rest.
    Drain,
    /// A rebuild reads bus and dead letters.
    ReadBus,
    /// A rebuild raises the epoch and reads the store.
    Snapshot,
    /// A rebuild opens the pool.
    Open,
    /// Messages from before the opening cannot come any more.
    BacklogOver,
    /// Something that only a bug does.
    Wrong { bug: Bug, order: usize, index: usize },
}

impl World {
    /// Everything that may happen next; some of it may turn out to change nothing.
    pub(crate) fn steps(&self, state: &State, steps: &mut Vec<Step>) {
        if state.broken.is_some() {
            return;
        }
        for (index, order) in state.orders.iter().enumerate() {
            requests(index, order, steps);
            self.keeping(state, index, order, steps);
            self.writing(state, index, order, steps);
            let letters = if state.book.is_some() || self.has(Bug::SettleOpens) { order.letters.len() } else { 0 };
            steps.extend((0..letters).map(|letter| Step::Settle { order: index, letter }));
        }
        if state.book.is_some() {
            steps.push(Step::Pick);
        }
        if state.budget.changes > 0 {
            steps.push(Step::ChangeCapacity);
        }
        self.losing_and_opening(state, steps);
        self.wrong(state, steps);
    }

    fn keeping(&self, state: &State, index: usize, order: &Order, steps: &mut Vec<Step>) {
        let intent = order.pages.claim.filter(|claim| matches!(claim.stage, Stage::Intent(_)));
        if intent.is_some_and(|claim| !claim.late) {
            steps.push(Step::Late { order: index });
        }
        let steps_back = self.clock == Clock::StepsBack || self.has(Bug::ClockBack);
        if steps_back && intent.is_some_and(|claim| claim.late) {
            steps.push(Step::ClockBack { order: index });
        }
        if order.reaped.is_some() {
            steps.push(Step::Expire { order: index });
        }
        if order.pages.note.is_some() && state.budget.forgets > 0 {
            steps.push(Step::Forget { order: index });
        }
        if self.reread && order.row.is_some() {
            steps.push(Step::ReadAgain { order: index });
        }
    }

    fn writing(&self, state: &State, index: usize, order: &Order, steps: &mut Vec<Step>) {
        for body in bodies(order.bus) {
            steps.push(Step::Write { order: index, body, acknowledged: true });
            steps.push(Step::Write { order: index, body, acknowledged: false });
            if self.dead_letters {
                steps.push(Step::SetAside { order: index, body, acknowledged: true });
                steps.push(Step::SetAside { order: index, body, acknowledged: false });
            }
            if self.batches {
                let others = state.orders.iter().enumerate().filter(|(other, _)| *other != index);
                let messages = others.flat_map(|(other, of)| bodies(of.bus).map(move |body| (other, body)));
                steps.extend(messages.map(|second| Step::WriteBoth { first: (index, body), second }));
            }
        }
        for body in bodies(order.dead) {
            steps.push(Step::Replay { order: index, body });
        }
        if order.dead != 0 && order.row.is_some() {
            steps.push(Step::EndLetters { order: index });
        }
        // Fifteen minutes are longer than an intent lives.
        let fresh = order.pages.claim.is_some_and(|claim| matches!(claim.stage, Stage::Intent(_)) && !claim.late);
        if order.dead & !order.replayed != 0 && order.row.is_none() && order.buried.is_none() && !fresh {
            steps.push(Step::DeadForLong { order: index });
        }
        if order.buried.is_some() {
            steps.push(Step::Fail { order: index });
        }
    }

    fn losing_and_opening(&self, state: &State, steps: &mut Vec<Step>) {
        if state.budget.losses > 0 && !self.has(Bug::RestartUnnoticed) {
            steps.push(Step::Lose);
        }
        if let Some(book) = &state.book {
            if book.backlog && state.orders.iter().all(|order| order.backlog == 0) {
                steps.push(Step::BacklogOver);
            }
            return;
        }
        let drains = self.mode == Mode::Servers && self.drain == Drain::Complete && !self.has(Bug::RebuildWithoutDrain);
        // A keeper that died on the way is followed by another; anew only where there is something new, or it would never end.
        let is_old_news = match &state.rebuild {
            Rebuild::Snapshot(snapshot) => snapshot.numbers == state.store.numbers,
            Rebuild::No | Rebuild::Drained | Rebuild::Read { .. } => false,
        };
        if !is_old_news && !drains {
            steps.push(Step::ReadBus);
        }
        if !is_old_news && drains && state.orders.iter().all(|order| order.bus == 0) {
            steps.push(Step::Drain);
        }
        match state.rebuild {
            Rebuild::No => {}
            Rebuild::Drained => steps.push(Step::ReadBus),
            Rebuild::Read { .. } => steps.push(Step::Snapshot),
            Rebuild::Snapshot(_) => steps.push(Step::Open),
        }
    }

    fn wrong(&self, state: &State, steps: &mut Vec<Step>) {
        let Some(bug) = self.bug else { return };
        let mut push = |order, index| steps.push(Step::Wrong { bug, order, index });
        for (number, order) in state.orders.iter().enumerate() {
            for (index, one) in order.tries.iter().enumerate() {
                let lies = match bug {
                    Bug::Told202BeforePublish => matches!(one.at, At::Claimed(_)),
                    Bug::Told202BeforePromise => one.at == At::Published,
                    _ => false,
                };
                if lies {
                    push(number, index);
                }
            }
            match bug {
                Bug::AckBeforeCommit => bodies(order.bus).for_each(|body| push(number, body.into())),
                Bug::TtlRelease | Bug::TtlReleaseIntent => push(number, 0),
                Bug::DropBeforeNumbers => (0..order.letters.len()).for_each(|letter| push(number, letter)),
                _ => {}
            }
        }
        if matches!(bug, Bug::OlderMeansVersion | Bug::SecondRebuilder | Bug::RestartUnnoticed) {
            push(0, 0);
        }
    }

    /// Whether requests die with the ledger.
    pub(crate) fn requests_die(&self) -> bool {
        self.mode == Mode::Embedded || self.calm != Calm::Nobody
    }

    /// Whether keepers die with the ledger.
    pub(crate) fn keepers_die(&self) -> bool {
        self.mode == Mode::Embedded || self.calm == Calm::Everybody
    }
}

fn requests(index: usize, order: &Order, steps: &mut Vec<Step>) {
    for (by, one) in order.tries.iter().enumerate() {
        // Requests that are alike do the same.
        if order.tries[..by].contains(one) {
            continue;
        }
        let order = index;
        match one.at {
            At::Fresh | At::LookedUp(_) => {
                steps.push(Step::Claim { order, by, lost: false });
                steps.push(Step::Claim { order, by, lost: true });
            }
            At::Looking(_) => steps.push(Step::LookUp { order, by }),
            At::Claimed(_) => {
                steps.push(Step::Publish { order, by });
                steps.push(Step::PublishUnknown { order, by, landed: true });
                steps.push(Step::PublishUnknown { order, by, landed: false });
                steps.push(Step::PublishRefused { order, by });
            }
            At::Refused(_) => {
                steps.push(Step::Withdraw { order, by, arrives: true });
                steps.push(Step::Withdraw { order, by, arrives: false });
            }
            At::Published => {
                steps.push(Step::Promise { order, by, lost: false });
                steps.push(Step::Promise { order, by, lost: true });
                steps.push(Step::Die { order, by });
            }
            At::Over => {}
        }
    }
}

/// The bodies of some messages.
pub(crate) fn bodies(bits: u8) -> impl Iterator<Item = u8> {
    (0..8).filter(move |body| bits & 1 << body != 0)
}

/// Whether a request may still act for its order.
pub(crate) fn is_alive(at: At) -> bool {
    !matches!(at, At::Fresh | At::Over)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |order: usize| char::from(b'A' + u8::try_from(order).unwrap_or(25));
        let request = |order: usize, by: usize| format!("{}{}", letter(order), by + 1);
        match *self {
            Self::Claim { order, by, lost: false } => write!(f, "{} claims", request(order, by)),
            Self::Claim { order, by, lost: true } => write!(f, "{} claims, answer lost", request(order, by)),
            Self::LookUp { order, by } => write!(f, "{} is looked up in the store", request(order, by)),
            Self::Publish { order, by } => write!(f, "{} is published", request(order, by)),
            Self::PublishUnknown { order, by, landed: true } => {
                write!(f, "{} is published, outcome unknown", request(order, by))
            }
            Self::PublishUnknown { order, by, landed: false } => {
                write!(f, "{} is not published, outcome unknown", request(order, by))
            }
            Self::PublishRefused { order, by } => write!(f, "{} is refused by the bus", request(order, by)),
            Self::Withdraw { order, by, arrives: true } => write!(f, "{} withdraws", request(order, by)),
            Self::Withdraw { order, by, arrives: false } => {
                write!(f, "{} leaves its claim to the reaper", request(order, by))
            }
            Self::Promise { order, by, lost: false } => write!(f, "{} asks for its promise", request(order, by)),
            Self::Promise { order, by, lost: true } => {
                write!(f, "{} asks for its promise, answer lost", request(order, by))
            }
            Self::Die { order, by } => write!(f, "{}'s node dies", request(order, by)),
            Self::Late { order } => write!(f, "{}'s deadline passes", letter(order)),
            Self::ClockBack { order } => write!(f, "the ledger's clock steps back before {}'s deadline", letter(order)),
            Self::Pick => f.write_str("the reaper picks"),
            Self::Expire { order } => write!(f, "the reaper offers {} as expired", letter(order)),
            Self::Write { order, acknowledged, .. } => {
                let then = if acknowledged { "acknowledges" } else { "dies before it acknowledges" };
                write!(f, "the writer decides {} and {then}", letter(order))
            }
            Self::WriteBoth { first, second } => {
                write!(f, "the writer decides {} and {} at once", letter(first.0), letter(second.0))
            }
            Self::SetAside { order, acknowledged, .. } => {
                let then = if acknowledged { "acknowledges" } else { "dies before it acknowledges" };
                write!(f, "the writer sets {} aside and {then}", letter(order))
            }
            Self::Replay { order, .. } => write!(f, "{} is replayed", letter(order)),
            Self::EndLetters { order } => write!(f, "{}'s dead letters are ended", letter(order)),
            Self::DeadForLong { order } => write!(f, "{} has been dead for fifteen minutes", letter(order)),
            Self::Fail { order } => write!(f, "{} is offered as failed", letter(order)),
            Self::Settle { order, letter: number } => {
                write!(f, "{}'s settlement {} arrives", letter(order), number + 1)
            }
            Self::ReadAgain { order } => write!(f, "the sweep reads {} again", letter(order)),
            Self::Forget { order } => write!(f, "{}'s note is forgotten", letter(order)),
            Self::ChangeCapacity => f.write_str("the organizer changes the capacity"),
            Self::Lose => f.write_str("THE LEDGER IS LOST"),
            Self::Drain => f.write_str("rebuild: the writers are at rest"),
            Self::ReadBus => f.write_str("rebuild: the bus is read"),
            Self::Snapshot => f.write_str("rebuild: the epoch is raised, the store read"),
            Self::Open => f.write_str("rebuild: the pool is opened"),
            Self::BacklogOver => f.write_str("the backlog is over"),
            Self::Wrong { bug, order, .. } => write!(f, "{}: {}", letter(order), bug.does()),
        }
    }
}
