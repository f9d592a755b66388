//! What can befall a call, and at which calls it can be told to.

use std::time::Duration;

/// Who calls a port: an actor of one life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller {
    /// Which process.
    pub node: usize,
    /// Which of its lives.
    pub life: u32,
    /// Which actor.
    pub actor: &'static str,
}

/// Which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Before the port is asked.
    Before,
    /// After it has done what it was asked, before the caller hears of it.
    After,
}

/// A labelled step of the protocol: a moment at which a process can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Whose call.
    pub actor: &'static str,
    /// Of which operation.
    pub operation: &'static str,
    /// On which side of it.
    pub side: Side,
}

/// What befalls a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Nothing.
    None,
    /// The port says no, and did nothing.
    Refused,
    /// Nothing happens, and nobody knows.
    RequestLost,
    /// It happened, and nobody knows.
    AnswerLost,
    /// The port does it twice.
    Twice,
    /// Request and answer take their time.
    Late {
        /// The request.
        before: Duration,
        /// The answer.
        after: Duration,
    },
    /// The process dies.
    Death(Side),
    /// The process stands still for so long.
    Freeze(Side, Duration),
    /// The calling actor dies.
    ActorDeath(Side),
}

/// What befalls the first calls of one operation, of whoever makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Of which operation.
    pub operation: &'static str,
    /// What.
    pub harm: Harm,
    /// How many calls in a row.
    pub times: u32,
}

impl Harm {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Refused => "call refused",
            Self::RequestLost => "request lost",
            Self::AnswerLost => "answer lost",
            Self::Twice => "call doubled",
            Self::Late { .. } => "call late",
            Self::Death(_) => "process died",
            Self::Freeze(..) => "process froze",
            Self::ActorDeath(_) => "actor died",
        }
    }
}
