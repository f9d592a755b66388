//! Order stores: the truth, and the only judge.

mod batch;
mod columns;
pub(crate) mod holds;
mod mails;
#[cfg(any(test, feature = "memory"))]
pub(crate) mod memory;
mod postgres;
mod sqlite;

#[cfg(test)]
mod contract;
#[cfg(test)]
mod hold_model;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod rig;

pub use postgres::PostgresOrderStore;
pub use sqlite::SqliteOrderStore;
#[cfg(feature = "fuzz")]
pub(crate) use sqlite::fuzz;
