//! Dead letters in a table.

use super::{DeadLetterShelf, NewDeadLetter, letter_id};
use crate::{
    bus::process,
    postgres::{Database, End, Patience, Source},
    sql::{Stop, signed, units, unsigned},
};
use async_trait::async_trait;
use sqlx::{PgConnection, Row, postgres::PgRow};
use stampede_actors::{
    label::Label,
    ports::{DeadLetter, DeliveryId, PortResult},
};
use stampede_domain::Millis;

/// A [`DeadLetterShelf`] on Postgres.
#[derive(Clone)]
pub struct PostgresDeadLetters {
    database: Database,
    /// Of which bus: what dies of one is put back on that one.
    bus: &'static str,
}

/// The buses, as they stand in the table.
const ORDERS: &str = "orders";
const PAYMENTS: &str = "payments";

impl PostgresDeadLetters {
    /// The dead letters of the orders' bus in a database.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone(), bus: ORDERS }
    }

    /// Those of the payments' lane.
    #[must_use]
    pub fn of_payments(database: &Database) -> Self {
        Self { bus: PAYMENTS, ..Self::new(database) }
    }

    /// A message's name in the table: two buses may call two messages the same.
    fn key(&self, message_key: &str) -> String {
        if self.bus == ORDERS { text(message_key) } else { format!("{}/{}", self.bus, text(message_key)) }
    }
}

#[async_trait]
impl DeadLetterShelf for PostgresDeadLetters {
    async fn put(&self, letters: &[NewDeadLetter]) -> PortResult<()> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut letters = letters.to_vec();
        letters.iter_mut().for_each(|letter| letter.message_key = self.key(&letter.message_key));
        let bus = self.bus;
        let answer = self
            .database
            .transaction(Patience::Ordinary, "", move |connection, _| Box::pin(put(connection, letters, bus)));
        answer.await
    }

    async fn list(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        let bus = self.bus;
        let list = self
            .database
            .read(Source::Primary, move |connection| Box::pin(async move { Ok(list(connection, limit, bus).await?) }));
        list.await
    }

    async fn count(&self) -> PortResult<u64> {
        // By a column that a web process may read, too.
        let bus = self.bus;
        let count = self.database.read(Source::Primary, move |connection| {
            Box::pin(async move {
                let open = "SELECT count(id) FROM dead_letters WHERE ended_at IS NULL AND bus = $1";
                let open = sqlx::query(open).bind(bus);
                Ok(unsigned(open.fetch_one(connection).await?.try_get(0)?))
            })
        });
        count.await
    }

    async fn find(&self, ids: &[DeliveryId]) -> PortResult<Vec<DeadLetter>> {
        let (ids, bus) = (numbers(ids), self.bus);
        let found = self.database.read(Source::Primary, move |connection| {
            let ids = ids.clone();
            Box::pin(async move { Ok(find(connection, ids, bus).await?) })
        });
        found.await
    }

    async fn replayed(&self, ids: &[DeliveryId], at: Millis, why: &str) -> PortResult<()> {
        let (ids, why) = (numbers(ids), text(why));
        let noted = self.database.transaction(Patience::Ordinary, "", move |connection, _| {
            Box::pin(async move {
                let note =
                    "UPDATE dead_letters SET replayed_at = $1, last_word = $2 WHERE id = ANY($3) AND ended_at IS NULL";
                sqlx::query(note).bind(at.0).bind(why).bind(ids).execute(connection).await?;
                Ok(End::Commit(()))
            })
        });
        noted.await
    }

    async fn end(&self, ends: &[(DeliveryId, String)], at: Millis) -> PortResult<()> {
        let (ids, how): (Vec<_>, Vec<_>) = ends.iter().map(|(id, how)| (signed(id.0), text(how))).unzip();
        let ended = self.database.transaction(Patience::Ordinary, "", move |connection, _| {
            Box::pin(async move {
                let end = "UPDATE dead_letters SET ended_at = $1, last_word = ends.how
                           FROM UNNEST($2::bigint[], $3::text[]) AS ends (id, how)
                           WHERE dead_letters.id = ends.id AND ended_at IS NULL";
                sqlx::query(end).bind(at.0).bind(ids).bind(how).execute(connection).await?;
                Ok(End::Commit(()))
            })
        });
        ended.await
    }

    async fn forget(&self, ended_before: Millis) -> PortResult<u64> {
        let forgotten = self.database.transaction(Patience::Ordinary, "", move |connection, _| {
            Box::pin(async move {
                let forget = sqlx::query("DELETE FROM dead_letters WHERE ended_at < $1").bind(ended_before.0);
                Ok(End::Commit(forget.execute(connection).await?.rows_affected()))
            })
        });
        forgotten.await
    }
}

/// Without the one character that Postgres cannot keep in a text; a letter is not to be lost for it.
fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

async fn put(connection: &mut PgConnection, letters: Vec<NewDeadLetter>, bus: &'static str) -> Result<End<()>, Stop> {
    sqlx::query(
        "INSERT INTO dead_letters (message_key, id, payload, reason, attempts, dead_since, label, set_aside_by, bus)
         SELECT *, $8, $9 FROM UNNEST($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[])
         ON CONFLICT (message_key) DO NOTHING",
    )
    .bind(letters.iter().map(|letter| text(&letter.message_key)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| signed(letter_id(&letter.message_key).0)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.payload.to_vec()).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| text(&letter.reason)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| i64::from(letter.attempts)).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.dead_since.0).collect::<Vec<_>>())
    .bind(letters.iter().map(|letter| letter.label.map(|label| label.encode().to_vec())).collect::<Vec<_>>())
    .bind(process())
    .bind(bus)
    .execute(connection)
    .await?;
    Ok(End::Commit(()))
}

