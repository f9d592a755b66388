//! Steps 1 to 3 as `Inventory` takes them: claim, publish, promise.

use crate::{
    book::{PRESENT, moment},
    bug::Bug,
    canonical::name,
    laws::Law,
    state::{At, Claim, Fate, NOW, Note, Stage, State, Ticket},
    world::{World, buyer_id, fingerprint},
};
use stampede_domain::{
    Decision, Fingerprint, OrderRefused,
    ledger::{ClaimAnswer, ClaimRequest, LookedUp, PromiseAnswer},
};

impl World {
    /// Step 1.
    pub(super) fn claim(&self, state: &mut State, order: usize, by: usize, lost: bool) {
        state.orders[order].own.get_or_insert(NOW);
        let one = state.orders[order].tries[by];
        let ticket = if let At::LookedUp(ticket) = one.at { Some(ticket) } else { None };
        if state.book.is_none() && self.has(Bug::MissingIsFull) {
            self.open_over_nothing(state);
        }
        let at = match self.ask(state, order, one.body, ticket) {
            None => {
                if self.has(Bug::MissingIsSoldOut) {
                    state.breaks(Law::FalseSoldOut);
                }
                At::Over
            }
            Some(ClaimAnswer::Claimed { attempt }) => {
                let attempt = self.named(state, order, attempt);
                if state.orders[order].tries.iter().any(|other| name(other.at) == Some(attempt)) {
                    state.breaks(Law::NamesRepeat);
                }
                if lost { At::Over } else { At::Claimed(Some(attempt)) }
            }
            Some(ClaimAnswer::Resumed) => At::Claimed(None),
            Some(ClaimAnswer::LookUpFirst(ticket)) => self.look_up_first(one.at, ticket),
            Some(answer) => {
                self.hear(state, order, one.body, answer);
                At::Over
            }
        };
        state.orders[order].tries[by].at = at;
    }

    /// The name of a new claim; with a bug, one that an older book gave.
    fn named(&self, state: &mut State, order: usize, attempt: u64) -> u64 {
        let of = &mut state.orders[order];
        let older = of.tries.iter().find_map(|one| name(one.at)).filter(|_| self.has(Bug::NamesRepeat));
        if let (Some(older), Some(claim)) = (older, &mut of.pages.claim) {
            claim.stage = Stage::Intent(older);
        }
        older.unwrap_or(attempt)
    }

    fn look_up_first(&self, at: At, ticket: LookedUp) -> At {
        let ticket = Ticket { epoch: u8::try_from(ticket.epoch).expect("because openings are few"), asked_at: NOW };
        match at {
            At::Fresh if self.has(Bug::NoLookUp) => At::LookedUp(ticket),
            At::Fresh => At::Looking(ticket),
            // Something was forgotten since: 503.
            _ => At::Over,
        }
    }

    /// Lets the ledger answer a claim.
    fn ask(&self, state: &mut State, order: usize, body: u8, ticket: Option<Ticket>) -> Option<ClaimAnswer> {
        let (id, kind) = (self.id(state, order), state.orders[order].kind);
        let asked = self.body(kind, body);
        let before = state.orders[order].pages;
        let is_known = before.claim.is_some() || before.note.is_some();
        self.blind_to_fingerprints(state, order, body, Bug::NoteNoFp);
        if self.has(Bug::NoTerminalCheck) {
            state.orders[order].pages.note = None;
        }
        let fresh = self.has(Bug::LookUpForEver);
        let looked_up = ticket.map(|ticket| LookedUp {
            epoch: if fresh { state.book.as_ref().map_or(0, |book| book.epoch.into()) } else { ticket.epoch.into() },
            asked_at: if fresh { PRESENT } else { moment(ticket.asked_at) },
        });
        let request = ClaimRequest {
            order: id,
            quantity: asked.quantity.into(),
            buyer: buyer_id(asked.buyer),
            fingerprint: if is_known && self.has(Bug::FreshFingerprint) {
                Fingerprint(0)
            } else {
                fingerprint(kind, body)
            },
            looked_up,
        };
        let answer = self.with_book(state, |book| book.claim(PRESENT, &request));
        self.see_again(state, order, before.claim, before.note);
        answer
    }

