//! Stripe: real money, over its REST API, with nothing of it but what the port needs.
//!
//! A payment is a *Checkout Session* in mode `payment`, and its name is the session's. A shop whose pages work without script
//! has nowhere to ask for a card; Stripe's hosted page does, with every check that a bank may want, and sends the buyer back to
//! the order page. (A bare PaymentIntent would need Stripe's script on our page, and card fields beside it.) The session's
//! PaymentIntent captures by hand, so that money is set aside first and taken when the order says so.
//!
//! | port | Stripe |
//! |---|---|
//! | `create` | `POST /v1/checkout/sessions` under the payment's key |
//! | `find` | `GET /v1/checkout/sessions/{id}`, its intent and charge unfolded: one call tells everything |
//! | `capture` | `POST /v1/payment_intents/{id}/capture` |
//! | `cancel` | `POST /v1/checkout/sessions/{id}/expire` while it is open, `POST /v1/payment_intents/{id}/cancel` after |
//! | `refund` | `POST /v1/refunds` of what is missing, under the refund's key and sum |
//! | `made_since` | `GET /v1/checkout/sessions` |
//!
//! Capture and cancellation carry no key: Stripe repeats the answer to a key for a day, its own faults included, and the state of
//! the payment makes both safe to repeat. When Stripe refuses one, the payment is read again and answered as it is.
//!
//! What to know: Stripe forgets keys after a day, which is how long a session can be paid. A declined card is no end of a
//! session: the buyer takes another on Stripe's page. Only cards are offered, because other ways to pay take days.
//! A session that carries no order of ours is somebody else's, and is not seen.

mod client;
#[cfg(test)]
mod reconciling;
mod shapes;
#[cfg(test)]
mod tests;

use super::signature::{NoticeSecrets, unreadable};
use async_trait::async_trait;
use bytes::Bytes;
use client::{Client, Refusal};
use shapes::{Event, Listed, Session, stripe_minor};
use stampede_actors::ports::{
    BadNotice, PaymentGateway, PaymentNotice, PaymentState, PortFailure, PortResult, ProviderPayment, WantedPayment,
};
use stampede_domain::{Millis, OrderId, PaymentId};
use std::time::Duration;

/// The version of the API that the shapes here are of. Stripe keeps old ones alive.
const VERSION: &str = "2026-08-26.dahlia";
/// Tells the order's page that the buyer has done what can be done, so that it waits for us to hear of it and offers no second payment.
const WHEN_DONE: &str = "?bank=done";
/// Sessions of one page of a list: Stripe's most.
const PAGE: u32 = 100;
/// How often a cancellation looks again because the payment has moved on: open, complete, and once more.
const CANCEL_STEPS: u32 = 3;
/// Most characters of a product's name at Stripe.
const NAME: usize = 250;

/// How to reach Stripe.
#[derive(Clone)]
pub struct StripeOptions {
    /// The secret key, `sk_…`, or better a restricted one, `rk_…`, for Checkout Sessions, PaymentIntents and Refunds.
    pub key: String,
    /// The secrets of the address for notices, `whsec_…`: the current one, and the last while it is being changed.
    pub notice_secrets: Vec<String>,
    /// The address of an order's page, with `{order}` in the place of its id: where the buyer comes back to, with `?bank=done` behind
    /// it when there was nothing left to do.
    pub order_page: String,
    /// `https://api.stripe.com`, or a test's server.
    pub endpoint: String,
    /// How long one call may take.
    pub timeout: Duration,
}

impl StripeOptions {
    /// Stripe itself, ten seconds a call.
    #[must_use]
    pub fn new(key: String, notice_secrets: Vec<String>, order_page: String) -> Self {
        let (endpoint, timeout) = ("https://api.stripe.com".to_owned(), Duration::from_secs(10));
        Self { key, notice_secrets, order_page, endpoint, timeout }
    }
}

/// A [`PaymentGateway`] on Stripe.
pub struct StripeGateway {
    client: Client,
    secrets: NoticeSecrets,
    order_page: String,
}

impl StripeGateway {
    /// A gateway; nothing is asked yet. The process has to have a TLS provider of rustls.
    ///
    /// # Errors
    /// A sentence: the key cannot stand in a header, or there are no roots to trust.
    pub fn new(options: StripeOptions) -> Result<Self, String> {
        let secrets = NoticeSecrets::new(&options.notice_secrets);
        let client = Client::new(&options.key, &options.endpoint, options.timeout, VERSION)?;
        Ok(Self { client, secrets, order_page: options.order_page })
    }

