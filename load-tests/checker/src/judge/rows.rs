//! The store alone: one row an id, no more units than there are, no more of a buyer than allowed, and sums that are the
//! rows'.

use super::some;
use crate::{Books, Expectations, Pool, Report, Row};
use stampede_domain::{BuyerId, OrderId, OrderStatus, PoolId, laws::Law};
use std::collections::{BTreeMap, BTreeSet};

/// Judges the rows; gives each id's first one.
pub(super) fn judge<'a>(books: &'a Books, expected: &Expectations, report: &mut Report) -> BTreeMap<OrderId, &'a Row> {
    let mut rows = BTreeMap::new();
    let mut double = BTreeSet::new();
    for row in &books.rows {
        if rows.insert(row.order, row).is_some_and(|_| double.insert(row.order)) {
            report.breach(Law::OneFate, "more than one row".into(), [row.order]);
        }
        judge_row(row, expected, report);
    }
    report.counts.rows = rows.len() as u64;
    report.counts.double = double.len() as u64;
    for terms in &expected.pools {
        match books.pools.iter().find(|pool| pool.pool == terms.pool) {
            Some(pool) => judge_pool(pool, &books.rows, expected, report),
            None => report.breach(Law::OneFate, format!("{} has no row of its own", terms.pool), []),
        }
    }
    rows
}

fn judge_row(row: &Row, expected: &Expectations, report: &mut Report) {
    use OrderStatus as S;
    match row.status {
        S::Confirmed | S::Rejected | S::Expired | S::Failed => {}
        S::Pending => report.breach(Law::OneFate, "a row that is pending: no row is".into(), [row.order]),
        S::Cancelled | S::Refunded | S::Paying => {
            report.breach(Law::MoneyAdds, format!("{:?}, though nothing is paid here", row.status), [row.order]);
        }
        S::Reserved | S::Expiring => {
            report.breach(Law::HoldsAreFair, format!("{:?}, though nothing is held here", row.status), [row.order]);
        }
    }
    if expected.terms(row.pool).is_none() {
        report.breach(Law::EveryPromiseDecided, format!("a row of {}, which sells nothing", row.pool), [row.order]);
    }
}

fn judge_pool(pool: &Pool, rows: &[Row], expected: &Expectations, report: &mut Report) {
    let Some(terms) = expected.terms(pool.pool) else { return };
    let rows = || rows.iter().filter(|row| row.pool == pool.pool);
    let units = |live: fn(OrderStatus) -> bool| {
        rows().filter(|row| live(row.status)).map(|row| u64::from(row.quantity)).sum::<u64>()
    };
    let (live, held) = (units(OrderStatus::is_live), units(OrderStatus::is_held));
    let (name, store) = (pool.pool, pool.store);
    report.counts.sold += live;
    if live > terms.capacity.into() {
        report.counts.oversold += live - u64::from(terms.capacity);
        report.breach(Law::NeverOversold, format!("{name}: {live} units of {} are sold", terms.capacity), []);
    }
    if store.capacity != terms.capacity {
        let how = format!("{name}: the store's capacity is {}, not {}", store.capacity, terms.capacity);
        report.breach(Law::NeverOversold, how, []);
    }
    if (u64::from(store.held), u64::from(store.held) + u64::from(store.sold)) != (held, live) {
        let how = format!(
            "{name}: {live} live units ({held} held) by the rows, {} and {} by the pool's",
            store.used(),
            store.held
        );
        report.breach(Law::NeverOversold, how, []);
    }
    let newer = some(rows().filter(|row| row.version > store.version).map(|row| row.order));
    if !newer.is_empty() {
        report.breach(Law::OneFate, format!("{name}: rows newer than the pool's version {}", store.version), newer);
    }
    let missing = u64::from(terms.capacity).saturating_sub(live);
    if terms.sells_out && missing > 0 {
        report.counts.leaked += missing;
        report.breach(Law::NothingLeaks, format!("{name}: {missing} units were not sold to those who wanted them"), []);
    }
    judge_buyers(pool, terms.limit, rows(), report);
}

fn judge_buyers<'a>(pool: &Pool, limit: Option<u32>, rows: impl Iterator<Item = &'a Row>, report: &mut Report) {
    let mut buyers: BTreeMap<BuyerId, (u64, Vec<OrderId>)> = BTreeMap::new();
    for row in rows.filter(|row| row.status.is_live()) {
        let (units, orders) = buyers.entry(row.buyer).or_default();
        *units += u64::from(row.quantity);
        orders.push(row.order);
    }
    let Some(limit) = limit else { return };
    for (units, orders) in buyers.values().filter(|(units, _)| *units > limit.into()) {
        report.breach(
            Law::LimitsHold,
            format!("a buyer has {units} units, and may have {limit}"),
            some(orders.iter().copied()),
        );
    }
    judge_kept(pool.pool, &pool.buyers, &buyers, report);
}

fn judge_kept(
    pool: PoolId,
    kept: &[(BuyerId, u32)],
    counted: &BTreeMap<BuyerId, (u64, Vec<OrderId>)>,
    report: &mut Report,
) {
    let kept: BTreeMap<_, _> = kept.iter().map(|(buyer, units)| (*buyer, u64::from(*units))).collect();
    let all: BTreeSet<_> = kept.keys().chain(counted.keys()).collect();
    let wrong = all
        .iter()
        .filter(|buyer| kept.get(**buyer).copied().unwrap_or(0) != counted.get(**buyer).map_or(0, |(units, _)| *units));
    let wrong = wrong.count();
    if wrong > 0 {
        report.breach(
            Law::LimitsHold,
            format!("{pool}: the kept units of {wrong} buyers are not those of their rows"),
            [],
        );
    }
}
