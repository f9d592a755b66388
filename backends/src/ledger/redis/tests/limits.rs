//! Rate limits in Redis: their contract, and what Redis alone can do to them.

use super::{at_test_server, options, own_prefix, server::Server};
use crate::{
    RedisLedger,
    ledger::contract::HandClock,
    rate_limits::{
        RedisRateLimits,
        contract::{Time, rate_limits_contract},
    },
};
use stampede_actors::ports::{Limit, LimitKey, Quota, RateLimits, Take};
use std::{sync::Arc, time::Duration};

impl Time for HandClock {
    async fn pass(&self, by: Duration) {
        self.turn(by);
    }
}

rate_limits_contract!(async || {
    let clock = HandClock::default();
    let ledger = at_test_server(&own_prefix(), 1_000, Some(clock.shared())).await;
    (clock, Arc::new(RedisRateLimits::beside(Arc::new(ledger))))
});

fn take(units: u32) -> [Take; 1] {
    let quota = Quota { burst: 10, per_second: 10 };
    [Take { key: LimitKey { limit: Limit::Orders, of: 7 }, quota, units }]
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_share_a_limit() {
    let prefix = own_prefix();
    let clock = HandClock::default();
    let process = async || {
        let ledger = at_test_server(&prefix, 1_000, Some(clock.shared())).await;
        RedisRateLimits::beside(Arc::new(ledger))
    };
    let (one, other) = (process().await, process().await);
    assert_eq!(one.take(&take(6)).await.unwrap()[0].granted, 6);
    assert_eq!(other.take(&take(6)).await.unwrap()[0].granted, 4);
    assert_eq!(one.take(&take(1)).await.unwrap()[0].granted, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_shuts_nobody_out_for_longer_than_a_burst() {
    let clock = HandClock::default();
    let ledger = at_test_server(&own_prefix(), 1_000, Some(clock.shared())).await;
    let limits = RedisRateLimits::beside(Arc::new(ledger));
    assert_eq!(limits.take(&take(10)).await.unwrap()[0].granted, 10);
    clock.turn_back(Duration::from_secs(3_600));
    let refused = limits.take(&take(10)).await.unwrap()[0];
    assert!(refused.granted == 0 && refused.retry_after <= Duration::from_millis(1_001), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_expire_and_a_lost_server_is_an_error_at_once() {
    let mut server = Server::start(&[]).await;
    let ledger = RedisLedger::connect(options(&server.url(), &own_prefix())).await.unwrap();
    let limits = RedisRateLimits::beside(Arc::new(ledger));
    let before = server.keys().await;
    assert_eq!(limits.take(&take(3)).await.unwrap()[0].granted, 3);
    assert_eq!(server.keys().await, before + 1);
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while server.keys().await > before {
        assert!(tokio::time::Instant::now() < until, "the count is kept for ever");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill();
    assert!(limits.take(&take(1)).await.is_err());
    let asked = tokio::time::Instant::now();
    assert!(limits.take(&take(1)).await.is_err());
    assert!(asked.elapsed() < Duration::from_millis(200), "the breaker is open");
    server.start_again().await;
    while limits.take(&take(1)).await.is_err() {
        assert!(asked.elapsed() < Duration::from_secs(20), "it never comes back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
