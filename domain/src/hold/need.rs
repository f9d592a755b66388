//! What an order needs next, whoever has died meanwhile: the row alone tells.

use super::{Hold, PaymentId};
use crate::{order::OrderStatus, time::Millis};

/// A step that somebody has to take for an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// Its time is up: [`HoldChange::RunOut`](super::HoldChange::RunOut).
    RunOut,
    /// Its payment is to be made, or to be asked after: nobody knows how it stands.
    Payment,
    /// Its payment is to be cancelled, unless it has been paid.
    Cancellation,
    /// Money is to be given back.
    Repayment {
        /// Of which payment.
        payment: PaymentId,
        /// How much altogether of that payment, what was given back before included; minor units.
        minor: i64,
    },
}

impl Hold {
    /// What it needs at `now`, the most urgent first.
    #[must_use]
    pub fn needs(&self, now: Millis) -> Vec<Need> {
        let is_out_of_time = now >= self.hold_until;
        let step = match self.status {
            OrderStatus::Reserved | OrderStatus::Paying if is_out_of_time => Some(Need::RunOut),
            OrderStatus::Paying => Some(Need::Payment),
            OrderStatus::Expiring => Some(Need::Cancellation),
            _ => None,
        };
        let repayments = self.owed().map(|(payment, owed)| Need::Repayment {
            payment: payment.id.clone(),
            minor: payment.refunded.saturating_add(owed),
        });
        step.into_iter().chain(repayments).collect()
    }

    /// From when on it needs somebody; `None`: it is at rest.
    #[must_use]
    pub fn due_at(&self) -> Option<Millis> {
        match self.status {
            OrderStatus::Reserved if self.owed_minor() > 0 => Some(self.hold_until.min(self.look_at)),
            OrderStatus::Reserved => Some(self.hold_until),
            OrderStatus::Paying => Some(self.hold_until.min(self.look_at)),
            OrderStatus::Expiring => Some(self.look_at),
            _ => (self.owed_minor() > 0).then_some(self.look_at),
        }
    }
}