    /// Judges an answer that ends a request.
    fn hear(&self, state: &mut State, order: usize, body: u8, answer: ClaimAnswer) {
        let known = &state.orders[order];
        match answer {
            ClaimAnswer::AlreadyPromised => state.orders[order].told |= 1 << body,
            ClaimAnswer::Decided(decision) => self.told(state, order, body, decision),
            ClaimAnswer::Refused(OrderRefused::SoldOut { .. } | OrderRefused::LimitReached { .. }) => {
                let promised = known.told != 0 && known.row.is_none() && state.lost.is_none();
                if known.confirmed().is_some() || promised {
                    state.breaks(Law::LivingKeyRefused);
                }
            }
            ClaimAnswer::Refused(OrderRefused::KeyReused) => {
                let claimed = known.pages.claim.map(|claim| claim.body);
                let noted = known.pages.note.map(|note| note.body);
                if claimed.or(noted).is_none_or(|other| other == body) {
                    state.breaks(Law::FalselyReused);
                }
            }
            ClaimAnswer::Expiring | ClaimAnswer::NotYet => {}
            ClaimAnswer::Refused(_)
            | ClaimAnswer::Claimed { .. }
            | ClaimAnswer::Resumed
            | ClaimAnswer::LookUpFirst(_) => state.breaks(Law::Impossible),
        }
    }

    /// A request is told a decision: it must be that of its own order.
    fn told(&self, state: &mut State, order: usize, body: u8, decision: Decision) {
        let right = state.orders[order].row.is_some_and(|row| row.body == body && row.fate == Fate::of(decision));
        if !right {
            state.breaks(Law::ToldWrong);
        }
    }

    /// Step 1, old ids.
    pub(super) fn look_up(&self, state: &mut State, order: usize, by: usize) {
        let one = state.orders[order].tries[by];
        let At::Looking(ticket) = one.at else { return };
        let at = match state.orders[order].row {
            None => At::LookedUp(ticket),
            Some(row) => {
                if row.body == one.body || self.has(Bug::LookupNoFp) {
                    self.told(state, order, one.body, row.fate.decision());
                }
                At::Over
            }
        };
        state.orders[order].tries[by].at = at;
    }

    /// Step 2.
    pub(super) fn publish(&self, state: &mut State, order: usize, by: usize) {
        let of = &mut state.orders[order];
        of.bus |= 1 << of.tries[by].body;
        of.tries[by].at = At::Published;
    }

    pub(super) fn publish_unknown(&self, state: &mut State, order: usize, by: usize, landed: bool) {
        let of = &mut state.orders[order];
        if landed {
            of.bus |= 1 << of.tries[by].body;
        }
        of.tries[by].at = At::Over;
        if self.has(Bug::ReleaseOnTimeout) {
            of.pages.claim = None;
        }
    }

    pub(super) fn publish_refused(&self, state: &mut State, order: usize, by: usize) {
        let one = &mut state.orders[order].tries[by];
        let At::Claimed(name) = one.at else { return };
        let withdraws = name.is_some() || matches!(self.bug, Some(Bug::DropOfShared | Bug::DropUnguarded));
        one.at = if withdraws { At::Refused(name) } else { At::Over };
    }

    pub(super) fn withdraw(&self, state: &mut State, order: usize, by: usize, arrives: bool) {
        let At::Refused(name) = state.orders[order].tries[by].at else { return };
        state.orders[order].tries[by].at = At::Over;
        if !arrives {
            return;
        }
        let id = self.id(state, order);
        self.with_book(state, |book| book.withdraw(PRESENT, id, name.unwrap_or_default()));
        let dropped = match self.bug {
            Some(Bug::DropUnguarded) => true,
            Some(Bug::DropAfterDeadline) => state.orders[order].pages.claim.is_some_and(|claim| {
                claim.stage == Stage::Picked || claim.late && claim.stage == Stage::Intent(name.unwrap_or_default())
            }),
            _ => false,
        };
        if dropped && state.book.is_some() {
            state.orders[order].pages.claim = None;
        }
    }

