//! Orders in memory, judged as everywhere: for simulations.

mod holds;
mod mails;

use super::{
    batch::{Batch, KnownOrders, Outcome, distinct, unstorable},
    columns::{NewRow, reason},
    holds::is_unfair,
    mails::{NewMails, of_decisions},
};
use crate::memory::{MemoryShop, PoolRecord, Tables};
use async_trait::async_trait;
use stampede_actors::ports::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortFailure, PortResult};
use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, Hold, Millis, OrderId, OrderStatus, PoolId, PoolNumbers, Settlement,
    decide::PoolRow, laws::PoolSums,
};
use std::collections::{BTreeMap, HashMap};

/// Buyers that one sweep reads at most (and the rest of the last version among them).
const SWEEP: usize = 10_000;

/// An [`OrderStore`] in memory.
#[derive(Clone)]
pub struct MemoryOrderStore {
    shop: MemoryShop,
}

impl MemoryOrderStore {
    /// The orders of a shop.
    #[must_use]
    pub fn new(shop: &MemoryShop) -> Self {
        Self { shop: shop.clone() }
    }
}

#[async_trait]
impl OrderStore for MemoryOrderStore {
    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        let batch = Batch::new(now, entries);
        decide(&mut *self.shop.tables().await, batch)
    }

    async fn settlements(&self, orders: &[OrderId]) -> PortResult<Vec<Settlement>> {
        let tables = self.shop.tables().await;
        let mut by_pool: BTreeMap<PoolId, Vec<&OrderRecord>> = BTreeMap::new();
        for row in orders.iter().filter_map(|order| tables.orders.get(order)) {
            by_pool.entry(row.pool).or_default().push(row);
        }
        let settlement = |(pool, rows): (PoolId, Vec<&OrderRecord>)| {
            let PoolRow { numbers, limit_per_buyer, .. } = tables.pools.get(&pool)?.row;
            let concerned = distinct(rows.iter().map(|row| row.buyer).filter(|_| limit_per_buyer.is_some()));
            let buyers = concerned.into_iter().map(|buyer| (buyer, units(&tables, pool, buyer))).collect();
            let decided = rows.into_iter().map(decided).collect();
            Some(Settlement { pool, numbers, decided, buyers })
        };
        Ok(by_pool.into_iter().filter_map(settlement).collect())
    }

    async fn changed_since(&self, pool: PoolId, after: u64) -> PortResult<(Settlement, u64)> {
        let tables = self.shop.tables().await;
        let numbers = known_pool(&tables, pool)?.row.numbers;
        let mut changed: Vec<_> = tables.units_of(pool).filter(|(_, _, version)| *version > after).collect();
        changed.sort_by_key(|(_, _, version)| *version);
        let swept = changed.get(SWEEP - 1).map_or(numbers.version, |(_, _, version)| *version);
        let told = changed.into_iter().filter(|(_, _, version)| *version <= swept);
        let buyers = told.map(|(buyer, units, _)| (buyer, units)).collect();
        Ok((Settlement { pool, numbers, decided: Vec::new(), buyers }, swept))
    }

    async fn unstorable(&self, entries: &[Entry]) -> PortResult<Vec<(usize, String)>> {
        let known = self.shop.tables().await.pools.keys().copied().collect();
        Ok(unstorable(entries, &known, "the shop"))
    }

    async fn fates(&self, orders: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>> {
        let tables = self.shop.tables().await;
        let found = orders.iter().filter_map(|order| tables.orders.get(order));
        Ok(found.map(|row| (row.order, row.fingerprint, decision(row))).collect())
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<OrderRecord>> {
        let tables = self.shop.tables().await;
        Ok(tables.orders.get(&order).map(|row| tables.current(row)))
    }

    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>> {
        let mut tables = self.shop.tables().await;
        let virgin = tables.orders.is_empty();
        let Some(record) = tables.pools.get_mut(&pool) else { return Err(unknown(pool)) };
        if record.row.epoch != epoch {
            return Ok(None);
        }
        record.row.epoch += 1;
        record.row.numbers.version += 1;
        let PoolRow { epoch, numbers, .. } = record.row;
        // Kept only under a limit, so there are none without one.
        let buyers = tables.units_of(pool).map(|(buyer, units, _)| (buyer, units)).filter(|(_, units)| *units > 0);
        Ok(Some(PoolOpening { epoch, numbers, buyers: buyers.collect(), virgin }))
    }

    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)> {
        let tables = self.shop.tables().await;
        let row = known_pool(&tables, pool)?.row;
        Ok((row.epoch, row.numbers))
    }

    async fn audit(&self) -> PortResult<Vec<Audit>> {
        let tables = self.shop.tables().await;
        let mut pools: Vec<_> =
            tables.pools.keys().copied().chain(tables.orders.values().map(|row| row.pool)).collect();
        pools.sort_unstable();
        pools.dedup();
        Ok(pools.into_iter().map(|pool| audit(&tables, pool)).collect())
    }

    async fn rows_after(&self, after: Option<OrderId>, limit: u32) -> PortResult<Vec<OrderRecord>> {
        let tables = self.shop.tables().await;
        let later = tables.orders.values().filter(|row| after.is_none_or(|after| row.order > after));
        Ok(later.take(limit as usize).map(|row| tables.current(row)).collect())
    }
}

