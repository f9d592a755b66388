//! Every step of paying a paid order, failing in every way, and twice.

use super::{
    history::{PaidVerdict, race},
    plan::PaidPlan,
};
use crate::{
    harm::{Harm, Planned, Side},
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

/// One history for each step, each harm, at the first of them and at the first three, in one process and in two. What never came was not
/// tested, and is a breach too.
pub fn planned_steps() -> impl Iterator<Item = (Planned, PaidVerdict)> {
    let modes = [Mode::Embedded, Mode::Distributed];
    let all = STEPS.iter().flat_map(move |operation| {
        HARMS.iter().flat_map(move |harm| {
            let planned = move |times| Planned { operation, harm: *harm, times };
            [1, 3].into_iter().flat_map(move |times| modes.map(|mode| (planned(times), mode)))
        })
    });
    all.map(|(planned, mode)| {
        let mut verdict = race(&PaidPlan::with_every_step(mode, Some(planned)));
        // Some steps are taken only once or twice.
        if verdict.still_planned == planned.times {
            verdict.breaches.push(format!("{:?} at {} never came", planned.harm, planned.operation));
        }
        (planned, verdict)
    })
}
