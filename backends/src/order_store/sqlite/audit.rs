//! The sums that the laws judge, counted from the rows themselves and never from what the shop believes.
//!
//! The queries trust no constraint: they are there for the day on which one was wrong, or a row was changed by hand.

use super::rows;
use crate::{order_store::columns, sql::unsigned};
use sqlx::{Row, SqliteConnection, SqlitePool};
use stampede_actors::ports::Audit;
use stampede_domain::{PoolId, PoolNumbers, decide::PoolRow, laws::PoolSums};

/// Statuses by their numbers in the column: live is 1 to 4, held is 1 to 3; 2, 3, 5 and 6 need a payment, and so does 1,
/// which waits for one.
const SUMS: &str = "
SELECT count(*),
       count(DISTINCT +id), -- the sign keeps SQLite from trusting the primary key
       coalesce(sum(quantity) FILTER (WHERE status BETWEEN 1 AND 4), 0),
       coalesce(sum(quantity) FILTER (WHERE status BETWEEN 1 AND 3), 0),
       count(*) FILTER (WHERE status IN (1, 2, 3, 5, 6)),
       count(*) FILTER (WHERE version > ?1),
       count(*) FILTER (WHERE (
           typeof(id) = 'blob' AND length(id) = 16
           AND typeof(quantity) = 'integer' AND quantity BETWEEN 1 AND 4294967295
           AND typeof(buyer) = 'integer' AND typeof(fingerprint) = 'integer'
           AND typeof(asked_at) = 'integer' AND asked_at > 0
           AND typeof(decided_at) = 'integer' AND decided_at > 0
           AND typeof(version) = 'integer' AND version > 0
           AND (contact IS NULL OR json_valid(contact))
           AND CASE decision
                   WHEN 1 THEN status BETWEEN 1 AND 6
                   WHEN 2 THEN status = 7
                   WHEN 3 THEN status = 8
                   WHEN 4 THEN status = 9
                   WHEN 5 THEN status = 7
                   ELSE false END
       ) IS NOT TRUE)
       + (SELECT count(*) FROM pools WHERE id = ?2 AND (
           capacity BETWEEN 0 AND 4294967295 AND held BETWEEN 0 AND 4294967295 AND sold BETWEEN 0 AND 4294967295
           AND version > 0 AND epoch >= 0
       ) IS NOT TRUE),
       count(*) FILTER (WHERE substr(hex(id), 13, 1) <> '7')
FROM orders WHERE pool = ?2";

/// Buyers with more units than the limit, by their rows.
const OVER_LIMIT: &str = "
SELECT count(*) FROM (
    SELECT 1 FROM orders WHERE pool = ?1 AND status BETWEEN 1 AND 4 GROUP BY buyer HAVING sum(quantity) > ?2)";

/// Buyers whose kept units are not the sum of their rows.
const MISCOUNTED: &str = "
SELECT count(*) FROM (
    SELECT 1 FROM (
        SELECT buyer, quantity AS units FROM orders WHERE pool = ?1 AND status BETWEEN 1 AND 4
        UNION ALL SELECT buyer, -units FROM buyer_units WHERE pool = ?1)
    GROUP BY buyer HAVING sum(units) <> 0)";

const BY_STATUS: &str =
    "SELECT status, count(*), coalesce(sum(quantity), 0) FROM orders WHERE pool = ? GROUP BY status";

/// Every pool, and every pool that only orders know.
pub(super) async fn pools(readers: &SqlitePool) -> sqlx::Result<Vec<PoolId>> {
    let rows = sqlx::query("SELECT id FROM pools UNION SELECT pool FROM orders").fetch_all(readers).await?;
    rows.iter().map(|row| row.try_get(0).map(PoolId)).collect()
}

/// One pool. One that only orders know has no capacity, so that whatever is live in it breaks a law.
pub(super) async fn pool(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<Audit> {
    let nothing = PoolRow { numbers: PoolNumbers::default(), epoch: 0, limit_per_buyer: None, hold: None };
    let pool_row = rows::pool(connection, pool).await?.unwrap_or(nothing);
    let named = sqlx::query("SELECT event || ' / ' || ticket_type FROM pools WHERE id = ?");
    let named = named.bind(pool.0).fetch_optional(&mut *connection).await?;
    let name = named.map_or(Ok("orders of no known pool".to_owned()), |row| row.try_get(0))?;
    let version = crate::sql::signed(pool_row.numbers.version);
    let row = sqlx::query(SUMS).bind(version).bind(pool.0).fetch_one(&mut *connection).await?;
    let number = |column: usize| row.try_get::<i64, _>(column).map(unsigned);
    let mut sums = PoolSums {
        numbers: pool_row.numbers,
        orders: number(0)?,
        distinct_orders: number(1)?,
        live_units: number(2)?,
        held_units: number(3)?,
        unpaid_states: number(4)?,
        rows_from_the_future: number(5)?,
        unreadable_rows: number(6)?,
        rows_without_a_key: number(7)?,
        buyers_over_limit: 0,
        buyers_miscounted: 0,
    };
    if let Some(limit) = pool_row.limit_per_buyer {
        let over = sqlx::query(OVER_LIMIT).bind(pool.0).bind(i64::from(limit)).fetch_one(&mut *connection).await?;
        sums.buyers_over_limit = unsigned(over.try_get(0)?);
        let miscounted = sqlx::query(MISCOUNTED).bind(pool.0).fetch_one(&mut *connection).await?;
        sums.buyers_miscounted = unsigned(miscounted.try_get(0)?);
    }
    let mut by_status = Vec::new();
    for row in sqlx::query(BY_STATUS).bind(pool.0).fetch_all(connection).await? {
        // A status that is none is counted among the unreadable rows.
        if let Some(status) = columns::status(row.try_get(0)?) {
            by_status.push((status, unsigned(row.try_get(1)?), unsigned(row.try_get(2)?)));
        }
    }
    Ok(Audit { pool, name, sums, by_status })
}
