//! Sees every change of every hold in the moment it is made, and says at once what must not be.

use super::bank::Bank;
use crate::{clock::SimulatedClock, fate::Fate};
use async_trait::async_trait;
use stampede_actors::{
    clock::Clock,
    lane::Wish,
    ports::{BookedPayment, HoldStore, HoldSums, HoldsChanged, PortResult},
};
use stampede_domain::{Hold, HoldAnswer, HoldChange, HoldRefused, Millis, OrderId, OrderStatus, PaymentId};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use OrderStatus as S;

/// The store with somebody who watches it.
pub(crate) struct Witness {
    store: Arc<dyn HoldStore>,
    bank: Arc<Bank>,
    clock: Arc<SimulatedClock>,
    fate: Arc<Fate>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    holds: BTreeMap<OrderId, Hold>,
    moments: BTreeMap<OrderId, Moments>,
    objections: Vec<String>,
}

/// When the decisive things befell an order, by the shared clock.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moments {
    /// Somebody clicked to pay it, or such a wish came to the store, whatever came of it.
    pub(crate) pays: Vec<Millis>,
    /// Its time ran out, or was found not to have.
    pub(crate) runs_out: Vec<Millis>,
    /// It was paid.
    pub(crate) is_paid: Option<Millis>,
    /// A payment of it failed, and why does not matter.
    pub(crate) failures: u32,
    /// Money came that paid for nothing.
    pub(crate) late_money: u32,
}

impl Witness {
    pub(crate) fn new(
        store: Arc<dyn HoldStore>,
        bank: Arc<Bank>,
        clock: Arc<SimulatedClock>,
        fate: Arc<Fate>,
    ) -> Arc<Self> {
        Arc::new(Self { store, bank, clock, fate, seen: Mutex::default() })
    }

    /// An order begins its life.
    pub(crate) fn knows(&self, hold: Hold) {
        self.seen().holds.insert(hold.order, hold);
    }

    /// Somebody clicks to pay.
    pub(crate) fn clicks(&self, order: OrderId) {
        let now = self.clock.now();
        self.seen().moments.entry(order).or_default().pays.push(now);
    }

    /// Something must not be.
    pub(crate) fn object(&self, what: String) {
        self.seen().objections.push(what);
    }

    /// A refusal that no buyer of this simulation can be given.
    pub(crate) fn told(&self, wish: &Wish, refused: HoldRefused) {
        if matches!(refused, HoldRefused::TooManyAttempts | HoldRefused::TooEarly) {
            self.object(format!("{wish:?} was refused: {refused:?}"));
        }
    }

    /// Everything that must not be, so far.
    pub(crate) fn objections(&self) -> Vec<String> {
        self.seen().objections.clone()
    }

    /// What was seen of each order.
    pub(crate) fn moments(&self) -> BTreeMap<OrderId, Moments> {
        self.seen().moments.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, change: &HoldChange, answer: HoldAnswer, after: &Hold) {
        let now = self.clock.now();
        let mut seen = self.seen();
        let before = seen.holds.insert(after.order, after.clone());
        let Some(before) = before else {
            seen.objections.push(format!("{} is held and nobody reserved it", after.order));
            return;
        };
        let (was, is) = (before.status, after.status);
        self.fate.note(&(change.name(), after.order.0.as_u128(), was.as_str(), is.as_str(), format!("{answer:?}")));
        let moments = seen.moments.entry(after.order).or_default();
        moments.note(change, now, (&before, after));
        let mut objections = Vec::new();
        if was != is {
            objections.extend(unfair(now, &before, after).map(str::to_owned));
            objections.extend(self.unfounded(&before, after));
        }
        objections.extend(altered(&before, after).map(str::to_owned));
        let say = |what| format!("{}, {}, {} to {}: {what}", after.order, change.name(), was.as_str(), is.as_str());
        seen.objections.extend(objections.into_iter().map(say));
    }

