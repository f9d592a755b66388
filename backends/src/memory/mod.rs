//! The technology "memory": backends for deterministic simulations, where many "processes" run on one thread in paused time.
//!
//! What a database or a server would keep is in a value that outlives the processes ([`MemoryShop`], [`MemoryBusServer`],
//! [`MemoryLedgerServer`]); each process has handles of its own. They pass the same contracts as the real ones. They take no
//! time, know no chance and no clock but the one they are given, and answer in an order that depends on nothing else: faults,
//! delays and crashes are put around them ([`crate::Surrounded`]). Never wired into a shop.

mod tables;

pub use crate::{
    bus::memory::{MemoryBus, MemoryBusOptions, MemoryBusServer, Passage},
    catalogue::memory::MemoryCatalogue,
    ledger::memory::{MemoryLedger, MemoryLedgerCopy, MemoryLedgerServer},
    order_store::memory::MemoryOrderStore,
};
pub use tables::MemoryShop;
pub(crate) use tables::{MailRow, PoolRecord, Tables};
