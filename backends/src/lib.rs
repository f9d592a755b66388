//! Technology: what the ports of `stampede_actors::ports` run on. One folder a port, one file a technology, and beside
//! them `contract.rs`, the suite that every technology of that port must pass.
//!
//! The only crate that knows a driver. Absent: rules (they are in `stampede-domain`), choices (they are in the server).

pub mod bus;
pub mod catalogue;
pub mod ledger;
pub mod order_store;
mod sqlite;

pub use bus::{QueueOptions, SqliteBus};
pub use ledger::InProcessLedger;
pub use catalogue::SqliteCatalogue;
pub use order_store::SqliteOrderStore;
pub use sqlite::{OpenError, ShopFile};
