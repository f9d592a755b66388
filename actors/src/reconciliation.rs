//! Compares the books with what the payment provider has, payment by payment. It asks and changes nothing, beside a running shop.
//!
//! Books and provider cannot be read at one moment, and a shop that runs moves on between the two. So what differs is looked at
//! again, until it is the same or has had the time in which a running shop writes down what its provider says.

use crate::ports::{BookedPayment, HoldStore, PaymentGateway, PortFailure, PortResult, ProviderPayment};
use stampede_domain::{Millis, OrderId, PaymentId};
use std::{cell::Cell, collections::HashMap, future::Future, time::Duration};
use tokio::time::{Instant, sleep, sleep_until};

/// Payments of the books read at a time.
const BOOKS_PAGE: u32 = 5_000;
/// Payments of the provider asked for at a time: Stripe's most, so that a page of ours is one of its.
const PROVIDER_PAGE: u32 = 100;
/// The pauses before what differs is looked at again.
const LOOK_AGAIN_AFTER: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// Above so many differences it is no shop at work that makes them, and to ask after each would keep the shop from its calls.
const LOOKED_AT_AGAIN: usize = 1_000;
/// The pauses before a provider is asked again that could not be.
const ASK_AGAIN_AFTER: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// What was compared, and what differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// What the provider has.
    pub at_provider: Sums,
    /// What the books have, without what is older.
    pub in_books: Sums,
    /// Payments in the books that are of orders from before the time, and that the provider did not list: not compared.
    pub older: u64,
    /// What differs, by the payments' names.
    pub differences: Vec<Difference>,
}

/// Payments and their sums, minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many.
    pub payments: u64,
    /// Money taken.
    pub captured: i64,
    /// Money given back.
    pub refunded: i64,
}

/// A payment that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub payment: PaymentId,
    /// How they differ.
    pub what: What,
    /// What the provider says: the order, money taken, money given back.
    pub provider: Option<(OrderId, i64, i64)>,
    /// What the books say.
    pub books: Option<(OrderId, i64, i64)>,
}

/// How provider and books differ about a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Its order is in the books and has no such payment.
    OnlyAtProvider,
    /// Its order is in no book.
    OfNoOrder,
    /// The provider does not know it.
    OnlyInBooks,
    /// The books have it under another order.
    OfAnotherOrder,
    /// Another sum was taken.
    OtherCaptured,
    /// Another sum was given back.
    OtherRefunded,
}

impl What {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::OnlyAtProvider,
        Self::OfNoOrder,
        Self::OnlyInBooks,
        Self::OfAnotherOrder,
        Self::OtherCaptured,
        Self::OtherRefunded,
    ];

    /// Its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OnlyAtProvider => "only_at_provider",
            Self::OfNoOrder => "of_no_order",
            Self::OnlyInBooks => "only_in_books",
            Self::OfAnotherOrder => "of_another_order",
            Self::OtherCaptured => "other_captured",
            Self::OtherRefunded => "other_refunded",
        }
    }
}

impl Sums {
    fn add(&mut self, captured: i64, refunded: i64) {
        self.payments += 1;
        self.captured = self.captured.saturating_add(captured);
        self.refunded = self.refunded.saturating_add(refunded);
    }
}

impl Difference {
    /// `None`: both say the same.
    fn between(provider: Option<&ProviderPayment>, books: Option<&BookedPayment>, has_order: bool) -> Option<Self> {
        let what = match (provider, books) {
            (None, None) => return None,
            (Some(_), None) if !has_order => What::OfNoOrder,
            (Some(_), None) => What::OnlyAtProvider,
            (None, Some(_)) => What::OnlyInBooks,
            (Some(there), Some(here)) if there.order != here.order => What::OfAnotherOrder,
            (Some(there), Some(here)) if there.captured != here.captured => What::OtherCaptured,
            (Some(there), Some(here)) if there.refunded != here.refunded => What::OtherRefunded,
            (Some(_), Some(_)) => return None,
        };
        let payment = provider.map(|there| &there.id).or_else(|| books.map(|here| &here.payment))?.clone();
        let provider = provider.map(|there| (there.order, there.captured, there.refunded));
        let books = books.map(|here| (here.order, here.captured, here.refunded));
        Some(Self { payment, what, provider, books })
    }
}

/// Compares the payments that were made since a time, with at most `calls_per_second` calls to the provider: a shop that runs
/// needs its own.
///
/// # Errors
/// `Unavailable`, `Unknown` when one side cannot be read to its end: nothing can be said then.
pub async fn reconcile(
    holds: &dyn HoldStore,
    gateway: &dyn PaymentGateway,
    since: Millis,
    calls_per_second: u32,
) -> PortResult<Reconciliation> {
    let between = Duration::from_secs(1) / calls_per_second.max(1);
    let both = Both { holds, gateway, between, next: Cell::new(Instant::now()) };
    let mut found = both.compare(since).await?;
    for pause in LOOK_AGAIN_AFTER {
        if found.differences.is_empty() || found.differences.len() > LOOKED_AT_AGAIN {
            break;
        }
        sleep(pause).await;
        let mut still = Vec::new();
        for difference in &found.differences {
            still.extend(both.look_again(difference).await?);
        }
        found.differences = still;
    }
    found.differences.sort_by(|one, other| one.payment.cmp(&other.payment));
    Ok(found)
}

