//! What must never be seen of a state.

use super::{
    PaidWorld,
    bug::PaidBug,
    shop::LONG_AFTER,
    state::moment,
    state::{AMOUNT, OTHERS, ProviderPayment, State},
};
use crate::laws::Law;
use stampede_domain::OrderStatus as S;

impl State {
    /// The first law that it breaks.
    pub(super) fn breaks(&self) -> Option<Law> {
        let hold = &self.hold;
        let units = |is: bool| if is { hold.quantity } else { 0 };
        if self.units != (OTHERS + units(hold.status.is_held()), units(hold.status == S::Confirmed)) {
            return Some(Law::UnitsMiscounted);
        }
        if hold.attempt > 0 && hold.paying_at >= hold.hold_until {
            return Some(Law::PaidTooLate);
        }
        if self.payments.iter().any(|payment| payment.refunded > AMOUNT) {
            return Some(Law::GivenBackTwice);
        }
        let waits = matches!(hold.status, S::Paying | S::Expiring);
        let is_awaited = |attempt: u32| waits && attempt == hold.attempt;
        let is_open_for_nobody = |payment: &ProviderPayment| payment.stage.is_open() && !is_awaited(payment.attempt);
        self.payments.iter().any(is_open_for_nobody).then_some(Law::OpenForNobody)
    }
}

impl PaidWorld {
    /// Whether the order is among those that are looked after.
    pub(super) fn is_listed(&self, state: &State) -> bool {
        let is_overlooked = state.hold.status == S::Expiring && self.has(PaidBug::ForgetsExpiring);
        state.hold.due_at().is_some() && !is_overlooked
    }

    /// Whoever needs somebody, now or later, has to be on that list.
    pub(super) fn forgets(&self, state: &State) -> Option<Law> {
        let needs_somebody = !state.hold.needs(moment(LONG_AFTER)).is_empty();
        (needs_somebody && !self.is_listed(state)).then_some(Law::Forgotten)
    }
}