async fn list(connection: &mut PgConnection, limit: usize, bus: &'static str) -> sqlx::Result<Vec<DeadLetter>> {
    let oldest =
        "SELECT id, payload, label, reason, attempts, dead_since, set_aside_by, replayed_at, ended_at, last_word
                  FROM dead_letters WHERE ended_at IS NULL AND bus = $2 ORDER BY dead_since, message_key LIMIT $1";
    let rows = sqlx::query(oldest).bind(signed(limit as u64)).bind(bus).fetch_all(connection).await?;
    rows.iter().map(letter).collect()
}

async fn find(connection: &mut PgConnection, ids: Vec<i64>, bus: &'static str) -> sqlx::Result<Vec<DeadLetter>> {
    let named =
        "SELECT id, payload, label, reason, attempts, dead_since, set_aside_by, replayed_at, ended_at, last_word
                 FROM dead_letters WHERE id = ANY($1) AND bus = $2";
    let rows = sqlx::query(named).bind(ids).bind(bus).fetch_all(connection).await?;
    rows.iter().map(letter).collect()
}

fn letter(row: &PgRow) -> sqlx::Result<DeadLetter> {
    let label: Option<Vec<u8>> = row.try_get(2)?;
    Ok(DeadLetter {
        id: DeliveryId(unsigned(row.try_get(0)?)),
        payload: row.try_get::<Vec<u8>, _>(1)?.into(),
        label: label.and_then(|bytes| Label::decode(&bytes)),
        reason: row.try_get(3)?,
        attempts: units(row.try_get(4)?),
        dead_since: Millis(row.try_get(5)?),
        set_aside_by: row.try_get(6)?,
        replayed_at: row.try_get::<Option<i64>, _>(7)?.map(Millis),
        ended_at: row.try_get::<Option<i64>, _>(8)?.map(Millis),
        last_word: row.try_get(9)?,
    })
}

fn numbers(ids: &[DeliveryId]) -> Vec<i64> {
    ids.iter().map(|id| signed(id.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bus::dead_letters::contract, postgres::scratch::Scratch};
    use stampede_actors::ports::PortFailure;

    /// A shelf whose database goes with it.
    struct Shelf {
        scratch: tokio::sync::OnceCell<Scratch>,
    }

    #[async_trait]
    impl DeadLetterShelf for Shelf {
        async fn put(&self, letters: &[NewDeadLetter]) -> PortResult<()> {
            self.shelf().await.put(letters).await
        }
        async fn list(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
            self.shelf().await.list(limit).await
        }
        async fn count(&self) -> PortResult<u64> {
            self.shelf().await.count().await
        }
        async fn find(&self, ids: &[DeliveryId]) -> PortResult<Vec<DeadLetter>> {
            self.shelf().await.find(ids).await
        }
        async fn replayed(&self, ids: &[DeliveryId], at: Millis, why: &str) -> PortResult<()> {
            self.shelf().await.replayed(ids, at, why).await
        }
        async fn end(&self, ends: &[(DeliveryId, String)], at: Millis) -> PortResult<()> {
            self.shelf().await.end(ends, at).await
        }
        async fn forget(&self, ended_before: Millis) -> PortResult<u64> {
            self.shelf().await.forget(ended_before).await
        }
    }

    impl Shelf {
        fn new() -> Self {
            Self { scratch: tokio::sync::OnceCell::new() }
        }
        async fn shelf(&self) -> PostgresDeadLetters {
            PostgresDeadLetters::new(&self.scratch.get_or_init(Scratch::new).await.open().await)
        }
    }

    contract::dead_letter_contract!(Shelf::new());

    #[tokio::test]
    async fn a_reason_that_postgres_cannot_keep_does_not_lose_the_letter() {
        let shelf = Shelf::new();
        let letter = NewDeadLetter {
            message_key: "k\0".into(),
            payload: vec![0].into(),
            label: None,
            reason: "a\0b".into(),
            attempts: u32::MAX,
            dead_since: Millis(1),
        };
        shelf.put(&[letter.clone(), letter]).await.unwrap();
        let listed = shelf.list(5).await.unwrap();
        assert_eq!((listed.len(), listed[0].reason.as_str(), listed[0].attempts), (1, "a\u{fffd}b", u32::MAX));
    }

    #[tokio::test]
    async fn a_shelf_that_is_closed_is_unavailable() {
        let scratch = Scratch::new().await;
        let database = scratch.open().await;
        let shelf = PostgresDeadLetters::new(&database);
        database.close().await;
        assert!(matches!(shelf.count().await, Err(PortFailure::Unavailable(_))));
    }

    #[tokio::test]
    async fn what_dies_of_one_bus_is_no_letter_of_the_other() {
        let scratch = Scratch::new().await;
        let database = scratch.open().await;
        let (orders, payments) = (PostgresDeadLetters::new(&database), PostgresDeadLetters::of_payments(&database));
        let letter = NewDeadLetter {
            message_key: "1".into(),
            payload: vec![0].into(),
            label: None,
            reason: "strange".into(),
            attempts: 1,
            dead_since: Millis(1),
        };
        orders.put(std::slice::from_ref(&letter)).await.unwrap();
        payments.put(&[letter.clone(), letter]).await.unwrap();
        let (of_orders, of_payments) = (orders.list(5).await.unwrap(), payments.list(5).await.unwrap());
        assert_eq!((of_orders.len(), of_payments.len()), (1, 1));
        assert_eq!((orders.count().await, payments.count().await), (Ok(1), Ok(1)));
        assert_eq!(orders.find(&[of_payments[0].id]).await, Ok(vec![]));
    }
}
