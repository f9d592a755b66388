//! The wires between an actor and its ports: every call passes here, and meets its fate.

mod bus;
mod catalogue;
mod gateway;
mod holds;
mod ledger;
mod store;

pub(crate) use bus::BusLink;

use crate::{
    crash_table::Row,
    fate::Fate,
    harm::{Caller, Harm, Side},
};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{sync::Arc, time::Duration};

/// The longest that an ordinary call takes: enough for others to come in between.
const ORDINARY_MS: u64 = 3;

/// One actor's wire to one port.
pub(crate) struct Link<P: ?Sized> {
    pub(crate) port: Arc<P>,
    pub(crate) fate: Arc<Fate>,
    pub(crate) caller: Caller,
    pub(crate) name: &'static str,
}

/// What a lost answer means for the caller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It changes something: nobody knows whether it did. It moves an order on.
    Moves,
    /// It changes something, and comes by the clock.
    Tends,
    /// It only reads.
    Reads,
}

impl<P: ?Sized> Link<P> {
    /// What befalls the call before the port is asked.
    pub(crate) async fn before(&self, operation: &'static str, kind: Kind) -> PortResult<Harm> {
        self.before_or(operation, kind, None).await
    }

    /// The same; a death at this moment is a row of the crash table.
    pub(crate) async fn before_or(&self, operation: &'static str, kind: Kind, row: Option<Row>) -> PortResult<Harm> {
        let Self { fate, caller, .. } = self;
        fate.alive(*caller).await;
        let harm = fate.of_call(*caller, self.name, operation, kind == Kind::Moves);
        if let (Harm::Death(Side::Before) | Harm::ActorDeath(Side::Before), Some(row)) = (harm, row) {
            fate.hit(row);
        }
        match harm {
            Harm::Refused => return Err(PortFailure::Unavailable(format!("{operation}: refused on purpose"))),
            Harm::RequestLost => {
                fate.wait_in_vain().await;
                return Err(lost(operation, kind));
            }
            Harm::Late { before, .. } => fate.linger(before).await,
            Harm::Death(Side::Before) => self.die().await,
            Harm::ActorDeath(Side::Before) => self.fall().await,
            Harm::Freeze(Side::Before, time) => fate.freeze(caller.node, time),
            Harm::None if kind == Kind::Moves => {
                tokio::time::sleep(Duration::from_millis(fate.between(0, ORDINARY_MS))).await;
            }
            _ => {}
        }
        fate.alive(*caller).await;
        Ok(harm)
    }

    /// What befalls it afterwards.
    pub(crate) async fn after<T>(
        &self,
        operation: &'static str,
        kind: Kind,
        harm: Harm,
        answer: PortResult<T>,
    ) -> PortResult<T> {
        // A call may have waited so long, for messages for example, that the storm it was drawn in is over.
        let harm = if self.fate.is_calm() { Harm::None } else { harm };
        match harm {
            Harm::Late { after, .. } => self.fate.linger(after).await,
            Harm::Death(Side::After) => self.die().await,
            Harm::ActorDeath(Side::After) => self.fall().await,
            Harm::Freeze(Side::After, time) => self.fate.freeze(self.caller.node, time),
            Harm::AnswerLost => {
                self.fate.wait_in_vain().await;
                return Err(lost(operation, kind));
            }
            _ => {}
        }
        self.fate.alive(self.caller).await;
        answer
    }

    async fn die(&self) {
        self.fate.dies(self.caller);
        std::future::pending::<()>().await;
    }

    async fn fall(&self) {
        self.fate.actor_dies(self.caller);
        std::future::pending::<()>().await;
    }
}

fn lost(operation: &'static str, kind: Kind) -> PortFailure {
    let why = format!("{operation}: lost on purpose");
    if kind == Kind::Reads { PortFailure::Unavailable(why) } else { PortFailure::Unknown(why) }
}

/// Whether a harm keeps the caller from ever hearing the answer.
pub(crate) fn is_unheard(harm: Harm) -> bool {
    matches!(harm, Harm::Death(Side::After) | Harm::ActorDeath(Side::After) | Harm::AnswerLost)
}

/// A port over a wire: lines of `name(arguments) -> answer, kind;` for calls with nothing special about them, then the others.
macro_rules! wired {
    ($Port:ident over $Link:ty {
        $($method:ident($($argument:ident: $Type:ty),*) -> $Answer:ty, $kind:ident;)*
        $(+ $($more:tt)*)?
    }) => {
        #[async_trait]
        impl $Port for $Link {
            $(
                async fn $method(&self, $($argument: $Type),*) -> PortResult<$Answer> {
                    let harm = self.before(stringify!($method), Kind::$kind).await?;
                    let answer = self.port.$method($($argument),*).await;
                    self.after(stringify!($method), Kind::$kind, harm, answer).await
                }
            )*
            $($($more)*)?
        }
    };
}
pub(crate) use wired;
