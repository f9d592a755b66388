//! The gateway under the contract, at a Stripe of our own; what every end of a call means; and its shapes, at Stripe's own mock.

use super::*;
use crate::{
    ledger::HandClock,
    payments::contract::{Rig, order, payment_gateway_contract, wanted},
};
use iso_currency::Currency;
use serde_json::{Value, json};
use stampede_actors::clock::Clock as _;
use stampede_bank::{Fault, SimulatedStripe};
use stampede_domain::{Decline, Money};

const SECRET: &str = "whsec_of_the_tests";
const TIMEOUT: Duration = Duration::from_millis(300);

struct StripeRig {
    gateway: StripeGateway,
    stripe: SimulatedStripe,
    clock: HandClock,
}

pub(super) fn gateway_at(endpoint: &str, timeout: Duration) -> StripeGateway {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let page = "https://shop.example/orders/{order}".to_owned();
    let options = StripeOptions::new("sk_test_123".into(), vec![SECRET.into()], page);
    StripeGateway::new(StripeOptions { endpoint: endpoint.into(), timeout, ..options }).unwrap()
}

impl StripeRig {
    async fn start() -> Self {
        let clock = HandClock::default();
        let seconds = clock.clone();
        let stripe = SimulatedStripe::start(move || seconds.now().0 / 1000).await;
        let gateway = gateway_at(&stripe.endpoint, Duration::from_secs(10));
        Self { gateway, stripe, clock }
    }

    async fn impatient() -> Self {
        let mut rig = Self::start().await;
        rig.gateway = gateway_at(&rig.stripe.endpoint, TIMEOUT);
        rig
    }

    async fn authorized(&self) -> PaymentId {
        let payment = self.gateway.create(&wanted(1, 1)).await.unwrap();
        self.stripe.buyer_pays(payment.id.as_str());
        payment.id
    }

    fn signed(&self, body: &Value) -> (String, Bytes) {
        let body = Bytes::from(body.to_string());
        (NoticeSecrets::new(&[SECRET.into()]).sign(self.clock.now(), &body).unwrap(), body)
    }

    fn writes(&self, path_ends: &str) -> usize {
        self.stripe
            .seen()
            .iter()
            .filter(|request| request.method == "POST" && request.path.ends_with(path_ends))
            .count()
    }
}

impl Rig for StripeRig {
    fn gateway(&self) -> &dyn PaymentGateway {
        &self.gateway
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn turn(&self, by: Duration) {
        self.clock.turn(by);
    }

    async fn buyer_pays(&self, payment: &ProviderPayment) {
        self.stripe.buyer_pays(payment.id.as_str());
    }

    fn notice_of(&self, payment: &ProviderPayment) -> (String, Bytes) {
        let metadata = json!({ "order": payment.order, "attempt": payment.attempt.to_string() });
        let object = json!({ "id": payment.id, "object": "checkout.session", "metadata": metadata });
        self.signed(&json!({ "id": "evt_1", "type": "checkout.session.completed", "data": { "object": object } }))
    }

    fn other_notice(&self) -> (String, Bytes) {
        let object = json!({ "id": "ch_1", "object": "charge", "metadata": { "order": order(1), "attempt": "1" } });
        self.signed(&json!({ "id": "evt_2", "type": "charge.refunded", "data": { "object": object } }))
    }

    fn unreadable_notice(&self) -> (String, Bytes) {
        self.signed(&json!({ "type": "checkout.session.completed" }))
    }
}

payment_gateway_contract!(StripeRig::start);

#[tokio::test]
async fn a_payment_is_asked_for_with_its_key_its_sum_and_capture_by_hand() {
    let rig = StripeRig::start().await;
    rig.gateway.create(&wanted(1, 2)).await.unwrap();
    let request = rig.stripe.seen().remove(0);
    let header = |name: &str| request.headers[name].as_str();
    assert_eq!(header("idempotency-key"), format!("pay:{}:2", order(1)));
    assert_eq!((header("authorization"), header("stripe-version")), ("Bearer sk_test_123", VERSION));
    let page = format!("https://shop.example/orders/{}", order(1));
    for (field, value) in [
        ("payment_intent_data[capture_method]", "manual"),
        ("line_items[0][price_data][unit_amount]", "10000"),
        ("line_items[0][price_data][currency]", "eur"),
        ("line_items[0][price_data][product_data][name]", wanted(1, 2).what_for.as_str()),
        ("success_url", &format!("{page}?bank=done")),
        ("cancel_url", &page),
        ("metadata[attempt]", "2"),
    ] {
        assert_eq!(request.form[field], value, "{field}");
    }
}

fn kind<T: std::fmt::Debug>(answer: PortResult<T>) -> &'static str {
    match answer.expect_err("it failed") {
        PortFailure::Unavailable(_) => "unavailable",
        PortFailure::Unknown(_) => "unknown",
        PortFailure::Impossible(_) => "impossible",
    }
}

