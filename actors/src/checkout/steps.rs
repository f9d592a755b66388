//! The steps: what is asked of the provider for each need, and what its answers mean for the order.
//!
//! What went wrong on the way means nothing: the same is asked again later, under the same key.

use super::{Checkout, provider::Behalf};
use crate::ports::{PaymentState, PortFailure, PortResult, ProviderPayment, WantedPayment};
#[cfg(feature = "sabotage")]
use stampede_domain::sabotage::{Sabotage, is_on};
use stampede_domain::{Decline, Hold, HoldChange, OrderStatus, PaymentId, hold::Need};
use std::time::Duration;

/// The first pause while the buyer has something to do.
const BUYER_ACTS: Duration = Duration::from_secs(2);
/// The first pause while nobody knows.
const NOBODY_KNOWS: Duration = Duration::from_secs(1);
/// The pause after the provider refused what has to be done all the same: people will have to help, and it is not forgotten.
const MUCH_LATER: Duration = Duration::from_secs(20 * 60);

/// What a step came to.
pub(super) struct Step {
    /// What is to be written.
    pub(super) news: Vec<HoldChange>,
    /// When the same is to be asked again at the earliest; `None`: the order goes on at once.
    pub(super) wait: Option<Duration>,
}

impl Step {
    fn came(change: HoldChange) -> Self {
        Self { news: vec![change], wait: None }
    }

    fn wait(first: Duration) -> Self {
        Self { news: Vec::new(), wait: Some(first) }
    }

    /// With something learnt before.
    fn after(mut self, learnt: HoldChange) -> Self {
        self.news.insert(0, learnt);
        self
    }
}

impl Checkout {
    /// Takes the step that an order needs.
    pub(super) async fn take(&self, hold: &Hold, need: Need, behalf: Behalf) -> Step {
        match need {
            Need::RunOut => Step::came(HoldChange::RunOut),
            Need::Payment => self.pay(hold, behalf).await,
            Need::Cancellation => self.cancel(hold, behalf).await,
            Need::Repayment { payment, minor } => self.repay(hold, &payment, minor, behalf).await,
        }
    }

    async fn pay(&self, hold: &Hold, behalf: Behalf) -> Step {
        let Some(payment) = hold.payment_under_way() else {
            return match self.create(hold, behalf).await {
                Ok(made) => {
                    let opened = opened(&made);
                    self.judge(hold, made, behalf).await.after(opened)
                }
                Err(PortFailure::Impossible(why)) => {
                    tracing::error!(order = %hold.order, why, "the provider makes no such payment");
                    Step::came(failed(hold, Decline::Declined))
                }
                Err(failure) => unknown(hold, &failure),
            };
        };
        match self.provider.call(behalf, "find", |gateway| gateway.find(&payment.id)).await {
            Ok(Some(found)) => {
                let opened = opened(&found);
                self.judge(hold, found, behalf).await.after(opened)
            }
            Ok(None) => lost(hold, &payment.id),
            Err(failure) => unknown(hold, &failure),
        }
    }

    /// What the state of a payment means for its order; what the bank has set aside is taken, or let go if nobody waits for it.
    pub(super) async fn judge(&self, hold: &Hold, payment: ProviderPayment, behalf: Behalf) -> Step {
        if payment.state != PaymentState::Authorized {
            return news_of(&payment);
        }
        let is_awaited = payment.attempt == hold.attempt && hold.status == OrderStatus::Paying;
        let answer = if is_awaited {
            self.provider.call(behalf, "capture", |gateway| gateway.capture(&payment.id)).await
        } else {
            self.provider.call(behalf, "cancel", |gateway| gateway.cancel(&payment.id)).await
        };
        match answer {
            Ok(Some(payment)) => news_of(&payment),
            Ok(None) if is_awaited => lost(hold, &payment.id),
            Ok(None) => Step::wait(NOBODY_KNOWS),
            Err(failure) => unknown(hold, &failure),
        }
    }

    /// Out of time: the provider says which came first, the cancellation or the money.
    async fn cancel(&self, hold: &Hold, behalf: Behalf) -> Step {
        let Some(payment) = hold.payment_under_way() else {
            // It may have been made, and nobody heard of it: made again under its key, it tells its name.
            return match self.create(hold, behalf).await {
                Ok(made) => self.cancel_payment(hold, &made.id, behalf).await.after(opened(&made)),
                Err(PortFailure::Impossible(_)) => Step::came(failed(hold, Decline::Cancelled)),
                Err(failure) => unknown(hold, &failure),
            };
        };
        self.cancel_payment(hold, &payment.id, behalf).await
    }

