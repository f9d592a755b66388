//! The statements of orders that are paid online, and their rows as the domain knows them. Lists go in as arrays.

use crate::{
    order_store::{
        columns::status_code,
        holds::{PlacedPayment, currency, decline, payment_id, payments, status},
    },
    sql::{signed, strange, units as as_units, unsigned},
};
use sqlx::{AssertSqlSafe, PgConnection, Row, postgres::PgRow, types::Uuid};
use stampede_actors::ports::{BookedPayment, HoldSums};
use stampede_domain::{BuyerId, Fingerprint, Hold, Millis, Money, OrderId, PaymentId, PoolId, PoolNumbers, Settlement};

/// A row with its payments, in the order of [`hold`].
const HOLD: &str = "
SELECT holds.id, pool, quantity, buyer, fingerprint, amount, currency, status, hold_until, extended, attempt, paying_at, page,
       decline, paid_by, look_at, changed_at,
       (SELECT json_agg(json_build_array(paid.place, paid.id, paid.attempt, paid.captured, paid.refunded))::text
        FROM payments AS paid WHERE paid.order_id = holds.id)
FROM holds";

fn hold(row: &PgRow) -> sqlx::Result<Hold> {
    Ok(Hold {
        order: OrderId(row.try_get(0)?),
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

/// The statement that locks orders, always in the order of their ids. They stand in the text because it is sent together with
/// `BEGIN`, which only a simple query can be.
pub(super) fn lock(orders: &[OrderId]) -> String {
    let ids: Vec<String> = orders.iter().map(|order| format!("'{}'", order.0)).collect();
    format!("SELECT 1 FROM holds WHERE id IN ({}) ORDER BY id FOR UPDATE", ids.join(","))
}

/// Those of the orders that are paid online.
pub(super) async fn of(connection: &mut PgConnection, orders: &[OrderId]) -> sqlx::Result<Vec<Hold>> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.0).collect();
    let found = sqlx::query(AssertSqlSafe(format!("{HOLD} WHERE holds.id = ANY($1)")));
    found.bind(ids).fetch_all(connection).await?.iter().map(hold).collect()
}

/// Those that need somebody, the longest due first.
pub(super) async fn due(connection: &mut PgConnection, now: Millis, limit: u32) -> sqlx::Result<Vec<Hold>> {
    let due = sqlx::query(AssertSqlSafe(format!("{HOLD} WHERE due_at <= $1 ORDER BY due_at, holds.id LIMIT $2")));
    due.bind(now.0).bind(i64::from(limit)).fetch_all(connection).await?.iter().map(hold).collect()
}

const INSERT: &str = "
INSERT INTO holds (id, pool, quantity, buyer, fingerprint, amount, currency, status, hold_until, extended, attempt, paying_at,
                   look_at, changed_at, owed, due_at)
SELECT new.id, new.pool, new.quantity, new.buyer, new.fingerprint, new.amount, new.currency, 1, new.hold_until, false, 0, 0,
       new.changed_at, new.changed_at, 0, new.hold_until
FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], $9::bigint[])
    AS new (id, pool, quantity, buyer, fingerprint, amount, currency, hold_until, changed_at)";

/// Inserts orders that were reserved this moment, in the order of their ids.
pub(super) async fn insert(connection: &mut PgConnection, holds: &mut [Hold]) -> sqlx::Result<()> {
    if holds.is_empty() {
        return Ok(());
    }
    holds.sort_unstable_by_key(|hold| hold.order);
    let column = |of: fn(&Hold) -> i64| -> Vec<i64> { holds.iter().map(of).collect() };
    sqlx::query(INSERT)
        .bind(holds.iter().map(|hold| hold.order.0).collect::<Vec<_>>())
        .bind(column(|hold| hold.pool.0))
        .bind(column(|hold| i64::from(hold.quantity)))
        .bind(column(|hold| hold.buyer.0))
        .bind(column(|hold| hold.fingerprint.0))
        .bind(column(|hold| hold.amount.minor))
        .bind(holds.iter().map(|hold| hold.amount.currency.code()).collect::<Vec<_>>())
        .bind(column(|hold| hold.hold_until.0))
        .bind(column(|hold| hold.changed_at.0))
        .execute(connection)
        .await?;
    Ok(())
}

const UPDATE: &str = "
UPDATE holds SET status = new.status, hold_until = new.hold_until, extended = new.extended, attempt = new.attempt,
                 paying_at = new.paying_at, page = new.page, decline = new.decline, paid_by = new.paid_by,
                 look_at = new.look_at, changed_at = new.changed_at, owed = new.owed, due_at = new.due_at
FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[])
    AS new (id, status, hold_until, extended, attempt, paying_at, page, decline, paid_by, look_at, changed_at, owed, due_at)
WHERE holds.id = new.id";

