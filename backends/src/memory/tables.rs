//! What `shop.db` is elsewhere: events, pools and orders, shared by the order store and the catalogue.

use stampede_actors::ports::{Listing, MailKey, OrderRecord};
use stampede_domain::{BuyerId, Hold, Millis, OrderId, OrderStatus, PoolId, decide::PoolRow};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::sync::{Mutex, MutexGuard};

/// A shop's truth in memory. Clones are the same shop; it is what outlives a crash of those who use it.
#[derive(Clone, Default)]
pub struct MemoryShop(Arc<Mutex<Tables>>);

impl MemoryShop {
    /// A shop that sells nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tables, for one whole transaction. Nobody holds them across a wait, so whoever is dropped meanwhile has not begun.
    pub(crate) async fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().await
    }
}

#[derive(Clone, Default)]
pub(crate) struct Tables {
    /// Raised by every change of what is for sale.
    pub(crate) revision: u64,
    /// The first is the featured one.
    pub(crate) listings: Vec<Listing>,
    pub(crate) pools: BTreeMap<PoolId, PoolRecord>,
    /// As they were decided.
    pub(crate) orders: BTreeMap<OrderId, OrderRecord>,
    /// What became of those that were reserved.
    pub(crate) holds: BTreeMap<OrderId, Hold>,
    /// Mails that are owed, or were.
    pub(crate) mails: BTreeMap<MailKey, MailRow>,
    /// The orders of an address.
    pub(crate) addresses: BTreeSet<(String, OrderId)>,
    /// Live units of each buyer with the version of their last change, kept only while the pool has a limit.
    pub(crate) units: BTreeMap<(PoolId, BuyerId), (u32, u64)>,
}

#[derive(Clone)]
pub(crate) struct MailRow {
    pub(crate) owed_at: Millis,
    /// From when on somebody is to send it; `None`: it was sent or given up.
    pub(crate) due_at: Option<Millis>,
    pub(crate) attempts: u32,
    pub(crate) given_up_at: Option<Millis>,
}

#[derive(Clone)]
pub(crate) struct PoolRecord {
    pub(crate) event: String,
    pub(crate) ticket_type: String,
    pub(crate) row: PoolRow,
}

impl Tables {
    /// A row as it stands now: where a reserved order stands says its hold.
    pub(crate) fn current(&self, row: &OrderRecord) -> OrderRecord {
        OrderRecord { status: self.status(row), ..row.clone() }
    }

    fn status(&self, row: &OrderRecord) -> OrderStatus {
        let is_reserved = row.status == OrderStatus::Reserved;
        self.holds.get(&row.order).filter(|_| is_reserved).map_or(row.status, |hold| hold.status)
    }

    /// Whether a hold is the life of an order that was reserved, and of the same units.
    pub(crate) fn is_of_an_order(&self, hold: &Hold) -> bool {
        self.orders.get(&hold.order).is_some_and(|row| {
            row.status == OrderStatus::Reserved
                && (row.pool, row.quantity, row.buyer, row.fingerprint)
                    == (hold.pool, hold.quantity, hold.buyer, hold.fingerprint)
        })
    }

    /// Units of a buyer by the rows, which is what the kept ones must be.
    pub(crate) fn units_by_rows(&self, pool: PoolId) -> BTreeMap<BuyerId, u32> {
        let mut all = BTreeMap::new();
        for row in self.orders.values().filter(|row| row.pool == pool && self.status(row).is_live()) {
            let units: &mut u32 = all.entry(row.buyer).or_default();
            *units = units.saturating_add(row.quantity);
        }
        all
    }

    /// The kept units of every buyer of a pool who was ever given some.
    pub(crate) fn units_of(&self, pool: PoolId) -> impl Iterator<Item = (BuyerId, u32, u64)> {
        let all = (pool, BuyerId(i64::MIN))..=(pool, BuyerId(i64::MAX));
        self.units.range(all).map(|((_, buyer), (units, version))| (*buyer, *units, *version))
    }
}
