//! Technology: what the ports of `stampede_actors::ports` run on. One folder a port, one file a technology, and beside
//! them `contract.rs`, the suite that every technology of that port must pass.
//!
//! The only crate that knows a driver. Absent: rules (they are in `stampede-domain`), choices (they are in the server).

mod around;
pub mod bus;
pub mod catalogue;
pub mod flaky;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod ledger;
pub mod mails;
#[cfg(any(test, feature = "memory"))]
mod memory;
pub mod order_store;
pub mod payments;
mod postgres;
pub mod rate_limits;
mod sql;
mod sqlite;
mod timed;

pub use around::{Around, Surrounded};
pub use bus::{
    DeadLetterShelf, NewDeadLetter, OpenPubSubError, PostgresDeadLetters, PubSubBus, PubSubOptions, QueueOptions,
    SqliteBus, bootstrap,
};
pub use catalogue::{PostgresCatalogue, SqliteCatalogue};
pub use flaky::Flaky;
pub use ledger::{InProcessLedger, OpenRedisError, RedisLedger, RedisOptions};
pub use mails::{FolderMailer, Sender, SmtpMailer};
#[cfg(any(test, feature = "memory"))]
pub use memory::{
    MemoryBus, MemoryBusOptions, MemoryBusServer, MemoryCatalogue, MemoryLedger, MemoryLedgerCopy, MemoryLedgerServer,
    MemoryOrderStore, MemoryShop, Passage,
};
pub use order_store::{PostgresOrderStore, SqliteOrderStore};
pub use payments::{SimulatedBank, StripeGateway, StripeOptions};
pub use postgres::{Connections, Database, MigrateReport, OpenPostgresError, PostgresOptions};
pub use rate_limits::{InProcessRateLimits, RedisRateLimits};
pub use sqlite::{OpenError, ShopFile, Trouble};
pub use timed::{Stopwatch, Timed};
