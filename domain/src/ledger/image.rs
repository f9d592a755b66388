//! A book as plain data, and a book from plain data.
//!
//! The shop has no use for it: a book is opened from the store, never copied. Whoever explores what a book can *become*
//! (`load-tests/model`) needs to put one into any state, to compare it with another, and to count those that are the same.

use super::{BuyerUnits, Claim, ClaimState, Noted, PoolBook, notes::Notes, shards::Shards};
use crate::{buyer::BuyerId, event::Terms, fingerprint::Fingerprint, id::OrderId, pool::PoolNumbers, time::Millis};
use hashbrown::HashMap;

/// Everything that a [`PoolBook`] knows, in an order that depends on nothing but what it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookImage {
    /// The opening's number.
    pub epoch: u64,
    /// When it was opened.
    pub opened_at: Millis,
    /// The version of the opening's snapshot.
    pub opened_version: u64,
    /// Nothing that came before the opening can have been forgotten by it.
    pub virgin: bool,
    /// Until when messages from before the opening may be under way.
    pub backlog_until: Option<Millis>,
    /// The pool's numbers as of the last settlement.
    pub numbers: PoolNumbers,
    /// The rules of the sale.
    pub terms: Terms,
    /// The catalogue's revision that the terms are of.
    pub revision: u64,
    /// The name of the latest claim.
    pub attempts: u64,
    /// Units of all claims, as the book counts them.
    pub claimed: u32,
    /// Units of promised claims, as the book counts them.
    pub promised: u32,
    /// Claims, by order.
    pub claims: Vec<ClaimImage>,
    /// Units of buyers, by buyer.
    pub buyers: Vec<BuyerImage>,
    /// Notes, the oldest first.
    pub notes: Vec<NoteImage>,
    /// When the newest note that was dropped had been written.
    pub dropped_until: Option<Millis>,
}

/// A claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimImage {
    /// Whose.
    pub order: OrderId,
    /// How many units.
    pub quantity: u32,
    /// Who asked for them.
    pub buyer: BuyerId,
    /// Asked with what.
    pub fingerprint: Fingerprint,
    /// When.
    pub made_at: Millis,
    /// How far it has come.
    pub stage: Stage,
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not known to be on the bus.
    Intent {
        /// Who made it, 0 once another request resumed it.
        attempt: u64,
    },
    /// On the bus, and a buyer may have been told.
    Promised,
    /// Offered to the store as expired.
    Picked,
}

/// What a buyer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuyerImage {
    /// Who.
    pub buyer: BuyerId,
    /// Pool version at which `settled` was read.
    pub version: u64,
    /// Live units in the store at that version.
    pub settled: u32,
    /// Units of the buyer's claims, as the book counts them.
    pub claimed: u32,
}

/// A decision remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoteImage {
    /// Whose.
    pub order: OrderId,
    /// What is remembered.
    pub noted: Noted,
    /// When it was written, or a later note of its segment.
    pub written: Millis,
}

impl PoolBook {
    /// The book as plain data.
    #[must_use]
    pub fn image(&self) -> BookImage {
        let mut claims: Vec<_> = self.claims.iter().map(|(order, claim)| claim_image(*order, claim)).collect();
        claims.sort_unstable_by_key(|claim| claim.order);
        let mut buyers: Vec<_> =
            self.buyers.iter().flatten().map(|(buyer, units)| buyer_image(*buyer, *units)).collect();
        buyers.sort_unstable_by_key(|units| units.buyer);
        BookImage {
            epoch: self.epoch,
            opened_at: self.opened_at,
            opened_version: self.opened_version,
            virgin: self.virgin,
            backlog_until: self.backlog_until,
            numbers: self.numbers,
            terms: self.terms,
            revision: self.revision,
            attempts: self.attempts,
            claimed: self.claimed,
            promised: self.promised,
            claims,
            buyers,
            notes: self.notes.image(),
            dropped_until: self.notes.dropped_until(),
        }
    }

    /// The book that an image is of. Each note stands in a segment of its own, so that they can be dropped one by one.
    #[must_use]
    pub fn of_image(image: &BookImage) -> Self {
        let claims = image.claims.iter().map(|claim| (claim.order, claim_of(claim)));
        let mut buyers: Shards<HashMap<BuyerId, BuyerUnits>> = Shards::default();
        for &BuyerImage { buyer, version, settled, claimed } in &image.buyers {
            buyers.of_mut(buyer.0).insert(buyer, BuyerUnits { version, settled, claimed });
        }
        Self {
            epoch: image.epoch,
            opened_at: image.opened_at,
            opened_version: image.opened_version,
            virgin: image.virgin,
            backlog_until: image.backlog_until,
            numbers: image.numbers,
            terms: image.terms,
            revision: image.revision,
            claimed: image.claimed,
            promised: image.promised,
            attempts: image.attempts,
            claims: claims.collect(),
            buyers,
            notes: Notes::of_image(&image.notes, image.dropped_until),
        }
    }

    /// Drops the oldest segment of notes, as if there had been no room for another one.
    pub fn forget_oldest_notes(&mut self) {
        self.notes.drop_oldest();
    }
}

fn claim_image(order: OrderId, claim: &Claim) -> ClaimImage {
    let Claim { quantity, buyer, fingerprint, made_at, state } = *claim;
    let stage = match state {
        ClaimState::Intent { attempt } => Stage::Intent { attempt },
        ClaimState::Promised => Stage::Promised,
        ClaimState::Picked => Stage::Picked,
    };
    ClaimImage { order, quantity, buyer, fingerprint, made_at, stage }
}

fn claim_of(image: &ClaimImage) -> Claim {
    let ClaimImage { quantity, buyer, fingerprint, made_at, stage, .. } = *image;
    let state = match stage {
        Stage::Intent { attempt } => ClaimState::Intent { attempt },
        Stage::Promised => ClaimState::Promised,
        Stage::Picked => ClaimState::Picked,
    };
    Claim { quantity, buyer, fingerprint, made_at, state }
}

fn buyer_image(buyer: BuyerId, units: BuyerUnits) -> BuyerImage {
    let BuyerUnits { version, settled, claimed } = units;
    BuyerImage { buyer, version, settled, claimed }
}