#[tokio::test]
async fn every_end_of_a_call_means_what_is_true() {
    let late = Fault::DoneAndLate(3 * TIMEOUT);
    for (fault, writing, reading) in [
        (Fault::Answers(500, ""), "unknown", "unavailable"),
        (Fault::Answers(503, ""), "unknown", "unavailable"),
        (Fault::Answers(409, "idempotency_key_in_use"), "unknown", "unavailable"),
        (Fault::Answers(429, "rate_limit"), "unavailable", "unavailable"),
        (Fault::Answers(401, ""), "unavailable", "unavailable"),
        (Fault::Answers(402, "card_declined"), "impossible", "impossible"),
        (Fault::Answers(400, "amount_too_small"), "impossible", "impossible"),
        // Nobody but Stripe may say that there is no such payment.
        (Fault::ProxyAnswers(404), "unknown", "unavailable"),
        (Fault::ProxyAnswers(400), "unknown", "unavailable"),
        (Fault::DoneAndLost, "unknown", "unavailable"),
        (Fault::DoneAndGarbled, "unknown", "unavailable"),
        (late, "unknown", "unavailable"),
    ] {
        let rig = StripeRig::impatient().await;
        rig.stripe.fail_next(fault);
        assert_eq!(kind(rig.gateway.create(&wanted(1, 1)).await), writing, "{fault:?}");
        rig.stripe.fail_next(fault);
        let nobodys = PaymentId::new("cs_test_x").unwrap();
        assert_eq!(kind(rig.gateway.find(&nobodys).await), reading, "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_unavailable() {
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = gateway_at(&format!("http://{port}"), TIMEOUT);
    assert_eq!(kind(gateway.create(&wanted(1, 1)).await), "unavailable");
}

#[tokio::test]
async fn the_key_is_never_sent_without_a_certificate() {
    let gateway = gateway_at("http://stripe.example", TIMEOUT);
    assert_eq!(kind(gateway.create(&wanted(1, 1)).await), "unavailable");
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_nothing_happens_twice() {
    let rig = StripeRig::impatient().await;
    rig.stripe.fail_next(Fault::DoneAndLost);
    assert_eq!(kind(rig.gateway.create(&wanted(1, 1)).await), "unknown");
    let payment = rig.authorized().await;
    assert_eq!(rig.gateway.made_since(Millis(0), None, 10).await.unwrap().len(), 1);
    for (call, fault) in [("capture", Fault::DoneAndLost), ("refunds", Fault::DoneAndGarbled)] {
        let ask = async || match call {
            "capture" => rig.gateway.capture(&payment).await,
            _ => rig.gateway.refund(&payment, order(1), 10_000).await,
        };
        // The first call reads, the second writes.
        rig.stripe.fail_next(Fault::DoneAndLate(Duration::ZERO));
        rig.stripe.fail_next(fault);
        assert_eq!(kind(ask().await), "unknown", "{call}");
        let after = ask().await.unwrap().unwrap();
        assert_eq!((after.state, after.captured), (PaymentState::Captured, 10_000));
        assert_eq!(rig.writes(call), 1, "{call}");
    }
    assert_eq!(rig.gateway.find(&payment).await.unwrap().unwrap().refunded, 10_000);
}

#[tokio::test]
async fn what_was_done_and_cannot_be_read_is_unknown() {
    let rig = StripeRig::impatient().await;
    let payment = rig.authorized().await;
    for _ in 0..2 {
        rig.stripe.fail_next(Fault::DoneAndLate(Duration::ZERO));
    }
    rig.stripe.fail_next(Fault::Answers(500, ""));
    assert_eq!(kind(rig.gateway.capture(&payment).await), "unknown");
    assert_eq!(rig.gateway.find(&payment).await.unwrap().unwrap().state, PaymentState::Captured);
}

#[tokio::test]
async fn a_capture_that_stripe_refuses_for_another_reason_is_impossible() {
    let rig = StripeRig::impatient().await;
    let payment = rig.authorized().await;
    rig.stripe.fail_next(Fault::DoneAndLate(Duration::ZERO));
    rig.stripe.fail_next(Fault::Answers(400, "capture_charge_authorization_expired"));
    assert_eq!(kind(rig.gateway.capture(&payment).await), "impossible");
}

#[tokio::test]
async fn a_payment_that_its_bank_is_at_is_processing_and_cannot_always_be_stopped() {
    let rig = StripeRig::start().await;
    let payment = rig.authorized().await;
    rig.stripe.set_intent(payment.as_str(), "processing");
    for answer in [rig.gateway.capture(&payment).await, rig.gateway.cancel(&payment).await] {
        assert_eq!(answer.unwrap().unwrap().state, PaymentState::Processing);
    }
    rig.stripe.set_intent(payment.as_str(), "a_state_of_next_year");
    assert_eq!(rig.gateway.find(&payment).await.unwrap().unwrap().state, PaymentState::Processing);
}

#[tokio::test]
async fn a_buyer_who_pays_while_the_session_is_being_ended_is_cancelled_or_found_paid() {
    let rig = StripeRig::impatient().await;
    let payment = rig.gateway.create(&wanted(1, 1)).await.unwrap().id;
    // It is read as open; by the time that it is to expire it is paid.
    rig.stripe.fail_next(Fault::DoneAndLate(TIMEOUT / 3));
    let (cancelled, ()) = futures_util::future::join(rig.gateway.cancel(&payment), async {
        tokio::time::sleep(TIMEOUT / 6).await;
        rig.stripe.buyer_pays(payment.as_str());
    })
    .await;
    assert_eq!(cancelled.unwrap().unwrap().state, PaymentState::Failed(Decline::Cancelled));
    assert_eq!((rig.writes("/expire"), rig.writes("/cancel")), (1, 1));
}

#[tokio::test]
async fn what_others_of_the_account_sell_is_not_seen() {
    let rig = StripeRig::start().await;
    rig.stripe.sell_something_else();
    let ours = rig.gateway.create(&wanted(1, 1)).await.unwrap().id;
    rig.stripe.sell_something_else();
    let theirs = PaymentId::new("cs_test_other0").unwrap();
    assert_eq!(rig.gateway.find(&theirs).await, Ok(None));
    assert_eq!(rig.gateway.cancel(&theirs).await, Ok(None));
    let listed = rig.gateway.made_since(Millis(0), None, 10).await.unwrap();
    assert_eq!(listed.into_iter().map(|payment| payment.id).collect::<Vec<_>>(), [ours]);
}

#[tokio::test]
async fn more_payments_than_fit_a_page_are_listed_without_a_gap() {
    let rig = StripeRig::start().await;
    let mut made = Vec::new();
    for number in 0..230 {
        made.push(rig.gateway.create(&wanted(number, 1)).await.unwrap().id);
        if number % 3 == 0 {
            rig.stripe.sell_something_else();
        }
    }
    let (mut listed, mut after): (Vec<PaymentId>, Option<PaymentId>) = (Vec::new(), None);
    loop {
        let page = rig.gateway.made_since(Millis(0), after.as_ref(), 70).await.unwrap();
        listed.extend(page.iter().map(|payment| payment.id.clone()));
        after = listed.last().cloned();
        if page.len() < 70 {
            break;
        }
    }
    assert_eq!(listed, made);
}

#[test]
fn sums_that_stripe_counts_otherwise_are_refused() {
    let minor = |minor, currency| stripe_minor(Money { minor, currency });
    assert_eq!(minor(500, Currency::JPY), Ok(500), "no decimals here nor there");
    assert_eq!(minor(1_230, Currency::KWD), Ok(1_230));
    for (sum, currency) in [(1_234, Currency::KWD), (500, Currency::ISK), (500, Currency::UGX), (0, Currency::EUR)] {
        assert!(minor(sum, currency).is_err(), "{sum} {currency:?}");
    }
}

/// Stripe's own mock checks every parameter against the published description of the API, and answers with its examples.
#[expect(clippy::disallowed_methods, reason = "tests are told of their servers by the environment")]
fn mock() -> StripeGateway {
    let endpoint = std::env::var("STAMPEDE_TEST_STRIPE_MOCK").expect(
        "STAMPEDE_TEST_STRIPE_MOCK is missing: run it by `ops/servers/with cargo test …`, which starts the servers",
    );
    gateway_at(&endpoint, Duration::from_secs(10))
}

#[tokio::test]
async fn stripes_own_description_knows_every_call_and_its_fields() {
    let gateway = mock();
    let form = gateway.form(&wanted(1, 1), 10_000);
    let made: Session = gateway.client.write("/v1/checkout/sessions", Some("pay:1"), &form).await.unwrap();
    assert!(made.id.starts_with("cs_"), "{made:?}");
    let example = PaymentId::new("cs_test_a1").unwrap();
    let session = gateway.session(&example).await.unwrap().unwrap();
    let intent = session.intent().expect("it is unfolded");
    assert!(intent.id.starts_with("pi_"), "{session:?}");
    for path in [
        "/v1/checkout/sessions/cs_test_a1/expire",
        "/v1/payment_intents/pi_1/capture",
        "/v1/payment_intents/pi_1/cancel",
    ] {
        gateway.client.write::<Value>(path, None, &[]).await.unwrap();
    }
    let refund = [("payment_intent", "pi_1".to_owned()), ("amount", "1".into()), ("metadata[order]", "x".into())];
    gateway.client.write::<Value>("/v1/refunds", Some("refund:1"), &refund).await.unwrap();
    for beside in [None, Some(("starting_after", "cs_test_a1")), Some(("ending_before", "cs_test_a1"))] {
        assert!(!gateway.page(Millis(0), beside).await.unwrap().data.is_empty());
    }
}

#[tokio::test]
async fn a_field_that_stripe_does_not_know_would_be_noticed() {
    let wrong = [("mode", "payment".to_owned()), ("capture_by", "hand".to_owned())];
    let answer = mock().client.write::<Value>("/v1/checkout/sessions", None, &wrong).await;
    assert!(matches!(answer, Err(Refusal::No(_))), "{answer:?}");
}
