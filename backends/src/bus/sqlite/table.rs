//! The statements of the queue. Columns are read through `CAST`, so that a record damaged by hand still comes as bytes.

use super::shelf::{Found, Gap, Message};
use crate::{
    bus::process,
    sql::{signed, units, unsigned},
};
use bytes::Bytes;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stampede_actors::{
    label::{LABEL_LENGTH, Label},
    ports::Outgoing,
};
use stampede_domain::Millis;

/// Ranges of numbers that are deleted one by one; more of them go in one statement as a list.
const RANGES_ONE_BY_ONE: usize = 4;

pub(super) async fn found(readers: &SqlitePool) -> sqlx::Result<Found> {
    let row = sqlx::query(
        "SELECT (SELECT count(*) FROM messages),
                1 + max(coalesce((SELECT max(seq) FROM messages), 0), coalesce((SELECT max(seq) FROM dead_letters), 0))",
    )
    .fetch_one(readers)
    .await?;
    Ok(Found { messages: number(&row, 0)?, next: number(&row, 1)? })
}

/// The messages of a gap, as far as there is room.
pub(super) async fn page(readers: &SqlitePool, gap: Gap) -> sqlx::Result<Vec<Message>> {
    let rows = sqlx::query(
        "SELECT seq, CAST(published_at AS INTEGER), CAST(attempts AS INTEGER), coalesce(CAST(payload AS BLOB), x'')
         FROM messages WHERE seq >= ? AND seq < ? ORDER BY seq LIMIT ?",
    )
    .bind(signed(gap.from))
    .bind(signed(gap.below))
    .bind(signed(gap.room as u64))
    .fetch_all(readers)
    .await?;
    rows.iter().map(message).collect()
}

fn message(row: &SqliteRow) -> sqlx::Result<Message> {
    Ok(Message {
        seq: number(row, 0)?,
        published_at: Millis(row.try_get(1)?),
        attempts: units(row.try_get(2)?),
        payload: Bytes::from(row.try_get::<Vec<u8>, _>(3)?),
    })
}

/// When the first message from a number on was published.
pub(super) async fn published_at(readers: &SqlitePool, from: u64) -> sqlx::Result<Option<Millis>> {
    let oldest = "SELECT CAST(published_at AS INTEGER) FROM messages WHERE seq >= ? ORDER BY seq LIMIT 1";
    let row = sqlx::query(oldest).bind(signed(from)).fetch_optional(readers).await?;
    row.map(|row| row.try_get(0).map(Millis)).transpose()
}

/// Every message as it was published, in order.
pub(super) async fn messages(readers: &SqlitePool) -> sqlx::Result<Vec<Outgoing>> {
    let all = "SELECT coalesce(CAST(payload AS BLOB), x''), CAST(label AS BLOB) FROM messages ORDER BY seq";
    let rows = sqlx::query(all).fetch_all(readers).await?;
    rows.iter().map(|row| outgoing(row, 0)).collect()
}

/// Payload and label, from two columns.
pub(super) fn outgoing(row: &SqliteRow, column: usize) -> sqlx::Result<Outgoing> {
    let label: Option<Vec<u8>> = row.try_get(column + 1)?;
    let payload = Bytes::from(row.try_get::<Vec<u8>, _>(column)?);
    Ok(Outgoing { payload, label: label.and_then(|bytes| Label::decode(&bytes)) })
}

/// Set in a cut when a label follows the payload.
pub(super) const LABELLED: u64 = 1 << 31;

/// Inserts messages with the numbers from `first` on, in one statement.
///
/// The payloads travel as one blob and are cut out of it by SQLite, so that they need no escaping and nothing in them can
/// spoil their neighbours; `cuts` holds a number for each, `offset << 32 | length`, as a JSON array. A label follows its payload
/// where [`LABELLED`] is set.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    first: u64,
    published_at: Millis,
    payloads: Vec<u8>,
    cuts: String,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO messages (seq, published_at, payload, label)
         SELECT ?1 + cut.key, ?2, substr(?3, 1 + (cut.value >> 32), cut.value & 2147483647),
                iif(cut.value & 2147483648, substr(?3, 1 + (cut.value >> 32) + (cut.value & 2147483647), ?5), NULL)
         FROM json_each(?4) AS cut",
    )
    .bind(signed(first))
    .bind(published_at.0)
    .bind(payloads)
    .bind(cuts)
    .bind(signed(LABEL_LENGTH as u64))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes messages; `numbers` is sorted here, so that neighbours go together.
pub(super) async fn delete(connection: &mut SqliteConnection, mut numbers: Vec<u64>) -> sqlx::Result<()> {
    numbers.sort_unstable();
    let ranges: Vec<_> = numbers.chunk_by(|one, next| one + 1 == *next).collect();
    if ranges.len() > RANGES_ONE_BY_ONE {
        let list = format!("{numbers:?}");
        let listed = "DELETE FROM messages WHERE seq IN (SELECT value FROM json_each(?))";
        sqlx::query(listed).bind(list).execute(connection).await?;
        return Ok(());
    }
    for range in ranges {
        let (Some(first), Some(last)) = (range.first(), range.last()) else { continue };
        let between = sqlx::query("DELETE FROM messages WHERE seq BETWEEN ? AND ?");
        between.bind(signed(*first)).bind(signed(*last)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Remembers how often messages were delivered in vain; the last word on a number counts.
pub(super) async fn count_attempts(connection: &mut SqliteConnection, failed: &[(u64, u32)]) -> sqlx::Result<()> {
    let list = serde_json::to_string(failed).unwrap_or_default();
    sqlx::query(
        "UPDATE messages SET attempts = failed.attempts
         FROM (SELECT value ->> 0 AS seq, max(value ->> 1) AS attempts FROM json_each(?) GROUP BY 1) AS failed
         WHERE messages.seq = failed.seq",
    )
    .bind(list)
    .execute(connection)
    .await?;
    Ok(())
}

/// Moves messages to the dead letters.
pub(super) async fn set_aside(
    connection: &mut SqliteConnection,
    dead_since: Millis,
    letters: &[(u64, String, u32)],
) -> sqlx::Result<()> {
    let list = serde_json::to_string(letters).unwrap_or_default();
    sqlx::query(
        "INSERT OR REPLACE INTO dead_letters (seq, payload, label, reason, attempts, dead_since, set_aside_by)
         SELECT messages.seq, CAST(messages.payload AS BLOB), CAST(messages.label AS BLOB), value ->> 1, value ->> 2, ?, ?
         FROM json_each(?) AS letter CROSS JOIN messages ON messages.seq = value ->> 0",
    )
    .bind(dead_since.0)
    .bind(process())
    .bind(list)
    .execute(&mut *connection)
    .await?;
    delete(connection, letters.iter().map(|(seq, _, _)| *seq).collect()).await
}

pub(super) fn number(row: &SqliteRow, column: usize) -> sqlx::Result<u64> {
    row.try_get(column).map(unsigned)
}
