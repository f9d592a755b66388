//! What all payment gateways must do. A technology's tests call `payment_gateway_contract!` with a function that makes a rig:
//! an empty gateway, and the hand of the buyer.

use bytes::Bytes;
use futures_util::future::join;
use iso_currency::Currency;
use stampede_actors::ports::{
    BadNotice, PaymentGateway, PaymentNotice, PaymentState, PortFailure, ProviderPayment, WantedPayment,
};
use stampede_domain::{Decline, Millis, Money, OrderId, PaymentId};
use std::time::Duration;

/// A gateway with nothing in it, and what only its tests can do.
pub(crate) trait Rig {
    fn gateway(&self) -> &dyn PaymentGateway;
    /// The time of the provider's clock.
    fn now(&self) -> Millis;
    /// The clock goes on.
    fn turn(&self, by: Duration);
    /// The buyer does everything right, if there is still something to do.
    async fn buyer_pays(&self, payment: &ProviderPayment);
    /// What the provider sends of a payment: signature and body.
    fn notice_of(&self, payment: &ProviderPayment) -> (String, Bytes);
    /// Something else that it sends, rightly signed.
    fn other_notice(&self) -> (String, Bytes);
    /// Something rightly signed that nobody can read.
    fn unreadable_notice(&self) -> (String, Bytes);
}

/// One list of all clauses; a technology cannot leave one out.
macro_rules! payment_gateway_contract {
    ($make:expr) => {
        crate::payments::contract::payment_gateway_contract!($make;
            a_new_payment_awaits_its_buyer_at_a_page,
            asked_for_twice_it_is_one_payment,
            asked_for_at_the_same_time_it_is_one_payment,
            another_attempt_is_another_payment,
            a_key_is_good_for_one_amount,
            a_payment_of_nothing_is_impossible,
            what_nobody_made_is_none,
            nothing_is_taken_before_the_buyer_has_paid,
            money_is_set_aside_and_then_taken_once,
            what_is_cancelled_is_never_paid,
            what_is_set_aside_can_be_cancelled,
            what_is_taken_cannot_be_cancelled,
            of_a_capture_and_a_cancellation_one_wins,
            money_is_given_back_until_so_much_is,
            money_that_was_not_taken_is_not_given_back,
            payments_are_listed_oldest_first_page_by_page,
            a_notice_names_its_payment_and_a_forged_one_is_refused,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                let rig = ($make)().await;
                crate::payments::contract::$clause(&rig).await;
            }
        )*
    };
}
pub(crate) use payment_gateway_contract;

pub(crate) fn order(number: u16) -> OrderId {
    let mut bytes = *b"\x01\x8b\xcf\xe5\x68\x07\x70\x00\x80\x00\0\0\0\0\0\0";
    bytes[14..].copy_from_slice(&number.to_be_bytes());
    OrderId::from(bytes)
}

pub(crate) fn wanted(number: u16, attempt: u32) -> WantedPayment {
    let amount = Money { minor: 10_000, currency: Currency::EUR };
    WantedPayment { order: order(number), attempt, amount, what_for: "2 × VIP Pass & “more”, Fête = 100%".into() }
}

async fn made(rig: &impl Rig, number: u16) -> ProviderPayment {
    rig.gateway().create(&wanted(number, 1)).await.unwrap()
}

async fn authorized(rig: &impl Rig, number: u16) -> ProviderPayment {
    let payment = made(rig, number).await;
    rig.buyer_pays(&payment).await;
    let payment = found(rig, &payment.id).await;
    assert_eq!((payment.state, payment.captured, &payment.page), (PaymentState::Authorized, 0, &None));
    payment
}

async fn captured(rig: &impl Rig, number: u16) -> ProviderPayment {
    let payment = authorized(rig, number).await;
    rig.gateway().capture(&payment.id).await.unwrap().unwrap()
}

async fn found(rig: &impl Rig, id: &PaymentId) -> ProviderPayment {
    rig.gateway().find(id).await.unwrap().unwrap()
}

const CANCELLED: PaymentState = PaymentState::Failed(Decline::Cancelled);

pub(crate) async fn a_new_payment_awaits_its_buyer_at_a_page(rig: &impl Rig) {
    let payment = made(rig, 1).await;
    assert_eq!((payment.order, payment.attempt, payment.amount), (order(1), 1, wanted(1, 1).amount));
    assert_eq!((payment.state, payment.captured, payment.refunded), (PaymentState::AwaitsBuyer, 0, 0));
    let page = payment.page.clone().unwrap();
    assert!(page.starts_with('/') || page.starts_with("https://"), "{page}");
    // Some providers count in seconds.
    assert!(rig.now().since(payment.created_at) < Duration::from_secs(1), "{payment:?}");
    assert_eq!(found(rig, &payment.id).await, payment);
}

