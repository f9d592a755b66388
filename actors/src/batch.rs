//! How batches turn out: measured the same way for every actor that makes them.

use crate::gate::Gate;
use metrics::{Counter, Histogram, counter, histogram};
use std::{sync::Arc, time::Duration};

/// Why a batch was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was full.
    Full,
    /// The one before was done.
    Ready,
    /// It had waited long enough.
    Linger,
}

/// Measures the batches of one actor.
pub struct BatchMeter {
    gate: Arc<Gate>,
    size: Histogram,
    seconds: Histogram,
    reasons: [Counter; 3],
}

impl BatchMeter {
    /// The meter of the actor behind a gate.
    #[must_use]
    pub fn new(gate: &Arc<Gate>) -> Self {
        let actor = gate.actor();
        let reason =
            |reason: &'static str| counter!("stampede_batch_flushes_total", "actor" => actor, "reason" => reason);
        Self {
            gate: Arc::clone(gate),
            size: histogram!("stampede_batch_size", "actor" => actor),
            seconds: histogram!("stampede_batch_flush_seconds", "actor" => actor),
            reasons: [reason("full"), reason("ready"), reason("linger")],
        }
    }

    /// A batch of `size` was closed.
    pub fn closed(&self, size: usize, why: Closed) {
        self.gate.count_batch(size);
        self.size.record(size as f64);
        self.reasons[why as usize].increment(1);
    }

    /// A batch took this long.
    pub fn done(&self, took: Duration) {
        self.seconds.record(took);
    }
}
