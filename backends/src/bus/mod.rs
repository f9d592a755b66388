//! Buses: the durable hand-over.

pub mod dead_letters;
#[cfg(any(test, feature = "memory"))]
pub(crate) mod memory;
mod pubsub;
mod sqlite;

#[cfg(test)]
mod contract;

pub use dead_letters::{DeadLetterShelf, NewDeadLetter, PostgresDeadLetters};
pub use pubsub::{OpenPubSubError, PubSubBus, PubSubOptions, bootstrap};
pub use sqlite::{QueueOptions, SqliteBus};
