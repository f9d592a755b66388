//! The simulated bank's pages in front of a bank that says what a test says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::test::TestRequest;
use async_trait::async_trait;
use stampede_actors::ports::{PaymentState, PortFailure, PortResult};
use stampede_domain::{Decline, OrderStatus, PaymentId};
use stampede_http::{
    ShopOptions,
    bank::{BankDesk, BankStep, BankView, CardTaken, RehearsalCard, TypedCard},
    paying::Paying,
};
use std::sync::{Arc, Mutex};
use support::{Answer, Script, hold, k, key, paying};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const CARD: &str = "number=4242+4242+4242+4242&expiry=12%2F34&cvc=123";

/// A bank with the payment `pay_1`, which stands so; after what the buyer does it stands as `then`.
struct Bank {
    now: BankStep,
    then: BankStep,
    done: Mutex<Vec<String>>,
    is_silent: bool,
}

impl Bank {
    fn at(now: BankStep, then: BankStep) -> Arc<Self> {
        Arc::new(Self { now, then, done: Mutex::default(), is_silent: false })
    }

    fn seen(&self, payment: &PaymentId, step: &BankStep) -> PortResult<Option<BankView>> {
        if self.is_silent {
            return Err(PortFailure::Unavailable("the bank's file is full".into()));
        }
        let amount = hold(OrderStatus::Paying).amount;
        let view = BankView { order: key(), amount, what_for: "2 × VIP Pass".into(), step: step.clone() };
        Ok((payment.as_str() == "pay_1").then_some(view))
    }

    fn acts(&self, payment: &PaymentId, what: String) -> PortResult<Option<BankView>> {
        self.done.lock().unwrap().push(what);
        self.seen(payment, &self.then)
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().unwrap().clone()
    }
}

#[async_trait]
impl BankDesk for Bank {
    async fn view(&self, payment: &PaymentId) -> PortResult<Option<BankView>> {
        self.seen(payment, &self.now)
    }

    async fn pay_with(&self, payment: &PaymentId, card: TypedCard) -> PortResult<Option<CardTaken>> {
        if !card.number.starts_with("4242") {
            return Ok(Some(CardTaken::Mistakes(vec![("number", "not_a_test_card"), ("cvc", "invalid")])));
        }
        Ok(self.acts(payment, format!("card {}", card.expiry))?.map(CardTaken::Seen))
    }

    async fn answer_step(&self, payment: &PaymentId, is_me: bool) -> PortResult<Option<BankView>> {
        self.acts(payment, format!("me: {is_me}"))
    }

    async fn go_back(&self, payment: &PaymentId) -> PortResult<Option<BankView>> {
        self.acts(payment, "back".into())
    }

    fn cards(&self) -> Vec<RehearsalCard> {
        vec![RehearsalCard { number: "4242 4242 4242 4242", does: "visa" }]
    }
}

fn with(bank: &Arc<Bank>) -> Script {
    let bank: Arc<dyn BankDesk> = Arc::<Bank>::clone(bank);
    let paying_at = Paying { bank: Some(bank), ..Paying::default() };
    let options = ShopOptions { paying: paying_at, max_watchers: 1, ..ShopOptions::default() };
    Script { options, ..Script::holding([paying(Some("/bank/payments/pay_1"))]) }
}

fn asks() -> BankStep {
    BankStep::NeedsStep { card_ending: "3184".into() }
}

fn paid() -> BankStep {
    BankStep::Done(PaymentState::Authorized)
}

async fn get(script: &Script, rest: &str) -> Answer {
    script.ask(TestRequest::get().uri(&format!("/en/bank/payments/{rest}"))).await
}

fn post(rest: &str, fields: &str) -> TestRequest {
    TestRequest::post().uri(&format!("/en/bank/payments/{rest}")).insert_header(FORM).set_payload(fields.to_owned())
}

fn at(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status.as_u16(), answer.header("location"))
}

#[actix_web::test]
async fn it_says_that_it_is_a_rehearsal_and_what_is_paid() {
    let script = with(&Bank::at(BankStep::NeedsCard, paid()));
    let answer = get(&script, "pay_1?k=K").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("private, no-store")));
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("form-action 'self'")));
    let page = answer.text();
    for words in ["This is a rehearsal", "€1,002.00", "2 × VIP Pass", "4242 4242 4242 4242", "The shop waits until"]
    {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    assert!(page.contains("action=\"/en/bank/payments/pay_1?k=K\""), "the order's key goes along: {page}");
    let bare = TestRequest::get().uri("/bank/payments/pay_1?k=K").insert_header(("Accept-Language", "de"));
    assert_eq!(at(&script.ask(bare).await), (303, Some("/de/bank/payments/pay_1?k=K")));
}

