//! Order stores: the truth, and the only judge.

mod sqlite;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod rig;

pub use sqlite::SqliteOrderStore;
