//! Key by key: what a row owes to the requests of its key, and what is owed to who was told 202.

use super::{Call, Story};
use crate::{Body, Expectations, Fault, Outcome, Report, Row};
use stampede_domain::{OrderId, OrderStatus, laws::Law};
use std::collections::BTreeMap;

/// Promises that were not kept, and how many may be.
pub(super) struct Promises {
    broken: BTreeMap<OrderId, (Law, String)>,
    may_break: u64,
    /// Whether a ledger was lost: what it remembered of old keys went with it.
    pub(super) ledger_was_lost: bool,
}

impl Promises {
    pub(super) fn new(faults: &[&Fault], expected: &Expectations) -> Self {
        let lost: Vec<_> = faults.iter().filter_map(|fault| fault.lost_units).collect();
        Self {
            broken: BTreeMap::new(),
            may_break: lost.iter().sum::<u64>() + expected.dead_letters,
            ledger_was_lost: !lost.is_empty(),
        }
    }

    /// One order is one broken promise, in however many ways it is.
    pub(super) fn broke(&mut self, order: OrderId, law: Law, how: String) {
        self.broken.entry(order).or_insert((law, how));
    }

    pub(super) fn judge(self, report: &mut Report) {
        report.counts.broken_promises = self.broken.len() as u64;
        report.counts.may_break = self.may_break;
        if self.broken.len() as u64 > self.may_break {
            for (order, (law, how)) in self.broken {
                report.breach(law, how, [order]);
            }
        }
    }
}

/// Judges row and requests of a key against each other.
pub(super) fn judge(story: &Story<'_>, expected: &Expectations, promises: &mut Promises, report: &mut Report) {
    if let Some(row) = story.row
        && !expected.smuggled.contains(&story.order)
    {
        judge_row(story, row, report);
    }
    for call in story.buys().filter(|call| call.is_accepted()) {
        judge_promise(story, call, promises, report);
    }
    judge_replays(story, promises, report);
}

/// No row without a request that can have led to it, and of no other body.
fn judge_row(story: &Story<'_>, row: &Row, report: &mut Report) {
    if story.buys().next().is_none() {
        return report.breach(Law::EveryPromiseDecided, "a row that nobody asked for".into(), [story.order]);
    }
    // An `expired` row is the reaper's, of a claim; every other one is the writer's, of a message.
    let is_reaped = row.status == OrderStatus::Expired;
    let led_here = |call: &&Call<'_>| if is_reaped { call.may_have_claimed() } else { call.may_have_been_published() };
    if !story.buys().any(|call| led_here(&call)) {
        // A claim whose answer was late may outlive its refusal, and is then reaped.
        if !is_reaped {
            let how = format!("a row that is {}, of a key that was only refused or put off", row.status.as_str());
            report.breach(Law::EveryPromiseDecided, how, [story.order]);
        }
        return;
    }
    let asked = story.buys().filter(led_here).filter_map(Call::body);
    if !asked.into_iter().any(|body| is_of(row, &body)) {
        report.breach(Law::KeyIsOrder, "a row of a body or buyer that was not asked for".into(), [story.order]);
    }
}

fn is_of(row: &Row, body: &Body) -> bool {
    let Body { pool, buyer, quantity, fingerprint } = *body;
    (row.pool, row.buyer, row.quantity, row.fingerprint) == (pool, buyer, quantity, fingerprint)
}

/// Who was told 202 has a row that is decided: confirmed, of the very body that was asked for.
fn judge_promise(story: &Story<'_>, call: &Call<'_>, promises: &mut Promises, report: &mut Report) {
    let (Some(body), Outcome::Accepted { quantity, .. }) = (call.body(), call.outcome()) else { return };
    if *quantity != body.quantity {
        let how = format!("{} units were asked for, {quantity} were promised", body.quantity);
        report.breach(Law::KeyIsOrder, how, [story.order]);
    }
    let Some(row) = story.row else {
        report.counts.lost += 1;
        return report.breach(Law::EveryPromiseDecided, "told 202, and there is no row".into(), [story.order]);
    };
    match row.status {
        OrderStatus::Rejected | OrderStatus::Failed | OrderStatus::Expired => {
            promises.broke(story.order, Law::EveryPromiseDecided, format!("told 202, and {}", row.status.as_str()));
        }
        OrderStatus::Pending | OrderStatus::Reserved | OrderStatus::Paying | OrderStatus::Expiring => {
            report.counts.lost += 1;
            let how = format!("told 202, and still {}", row.status.as_str());
            report.breach(Law::EveryPromiseDecided, how, [story.order]);
        }
        OrderStatus::Confirmed | OrderStatus::Cancelled | OrderStatus::Refunded => {}
    }
    if !is_of(row, &body) {
        promises.broke(story.order, Law::KeyIsOrder, "told 202 for another body or buyer than the row's".into());
    }
}

/// A replay says so, and says so only where there was an earlier request; once promised, a key is never refused.
fn judge_replays(story: &Story<'_>, promises: &mut Promises, report: &mut Report) {
    let accepted = |body: Option<Body>| {
        let same = move |call: &&Call<'_>| call.is_accepted() && call.body() == body;
        story.buys().filter(same).map(|call| call.ended).min()
    };
    for call in story.buys() {
        let came_first = accepted(call.body()).is_some_and(|ended| ended < call.begun);
        match call.outcome() {
            Outcome::Accepted { replayed: true, .. } => {
                let earlier = story.buys().any(|other| !std::ptr::eq(other, call) && other.begun < call.ended);
                if !earlier {
                    let how = "called a replay, and nobody had asked before".to_owned();
                    report.breach(Law::KeyIsOrder, how, [story.order]);
                }
            }
            // A lost ledger may have forgotten that it promised, the store not yet have learned it.
            Outcome::Accepted { replayed: false, .. } if came_first && !promises.ledger_was_lost => {
                let how = "promised once more as if for the first time".to_owned();
                report.breach(Law::KeyIsOrder, how, [story.order]);
            }
            Outcome::Refused(crate::Refusal::Ended(_)) => {} // judged with what was told of its fate
            Outcome::Refused(refusal) if came_first => {
                promises.broke(story.order, Law::KeyIsOrder, format!("told 202, and then {refusal:?}"));
            }
            _ => {}
        }
    }
}
