//! The books against what Stripe lists, over real sockets.

use super::{tests::gateway_at, *};
use crate::{
    MemoryCatalogue, MemoryOrderStore, MemoryShop,
    ledger::HandClock,
    order_store::rig::{NOW, entry, id, paid_fair},
};
use iso_currency::Currency;
use stampede_actors::{
    clock::Clock as _,
    ports::{Catalogue as _, HoldStore as _, OrderStore as _},
    reconciliation::{Reconciliation, Sums, What, reconcile},
};
use stampede_bank::{Fault, SimulatedStripe};
use stampede_domain::{HoldChange, Money};

/// What an order of two units costs at the fair.
const TWO: i64 = 220;
/// Enough not to wait for.
const CALLS_PER_SECOND: u32 = 10_000;

struct Rig {
    store: MemoryOrderStore,
    stripe: SimulatedStripe,
    gateway: StripeGateway,
    clock: HandClock,
}

impl Rig {
    /// With so many reserved orders.
    async fn with(orders: u32) -> Self {
        let (shop, clock) = (MemoryShop::new(), HandClock::default());
        MemoryCatalogue::new(&shop).apply(&paid_fair([1_000, 10], [None, None])).await.unwrap();
        let store = MemoryOrderStore::new(&shop);
        store.decide(NOW, &(0..orders).map(|number| entry(number, 2)).collect::<Vec<_>>()).await.unwrap();
        let seconds = clock.clone();
        let stripe = SimulatedStripe::start(move || seconds.now().0 / 1000).await;
        let gateway = gateway_at(&stripe.endpoint, Duration::from_secs(10));
        Self { store, stripe, gateway, clock }
    }

    /// A payment of an order, captured at Stripe.
    async fn paid_there(&self, number: u32) -> PaymentId {
        let amount = Money { minor: TWO, currency: Currency::EUR };
        let wanted = WantedPayment { order: id(number), attempt: 1, amount, what_for: "a fair".into() };
        let made = self.gateway.create(&wanted).await.unwrap();
        self.stripe.buyer_pays(made.id.as_str());
        self.gateway.capture(&made.id).await.unwrap().unwrap().id
    }

    async fn book(&self, number: u32, payment: &PaymentId, minor: i64) {
        let captured = HoldChange::Captured { attempt: 1, payment: payment.clone(), minor };
        self.store.change(NOW, &[(id(number), HoldChange::Pay { attempt: 1 }), (id(number), captured)]).await.unwrap();
    }

    async fn reconciled(&self, since: Millis) -> Reconciliation {
        reconcile(&self.store, &self.gateway, since, CALLS_PER_SECOND).await.unwrap()
    }
}

/// More than a page of Stripe's has, and one call that it has no time for.
#[tokio::test]
async fn books_that_are_stripes_are_found_equal_page_by_page() {
    let rig = Rig::with(120).await;
    for number in 0..120 {
        let payment = rig.paid_there(number).await;
        rig.book(number, &payment, TWO).await;
    }
    rig.stripe.sell_something_else();
    rig.stripe.fail_next(Fault::Answers(429, "rate_limit"));
    let all = Sums { payments: 120, captured: 120 * TWO, refunded: 0 };
    let equal = Reconciliation { at_provider: all, in_books: all, ..Reconciliation::default() };
    assert_eq!(rig.reconciled(Millis(0)).await, equal);
}

#[tokio::test]
async fn every_way_to_differ_is_told_with_its_payment() {
    let rig = Rig::with(5).await;
    let mut expected = Vec::new();
    for number in 0..5 {
        let payment = rig.paid_there(number).await;
        match number {
            0 => rig.book(number, &payment, TWO).await,
            1 => expected.push((payment, What::OnlyAtProvider)),
            2 => {
                rig.book(number, &payment, TWO - 20).await;
                expected.push((payment, What::OtherCaptured));
            }
            3 => {
                rig.book(number, &payment, TWO).await;
                rig.gateway.refund(&payment, id(number), TWO).await.unwrap();
                expected.push((payment, What::OtherRefunded));
            }
            _ => {
                rig.book(number, &PaymentId::new("cs_test_zzzz").unwrap(), TWO).await;
                expected.push((payment, What::OnlyAtProvider));
                expected.push((PaymentId::new("cs_test_zzzz").unwrap(), What::OnlyInBooks));
            }
        }
    }
    expected.push((rig.paid_there(77).await, What::OfNoOrder));
    expected.sort();
    let found = rig.reconciled(Millis(0)).await;
    let told: Vec<_> = found.differences.iter().map(|one| (one.payment.clone(), one.what)).collect();
    assert_eq!(told, expected);

    rig.clock.turn(Duration::from_hours(24));
    let later = rig.reconciled(rig.clock.now()).await;
    assert_eq!((later.differences, later.older), (Vec::new(), 4), "nothing was made since");
}

/// The shop writes down what it was told while it is compared.
#[tokio::test]
async fn what_a_running_shop_writes_meanwhile_is_no_difference() {
    let rig = Rig::with(1).await;
    let payment = rig.paid_there(0).await;
    let shop_at_work = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        rig.book(0, &payment, TWO).await;
    };
    let (found, ()) = tokio::join!(rig.reconciled(Millis(0)), shop_at_work);
    assert_eq!(found.differences, []);
}

#[tokio::test]
async fn a_stripe_that_refuses_to_list_cannot_be_compared() {
    let rig = Rig::with(1).await;
    rig.stripe.fail_next(Fault::Answers(400, "parameter_invalid"));
    let found = reconcile(&rig.store, &rig.gateway, Millis(0), CALLS_PER_SECOND).await;
    assert!(matches!(found, Err(PortFailure::Impossible(_))), "{found:?}");
}
