//! The statements of mails and of addresses. Lists go in as arrays.

use crate::{
    order_store::{
        columns::contact,
        mails::{NewMails, occasion},
    },
    sql::{units, unsigned},
};
use sqlx::{PgConnection, Row, postgres::PgRow, types::Uuid};
use stampede_actors::ports::{MailKey, MailSums, Owed};
use stampede_domain::{Contact, Millis, OrderId};
use std::collections::HashMap;

const FIND: &str = "
INSERT INTO addresses (address, order_id)
SELECT new.address, new.order_id FROM UNNEST($1::text[], $2::uuid[]) AS new (address, order_id)
ON CONFLICT DO NOTHING";

/// Owes what decisions owe, and lets addresses find their orders.
pub(super) async fn write(connection: &mut PgConnection, now: Millis, mails: NewMails) -> sqlx::Result<()> {
    owe(connection, now, &mails.owed).await?;
    let NewMails { mut addresses, .. } = mails;
    if addresses.is_empty() {
        return Ok(());
    }
    // In the order of the table: neighbours share pages.
    addresses.sort_unstable();
    let (addresses, orders): (Vec<String>, Vec<Uuid>) =
        addresses.into_iter().map(|(address, order)| (address, order.0)).unzip();
    sqlx::query(FIND).bind(addresses).bind(orders).execute(connection).await?;
    Ok(())
}

const OWE: &str = "
INSERT INTO mails (order_id, occasion, owed_at, due_at)
SELECT new.order_id, new.occasion, $3, $3 FROM UNNEST($1::uuid[], $2::bigint[]) AS new (order_id, occasion)
ON CONFLICT DO NOTHING";

/// Owes mails; those that were owed before stay as they are.
pub(super) async fn owe(connection: &mut PgConnection, now: Millis, mails: &[MailKey]) -> sqlx::Result<()> {
    if mails.is_empty() {
        return Ok(());
    }
    let (orders, occasions) = keys(mails);
    sqlx::query(OWE).bind(orders).bind(occasions).bind(now.0).execute(connection).await?;
    Ok(())
}

/// In the order of their keys, in which everybody locks them.
fn keys(mails: &[MailKey]) -> (Vec<Uuid>, Vec<i64>) {
    let mut mails = mails.to_vec();
    mails.sort_unstable();
    mails.into_iter().map(|(order, occasion)| (order.0, occasion.code())).unzip()
}

/// Whose orders these are.
pub(super) async fn contacts(
    connection: &mut PgConnection,
    orders: &[OrderId],
) -> sqlx::Result<HashMap<OrderId, Contact>> {
    let ids: Vec<Uuid> = orders.iter().map(|order| order.0).collect();
    let wanted = sqlx::query("SELECT id, contact FROM orders WHERE id = ANY($1)").bind(ids);
    let rows = wanted.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((OrderId(row.try_get(0)?), contact(row.try_get(1)?)?))).collect()
}

/// What another takes at this moment is passed over.
const TAKE: &str = "
WITH due AS (
    SELECT order_id, occasion, due_at FROM mails WHERE due_at <= $1
    ORDER BY due_at, owed_at, order_id LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE mails SET due_at = $2, attempts = attempts + 1
FROM due
WHERE mails.order_id = due.order_id AND mails.occasion = due.occasion
RETURNING mails.order_id, mails.occasion, mails.attempts, due.due_at, mails.owed_at";

pub(super) async fn take(
    connection: &mut PgConnection,
    now: Millis,
    until: Millis,
    limit: u32,
) -> sqlx::Result<Vec<Owed>> {
    let take = sqlx::query(TAKE).bind(now.0).bind(until.0).bind(i64::from(limit));
    let owed = |row: &PgRow| {
        let owed = Owed {
            order: OrderId(row.try_get(0)?),
            occasion: occasion(row.try_get(1)?)?,
            attempts: units(row.try_get(2)?),
        };
        Ok((row.try_get::<i64, _>(3)?, row.try_get::<i64, _>(4)?, owed))
    };
    let rows = take.fetch_all(connection).await?;
    let mut taken = rows.iter().map(owed).collect::<sqlx::Result<Vec<_>>>()?;
    // An update answers in whatever order it likes.
    taken.sort_unstable_by_key(|(due, since, owed)| (*due, *since, owed.order));
    Ok(taken.into_iter().map(|(.., owed)| owed).collect())
}

/// Locked in the order of their keys first: whose lease ran out may be sent by two, who would wait for each other.
const SENT: &str = "
WITH mine AS (
    SELECT mails.order_id, mails.occasion FROM mails
    JOIN UNNEST($1::uuid[], $2::bigint[]) AS done (order_id, occasion)
        ON mails.order_id = done.order_id AND mails.occasion = done.occasion
    WHERE mails.sent_at IS NULL
    ORDER BY mails.order_id, mails.occasion
    FOR UPDATE OF mails
)
UPDATE mails SET sent_at = $3, due_at = NULL, given_up_at = NULL, why = NULL
FROM mine
WHERE mails.order_id = mine.order_id AND mails.occasion = mine.occasion";

pub(super) async fn sent(connection: &mut PgConnection, mails: &[MailKey], now: Millis) -> sqlx::Result<()> {
    let (orders, occasions) = keys(mails);
    sqlx::query(SENT).bind(orders).bind(occasions).bind(now.0).execute(connection).await?;
    Ok(())
}

pub(super) async fn put_off(connection: &mut PgConnection, mail: MailKey, until: Millis) -> sqlx::Result<()> {
    sqlx::query("UPDATE mails SET due_at = $3 WHERE order_id = $1 AND occasion = $2 AND due_at IS NOT NULL")
        .bind(mail.0.0)
        .bind(mail.1.code())
        .bind(until.0)
        .execute(connection)
        .await?;
    Ok(())
}

const GIVE_UP: &str = "
UPDATE mails SET given_up_at = $3, due_at = NULL, why = $4
WHERE order_id = $1 AND occasion = $2 AND due_at IS NOT NULL";

pub(super) async fn give_up(
    connection: &mut PgConnection,
    mail: MailKey,
    now: Millis,
    why: String,
) -> sqlx::Result<()> {
    let give_up = sqlx::query(GIVE_UP).bind(mail.0.0).bind(mail.1.code()).bind(now.0).bind(why);
    give_up.execute(connection).await?;
    Ok(())
}

pub(super) async fn orders_of(connection: &mut PgConnection, address: &str, limit: u32) -> sqlx::Result<Vec<OrderId>> {
    let newest = "SELECT order_id FROM addresses WHERE address = $1 ORDER BY order_id DESC LIMIT $2";
    let rows = sqlx::query(newest).bind(address.to_owned()).bind(i64::from(limit)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(OrderId(row.try_get(0)?))).collect()
}

const SUMS: &str = "
SELECT count(*), min(owed_at), (SELECT count(*) FROM mails WHERE given_up_at IS NOT NULL)
FROM mails WHERE due_at IS NOT NULL";

pub(super) async fn sums(connection: &mut PgConnection) -> sqlx::Result<MailSums> {
    let row = sqlx::query(SUMS).fetch_one(connection).await?;
    let oldest = row.try_get::<Option<i64>, _>(1)?.map(Millis);
    Ok(MailSums { waiting: unsigned(row.try_get(0)?), oldest, given_up: unsigned(row.try_get(2)?) })
}
