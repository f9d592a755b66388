//! The half of the shop that takes money: till, lane, checkout and the writer of holds, over ports in memory.

use super::{
    TestClock, bank::FakeBank, bus::FakeBus, carry, holds::FakeHolds, mailbox, mailbox_of, pool, tasks, until,
};
use stampede_actors::{
    cache_sync::Settle,
    carrier::Logic,
    chance::KeyMaker,
    checkout::{self, Checkout, CheckoutParts},
    clock::{Clock, SharedClock},
    gate::Gate,
    hold_writer::{Change, HoldWriter, HoldWriterParts},
    lane::Wish,
    mailbox::{Handles, Mailbox, Reply},
    ports::{PaymentNotice, PortResult},
    settings::ActorSettings,
    tasks::Tasks,
    till::{FindHold, Noticed, Till, TillAnswer, TillParts, Wished},
};
use stampede_domain::{BuyerId, Fingerprint, Hold, Millis, Money, OrderId, OrderStatus, Settlement};
use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

/// What the orders of these tests cost.
pub(crate) const PRICE: i64 = 99_800;
/// How long their units are held.
pub(crate) const HELD_FOR: Duration = Duration::from_secs(3 * 60);

/// Hears what `CacheSync` would be told.
#[derive(Default)]
pub(crate) struct Ears(pub(crate) RefCell<Vec<Settlement>>);

impl Handles<Settle> for Ears {
    fn handle(self: &Rc<Self>, Settle { settlements, report }: Settle, _reply: Reply<()>) {
        assert_eq!(report, None, "it knows nothing of the order writers");
        self.0.borrow_mut().extend(settlements);
    }
}

pub(crate) struct Desk {
    pub(crate) clock: Arc<TestClock>,
    pub(crate) holds: Arc<FakeHolds>,
    pub(crate) lane: Arc<FakeBus>,
    pub(crate) bank: Arc<FakeBank>,
    pub(crate) heard: Rc<Ears>,
    pub(crate) wished: Mailbox<Wished>,
    pub(crate) find_hold: Mailbox<FindHold>,
    pub(crate) noticed: Mailbox<Noticed>,
    pub(crate) back_office: Option<BackOffice>,
    settings: ActorSettings,
    keys: KeyMaker,
}

/// The process that writes.
pub(crate) struct BackOffice {
    pub(crate) change: Mailbox<Change>,
    pub(crate) drain: Mailbox<checkout::Drain>,
    tasks: [Tasks; 2],
}

impl Desk {
    /// Everything is open.
    pub(crate) fn open() -> Self {
        let mut desk = Self::till_only(ActorSettings::default());
        desk.open_back_office();
        desk
    }

    pub(crate) fn till_only(settings: ActorSettings) -> Self {
        let clock = TestClock::begin();
        let holds = Arc::new(FakeHolds::new());
        let lane = Arc::new(FakeBus::new(Arc::clone(&clock) as SharedClock));
        let gate = Gate::new("till", settings.till_mailbox_capacity);
        let parts = TillParts {
            clock: Arc::clone(&clock) as SharedClock,
            holds: Arc::clone(&holds) as _,
            lane: Arc::clone(&lane) as _,
            settings,
        };
        let till = Till::new(parts, &gate, tasks());
        Self {
            bank: Arc::new(FakeBank::new(Arc::clone(&clock))),
            wished: mailbox_of(&gate, &till),
            find_hold: mailbox_of(&gate, &till),
            noticed: mailbox_of(&gate, &till),
            heard: Rc::default(),
            back_office: None,
            keys: KeyMaker::new(Arc::clone(&clock) as SharedClock),
            clock,
            holds,
            lane,
            settings,
        }
    }

