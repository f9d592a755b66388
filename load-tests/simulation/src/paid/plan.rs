//! A history of paying before it happens: everything that follows from its seed, or is written down.

use super::{
    customer::{Customer, RACE_MS},
    story::{Story, WhenCancelled, Word},
};
use crate::{harm::Planned, mixture::Mixture, plan::Mode};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_domain::{Decline, OrderId, hold::EXTENSION};
use std::time::Duration;

/// Paid orders of a history.
pub const RACES: u32 = 20;
/// How long holds are: the shortest that an organizer can say. The orders are older than the history.
pub(crate) const HOLD: Duration = Duration::from_secs(60);
/// When the first hold runs out, and how far apart the last one is, in milliseconds.
const FIRST_DEADLINE: u64 = 16_000;
const DEADLINES: u64 = 3_000;
/// When reconcilers look: two processes begin half of their period apart.
pub(crate) const TICK: u64 = 250;
/// What an extension adds.
pub(crate) const EXTENDED_BY_MS: u64 = EXTENSION.as_secs() * 1_000;
/// When things begin to go wrong, unless nothing is to.
const STORM_BEGINS: u64 = 4_000;

/// A history of people who pay in the last moment.
#[derive(Clone, Debug)]
pub struct PaidPlan {
    /// What everything is drawn from.
    pub seed: u64,
    /// One process, or two.
    pub mode: Mode,
    /// What goes wrong.
    pub mixture: Mixture,
    /// What goes wrong once, at a step that is written down.
    pub planned: Option<Planned>,
    /// When things begin to go wrong, and when everything works again; milliseconds.
    pub(crate) storm: (u64, u64),
    /// Who comes.
    pub(crate) customers: Vec<Customer>,
    /// Whether to keep the history in words.
    pub(crate) in_words: bool,
}

impl PaidPlan {
    /// The history of a seed.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        Self::drawn_for(seed, false)
    }

    /// The same, with buyers who ask for more time in any case: elsewhere in few histories, because it costs minutes, which have to
    /// be gone through.
    #[must_use]
    pub fn drawn_for(seed: u64, slow_buyers: bool) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed ^ 0x9A1D_0A70_4C1E_4B0D);
        let mode = if rng.random_bool(0.3) { Mode::Embedded } else { Mode::Distributed };
        let every = if mode == Mode::Embedded { 2 * TICK } else { TICK };
        let may_extend = rng.random_bool(0.15) || slow_buyers;
        let customers: Vec<_> = (0..RACES)
            .map(|number| {
                // Short before somebody looks: then the end comes at once, too.
                let tick = rng.random_range(0..DEADLINES / every) * every;
                let deadline = FIRST_DEADLINE + tick - rng.random_range(0..RACE_MS);
                let order = order(&mut rng, number);
                Customer::drawn(&mut rng, order, deadline, may_extend)
            })
            .collect();
        let last = customers.iter().map(Customer::ends_at).max().unwrap_or_default();
        Self {
            seed,
            mode,
            mixture: mixture(&mut rng, mode),
            planned: None,
            storm: (STORM_BEGINS, last + rng.random_range(0..8_000)),
            customers,
            in_words: false,
        }
    }

    /// A history in which every step of paying is taken at least once and nothing goes wrong but what is planned.
    #[must_use]
    pub fn with_every_step(mode: Mode, planned: Option<Planned>) -> Self {
        let mut rng = SmallRng::seed_from_u64(7);
        let deadline = 20_000;
        let mut customer = |number: u64, story: Story| Customer {
            stories: vec![story],
            ..Customer::plain(
                order(&mut rng, u32::try_from(number).unwrap_or_default()),
                deadline,
                2_000 + 400 * number,
            )
        };
        let plain = Story::plain(0, 900);
        let story = |word| Story { word, ..plain.clone() };
        let mut customers = vec![
            customer(0, plain.clone()),
            customer(1, story(Word::Declined(Decline::InsufficientFunds))),
            customer(2, story(Word::None)),
            customer(3, Story { differs_by: -100, ..plain.clone() }),
            customer(4, plain.clone()),
            customer(5, plain.clone()),
            customer(6, Story { when_cancelled: WhenCancelled::TakesItLater { after: 700 }, ..story(Word::None) }),
            customer(7, Story { when_cancelled: WhenCancelled::WasFaster, ..story(Word::None) }),
            customer(8, Story { notices: Vec::new(), ..plain.clone() }),
        ];
        customers[1].stories.push(plain);
        customers[4].pays_at = None;
        customers[4].cancels_at = Some(3_500);
        customers[5].repaid_after = Some(500);
        Self {
            seed: 7,
            mode,
            mixture: Mixture::default(),
            planned,
            storm: (1_000, deadline + 6_000),
            customers,
            in_words: false,
        }
    }

    /// The same, kept in words.
    #[must_use]
    pub fn in_words(self) -> Self {
        Self { in_words: true, ..self }
    }

    /// When the last hold runs out; milliseconds.
    pub(crate) fn last_deadline(&self) -> u64 {
        self.customers.iter().map(Customer::ends_at).max().unwrap_or_default()
    }
}

impl Customer {
    /// When the hold runs out, if all that was to be asked for was granted.
    pub(crate) fn ends_at(&self) -> u64 {
        if self.extends_at.is_some() { self.deadline + EXTENDED_BY_MS } else { self.deadline }
    }
}

/// The key of an order.
fn order(rng: &mut SmallRng, number: u32) -> OrderId {
    let mut chance = [0; 10];
    rng.fill(&mut chance);
    // The history's own time does not matter here, and keys of one moment differ by chance.
    let at = crate::clock::START.unsigned_abs() + u64::from(number);
    OrderId(uuid::Builder::from_unix_timestamp_millis(at, &chance).into_uuid())
}

/// Some histories have fair weather, so that races are run that nothing else decides.
fn mixture(rng: &mut SmallRng, mode: Mode) -> Mixture {
    if rng.random_bool(0.2) {
        return Mixture::default();
    }
    let twice = if rng.random_bool(0.5) { rng.random_range(0.0..0.1) } else { 0.0 };
    let mixture = Mixture::drawn(rng, mode == Mode::Distributed);
    // What is away for longer than the moment lasts is nothing that a race could be run against; some of that is enough.
    let latest = if rng.random_bool(0.75) { rng.random_range(2..80) } else { rng.random_range(80..1_500) };
    let longest = if rng.random_bool(0.6) { rng.random_range(5..300) } else { rng.random_range(300..20_000) };
    let (latest, longest_freeze) = (Duration::from_millis(latest), Duration::from_millis(longest));
    Mixture {
        twice,
        // There are fewer calls in such a history than where orders are taken.
        refused: 2.0 * mixture.refused,
        request_lost: 2.0 * mixture.request_lost,
        answer_lost: 2.0 * mixture.answer_lost,
        death: 3.0 * mixture.death,
        actor_death: 3.0 * mixture.actor_death,
        freeze: 2.0 * mixture.freeze,
        latest,
        gives_up: Some(2 * latest),
        longest_freeze,
        ..mixture
    }
}
