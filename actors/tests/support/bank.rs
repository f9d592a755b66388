//! A payment provider in memory whose buyers do as they are told, and whose answers fail as they are told.

use super::TestClock;
use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::{
    clock::Clock,
    ports::{
        BadNotice, PaymentGateway, PaymentNotice, PaymentState, PortFailure, PortResult, ProviderPayment, WantedPayment,
    },
};
use stampede_domain::{Decline, Millis, OrderId, PaymentId};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// What the buyer of the next payment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buyer {
    /// Pays after three seconds.
    Pays,
    /// Has paid before anybody can ask.
    HasPaid,
    /// Is declined after three seconds.
    IsDeclined(Decline),
    /// Does nothing.
    Sleeps,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Unavailable,
    /// It was not done, and nobody knows.
    UnknownBefore,
    /// It was done, and nobody knows.
    UnknownAfter,
    /// It is not done, and no answer comes.
    HangsBefore,
    /// It is done, and no answer comes.
    HangsAfter,
    Impossible,
}

/// What a cancellation finds, if not what the payment's state says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelFinds {
    Money,
    Nothing,
}

struct Paper {
    payment: ProviderPayment,
    becomes: Option<(Instant, PaymentState)>,
}

pub(crate) struct FakeBank {
    clock: Arc<TestClock>,
    papers: Mutex<BTreeMap<String, Paper>>,
    pub(crate) buyers: Mutex<VecDeque<Buyer>>,
    /// What goes wrong with the next calls of a name.
    pub(crate) faults: Mutex<Vec<(&'static str, Fault)>>,
    pub(crate) cancel_finds: Mutex<Option<CancelFinds>>,
    /// No call succeeds.
    pub(crate) down: AtomicBool,
    /// The names of all calls.
    pub(crate) calls: Mutex<Vec<(&'static str, Instant)>>,
}

impl FakeBank {
    pub(crate) fn new(clock: Arc<TestClock>) -> Self {
        Self {
            clock,
            papers: Mutex::default(),
            buyers: Mutex::default(),
            faults: Mutex::default(),
            cancel_finds: Mutex::default(),
            down: AtomicBool::new(false),
            calls: Mutex::default(),
        }
    }

    pub(crate) fn next_buyer(&self, buyer: Buyer) {
        self.buyers.lock().unwrap().push_back(buyer);
    }

    pub(crate) fn next_fault(&self, call: &'static str, fault: Fault) {
        self.faults.lock().unwrap().push((call, fault));
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|(call, _)| *call == name).count()
    }

    pub(crate) fn payments(&self) -> Vec<ProviderPayment> {
        self.papers.lock().unwrap().values_mut().map(|paper| paper.now().clone()).collect()
    }

    /// The money of a payment comes, whatever was said before.
    pub(crate) fn takes_money(&self, payment: &PaymentId) {
        self.change(payment, |payment| {
            (payment.state, payment.captured) = (PaymentState::Captured, payment.amount.minor);
        });
    }

    pub(crate) fn change(&self, payment: &PaymentId, change: impl FnOnce(&mut ProviderPayment)) {
        let mut papers = self.papers.lock().unwrap();
        let paper = papers.values_mut().find(|paper| paper.payment.id == *payment).unwrap();
        paper.becomes = None;
        change(&mut paper.payment);
    }

    pub(crate) fn forgets(&self, payment: &PaymentId) {
        self.papers.lock().unwrap().retain(|_, paper| paper.payment.id != *payment);
    }

    /// A call: noted, broken as wished, and done in between.
    async fn call<T>(&self, name: &'static str, act: impl FnOnce() -> T + Send) -> PortResult<T> {
        self.calls.lock().unwrap().push((name, Instant::now()));
        tokio::time::sleep(Duration::from_millis(20)).await;
        if self.down.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("down on purpose".into()));
        }
        let fault = {
            let mut faults = self.faults.lock().unwrap();
            let place = faults.iter().position(|(call, _)| *call == name);
            place.map(|place| faults.remove(place).1)
        };
        match fault {
            None => Ok(act()),
            Some(Fault::Unavailable) => Err(PortFailure::Unavailable("on purpose".into())),
            Some(Fault::UnknownBefore) => Err(PortFailure::Unknown("on purpose".into())),
            Some(Fault::Impossible) => Err(PortFailure::Impossible("on purpose".into())),
            Some(Fault::UnknownAfter) => {
                act();
                Err(PortFailure::Unknown("on purpose".into()))
            }
            Some(Fault::HangsBefore) => std::future::pending().await,
            Some(Fault::HangsAfter) => {
                act();
                std::future::pending().await
            }
        }
    }

    fn on<T>(&self, payment: &PaymentId, act: impl FnOnce(&mut ProviderPayment) -> T) -> Option<ProviderPayment> {
        let mut papers = self.papers.lock().unwrap();
        let paper = papers.values_mut().find(|paper| paper.payment.id == *payment)?;
        act(paper.now());
        Some(paper.payment.clone())
    }
}