pub(crate) async fn asked_for_twice_it_is_one_payment(rig: &impl Rig) {
    let first = made(rig, 1).await;
    rig.turn(Duration::from_secs(60));
    let second = made(rig, 1).await;
    assert_eq!((&second.id, second.created_at), (&first.id, first.created_at));
    rig.buyer_pays(&first).await;
    let third = made(rig, 1).await;
    // A provider may repeat what it first said; the truth is what it is found to be.
    assert_eq!((&third.id, found(rig, &third.id).await.state), (&first.id, PaymentState::Authorized));
    assert_eq!(rig.gateway().made_since(Millis(0), None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn asked_for_at_the_same_time_it_is_one_payment(rig: &impl Rig) {
    let both = join(made(rig, 1), made(rig, 1)).await;
    assert_eq!(both.0.id, both.1.id);
}

pub(crate) async fn another_attempt_is_another_payment(rig: &impl Rig) {
    let (first, second) = (made(rig, 1).await, rig.gateway().create(&wanted(1, 2)).await.unwrap());
    assert_ne!(first.id, second.id);
    assert_eq!((first.attempt, second.attempt), (1, 2));
    assert_ne!(first.id, made(rig, 2).await.id, "and another order's is another's");
}

pub(crate) async fn a_key_is_good_for_one_amount(rig: &impl Rig) {
    let mut other = wanted(1, 1);
    other.amount.minor += 1;
    made(rig, 1).await;
    let refused = rig.gateway().create(&other).await;
    assert!(matches!(refused, Err(PortFailure::Impossible(_))), "{refused:?}");
}

pub(crate) async fn a_payment_of_nothing_is_impossible(rig: &impl Rig) {
    for minor in [0, -1] {
        let mut free = wanted(1, 1);
        free.amount.minor = minor;
        let refused = rig.gateway().create(&free).await;
        assert!(matches!(refused, Err(PortFailure::Impossible(_))), "{refused:?}");
    }
}

pub(crate) async fn what_nobody_made_is_none(rig: &impl Rig) {
    made(rig, 1).await;
    let nobodys = PaymentId::new("pay_that_nobody_made").unwrap();
    assert_eq!(rig.gateway().find(&nobodys).await, Ok(None));
    assert_eq!(rig.gateway().capture(&nobodys).await, Ok(None));
    assert_eq!(rig.gateway().cancel(&nobodys).await, Ok(None));
    assert_eq!(rig.gateway().refund(&nobodys, order(1), 1).await, Ok(None));
}

pub(crate) async fn nothing_is_taken_before_the_buyer_has_paid(rig: &impl Rig) {
    let payment = made(rig, 1).await;
    let answer = rig.gateway().capture(&payment.id).await.unwrap().unwrap();
    assert_eq!(answer, payment);
}

pub(crate) async fn money_is_set_aside_and_then_taken_once(rig: &impl Rig) {
    let payment = captured(rig, 1).await;
    assert_eq!((payment.state, payment.captured, payment.refunded), (PaymentState::Captured, 10_000, 0));
    assert_eq!((payment.order, payment.attempt, payment.page.as_ref()), (order(1), 1, None));
    assert_eq!(rig.gateway().capture(&payment.id).await.unwrap().unwrap(), payment);
    assert_eq!(found(rig, &payment.id).await, payment);
}

pub(crate) async fn what_is_cancelled_is_never_paid(rig: &impl Rig) {
    let payment = made(rig, 1).await;
    for _ in 0..2 {
        let cancelled = rig.gateway().cancel(&payment.id).await.unwrap().unwrap();
        assert_eq!((cancelled.state, cancelled.page, cancelled.captured), (CANCELLED, None, 0));
    }
    rig.buyer_pays(&payment).await;
    assert_eq!(found(rig, &payment.id).await.state, CANCELLED);
    assert_eq!(rig.gateway().capture(&payment.id).await.unwrap().unwrap().state, CANCELLED);
}

pub(crate) async fn what_is_set_aside_can_be_cancelled(rig: &impl Rig) {
    let payment = authorized(rig, 1).await;
    assert_eq!(rig.gateway().cancel(&payment.id).await.unwrap().unwrap().state, CANCELLED);
    let after = rig.gateway().capture(&payment.id).await.unwrap().unwrap();
    assert_eq!((after.state, after.captured), (CANCELLED, 0));
}

pub(crate) async fn what_is_taken_cannot_be_cancelled(rig: &impl Rig) {
    let payment = captured(rig, 1).await;
    assert_eq!(rig.gateway().cancel(&payment.id).await.unwrap().unwrap(), payment);
}

pub(crate) async fn of_a_capture_and_a_cancellation_one_wins(rig: &impl Rig) {
    for number in 0..10 {
        let payment = authorized(rig, number).await;
        let (taken, cancelled) = join(rig.gateway().capture(&payment.id), rig.gateway().cancel(&payment.id)).await;
        let end = found(rig, &payment.id).await.state;
        assert!(end == PaymentState::Captured || end == CANCELLED, "{end:?}");
        assert_eq!((taken.unwrap().unwrap().state, cancelled.unwrap().unwrap().state), (end, end));
    }
}

pub(crate) async fn money_is_given_back_until_so_much_is(rig: &impl Rig) {
    let payment = captured(rig, 1).await;
    for (minor, so_far) in [(3_000, 3_000), (3_000, 3_000), (10_000, 10_000), (10_000, 10_000), (1, 10_000)] {
        let answer = rig.gateway().refund(&payment.id, order(1), minor).await.unwrap().unwrap();
        assert_eq!((answer.state, answer.captured, answer.refunded), (PaymentState::Captured, 10_000, so_far));
        assert_eq!(found(rig, &payment.id).await, answer);
    }
    let both = captured(rig, 2).await;
    let twice = || rig.gateway().refund(&both.id, order(2), 10_000);
    let (one, other) = join(twice(), twice()).await;
    assert_eq!((one.unwrap().unwrap().refunded, other.unwrap().unwrap().refunded), (10_000, 10_000));
}

pub(crate) async fn money_that_was_not_taken_is_not_given_back(rig: &impl Rig) {
    let (unpaid, paid) = (authorized(rig, 1).await, captured(rig, 2).await);
    for (payment, of, minor) in [(&unpaid, order(1), 1), (&paid, order(2), 10_001), (&paid, order(1), 1)] {
        let refused = rig.gateway().refund(&payment.id, of, minor).await;
        assert!(matches!(refused, Err(PortFailure::Impossible(_))), "{refused:?}");
    }
    assert_eq!(found(rig, &paid.id).await.refunded, 0);
}

pub(crate) async fn payments_are_listed_oldest_first_page_by_page(rig: &impl Rig) {
    let early = made(rig, 0).await;
    rig.turn(Duration::from_secs(10));
    let since = rig.now();
    let mut made_later = Vec::new();
    for number in 1..=7 {
        made_later.push(made(rig, number).await.id);
        rig.turn(Duration::from_secs(1));
    }
    let list = async |since, after: Option<&PaymentId>, limit| -> Vec<PaymentId> {
        let page = rig.gateway().made_since(since, after, limit).await.unwrap();
        page.into_iter().map(|payment| payment.id).collect()
    };
    assert_eq!(list(since, None, 3).await, made_later[..3]);
    assert_eq!(list(since, Some(&made_later[2]), 3).await, made_later[3..6]);
    assert_eq!(list(since, Some(&made_later[5]), 3).await, made_later[6..]);
    assert!(list(since, Some(&made_later[6]), 3).await.is_empty());
    assert_eq!(list(Millis(0), None, 2).await, [early.id, made_later[0].clone()]);
    let paid = captured(rig, 8).await;
    assert_eq!(rig.gateway().made_since(rig.now(), None, 10).await.unwrap(), [paid]);
}

pub(crate) async fn a_notice_names_its_payment_and_a_forged_one_is_refused(rig: &impl Rig) {
    let payment = made(rig, 1).await;
    let read = |notice: &(String, Bytes), at| rig.gateway().read_notice(at, &notice.0, &notice.1);
    let notice = rig.notice_of(&payment);
    let named = PaymentNotice { payment: payment.id, order: order(1), attempt: 1 };
    assert_eq!(read(&notice, rig.now()), Ok(Some(named)));
    let is_forged = |outcome| matches!(outcome, Err(BadNotice::Forged(_)));
    assert!(is_forged(read(&notice, rig.now().plus(Duration::from_secs(302)))), "it is old");
    assert!(is_forged(read(&(notice.0.clone(), Bytes::from_static(b"{}")), rig.now())), "it was changed");
    assert!(is_forged(read(&("t=1".into(), notice.1), rig.now())), "it is not signed");
    assert_eq!(read(&rig.other_notice(), rig.now()), Ok(None));
    assert!(matches!(read(&rig.unreadable_notice(), rig.now()), Err(BadNotice::Unreadable(_))));
}
