//! The ledger's clock for this process: the server's time, carried on between looks.

use stampede_actors::clock::Clock;
use stampede_domain::Millis;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// A correction up to this is waited out by standing still; a larger one is a clock that was set, and is followed.
const STAND_STILL: i64 = 1_000;

/// Time since the connection, plus the server's time then. Never goes back by the jitter of a measurement.
pub(super) struct LedgerClock {
    began: Instant,
    offset: AtomicI64,
    latest: AtomicI64,
}

impl LedgerClock {
    /// A clock that knows nothing until it is set.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), offset: AtomicI64::new(0), latest: AtomicI64::new(0) }
    }

    /// The server said `now` to a question that was asked at `asked` and answered just now: half the way ago.
    pub(super) fn set(&self, now: Millis, asked: Instant) {
        let half_way = asked + asked.elapsed() / 2;
        self.offset.store(now.0.saturating_sub(millis(half_way - self.began)), Ordering::Relaxed);
    }
}

impl Clock for LedgerClock {
    fn now(&self) -> Millis {
        let now = millis(self.began.elapsed()).saturating_add(self.offset.load(Ordering::Relaxed));
        let latest = self.latest.fetch_max(now, Ordering::Relaxed);
        if latest.saturating_sub(now) > STAND_STILL {
            self.latest.store(now, Ordering::Relaxed);
            return Millis(now);
        }
        Millis(latest.max(now))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_the_server_and_stands_still_rather_than_going_back_a_little() {
        let clock = LedgerClock::new();
        clock.set(Millis(1_000_000), Instant::now());
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(clock.now(), Millis(1_000_500));
        clock.set(Millis(1_000_490), Instant::now());
        assert_eq!(clock.now(), Millis(1_000_500), "jitter");
        tokio::time::advance(Duration::from_millis(30)).await;
        assert_eq!(clock.now(), Millis(1_000_520));
        clock.set(Millis(900_000), Instant::now());
        assert_eq!(clock.now(), Millis(900_000), "the server's clock was set back");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_tells_an_impossible_time_stops_nobody() {
        let clock = LedgerClock::new();
        for told in [i64::MIN, i64::MAX, 0] {
            clock.set(Millis(told), Instant::now());
            tokio::time::advance(Duration::from_secs(1)).await;
            clock.now();
        }
        assert_eq!(clock.now(), Millis(1_000));
    }
}