impl Paper {
    fn now(&mut self) -> &mut ProviderPayment {
        if let Some((at, state)) = self.becomes
            && Instant::now() >= at
        {
            (self.payment.state, self.becomes) = (state, None);
        }
        &mut self.payment
    }
}

#[async_trait]
impl PaymentGateway for FakeBank {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn create(&self, wanted: &WantedPayment) -> PortResult<ProviderPayment> {
        self.call("create", || {
            let mut papers = self.papers.lock().unwrap();
            let number = papers.len() + 1;
            let paper = papers.entry(wanted.key()).or_insert_with(|| {
                let buyer = self.buyers.lock().unwrap().pop_front().unwrap_or(Buyer::Pays);
                let later = Instant::now() + Duration::from_secs(3);
                let (state, becomes) = match buyer {
                    Buyer::Pays => (PaymentState::AwaitsBuyer, Some((later, PaymentState::Authorized))),
                    Buyer::HasPaid => (PaymentState::Authorized, None),
                    Buyer::IsDeclined(why) => (PaymentState::AwaitsBuyer, Some((later, PaymentState::Failed(why)))),
                    Buyer::Sleeps => (PaymentState::AwaitsBuyer, None),
                };
                Paper {
                    payment: ProviderPayment {
                        id: PaymentId::new(format!("pay_{number}")).unwrap(),
                        order: wanted.order,
                        attempt: wanted.attempt,
                        amount: wanted.amount,
                        state,
                        captured: 0,
                        refunded: 0,
                        page: Some(format!("/bank/{number}")),
                        created_at: self.clock.now(),
                    },
                    becomes,
                }
            });
            paper.now().clone()
        })
        .await
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        self.call("find", || self.on(payment, |_| ())).await
    }

    async fn capture(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        let take = |payment: &mut ProviderPayment| {
            if payment.state == PaymentState::Authorized {
                (payment.state, payment.captured) = (PaymentState::Captured, payment.amount.minor);
            }
        };
        self.call("capture", || self.on(payment, take)).await
    }

    async fn cancel(&self, payment: &PaymentId) -> PortResult<Option<ProviderPayment>> {
        match *self.cancel_finds.lock().unwrap() {
            Some(CancelFinds::Money) => self.takes_money(payment),
            Some(CancelFinds::Nothing) => self.forgets(payment),
            None => {}
        }
        let cancel = |payment: &mut ProviderPayment| {
            if !matches!(payment.state, PaymentState::Captured | PaymentState::Failed(_)) {
                payment.state = PaymentState::Failed(Decline::Cancelled);
            }
        };
        self.call("cancel", || self.on(payment, cancel)).await
    }

    async fn refund(&self, payment: &PaymentId, _order: OrderId, minor: i64) -> PortResult<Option<ProviderPayment>> {
        self.call("refund", || self.on(payment, |payment| payment.refunded = payment.refunded.max(minor))).await
    }

    async fn made_since(
        &self,
        since: Millis,
        after: Option<&PaymentId>,
        limit: u32,
    ) -> PortResult<Vec<ProviderPayment>> {
        let made = self.payments().into_iter().filter(|payment| payment.created_at >= since);
        Ok(made.filter(|payment| after.is_none_or(|after| payment.id > *after)).take(limit as usize).collect())
    }

    fn read_notice(&self, _: Millis, _: &str, _: &Bytes) -> Result<Option<PaymentNotice>, BadNotice> {
        Ok(None)
    }
}
