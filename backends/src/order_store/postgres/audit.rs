//! The sums that the laws judge, counted from the rows themselves and never from what the shop believes.
//!
//! The queries trust no constraint: they are there for the day on which one was wrong, or a row was changed by hand.

use super::rows;
use crate::{
    order_store::columns,
    sql::{signed, unsigned},
};
use sqlx::{PgConnection, Row};
use stampede_actors::ports::Audit;
use stampede_domain::{PoolId, PoolNumbers, decide::PoolRow, laws::PoolSums};

/// Statuses by their numbers in the column: live is 1 to 4, held is 1 to 3. A row stays as it was decided; where a reserved one
/// stands now says its hold, and one without a hold cannot be. A column's type is the server's to keep; that a contact is JSON
/// can only be seen from afar before Postgres 16.
const SUMS: &str = "
SELECT count(*),
       count(DISTINCT orders.id),
       coalesce(sum(orders.quantity) FILTER (WHERE coalesce(holds.status, orders.status) BETWEEN 1 AND 4), 0)::bigint,
       coalesce(sum(orders.quantity) FILTER (WHERE coalesce(holds.status, orders.status) BETWEEN 1 AND 3), 0)::bigint,
       count(*) FILTER (WHERE version > $1),
       count(*) FILTER (WHERE (
           orders.quantity BETWEEN 1 AND 4294967295
           AND orders.buyer IS NOT NULL AND orders.fingerprint IS NOT NULL
           AND asked_at > 0 AND decided_at > 0 AND version > 0
           AND (contact IS NULL OR contact LIKE '{%}')
           AND CASE decision
                   WHEN 1 THEN orders.status = 4
                   WHEN 2 THEN orders.status = 7
                   WHEN 3 THEN orders.status = 8
                   WHEN 4 THEN orders.status = 9
                   WHEN 5 THEN orders.status = 7
                   WHEN 6 THEN orders.status = 1 AND holds.id IS NOT NULL
                   ELSE false END
       ) IS NOT TRUE)
       + (SELECT count(*) FROM pools WHERE id = $2 AND (
           capacity BETWEEN 0 AND 4294967295 AND held BETWEEN 0 AND 4294967295 AND sold BETWEEN 0 AND 4294967295
           AND version > 0 AND epoch >= 0
       ) IS NOT TRUE),
       count(*) FILTER (WHERE substr(orders.id::text, 15, 1) <> '7')
FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id
WHERE orders.pool = $2";

/// The holds of a pool, each with its payments: how many, the four sums, how many of them do not add up, are unfair, or are not
/// the life of an order that was reserved.
const HOLD_SUMS: &str = "
SELECT count(*),
       coalesce(sum(captured), 0)::bigint,
       coalesce(sum(refunded), 0)::bigint,
       coalesce(sum(earned), 0)::bigint,
       coalesce(sum(owed), 0)::bigint,
       count(*) FILTER (WHERE (captured - refunded = earned + owed) IS NOT TRUE),
       count(*) FILTER (WHERE (status IN (3, 8) AND changed_at < hold_until) OR (attempt > 0 AND paying_at >= hold_until)),
       count(*) FILTER (WHERE (
           orders = 1 AND status IN (1, 2, 3, 4, 5, 6, 8) AND amount > 0 AND hold_until > 0 AND changed_at > 0
           AND (due_at IS NOT NULL) = (status <= 3 OR owed > 0)
       ) IS NOT TRUE)
FROM (
    SELECT holds.*,
           CASE WHEN status = 4 THEN amount ELSE 0 END AS earned,
           coalesce((SELECT sum(captured) FROM payments WHERE order_id = holds.id), 0) AS captured,
           coalesce((SELECT sum(refunded) FROM payments WHERE order_id = holds.id), 0) AS refunded,
           (SELECT count(*) FROM orders
            WHERE orders.id = holds.id AND decision = 6 AND orders.pool = holds.pool AND orders.quantity = holds.quantity
              AND orders.buyer = holds.buyer AND orders.fingerprint = holds.fingerprint) AS orders
    FROM holds WHERE pool = $1) AS lives";

/// Payments whose order has no hold: how many, and their sums. No pool's sums can have them.
const OF_NO_ORDER: &str = "
SELECT count(*), coalesce(sum(captured), 0)::bigint, coalesce(sum(refunded), 0)::bigint
FROM payments WHERE NOT EXISTS (SELECT 1 FROM holds WHERE holds.id = payments.order_id)";

