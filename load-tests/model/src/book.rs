//! The door to the real ledger: a state's book becomes a [`PoolBook`], one of its transitions runs, and what it left becomes
//! the state again. Nothing of the ledger's rules is here.

use crate::{
    bug::Bug,
    laws::Law,
    state::{Book, Claim, Fate, NOW, Note, Numbers, Order, Pages, Stage, Stamp, State},
    world::{World, buyer_id, fingerprint},
};
use stampede_domain::{
    BuyerId, Intent, Millis, OrderId, PoolId, PoolNumbers,
    event::Terms,
    key,
    ledger::{
        BACKLOG_LIFE, INTENT_LIFE, Noted, PoolBook,
        image::{BookImage, BuyerImage, ClaimImage, NoteImage, Stage as ImageStage},
    },
};
use std::time::Duration;
use uuid::Uuid;

/// The only pool.
pub(crate) const POOL: PoolId = PoolId(1);
/// The present.
pub(crate) const PRESENT: Millis = moment(NOW);
/// A claim made then has passed its deadline.
const LONG_AGO: Millis = Millis(PRESENT.0 - 30_001);
/// Names of claims are small in a state; the next one is not among them.
const NAMED_SO_FAR: u64 = 1_000;

/// The time of a stamp.
pub(crate) const fn moment(stamp: Stamp) -> Millis {
    Millis(1_700_000_000_000 + stamp as i64)
}

fn stamp(moment: Millis) -> Stamp {
    u8::try_from(moment.0 - 1_700_000_000_000).expect("because the book keeps only times that it was given")
}

impl Numbers {
    pub(crate) fn real(self) -> PoolNumbers {
        let Self { version, sold, capacity } = self;
        PoolNumbers { capacity: capacity.into(), held: 0, sold: sold.into(), version: version.into() }
    }

    pub(crate) fn of(numbers: PoolNumbers) -> Self {
        let small = "because a world has few units";
        Self {
            version: u8::try_from(numbers.version).expect(small),
            sold: u8::try_from(numbers.sold).expect(small),
            capacity: u8::try_from(numbers.capacity).expect(small),
        }
    }
}

impl World {
    /// Lets a transition of the real book run. `None` while no pool is open.
    pub(crate) fn with_book<T>(&self, state: &mut State, act: impl FnOnce(&mut PoolBook) -> T) -> Option<T> {
        let image = self.image(state)?;
        let mut book = PoolBook::of_image(&image);
        let answer = act(&mut book);
        let mut image = book.image();
        if self.has(Bug::ClaimUncounted) {
            image.claimed = image.claimed.saturating_sub(1);
        }
        self.absorb(state, &image);
        Some(answer)
    }

    /// The id of an order: its own time, and where it stands in the state.
    pub(crate) fn id(&self, state: &State, order: usize) -> OrderId {
        let own = moment(state.orders[order].own.unwrap_or(NOW)).plus(key::AHEAD);
        let milliseconds = u128::try_from(own.0).expect("because it is after 1970");
        OrderId(Uuid::from_u128(milliseconds << 80 | 0x7000_8000_0000_0000_0000 | order as u128))
    }

    pub(crate) fn terms(&self) -> Terms {
        Terms {
            opens_at: Millis(0),
            closes_at: Millis(i64::MAX),
            paused: false,
            limit_per_buyer: self.ledger_limit().map(u32::from),
        }
    }

    pub(crate) fn intent(&self, state: &State, order: usize, body: u8) -> Intent {
        let kind = state.orders[order].kind;
        let asked = self.body(kind, body);
        Intent {
            order: self.id(state, order),
            pool: POOL,
            quantity: asked.quantity.into(),
            buyer: buyer_id(asked.buyer),
            fingerprint: fingerprint(kind, body),
            asked_at: PRESENT,
            contact: stampede_domain::Contact::default(),
            trace: None,
        }
    }

    fn image(&self, state: &State) -> Option<BookImage> {
        let book = state.book.as_ref()?;
        let indices = 0..state.orders.len();
        let claims: Vec<_> = indices.clone().filter_map(|order| self.claim_image(state, order)).collect();
        let units = |of: &dyn Fn(&ClaimImage) -> bool| -> u32 {
            claims.iter().filter(|claim| of(claim)).map(|claim| claim.quantity).sum()
        };
        let buyers = book.buyers.iter().zip(0..).map(|(&(version, settled), index)| {
            let (buyer, version, settled) = (buyer_id(index), version.into(), settled.into());
            BuyerImage { buyer, version, settled, claimed: units(&|claim| claim.buyer == buyer) }
        });
        Some(BookImage {
            epoch: book.epoch.into(),
            opened_at: moment(book.opened_at),
            opened_version: book.opened_version.into(),
            virgin: book.virgin,
            backlog_until: book.backlog.then(|| PRESENT.plus(BACKLOG_LIFE)),
            numbers: book.numbers.real(),
            terms: self.terms(),
            revision: 1,
            attempts: (u64::from(book.epoch) << 32) + NAMED_SO_FAR,
            claimed: units(&|_| true),
            promised: units(&|claim| claim.stage == ImageStage::Promised),
            buyers: buyers.collect(),
            notes: indices.filter_map(|order| self.note_image(state, order)).collect(),
            dropped_until: book.dropped_until.map(moment),
            claims,
        })
    }

