//! What was told of an order over time: one fate, which no later answer takes back.

use super::{Call, Story, promises::Promises};
use crate::{Expectations, Outcome, Refusal, Report, Rule};
use stampede_domain::{OrderStatus, laws::Law};

/// What an answer says of an order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It is there, not decided yet.
    Open,
    /// It is decided so.
    Decided(OrderStatus),
    /// It is not there.
    Nothing,
}

/// Judges all answers about a key in the order of real time, and against its row.
pub(super) fn judge(story: &Story<'_>, expected: &Expectations, promises: &mut Promises, report: &mut Report) {
    let said: Vec<_> = story.calls.iter().filter_map(|call| Some((*call, said(call)?))).collect();
    let decided = |call: &&(&Call<'_>, Said)| matches!(call.1, Said::Decided(_));
    let first_decided = said.iter().filter(decided).map(|(call, _)| call.ended).min();
    // A claim that nobody promised may be taken back: who looked meanwhile was told `pending`, and not that it stays.
    let stays = |(call, said): &&(&Call<'_>, Said)| {
        matches!(said, Said::Decided(_)) || matches!(call.outcome(), Outcome::Accepted { .. })
    };
    let first_known = said.iter().filter(stays).map(|(call, _)| call.ended).min();
    let after = |call: &Call<'_>, moment: Option<usize>| moment.is_some_and(|ended| ended < call.begun);

    for (call, says) in &said {
        match says {
            Said::Open if expected.steady_readers && after(call, first_decided) => {
                report.breach(Law::OneFate, "told to be decided, and then to be pending".into(), [story.order]);
            }
            Said::Nothing if after(call, first_known) => {
                let how = "told to be there, and then not to be".to_owned();
                promises.broke(story.order, Law::EveryPromiseDecided, how);
            }
            Said::Decided(status) => judge_decided(story, *status, &others(&said, call), report),
            Said::Open | Said::Nothing => {}
        }
    }
    let is_shown = said.iter().any(|(_, said)| *said != Said::Nothing);
    if is_shown && story.row.is_none() && story.buys().next().is_none() {
        report.breach(Rule::HonestAnswers, "an order was shown that nobody asked for".into(), [story.order]);
    }
}

/// Decisions told by other answers, of requests that did not begin only after this one's end: whether they were told before
/// it began, and which.
fn others(said: &[(&Call<'_>, Said)], now: &Call<'_>) -> Vec<(bool, OrderStatus)> {
    let others = said.iter().filter(|(call, _)| !std::ptr::eq(*call, now) && call.begun < now.ended);
    let decided = others.filter_map(|(call, said)| match said {
        Said::Decided(status) => Some((call.ended < now.begun, *status)),
        Said::Open | Said::Nothing => None,
    });
    decided.collect()
}

fn judge_decided(story: &Story<'_>, status: OrderStatus, others: &[(bool, OrderStatus)], report: &mut Report) {
    // Beside each other, either may have been first.
    let fits = |(before, other): &&(bool, OrderStatus)| {
        *other == status || other.may_become(status) || (!before && status.may_become(*other))
    };
    if let Some((_, other)) = others.iter().find(|other| !fits(other)) {
        let how = format!("told to be {} and to be {}", other.as_str(), status.as_str());
        report.breach(Law::OneFate, how, [story.order]);
    }
    match story.row {
        None => {
            report.counts.lost += u64::from(status.is_live() && !story.buys().any(Call::is_accepted));
            let how = format!("told to be {}, and there is no row", status.as_str());
            report.breach(Law::OneFate, how, [story.order]);
        }
        Some(row) if row.status != status && !status.may_become(row.status) => {
            let how = format!("told to be {}, and the row is {}", status.as_str(), row.status.as_str());
            report.breach(Law::OneFate, how, [story.order]);
        }
        Some(_) => {}
    }
}

fn said(call: &Call<'_>) -> Option<Said> {
    Some(match call.outcome() {
        Outcome::Accepted { status, .. } | Outcome::Told { status } => match status {
            OrderStatus::Pending | OrderStatus::Reserved | OrderStatus::Paying | OrderStatus::Expiring => Said::Open,
            decided => Said::Decided(*decided),
        },
        Outcome::Refused(Refusal::Ended(status)) => Said::Decided(*status),
        Outcome::NotFound => Said::Nothing,
        _ => return None,
    })
}
