//! Dead letters in the queue's file, and how they come back.
//!
//! Numbers of messages are given by the one process that takes them, so nobody else can put a letter back: another process
//! (`stampede dead-letters`) writes down durably that it is wanted, and the [`Returner`] of the process that takes messages puts
//! it back, in the transaction that notes that it did. Without such a process the wish waits for the next start.

use super::{
    Shared,
    scribe::Task,
    table::{number, outgoing},
};
use crate::{
    sql::{signed, units},
    sqlite::reading,
};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stampede_actors::ports::{DeadLetter, DeliveryId, Outgoing, PortFailure, PortResult};
use stampede_domain::Millis;
use std::{
    sync::{Weak, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

/// How often it is looked whether another process wants letters back: soon enough for somebody who waits at a command.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Letters put back at once.
const PUT_BACK_AT_ONCE: i64 = 1000;

/// What of a letter is read, in the order of [`letter`].
const SELECT: &str =
    "SELECT seq, coalesce(CAST(payload AS BLOB), x''), CAST(label AS BLOB), CAST(reason AS BLOB), CAST(attempts AS INTEGER),
            CAST(dead_since AS INTEGER), CAST(set_aside_by AS BLOB), CAST(replayed_at AS INTEGER),
            CAST(ended_at AS INTEGER), CAST(last_word AS BLOB) FROM dead_letters ";

fn letter(row: &SqliteRow) -> sqlx::Result<DeadLetter> {
    let Outgoing { payload, label } = outgoing(row, 1)?;
    Ok(DeadLetter {
        id: DeliveryId(number(row, 0)?),
        payload,
        label,
        reason: words(row, 3)?,
        attempts: units(row.try_get(4)?),
        dead_since: Millis(row.try_get(5)?),
        set_aside_by: words(row, 6)?,
        replayed_at: row.try_get::<Option<i64>, _>(7)?.map(Millis),
        ended_at: row.try_get::<Option<i64>, _>(8)?.map(Millis),
        last_word: words(row, 9)?,
    })
}

/// A text, with marks where it is none any more: a letter that was damaged must not hide the others.
fn words(row: &SqliteRow, column: usize) -> sqlx::Result<String> {
    Ok(String::from_utf8_lossy(row.try_get(column)?).into_owned())
}

/// Those that have not ended, oldest first.
pub(super) async fn open(readers: &SqlitePool, limit: usize) -> sqlx::Result<Vec<DeadLetter>> {
    let sql = format!("{SELECT} WHERE ended_at IS NULL ORDER BY dead_since, seq LIMIT ?");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(limit as u64)).fetch_all(readers).await?;
    rows.iter().map(letter).collect()
}

pub(super) async fn one(readers: &SqlitePool, id: DeliveryId) -> sqlx::Result<Option<DeadLetter>> {
    let sql = format!("{SELECT} WHERE seq = ?");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(signed(id.0)).fetch_optional(readers).await?;
    row.as_ref().map(letter).transpose()
}

/// How many have not ended.
pub(super) async fn count(readers: &SqlitePool) -> sqlx::Result<u64> {
    let row = sqlx::query("SELECT count(*) FROM dead_letters WHERE ended_at IS NULL").fetch_one(readers).await?;
    number(&row, 0)
}

/// Notes that letters are wanted back.
pub(super) async fn want(connection: &mut SqliteConnection, now: Millis, ids: &[u64], why: &str) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE dead_letters SET wanted = 1, replayed_at = ?, last_word = ?
         WHERE seq IN (SELECT value FROM json_each(?)) AND ended_at IS NULL",
    )
    .bind(now.0)
    .bind(why)
    .bind(format!("{ids:?}"))
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes that letters are on the bus again.
pub(super) async fn put_back(connection: &mut SqliteConnection, numbers: &[u64]) -> sqlx::Result<()> {
    sqlx::query("UPDATE dead_letters SET wanted = 0 WHERE seq IN (SELECT value FROM json_each(?))")
        .bind(format!("{numbers:?}"))
        .execute(connection)
        .await?;
    Ok(())
}

/// Ends letters; the first end counts.
pub(super) async fn end(
    connection: &mut SqliteConnection,
    now: Millis,
    ends: &[(DeliveryId, String)],
) -> sqlx::Result<()> {
    let list: Vec<_> = ends.iter().map(|(id, how)| (id.0, how)).collect();
    sqlx::query(
        "UPDATE dead_letters SET wanted = 0, ended_at = ?, last_word = ends.how
         FROM (SELECT value ->> 0 AS seq, value ->> 1 AS how FROM json_each(?)) AS ends
         WHERE dead_letters.seq = ends.seq AND ended_at IS NULL",
    )
    .bind(now.0)
    .bind(serde_json::to_string(&list).unwrap_or_default())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn forget(connection: &mut SqliteConnection, ended_before: Millis) -> sqlx::Result<u64> {
    let forget = sqlx::query("DELETE FROM dead_letters WHERE ended_at < ?").bind(ended_before.0);
    Ok(forget.execute(connection).await?.rows_affected())
}

/// A letter that is wanted back: its number, itself, and why.
type Wanted = (u64, Outgoing, String);

async fn wanted(readers: &SqlitePool) -> sqlx::Result<Vec<Wanted>> {
    let rows = sqlx::query(
        "SELECT seq, coalesce(CAST(payload AS BLOB), x''), CAST(label AS BLOB), CAST(last_word AS BLOB) FROM dead_letters
         WHERE wanted = 1 ORDER BY seq LIMIT ?",
    )
    .bind(PUT_BACK_AT_ONCE)
    .fetch_all(readers)
    .await?;
    rows.iter().map(|row| Ok((number(row, 0)?, outgoing(row, 1)?, words(row, 3)?))).collect()
}

/// Puts back what is wanted, in the process that takes messages. It ends with its bus.
pub(super) struct Returner {
    pub(super) shared: Weak<Shared>,
    pub(super) tasks: mpsc::WeakSender<Task>,
    pub(super) readers: SqlitePool,
}

impl Returner {
    pub(super) async fn run(self) {
        while let Some(shared) = self.shared.upgrade().filter(|shared| !shared.closed.load(Ordering::Acquire)) {
            let Some(tasks) = self.tasks.upgrade() else { return };
            if let Err(failure) = self.look(shared.file, &tasks).await {
                tracing::warn!(%failure, "dead letters that are wanted back could not be put back yet");
            }
            drop(tasks);
            tokio::select! {
                () = shared.wanted.notified() => {}
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    async fn look(&self, file: &'static str, tasks: &mpsc::Sender<Task>) -> PortResult<()> {
        let letters = wanted(&self.readers).await.map_err(reading(file))?;
        if letters.is_empty() {
            return Ok(());
        }
        let (mut words, mut wanted) = (Vec::new(), Vec::new());
        for (number, outgoing, why) in letters {
            words.push((number, why));
            wanted.push((number, outgoing));
        }
        let (reply, answer) = oneshot::channel();
        tasks.send(Task::PutBack { letters: wanted, reply }).await.map_err(|_| super::closed(file))?;
        let outcomes = answer.await.map_err(|_| PortFailure::Unknown("the queue was closed meanwhile".into()))?;
        for ((letter, why), outcome) in words.into_iter().zip(outcomes) {
            outcome?;
            tracing::info!(letter, why, "a dead letter is on the queue again");
        }
        Ok(())
    }
}
