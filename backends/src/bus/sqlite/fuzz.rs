//! For the fuzz targets: a queue in memory whose rows are not as we wrote them.

use super::{letters, shelf::Gap, table};
use crate::fuzz::{Row, database, fill};
use bytes::Bytes;
use sqlx::SqlitePool;
use stampede_actors::ports::{DeadLetter, DeliveryId, Outgoing};

/// Rows for a `queue.db`: publishing time, attempts, payload and label of a message; payload, reason, attempts, time, label and
/// the rest of a dead letter.
pub struct QueueRows(SqlitePool);

/// What a queue says of its rows.
#[derive(Debug)]
pub struct QueueSeen {
    /// Messages, by a page, as they are delivered.
    pub delivered: Vec<Bytes>,
    /// Messages, as a start reads them.
    pub waiting: Vec<Outgoing>,
    /// Dead letters that have not ended.
    pub letters: Vec<DeadLetter>,
}

const MESSAGES: [&str; 4] = ["published_at", "attempts", "payload", "label"];
const LETTERS: [&str; 7] = ["payload", "reason", "attempts", "dead_since", "label", "set_aside_by", "last_word"];
/// Numbers of the rows begin here.
const FIRST: u64 = 1;

impl QueueRows {
    /// An empty queue.
    pub async fn open() -> Self {
        let first = include_str!("../../../../migrations/sqlite/queue/0001_queue.sql");
        let second = include_str!("../../../../migrations/sqlite/queue/0002_dead_letters.sql");
        Self(database(&[first, second]).await)
    }

    /// Puts cells into the rows of both tables, as many as there are, and reads all of them as the queue does.
    ///
    /// # Errors
    /// What SQLite or a column says.
    pub async fn read(&self, messages: &[Row], dead: &[Row]) -> sqlx::Result<QueueSeen> {
        fill(&self.0, "messages", Some("seq"), &MESSAGES, messages).await;
        fill(&self.0, "dead_letters", Some("seq"), &LETTERS, dead).await;
        let found = table::found(&self.0).await?;
        let gap = Gap { from: FIRST, room: usize::MAX >> 1, below: found.next };
        let page = table::page(&self.0, gap).await?;
        letters::one(&self.0, DeliveryId(FIRST)).await?;
        table::published_at(&self.0, FIRST).await?;
        Ok(QueueSeen {
            delivered: page.into_iter().map(|message| message.payload).collect(),
            waiting: table::messages(&self.0).await?,
            letters: letters::open(&self.0, messages.len() + dead.len()).await?,
        })
    }

    /// How many columns of a message and of a letter can be chosen.
    #[must_use]
    pub fn columns() -> (usize, usize) {
        (MESSAGES.len(), LETTERS.len())
    }
}
