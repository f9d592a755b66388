//! The statements of mails and of addresses.

use super::rows::{hex_list, order};
use crate::{
    order_store::{
        columns::contact,
        mails::{NewMails, occasion},
    },
    sql::{units, unsigned},
};
use serde_json::json;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stampede_actors::ports::{MailKey, MailSums, Owed};
use stampede_domain::{Contact, Millis, OrderId};
use std::collections::HashMap;

/// Owes what decisions owe, and lets addresses find their orders.
pub(super) async fn write(connection: &mut SqliteConnection, now: Millis, mails: NewMails) -> sqlx::Result<()> {
    owe(connection, now, &mails.owed).await?;
    let NewMails { mut addresses, .. } = mails;
    if addresses.is_empty() {
        return Ok(());
    }
    // In the order of the table: neighbours share pages.
    addresses.sort_unstable();
    let list: Vec<_> =
        addresses.iter().map(|(address, order)| json!([address, order.0.simple().to_string()])).collect();
    sqlx::query(
        "INSERT INTO addresses (address, order_id) SELECT value ->> 0, unhex(value ->> 1) FROM json_each(?) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(json!(list).to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Owes mails; those that were owed before stay as they are.
pub(super) async fn owe(connection: &mut SqliteConnection, now: Millis, mails: &[MailKey]) -> sqlx::Result<()> {
    if mails.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO mails (order_id, occasion, owed_at, due_at)
         SELECT unhex(value ->> 0), value ->> 1, ?2, ?2 FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING",
    )
    .bind(keys(mails))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

fn keys(mails: &[MailKey]) -> String {
    let list: Vec<_> =
        mails.iter().map(|(order, occasion)| json!([order.0.simple().to_string(), occasion.code()])).collect();
    json!(list).to_string()
}

/// Whose orders these are.
pub(super) async fn contacts(
    connection: &mut SqliteConnection,
    orders: &[OrderId],
) -> sqlx::Result<HashMap<OrderId, Contact>> {
    let wanted = "SELECT orders.id, orders.contact FROM json_each(?) AS wanted CROSS JOIN orders ON orders.id = unhex(wanted.value)";
    let rows = sqlx::query(wanted).bind(hex_list(orders)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok((order(row, 0)?, contact(row.try_get(1)?)?))).collect()
}

/// Whether anything is due: only then is the file's one writer asked for.
pub(super) async fn is_any_due(readers: &SqlitePool, now: Millis) -> sqlx::Result<bool> {
    let any = sqlx::query("SELECT EXISTS (SELECT 1 FROM mails WHERE due_at <= ?)").bind(now.0);
    any.fetch_one(readers).await?.try_get(0)
}

pub(super) async fn take(
    connection: &mut SqliteConnection,
    now: Millis,
    until: Millis,
    limit: u32,
) -> sqlx::Result<Vec<Owed>> {
    let due = "SELECT order_id, occasion, attempts + 1 FROM mails WHERE due_at <= ? ORDER BY due_at, owed_at, order_id LIMIT ?";
    let rows = sqlx::query(due).bind(now.0).bind(limit).fetch_all(&mut *connection).await?;
    let owed = |row: &SqliteRow| {
        Ok(Owed { order: order(row, 0)?, occasion: occasion(row.try_get(1)?)?, attempts: units(row.try_get(2)?) })
    };
    let taken: Vec<Owed> = rows.iter().map(owed).collect::<sqlx::Result<_>>()?;
    let mails: Vec<_> = taken.iter().map(|owed| (owed.order, owed.occasion)).collect();
    sqlx::query(
        "UPDATE mails SET due_at = ?2, attempts = attempts + 1
         WHERE (order_id, occasion) IN (SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1))",
    )
    .bind(keys(&mails))
    .bind(until.0)
    .execute(connection)
    .await?;
    Ok(taken)
}

pub(super) async fn sent(connection: &mut SqliteConnection, mails: &[MailKey], now: Millis) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE mails SET sent_at = ?2, due_at = NULL, given_up_at = NULL, why = NULL
         WHERE sent_at IS NULL AND (order_id, occasion) IN (SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1))",
    )
    .bind(keys(mails))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn put_off(connection: &mut SqliteConnection, mail: MailKey, until: Millis) -> sqlx::Result<()> {
    sqlx::query("UPDATE mails SET due_at = ? WHERE order_id = ? AND occasion = ? AND due_at IS NOT NULL")
        .bind(until.0)
        .bind(mail.0.bytes().to_vec())
        .bind(mail.1.code())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    mail: MailKey,
    now: Millis,
    why: String,
) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE mails SET given_up_at = ?, due_at = NULL, why = ?
         WHERE order_id = ? AND occasion = ? AND due_at IS NOT NULL",
    )
    .bind(now.0)
    .bind(why)
    .bind(mail.0.bytes().to_vec())
    .bind(mail.1.code())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn orders_of(readers: &SqlitePool, address: &str, limit: u32) -> sqlx::Result<Vec<OrderId>> {
    let newest = "SELECT order_id FROM addresses WHERE address = ? ORDER BY order_id DESC LIMIT ?";
    let rows = sqlx::query(newest).bind(address.to_owned()).bind(limit).fetch_all(readers).await?;
    rows.iter().map(|row| order(row, 0)).collect()
}

pub(super) async fn sums(readers: &SqlitePool) -> sqlx::Result<MailSums> {
    let row = sqlx::query(
        "SELECT count(*), min(owed_at), (SELECT count(*) FROM mails WHERE given_up_at IS NOT NULL)
         FROM mails WHERE due_at IS NOT NULL",
    )
    .fetch_one(readers)
    .await?;
    let oldest = row.try_get::<Option<i64>, _>(1)?.map(Millis);
    Ok(MailSums { waiting: unsigned(row.try_get(0)?), oldest, given_up: unsigned(row.try_get(2)?) })
}
