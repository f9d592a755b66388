//! The write of a sale: the pools' numbers and all new rows in one statement and one round trip.
//!
//! (Beyond what Spanner knows: an `UPDATE` inside `WITH`, and `UNNEST` of several arrays. ADR 13.)

use crate::{
    order_store::columns::{NewRow, contact_text, status_code},
    sql::signed,
};
use sqlx::PgConnection;
use stampede_domain::{BuyerId, Millis, PoolId, PoolNumbers};

/// What a batch changes.
#[derive(Default)]
pub(super) struct Change {
    pub(super) decided_at: Millis,
    pub(super) pools: Vec<(PoolId, PoolNumbers)>,
    /// Buyers' units under a limit, with the pool's version.
    pub(super) bought: Vec<(PoolId, BuyerId, u32, u64)>,
    pub(super) rows: Vec<NewRow>,
}

/// The guard is in the same statement: numbers that break the pool's constraint take the rows with them.
const WRITE: &str = "
WITH numbers AS (
    UPDATE pools SET held = new.held, sold = new.sold, version = new.version
    FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS new (id, held, sold, version)
    WHERE pools.id = new.id
)
INSERT INTO orders (id, pool, quantity, buyer, fingerprint, status, decision, asked_at, decided_at, version, contact)
SELECT new.id, new.pool, new.quantity, new.buyer, new.fingerprint, new.status, new.decision, new.asked_at, $5, new.version, new.contact
FROM UNNEST($6::uuid[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],
            $14::bigint[], $15::text[])
    AS new (id, pool, quantity, buyer, fingerprint, status, decision, asked_at, version, contact)
ON CONFLICT (id) DO NOTHING";

const SET_UNITS: &str = "
INSERT INTO buyer_units (pool, buyer, units, version)
SELECT new.pool, new.buyer, new.units, new.version
FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS new (pool, buyer, units, version)
ON CONFLICT (pool, buyer) DO UPDATE SET units = excluded.units, version = excluded.version";

/// Writes a change; how many of its rows were new.
pub(super) async fn write(connection: &mut PgConnection, mut change: Change) -> sqlx::Result<u64> {
    if !change.bought.is_empty() {
        set_units(connection, std::mem::take(&mut change.bought)).await?;
    }
    // In the order of their ids, so that the index appends, and two writers meet the same ids in the same order.
    change.rows.sort_unstable_by_key(|row| row.order);
    let numbers = |of: fn(&PoolNumbers) -> i64| -> Vec<i64> { change.pools.iter().map(|(_, all)| of(all)).collect() };
    let column = |of: fn(&NewRow) -> i64| -> Vec<i64> { change.rows.iter().map(of).collect() };
    let written = sqlx::query(WRITE)
        .bind(change.pools.iter().map(|(pool, _)| pool.0).collect::<Vec<_>>())
        .bind(numbers(|numbers| i64::from(numbers.held)))
        .bind(numbers(|numbers| i64::from(numbers.sold)))
        .bind(numbers(|numbers| signed(numbers.version)))
        .bind(change.decided_at.0)
        .bind(change.rows.iter().map(|row| row.order.0).collect::<Vec<_>>())
        .bind(column(|row| row.pool.0))
        .bind(column(|row| i64::from(row.quantity)))
        .bind(column(|row| row.buyer.0))
        .bind(column(|row| row.fingerprint.0))
        .bind(column(|row| status_code(row.decision.status())))
        .bind(column(|row| i64::from(row.decision.code())))
        .bind(column(|row| row.asked_at.0))
        .bind(column(|row| signed(row.version)))
        .bind(change.rows.iter().map(|row| contact_text(&row.contact)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(written.rows_affected())
}

/// Keeps units of buyers, each with the version of its pool.
pub(super) async fn set_units(
    connection: &mut PgConnection,
    mut bought: Vec<(PoolId, BuyerId, u32, u64)>,
) -> sqlx::Result<()> {
    // In the order of the table: neighbours share pages.
    bought.sort_unstable();
    sqlx::query(SET_UNITS)
        .bind(bought.iter().map(|(pool, ..)| pool.0).collect::<Vec<_>>())
        .bind(bought.iter().map(|(_, buyer, ..)| buyer.0).collect::<Vec<_>>())
        .bind(bought.iter().map(|(_, _, units, _)| i64::from(*units)).collect::<Vec<_>>())
        .bind(bought.iter().map(|(.., version)| signed(*version)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