    async fn cancel_payment(&self, hold: &Hold, payment: &PaymentId, behalf: Behalf) -> Step {
        match self.provider.call(behalf, "cancel", |gateway| gateway.cancel(payment)).await {
            Ok(Some(cancelled)) => news_of(&cancelled),
            Ok(None) => lost(hold, payment),
            Err(failure) => unknown(hold, &failure),
        }
    }

    async fn repay(&self, hold: &Hold, payment: &PaymentId, minor: i64, behalf: Behalf) -> Step {
        let order = hold.order;
        #[cfg(feature = "sabotage")]
        if is_on(Sabotage::ForgetsToRepay) {
            return Step::wait(MUCH_LATER);
        }
        #[cfg(feature = "sabotage")]
        let order = if is_on(Sabotage::RepaysUnderFreshKeys) { self.fresh_order() } else { order };
        match self.provider.call(behalf, "refund", |gateway| gateway.refund(payment, order, minor)).await {
            Ok(Some(repaid)) => {
                let news = HoldChange::Repaid { payment: payment.clone(), minor: repaid.refunded };
                let wait = (repaid.refunded < minor).then_some(NOBODY_KNOWS);
                Step { news: vec![news], wait }
            }
            Ok(None) => {
                tracing::error!(order = %hold.order, %payment, minor, "money cannot be given back: its payment is unknown");
                Step::wait(MUCH_LATER)
            }
            Err(PortFailure::Impossible(why)) => {
                tracing::error!(order = %hold.order, %payment, minor, why, "money cannot be given back");
                Step::wait(MUCH_LATER)
            }
            Err(failure) => {
                tracing::warn!(order = %hold.order, %payment, %failure, "money is to be given back and was not, as far as is known");
                Step::wait(NOBODY_KNOWS)
            }
        }
    }

    async fn create(&self, hold: &Hold, behalf: Behalf) -> PortResult<ProviderPayment> {
        let wanted = WantedPayment {
            order: hold.order,
            attempt: hold.attempt,
            amount: hold.amount,
            what_for: self.parts.what_for.clone(),
        };
        #[cfg(feature = "sabotage")]
        let wanted = if is_on(Sabotage::PaysUnderFreshKeys) {
            WantedPayment { attempt: self.fresh_attempt(), ..wanted }
        } else {
            wanted
        };
        let made = self.provider.call(behalf, "create", |gateway| gateway.create(&wanted)).await?;
        Ok(ProviderPayment { attempt: hold.attempt, ..made })
    }
}

/// What the state of a payment is to its order.
fn news_of(payment: &ProviderPayment) -> Step {
    let attempt = payment.attempt;
    match payment.state {
        PaymentState::AwaitsBuyer => Step::wait(BUYER_ACTS),
        PaymentState::Captured if payment.captured > 0 => {
            let id = &payment.id;
            let captured = HoldChange::Captured { attempt, payment: id.clone(), minor: payment.captured };
            // Also what somebody gave back at the provider's own desk.
            let repaid = HoldChange::Repaid { payment: id.clone(), minor: payment.refunded };
            Step { news: vec![captured, repaid], wait: None }
        }
        PaymentState::Failed(why) => Step::came(HoldChange::Failed { attempt, why }),
        PaymentState::Processing | PaymentState::Authorized | PaymentState::Captured => Step::wait(NOBODY_KNOWS),
    }
}

fn opened(payment: &ProviderPayment) -> HoldChange {
    HoldChange::Opened { attempt: payment.attempt, payment: payment.id.clone(), page: payment.page.clone() }
}

fn failed(hold: &Hold, why: Decline) -> HoldChange {
    HoldChange::Failed { attempt: hold.attempt, why }
}

fn lost(hold: &Hold, payment: &PaymentId) -> Step {
    tracing::error!(order = %hold.order, %payment, "the provider does not know a payment any more");
    Step::came(failed(hold, Decline::Lost))
}

/// Nobody knows how the payment stands: that is no failure, and it is asked again.
fn unknown(hold: &Hold, failure: &PortFailure) -> Step {
    tracing::warn!(order = %hold.order, %failure, "how a payment stands is not known");
    #[cfg(feature = "sabotage")]
    if is_on(Sabotage::TakesUnknownPaymentForFailed) {
        return Step::came(failed(hold, Decline::Declined));
    }
    Step::wait(NOBODY_KNOWS)
}

#[cfg(feature = "sabotage")]
impl Checkout {
    fn fresh_attempt(&self) -> u32 {
        u32::try_from(self.chance.bits() >> 32).unwrap_or(u32::MAX)
    }

    fn fresh_order(&self) -> stampede_domain::OrderId {
        stampede_domain::OrderId(uuid::Uuid::from_u64_pair(self.chance.bits(), self.chance.bits()))
    }
}
