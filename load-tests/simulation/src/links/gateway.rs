//! The wire to the payment provider: what was asked for may also come there long after whoever asked gave up.

use super::{Kind, Link};
use crate::harm::Harm;
use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::ports::{
    BadNotice, PaymentGateway, PaymentNotice, PortFailure, PortResult, ProviderPayment, WantedPayment,
};
use stampede_domain::{Millis, OrderId, PaymentId};
use std::{sync::Arc, time::Duration};

/// The longest that a request is on its way which nobody waits for any more.
const LATEST_MS: u64 = 9_000;

impl Link<dyn PaymentGateway> {
    /// Asks the provider for something that changes its books.
    async fn ask<T, F: Future<Output = PortResult<T>> + Send + 'static>(
        &self,
        operation: &'static str,
        call: impl Fn(Arc<dyn PaymentGateway>) -> F + Send,
    ) -> PortResult<T>
    where
        T: Send + 'static,
    {
        let harm = match self.before(operation, Kind::Moves).await {
            Ok(harm) => harm,
            Err(failure) => {
                if matches!(failure, PortFailure::Unknown(_)) && self.fate.chance(0.5) {
                    self.comes_late(operation, call(Arc::clone(&self.port)));
                }
                return Err(failure);
            }
        };
        if harm == Harm::Twice {
            // The network doubled it; whoever asked hears the second answer.
            drop(call(Arc::clone(&self.port)).await);
        }
        let answer = call(Arc::clone(&self.port)).await;
        self.after(operation, Kind::Moves, harm, answer).await
    }

    fn comes_late<T>(&self, operation: &'static str, call: impl Future<Output = PortResult<T>> + Send + 'static) {
        let (fate, after) = (Arc::clone(&self.fate), Duration::from_millis(self.fate.between(1, LATEST_MS)));
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            fate.note(&("a late request comes", operation));
            fate.took_effect("request late");
            drop(call.await);
        });
    }
}

#[async_trait]
impl PaymentGateway for Link<dyn PaymentGateway> {
    fn name(&self) -> &'static str {
        self.port.name()
    }

    async fn create(&self, wanted: &WantedPayment) -> PortResult<ProviderPayment> {
        let wanted = wanted.clone();
        self.ask("create", move |port| {
            let wanted = wanted.clone();
            async move { port.create(&wanted).await }
        })
        .await
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let harm = self.before("find", Kind::Reads).await?;
        let answer = self.port.find(payment).await;
        self.after("find", Kind::Reads, harm, answer).await
    }

    async fn capture(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let payment = payment.clone();
        self.ask("capture", move |port| {
            let payment = payment.clone();
            async move { port.capture(&payment).await }
        })
        .await
    }

    async fn cancel(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let payment = payment.clone();
        // Not the name of the buyer's wish, which is another operation.
        self.ask("call off", move |port| {
            let payment = payment.clone();
            async move { port.cancel(&payment).await }
        })
        .await
    }

    async fn refund(&self, payment: &PaymentId, order: OrderId, minor: i64) -> PortResult<Option<ProviderPayment>> {
        let payment = payment.clone();
        self.ask("repay", move |port| {
            let payment = payment.clone();
            async move { port.refund(&payment, order, minor).await }
        })
        .await
    }

    async fn made_since(
        &self,
        since: Millis,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> PortResult<Vec<ProviderPayment>> {
        let harm = self.before("made_since", Kind::Reads).await?;
        let answer = self.port.made_since(since, after, limit).await;
        self.after("made_since", Kind::Reads, harm, answer).await
    }

    fn read_notice(&self, now: Millis, signature: &str, body: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        self.port.read_notice(now, signature, body)
    }
}
