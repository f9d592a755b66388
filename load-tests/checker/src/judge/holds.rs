//! How many units may have been out of reach at a moment, at the very most: what a "sold out" or "limit" is judged by.

use super::Story;
use crate::{Body, Expectations};
use stampede_domain::{BuyerId, PoolId};
use std::collections::HashMap;

/// Units that some requests may have held, from when until when. Sums only grow with time, so a moment costs two searches.
#[derive(Default)]
pub(super) struct Holds {
    taken: Sums,
    given_back: Sums,
}

#[derive(Default)]
struct Sums(Vec<(u64, u64)>);

impl Sums {
    fn add(&mut self, at_ms: u64, units: u32) {
        self.0.push((at_ms, units.into()));
    }

    /// From single entries to running sums.
    fn sum_up(&mut self) {
        self.0.sort_unstable();
        let mut sum = 0;
        for (_, units) in &mut self.0 {
            sum += *units;
            *units = sum;
        }
    }

    fn until(&self, at_ms: u64) -> u64 {
        let behind = self.0.partition_point(|(at, _)| *at <= at_ms);
        behind.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

impl Holds {
    /// The most units that may have been held at any moment between the two, those taken in the last `twice_ms` twice.
    pub(super) fn at_most(&self, from_ms: u64, until_ms: u64, twice_ms: u64) -> u64 {
        let taken = self.taken.until(until_ms);
        let before = |at_ms: u64| at_ms.checked_sub(1);
        let of_old = before(from_ms.saturating_sub(twice_ms)).map_or(0, |at_ms| self.taken.until(at_ms));
        let given_back = before(from_ms).map_or(0, |at_ms| self.given_back.until(at_ms));
        taken - given_back + (taken - of_old)
    }
}

/// All holds: of each pool, and of each buyer in it.
pub(super) struct AllHolds {
    pub(super) pools: HashMap<PoolId, Holds>,
    pub(super) buyers: HashMap<(PoolId, BuyerId), Holds>,
}

impl AllHolds {
    pub(super) fn of<'a>(stories: impl Iterator<Item = &'a Story<'a>>, expected: &Expectations) -> Self {
        let mut all = Self { pools: HashMap::new(), buyers: HashMap::new() };
        for story in stories {
            all.add(story, expected.claim_life_ms);
        }
        let holds = all.pools.values_mut().chain(all.buyers.values_mut());
        holds.for_each(|holds| [&mut holds.taken, &mut holds.given_back].into_iter().for_each(Sums::sum_up));
        all
    }

    /// A key holds units from its first request that may have claimed on: for ever when it is a live order, else for as long as
    /// a claim may live after the last word about it.
    fn add(&mut self, story: &Story<'_>, claim_life_ms: u64) {
        let mut bodies: Vec<Body> = Vec::new();
        let (mut from, mut until) = (u64::MAX, 0);
        for call in story.buys().filter(|call| call.may_have_claimed()) {
            let Some(body) = call.body() else { continue };
            if !bodies.contains(&body) {
                bodies.push(body);
            }
            from = from.min(call.begun_ms);
            until = until.max(call.ended_ms);
        }
        for body in bodies {
            let both =
                [self.pools.entry(body.pool).or_default(), self.buyers.entry((body.pool, body.buyer)).or_default()];
            for holds in both {
                holds.taken.add(from, body.quantity);
                if !story.is_live() {
                    holds.given_back.add(until.saturating_add(claim_life_ms), body.quantity);
                }
            }
        }
    }
}
