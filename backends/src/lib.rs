//! Technology: what the ports of `stampede_actors::ports` run on. One folder a port, one file a technology, and beside
//! them `contract.rs`, the suite that every technology of that port must pass.
//!
//! The only crate that knows a driver. Absent: rules (they are in `stampede-domain`), choices (they are in the server).

pub mod bus;
pub mod ledger;
mod sqlite;

pub use bus::{QueueOptions, SqliteBus};
pub use ledger::InProcessLedger;
pub use sqlite::OpenError;
