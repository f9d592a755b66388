//! Ledgers: the promise book.

mod in_process;
mod redis;

#[cfg(test)]
mod contract;

#[cfg(test)]
pub(crate) use contract::HandClock;
pub use in_process::InProcessLedger;
pub use redis::{OpenRedisError, RedisLedger, RedisOptions};
