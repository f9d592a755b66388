//! Clocks that go with tokio's paused time, each with a step of its own.

use stampede_actors::clock::Clock;
use stampede_domain::Millis;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tokio::time::Instant;

/// 2027-06-01T10:00:00Z: the festival's sale is open.
pub(crate) const START: i64 = 1_811_844_000_000;

/// The clock of one machine.
pub(crate) struct SimulatedClock {
    began: Instant,
    ahead_ms: AtomicI64,
}

impl SimulatedClock {
    pub(crate) fn since(began: Instant) -> Arc<Self> {
        Arc::new(Self { began, ahead_ms: AtomicI64::new(0) })
    }

    /// Puts the clock forward, or back.
    pub(crate) fn step(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Millis {
        let gone = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Millis(START + gone + self.ahead_ms.load(Ordering::Relaxed))
    }
}
