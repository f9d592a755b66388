//! Buses: the durable hand-over.

mod sqlite;

#[cfg(test)]
mod contract;

pub use sqlite::{QueueOptions, SqliteBus};
