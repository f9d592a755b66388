//! Which faults a history has, and how many: each seed picks a mixture of its own, so that rare combinations come too and no
//! fault always hides another.

use rand::{Rng, rngs::SmallRng};
use std::time::Duration;

/// How likely each fault is. Per call where nothing else is said; 0 for those that this history does without.
#[derive(Clone, Debug, Default)]
pub struct Mixture {
    /// The port says no, and did nothing.
    pub refused: f64,
    /// The request is lost on its way: nothing happens, and nobody knows.
    pub request_lost: f64,
    /// The answer is lost on its way: it happened, and nobody knows.
    pub answer_lost: f64,
    /// The port does it twice. Only where every call is safe to repeat.
    pub twice: f64,
    /// Request and answer take their time, up to `latest`.
    pub late: f64,
    /// The longest delay.
    pub latest: Duration,
    /// The process dies before or after the call.
    pub death: f64,
    /// The process stands still before or after the call, for up to `longest_freeze`.
    pub freeze: f64,
    /// The longest standstill.
    pub longest_freeze: Duration,
    /// One actor dies in the middle of the call and is replaced.
    pub actor_death: f64,
    /// A message vanishes between publisher and bus, per message.
    pub message_lost: f64,
    /// A message comes to the bus twice, per message.
    pub message_doubled: f64,
    /// A message comes to the bus long after its publisher was told that nobody knows, per message.
    pub message_late: f64,
    /// Messages change places, per batch.
    pub reordered: f64,
    /// A message that was acknowledged comes once more, per message.
    pub repeated: f64,
    /// Times the ledger is lost while the storm lasts.
    pub ledger_losses: u32,
    /// Whether a lost ledger may come back with an older copy of its books.
    pub older_copies: bool,
    /// Times a port is out of reach for a while, for one process or for all.
    pub outages: u32,
    /// Times a clock is put forward or back.
    pub clock_steps: u32,
    /// Times the organizer pauses the sale for a moment.
    pub pauses: u32,
    /// Times units are added to the sale.
    pub enlargements: u32,
}

impl Mixture {
    /// The mixture of a history.
    pub(crate) fn drawn(rng: &mut SmallRng, distributed: bool) -> Self {
        let mut maybe = |most: f64| if rng.random_bool(0.5) { most * rng.random::<f64>() } else { 0.0 };
        let mut mixture = Self {
            refused: maybe(0.05),
            request_lost: maybe(0.05),
            answer_lost: maybe(0.08),
            late: maybe(0.3),
            death: maybe(0.01),
            freeze: maybe(0.004),
            actor_death: maybe(0.006),
            message_lost: maybe(0.05),
            message_doubled: maybe(0.1),
            message_late: maybe(0.05),
            reordered: maybe(0.5),
            repeated: maybe(0.1),
            ..Self::default()
        };
        mixture.latest = Duration::from_millis(rng.random_range(5..3_000));
        mixture.longest_freeze = Duration::from_secs(rng.random_range(2..60));
        let mut some = |most: u32| if rng.random_bool(0.5) { rng.random_range(1..=most) } else { 0 };
        mixture.ledger_losses = if distributed { some(2) } else { 0 };
        mixture.outages = some(3);
        mixture.clock_steps = some(3);
        mixture.pauses = some(2);
        mixture.enlargements = some(2);
        mixture.older_copies = rng.random_bool(0.5);
        mixture
    }
}
