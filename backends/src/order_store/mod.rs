//! Order stores: the truth, and the only judge.

mod sqlite;

#[cfg(test)]
mod contract;

pub use sqlite::SqliteOrderStore;
