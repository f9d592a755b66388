//! What everything on Postgres shares: reaching the server, its schema, transactions, and what an error means.
//!
//! | part | job |
//! |---|---|
//! | [`options`] | how the server is reached, and what every connection is told at its start |
//! | [`open`] | the first connection: patience with a server that starts, none with a wrong password |
//! | [`schema`] | migrations: applied by `stampede migrate`, checked at every start |
//! | [`database`] | the two pools, and the only ways to use them |
//! | [`session`] | one connection taken out of its pool, which never goes back in the middle of something |
//! | [`error`] | which failures mean that nothing happened |

mod database;
mod error;
mod open;
mod options;
mod schema;
mod session;

#[cfg(test)]
pub(crate) mod proxy;
#[cfg(test)]
pub(crate) mod scratch;
#[cfg(test)]
mod tests;

pub use database::{Connections, Database};
pub(crate) use database::{End, Patience, Source, Work};
#[cfg(test)]
pub(crate) use error::code_of;
pub use open::OpenPostgresError;
pub use options::PostgresOptions;
pub use schema::MigrateReport;