    /// Step 3.
    pub(super) fn promise(&self, state: &mut State, order: usize, by: usize, lost: bool) {
        let body = state.orders[order].tries[by].body;
        let (id, kind) = (self.id(state, order), state.orders[order].kind);
        let before = state.orders[order].pages;
        self.blind_to_fingerprints(state, order, body, Bug::PromiseNoFp);
        if let Some(claim) = &mut state.orders[order].pages.claim
            && self.has(Bug::PromiseNoDeadline)
            && claim.stage != Stage::Promised
        {
            *claim = Claim { stage: Stage::Intent(0), late: false, ..*claim };
        }
        let answer = self.with_book(state, |book| book.promise(PRESENT, id, fingerprint(kind, body)));
        self.see_again(state, order, before.claim, before.note);
        if self.has(Bug::PromiseNoDeadline) && !matches!(answer, Some(PromiseAnswer::Promised)) {
            state.orders[order].pages.claim = before.claim;
        }
        match answer {
            Some(PromiseAnswer::Promised) if !lost => {
                let was_promised = before.claim.is_some_and(|claim| claim.stage == Stage::Promised);
                self.say_202(state, order, body, was_promised);
            }
            Some(PromiseAnswer::Decided(decision)) => {
                if self.has(Bug::PromiseTellsNothing) && decision == Decision::Confirmed {
                    state.breaks(Law::Misleading);
                }
                self.told(state, order, body, decision);
            }
            Some(PromiseAnswer::Promised | PromiseAnswer::Refused) | None => {}
        }
        state.orders[order].tries[by].at = At::Over;
    }

    /// A dead letter may end a promise as `failed`, but no order is promised first when it has failed.
    fn say_202(&self, state: &mut State, order: usize, body: u8, was_promised: bool) {
        let of = &mut state.orders[order];
        let has_failed = of.row.is_some_and(|row| row.fate.decision() == Decision::Failed);
        of.told |= 1 << body;
        if has_failed && !was_promised && state.lost.is_none() {
            state.breaks(Law::PromiseBroken);
        }
    }

    /// For a bug: the ledger takes what it knows of the order for the asked body.
    fn blind_to_fingerprints(&self, state: &mut State, order: usize, body: u8, bug: Bug) {
        let kind = state.orders[order].kind;
        let pages = &mut state.orders[order].pages;
        if let Some(note) = &mut pages.note
            && self.has(bug)
        {
            note.body = body;
        }
        if let Some(claim) = &mut pages.claim
            && self.has(Bug::ClaimNoFp)
            && self.body(kind, claim.body).quantity == self.body(kind, body).quantity
        {
            claim.body = body;
        }
    }

    /// Undoes what a bug hid from the ledger.
    fn see_again(&self, state: &mut State, order: usize, claim: Option<Claim>, note: Option<Note>) {
        let pages = &mut state.orders[order].pages;
        match self.bug {
            Some(Bug::NoteNoFp | Bug::PromiseNoFp | Bug::NoTerminalCheck) => pages.note = note,
            Some(Bug::ClaimNoFp) => {
                if let (Some(now), Some(before)) = (&mut pages.claim, claim) {
                    now.body = before.body;
                }
            }
            _ => {}
        }
    }

    /// Time passes for one claim. Claims grow old independently of one another, which is more than a clock could do.
    pub(super) fn set_late(&self, state: &mut State, order: usize, late: bool) {
        if let Some(claim) = &mut state.orders[order].pages.claim {
            claim.late = late;
        }
    }
}
