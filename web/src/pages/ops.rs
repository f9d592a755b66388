//! The two pages of the private operations port: the cast and the laws. Plain tables, English only.

use serde::Serialize;

/// The cast: one row an actor.
#[derive(Clone, Debug, Serialize)]
pub struct ActorsPage {
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// In the order of the protocol.
    pub actors: Vec<ActorRow>,
}

/// One actor, summed over its instances.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ActorRow {
    /// Its name.
    pub name: String,
    /// Instances running.
    pub instances: u64,
    /// Messages waiting or at work.
    pub depth: u64,
    /// Most messages that may wait.
    pub capacity: u64,
    /// Messages handled since the start.
    pub handled: u64,
    /// Messages refused because the mailbox was full.
    pub refused: u64,
    /// Times it was replaced after a panic.
    pub restarts: u64,
    /// Batches flushed since the start.
    pub batches: u64,
    /// Mean size of a batch; `None` before the first.
    pub mean_batch_size: Option<f64>,
}

/// The laws and whether they hold.
#[derive(Clone, Debug, Serialize)]
pub struct AuditPage {
    /// Server time of the audit, unix milliseconds.
    pub now_ms: i64,
    /// All laws, in the protocol's order.
    pub laws: Vec<LawRow>,
}

/// One law.
#[derive(Clone, Debug, Serialize)]
pub struct LawRow {
    /// Its name.
    pub name: String,
    /// What it says, in a sentence.
    pub says: String,
    /// True when nothing contradicts it; `None` when it could not be checked.
    pub holds: Option<bool>,
    /// What was found, for the operator.
    pub found: String,
}

impl ActorsPage {
    /// A cast at work and an empty one.
    pub fn samples() -> Vec<(&'static str, ActorsPage)> {
        let row = |name: &str, depth: u64, capacity: u64, batch: Option<f64>| ActorRow {
            name: name.into(),
            instances: 2,
            depth,
            capacity,
            handled: 1_843_220,
            refused: 17,
            restarts: 1,
            batches: 9_311,
            mean_batch_size: batch,
        };
        let actors = vec![
            row("Inventory", 12, 4_096, Some(83.25)),
            row("Publisher", 3, 4_096, Some(120.0)),
            row("OrderWriter", 3_900, 4_096, Some(498.7)),
            row("CacheSync", 0, 256, None),
        ];
        vec![
            ("working", ActorsPage { now_ms: 1_779_120_257_000, actors }),
            ("empty", ActorsPage { now_ms: 0, actors: Vec::new() }),
        ]
    }
}

impl AuditPage {
    /// Laws that hold, one that does not, one unchecked.
    pub fn samples() -> Vec<(&'static str, AuditPage)> {
        let law = |name: &str, says: &str, holds: Option<bool>, found: &str| LawRow {
            name: name.into(),
            says: says.into(),
            holds,
            found: found.into(),
        };
        let laws = vec![
            law("no_oversell", "held + sold never exceeds capacity", Some(true), "1,000,000 of 1,000,000"),
            law("promise_kept", "every 202 is decided", Some(false), "1 promised order <none> is undecided"),
            law("ledger_settles", "claimed is 0 when nothing is in flight", None, "the ledger is not ready"),
        ];
        vec![("mixed", AuditPage { now_ms: 1_779_120_257_000, laws })]
    }
}
