//! The statements of the order store, and rows as the domain knows them.
//!
//! Lists go in as one JSON text each, read with `json_each`; ids in it are hexadecimal.

use crate::{
    order_store::{
        batch::KnownOrders,
        columns::{Known, contact, decision, reason, status},
        holds,
    },
    sql::{signed, strange, units as as_units, unsigned},
};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stampede_actors::ports::OrderRecord;
use stampede_domain::{BuyerId, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, decide::PoolRow};
use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
};

/// Buyers read in one text of about a megabyte.
const BUYERS_A_TEXT: u64 = 50_000;

pub(super) fn order(row: &SqliteRow, column: usize) -> sqlx::Result<OrderId> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes: [u8; 16] = bytes.try_into().map_err(|_| strange(format!("an id of {} bytes", bytes.len())))?;
    Ok(bytes.into())
}

pub(super) fn hex_list(orders: &[OrderId]) -> String {
    let mut list = String::with_capacity(2 + orders.len() * 35);
    for order in orders {
        let separator = if list.is_empty() { '[' } else { ',' };
        let _ = write!(list, "{separator}\"{}\"", order.0.simple());
    }
    list.push_str(if list.is_empty() { "[]" } else { "]" });
    list
}

/// The rows of those ids that have one.
pub(super) async fn known(connection: &mut SqliteConnection, orders: &[OrderId]) -> sqlx::Result<Vec<Known>> {
    let rows = sqlx::query(
        "SELECT orders.id, orders.pool, orders.buyer, orders.fingerprint, orders.decision
         FROM json_each(?) AS wanted CROSS JOIN orders ON orders.id = unhex(wanted.value)",
    )
    .bind(hex_list(orders))
    .fetch_all(connection)
    .await?;
    let known = |row: &SqliteRow| {
        Ok(Known {
            order: order(row, 0)?,
            pool: PoolId(row.try_get(1)?),
            buyer: BuyerId(row.try_get(2)?),
            fingerprint: Fingerprint(row.try_get(3)?),
            decision: decision(row.try_get(4)?)?,
        })
    };
    rows.iter().map(known).collect()
}

pub(super) async fn known_map(connection: &mut SqliteConnection, orders: &[OrderId]) -> sqlx::Result<KnownOrders> {
    let rows = known(connection, orders).await?;
    Ok(rows.into_iter().map(|row| (row.order, (row.decision, row.fingerprint))).collect())
}