fn unknown(pool: PoolId) -> PortFailure {
    PortFailure::Impossible(format!("{pool} is not in the shop"))
}

fn known_pool(tables: &Tables, pool: PoolId) -> PortResult<&PoolRecord> {
    tables.pools.get(&pool).ok_or_else(|| unknown(pool))
}

fn units(tables: &Tables, pool: PoolId, buyer: BuyerId) -> u32 {
    tables.units.get(&(pool, buyer)).map_or(0, |(units, _)| *units)
}

/// Judges everything first and writes then, so that a batch that cannot be stored leaves nothing behind.
fn decide(tables: &mut Tables, mut batch: Batch) -> PortResult<Vec<Judgement>> {
    let existing = batch.orders().iter().filter_map(|order| tables.orders.get(order));
    let mut known: KnownOrders = existing.map(|row| (row.order, (decision(row), row.fingerprint))).collect();
    let mut judged = Vec::new();
    for part in batch.parts() {
        let pool = part.pool;
        let mut row = known_pool(tables, pool)?.row;
        let kept = part.buyers().into_iter().map(|buyer| (buyer, units(tables, pool, buyer)));
        let mut units: HashMap<_, _> = kept.collect();
        let outcome = part.judge(batch.now(), &mut row, &mut units, &mut known);
        can_be_stored(&row, &outcome.rows)?;
        judged.push((pool, row, outcome));
    }
    let mut judgements = Vec::new();
    for (_, _, outcome) in &judged {
        let NewMails { owed, addresses } = of_decisions(&outcome.rows);
        mails::owe(tables, batch.now(), owed);
        tables.addresses.extend(addresses);
    }
    for (pool, row, Outcome { rows, holds, bought, judgement }) in judged {
        if let Some(record) = tables.pools.get_mut(&pool) {
            record.row = row;
        }
        tables.units.extend(bought.into_iter().map(|(buyer, units)| ((pool, buyer), (units, row.numbers.version))));
        tables.orders.extend(rows.into_iter().map(|row| (row.order, record(row, batch.now()))));
        tables.holds.extend(holds.into_iter().map(|hold| (hold.order, hold)));
        judgements.extend(judgement);
    }
    Ok(judgements)
}

/// The constraints that the databases have.
fn can_be_stored(pool: &PoolRow, rows: &[NewRow]) -> PortResult<()> {
    if pool.numbers.used() > pool.numbers.capacity {
        return Err(PortFailure::Impossible("constraint never_oversold".into()));
    }
    match rows.iter().find(|row| row.quantity == 0) {
        Some(row) => Err(PortFailure::Impossible(format!("{} asks for nothing", row.order))),
        None => Ok(()),
    }
}

fn record(row: NewRow, decided_at: Millis) -> OrderRecord {
    let NewRow { order, pool, quantity, buyer, fingerprint, decision, asked_at, version, contact } = row;
    let (status, reason) = (decision.status(), reason(decision));
    OrderRecord { order, pool, quantity, buyer, fingerprint, contact, status, reason, asked_at, decided_at, version }
}

/// What was said of a row once. It stands there as it was decided; what became of a reserved one is told by its hold.
fn decision(row: &OrderRecord) -> Decision {
    match (row.status, row.reason) {
        (OrderStatus::Rejected, Some(reason)) => Decision::Rejected(reason),
        (OrderStatus::Expired, _) => Decision::Expired,
        (OrderStatus::Failed, _) => Decision::Failed,
        (OrderStatus::Reserved, _) => Decision::Reserved,
        _ => Decision::Confirmed,
    }
}

fn decided(row: &OrderRecord) -> Decided {
    Decided { order: row.order, fingerprint: row.fingerprint, decision: decision(row) }
}

fn captured(hold: &Hold) -> i64 {
    hold.payments.iter().map(|payment| payment.captured).sum()
}

fn refunded(hold: &Hold) -> i64 {
    hold.payments.iter().map(|payment| payment.refunded).sum()
}

fn earned(hold: &Hold) -> i64 {
    if hold.status == OrderStatus::Confirmed { hold.amount.minor } else { 0 }
}

