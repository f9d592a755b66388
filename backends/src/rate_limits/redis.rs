//! The counts of all processes, in Redis: a number a key, which expires when it says nothing any more.
//!
//! One script call a key (`ledger/redis/lua/take.lua`), all of a round in one go. Each key has a hash tag of its own. The
//! connection is the ledger's, with its breaker: while Redis is lost a round fails at once, and each process judges alone.

use crate::ledger::RedisLedger;
use async_trait::async_trait;
use stampede_actors::ports::{PortResult, RateLimits, Take, Taken};
use std::sync::Arc;

/// [`RateLimits`] of all processes.
pub struct RedisRateLimits(Arc<RedisLedger>);

impl RedisRateLimits {
    /// Counts beside a ledger, over its connection.
    #[must_use]
    pub fn beside(ledger: Arc<RedisLedger>) -> Self {
        Self(ledger)
    }
}

#[async_trait]
impl RateLimits for RedisRateLimits {
    async fn take(&self, asked: &[Take]) -> PortResult<Vec<Taken>> {
        self.0.take_units(asked).await
    }
}