#[actix_web::test]
async fn a_card_leads_on_or_back_to_the_shop_which_does_not_ask_to_pay_again() {
    let k = k().await;
    let home = format!("/en/orders/{}?k={k}&bank=done", key());
    for end in [
        PaymentState::Authorized,
        PaymentState::Captured,
        PaymentState::Processing,
        PaymentState::Failed(Decline::InsufficientFunds),
    ] {
        let bank = Bank::at(BankStep::NeedsCard, BankStep::Done(end));
        let answer = with(&bank).ask(post(&format!("pay_1?k={k}"), CARD)).await;
        assert_eq!(at(&answer), (303, Some(&*home)), "{end:?}");
        assert_eq!(bank.done(), ["card 12/34"]);
    }
    let stranger = with(&Bank::at(BankStep::NeedsCard, paid())).ask(post("pay_1", CARD)).await;
    assert_eq!(at(&stranger), (303, Some(&*format!("/en/orders/{}?bank=done", key()))), "no key for who had none");
    let bank = Bank::at(BankStep::NeedsCard, asks());
    let answer = with(&bank).ask(post("pay_1?k=K", CARD)).await;
    assert_eq!(at(&answer), (303, Some("/en/bank/payments/pay_1?k=K")));
    let bare = TestRequest::post().uri("/bank/payments/pay_1").insert_header(FORM).set_payload(CARD);
    assert_eq!(with(&bank).ask(bare).await.status, 303, "without a language too");
}

#[actix_web::test]
async fn the_owner_is_asked_and_says_yes_or_no() {
    let script = with(&Bank::at(asks(), paid()));
    let page = get(&script, "pay_1").await.text();
    assert!(page.contains("Is it you?") && page.contains("•••• 3184"), "{page}");
    for (what, said) in [("approve", "me: true"), ("refuse", "me: false"), ("back", "back")] {
        assert!(what == "back" || page.contains(&format!("action=\"/en/bank/payments/pay_1/{what}\"")), "{what}");
        let bank = Bank::at(asks(), paid());
        let answer = with(&bank).ask(post(&format!("pay_1/{what}"), "")).await;
        assert_eq!(at(&answer), (303, Some(&*format!("/en/orders/{}?bank=done", key()))), "{what}");
        assert_eq!(bank.done(), [said]);
        let looked = get(&with(&bank), &format!("pay_1/{what}")).await;
        assert_eq!(at(&looked), (303, Some("/en/bank/payments/pay_1")), "{what}");
        assert_eq!(bank.done().len(), 1, "{what}: a look does nothing");
    }
}

#[actix_web::test]
async fn what_is_done_leads_back_and_a_mistyped_card_stays() {
    let done = get(&with(&Bank::at(paid(), paid())), "pay_1").await;
    assert_eq!(at(&done), (303, Some(&*format!("/en/orders/{}?bank=done", key()))));
    let bank = Bank::at(BankStep::NeedsCard, paid());
    let answer = with(&bank).ask(post("pay_1", "number=4000123412341234&expiry=12%2F34&cvc=9")).await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(page.contains("this is not a test card") && page.contains("id=\"cvc-error\""), "{page}");
    assert!(!page.contains("4000123412341234"), "no number comes back to a page");
    assert!(bank.done().is_empty());
}

#[actix_web::test]
async fn nobody_pays_by_a_form_of_another_site_or_at_a_bank_that_is_not_there() {
    let bank = Bank::at(BankStep::NeedsCard, paid());
    let script = with(&bank);
    for what in ["", "/approve", "/refuse", "/back"] {
        let request = post(&format!("pay_1{what}"), CARD).insert_header(("Origin", "https://evil.example"));
        assert_eq!(script.ask(request).await.status, 403, "{what}");
        assert_eq!(Script::new().ask(post(&format!("pay_1{what}"), CARD)).await.status, 404, "{what}: no bank here");
        assert_eq!(script.ask(post(&format!("pay_2{what}"), CARD)).await.status, 404, "{what}: no such payment");
    }
    assert_eq!(get(&Script::new(), "pay_1").await.status, 404);
    for odd in ["pay_2", "%3Cb%3E", "..."] {
        assert_eq!(get(&script, odd).await.status, 404, "{odd}");
    }
    let (now, then, done) = (BankStep::NeedsCard, paid(), Mutex::default());
    let silent = Arc::new(Bank { now, then, done, is_silent: true });
    let answer = get(&with(&silent), "pay_1").await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (503, true));
}
