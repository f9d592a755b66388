//! Buses: the durable hand-over.

pub mod dead_letters;
mod sqlite;

#[cfg(test)]
mod contract;

pub use dead_letters::{DeadLetterShelf, NewDeadLetter};
pub use sqlite::{QueueOptions, SqliteBus};
