//! What came of a load.

use super::Histogram;
use crate::process;
use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

/// Above this share of its one thread the generator may be what limits a run.
const SATURATED: f64 = 0.9;

/// Answers by status, and everything that was none.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    /// Latencies of the answers.
    pub(crate) answers: BTreeMap<u16, Histogram>,
    /// Requests whose connection broke before the answer.
    pub(crate) broken: u64,
    /// Arrivals that found too many others waiting for a connection.
    pub(crate) dropped: u64,
    /// Buyers who sent their request and hung up.
    pub(crate) hung_up: u64,
    /// Arrivals of buyers who had been told to come back.
    pub(crate) came_back: u64,
    /// Buyers who had been told to, and the load was over before.
    pub(crate) never_back: u64,
    /// How long it took.
    pub(crate) elapsed: Duration,
    /// CPU time of the generator, which is this whole process.
    pub(crate) own_cpu: Duration,
}

impl Outcome {
    pub(crate) fn answered(&mut self, status: u16, latency: Duration) {
        self.answers.entry(status).or_default().record(latency);
    }

    /// Answers with this status.
    pub(crate) fn count(&self, status: u16) -> u64 {
        self.answers.get(&status).map_or(0, Histogram::count)
    }

    /// Answers of any status.
    pub(crate) fn all(&self) -> u64 {
        self.answers.values().map(Histogram::count).sum()
    }

    /// Answers that were not successes, by status.
    pub(crate) fn failures(&self) -> BTreeMap<u16, u64> {
        let failed = self.answers.iter().filter(|(status, _)| !(200..300).contains(*status));
        failed.map(|(status, histogram)| (*status, histogram.count())).collect()
    }

    /// The generator's share of one core; it has one thread.
    pub(crate) fn generator_share(&self) -> f64 {
        self.own_cpu.as_secs_f64() / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    pub(crate) fn is_saturated(&self) -> bool {
        self.generator_share() > SATURATED
    }

    pub(crate) fn quantile(&self, status: u16, share: f64) -> Duration {
        self.answers.get(&status).map(|histogram| histogram.quantile(share)).unwrap_or_default()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.all() as f64 / self.elapsed.as_secs_f64();
        write!(f, "{} answers in {:.2} s, {rate:.0}/s", self.all(), self.elapsed.as_secs_f64())?;
        for (status, histogram) in &self.answers {
            let millis = |share| histogram.quantile(share).as_secs_f64() * 1_000.0;
            write!(
                f,
                "; {status}: {} (p50 {:.2} p99 {:.2} max {:.2} ms)",
                histogram.count(),
                millis(0.5),
                millis(0.99),
                millis(1.0)
            )?;
        }
        write!(f, "; broken {}, dropped {}, hung up {}", self.broken, self.dropped, self.hung_up)?;
        if self.came_back > 0 {
            write!(f, ", came back {}, not served in the end {}", self.came_back, self.never_back)?;
        }
        write!(f, "; generator {:.0} % of a core", self.generator_share() * 100.0)
    }
}

/// Time and CPU since a beginning.
pub(super) struct Watch {
    began: Instant,
    cpu: Duration,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { began: Instant::now(), cpu: process::own_cpu() }
    }

    pub(super) fn stop(&self, outcome: &mut Outcome) {
        outcome.elapsed = self.began.elapsed();
        outcome.own_cpu = process::own_cpu().saturating_sub(self.cpu);
    }
}
