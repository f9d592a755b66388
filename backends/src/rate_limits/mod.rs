//! Rate limits: who asks how often, in this process and in all of them.

mod in_process;
mod redis;

#[cfg(test)]
pub(crate) mod contract;

pub use in_process::InProcessRateLimits;
pub use redis::RedisRateLimits;
