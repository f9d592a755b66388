//! Step 7: a book is opened from what the store and the bus still know.

use super::{BuyerUnits, Claim, ClaimState, PoolBook, notes::Notes, shards::Shards};
use crate::{buyer::BuyerId, event::Terms, intent::Intent, pool::PoolNumbers, time::Millis};
use hashbrown::HashMap;
use std::time::Duration;

/// A snapshot of the store, taken in the transaction that raised the epoch, with what the bus still holds.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The number of this opening.
    pub epoch: u64,
    /// The pool's numbers.
    pub numbers: PoolNumbers,
    /// The rules of its sale.
    pub terms: Terms,
    /// Live units of every buyer who has any; empty without a limit.
    pub buyers: Vec<(BuyerId, u32)>,
    /// Undecided orders that are on the bus or dead-lettered: promises.
    pub undecided: Vec<Intent>,
    /// Store, bus and dead letters hold nothing of this pool.
    pub virgin: bool,
    /// The bus holds nothing from before the opening but what is in `undecided`. Otherwise the ledger waits for
    /// [`BACKLOG_LIFE`] before it lets an old id go for an unknown one.
    pub drained: bool,
    /// The catalogue's revision that the terms are of.
    pub revision: u64,
}

/// How long messages from before an opening may stay under way: one lease of the bus (10 s) and its redelivery.
pub const BACKLOG_LIFE: Duration = Duration::from_secs(12);

impl PoolBook {
    /// A book at its opening.
    #[must_use]
    pub fn open(now: Millis, opening: &Opening) -> Self {
        let version = opening.numbers.version;
        let mut book = Self {
            epoch: opening.epoch,
            opened_at: now,
            opened_version: version,
            virgin: opening.virgin,
            backlog_until: (!opening.drained).then(|| now.plus(BACKLOG_LIFE)),
            numbers: opening.numbers,
            terms: opening.terms,
            revision: opening.revision,
            claimed: 0,
            promised: 0,
            // A claim of an earlier opening must not bear the name of one of this: it could be withdrawn in its place.
            attempts: opening.epoch << 32,
            claims: HashMap::new(),
            buyers: Shards::default(),
            notes: Notes::default(),
        };
        for &(buyer, settled) in &opening.buyers {
            book.buyers.of_mut(buyer.0).insert(buyer, BuyerUnits { version, settled, claimed: 0 });
        }
        for intent in &opening.undecided {
            let Intent { order, quantity, buyer, fingerprint, .. } = *intent;
            if !book.claims.contains_key(&order) {
                let state = ClaimState::Promised;
                book.add_claim(order, Claim { quantity, buyer, fingerprint, made_at: now, state });
            }
        }
        book
    }

    /// The same book, fresh, with room for `notes` notes, in whole segments: for comparing ledgers where notes are dropped.
    #[must_use]
    pub fn keeping_notes(mut self, notes: usize) -> Self {
        self.notes = Notes::keeping(notes);
        self
    }
}
