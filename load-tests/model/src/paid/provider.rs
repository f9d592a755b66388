//! The provider: honest, and deaf to nothing. That its answers get lost is the network's doing.

use super::{
    PaidWorld,
    bug::PaidBug,
    state::{AMOUNT, ProviderPayment, Stage, State},
};

impl PaidWorld {
    /// Makes a payment, or finds the one that its key made before.
    pub(super) fn create(&self, state: &mut State, attempt: u32) -> usize {
        let known = state.payments.iter().position(|payment| payment.attempt == attempt);
        match known {
            Some(known) if !self.has(PaidBug::FreshPaymentKeys) || state.payments.len() > 2 => known,
            _ => {
                state.payments.push(ProviderPayment {
                    attempt,
                    stage: Stage::AwaitsBuyer,
                    refunded: 0,
                    came_late: false,
                });
                state.payments.len() - 1
            }
        }
    }

    /// Takes what was set aside.
    pub(super) fn capture(state: &mut State, payment: usize) {
        if let Some(payment) = state.payments.get_mut(payment)
            && payment.stage == Stage::Authorized
        {
            payment.stage = Stage::Captured;
        }
    }

    /// Cancels, unless the money is taken.
    pub(super) fn cancel(state: &mut State, payment: usize) {
        if let Some(payment) = state.payments.get_mut(payment)
            && payment.stage.is_open()
        {
            payment.stage = Stage::Closed;
        }
    }

    /// Gives money back until so much is given back altogether. Under another key it is another repayment.
    pub(super) fn refund(&self, state: &mut State, payment: usize, minor: i64) {
        let fresh_keys = self.has(PaidBug::FreshRefundKeys);
        if let Some(payment) = state.payments.get_mut(payment)
            && payment.stage == Stage::Captured
        {
            // What was never taken cannot be given back more than once over.
            payment.refunded =
                if fresh_keys { (payment.refunded + minor).min(2 * AMOUNT) } else { payment.refunded.max(minor) };
        }
    }
}