struct Both<'a> {
    holds: &'a dyn HoldStore,
    gateway: &'a dyn PaymentGateway,
    /// The least time between two calls to the provider.
    between: Duration,
    next: Cell<Instant>,
}

impl Both<'_> {
    async fn compare(&self, since: Millis) -> PortResult<Reconciliation> {
        let mut found = Reconciliation::default();
        let mut booked = self.booked().await?;
        let mut last: Option<PaymentId> = None;
        loop {
            let page = self.ask(|gateway| gateway.made_since(since, last.as_ref(), PROVIDER_PAGE)).await?;
            for there in &page {
                found.at_provider.add(there.captured, there.refunded);
                let here = booked.remove(&there.id);
                here.iter().for_each(|here| found.in_books.add(here.captured, here.refunded));
                let has_order = here.is_some() || self.holds.hold(there.order).await?.is_some();
                found.differences.extend(Difference::between(Some(there), here.as_ref(), has_order));
            }
            match page.last() {
                Some(there) => last = Some(there.id.clone()),
                None => break,
            }
        }
        for here in booked.into_values() {
            if here.order.time() < since {
                found.older += 1;
                continue;
            }
            found.in_books.add(here.captured, here.refunded);
            // It may have been made after the list was read.
            let there = self.ask(|gateway| gateway.find(&here.payment)).await?;
            there.iter().for_each(|there| found.at_provider.add(there.captured, there.refunded));
            found.differences.extend(Difference::between(there.as_ref(), Some(&here), true));
        }
        Ok(found)
    }

    async fn booked(&self) -> PortResult<HashMap<PaymentId, BookedPayment>> {
        let mut booked = HashMap::new();
        let mut last: Option<PaymentId> = None;
        loop {
            let page = self.holds.payments_after(last.as_ref(), BOOKS_PAGE).await?;
            let Some(end) = page.last() else { return Ok(booked) };
            last = Some(end.payment.clone());
            booked.extend(page.into_iter().map(|here| (here.payment.clone(), here)));
        }
    }

    /// Reads both sides of one payment once more.
    async fn look_again(&self, before: &Difference) -> PortResult<Option<Difference>> {
        let there = self.ask(|gateway| gateway.find(&before.payment)).await?;
        let order = before.books.or(before.provider).map(|(order, ..)| order);
        let Some(order) = order else { return Ok(None) };
        let hold = self.holds.hold(order).await?;
        let here = hold.iter().flat_map(|hold| &hold.payments).find(|payment| payment.id == before.payment);
        let here = here.map(|payment| BookedPayment {
            payment: payment.id.clone(),
            order,
            captured: payment.captured,
            refunded: payment.refunded,
        });
        Ok(Difference::between(there.as_ref(), here.as_ref(), hold.is_some()))
    }

    /// Asks the provider when it is time, and again when it cannot answer now.
    async fn ask<'a, T, F>(&'a self, call: impl Fn(&'a dyn PaymentGateway) -> F) -> PortResult<T>
    where
        F: Future<Output = PortResult<T>>,
    {
        let mut pauses = ASK_AGAIN_AFTER.into_iter();
        loop {
            let mine = self.next.get().max(Instant::now());
            self.next.set(mine + self.between);
            sleep_until(mine).await;
            match (call(self.gateway).await, pauses.next()) {
                (Err(PortFailure::Unavailable(_) | PortFailure::Unknown(_)), Some(pause)) => sleep(pause).await,
                (answer, _) => return answer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(there: Option<(u128, i64, i64)>, here: Option<(u128, i64, i64)>, has_order: bool) -> Option<What> {
        let payment = PaymentId::new("pay_1").unwrap();
        let order = |number| OrderId(uuid::Uuid::from_u128(number));
        let there = there.map(|(number, captured, refunded)| ProviderPayment {
            id: payment.clone(),
            order: order(number),
            attempt: 1,
            amount: serde_json::from_str(r#"{"minor":100,"currency":"EUR"}"#).unwrap(),
            state: crate::ports::PaymentState::Captured,
            captured,
            refunded,
            page: None,
            created_at: Millis(1),
        });
        let here = here.map(|(number, captured, refunded)| BookedPayment {
            payment: payment.clone(),
            order: order(number),
            captured,
            refunded,
        });
        Difference::between(there.as_ref(), here.as_ref(), has_order).map(|difference| difference.what)
    }

    #[test]
    fn a_payment_is_the_same_on_both_sides_or_it_is_told_how_it_differs() {
        let paid = Some((1, 100, 0));
        for (there, here, has_order, what) in [
            (paid, paid, true, None),
            (paid, None, true, Some(What::OnlyAtProvider)),
            (paid, None, false, Some(What::OfNoOrder)),
            (None, paid, true, Some(What::OnlyInBooks)),
            (paid, Some((2, 100, 0)), true, Some(What::OfAnotherOrder)),
            (paid, Some((1, 0, 0)), true, Some(What::OtherCaptured)),
            (Some((1, 100, 40)), paid, true, Some(What::OtherRefunded)),
            (None, None, false, None),
        ] {
            assert_eq!(both(there, here, has_order), what, "{there:?} {here:?}");
        }
    }
}
