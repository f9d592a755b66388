//! Catalogues: what is for sale.

mod sqlite;

#[cfg(test)]
mod contract;

pub use sqlite::SqliteCatalogue;
