//! What of Stripe's objects is read. Everything else in them is left alone, and may change.

use serde::Deserialize;
use stampede_actors::ports::{PaymentNotice, PaymentState, ProviderPayment};
use stampede_domain::{Decline, Millis, Money, OrderId, PaymentId};
use std::collections::HashMap;

/// A Checkout Session.
#[derive(Debug, Deserialize)]
pub(super) struct Session {
    pub(super) id: String,
    status: Option<String>,
    url: Option<String>,
    #[serde(default)]
    created: i64,
    amount_total: Option<i64>,
    currency: Option<String>,
    metadata: Option<HashMap<String, String>>,
    payment_intent: Option<Unfolded<Intent>>,
}

/// The payment behind a session. There is none before the buyer has given a card.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    status: String,
    #[serde(default)]
    amount_received: i64,
    latest_charge: Option<Unfolded<Charge>>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    #[serde(default)]
    amount_refunded: i64,
}

/// An object, or its id alone where it was not asked for.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Unfolded<T> {
    Whole(T),
    Id(String),
}

impl<T> Unfolded<T> {
    fn whole(&self) -> Option<&T> {
        match self {
            Self::Whole(whole) => Some(whole),
            Self::Id(id) => {
                tracing::warn!(%id, "stripe did not unfold an object");
                None
            }
        }
    }
}

/// A page of sessions, the newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) data: Vec<Session>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// What comes to the address for notices.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    r#type: String,
    data: EventData,
}

#[derive(Debug, Deserialize)]
struct EventData {
    object: serde_json::Value,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    metadata: Option<HashMap<String, String>>,
}

impl Session {
    pub(super) fn intent(&self) -> Option<&Intent> {
        self.payment_intent.as_ref().and_then(Unfolded::whole)
    }

    /// How it stands; `None` when it is not one of ours.
    pub(super) fn told(&self) -> Option<ProviderPayment> {
        let (order, attempt) = ours(self.metadata.as_ref()?)?;
        let currency = self.currency.as_ref()?.to_uppercase();
        let amount = serde_json::json!({ "minor": self.amount_total?, "currency": currency });
        let (intent, state) = (self.intent(), self.state());
        let refunded = intent.and_then(|intent| intent.latest_charge.as_ref()).and_then(Unfolded::whole);
        let is_captured = state == PaymentState::Captured;
        Some(ProviderPayment {
            id: PaymentId::new(self.id.clone()).ok()?,
            order,
            attempt,
            amount: serde_json::from_value::<Money>(amount).ok()?,
            state,
            captured: intent.filter(|_| is_captured).map_or(0, |intent| intent.amount_received),
            // Of a payment that was cancelled Stripe says that the sum was refunded, though it was never taken.
            refunded: refunded.filter(|_| is_captured).map_or(0, |charge| charge.amount_refunded),
            page: self.url.clone().filter(|_| state == PaymentState::AwaitsBuyer),
            created_at: Millis(self.created.saturating_mul(1000)),
        })
    }

    fn state(&self) -> PaymentState {
        let intent = self.intent().map(|intent| intent.status.as_str());
        match (intent, self.status.as_deref()) {
            (Some("succeeded"), _) => PaymentState::Captured,
            (Some("requires_capture"), _) => PaymentState::Authorized,
            (Some("canceled"), _) | (_, Some("expired")) => PaymentState::Failed(Decline::Cancelled),
            (Some("processing"), _) => PaymentState::Processing,
            (_, Some("open")) => PaymentState::AwaitsBuyer,
            // Complete, and the intent still on its way; or a state that is younger than this program.
            _ => PaymentState::Processing,
        }
    }
}

impl Event {
    /// The payment that a notice names, if it is about one of ours. Of the many kinds only those of sessions name it.
    pub(super) fn read(body: &[u8]) -> serde_json::Result<Option<PaymentNotice>> {
        let event: Self = serde_json::from_slice(body)?;
        if !event.r#type.starts_with("checkout.session.") {
            return Ok(None);
        }
        let session: Named = serde_json::from_value(event.data.object)?;
        let named = session.metadata.as_ref().and_then(ours).zip(PaymentId::new(session.id).ok());
        Ok(named.map(|((order, attempt), payment)| PaymentNotice { payment, order, attempt }))
    }
}

fn ours(metadata: &HashMap<String, String>) -> Option<(OrderId, u32)> {
    Some((metadata.get("order")?.parse().ok()?, metadata.get("attempt")?.parse().ok()?))
}

/// A sum as Stripe counts it. It counts as ISO 4217 does, with a few exceptions
/// (<https://docs.stripe.com/currencies#special-cases>); a sum that would be another one there is refused.
pub(super) fn stripe_minor(amount: Money) -> Result<i64, String> {
    let code = amount.currency.code();
    if amount.minor <= 0 {
        return Err("stripe: a payment is of more than nothing".into());
    }
    if ["ISK", "MGA", "UGX"].contains(&code) {
        return Err(format!("stripe: {code} is not supported, because Stripe counts it otherwise than ISO 4217"));
    }
    if ["BHD", "JOD", "KWD", "OMR", "TND"].contains(&code) && amount.minor % 10 != 0 {
        return Err(format!("stripe: in {code} the last digit has to be 0"));
    }
    Ok(amount.minor)
}
