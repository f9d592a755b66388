//! Order stores: the truth, and the only judge.

mod sqlite;

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
mod model;

pub use sqlite::SqliteOrderStore;