pub(super) async fn pool(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<Option<PoolRow>> {
    let row = sqlx::query(
        "SELECT capacity, held, sold, version, epoch, limit_per_buyer, hold_seconds, unit_minor, currency
         FROM pools WHERE id = ?",
    )
    .bind(pool.0)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let numbers = PoolNumbers {
        capacity: as_units(row.try_get(0)?),
        held: as_units(row.try_get(1)?),
        sold: as_units(row.try_get(2)?),
        version: unsigned(row.try_get(3)?),
    };
    let limit_per_buyer = row.try_get::<Option<i64>, _>(5)?.map(as_units);
    let hold = holds::terms(row.try_get(6)?, row.try_get(7)?, row.try_get(8)?)?;
    Ok(Some(PoolRow { numbers, epoch: unsigned(row.try_get(4)?), limit_per_buyer, hold }))
}

/// Those of `pools` that exist.
pub(super) async fn known_pools(readers: &SqlitePool, pools: &[PoolId]) -> sqlx::Result<HashSet<PoolId>> {
    let rows = sqlx::query("SELECT id FROM pools WHERE id IN (SELECT value FROM json_each(?))")
        .bind(serde_json::to_string(pools).unwrap_or_default())
        .fetch_all(readers)
        .await?;
    rows.iter().map(|row| row.try_get(0).map(PoolId)).collect()
}

pub(super) async fn update_pool(
    connection: &mut SqliteConnection,
    pool: PoolId,
    numbers: &PoolNumbers,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE pools SET held = ?, sold = ?, version = ? WHERE id = ?")
        .bind(i64::from(numbers.held))
        .bind(i64::from(numbers.sold))
        .bind(signed(numbers.version))
        .bind(pool.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// The live units of those buyers who have any.
pub(super) async fn units(
    connection: &mut SqliteConnection,
    pool: PoolId,
    mut buyers: Vec<BuyerId>,
) -> sqlx::Result<HashMap<BuyerId, u32>> {
    // In the order of the table: neighbours share pages.
    buyers.sort_unstable();
    let rows = sqlx::query(
        "SELECT buyer, units FROM json_each(?) AS wanted
         CROSS JOIN buyer_units ON buyer_units.pool = ? AND buyer_units.buyer = wanted.value",
    )
    .bind(serde_json::to_string(&buyers).unwrap_or_default())
    .bind(pool.0)
    .fetch_all(connection)
    .await?;
    rows.iter().map(buyer_with_units).collect()
}

/// Every buyer who has units. They are read as a few long texts: as rows, a million of them would cost a start two seconds.
pub(super) async fn all_units(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<Vec<(BuyerId, u32)>> {
    let mut all = Vec::new();
    let mut after = i64::MIN;
    loop {
        // The first page begins with the lowest buyer there can be, the others behind the last one.
        let page = sqlx::query(
            "SELECT group_concat(buyer || ' ' || units, ','), count(*), max(buyer) FROM (
                 SELECT buyer, units FROM buyer_units WHERE pool = ? AND buyer >= ? ORDER BY buyer LIMIT ?)",
        );
        let row = page.bind(pool.0).bind(after).bind(signed(BUYERS_A_TEXT)).fetch_one(&mut *connection).await?;
        let text: Option<&str> = row.try_get(0)?;
        let pairs = text.unwrap_or_default().split(',').filter_map(|pair| pair.split_once(' '));
        let numbers = pairs.filter_map(|(buyer, units)| Some((BuyerId(buyer.parse().ok()?), units.parse().ok()?)));
        all.extend(numbers.filter(|(_, units)| *units > 0));
        let last: Option<i64> = row.try_get(2)?;
        match last.and_then(|last| last.checked_add(1)) {
            Some(next) if unsigned(row.try_get(1)?) == BUYERS_A_TEXT => after = next,
            _ => return Ok(all),
        }
    }
}

fn buyer_with_units(row: &SqliteRow) -> sqlx::Result<(BuyerId, u32)> {
    Ok((BuyerId(row.try_get(0)?), as_units(row.try_get(1)?)))
}

pub(super) async fn set_units(
    connection: &mut SqliteConnection,
    pool: PoolId,
    version: u64,
    mut units: Vec<(BuyerId, u32)>,
) -> sqlx::Result<()> {
    units.sort_unstable();
    sqlx::query(
        "INSERT INTO buyer_units (pool, buyer, units, version) SELECT ?, value ->> 0, value ->> 1, ? FROM json_each(?)
         WHERE true ON CONFLICT DO UPDATE SET units = excluded.units, version = excluded.version",
    )
    .bind(pool.0)
    .bind(signed(version))
    .bind(serde_json::to_string(&units).unwrap_or_default())
    .execute(connection)
    .await?;
    Ok(())
}

/// Buyers whose units changed after a version, and the version up to which all of them are told: `None` when none is left
/// out. A version is never told in part: its other buyers would be forgotten.
pub(super) async fn buyers_since(
    connection: &mut SqliteConnection,
    pool: PoolId,
    after: u64,
    limit: usize,
) -> sqlx::Result<(Vec<(BuyerId, u32)>, Option<u64>)> {
    let page = "SELECT buyer, units, version FROM buyer_units WHERE pool = ? AND version > ? ORDER BY version LIMIT ?";
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
    let of_last = "SELECT buyer, units FROM buyer_units WHERE pool = ? AND version = ?";
    let rows = sqlx::query(of_last).bind(pool.0).bind(last).fetch_all(connection).await?;
    for row in &rows {
        buyers.push(buyer_with_units(row)?);
    }
    Ok((buyers, Some(unsigned(last))))
}

pub(super) async fn is_empty(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    let row = sqlx::query("SELECT NOT EXISTS (SELECT 1 FROM orders)").fetch_one(connection).await?;
    row.try_get(0)
}

/// Where a reserved order stands says its hold; of all others only the decision is read.
const RECORD: &str = "
SELECT orders.id, orders.pool, orders.quantity, orders.buyer, orders.fingerprint, coalesce(holds.status, orders.status), decision,
       asked_at, decided_at, version, contact
FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id";

pub(super) async fn find(readers: &SqlitePool, order: OrderId) -> sqlx::Result<Option<OrderRecord>> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("{RECORD} WHERE orders.id = ?")))
        .bind(order.bytes().to_vec())
        .fetch_optional(readers)
        .await?;
    row.as_ref().map(record).transpose()
}

pub(super) async fn after(readers: &SqlitePool, after: Option<OrderId>, limit: u32) -> sqlx::Result<Vec<OrderRecord>> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{RECORD} WHERE orders.id > ? ORDER BY orders.id LIMIT ?")))
        // Every id is longer than no bytes at all, and so comes after them.
        .bind(after.map(|order| order.bytes().to_vec()).unwrap_or_default())
        .bind(limit)
        .fetch_all(readers)
        .await?;
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> sqlx::Result<OrderRecord> {
    let code: i64 = row.try_get(5)?;
    Ok(OrderRecord {
        order: order(row, 0)?,
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