    fn claim_image(&self, state: &State, order: usize) -> Option<ClaimImage> {
        let Order { kind, pages, .. } = &state.orders[order];
        let claim = pages.claim?;
        let body = self.body(*kind, claim.body);
        let stage = match claim.stage {
            Stage::Intent(attempt) => ImageStage::Intent { attempt },
            Stage::Promised => ImageStage::Promised,
            Stage::Picked => ImageStage::Picked,
        };
        Some(ClaimImage {
            order: self.id(state, order),
            quantity: body.quantity.into(),
            buyer: buyer_id(body.buyer),
            fingerprint: fingerprint(*kind, claim.body),
            made_at: if claim.late { LONG_AGO } else { PRESENT },
            stage,
        })
    }

    fn note_image(&self, state: &State, order: usize) -> Option<NoteImage> {
        let Order { kind, pages, .. } = &state.orders[order];
        let note = pages.note?;
        let noted = Noted { decision: note.fate.decision(), fingerprint: fingerprint(*kind, note.body) };
        Some(NoteImage { order: self.id(state, order), noted, written: moment(note.written) })
    }

    /// Replaces the state's book by what the real one has become.
    pub(crate) fn absorb(&self, state: &mut State, image: &BookImage) {
        let floor = u8::try_from(image.opened_version).expect("because versions are few");
        let units_of = |index: u8| {
            let known = image.buyers.iter().find(|units| units.buyer == buyer_id(index));
            known.map_or((floor, 0), |units| small(units.version, units.settled))
        };
        let buyers = if self.ledger_limit().is_some() { self.buyers() } else { 0 };
        state.book = Some(Book {
            epoch: u8::try_from(image.epoch).expect("because openings are few"),
            opened_at: stamp(image.opened_at),
            opened_version: floor,
            virgin: image.virgin,
            backlog: image.backlog_until.is_some_and(|until| PRESENT < until),
            numbers: Numbers::of(image.numbers),
            dropped_until: image.dropped_until.map(stamp),
            buyers: (0..buyers).map(units_of).collect(),
        });
        for order in 0..state.orders.len() {
            let id = self.id(state, order);
            let kind = state.orders[order].kind;
            let claim = image.claims.iter().find(|claim| claim.order == id).map(|claim| self.claim_of(kind, claim));
            let note = image.notes.iter().find(|note| note.order == id).map(|note| self.note_of(kind, note));
            state.orders[order].pages = Pages { claim, note };
        }
        if !counts_are_right(image) {
            state.breaks(Law::MiscountedBook);
        }
    }

    fn body_of(&self, kind: u8, asked_with: stampede_domain::Fingerprint) -> u8 {
        let bodies = 0..u8::try_from(self.orders[usize::from(kind)].bodies.len()).unwrap_or(u8::MAX);
        bodies.into_iter().find(|body| fingerprint(kind, *body) == asked_with).expect("because nobody else was heard")
    }

    fn claim_of(&self, kind: u8, image: &ClaimImage) -> Claim {
        let stage = match image.stage {
            ImageStage::Intent { attempt } => Stage::Intent(attempt),
            ImageStage::Promised => Stage::Promised,
            ImageStage::Picked => Stage::Picked,
        };
        // Only an intent has a deadline.
        let late = matches!(stage, Stage::Intent(_)) && image.made_at.plus(INTENT_LIFE) < PRESENT;
        Claim { body: self.body_of(kind, image.fingerprint), stage, late }
    }

    fn note_of(&self, kind: u8, image: &NoteImage) -> Note {
        let body = self.body_of(kind, image.noted.fingerprint);
        Note { fate: Fate::of(image.noted.decision), body, written: stamp(image.written) }
    }
}

fn small(version: u64, units: u32) -> (u8, u8) {
    let few = "because a world has few of them";
    (u8::try_from(version).expect(few), u8::try_from(units).expect(few))
}

/// The sums that a book keeps are those of its claims.
fn counts_are_right(image: &BookImage) -> bool {
    let sum = |of: &dyn Fn(&ClaimImage) -> bool| -> u32 {
        image.claims.iter().filter(|claim| of(claim)).map(|claim| claim.quantity).sum()
    };
    let of_buyer = |buyer: BuyerId| sum(&|claim| claim.buyer == buyer);
    image.claimed == sum(&|_| true)
        && image.promised == sum(&|claim| claim.stage == ImageStage::Promised)
        && image.buyers.iter().all(|units| units.claimed == of_buyer(units.buyer))
}

/// Long enough for every claim to pass its deadline.
pub(crate) const A_LONG_TIME: Duration = Duration::from_mins(1);
