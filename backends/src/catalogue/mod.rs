//! Catalogues: what is for sale.

mod change;
mod document;
mod postgres;
mod shelf;
mod sqlite;

#[cfg(test)]
mod contract;

pub use postgres::PostgresCatalogue;
pub use sqlite::SqliteCatalogue;
