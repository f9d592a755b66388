//! The book under test, and the same book with a deliberate fault.

use super::*;

/// Deliberate faults, one a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// A claim goes without its numbers coming.
    DropsWithoutNumbers,
    /// A settlement's units are added to what is there.
    AddsInsteadOfSetting,
    /// A settlement that is not newer does nothing at all.
    IgnoresWhatIsNotNewer,
    /// The claim of a publish with unknown outcome is given back.
    ReleasesOnUnknown,
    /// Promised claims run out as intents do.
    ReapsThePromised,
    /// The store is not asked about old ids.
    SkipsTheLookUp,
    /// A look-up counts for ever.
    KeepsTickets,
    /// Numbers only come; the claims of the decided stay.
    KeepsClaims,
    /// A buyer's units are not set.
    ForgetsBuyers,
    /// A start does not look at the bus.
    ForgetsTheQueue,
    /// Decisions are told to whoever names the order.
    TellsAnybody,
}

pub(super) struct Book {
    pub(super) book: PoolBook,
    pub(super) fault: Fault,
    pub(super) filler: u128,
}

impl Book {
    pub(super) fn open(now: i64, opening: &Opening, fault: Fault, filler: u128) -> Self {
        let mut book = PoolBook::open(Millis(now), opening);
        book.notes = Notes::keeping(1);
        Self { book, fault, filler }
    }

    pub(super) fn claim(&mut self, now: i64, mut request: ClaimRequest) -> ClaimAnswer {
        if self.fault == Fault::TellsAnybody
            && let Some(noted) = self.book.notes.find(request.order)
        {
            request.fingerprint = noted.fingerprint;
        }
        let answer = self.book.claim(Millis(now), &request);
        match answer {
            ClaimAnswer::LookUpFirst(ticket)
                if self.fault == Fault::SkipsTheLookUp
                    || self.fault == Fault::KeepsTickets && request.looked_up.is_some() =>
            {
                request.looked_up = Some(ticket);
                let later = Millis(now.max(self.book.notes.dropped_until().map_or(now, |dropped| dropped.0 + 1)));
                request.looked_up = Some(LookedUp { asked_at: later, ..ticket });
                self.book.claim(Millis(now), &request)
            }
            answer => answer,
        }
    }

    pub(super) fn settle(&mut self, now: i64, settlement: &Settlement) -> u32 {
        let mut settlement = settlement.clone();
        let current = self.book.numbers;
        match self.fault {
            Fault::DropsWithoutNumbers => settlement.numbers.version = 0,
            Fault::AddsInsteadOfSetting => {
                let confirmed = settlement.decided.iter().filter(|decided| decided.decision == Decision::Confirmed);
                let sold = current.sold + u32::try_from(confirmed.count()).unwrap();
                settlement.numbers = PoolNumbers { sold, version: current.version + 1, ..settlement.numbers };
            }
            Fault::IgnoresWhatIsNotNewer if settlement.numbers.version <= current.version => return 0,
            Fault::KeepsClaims => settlement.decided.clear(),
            Fault::ForgetsBuyers => settlement.buyers.clear(),
            _ => {}
        }
        self.book.settle(Millis(now), &settlement).decided_otherwise
    }

    pub(super) fn pick(&mut self, now: i64) -> Vec<Picked> {
        let mut picked = self.book.pick(Millis(now), usize::MAX);
        if self.fault == Fault::ReapsThePromised {
            let old = self.book.claims.iter().filter(|(_, claim)| claim.deadline() < Millis(now));
            picked.extend(old.map(|(&order, &Claim { quantity, buyer, fingerprint, .. })| Picked {
                order,
                quantity,
                buyer,
                fingerprint,
            }));
        }
        picked
    }

    pub(super) fn forget(&mut self, now: i64) {
        let decided = (0..FORGETS).map(|number| Decided {
            order: OrderId(uuid::Uuid::from_u128(self.filler + number)),
            fingerprint: Fingerprint(0),
            decision: Decision::Confirmed,
        });
        let settlement =
            Settlement { pool: POOL, numbers: self.book.numbers, decided: decided.collect(), buyers: vec![] };
        self.filler += FORGETS;
        self.book.settle(Millis(now), &settlement);
    }
}
