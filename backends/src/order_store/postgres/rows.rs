//! The statements of the order store, and rows as the domain knows them. Lists go in as arrays.

use crate::{
    order_store::{
        batch::KnownOrders,
        columns::{Known, contact, decision, reason, status},
        holds,
    },
    sql::{signed, strange, units as as_units, unsigned},
};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow, types::Uuid};
use stampede_actors::ports::OrderRecord;
use stampede_domain::{BuyerId, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, decide::PoolRow};
use std::collections::{HashMap, HashSet};

/// Buyers read in one pair of arrays of about half a megabyte each.
const BUYERS_A_PAGE: i64 = 50_000;

/// The live units of buyers, by pools.
pub(super) type Units = HashMap<PoolId, HashMap<BuyerId, u32>>;

fn uuids(orders: &[OrderId]) -> Vec<Uuid> {
    orders.iter().map(|order| order.0).collect()
}

/// The rows of those ids that have one, in the order of their ids.
pub(super) async fn known(connection: &mut PgConnection, orders: &[OrderId]) -> sqlx::Result<Vec<Known>> {
    let wanted = "SELECT id, pool, buyer, fingerprint, decision FROM orders WHERE id = ANY($1) ORDER BY id";
    let known = |row: &PgRow| {
        Ok(Known {
            order: OrderId(row.try_get(0)?),
            pool: PoolId(row.try_get(1)?),
            buyer: BuyerId(row.try_get(2)?),
            fingerprint: Fingerprint(row.try_get(3)?),
            decision: decision(row.try_get(4)?)?,
        })
    };
    sqlx::query(wanted).bind(uuids(orders)).fetch_all(connection).await?.iter().map(known).collect()
}

pub(super) async fn known_map(connection: &mut PgConnection, orders: &[OrderId]) -> sqlx::Result<KnownOrders> {
    let rows = known(connection, orders).await?;
    Ok(rows.into_iter().map(|row| (row.order, (row.decision, row.fingerprint))).collect())
}

const POOL: &str =
    "SELECT id, capacity, held, sold, version, epoch, limit_per_buyer, hold_seconds, unit_minor, currency FROM pools";

/// The statement that locks pools and reads them, always in the order of their ids. Its numbers stand in the text because it is
/// sent together with `BEGIN`, which only a simple query can be.
pub(super) fn lock(pools: &[PoolId]) -> String {
    let ids: Vec<String> = pools.iter().map(|pool| pool.0.to_string()).collect();
    format!("{POOL} WHERE id IN ({}) ORDER BY id FOR UPDATE", ids.join(","))
}

/// Locks pools as [`lock`] does, in the middle of a transaction.
pub(super) async fn lock_now(
    connection: &mut PgConnection,
    pools: &[PoolId],
) -> sqlx::Result<HashMap<PoolId, PoolRow>> {
    let ids: Vec<_> = pools.iter().map(|pool| pool.0).collect();
    let lock = sqlx::query(AssertSqlSafe(format!("{POOL} WHERE id = ANY($1) ORDER BY id FOR UPDATE")));
    locked(&lock.bind(ids).fetch_all(connection).await?)
}

/// The rows of [`lock`].
pub(super) fn locked(rows: &[PgRow]) -> sqlx::Result<HashMap<PoolId, PoolRow>> {
    rows.iter().map(|row| Ok((PoolId(row.try_get(0)?), pool_row(row)?))).collect()
}

/// Those of `pools` that exist.
pub(super) async fn known_pools(connection: &mut PgConnection, pools: &[PoolId]) -> sqlx::Result<HashSet<PoolId>> {
    let ids: Vec<_> = pools.iter().map(|pool| pool.0).collect();
    let rows = sqlx::query("SELECT id FROM pools WHERE id = ANY($1)").bind(ids).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0).map(PoolId)).collect()
}

pub(super) async fn pool(connection: &mut PgConnection, pool: PoolId) -> sqlx::Result<Option<PoolRow>> {
    let one = sqlx::query(AssertSqlSafe(format!("{POOL} WHERE id = $1")));
    one.bind(pool.0).fetch_optional(connection).await?.as_ref().map(pool_row).transpose()
}

fn pool_row(row: &PgRow) -> sqlx::Result<PoolRow> {
    let numbers = PoolNumbers {
        capacity: as_units(row.try_get(1)?),
        held: as_units(row.try_get(2)?),
        sold: as_units(row.try_get(3)?),
        version: unsigned(row.try_get(4)?),
    };
    let limit_per_buyer = row.try_get::<Option<i64>, _>(6)?.map(as_units);
    let hold = holds::terms(row.try_get(7)?, row.try_get(8)?, row.try_get(9)?)?;
    Ok(PoolRow { numbers, epoch: unsigned(row.try_get(5)?), limit_per_buyer, hold })
}

