//! A no is true at its moment: sold out when so much may have been taken, the limit when the buyer may have so much, the key
//! used when somebody used it otherwise, the sale closed only when it was.

use super::{
    Call, Story,
    holds::{AllHolds, Holds},
};
use crate::{Books, Expectations, Fault, Outcome, PoolTerms, Refusal, Report, Rule};
use stampede_domain::{OrderId, laws::Law};
use std::collections::BTreeMap;

/// After a ledger was lost, what is on the bus may for a moment be hidden twice, as a claim and as a row.
const HIDDEN_TWICE_MS: u64 = 10_000;

/// Judges every refusal.
pub(super) fn judge(
    stories: &BTreeMap<OrderId, Story<'_>>,
    books: &Books,
    expected: &Expectations,
    faults: &[&Fault],
    report: &mut Report,
) {
    let holds = AllHolds::of(stories.values(), expected);
    let court = Court { books, expected, faults, holds };
    for story in stories.values() {
        for call in story.buys() {
            if let Outcome::Refused(refusal) = call.outcome() {
                court.judge(story, call, *refusal, report);
            }
        }
    }
}

struct Court<'a> {
    books: &'a Books,
    expected: &'a Expectations,
    faults: &'a [&'a Fault],
    holds: AllHolds,
}

impl Court<'_> {
    fn judge(&self, story: &Story<'_>, call: &Call<'_>, refusal: Refusal, report: &mut Report) {
        let Some(body) = call.body() else { return };
        let Some(terms) = self.expected.terms(body.pool) else { return };
        let wrong = match refusal {
            Refusal::SoldOut { finally: true } => {
                self.not_sold_out(terms).or_else(|| self.not_yet_sold_out(terms, call))
            }
            Refusal::SoldOut { finally: false } => {
                let most = self.holds.pools.get(&body.pool).map_or(0, |holds| self.most(holds, call));
                let fits = most + u64::from(body.quantity) <= terms.at_first.into();
                let is_excused = || self.lost_around(call);
                (fits && !is_excused())
                    .then(|| format!("sold out, and at most {most} of {} can have been taken", terms.at_first))
            }
            Refusal::Limit => {
                let holds = self.holds.buyers.get(&(body.pool, body.buyer));
                let most = holds.map_or(0, |holds| self.most(holds, call));
                let fits = terms.limit.is_none_or(|limit| most + u64::from(body.quantity) <= limit.into());
                (fits && !self.lost_around(call))
                    .then(|| format!("over the limit, and the buyer can have had {most} units at most"))
            }
            Refusal::TooManyAtOnce => {
                let fits = terms.max_per_order.is_none_or(|most| body.quantity <= most);
                fits.then(|| format!("{} units are not too many", body.quantity))
            }
            Refusal::NotOpen | Refusal::Paused | Refusal::SaleOver => {
                terms.open_throughout.then(|| format!("{refusal:?}, and the sale was open all the time"))
            }
            Refusal::KeyReused => return judge_reuse(story, call, report),
            Refusal::Ended(_) | Refusal::Invalid => None,
        };
        if let Some(how) = wrong {
            report.breach(Rule::HonestAnswers, how, [story.order]);
        }
    }

    /// "Nothing is free and nothing in flight": then everything was sold already, and still is.
    fn not_sold_out(&self, terms: &PoolTerms) -> Option<String> {
        let pool = self.books.pools.iter().find(|pool| pool.pool == terms.pool)?;
        let (used, capacity) = (pool.store.used(), terms.capacity);
        (used < capacity).then(|| format!("sold out for ever, and {used} of {capacity} are sold in the end"))
    }

    /// And everything must have been taken when it was said, each unit once: nothing is in flight, so nothing is hidden twice.
    fn not_yet_sold_out(&self, terms: &PoolTerms, call: &Call<'_>) -> Option<String> {
        let holds = self.holds.pools.get(&terms.pool);
        let most = holds.map_or(0, |holds| holds.at_most(call.begun_ms, call.ended_ms, 0));
        let capacity = u64::from(terms.at_first);
        (most < capacity).then(|| format!("sold out for ever, and at most {most} of {capacity} can have been taken"))
    }

    fn most(&self, holds: &Holds, call: &Call<'_>) -> u64 {
        holds.at_most(call.begun_ms, call.ended_ms, self.expected.hidden_twice_ms)
    }

    fn lost_around(&self, call: &Call<'_>) -> bool {
        let mut lost = self.faults.iter().filter(|fault| fault.lost_units.is_some());
        lost.any(|fault| fault.began_ms <= call.ended_ms && call.begun_ms <= fault.over_ms + HIDDEN_TWICE_MS)
    }
}

/// Another request must have used the key otherwise before this answer.
fn judge_reuse(story: &Story<'_>, call: &Call<'_>, report: &mut Report) {
    let used = |other: &Call<'_>| other.body() != call.body() && other.begun < call.ended && other.may_have_claimed();
    if !story.buys().any(used) {
        report.breach(Law::KeyIsOrder, "told that the key was used otherwise, and it was not".into(), [story.order]);
    }
}
