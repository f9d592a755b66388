//! Nobody takes the money.

use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::ports::{
    BadNotice, PaymentGateway, PaymentNotice, PortFailure, PortResult, ProviderPayment, WantedPayment,
};
use stampede_domain::{Millis, OrderId, PaymentId};

/// What a shop has that no provider is configured for: holds run out, and nothing is ever taken.
pub struct NoProvider;

const NOBODY: &str = "no payment provider is configured: set STAMPEDE_STRIPE_SECRET_KEY";

fn nobody<T>() -> PortResult<T> {
    Err(PortFailure::Unavailable(NOBODY.into()))
}

#[async_trait]
impl PaymentGateway for NoProvider {
    fn name(&self) -> &'static str {
        "none"
    }

    /// Said for good: who begins to pay here is declined, and not kept waiting. Whatever was begun at a provider before is
    /// never captured, so no money is lost by it.
    async fn create(&self, _: &WantedPayment) -> PortResult<ProviderPayment> {
        Err(PortFailure::Impossible(NOBODY.into()))
    }

    async fn find(&self, _: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        nobody()
    }

    async fn capture(&self, _: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        nobody()
    }

    async fn cancel(&self, _: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        nobody()
    }

    async fn refund(&self, _: &PaymentId, _: OrderId, _: i64) -> PortResult<Option<ProviderPayment>> {
        nobody()
    }

    async fn made_since(&self, _: Millis, _: Option<&PaymentId>, _: u32) -> PortResult<Vec<ProviderPayment>> {
        nobody()
    }

    fn read_notice(&self, _: Millis, _: &str, _: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        Err(BadNotice::Forged("nobody sends notices here"))
    }
}
