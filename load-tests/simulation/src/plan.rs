//! What a history is made of: everything that follows from its seed.

use crate::{harm::Point, mixture::Mixture};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_actors::settings::ActorSettings;
use std::time::Duration;

/// One process over files of its own, or two web nodes and two writers over servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The ledger dies with the process, the queue does not.
    Embedded,
    /// The ledger can be lost while all processes live, and the bus cannot tell what waits.
    Distributed,
}

/// What becomes of the ledger in a history whose deaths are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LedgerFate {
    /// Nothing.
    Kept,
    /// It is emptied between the deaths.
    Lost,
    /// It comes back as it was earlier.
    Older,
}

/// A history before it happens.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What everything is drawn from.
    pub seed: u64,
    /// Who runs.
    pub mode: Mode,
    /// Keys that buyers use.
    pub orders: u32,
    /// Units at the beginning.
    pub capacity: u32,
    /// Most units of one buyer.
    pub limit: Option<u32>,
    /// Buyers.
    pub buyers: u32,
    /// The most tries of a buyer.
    pub tries: u32,
    /// How long buyers come.
    pub rush: Duration,
    /// How long things go wrong.
    pub storm: Duration,
    /// What goes wrong.
    pub mixture: Mixture,
    /// Deaths written down, one after the other, instead of a mixture.
    pub script: Vec<Point>,
    /// And what becomes of the ledger then.
    pub ledger: LedgerFate,
    /// Whether to keep the history in words.
    pub in_words: bool,
}

impl Plan {
    /// The history of a seed.
    #[must_use]
    pub fn drawn(seed: u64, orders: u32) -> Self {
        // Not the generator of the history itself, whose draws must not depend on how a plan is made.
        let mut rng = SmallRng::seed_from_u64(seed ^ 0x5EED_0F91_A45A_11CE);
        let mode = if rng.random_bool(0.35) { Mode::Embedded } else { Mode::Distributed };
        let demand = rng.random_range(0.5..2.5);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred, and positive")]
        let capacity = ((f64::from(orders) * 1.6 / demand) as u32).max(1);
        let storm = Duration::from_secs(rng.random_range(10..=45));
        Self {
            seed,
            mode,
            orders,
            capacity,
            limit: rng.random_bool(0.4).then(|| rng.random_range(1..=6)),
            buyers: rng.random_range(orders / 8 + 1..=orders + 1),
            tries: 8,
            rush: storm,
            storm,
            mixture: Mixture::drawn(&mut rng, mode == Mode::Distributed),
            script: Vec::new(),
            ledger: LedgerFate::Kept,
            in_words: false,
        }
    }

    /// A short history with nothing but these deaths.
    #[must_use]
    pub fn written(seed: u64, mode: Mode, script: Vec<Point>, ledger: LedgerFate) -> Self {
        // Embedded, every death takes the intents along, and the next ones run out half a minute later.
        let (rush, storm) = if mode == Mode::Embedded { (75, 115) } else { (48, 62) };
        Self {
            seed,
            mode,
            orders: 40,
            capacity: 50,
            limit: Some(4),
            buyers: 20,
            tries: 2,
            // Some come after the first intents were reaped, so that a death at that can be followed by any other.
            rush: Duration::from_secs(rush),
            storm: Duration::from_secs(storm),
            // Some intents are abandoned, so that there is something to reap.
            mixture: Mixture { message_lost: 0.5, ..Mixture::default() },
            script,
            ledger,
            in_words: false,
        }
    }

    /// The actors' settings: small batches, so that a few hundred orders make many of them.
    pub(crate) fn settings(&self) -> ActorSettings {
        let mut rng = SmallRng::seed_from_u64(self.seed ^ 0xACC0_57ED_5E77_1265);
        ActorSettings {
            inventory_batch_size: rng.random_range(1..=40),
            publisher_batch_size: rng.random_range(1..=60),
            order_writer_batch_size: rng.random_range(1..=60),
            order_writer_batch_linger: Duration::from_millis(rng.random_range(0..=20)),
            order_writer_high_water: 10_000,
            // Less often than in earnest: a look costs the simulation as much as an order does.
            cache_sync_interval: Duration::from_millis(500),
            ..ActorSettings::default()
        }
    }
}