    async fn session(&self, payment: &PaymentId) -> PortResult<Option<Session>> {
        let path = format!("/v1/checkout/sessions/{payment}");
        match self.client.read(&path, &[("expand[0]", "payment_intent.latest_charge")]).await {
            Ok(session) => Ok(Some(session)),
            Err(Refusal::NotFound) => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// After something was written: that it cannot be read again does not undo it.
    async fn read_again(&self, payment: &PaymentId) -> PortResult<Option<Session>> {
        let read = self.session(payment).await;
        read.map_err(|failure| PortFailure::Unknown(format!("stripe: done, perhaps: {failure}")))
    }

    /// Reads again after a write was refused: if the payment is elsewhere, that is the answer.
    async fn moved_on(&self, before: &ProviderPayment, refusal: Refusal) -> PortResult<Option<ProviderPayment>> {
        if !refusal.is_of_the_state() {
            return Err(refusal.into());
        }
        let now = self.session(&before.id).await?.as_ref().and_then(Session::told);
        if now.as_ref().is_some_and(|now| now == before) { Err(refusal.into()) } else { Ok(now) }
    }

    /// One step towards the end of a payment; `None`: there is nothing to end.
    async fn end(&self, session: &Session, told: &ProviderPayment) -> Option<Result<(), Refusal>> {
        let path = match (told.state, session.intent()) {
            (PaymentState::AwaitsBuyer, _) => format!("/v1/checkout/sessions/{}/expire", session.id),
            (PaymentState::Authorized | PaymentState::Processing, Some(intent)) => {
                format!("/v1/payment_intents/{}/cancel", intent.id)
            }
            _ => return None,
        };
        Some(self.client.write::<serde_json::Value>(&path, None, &[]).await.map(drop))
    }

    fn form(&self, wanted: &WantedPayment, minor: i64) -> Vec<(&'static str, String)> {
        let (order, attempt) = (wanted.order.to_string(), wanted.attempt.to_string());
        let page = self.order_page.replace("{order}", &order);
        let paid_page = format!("{page}{WHEN_DONE}");
        let what_for = wanted.what_for.chars().take(NAME).collect();
        vec![
            ("mode", "payment".into()),
            ("success_url", paid_page),
            ("cancel_url", page),
            ("client_reference_id", order.clone()),
            ("metadata[order]", order.clone()),
            ("metadata[attempt]", attempt.clone()),
            ("payment_method_types[0]", "card".into()),
            // In another currency the sum would be another.
            ("adaptive_pricing[enabled]", "false".into()),
            ("line_items[0][quantity]", "1".into()),
            ("line_items[0][price_data][currency]", wanted.amount.currency.code().to_lowercase()),
            ("line_items[0][price_data][unit_amount]", minor.to_string()),
            ("line_items[0][price_data][product_data][name]", what_for),
            ("payment_intent_data[capture_method]", "manual".into()),
            ("payment_intent_data[metadata][order]", order),
            ("payment_intent_data[metadata][attempt]", attempt),
            ("expand[0]", "payment_intent.latest_charge".into()),
        ]
    }

    async fn page(&self, since: Millis, beside: Option<(&'static str, &str)>) -> PortResult<Listed> {
        let (from, size) = (since.0.div_euclid(1000).max(0).to_string(), PAGE.to_string());
        let mut query = vec![
            ("created[gte]", from.as_str()),
            ("limit", size.as_str()),
            ("expand[0]", "data.payment_intent.latest_charge"),
        ];
        query.extend(beside);
        Ok(self.client.read("/v1/checkout/sessions", &query).await?)
    }

    /// The first payments since a time. Stripe's lists begin with the newest, so they are read to their end.
    async fn oldest_first(&self, since: Millis, limit: usize) -> PortResult<Vec<ProviderPayment>> {
        let mut oldest = Vec::new();
        let mut last: Option<String> = None;
        loop {
            let listed = self.page(since, last.as_deref().map(|id| ("starting_after", id))).await?;
            oldest.extend(listed.data.iter().filter_map(Session::told));
            // Only the end of the list is wanted, and it may be long.
            oldest.drain(..oldest.len().saturating_sub(limit));
            last = listed.data.last().map(|session| session.id.clone());
            if !listed.has_more || last.is_none() {
                oldest.reverse();
                return Ok(oldest);
            }
        }
    }
}

#[async_trait]
impl PaymentGateway for StripeGateway {
    fn name(&self) -> &'static str {
        "stripe"
    }

    async fn create(&self, wanted: &WantedPayment) -> PortResult<ProviderPayment> {
        let minor = stripe_minor(wanted.amount).map_err(PortFailure::Impossible)?;
        let form = self.form(wanted, minor);
        let made: Session = self.client.write("/v1/checkout/sessions", Some(&wanted.key()), &form).await?;
        made.told()
            .ok_or_else(|| PortFailure::Unknown("stripe: a session was made that is not as it was asked for".into()))
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        Ok(self.session(payment).await?.as_ref().and_then(Session::told))
    }

    async fn capture(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let Some(session) = self.session(payment).await? else { return Ok(None) };
        let Some(told) = session.told() else { return Ok(None) };
        let Some(intent) = session.intent().filter(|_| told.state == PaymentState::Authorized) else {
            return Ok(Some(told));
        };
        let path = format!("/v1/payment_intents/{}/capture", intent.id);
        match self.client.write::<serde_json::Value>(&path, None, &[]).await {
            Ok(_) => Ok(self.read_again(payment).await?.as_ref().and_then(Session::told)),
            Err(refusal) => self.moved_on(&told, refusal).await,
        }
    }

    async fn cancel(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let Some(mut session) = self.session(payment).await? else { return Ok(None) };
        let mut refused = None;
        for _ in 0..CANCEL_STEPS {
            let Some(told) = session.told() else { return Ok(None) };
            match self.end(&session, &told).await {
                None => return Ok(Some(told)),
                Some(Ok(())) => refused = None,
                Some(Err(refusal)) if refusal.is_of_the_state() => refused = Some(refusal),
                Some(Err(refusal)) => return Err(refusal.into()),
            }
            let Some(again) = self.read_again(payment).await? else { return Ok(None) };
            session = again;
        }
        match (session.told(), refused) {
            // A bank that is at it cannot always be stopped.
            (Some(told), _) if told.state == PaymentState::Processing => Ok(Some(told)),
            (_, Some(refusal)) => Err(refusal.into()),
            (told, None) => Ok(told),
        }
    }

    async fn refund(&self, payment: &PaymentId, order: OrderId, minor: i64) -> PortResult<Option<ProviderPayment>> {
        let Some(session) = self.session(payment).await? else { return Ok(None) };
        let Some(told) = session.told() else { return Ok(None) };
        let impossible = |why: &str| Err(PortFailure::Impossible(format!("stripe: {why}")));
        if told.order != order {
            return impossible("the payment is another order's");
        }
        let Some(intent) = session.intent().filter(|_| told.state == PaymentState::Captured) else {
            return impossible("there is no money to give back");
        };
        if minor > told.captured {
            return impossible("it is more than was taken");
        }
        if minor <= told.refunded {
            return Ok(Some(told));
        }
        let form = [
            ("payment_intent", intent.id.clone()),
            ("amount", (minor - told.refunded).to_string()),
            ("metadata[order]", order.to_string()),
        ];
        // The sum is part of it: Stripe refuses a key with which another sum was asked for.
        let key = format!("refund:{order}:{payment}:{minor}");
        match self.client.write::<serde_json::Value>("/v1/refunds", Some(&key), &form).await {
            Ok(_) => Ok(self.read_again(payment).await?.as_ref().and_then(Session::told)),
            Err(refusal) => self.moved_on(&told, refusal).await,
        }
    }

    async fn made_since(
        &self,
        since: Millis,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> PortResult<Vec<ProviderPayment>> {
        let limit = limit as usize;
        let Some(after) = after else { return self.oldest_first(since, limit).await };
        let mut found = Vec::new();
        let mut last = after.as_str().to_owned();
        // `ending_before` gives those that are next to it, but the newest of them first.
        while found.len() < limit {
            let listed = self.page(since, Some(("ending_before", &last))).await?;
            found.extend(listed.data.iter().rev().filter_map(Session::told));
            match listed.data.first() {
                Some(newest) if listed.has_more => last.clone_from(&newest.id),
                _ => break,
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    fn read_notice(&self, now: Millis, signature: &str, body: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        self.secrets.check(now, signature, body)?;
        Event::read(body).map_err(|error| unreadable(&error))
    }
}
