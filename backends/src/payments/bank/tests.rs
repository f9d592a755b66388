//! The bank under the contract, in both its keepers, and what its cards do.

use super::*;
use crate::{
    ledger::HandClock,
    payments::contract::{Rig, order, payment_gateway_contract, wanted},
};
use stampede_actors::clock::Clock as _;
use stampede_domain::Decline;
use tokio::sync::mpsc::Receiver;

const SECRET: &str = "whsec_of_the_tests";

struct BankRig {
    bank: SimulatedBank,
    clock: HandClock,
    news: Receiver<PaymentNotice>,
    _directory: Option<tempfile::TempDir>,
}

impl BankRig {
    fn in_memory() -> Self {
        let (tell, news) = mpsc::channel(100);
        let clock = HandClock::default();
        let bank = SimulatedBank::in_memory(clock.shared(), BankTimes::default(), SECRET, tell);
        Self { bank, clock, news, _directory: None }
    }

    async fn in_a_file() -> Self {
        let (tell, news) = mpsc::channel(100);
        let (clock, directory) = (HandClock::default(), tempfile::tempdir().unwrap());
        let times = BankTimes::default();
        let bank = SimulatedBank::open(directory.path(), clock.shared(), times, SECRET, tell).await.unwrap();
        Self { bank, clock, news, _directory: Some(directory) }
    }

    async fn at_the_bank(&self) -> PaymentId {
        self.bank.create(&wanted(1, 1)).await.unwrap().id
    }

    /// The payment of a buyer who has given this card.
    async fn paid_with(&self, does: &str) -> (PaymentId, AtTheBank) {
        let payment = self.at_the_bank().await;
        let seen = self.bank.pay_with(&payment, Card::that(does).unwrap()).await.unwrap().unwrap();
        (payment, seen)
    }

    async fn state(&self, payment: &PaymentId) -> PaymentState {
        self.bank.find(payment).await.unwrap().unwrap().state
    }
}

