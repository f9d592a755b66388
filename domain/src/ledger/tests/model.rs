//! The ledger as the protocol's words have it: plain maps, sums made anew each time. Obviously right, and slow.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModelState {
    Intent,
    Promised,
    Picked,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ModelClaim {
    pub(super) body: u8,
    pub(super) made_at: i64,
    pub(super) state: ModelState,
    /// The attempt that made it, while nobody else resumed it.
    pub(super) owner: Option<u64>,
}

/// The ledger, as the protocol says it.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) epoch: u64,
    pub(super) opened_at: i64,
    pub(super) opened_version: u64,
    pub(super) virgin: bool,
    pub(super) backlog_until: i64,
    pub(super) terms: Terms,
    pub(super) numbers: PoolNumbers,
    pub(super) claims: BTreeMap<OrderId, ModelClaim>,
    pub(super) notes: BTreeMap<OrderId, (Decision, Fingerprint)>,
    /// Units settled of each buyer, and the version they were read at.
    pub(super) buyers: BTreeMap<BuyerId, (u64, u32)>,
    /// The latest writing of a note that is kept, and of one that was dropped.
    pub(super) written: i64,
    pub(super) dropped: Option<i64>,
}

impl Model {
    pub(super) fn claimed(&self) -> u32 {
        self.claims.values().map(|claim| BODIES[usize::from(claim.body)].0).sum()
    }

    pub(super) fn promised(&self) -> u32 {
        let promised = self.claims.values().filter(|claim| claim.state == ModelState::Promised);
        promised.map(|claim| BODIES[usize::from(claim.body)].0).sum()
    }

    pub(super) fn free(&self) -> u32 {
        let taken = i64::from(self.numbers.held) + i64::from(self.numbers.sold) + i64::from(self.claimed());
        u32::try_from((i64::from(self.numbers.capacity) - taken).max(0)).unwrap()
    }

    pub(super) fn taken_by(&self, buyer: BuyerId) -> u32 {
        let settled = self.buyers.get(&buyer).map_or(0, |(_, units)| *units);
        let of_buyer = self.claims.values().map(|claim| BODIES[usize::from(claim.body)]).filter(|body| body.1 == buyer);
        settled + of_buyer.map(|body| body.0).sum::<u32>()
    }

    fn is_from_before(&self, order: OrderId) -> bool {
        !self.virgin && order.time().0 - 120_000 <= self.opened_at
    }

    pub(super) fn is_old(&self, order: OrderId, ticket: Option<LookedUp>) -> bool {
        let own = order.time().0 - 120_000;
        let by_opening = self.is_from_before(order);
        let by_drop = self.dropped.is_some_and(|dropped| own <= dropped);
        let excused = ticket.is_some_and(|ticket| {
            ticket.epoch == self.epoch && self.dropped.is_none_or(|dropped| dropped < ticket.asked_at.0)
        });
        (by_opening || by_drop) && !excused
    }

    /// `attempt` is the name the book gave; what is predicted is whether there is one.
    pub(super) fn claim(
        &mut self,
        now: i64,
        order: OrderId,
        body: u8,
        ticket: Option<LookedUp>,
        attempt: u64,
    ) -> ClaimAnswer {
        let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
        if let Some(claim) = self.claims.get_mut(&order) {
            if BODIES[usize::from(claim.body)].2 != fingerprint {
                return ClaimAnswer::Refused(OrderRefused::KeyReused);
            }
            return match claim.state {
                ModelState::Promised => ClaimAnswer::AlreadyPromised,
                ModelState::Intent if now - claim.made_at <= 30_000 => {
                    claim.owner = None;
                    ClaimAnswer::Resumed
                }
                ModelState::Intent | ModelState::Picked => ClaimAnswer::Expiring,
            };
        }
        match self.notes.get(&order) {
            Some((decision, noted)) if *noted == fingerprint => return ClaimAnswer::Decided(*decision),
            Some(_) => return ClaimAnswer::Refused(OrderRefused::KeyReused),
            None => {}
        }
        if self.is_old(order, ticket) {
            return ClaimAnswer::LookUpFirst(LookedUp { epoch: self.epoch, asked_at: Millis(now) });
        }
        if self.is_from_before(order) && now < self.backlog_until {
            return ClaimAnswer::NotYet;
        }
        if self.terms.paused {
            return ClaimAnswer::Refused(OrderRefused::Paused);
        }
        if let Some(limit) = self.terms.limit_per_buyer
            && self.taken_by(buyer) + quantity > limit
        {
            return ClaimAnswer::Refused(OrderRefused::LimitReached { limit, taken: self.taken_by(buyer) });
        }
        if self.free() < quantity {
            return ClaimAnswer::Refused(OrderRefused::SoldOut { free: self.free(), in_flight: self.claimed() });
        }
        let claim = ModelClaim { body, made_at: now, state: ModelState::Intent, owner: Some(attempt) };
        self.claims.insert(order, claim);
        ClaimAnswer::Claimed { attempt }
    }