/// Buyers with more units than the limit, by their rows.
const OVER_LIMIT: &str = "
SELECT count(*) FROM (
    SELECT 1 FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id
    WHERE orders.pool = $1 AND coalesce(holds.status, orders.status) BETWEEN 1 AND 4
    GROUP BY orders.buyer HAVING sum(orders.quantity) > $2) AS over";

/// Buyers whose kept units are not the sum of their rows.
const MISCOUNTED: &str = "
SELECT count(*) FROM (
    SELECT 1 FROM (
        SELECT orders.buyer AS buyer, orders.quantity AS units
        FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id
        WHERE orders.pool = $1 AND coalesce(holds.status, orders.status) BETWEEN 1 AND 4
        UNION ALL SELECT buyer, -units FROM buyer_units WHERE pool = $1) AS both_ways
    GROUP BY buyer HAVING sum(units) <> 0) AS miscounted";

const BY_STATUS: &str = "
SELECT coalesce(holds.status, orders.status), count(*), coalesce(sum(orders.quantity), 0)::bigint
FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id
WHERE orders.pool = $1 GROUP BY 1";

/// Every pool, and every pool that only orders know.
pub(super) async fn pools(connection: &mut PgConnection) -> sqlx::Result<Vec<PoolId>> {
    let rows = sqlx::query("SELECT id FROM pools UNION SELECT pool FROM orders UNION SELECT pool FROM holds")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| row.try_get(0).map(PoolId)).collect()
}

/// One pool. One that only orders know has no capacity, so that whatever is live in it breaks a law.
pub(super) async fn pool(connection: &mut PgConnection, pool: PoolId) -> sqlx::Result<Audit> {
    let nothing = PoolRow { numbers: PoolNumbers::default(), epoch: 0, limit_per_buyer: None, hold: None };
    let pool_row = rows::pool(connection, pool).await?.unwrap_or(nothing);
    let named = sqlx::query("SELECT event || ' / ' || ticket_type FROM pools WHERE id = $1");
    let named = named.bind(pool.0).fetch_optional(&mut *connection).await?;
    let name = named.map_or(Ok("orders of no known pool".to_owned()), |row| row.try_get(0))?;
    let version = signed(pool_row.numbers.version);
    let row = sqlx::query(SUMS).bind(version).bind(pool.0).fetch_one(&mut *connection).await?;
    let number = |column: usize| row.try_get::<i64, _>(column).map(unsigned);
    let mut sums = PoolSums {
        numbers: pool_row.numbers,
        orders: number(0)?,
        distinct_orders: number(1)?,
        live_units: number(2)?,
        held_units: number(3)?,
        rows_from_the_future: number(4)?,
        unreadable_rows: number(5)?,
        rows_without_a_key: number(6)?,
        is_paid_online: pool_row.hold.is_some(),
        ..PoolSums::default()
    };
    add_holds(connection, pool, &mut sums).await?;
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

/// Adds up what is paid online.
async fn add_holds(connection: &mut PgConnection, pool: PoolId, sums: &mut PoolSums) -> sqlx::Result<()> {
    let row = sqlx::query(HOLD_SUMS).bind(pool.0).fetch_one(connection).await?;
    let number = |column: usize| row.try_get::<i64, _>(column).map(unsigned);
    sums.holds = number(0)?;
    (sums.captured, sums.refunded) = (row.try_get(1)?, row.try_get(2)?);
    (sums.earned, sums.owed) = (row.try_get(3)?, row.try_get(4)?);
    (sums.out_of_balance, sums.unfair_holds) = (number(5)?, number(6)?);
    sums.unreadable_rows += number(7)?;
    Ok(())
}

/// Payments of no order, as of a pool that has nothing else; `None`: there are none.
pub(super) async fn of_no_order(connection: &mut PgConnection) -> sqlx::Result<Option<Audit>> {
    let row = sqlx::query(OF_NO_ORDER).fetch_one(connection).await?;
    let payments = unsigned(row.try_get(0)?);
    let sums = PoolSums {
        payments_of_no_order: payments,
        captured: row.try_get(1)?,
        refunded: row.try_get(2)?,
        is_paid_online: true,
        ..PoolSums::default()
    };
    let name = "payments of no order".to_owned();
    Ok((payments > 0).then_some(Audit { pool: PoolId(0), name, sums, by_status: Vec::new() }))
}
