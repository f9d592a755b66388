//! Ledgers: the promise book.

mod books;
#[cfg(feature = "fuzz")]
pub(crate) use redis::fuzz;
mod in_process;
#[cfg(any(test, feature = "memory"))]
pub(crate) mod memory;
mod news;
mod redis;

#[cfg(test)]
mod contract;

#[cfg(test)]
pub(crate) use contract::HandClock;
pub use in_process::InProcessLedger;
pub use redis::{OpenRedisError, RedisLedger, RedisOptions};
