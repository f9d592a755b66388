//! Who takes the buyers' money.

use super::PortResult;
use async_trait::async_trait;
use bytes::Bytes;
use stampede_domain::{Decline, Millis, Money, OrderId, PaymentId};

/// A payment to be made. Its key is `pay:{order}:{attempt}`: asked for twice, it is one payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedPayment {
    /// For which order.
    pub order: OrderId,
    /// Which attempt of it.
    pub attempt: u32,
    /// How much.
    pub amount: Money,
    /// What stands on the buyer's statement: the event's or the shop's name.
    pub what_for: String,
}

impl WantedPayment {
    /// The provider's idempotency key.
    #[must_use]
    pub fn key(&self) -> String {
        format!("pay:{}:{}", self.order, self.attempt)
    }
}

/// How a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// The buyer has to do something: give a card, prove to be its owner.
    AwaitsBuyer,
    /// The provider does not know yet.
    Processing,
    /// The bank has set the money aside: it can be captured, or cancelled.
    Authorized,
    /// The money is taken.
    Captured,
    /// No money is taken, and none will be.
    Failed(Decline),
}

/// A payment, as its provider has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPayment {
    /// Its name there.
    pub id: PaymentId,
    /// For which order, as we said when it was made.
    pub order: OrderId,
    /// Which attempt of it.
    pub attempt: u32,
    /// How much was asked for.
    pub amount: Money,
    /// How it stands.
    pub state: PaymentState,
    /// Money taken, minor units.
    pub captured: i64,
    /// Money given back.
    pub refunded: i64,
    /// Where the buyer pays, while there is something to do: a path of ours or an `https` address.
    pub page: Option<String>,
    /// When it was made.
    pub created_at: Millis,
}

/// That something happened to a payment. It names, it proves nothing: whoever gets it asks the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentNotice {
    /// Which.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// Which attempt of it.
    pub attempt: u32,
}

/// Why a notice is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadNotice {
    /// It was not signed by the provider, or not lately.
    #[error("the signature does not fit: {0}")]
    Forged(&'static str),
    /// It was, and cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
}

/// Takes money and gives it back. All calls are safe to repeat.
#[async_trait]
pub trait PaymentGateway: Send + Sync {
    /// Its name in rows, pages and metrics, e.g. `simulated`.
    fn name(&self) -> &'static str;

    /// Makes a payment, or finds the one that its key made before.
    ///
    /// # Errors
    /// `Unavailable`: none was made. `Unknown`: it may have been; ask again. `Impossible`: the provider refuses to make such a one.
    async fn create(&self, wanted: &WantedPayment) -> PortResult<ProviderPayment>;

    /// A payment; `None`: the provider knows none of that name.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>>;

    /// Takes the money that was set aside. A payment that is in another state is answered as it is. `None`: unknown there.
    ///
    /// # Errors
    /// `Unavailable`: not taken. `Unknown`: perhaps; ask again.
    async fn capture(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>>;

    /// Cancels a payment unless its money is taken: the answer says which of the two came first. `None`: unknown there.
    ///
    /// # Errors
    /// `Unavailable`: not cancelled. `Unknown`: perhaps; ask again.
    async fn cancel(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>>;

    /// Gives money back, until `minor` of it is given back altogether, under the key `refund:{order}:{payment}`. `None`: unknown
    /// there.
    ///
    /// # Errors
    /// `Unavailable`: not given back. `Unknown`: perhaps; ask again. `Impossible`: the provider refuses.
    async fn refund(&self, payment: &PaymentId, order: OrderId, minor: i64) -> PortResult<Option<ProviderPayment>>;

    /// Payments made since a time, oldest first, after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn made_since(
        &self,
        since: Millis,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> PortResult<Vec<ProviderPayment>>;

    /// Reads what the provider sent to our address for notices: `signature` is the header it signs with, `body` the raw bytes.
    /// `None`: signed, and about nothing that concerns an order.
    ///
    /// # Errors
    /// [`BadNotice`].
    fn read_notice(&self, now: Millis, signature: &str, body: &Bytes) -> Result<Option<PaymentNotice>, BadNotice>;
}