fn audit(tables: &Tables, pool: PoolId) -> Audit {
    let record = tables.pools.get(&pool);
    let of_the_pool = tables.orders.values().filter(|row| row.pool == pool).map(|row| tables.current(row));
    let all: Vec<_> = of_the_pool.collect();
    let rows = || all.iter();
    let sum = |of: &dyn Fn(&OrderRecord) -> bool| rows().filter(|row| of(row)).map(|row| u64::from(row.quantity)).sum();
    let count = |of: &dyn Fn(&OrderRecord) -> bool| rows().filter(|row| of(row)).count() as u64;
    let numbers = record.map(|record| record.row.numbers).unwrap_or_default();
    let holds = || tables.holds.values().filter(|hold| hold.pool == pool);
    let money = |of: &dyn Fn(&Hold) -> i64| holds().map(of).sum();
    let is_stray = |row: &&OrderRecord| decision(row) == Decision::Reserved && !tables.holds.contains_key(&row.order);
    let mut sums = PoolSums {
        numbers,
        orders: count(&|_| true),
        distinct_orders: count(&|_| true),
        live_units: sum(&|row| row.status.is_live()),
        held_units: sum(&|row| row.status.is_held()),
        rows_from_the_future: count(&|row| row.version > numbers.version),
        unreadable_rows: (rows().filter(is_stray).count() + holds().filter(|hold| !tables.is_of_an_order(hold)).count())
            as u64,
        rows_without_a_key: count(&|row| row.order.0.get_version_num() != 7),
        buyers_over_limit: 0,
        buyers_miscounted: 0,
        is_paid_online: record.is_some_and(|record| record.row.hold.is_some()),
        holds: holds().count() as u64,
        captured: money(&captured),
        refunded: money(&refunded),
        earned: money(&earned),
        owed: money(&Hold::owed_minor),
        out_of_balance: holds()
            .filter(|hold| captured(hold) - refunded(hold) != earned(hold) + hold.owed_minor())
            .count() as u64,
        unfair_holds: holds().filter(|hold| is_unfair(hold)).count() as u64,
    };
    if let Some(limit) = record.and_then(|record| record.row.limit_per_buyer) {
        let by_rows = tables.units_by_rows(pool);
        let kept: BTreeMap<_, _> = tables.units_of(pool).map(|(buyer, units, _)| (buyer, units)).collect();
        sums.buyers_over_limit = by_rows.values().filter(|units| **units > limit).count() as u64;
        let everybody = distinct(by_rows.keys().chain(kept.keys()).copied());
        sums.buyers_miscounted =
            everybody.iter().filter(|buyer| by_rows.get(buyer).unwrap_or(&0) != kept.get(buyer).unwrap_or(&0)).count()
                as u64;
    }
    let with_status =
        |status: OrderStatus| (status, count(&|row| row.status == status), sum(&|row| row.status == status));
    let by_status = OrderStatus::ALL.into_iter().map(with_status).filter(|(_, rows, _)| *rows > 0).collect();
    let name = record.map(|record| format!("{} / {}", record.event, record.ticket_type));
    Audit { pool, name: name.unwrap_or_else(|| "orders of no known pool".into()), sums, by_status }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        MemoryCatalogue,
        order_store::{
            contract,
            rig::{Shop, StoreRig, entry, fair},
        },
    };
    use stampede_actors::ports::Catalogue;
    use stampede_domain::laws::{Law, check_store};
    use std::sync::Arc;

    impl StoreRig for MemoryShop {
        async fn open(&self) -> Shop {
            let store = Arc::new(MemoryOrderStore::new(self));
            let holds = Arc::<MemoryOrderStore>::clone(&store);
            let outbox = Arc::<MemoryOrderStore>::clone(&store);
            Shop { store, holds, outbox, catalogue: Arc::new(MemoryCatalogue::new(self)) }
        }
    }

    contract::order_store_contract!(MemoryShop::new());
    contract::hold_store_contract!(MemoryShop::new());
    contract::outbox_contract!(MemoryShop::new());

    type Damage = fn(&mut Tables);

    #[tokio::test]
    async fn the_audit_notices_what_is_done_to_the_rows() {
        let damages: [(Law, Damage); 4] = [
            (Law::NeverOversold, |tables| tables.orders.values_mut().for_each(|row| row.quantity = 9)),
            (Law::LimitsHold, |tables| tables.orders.values_mut().for_each(|row| row.buyer = BuyerId(1))),
            (Law::LimitsHold, |tables| tables.units.clear()),
            (Law::NeverOversold, |tables| tables.pools.clear()),
        ];
        for (law, damage) in damages {
            let shop = MemoryShop::new();
            MemoryCatalogue::new(&shop).apply(&fair([10, 10], [Some(3), None])).await.unwrap();
            let entries: Vec<_> = (0..6).map(|number| entry(number, 1)).collect();
            let store = MemoryOrderStore::new(&shop);
            store.decide(crate::order_store::rig::NOW, &entries).await.unwrap();
            damage(&mut *shop.tables().await);
            let audits = store.audit().await.unwrap();
            let broken: Vec<_> =
                audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums)).map(|breach| breach.law).collect();
            assert!(broken.contains(&law), "{law}: {broken:?}");
        }
    }
}
