//! Counts what there was, and says where it was too little to prove anything.

use super::{Call, Story, calls::Calls};
use crate::{Expectations, Fault, Outcome, Report};
use stampede_domain::OrderId;
use std::collections::{BTreeMap, BTreeSet};

/// Counts, and compares with what is enough.
pub(super) fn judge(
    stories: &BTreeMap<OrderId, Story<'_>>,
    calls: &Calls<'_>,
    faults: &[&Fault],
    expected: &Expectations,
    report: &mut Report,
) {
    count_calls(stories, calls, report);
    let hit = judge_faults(calls, faults, report);
    let (counts, enough) = (report.counts.clone(), &expected.enough);
    let wanted = [
        (counts.buys, enough.buys, "requests to buy"),
        (counts.accepted, enough.accepted, "orders told 202"),
        (counts.replays, enough.replays, "replays"),
        (counts.unknown, enough.unknown, "unknown outcomes"),
        (counts.effective_faults, enough.faults, "faults that took effect"),
        (counts.kinds, enough.kinds, "kinds of faults that took effect"),
    ];
    for (there, least, what) in wanted {
        if there < least {
            report.too_little.push(format!("{there} {what}, {least} are wanted"));
        }
    }
    let busy = hit.iter().filter(|in_flight| **in_flight >= enough.in_flight).count() as u64;
    if busy < enough.faults {
        let how = format!("{busy} faults hit {} requests in flight, {} are wanted", enough.in_flight, enough.faults);
        report.too_little.push(how);
    }
}

fn count_calls(stories: &BTreeMap<OrderId, Story<'_>>, calls: &Calls<'_>, report: &mut Report) {
    let counts = &mut report.counts;
    for call in &calls.all {
        if call.body().is_none() {
            counts.looks += 1;
            continue;
        }
        counts.buys += 1;
        match call.outcome() {
            Outcome::Accepted { replayed, .. } => counts.replays += u64::from(*replayed),
            Outcome::Refused(_) => counts.refused += 1,
            Outcome::PutOff => counts.put_off += 1,
            _ => counts.unknown += 1,
        }
    }
    let asked = |story: &&Story<'_>| story.buys().next().is_some();
    counts.orders = stories.values().filter(asked).count() as u64;
    counts.accepted = stories.values().filter(|story| story.buys().any(Call::is_accepted)).count() as u64;
}

/// A fault without effect proves nothing. How many requests each of the others hit in flight.
fn judge_faults(calls: &Calls<'_>, faults: &[&Fault], report: &mut Report) -> Vec<u64> {
    let mut begun: Vec<_> = calls.buys().map(|call| call.begun_ms).collect();
    let mut ended: Vec<_> = calls.buys().filter(|call| call.is_answered()).map(|call| call.ended_ms).collect();
    begun.sort_unstable();
    ended.sort_unstable();
    let before = |all: &[u64], moment: u64| all.partition_point(|at| *at < moment) as u64;
    let (mut hit, mut kinds) = (Vec::new(), BTreeSet::new());
    for fault in faults {
        if fault.effect.is_none() {
            report.too_little.push(format!("“{}” at {} ms took no effect", fault.kind, fault.began_ms));
            continue;
        }
        kinds.insert(&fault.kind);
        hit.push(before(&begun, fault.began_ms) - before(&ended, fault.began_ms));
    }
    hit.sort_unstable();
    let counts = &mut report.counts;
    counts.faults = faults.len() as u64;
    counts.effective_faults = hit.len() as u64;
    counts.kinds = kinds.len() as u64;
    counts.in_flight = hit.get(hit.len() / 2).copied().unwrap_or(0);
    hit
}