    pub(super) fn withdraw(&mut self, now: i64, order: OrderId, attempt: u64) {
        if let Some(claim) = self.claims.get(&order) {
            let alone = claim.state == ModelState::Intent && claim.owner == Some(attempt);
            if alone && now - claim.made_at <= 30_000 {
                self.claims.remove(&order);
            }
        }
    }

    pub(super) fn promise(&mut self, now: i64, order: OrderId, fingerprint: Fingerprint) -> PromiseAnswer {
        match self.claims.get_mut(&order) {
            None => match self.notes.get(&order) {
                Some((decision, noted)) if *noted == fingerprint => PromiseAnswer::Decided(*decision),
                _ => PromiseAnswer::Refused,
            },
            Some(claim) if BODIES[usize::from(claim.body)].2 != fingerprint => PromiseAnswer::Refused,
            Some(claim) if claim.state == ModelState::Promised => PromiseAnswer::Promised,
            Some(claim) if claim.state == ModelState::Intent && now - claim.made_at <= 30_000 => {
                claim.state = ModelState::Promised;
                PromiseAnswer::Promised
            }
            Some(_) => PromiseAnswer::Refused,
        }
    }

    pub(super) fn settle(&mut self, now: i64, settlement: &Settlement) {
        let version = settlement.numbers.version;
        if version > self.numbers.version {
            self.numbers = settlement.numbers;
        }
        if self.terms.limit_per_buyer.is_some() {
            for (buyer, units) in &settlement.buyers {
                let guard = self.buyers.get(buyer).map_or(self.opened_version, |(version, _)| *version);
                if version > guard {
                    self.buyers.insert(*buyer, (version, *units));
                }
            }
        }
        for decided in &settlement.decided {
            self.claims.remove(&decided.order);
            self.notes.insert(decided.order, (decided.decision, decided.fingerprint));
            self.written = self.written.max(now);
        }
    }

    pub(super) fn pick(&mut self, now: i64) -> BTreeSet<OrderId> {
        for claim in self.claims.values_mut() {
            if claim.state == ModelState::Intent && now - claim.made_at > 30_000 {
                claim.state = ModelState::Picked;
            }
        }
        self.claims.iter().filter(|(_, claim)| claim.state == ModelState::Picked).map(|(order, _)| *order).collect()
    }

    pub(super) fn forget(&mut self, now: i64) {
        self.dropped = self.dropped.max(Some(self.written.max(now)));
        self.written = now;
        self.notes.clear();
    }
}

/// A row: decision, body.
pub(super) type Rows = BTreeMap<OrderId, (Decision, u8)>;

pub(super) fn units_of(rows: &Rows, whose: impl Fn(BuyerId) -> bool) -> u32 {
    let live = rows.values().filter(|(decision, _)| *decision == Decision::Confirmed);
    live.map(|(_, body)| BODIES[usize::from(*body)]).filter(|body| whose(body.1)).map(|body| body.0).sum()
}
