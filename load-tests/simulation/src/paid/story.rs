//! What a payment's buyer and bank will do: everything that the shop cannot know beforehand.

use rand::{Rng, rngs::SmallRng};
use stampede_domain::Decline;

/// The longest that a notice is under way, and that a bank which said "cancelled" may take the money all the same.
const LATEST_MS: u64 = 9_000;

/// How one payment goes. Times are milliseconds since the history began, or spans of them.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    /// Before this the buyer does nothing on the bank's page.
    pub(crate) acts_at: u64,
    /// How long the bank thinks about it.
    pub(crate) takes: u64,
    /// What it says then.
    pub(crate) word: Word,
    /// Money is taken as soon as the bank has said yes, without being asked.
    pub(crate) captures_itself: bool,
    /// Minor units that are taken above what was asked for, or below.
    pub(crate) differs_by: i64,
    /// Whether it can be cancelled while the bank thinks.
    pub(crate) stops_thinking: bool,
    /// What becomes of a wish to cancel it.
    pub(crate) when_cancelled: WhenCancelled,
    /// For a while the provider knows nothing of it: so long after it was made, and so long.
    pub(crate) forgotten: Option<(u64, u64)>,
    /// What is told of it without being asked, each so many milliseconds after it happened, or before.
    pub(crate) notices: Vec<i64>,
}

/// The bank's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Yes.
    Approved,
    /// No.
    Declined(Decline),
    /// The buyer never came to the page.
    None,
    /// The provider does not even make such a payment.
    Refused,
}

/// What becomes of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenCancelled {
    /// It is cancelled, unless the money is taken.
    Obeys,
    /// The money was faster: it was taken in the very moment.
    WasFaster,
    /// It says that it is cancelled, and takes the money some time later. It must not; then it has to be given back.
    TakesItLater {
        /// So much later.
        after: u64,
    },
}

impl Story {
    /// All goes well, as soon as the buyer acts.
    pub(crate) fn plain(acts_at: u64, takes: u64) -> Self {
        Self {
            acts_at,
            takes,
            word: Word::Approved,
            captures_itself: false,
            differs_by: 0,
            stops_thinking: true,
            when_cancelled: WhenCancelled::Obeys,
            forgotten: None,
            notices: vec![0],
        }
    }

    /// A story of chance for the given moment.
    pub(crate) fn drawn(rng: &mut SmallRng, acts_at: u64, takes: u64) -> Self {
        let word = match rng.random_range(0..100) {
            0..62 => Word::Approved,
            62..80 => Word::Declined(Decline::ALL[rng.random_range(0..5)]),
            80..96 => Word::None,
            _ => Word::Refused,
        };
        let when_cancelled = match rng.random_range(0..100) {
            0..65 => WhenCancelled::Obeys,
            65..85 => WhenCancelled::WasFaster,
            _ => WhenCancelled::TakesItLater { after: rng.random_range(1..LATEST_MS) },
        };
        let thinks_for_long = rng.random_bool(0.08);
        let is_forgotten = rng.random_bool(0.06);
        Self {
            takes: if thinks_for_long { takes + rng.random_range(1_000..20_000) } else { takes },
            word,
            captures_itself: rng.random_bool(0.3),
            differs_by: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, -1, -5_000][rng.random_range(0..14)],
            stops_thinking: rng.random_bool(0.5),
            when_cancelled,
            forgotten: is_forgotten.then(|| (rng.random_range(0..3_000), rng.random_range(500..8_000))),
            notices: notices(rng),
            ..Self::plain(acts_at, takes)
        }
    }

    /// When the bank has its word, for a payment made at `made_at`.
    pub(crate) fn has_word_at(&self, made_at: u64) -> u64 {
        self.begins_at(made_at) + self.takes
    }

    /// When the buyer gives a card.
    pub(crate) fn begins_at(&self, made_at: u64) -> u64 {
        self.acts_at.max(made_at)
    }
}

/// Once, twice, before it happened, late and in another order, or never.
fn notices(rng: &mut SmallRng) -> Vec<i64> {
    let mut some = |from: i64, to: i64| rng.random_range(from..=to);
    match some(0, 4) {
        0 => vec![some(0, 20)],
        1 => vec![some(0, 20), some(0, 20)],
        2 => vec![-some(1, 5_000)],
        3 => vec![some(1_000, LATEST_MS.cast_signed()), some(0, 20)],
        _ => Vec::new(),
    }
}