impl Rig for BankRig {
    fn gateway(&self) -> &dyn PaymentGateway {
        &self.bank
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn turn(&self, by: Duration) {
        self.clock.turn(by);
    }

    async fn buyer_pays(&self, payment: &ProviderPayment) {
        self.bank.pay_with(&payment.id, Card::that("asks").unwrap()).await.unwrap();
        self.bank.answer_step(&payment.id, true).await.unwrap();
    }

    fn notice_of(&self, payment: &ProviderPayment) -> (String, Bytes) {
        let ProviderPayment { id, order, attempt, .. } = payment.clone();
        self.bank.sign(&PaymentNotice { payment: id, order, attempt }).unwrap()
    }

    fn other_notice(&self) -> (String, Bytes) {
        let body = Bytes::from_static(br#"{"type":"ping"}"#);
        (self.bank.secrets.sign(self.now(), &body).unwrap(), body)
    }

    fn unreadable_notice(&self) -> (String, Bytes) {
        let body = Bytes::from_static(b"\xff\x00");
        (self.bank.secrets.sign(self.now(), &body).unwrap(), body)
    }
}

mod in_memory {
    use super::*;
    payment_gateway_contract!(async || BankRig::in_memory());
}

mod in_a_file {
    use super::*;
    payment_gateway_contract!(BankRig::in_a_file);
}

const AUTHORIZED: BankStep = BankStep::Done(PaymentState::Authorized);

fn failed(why: Decline) -> BankStep {
    BankStep::Done(PaymentState::Failed(why))
}

#[tokio::test]
async fn a_file_that_is_opened_again_has_forgotten_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let clock = HandClock::default();
    let open = async || {
        let (tell, _) = mpsc::channel(1);
        SimulatedBank::open(directory.path(), clock.shared(), BankTimes::default(), SECRET, tell).await.unwrap()
    };
    let bank = open().await;
    let payment = bank.create(&wanted(1, 1)).await.unwrap().id;
    bank.pay_with(&payment, Card::that("asks").unwrap()).await.unwrap();
    let before = bank.look(&payment).await.unwrap();
    bank.close().await;
    let bank = open().await;
    assert_eq!(bank.look(&payment).await.unwrap(), before);
    assert_eq!(bank.create(&wanted(1, 1)).await.unwrap().id, payment);
    bank.close().await;
    let file = std::fs::read(directory.path().join("bank.db")).unwrap();
    assert!(file.windows(4).any(|bytes| bytes == b"3155"), "the card's end is kept");
    assert!(!file.windows(8).any(|bytes| bytes == b"40000025"), "and nothing else of it");
}

#[tokio::test]
async fn cards_that_decline_say_why_and_that_is_the_end_of_the_payment() {
    for (does, why) in [
        ("declined", Decline::Declined),
        ("stolen", Decline::Declined),
        ("insufficient_funds", Decline::InsufficientFunds),
        ("expired", Decline::CardExpired),
        ("incorrect_cvc", Decline::IncorrectDetails),
    ] {
        let rig = BankRig::in_memory();
        let (payment, seen) = rig.paid_with(does).await;
        assert_eq!(seen.step, failed(why), "{does}");
        let again = rig.bank.pay_with(&payment, Card::that("visa").unwrap()).await.unwrap().unwrap();
        assert_eq!(again.step, failed(why));
        let next = rig.bank.create(&wanted(1, 2)).await.unwrap();
        assert_eq!(next.state, PaymentState::AwaitsBuyer, "the next attempt is another payment");
    }
}

#[tokio::test]
async fn a_card_that_asks_waits_for_the_answer() {
    for (does, accepted, then) in [
        ("asks", true, AUTHORIZED),
        ("asks", false, failed(Decline::NotAuthenticated)),
        ("asks_declined", true, failed(Decline::Declined)),
        ("asks_insufficient_funds", true, failed(Decline::InsufficientFunds)),
        ("asks_declined", false, failed(Decline::NotAuthenticated)),
    ] {
        let rig = BankRig::in_memory();
        let (payment, seen) = rig.paid_with(does).await;
        assert!(matches!(seen.step, BankStep::NeedsStep { card_ending } if card_ending.len() == 4));
        assert_eq!(seen.payment.page, Some(format!("/bank/payments/{payment}")));
        assert_eq!(rig.bank.answer_step(&payment, accepted).await.unwrap().unwrap().step, then, "{does}");
        let changed_his_mind = rig.bank.answer_step(&payment, !accepted).await.unwrap().unwrap();
        assert_eq!(changed_his_mind.step, then);
    }
}

#[tokio::test]
async fn who_goes_back_has_not_paid_unless_he_has() {
    let rig = BankRig::in_memory();
    let payment = rig.at_the_bank().await;
    assert_eq!(rig.bank.look(&payment).await.unwrap().unwrap().step, BankStep::NeedsCard);
    assert_eq!(rig.bank.answer_step(&payment, true).await.unwrap().unwrap().step, BankStep::NeedsCard);
    assert_eq!(rig.bank.go_back(&payment).await.unwrap().unwrap().step, failed(Decline::NotAuthenticated));
    let (rig, nobodys) = (BankRig::in_memory(), PaymentId::new("pay_x").unwrap());
    let (payment, _) = rig.paid_with("visa").await;
    assert_eq!(rig.bank.go_back(&payment).await.unwrap().unwrap().step, AUTHORIZED);
    assert_eq!(rig.bank.go_back(&nobodys).await.unwrap(), None);
}

#[tokio::test]
async fn slow_and_late_cards_answer_when_their_time_has_come() {
    let times = BankTimes::default();
    for (does, after, then) in [
        ("slow", times.slow, PaymentState::Authorized),
        ("slow_declined", times.slow, PaymentState::Failed(Decline::Declined)),
        ("late", times.late, PaymentState::Authorized),
        ("late_stubborn", times.late, PaymentState::Authorized),
    ] {
        let rig = BankRig::in_memory();
        let (payment, seen) = rig.paid_with(does).await;
        assert_eq!(seen.step, BankStep::Done(PaymentState::Processing));
        assert_eq!(rig.bank.capture(&payment).await.unwrap().unwrap().state, PaymentState::Processing);
        rig.clock.turn(after - Duration::from_millis(1));
        assert_eq!(rig.state(&payment).await, PaymentState::Processing, "{does}");
        rig.clock.turn(Duration::from_millis(1));
        assert_eq!(rig.state(&payment).await, then, "{does}");
    }
}

#[tokio::test]
async fn a_late_payment_can_be_cancelled_and_a_stubborn_one_only_when_it_is_known() {
    let late = BankRig::in_memory();
    let (payment, _) = late.paid_with("late").await;
    let cancelled = late.bank.cancel(&payment).await.unwrap().unwrap().state;
    assert_eq!(cancelled, PaymentState::Failed(Decline::Cancelled));
    let stubborn = BankRig::in_memory();
    let (payment, _) = stubborn.paid_with("late_stubborn").await;
    assert_eq!(stubborn.bank.cancel(&payment).await.unwrap().unwrap().state, PaymentState::Processing);
    stubborn.clock.turn(BankTimes::default().late);
    assert_eq!(stubborn.bank.cancel(&payment).await.unwrap().unwrap().state, cancelled);
}

/// What the shop was told is not what comes: it was declined, is cancelled, and is paid all the same.
#[tokio::test]
async fn a_bank_that_goes_back_on_its_word_is_found_out_and_gives_back_once() {
    let rig = BankRig::in_memory();
    let (payment, seen) = rig.paid_with("after_all").await;
    assert_eq!(seen.step, failed(Decline::Declined));
    assert_eq!(rig.bank.cancel(&payment).await.unwrap().unwrap().state, PaymentState::Failed(Decline::Declined));
    rig.clock.turn(BankTimes::default().late - Duration::from_millis(1));
    assert_eq!(rig.state(&payment).await, PaymentState::Failed(Decline::Declined));
    assert!(matches!(rig.bank.refund(&payment, order(1), 1).await, Err(PortFailure::Impossible(_))), "it has none");
    rig.clock.turn(Duration::from_millis(1));
    let paid = rig.bank.find(&payment).await.unwrap().unwrap();
    assert_eq!((paid.state, paid.captured), (PaymentState::Captured, paid.amount.minor));
    for _ in 0..2 {
        let back = rig.bank.refund(&payment, order(1), paid.captured).await.unwrap().unwrap();
        assert_eq!(back.refunded, paid.captured);
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_money_is_taken_or_not() {
    for (does, then) in [("done_and_lost", PaymentState::Captured), ("lost_before", PaymentState::Authorized)] {
        let rig = BankRig::in_memory();
        let (payment, _) = rig.paid_with(does).await;
        let answer = rig.bank.capture(&payment).await;
        assert!(matches!(answer, Err(PortFailure::Unknown(_))), "{answer:?}");
        assert_eq!(rig.state(&payment).await, then, "{does}");
        assert_eq!(rig.bank.capture(&payment).await.unwrap().unwrap().state, PaymentState::Captured, "once only");
    }
}

/// When each notice came, in milliseconds after the buyer gave the card; the shop captures 100 ms after.
async fn notices_of(does: &str) -> Vec<u128> {
    let mut rig = BankRig::in_memory();
    let began = tokio::time::Instant::now();
    let (payment, _) = rig.paid_with(does).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    rig.bank.capture(&payment).await.unwrap();
    let mut came = Vec::new();
    while let Ok(Some(notice)) = tokio::time::timeout(Duration::from_secs(90), rig.news.recv()).await {
        assert_eq!(notice, PaymentNotice { payment: payment.clone(), order: order(1), attempt: 1 });
        came.push(began.elapsed().as_millis() / 100 * 100);
    }
    came
}

#[tokio::test(start_paused = true)]
async fn notices_come_once_twice_first_out_of_order_or_never() {
    assert_eq!(notices_of("visa").await, [300, 400]);
    assert_eq!(notices_of("twice").await, [300, 400, 3_000, 3_100]);
    assert_eq!(notices_of("never").await, [0_u128; 0]);
    // Read after 100 ms, but both were there before the answer.
    assert_eq!(notices_of("first").await, [100, 100]);
    assert_eq!(notices_of("out_of_order").await, [100, 3_000]);
    assert_eq!(notices_of("slow").await, [300, 4_300], "and when it happens by itself");
    assert_eq!(notices_of("after_all").await[1], 60_300, "and when it is another after all");
}

#[tokio::test]
async fn another_key_for_the_same_attempt_is_another_payment() {
    let rig = BankRig::in_memory();
    let first = Record::new(rig.clock.now(), &wanted(1, 1));
    let mut fresh = first.clone();
    fresh.key = "pay:fresh".into();
    for bank in [rig, BankRig::in_a_file().await] {
        let first = bank.bank.keeper.open(first.clone()).await.unwrap();
        let second = bank.bank.keeper.open(fresh.clone()).await.unwrap();
        assert_eq!(second.id.as_str(), format!("{}_1", first.id));
        assert_eq!(bank.bank.made_since(Millis(0), None, 10).await.unwrap().len(), 2);
    }
}
