//! What each step does: `Checkout`'s glue, one call or one transaction at a time.

use super::{
    PaidWorld,
    bug::PaidBug,
    state::{AMOUNT, Hand, ProviderPayment, Stage, State, moment, name_of, place_of},
    steps::{Step, Wish},
};
use crate::laws::Law;
use stampede_domain::{
    Decline, Hold, HoldAnswer, HoldChange, OrderStatus,
    hold::{Need, move_units},
};
use std::collections::HashMap;

/// Long after every hold has ended.
pub(super) const LONG_AFTER: u8 = 9;

impl PaidWorld {
    /// The state after a step.
    pub(super) fn after(&self, state: &State, step: &Step) -> State {
        let mut next = state.clone();
        match *step {
            Step::Tick => next.now += 1,
            Step::Wish { wish, late } => self.wish(&mut next, wish, late),
            Step::Authorize { payment } => next.payments[payment].stage = Stage::Authorized,
            Step::Decline { payment } => next.payments[payment].stage = Stage::Closed,
            Step::ComesLate { payment } => {
                let late = &mut next.payments[payment];
                (late.stage, late.came_late) = (Stage::Captured, true);
            }
            Step::Take { node, need } => self.take(&mut next, node, need),
            Step::Notice { node, payment } => {
                next.hands[node] = Hand::Noticed(payment, next.payments[payment].clone());
            }
            Step::Note { node } => self.note(&mut next, node),
            Step::Call { node, lost } => self.call(&mut next, node, lost),
            Step::Write { node } => {
                if let Hand::Writes(news, at) = std::mem::replace(&mut next.hands[node], Hand::Empty) {
                    self.write(&mut next, at, &news);
                }
            }
            Step::Die { node } => next.hands[node] = Hand::Empty,
        }
        next
    }

    /// What the row needs.
    pub(super) fn needs(&self, state: &State) -> Vec<Need> {
        let now = if self.has(PaidBug::RunsOutEarly) { LONG_AFTER } else { state.now };
        if self.is_listed(state) { state.hold.needs(moment(now)) } else { Vec::new() }
    }

    fn wish(&self, state: &mut State, wish: Wish, late: bool) {
        let at = state.now - u8::from(late);
        let is_second = wish == Wish::Pay(2) && state.hold.attempt == 1;
        if is_second && self.has(PaidBug::SecondPaymentAtOnce) {
            self.write(state, at, &[HoldChange::Failed { attempt: 1, why: Decline::Declined }]);
        }
        self.write(state, at, &[wish.change()]);
    }

    fn take(&self, state: &mut State, node: usize, need: usize) {
        let Some(need) = self.needs(state).into_iter().nth(need) else { return };
        if let (Need::Repayment { payment, minor }, true) = (&need, self.has(PaidBug::NotedBeforeAsked)) {
            self.write(state, state.now, &[HoldChange::Repaid { payment: payment.clone(), minor: *minor }]);
        }
        state.hands[node] = match need {
            Need::RunOut => Hand::Writes(vec![HoldChange::RunOut], state.now),
            need => Hand::Took(Box::new(state.hold.clone()), need),
        };
    }

    fn note(&self, state: &mut State, node: usize) {
        let Hand::Noticed(payment, found) = state.hands[node].clone() else { return };
        self.write(state, state.now, &[opened(payment, found.attempt)]);
        state.hands[node] = self.judged(state, state.hold.clone(), payment, &found, Vec::new());
    }

    /// The provider is asked. Its answer may be lost, what it did is done.
    fn call(&self, state: &mut State, node: usize, lost: bool) {
        let hand = std::mem::replace(&mut state.hands[node], Hand::Empty);
        let (attempt, is_payment) = match &hand {
            Hand::Took(hold, need) => (hold.attempt, !matches!(need, Need::Repayment { .. })),
            Hand::Judges(hold, ..) => (hold.attempt, true),
            _ => return,
        };
        let answered = match hand {
            Hand::Took(hold, need) => self.do_what_is_needed(state, *hold, &need),
            Hand::Judges(hold, payment, news) => Self::capture_or_let_go(state, &hold, payment, news),
            other => other,
        };
        state.hands[node] = match lost {
            false => answered,
            true if is_payment && self.has(PaidBug::UnknownIsFailed) => Hand::Writes(failed(attempt), state.now),
            true => Hand::Empty,
        };
    }

    fn do_what_is_needed(&self, state: &mut State, hold: Hold, need: &Need) -> Hand {
        let known = hold.payment_under_way().map(|payment| place_of(&payment.id));
        match need {
            Need::RunOut => Hand::Empty,
            Need::Payment => {
                let payment = known.unwrap_or_else(|| self.create(state, hold.attempt));
                let found = state.payments[payment].clone();
                let news = vec![opened(payment, found.attempt)];
                self.judged(state, hold, payment, &found, news)
            }
            Need::Cancellation if known.is_none() && self.has(PaidBug::CancelsNothing) => {
                Hand::Writes(failed(hold.attempt), state.now)
            }
            Need::Cancellation => {
                let payment = known.unwrap_or_else(|| self.create(state, hold.attempt));
                Self::cancel(state, payment);
                let mut news = vec![opened(payment, hold.attempt)];
                news.extend(news_of(payment, &state.payments[payment]));
                Hand::Writes(news, state.now)
            }
            Need::Repayment { payment, minor } => {
                self.refund(state, place_of(payment), *minor);
                let repaid = state.payments[place_of(payment)].refunded;
                let news = HoldChange::Repaid { payment: payment.clone(), minor: repaid };
                let news = if self.has(PaidBug::RepaidNotNoted) { Vec::new() } else { vec![news] };
                Hand::Writes(news, state.now)
            }
        }
    }