/// Writes orders back.
pub(super) async fn update(connection: &mut PgConnection, holds: &[Hold]) -> sqlx::Result<()> {
    let column = |of: fn(&Hold) -> i64| -> Vec<i64> { holds.iter().map(of).collect() };
    let text = |of: fn(&Hold) -> Option<&str>| -> Vec<Option<String>> {
        holds.iter().map(|hold| of(hold).map(str::to_owned)).collect()
    };
    sqlx::query(UPDATE)
        .bind(holds.iter().map(|hold| hold.order.0).collect::<Vec<_>>())
        .bind(column(|hold| status_code(hold.status)))
        .bind(column(|hold| hold.hold_until.0))
        .bind(holds.iter().map(|hold| hold.extended).collect::<Vec<_>>())
        .bind(column(|hold| i64::from(hold.attempt)))
        .bind(column(|hold| hold.paying_at.0))
        .bind(text(|hold| hold.page.as_deref()))
        .bind(text(|hold| hold.decline.map(|decline| decline.as_str())))
        .bind(text(|hold| hold.paid_by.as_ref().map(PaymentId::as_str)))
        .bind(column(|hold| hold.look_at.0))
        .bind(column(|hold| hold.changed_at.0))
        .bind(column(Hold::owed_minor))
        .bind(holds.iter().map(|hold| hold.due_at().map(|due| due.0)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

const WRITE_PAYMENTS: &str = "
INSERT INTO payments (order_id, place, id, attempt, captured, refunded)
SELECT new.order_id, new.place, new.id, new.attempt, new.captured, new.refunded
FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS new (order_id, place, id, attempt, captured, refunded)
ON CONFLICT (order_id, place) DO UPDATE SET captured = excluded.captured, refunded = excluded.refunded";

pub(super) async fn write_payments(connection: &mut PgConnection, payments: &[PlacedPayment]) -> sqlx::Result<()> {
    if payments.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&PlacedPayment) -> i64| -> Vec<i64> { payments.iter().map(of).collect() };
    sqlx::query(WRITE_PAYMENTS)
        .bind(payments.iter().map(|placed| placed.order.0).collect::<Vec<_>>())
        .bind(column(|placed| placed.place))
        .bind(payments.iter().map(|placed| placed.payment.id.as_str().to_owned()).collect::<Vec<_>>())
        .bind(column(|placed| i64::from(placed.payment.attempt)))
        .bind(column(|placed| placed.payment.captured))
        .bind(column(|placed| placed.payment.refunded))
        .execute(connection)
        .await?;
    Ok(())
}

const WRITE_NUMBERS: &str = "
UPDATE pools SET held = new.held, sold = new.sold, version = new.version
FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS new (id, held, sold, version)
WHERE pools.id = new.id";

/// Writes the numbers of pools.
pub(super) async fn write_numbers(connection: &mut PgConnection, settled: &[Settlement]) -> sqlx::Result<()> {
    let numbers = |of: fn(&PoolNumbers) -> i64| -> Vec<i64> { settled.iter().map(|all| of(&all.numbers)).collect() };
    sqlx::query(WRITE_NUMBERS)
        .bind(settled.iter().map(|settled| settled.pool.0).collect::<Vec<_>>())
        .bind(numbers(|numbers| i64::from(numbers.held)))
        .bind(numbers(|numbers| i64::from(numbers.sold)))
        .bind(numbers(|numbers| signed(numbers.version)))
        .execute(connection)
        .await?;
    Ok(())
}

const BY_STATUS: &str = "
SELECT status, count(*), sum(quantity)::bigint, sum(amount)::bigint FROM holds GROUP BY status ORDER BY status";

/// Statuses by their numbers: 2 and 3 are payments under way, 1 to 3 are held; 3 and 8 have run out.
const SUMS: &str = "
SELECT (SELECT coalesce(sum(captured), 0)::bigint FROM payments),
       (SELECT coalesce(sum(refunded), 0)::bigint FROM payments),
       coalesce(sum(amount) FILTER (WHERE status = 4), 0)::bigint,
       coalesce(sum(owed), 0)::bigint,
       count(*) FILTER (WHERE (status IN (3, 8) AND changed_at < hold_until) OR (attempt > 0 AND paying_at >= hold_until)),
       min(paying_at) FILTER (WHERE status IN (2, 3)),
       min(hold_until) FILTER (WHERE status <= 3 AND hold_until <= $1)
FROM holds";

pub(super) async fn sums(connection: &mut PgConnection, now: Millis) -> sqlx::Result<HoldSums> {
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
    connection: &mut PgConnection,
    after: Option<&PaymentId>,
    limit: u32,
) -> sqlx::Result<Vec<BookedPayment>> {
    let page = "SELECT order_id, id, captured, refunded FROM payments WHERE id > $1 ORDER BY id LIMIT $2";
    // No payment has the empty name, and all names come after it.
    let after = after.map_or("", PaymentId::as_str).to_owned();
    let booked = |row: &PgRow| {
        let payment = PaymentId::new(row.try_get::<String, _>(1)?);
        Ok(BookedPayment {
            payment: payment.map_err(|_| strange("a payment's id".into()))?,
            order: OrderId(row.try_get(0)?),
            captured: row.try_get(2)?,
            refunded: row.try_get(3)?,
        })
    };
    sqlx::query(page).bind(after).bind(i64::from(limit)).fetch_all(connection).await?.iter().map(booked).collect()
}
