//! Liveness: 202s flow again soon after a fault, and every 202 is decided soon after the last one.

use super::calls::Calls;
use crate::{Expectations, Fault, History, Outcome, Report, Rule, What};

/// Judges how soon all was well again.
pub(super) fn judge(
    history: &History,
    calls: &Calls<'_>,
    faults: &[&Fault],
    expected: &Expectations,
    report: &mut Report,
) {
    judge_flow(&Promised::of(calls), faults, expected, report);
    judge_decisions(history, faults, expected, report);
}

/// 202s by when they were asked for, each with the earliest moment at which it or a later one was told: what was asked for
/// before a fault was over says nothing about afterwards.
struct Promised(Vec<(u64, u64)>);

impl Promised {
    fn of(calls: &Calls<'_>) -> Self {
        let fresh = calls.buys().filter(|call| is_fresh(call.outcome()));
        let mut promised: Vec<_> = fresh.map(|call| (call.begun_ms, call.ended_ms)).collect();
        promised.sort_unstable();
        let mut earliest = u64::MAX;
        for (_, told) in promised.iter_mut().rev() {
            earliest = earliest.min(*told);
            *told = earliest;
        }
        Self(promised)
    }

    /// When the first one was told that was asked for from this moment on.
    fn asked_from(&self, moment: u64) -> Option<u64> {
        self.0.get(self.0.partition_point(|(asked, _)| *asked < moment)).map(|(_, told)| *told)
    }
}

/// A 202 that the shop gave now, by claim and promise.
fn is_fresh(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { replayed: false, .. })
}

/// Only while there is something to promise, and only where no other fault struck meanwhile.
fn judge_flow(promised: &Promised, faults: &[&Fault], expected: &Expectations, report: &mut Report) {
    let Some(limit) = expected.flows_within_ms else { return };
    for fault in faults {
        let others = faults.iter().filter(|other| !std::ptr::eq(**other, *fault));
        let closed_until = |other: &Fault| other.over_ms + other.grace_ms;
        let is_disturbed =
            |until: u64| others.clone().any(|other| other.began_ms <= until && closed_until(other) > fault.over_ms);
        // When nothing is promised any more, everything was.
        let Some(next) = promised.asked_from(fault.over_ms) else { continue };
        let latest = closed_until(fault) + limit;
        if is_disturbed(next.min(latest)) {
            continue;
        }
        report.counts.slowest_recovery_ms = report.counts.slowest_recovery_ms.max(next - fault.over_ms);
        if next > latest {
            let how = format!("no 202 for {} ms after “{}” was over", next - fault.over_ms, fault.kind);
            report.breach(Rule::Liveness, how, []);
        }
    }
}

fn judge_decisions(history: &History, faults: &[&Fault], expected: &Expectations, report: &mut Report) {
    let Some(limit) = expected.decided_within_ms else { return };
    let last_fault = faults.iter().map(|fault| fault.over_ms).max().unwrap_or(0);
    let decided = history.events.iter().filter(|event| event.what == What::AllDecided {});
    let Some(decided) = decided.map(|event| event.at_ms).find(|at| *at >= last_fault) else {
        return report.too_little.push("nobody saw every 202 decided".into());
    };
    report.counts.decided_after_ms = decided - last_fault;
    if decided - last_fault > limit {
        let how = format!("every 202 was decided only {} ms after the last fault", decided - last_fault);
        report.breach(Rule::Liveness, how, []);
    }
}