    /// What a payment as it was found means for its order.
    fn judged(
        &self,
        state: &State,
        hold: Hold,
        payment: usize,
        found: &ProviderPayment,
        mut news: Vec<HoldChange>,
    ) -> Hand {
        if found.stage == Stage::Authorized {
            if self.has(PaidBug::AuthorizedIsPaid) {
                news.push(captured(payment, found.attempt));
                return Hand::Writes(news, state.now);
            }
            return Hand::Judges(Box::new(hold), payment, news);
        }
        news.extend(news_of(payment, found));
        Hand::Writes(news, state.now)
    }

    /// What is set aside is taken if somebody waits for it, else let go.
    fn capture_or_let_go(state: &mut State, hold: &Hold, payment: usize, mut news: Vec<HoldChange>) -> Hand {
        let is_awaited = state.payments[payment].attempt == hold.attempt && hold.status == OrderStatus::Paying;
        if is_awaited {
            Self::capture(state, payment);
        } else {
            Self::cancel(state, payment);
        }
        news.extend(news_of(payment, &state.payments[payment]));
        Hand::Writes(news, state.now)
    }

    /// One transaction, and the laws that see a change and not a state.
    pub(super) fn write(&self, state: &mut State, at: u8, news: &[HoldChange]) {
        for wanted in news {
            let before = state.hold.status;
            let answer = self.change(state, at, wanted);
            let after = state.hold.status;
            if before != after && !before.may_become(after) {
                state.broken = Some(Law::NotOneLife);
            }
            let waited = matches!(before, OrderStatus::Reserved | OrderStatus::Paying);
            let ended = matches!(after, OrderStatus::Expired | OrderStatus::Expiring);
            if waited && ended && moment(state.now) < state.hold.hold_until {
                state.broken = Some(Law::RanOutEarly);
            }
            let told_again = answer == HoldAnswer::Unchanged && *wanted == HoldChange::RunOut;
            if told_again && after == OrderStatus::Expired && self.has(PaidBug::UnitsTwice) {
                state.units.0 = state.units.0.saturating_sub(state.hold.quantity);
            }
            let mut pool = state.pool();
            let whose = (state.hold.buyer, state.hold.quantity);
            move_units(&mut pool, &mut HashMap::new(), whose, (before, after));
            state.units = (pool.numbers.held, pool.numbers.sold);
        }
    }

    /// The rule, and what somebody might do instead.
    fn change(&self, state: &mut State, at: u8, wanted: &HoldChange) -> HoldAnswer {
        let hold = &mut state.hold;
        let is_late_money = matches!(wanted, HoldChange::Captured { .. })
            && !matches!(hold.status, OrderStatus::Paying | OrderStatus::Expiring);
        let is_out_of_time = *wanted == HoldChange::RunOut && moment(at) >= hold.hold_until;
        let instead = match wanted {
            HoldChange::RunOut
                if is_out_of_time && hold.status == OrderStatus::Paying && self.has(PaidBug::ExpiresUnasked) =>
            {
                hold.status = OrderStatus::Expired;
                return HoldAnswer::Changed;
            }
            HoldChange::Captured { payment, .. }
                if hold.status == OrderStatus::Expired && self.has(PaidBug::LateMoneyConfirms) =>
            {
                (hold.status, hold.paid_by) = (OrderStatus::Confirmed, Some(payment.clone()));
                return HoldAnswer::Changed;
            }
            HoldChange::Captured { .. } if is_late_money && self.has(PaidBug::LateMoneyIgnored) => {
                return HoldAnswer::Unchanged;
            }
            HoldChange::Captured { attempt, minor, .. } if self.has(PaidBug::BooksAnotherPayment) => {
                HoldChange::Captured { attempt: *attempt, payment: name_of(0), minor: *minor }
            }
            HoldChange::Failed { why, .. } if self.has(PaidBug::OldDeclineCounts) => {
                HoldChange::Failed { attempt: hold.attempt, why: *why }
            }
            wanted => wanted.clone(),
        };
        let at = match instead {
            HoldChange::Pay { .. } if self.has(PaidBug::PaysTooLate) => 0,
            HoldChange::RunOut if self.has(PaidBug::RunsOutEarly) => LONG_AFTER,
            _ => at,
        };
        let answer = hold.change(moment(at), &instead);
        // The clock was not looked at, and stands in the row.
        if self.has(PaidBug::PaysTooLate) && matches!(instead, HoldChange::Pay { .. }) && answer == HoldAnswer::Changed
        {
            hold.paying_at = moment(state.now);
        }
        answer
    }
}

fn opened(payment: usize, attempt: u32) -> HoldChange {
    HoldChange::Opened { attempt, payment: name_of(payment), page: None }
}

fn captured(payment: usize, attempt: u32) -> HoldChange {
    HoldChange::Captured { attempt, payment: name_of(payment), minor: AMOUNT }
}

fn failed(attempt: u32) -> Vec<HoldChange> {
    vec![HoldChange::Failed { attempt, why: Decline::Declined }]
}

/// What the state of a payment is to its order.
fn news_of(payment: usize, found: &ProviderPayment) -> Vec<HoldChange> {
    match found.stage {
        Stage::AwaitsBuyer | Stage::Authorized => Vec::new(),
        Stage::Captured => {
            let repaid = HoldChange::Repaid { payment: name_of(payment), minor: found.refunded };
            vec![captured(payment, found.attempt), repaid]
        }
        Stage::Closed => failed(found.attempt),
    }
}
