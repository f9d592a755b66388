//! The bank's records in `bank.db`, as durable as the shop's own files: a bank that forgot would prove nothing.

use super::{
    keeper::{Change, Keeper},
    record::{Act, Record},
};
use crate::{
    sql::{Stop, strange},
    sqlite::{OpenError, Sizes, SqliteFile, Trouble, Writer},
};
use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};
use stampede_actors::ports::PortResult;
use stampede_domain::{Millis, PaymentId};
use std::path::Path;

/// The file's name in the data directory, as it stands in messages.
const FILE: &str = "bank.db";
/// It is a guest in the shop's process: small caches, and a log of 4 MiB.
const SIZES: Sizes = Sizes { writer_cache_kib: 1024, reader_cache_kib: 512, readers: 2, log_pages: 1024 };

pub(super) struct BankFile {
    writer: Writer,
    readers: SqlitePool,
}

impl BankFile {
    pub(super) async fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let file = SqliteFile::open(path.clone(), &sqlx::migrate!("../migrations/sqlite/bank"), SIZES).await?;
        let readers = file.readers().await?;
        let unusable = |error: sqlx::Error| OpenError::Unusable { file: path, cause: error.to_string() };
        Ok(Self { writer: Writer::open(file).await.map_err(unusable)?, readers })
    }

    pub(super) fn trouble(&self) -> Trouble {
        self.writer.trouble().clone()
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn reading(&self) -> impl Fn(sqlx::Error) -> stampede_actors::ports::PortFailure {
        self.writer.trouble().reading()
    }
}

#[async_trait]
impl Keeper for BankFile {
    async fn open(&self, new: Record) -> PortResult<Record> {
        self.writer.transaction(|connection| Box::pin(insert(connection, new))).await
    }

    async fn change(&self, payment: &PaymentId, now: Millis, act: Act) -> PortResult<Option<Change>> {
        let payment = payment.clone();
        self.writer.transaction(move |connection| Box::pin(change(connection, payment, now, act))).await
    }

    async fn find(&self, payment: &PaymentId) -> PortResult<Option<Record>> {
        let row = sqlx::query("SELECT document FROM payments WHERE id = ?1").bind(payment.as_str());
        let row = row.fetch_optional(&self.readers).await.map_err(self.reading())?;
        row.as_ref().map(record).transpose().map_err(self.reading())
    }

    async fn since(&self, since: Millis, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<Record>> {
        let rows = sqlx::query(
            "SELECT p.document FROM payments p LEFT JOIN payments a ON a.id = ?2
             WHERE p.created_at >= ?1 AND (a.id IS NULL OR (p.created_at, p.id) > (a.created_at, a.id))
             ORDER BY p.created_at, p.id LIMIT ?3",
        );
        let rows = rows.bind(since.0).bind(after.map(PaymentId::as_str)).bind(i64::from(limit));
        let rows = rows.fetch_all(&self.readers).await.map_err(self.reading())?;
        rows.iter().map(record).collect::<sqlx::Result<_>>().map_err(self.reading())
    }
}

async fn insert(connection: &mut SqliteConnection, new: Record) -> Result<Record, Stop> {
    let known = sqlx::query("SELECT document FROM payments WHERE idem_key = ?1").bind(&new.key);
    if let Some(row) = known.fetch_optional(&mut *connection).await? {
        return Ok(record(&row)?);
    }
    let mut number = 0;
    loop {
        let named = new.numbered(number);
        let insert = sqlx::query("INSERT INTO payments VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING");
        let insert = insert.bind(named.id.as_str()).bind(&named.key).bind(named.created_at.0).bind(written(&named)?);
        if insert.execute(&mut *connection).await?.rows_affected() == 1 {
            return Ok(named);
        }
        number += 1;
    }
}

async fn change(
    connection: &mut SqliteConnection,
    payment: PaymentId,
    now: Millis,
    act: Act,
) -> Result<Option<Change>, Stop> {
    let found = sqlx::query("SELECT document FROM payments WHERE id = ?1").bind(payment.as_str());
    let Some(row) = found.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let change = Change::of(record(&row)?, now, &act);
    if change.after != change.before {
        let update = sqlx::query("UPDATE payments SET document = ?2 WHERE id = ?1");
        update.bind(payment.as_str()).bind(written(&change.after)?).execute(&mut *connection).await?;
    }
    Ok(Some(change))
}

fn record(row: &SqliteRow) -> sqlx::Result<Record> {
    let document: &str = row.try_get(0)?;
    serde_json::from_str(document).map_err(|error| strange(format!("a payment of the bank ({error})")))
}

fn written(record: &Record) -> sqlx::Result<String> {
    serde_json::to_string(record).map_err(|error| sqlx::Error::Encode(error.into()))
}