    /// What the provider's books say against a change.
    fn unfounded(&self, before: &Hold, after: &Hold) -> Option<String> {
        let accounts = self.bank.of(after.order);
        let was_under_way = matches!(before.status, S::Paying | S::Expiring);
        match after.status {
            S::Confirmed => {
                let is_paid = |account: &&super::bank::Account| {
                    Some(&account.payment.id) == after.paid_by.as_ref()
                        && account.payment.captured - account.payment.refunded == after.amount.minor
                };
                accounts.iter().find(is_paid).is_none().then(|| "MoneyAdds: confirmed, and nobody has paid".into())
            }
            S::Expired | S::Reserved | S::Cancelled if was_under_way => {
                let open = accounts.iter().find(|account| account.may_pay() && !account.is_unreliable());
                open.map(|account| {
                    format!("HoldsAreFair: its payment has not ended at the provider: {:?}", account.payment.state)
                })
            }
            _ => None,
        }
    }
}

/// The steps that there are, and when.
fn unfair(now: Millis, before: &Hold, after: &Hold) -> Option<&'static str> {
    let is_out_of_time = now >= before.hold_until;
    match (before.status, after.status) {
        (S::Reserved, S::Paying) if after.paying_at >= after.hold_until => Some("HoldsAreFair: paid out of time"),
        (S::Reserved | S::Paying | S::Expiring, S::Expired) | (S::Paying, S::Expiring) if !is_out_of_time => {
            Some("HoldsAreFair: ran out before its time")
        }
        (S::Reserved, S::Paying | S::Expired | S::Cancelled)
        | (S::Paying, S::Reserved | S::Expiring | S::Expired | S::Confirmed)
        | (S::Expiring, S::Expired | S::Confirmed)
        | (S::Confirmed, S::Refunded) => None,
        _ => Some("OneFate: there is no such step"),
    }
}

/// What never changes, and what never becomes less.
fn altered(before: &Hold, after: &Hold) -> Option<&'static str> {
    let fixed = |hold: &Hold| (hold.pool, hold.quantity, hold.buyer, hold.fingerprint, hold.amount);
    if fixed(before) != fixed(after) {
        return Some("OneFate: another order");
    }
    if after.hold_until < before.hold_until || after.attempt < before.attempt {
        return Some("HoldsAreFair: less time, or fewer attempts");
    }
    let is_kept = |payment: &stampede_domain::hold::Payment| {
        after
            .payments
            .iter()
            .any(|now| now.id == payment.id && now.captured >= payment.captured && now.refunded >= payment.refunded)
    };
    (!before.payments.iter().all(is_kept)).then_some("MoneyAdds: money was forgotten")
}

impl Moments {
    fn note(&mut self, change: &HoldChange, now: Millis, (before, after): (&Hold, &Hold)) {
        match change {
            HoldChange::Pay { .. } => self.pays.push(now),
            HoldChange::RunOut => self.runs_out.push(now),
            _ => {}
        }
        if before.status != after.status {
            match after.status {
                S::Confirmed => self.is_paid = Some(now),
                S::Reserved => self.failures += 1,
                S::Expired if before.status != S::Reserved => self.failures += 1,
                _ => {}
            }
        }
        let captured = |hold: &Hold| hold.payments.iter().map(|payment| payment.captured).sum::<i64>();
        if captured(after) > captured(before) && after.status != S::Confirmed {
            self.late_money += 1;
        }
    }
}

#[async_trait]
impl HoldStore for Witness {
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged> {
        let changed = self.store.change(now, wanted).await?;
        for ((order, change), answer) in wanted.iter().zip(&changed.answers) {
            match answer {
                Some((answer, hold)) => self.watch(change, *answer, hold),
                None => self.object(format!("{order}: the store knows no such paid order")),
            }
        }
        if let Some(pool) = changed.settlements.iter().find(|pool| pool.numbers.used() > pool.numbers.capacity) {
            self.object(format!("NeverOversold: {:?}", pool.numbers));
        }
        Ok(changed)
    }

    async fn hold(&self, order: OrderId) -> PortResult<Option<Hold>> {
        self.store.hold(order).await
    }

    async fn due(&self, now: Millis, limit: u32) -> PortResult<Vec<Hold>> {
        self.store.due(now, limit).await
    }

    async fn hold_sums(&self, now: Millis) -> PortResult<HoldSums> {
        self.store.hold_sums(now).await
    }

    async fn payments_after(&self, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<BookedPayment>> {
        self.store.payments_after(after, limit).await
    }
}