    pub(crate) fn open_back_office(&mut self) {
        let clock = Arc::clone(&self.clock) as SharedClock;
        let (cache_sync, letters) = mailbox::<Settle>(&Gate::new("cache_sync", 1_000));
        carry(&self.heard, letters);
        let [writing, checking_out] = [tasks(), tasks()];
        let gate = Gate::new("hold_writer", self.settings.hold_writer_mailbox_capacity);
        let holds = Arc::clone(&self.holds);
        let parts = HoldWriterParts { clock: Arc::clone(&clock), holds, cache_sync, settings: self.settings };
        let change: Mailbox<Change> = mailbox_of(&gate, &HoldWriter::new(parts, &gate, writing.clone()));
        let gate = Gate::new("checkout", self.settings.checkout_mailbox_capacity);
        let parts = CheckoutParts {
            clock,
            lane: Arc::clone(&self.lane) as _,
            holds: Arc::clone(&self.holds) as _,
            hold_writer: change.clone(),
            gateway: Arc::clone(&self.bank) as _,
            what_for: "Festival".into(),
            settings: self.settings,
            seed: 7,
        };
        let checkout = Checkout::new(parts, &gate, checking_out.clone());
        checkout.begin();
        let drain = mailbox_of(&gate, &checkout);
        self.back_office = Some(BackOffice { change, drain, tasks: [writing, checking_out] });
    }

    /// The process that writes dies where it stands, and another one begins.
    pub(crate) fn crash(&mut self) {
        self.close_back_office();
        self.open_back_office();
    }

    pub(crate) fn close_back_office(&mut self) {
        if let Some(office) = self.back_office.take() {
            office.tasks.iter().for_each(Tasks::abort_all);
            self.lane.leases_run_out();
        }
    }

    /// An order that is reserved just now.
    pub(crate) fn reserve(&self) -> OrderId {
        let (order, now) = (self.keys.fresh(), self.clock.now());
        self.holds.reserve(Hold {
            order,
            pool: pool(),
            quantity: 2,
            buyer: BuyerId(1),
            fingerprint: Fingerprint(1),
            amount: Money { minor: PRICE, currency: "EUR".parse().unwrap() },
            status: OrderStatus::Reserved,
            hold_until: now.plus(HELD_FOR),
            extended: false,
            attempt: 0,
            paying_at: Millis(0),
            page: None,
            decline: None,
            paid_by: None,
            payments: vec![],
            look_at: now,
            changed_at: now,
        });
        order
    }

    pub(crate) async fn wish(&self, order: OrderId, wish: Wish) -> TillAnswer {
        self.wished.ask(Wished { order, wish, trace: None }).await.expect("an answer")
    }

    pub(crate) async fn pay(&self, order: OrderId, attempt: u32) {
        let answer = self.wish(order, Wish::Pay { attempt }).await;
        assert!(matches!(answer, TillAnswer::Taken { .. }), "{answer:?}");
    }

    /// The provider sends a notice of the latest payment.
    pub(crate) async fn notice(&self, order: OrderId) -> PortResult<()> {
        let payments = self.bank.payments();
        let latest = payments.iter().rfind(|payment| payment.order == order).expect("a payment");
        let notice = PaymentNotice { payment: latest.id.clone(), order, attempt: latest.attempt };
        self.noticed.ask(Noticed(notice)).await.expect("an answer")
    }

    pub(crate) async fn until(&self, order: OrderId, status: OrderStatus) {
        until(&format!("{status:?}"), || self.holds.status(order) == status).await;
    }

    /// Until nothing needs anybody: every order has come to rest, but for those whose time is still running.
    pub(crate) async fn rest(&self) {
        until("everything is at rest", || {
            let rests = |hold: &Hold| {
                hold.due_at().is_none() || (hold.status == OrderStatus::Reserved && hold.owed_minor() == 0)
            };
            self.holds.all().iter().all(rests) && self.lane.waiting() == 0
        })
        .await;
    }

    /// Law 7, by our books and by the provider's.
    pub(crate) fn assert_money_adds(&self) {
        let (mut earned, mut kept) = (0, 0);
        for hold in self.holds.all() {
            if hold.status == OrderStatus::Confirmed {
                earned += hold.amount.minor;
            }
            kept += hold.payments.iter().map(|payment| payment.captured - payment.refunded).sum::<i64>();
            assert_eq!(hold.owed_minor(), 0, "{hold:?}");
        }
        let theirs: i64 = self.bank.payments().iter().map(|payment| payment.captured - payment.refunded).sum();
        assert_eq!((kept, theirs), (earned, earned), "{:#?}", self.holds.all());
    }
}
