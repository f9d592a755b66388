//! A batch on its way through the judge. Pure: what it needs to know is given to it.

use super::{columns::NewRow, holds::reserved};
use stampede_actors::ports::{Entry, Judgement};
use stampede_domain::{
    BuyerId, Contact, Decided, Decision, Fingerprint, Hold, Millis, OrderId, PoolId, Settlement,
    decide::{self, Offer, PoolRow, Verdict},
};
use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// Decisions that exist, by order.
pub(super) type KnownOrders = HashMap<OrderId, (Decision, Fingerprint)>;

/// A batch, by pools.
pub(super) struct Batch {
    now: Millis,
    orders: Vec<OrderId>,
    parts: Vec<Part>,
}

/// What a batch wants of one pool, in the order it came.
pub(super) struct Part {
    pub(super) pool: PoolId,
    offers: Vec<Offer>,
    extras: Vec<(Millis, Contact)>,
}

/// What came of a part.
pub(super) struct Outcome {
    pub(super) rows: Vec<NewRow>,
    /// The lives of those among them that were reserved. Where nothing is paid online this costs nothing.
    pub(super) holds: Vec<Hold>,
    /// Buyers whose units have changed, with their units now.
    pub(super) bought: Vec<(BuyerId, u32)>,
    /// `None` when nothing of the part is decided.
    pub(super) judgement: Option<Judgement>,
}

/// Each once, in the order of the first.
pub(super) fn distinct<T: Eq + Hash + Copy>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

/// The places of entries that break what every store holds of an order, whatever else is in the batch.
pub(super) fn unstorable(entries: &[Entry], known: &HashSet<PoolId>, shop: &str) -> Vec<(usize, String)> {
    let why = |Entry { intent, .. }: &Entry| {
        if intent.quantity == 0 {
            return Some(format!("order {} asks for nothing", intent.order));
        }
        (!known.contains(&intent.pool)).then(|| format!("{} is not in {shop}", intent.pool))
    };
    entries.iter().enumerate().filter_map(|(place, entry)| Some((place, why(entry)?))).collect()
}

/// The pools that entries are for, each once.
pub(super) fn pools_of(entries: &[Entry]) -> Vec<PoolId> {
    distinct(entries.iter().map(|entry| entry.intent.pool))
}

impl Batch {
    pub(super) fn new(now: Millis, entries: &[Entry]) -> Self {
        let mut parts: Vec<Part> = Vec::new();
        let mut places: HashMap<PoolId, usize> = HashMap::new();
        for Entry { intent, want } in entries {
            let place = *places.entry(intent.pool).or_insert_with(|| {
                parts.push(Part { pool: intent.pool, offers: Vec::new(), extras: Vec::new() });
                parts.len() - 1
            });
            let part = &mut parts[place];
            part.offers.push(Offer {
                order: intent.order,
                quantity: intent.quantity,
                buyer: intent.buyer,
                fingerprint: intent.fingerprint,
                want: *want,
            });
            part.extras.push((intent.asked_at, intent.contact.clone()));
        }
        let mut orders: Vec<_> = entries.iter().map(|entry| entry.intent.order).collect();
        orders.sort_unstable();
        orders.dedup();
        Self { now, orders, parts }
    }

    pub(super) fn now(&self) -> Millis {
        self.now
    }

    /// The ids of the batch, each once, in order.
    pub(super) fn orders(&self) -> &[OrderId] {
        &self.orders
    }

    /// The pools of the batch, each once.
    pub(super) fn pools(&self) -> Vec<PoolId> {
        self.parts.iter().map(|part| part.pool).collect()
    }

    pub(super) fn parts(&mut self) -> Vec<Part> {
        std::mem::take(&mut self.parts)
    }
}

impl Part {
    /// The buyers of the part, each once.
    pub(super) fn buyers(&self) -> Vec<BuyerId> {
        distinct(self.offers.iter().map(|offer| offer.buyer))
    }

    /// Judges the part. `known` learns what it decides: the same id may be offered for another pool in the same batch.
    pub(super) fn judge(
        self,
        now: Millis,
        row: &mut PoolRow,
        units: &mut HashMap<BuyerId, u32>,
        known: &mut KnownOrders,
    ) -> Outcome {
        let verdicts = decide::decide(row, units, known, &self.offers);
        let limited = row.limit_per_buyer.is_some();
        let (mut rows, mut holds) = (Vec::new(), Vec::new());
        let mut fresh = Vec::new();
        let mut decided = Vec::with_capacity(verdicts.len());
        let mut told = HashSet::with_capacity(verdicts.len());
        let mut buyers = Vec::new();
        let mut bought = Vec::new();
        for ((offer, verdict), (asked_at, contact)) in self.offers.iter().zip(verdicts).zip(self.extras) {
            let Offer { order, quantity, buyer, fingerprint: asked_with, .. } = *offer;
            let (decision, fingerprint) = match verdict {
                Verdict::Fenced => continue,
                Verdict::Known(decision, fingerprint) => (decision, fingerprint),
                Verdict::New(decision) => (decision, asked_with),
            };
            if let Verdict::New(decision) = verdict {
                known.insert(order, (decision, asked_with));
                fresh.push((order, quantity, decision));
                if limited && decision.status().is_live() {
                    bought.push(buyer);
                }
                if let (Decision::Reserved, Some(terms)) = (decision, row.hold) {
                    holds.push(reserved(offer, self.pool, terms, now));
                }
                let version = row.numbers.version;
                rows.push(NewRow {
                    order,
                    pool: self.pool,
                    quantity,
                    buyer,
                    fingerprint: asked_with,
                    decision,
                    asked_at,
                    version,
                    contact,
                });
            }
            if told.insert(order) {
                decided.push(Decided { order, fingerprint, decision });
            }
            if limited {
                buyers.push(buyer);
            }
        }
        let with_units = |buyers: Vec<BuyerId>| -> Vec<(BuyerId, u32)> {
            distinct(buyers.into_iter())
                .into_iter()
                .map(|buyer| (buyer, units.get(&buyer).copied().unwrap_or(0)))
                .collect()
        };
        let bought = with_units(bought);
        let settlement = Settlement { pool: self.pool, numbers: row.numbers, decided, buyers: with_units(buyers) };
        let judgement = (!settlement.decided.is_empty()).then_some(Judgement { settlement, fresh });
        Outcome { rows, holds, bought, judgement }
    }
}
