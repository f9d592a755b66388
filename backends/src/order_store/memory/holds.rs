//! Orders that are paid online, in memory.

use super::{MemoryOrderStore, captured, earned, known_pool, mails, refunded, units};
use crate::{
    memory::Tables,
    order_store::{
        holds::{self, Changed, PlacedPayment, is_unfair},
        mails::with_address,
    },
};
use async_trait::async_trait;
use stampede_actors::ports::{BookedPayment, HoldStore, HoldSums, HoldsChanged, PortFailure, PortResult};
use stampede_domain::{Hold, HoldChange, Millis, OrderId, OrderStatus, PaymentId, decide::PoolRow, hold::Payment};
use std::collections::{BTreeMap, HashMap};

#[async_trait]
impl HoldStore for MemoryOrderStore {
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged> {
        let mut tables = self.shop.tables().await;
        let found = wanted.iter().filter_map(|(order, _)| tables.holds.get(order).cloned()).collect();
        write(&mut tables, now, holds::change(now, wanted, found))
    }

    async fn hold(&self, order: OrderId) -> PortResult<Option<Hold>> {
        Ok(self.shop.tables().await.holds.get(&order).cloned())
    }

    async fn due(&self, now: Millis, limit: u32) -> PortResult<Vec<Hold>> {
        let tables = self.shop.tables().await;
        let due_at = |hold: &Hold| hold.due_at().filter(|due| *due <= now);
        let mut due: Vec<_> = tables.holds.values().filter_map(|hold| Some((due_at(hold)?, hold.order))).collect();
        due.sort_unstable();
        due.truncate(limit as usize);
        Ok(due.into_iter().filter_map(|(_, order)| tables.holds.get(&order).cloned()).collect())
    }

    async fn hold_sums(&self, now: Millis) -> PortResult<HoldSums> {
        let tables = self.shop.tables().await;
        let all = || tables.holds.values();
        let mut by_status: BTreeMap<usize, (OrderStatus, u64, u64, i64)> = BTreeMap::new();
        for hold in all() {
            let place = OrderStatus::ALL.iter().position(|status| *status == hold.status).unwrap_or_default();
            let sums = by_status.entry(place).or_insert((hold.status, 0, 0, 0));
            *sums = (sums.0, sums.1 + 1, sums.2 + u64::from(hold.quantity), sums.3 + hold.amount.minor);
        }
        let is_paying = |hold: &&Hold| matches!(hold.status, OrderStatus::Paying | OrderStatus::Expiring);
        Ok(HoldSums {
            by_status: by_status.into_values().collect(),
            captured: all().map(captured).sum(),
            refunded: all().map(refunded).sum(),
            earned: all().map(earned).sum(),
            owed: all().map(Hold::owed_minor).sum(),
            unfair: all().filter(|hold| is_unfair(hold)).count() as u64,
            oldest_payment: all().filter(is_paying).map(|hold| hold.paying_at).min(),
            most_overdue: all()
                .filter(|hold| hold.status.is_held() && hold.hold_until <= now)
                .map(|hold| hold.hold_until)
                .min(),
        })
    }

    async fn payments_after(&self, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<BookedPayment>> {
        let tables = self.shop.tables().await;
        let all = tables.holds.values().flat_map(|hold| hold.payments.iter().map(|payment| booked(hold, payment)));
        let mut later: Vec<_> = all.filter(|booked| after.is_none_or(|after| booked.payment > *after)).collect();
        later.sort_unstable_by(|one, other| one.payment.cmp(&other.payment));
        later.truncate(limit as usize);
        Ok(later)
    }
}

fn booked(hold: &Hold, payment: &Payment) -> BookedPayment {
    let Payment { id, captured, refunded, .. } = payment.clone();
    BookedPayment { payment: id, order: hold.order, captured, refunded }
}

/// Judges everything first and writes then, so that a batch that cannot be stored leaves nothing behind.
fn write(tables: &mut Tables, now: Millis, changed: Changed) -> PortResult<HoldsChanged> {
    can_be_stored(tables, &changed.payments)?;
    let mut settled: Vec<(PoolRow, _)> = Vec::with_capacity(changed.moves.len());
    for (pool, moves) in &changed.moves {
        let mut row = known_pool(tables, *pool)?.row;
        let kept = holds::freed(moves).into_iter().map(|buyer| (buyer, units(tables, *pool, buyer)));
        let mut units: HashMap<_, _> = kept.collect();
        let settlement = holds::settle(*pool, &mut row, &mut units, moves);
        settled.push((row, settlement));
    }
    let mut settlements = Vec::with_capacity(settled.len());
    for (row, settlement) in settled {
        let pool = settlement.pool;
        if let Some(record) = tables.pools.get_mut(&pool) {
            record.row = row;
        }
        let version = row.numbers.version;
        tables.units.extend(settlement.buyers.iter().map(|(buyer, units)| ((pool, *buyer), (*units, version))));
        settlements.push(settlement);
    }
    let of = |order: OrderId| Some((order, tables.orders.get(&order)?.contact.clone()));
    let contacts = changed.mailed().into_iter().filter_map(of).collect();
    mails::owe(tables, now, with_address(&changed.mails, &contacts));
    tables.holds.extend(changed.holds.into_iter().map(|hold| (hold.order, hold)));
    Ok(HoldsChanged { answers: changed.answers, settlements })
}

/// The constraints that the databases have.
fn can_be_stored(tables: &Tables, payments: &[PlacedPayment]) -> PortResult<()> {
    for PlacedPayment { order, payment, .. } in payments {
        if !(0..=payment.captured).contains(&payment.refunded) {
            return Err(PortFailure::Impossible("constraint nobody_gets_back_more_than_he_paid".into()));
        }
        let of_another =
            |hold: &&Hold| hold.order != *order && hold.payments.iter().any(|known| known.id == payment.id);
        let is_twice = payments.iter().any(|other| other.order != *order && other.payment.id == payment.id);
        if is_twice || tables.holds.values().any(|hold| of_another(&hold)) {
            return Err(PortFailure::Impossible("a payment pays for one order".into()));
        }
    }
    Ok(())
}
