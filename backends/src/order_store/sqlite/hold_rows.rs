//! The statements of orders that are paid online, and their rows as the domain knows them.

use super::rows::{hex_list, order};
use crate::{
    order_store::{
        columns::status_code,
        holds::{PlacedPayment, currency, decline, payment_id, payments, status},
    },
    sql::{signed, units as as_units, unsigned},
};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stampede_actors::ports::{BookedPayment, HoldSums};
use stampede_domain::{BuyerId, Fingerprint, Hold, Millis, Money, OrderId, PaymentId, PoolId};

/// A row with its payments, in the order of [`hold`].
const HOLD: &str = "
SELECT holds.id, pool, quantity, buyer, fingerprint, amount, currency, status, hold_until, extended, attempt, paying_at, page,
       decline, paid_by, look_at, changed_at,
       (SELECT json_group_array(json_array(paid.place, paid.id, paid.attempt, paid.captured, paid.refunded))
        FROM payments AS paid WHERE paid.order_id = holds.id)";

fn hold(row: &SqliteRow) -> sqlx::Result<Hold> {
    Ok(Hold {
        order: order(row, 0)?,
        pool: PoolId(row.try_get(1)?),
        quantity: as_units(row.try_get(2)?),
        buyer: BuyerId(row.try_get(3)?),
        fingerprint: Fingerprint(row.try_get(4)?),
        amount: Money { minor: row.try_get(5)?, currency: currency(row.try_get(6)?)? },
        status: status(row.try_get(7)?)?,
        hold_until: Millis(row.try_get(8)?),
        extended: row.try_get(9)?,
        attempt: as_units(row.try_get(10)?),
        paying_at: Millis(row.try_get(11)?),
        page: row.try_get(12)?,
        decline: decline(row.try_get(13)?)?,
        paid_by: payment_id(row.try_get(14)?)?,
        look_at: Millis(row.try_get(15)?),
        changed_at: Millis(row.try_get(16)?),
        payments: payments(row.try_get(17)?)?,
    })
}

/// Those of the orders that are paid online.
pub(super) async fn of(connection: &mut SqliteConnection, orders: &[OrderId]) -> sqlx::Result<Vec<Hold>> {
    let found = format!("{HOLD} FROM json_each(?) AS wanted CROSS JOIN holds ON holds.id = unhex(wanted.value)");
    let rows = sqlx::query(AssertSqlSafe(found)).bind(hex_list(orders)).fetch_all(connection).await?;
    rows.iter().map(hold).collect()
}

/// Those that need somebody, the longest due first.
pub(super) async fn due(readers: &SqlitePool, now: Millis, limit: u32) -> sqlx::Result<Vec<Hold>> {
    let due = format!("{HOLD} FROM holds WHERE due_at <= ? ORDER BY due_at, holds.id LIMIT ?");
    let rows = sqlx::query(AssertSqlSafe(due)).bind(now.0).bind(limit).fetch_all(readers).await?;
    rows.iter().map(hold).collect()
}

