//! Catalogues: what is for sale.

mod change;
mod document;
#[cfg(any(test, feature = "memory"))]
pub(crate) mod memory;
mod postgres;
mod shelf;
mod sqlite;

#[cfg(test)]
mod contract;

pub use postgres::PostgresCatalogue;
pub use sqlite::SqliteCatalogue;
#[cfg(feature = "fuzz")]
pub(crate) use sqlite::fuzz;
