//! Every step of paying a paid order, failing in every way, and twice.

use super::{
    history::{PaidVerdict, race},
    plan::PaidPlan,
};
use crate::{
    fate::{Harm, Planned, Side},
    plan::Mode,
};

/// The calls of which paying is made: at the provider, at the store (one for each kind of change), on the lane.
const STEPS: [&str; 16] = [
    "create",
    "find",
    "capture",
    "call off",
    "repay",
    "pay",
    "cancel",
    "refund",
    "run_out",
    "opened",
    "captured",
    "failed",
    "repaid",
    "look_again",
    "publish",
    "acknowledge",
];

/// What befalls them.
const HARMS: [Harm; 6] = [
    Harm::Refused,
    Harm::RequestLost,
    Harm::AnswerLost,
    Harm::Death(Side::Before),
    Harm::Death(Side::After),
    Harm::Twice,
];

/// One history for each step, each harm, once and some times in a row, in one process and in two. What never came was not
/// tested, and is a breach too.
pub fn planned_steps() -> impl Iterator<Item = (Planned, PaidVerdict)> {
    let modes = [Mode::Embedded, Mode::Distributed];
    let all = STEPS.iter().flat_map(move |operation| {
        HARMS.iter().flat_map(move |harm| {
            let planned = move |times| Planned { operation, harm: *harm, times };
            // A process is away for a while after each death.
            let times = if matches!(harm, Harm::Death(_)) { [1, 2] } else { [1, 3] };
            times.into_iter().flat_map(move |times| modes.map(|mode| (planned(times), mode)))
        })
    });
    all.map(|(planned, mode)| {
        let mut verdict = race(&PaidPlan::with_every_step(mode, Some(planned)));
        if verdict.still_planned > 0 {
            let never =
                format!("{} times {:?} at {} never came", verdict.still_planned, planned.harm, planned.operation);
            verdict.breaches.push(never);
        }
        (planned, verdict)
    })
}