/// The live units of those buyers who have any.
pub(super) async fn units(connection: &mut PgConnection, mut wanted: Vec<(PoolId, BuyerId)>) -> sqlx::Result<Units> {
    // In the order of the table: neighbours share pages.
    wanted.sort_unstable();
    let rows = sqlx::query(
        "SELECT kept.pool, kept.buyer, kept.units FROM UNNEST($1::bigint[], $2::bigint[]) AS wanted (pool, buyer)
         JOIN buyer_units AS kept ON kept.pool = wanted.pool AND kept.buyer = wanted.buyer",
    )
    .bind(wanted.iter().map(|(pool, _)| pool.0).collect::<Vec<_>>())
    .bind(wanted.iter().map(|(_, buyer)| buyer.0).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let mut units = Units::new();
    for row in &rows {
        let buyer = BuyerId(row.try_get(1)?);
        units.entry(PoolId(row.try_get(0)?)).or_default().insert(buyer, as_units(row.try_get(2)?));
    }
    Ok(units)
}

/// Every buyer who has units. They are read as a few long arrays: as rows, a million of them would cost a start a second.
pub(super) async fn all_units(connection: &mut PgConnection, pool: PoolId) -> sqlx::Result<Vec<(BuyerId, u32)>> {
    let mut all = Vec::new();
    let mut after = i64::MIN;
    loop {
        // The first page begins with the lowest buyer there can be, the others behind the last one.
        let page = sqlx::query(
            "SELECT coalesce(array_agg(buyer), '{}'), coalesce(array_agg(units), '{}') FROM (
                 SELECT buyer, units FROM buyer_units WHERE pool = $1 AND buyer >= $2 ORDER BY buyer LIMIT $3) AS page",
        );
        let row = page.bind(pool.0).bind(after).bind(BUYERS_A_PAGE).fetch_one(&mut *connection).await?;
        let (buyers, units): (Vec<i64>, Vec<i64>) = (row.try_get(0)?, row.try_get(1)?);
        let last = buyers.iter().max().copied();
        let full = signed(buyers.len() as u64) == BUYERS_A_PAGE;
        let pairs = buyers.into_iter().map(BuyerId).zip(units.into_iter().map(as_units));
        all.extend(pairs.filter(|(_, units)| *units > 0));
        match last.and_then(|last| last.checked_add(1)) {
            Some(next) if full => after = next,
            _ => return Ok(all),
        }
    }
}

fn buyer_with_units(row: &PgRow) -> sqlx::Result<(BuyerId, u32)> {
    Ok((BuyerId(row.try_get(0)?), as_units(row.try_get(1)?)))
}

/// Buyers whose units changed after a version, and the version up to which all of them are told: `None` when none is left
/// out. A version is never told in part: its other buyers would be forgotten.
pub(super) async fn buyers_since(
    connection: &mut PgConnection,
    pool: PoolId,
    after: u64,
    limit: usize,
) -> sqlx::Result<(Vec<(BuyerId, u32)>, Option<u64>)> {
    let page =
        "SELECT buyer, units, version FROM buyer_units WHERE pool = $1 AND version > $2 ORDER BY version LIMIT $3";
    let rows = sqlx::query(page)
        .bind(pool.0)
        .bind(signed(after))
        .bind(signed(limit as u64))
        .fetch_all(&mut *connection)
        .await?;
    let mut buyers: Vec<(BuyerId, u32)> = rows.iter().map(buyer_with_units).collect::<sqlx::Result<_>>()?;
    if rows.len() < limit {
        return Ok((buyers, None));
    }
    let last: i64 = rows.last().map(|row| row.try_get(2)).transpose()?.unwrap_or_default();
    let mut whole = 0;
    for row in &rows {
        whole += usize::from(row.try_get::<i64, _>(2)? < last);
    }
    buyers.truncate(whole);
    let of_last = "SELECT buyer, units FROM buyer_units WHERE pool = $1 AND version = $2";
    for row in &sqlx::query(of_last).bind(pool.0).bind(last).fetch_all(connection).await? {
        buyers.push(buyer_with_units(row)?);
    }
    Ok((buyers, Some(unsigned(last))))
}

pub(super) async fn is_empty(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query("SELECT NOT EXISTS (SELECT 1 FROM orders)").fetch_one(connection).await?.try_get(0)
}

/// Where a reserved order stands says its hold; of all others only the decision is read.
const RECORD: &str = "
SELECT orders.id, orders.pool, orders.quantity, orders.buyer, orders.fingerprint, coalesce(holds.status, orders.status), decision,
       asked_at, decided_at, version, contact
FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id";

pub(super) async fn find(connection: &mut PgConnection, order: OrderId) -> sqlx::Result<Option<OrderRecord>> {
    let one = sqlx::query(AssertSqlSafe(format!("{RECORD} WHERE orders.id = $1")));
    one.bind(order.0).fetch_optional(connection).await?.as_ref().map(record).transpose()
}

pub(super) async fn after(
    connection: &mut PgConnection,
    after: Option<OrderId>,
    limit: u32,
) -> sqlx::Result<Vec<OrderRecord>> {
    // No order has the nil id, and all ids come after it.
    let after = after.map_or(Uuid::nil(), |order| order.0);
    let page = sqlx::query(AssertSqlSafe(format!("{RECORD} WHERE orders.id > $1 ORDER BY orders.id LIMIT $2")));
    page.bind(after).bind(i64::from(limit)).fetch_all(connection).await?.iter().map(record).collect()
}

fn record(row: &PgRow) -> sqlx::Result<OrderRecord> {
    let code: i64 = row.try_get(5)?;
    Ok(OrderRecord {
        order: OrderId(row.try_get(0)?),
        pool: PoolId(row.try_get(1)?),
        quantity: as_units(row.try_get(2)?),
        buyer: BuyerId(row.try_get(3)?),
        fingerprint: Fingerprint(row.try_get(4)?),
        status: status(code).ok_or_else(|| strange(format!("status {code}")))?,
        reason: reason(decision(row.try_get(6)?)?),
        asked_at: Millis(row.try_get(7)?),
        decided_at: Millis(row.try_get(8)?),
        version: unsigned(row.try_get(9)?),
        contact: contact(row.try_get(10)?)?,
    })
}
