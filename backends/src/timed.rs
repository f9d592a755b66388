//! Measures every operation of a port: `stampede_port_seconds{port,operation,outcome}` and a tracing span.

use crate::around::{Around, Surrounded};
use metrics::{Histogram, histogram};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::time::Instant;
use tracing::Instrument;

/// A port that is measured. `pull` includes the wait for messages, which is not the port's fault.
pub type Timed<P> = Surrounded<P, Stopwatch>;

/// Keeps the histograms of one port, so that a call looks nothing up in the recorder.
pub struct Stopwatch {
    port: &'static str,
    operations: RwLock<HashMap<&'static str, Outcomes>>,
}

/// One histogram an outcome: the two a caller acts upon differently are told apart.
#[derive(Clone)]
struct Outcomes {
    ok: Histogram,
    unavailable: Histogram,
    unknown: Histogram,
    impossible: Histogram,
}

impl<P: ?Sized> Timed<P> {
    /// Measures `port` under the name `name`. Make it after the recorder is installed.
    pub fn new(name: &'static str, port: Arc<P>) -> Self {
        Self { port, around: Stopwatch { port: name, operations: RwLock::default() } }
    }
}

impl Stopwatch {
    fn outcomes(&self, operation: &'static str) -> Outcomes {
        if let Some(known) = self.operations.read().unwrap_or_else(PoisonError::into_inner).get(operation) {
            return known.clone();
        }
        let of = |outcome: &'static str| histogram!("stampede_port_seconds", "port" => self.port, "operation" => operation, "outcome" => outcome);
        let outcomes = Outcomes {
            ok: of("ok"),
            unavailable: of("unavailable"),
            unknown: of("unknown"),
            impossible: of("impossible"),
        };
        self.operations.write().unwrap_or_else(PoisonError::into_inner).insert(operation, outcomes.clone());
        outcomes
    }
}

impl Around for Stopwatch {
    async fn around<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = PortResult<T>> + Send,
    ) -> PortResult<T> {
        let outcomes = self.outcomes(operation);
        let began = Instant::now();
        let answer = call.instrument(tracing::debug_span!("port", port = self.port, operation)).await;
        let histogram = match &answer {
            Ok(_) => outcomes.ok,
            Err(PortFailure::Unavailable(_)) => outcomes.unavailable,
            Err(PortFailure::Unknown(_)) => outcomes.unknown,
            Err(PortFailure::Impossible(_)) => outcomes.impossible,
        };
        histogram.record(began.elapsed());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InProcessLedger, ledger::HandClock};
    use stampede_actors::ports::Ledger;

    #[tokio::test]
    async fn a_measured_port_answers_as_the_port_itself() {
        let ledger: Arc<dyn Ledger> = Arc::new(InProcessLedger::new(HandClock::default().shared()));
        let timed: Arc<dyn Ledger> = Arc::new(Timed::new("ledger", Arc::clone(&ledger)));
        assert_eq!(timed.snapshot().await, ledger.snapshot().await);
    }
}