/// Inserts orders, or writes them back.
pub(super) async fn write(connection: &mut SqliteConnection, holds: &[Hold]) -> sqlx::Result<()> {
    if holds.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = holds
        .iter()
        .map(|hold| {
            json!([
                hold.order.0.simple().to_string(),
                hold.pool.0,
                hold.quantity,
                hold.buyer.0,
                hold.fingerprint.0,
                hold.amount.minor,
                hold.amount.currency.code(),
                status_code(hold.status),
                hold.hold_until.0,
                u8::from(hold.extended),
                hold.attempt,
                hold.paying_at.0,
                hold.page,
                hold.decline.map(|decline| decline.as_str()),
                hold.paid_by.as_ref().map(PaymentId::as_str),
                hold.look_at.0,
                hold.changed_at.0,
                hold.owed_minor(),
                hold.due_at().map(|due| due.0),
            ])
        })
        .collect();
    sqlx::query(
        "INSERT INTO holds (id, pool, quantity, buyer, fingerprint, amount, currency, status, hold_until, extended, attempt,
                            paying_at, page, decline, paid_by, look_at, changed_at, owed, due_at)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
                value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15,
                value ->> 16, value ->> 17, value ->> 18
         FROM json_each(?) WHERE true
         ON CONFLICT (id) DO UPDATE SET
             status = excluded.status, hold_until = excluded.hold_until, extended = excluded.extended,
             attempt = excluded.attempt, paying_at = excluded.paying_at, page = excluded.page, decline = excluded.decline,
             paid_by = excluded.paid_by, look_at = excluded.look_at, changed_at = excluded.changed_at, owed = excluded.owed,
             due_at = excluded.due_at",
    )
    .bind(json!(list).to_string())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn write_payments(connection: &mut SqliteConnection, payments: &[PlacedPayment]) -> sqlx::Result<()> {
    if payments.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = payments
        .iter()
        .map(|PlacedPayment { order, place, payment }| {
            let order = order.0.simple().to_string();
            json!([order, place, payment.id, payment.attempt, payment.captured, payment.refunded])
        })
        .collect();
    sqlx::query(
        "INSERT INTO payments (order_id, place, id, attempt, captured, refunded)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?) WHERE true
         ON CONFLICT (order_id, place) DO UPDATE SET captured = excluded.captured, refunded = excluded.refunded",
    )
    .bind(json!(list).to_string())
    .execute(connection)
    .await?;
    Ok(())
}

const BY_STATUS: &str =
    "SELECT status, count(*), sum(quantity), sum(amount) FROM holds GROUP BY status ORDER BY status";

/// Statuses by their numbers: 2 and 3 are payments under way, 1 to 3 are held; 3 and 8 have run out.
const SUMS: &str = "
SELECT (SELECT coalesce(sum(captured), 0) FROM payments),
       (SELECT coalesce(sum(refunded), 0) FROM payments),
       coalesce(sum(amount) FILTER (WHERE status = 4), 0),
       coalesce(sum(owed), 0),
       count(*) FILTER (WHERE (status IN (3, 8) AND changed_at < hold_until) OR (attempt > 0 AND paying_at >= hold_until)),
       min(paying_at) FILTER (WHERE status IN (2, 3)),
       min(hold_until) FILTER (WHERE status <= 3 AND hold_until <= ?)
FROM holds";

pub(super) async fn sums(connection: &mut SqliteConnection, now: Millis) -> sqlx::Result<HoldSums> {
    let row = sqlx::query(SUMS).bind(now.0).fetch_one(&mut *connection).await?;
    let mut sums = HoldSums {
        by_status: Vec::new(),
        captured: row.try_get(0)?,
        refunded: row.try_get(1)?,
        earned: row.try_get(2)?,
        owed: row.try_get(3)?,
        unfair: unsigned(row.try_get(4)?),
        oldest_payment: row.try_get::<Option<i64>, _>(5)?.map(Millis),
        most_overdue: row.try_get::<Option<i64>, _>(6)?.map(Millis),
    };
    for row in sqlx::query(BY_STATUS).fetch_all(connection).await? {
        let (orders, units) = (unsigned(row.try_get(1)?), unsigned(row.try_get(2)?));
        sums.by_status.push((status(row.try_get(0)?)?, orders, units, row.try_get(3)?));
    }
    Ok(sums)
}

pub(super) async fn payments_after(
    readers: &SqlitePool,
    after: Option<&PaymentId>,
    limit: u32,
) -> sqlx::Result<Vec<BookedPayment>> {
    let page = "SELECT order_id, id, captured, refunded FROM payments WHERE id > ? ORDER BY id LIMIT ?";
    // No payment has the empty name, and all names come after it.
    let after = after.map_or("", PaymentId::as_str).to_owned();
    let rows = sqlx::query(page).bind(after).bind(signed(u64::from(limit))).fetch_all(readers).await?;
    let booked = |row: &SqliteRow| {
        let payment = PaymentId::new(row.try_get::<String, _>(1)?);
        Ok(BookedPayment {
            payment: payment.map_err(|_| crate::sql::strange("a payment's id".into()))?,
            order: order(row, 0)?,
            captured: row.try_get(2)?,
            refunded: row.try_get(3)?,
        })
    };
    rows.iter().map(booked).collect()
}
