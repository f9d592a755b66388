//! Requests with their outcomes, put together from the lines of the history.

use crate::{Ask, Body, Fault, History, Outcome, Refusal, Report, Rule, What};
use stampede_domain::{OrderId, OrderStatus};
use std::collections::HashMap;

/// A request. It overlaps every other one of which neither is behind the other in the log.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) ask: Ask,
    /// Line of `Asked`.
    pub(super) begun: usize,
    pub(super) begun_ms: u64,
    /// Line of `Answered`; behind everything when there is none.
    pub(super) ended: usize,
    pub(super) ended_ms: u64,
    outcome: Option<&'a Outcome>,
}

/// All of them, in the order in which they began.
pub(super) struct Calls<'a> {
    pub(super) all: Vec<Call<'a>>,
}

impl<'a> Calls<'a> {
    /// A history that contradicts itself proves nothing: it is reported.
    pub(super) fn of(history: &'a History, report: &mut Report) -> Self {
        let mut all: Vec<Call<'a>> = Vec::new();
        let mut open: HashMap<u64, usize> = HashMap::new();
        let mut last_ms = 0;
        for (line, event) in history.events.iter().enumerate() {
            if event.at_ms < last_ms {
                report.too_little.push(format!("the history's time steps back in line {}", line + 1));
            }
            last_ms = event.at_ms;
            match &event.what {
                What::Asked { call, ask } => {
                    if open.insert(*call, all.len()).is_some() {
                        report.too_little.push(format!("request {call} began twice in the history"));
                    }
                    all.push(Call {
                        ask: *ask,
                        begun: line,
                        begun_ms: event.at_ms,
                        ended: usize::MAX,
                        ended_ms: u64::MAX,
                        outcome: None,
                    });
                }
                What::Answered { call, outcome } => match open.get(call).map(|index| &mut all[*index]) {
                    Some(asked) if asked.outcome.is_none() => {
                        (asked.ended, asked.ended_ms, asked.outcome) = (line, event.at_ms, Some(outcome));
                    }
                    _ => report.too_little.push(format!("request {call} was answered, and not asked before")),
                },
                What::Fault(_) | What::AllDecided {} => {}
            }
        }
        for call in &all {
            call.judge(report);
        }
        Self { all }
    }

    pub(super) fn buys(&self) -> impl Iterator<Item = &Call<'a>> {
        self.all.iter().filter(|call| call.body().is_some())
    }
}

impl History {
    pub(super) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.events.iter().filter_map(|event| match &event.what {
            What::Fault(fault) => Some(fault),
            _ => None,
        })
    }
}

impl Call<'_> {
    pub(super) fn order(&self) -> OrderId {
        match self.ask {
            Ask::Buy { order, .. } | Ask::Look { order } => order,
        }
    }

    /// Of a request to buy.
    pub(super) fn body(&self) -> Option<Body> {
        match self.ask {
            Ask::Buy { body, .. } => Some(body),
            Ask::Look { .. } => None,
        }
    }

    /// What came of it; nothing heard is unknown.
    pub(super) fn outcome(&self) -> &Outcome {
        self.outcome.unwrap_or(&Outcome::Unknown)
    }

    pub(super) fn is_answered(&self) -> bool {
        self.outcome.is_some()
    }

    pub(super) fn is_accepted(&self) -> bool {
        matches!(self.outcome(), Outcome::Accepted { .. })
    }

    /// Whether its message may have reached the bus, then or later.
    pub(super) fn may_have_been_published(&self) -> bool {
        match self.outcome() {
            Outcome::Accepted { .. } | Outcome::Unknown | Outcome::Strange { .. } => true,
            // It met a decision, perhaps that of its own message.
            Outcome::Refused(Refusal::Ended(_)) => true,
            _ => false,
        }
    }

    /// Whether it may have made a claim: also one that was given back, or that the reaper takes back.
    pub(super) fn may_have_claimed(&self) -> bool {
        self.may_have_been_published() || matches!(self.outcome(), Outcome::PutOff)
    }

    fn judge(&self, report: &mut Report) {
        let is_buy = self.body().is_some();
        let fits = match self.outcome() {
            Outcome::Strange { what } => {
                report.breach(Rule::HonestAnswers, format!("an answer that nobody may get: {what}"), [self.order()]);
                return;
            }
            Outcome::Accepted { status, .. } => is_buy && (*status == OrderStatus::Pending || status.is_live()),
            Outcome::Refused(Refusal::Ended(status)) => is_buy && *status != OrderStatus::Pending && !status.is_live(),
            Outcome::Refused(_) | Outcome::PutOff => is_buy,
            Outcome::Told { .. } | Outcome::NotFound | Outcome::NotKnownYet => !is_buy,
            Outcome::Unknown => true,
        };
        if !fits {
            let how = format!("{:?} in answer to {:?}", self.outcome(), self.ask);
            report.breach(Rule::HonestAnswers, how, [self.order()]);
        }
    }
}
