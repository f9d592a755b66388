//! For the fuzz targets: what decodes bytes, one function each. In no shop (feature `fuzz`).

use crate::sql::signed;
pub use crate::{
    bus::fuzz::{QueueRows, QueueSeen, pubsub_attribute, pubsub_label},
    ledger::fuzz::redis_answers,
    order_store::fuzz::{HoldRows, HoldsSeen, ShopRows, ShopSeen},
    payments::fuzz::{Notices, Provider},
    sqlite::fuzz::{Log, log, sums},
};
use sqlx::{AssertSqlSafe, SqlitePool, sqlite::SqlitePoolOptions};

/// What a cell of a table holds. SQLite keeps any of it in any column that is not strict.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    Integer(i64),
    /// A number with a point.
    Real(f64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// The cells of a row, in the order of its columns; those that are missing are left to the table.
pub type Row = Vec<Cell>;

/// A database in memory.
pub(crate) async fn database(schema: &[&str]) -> SqlitePool {
    let one = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
    let pool = one.connect("sqlite::memory:").await.expect("because memory can be opened");
    run(&pool, "PRAGMA ignore_check_constraints = ON").await;
    for part in schema {
        run(&pool, part).await;
    }
    pool
}

async fn run(pool: &SqlitePool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.expect("because it is a statement of ours");
}

/// Fills a table with these rows and no others, numbered from 1 on in the column `number` if there is one. A row that the
/// table does not take is left out.
pub(crate) async fn fill(pool: &SqlitePool, table: &str, number: Option<&str>, columns: &[&str], rows: &[Row]) {
    run(pool, &format!("DELETE FROM {table}")).await;
    for (place, row) in (1_u64..).zip(rows) {
        let cells = row.iter().take(columns.len());
        let names: Vec<_> = number.into_iter().chain(columns.iter().copied().take(row.len())).collect();
        let marks = vec!["?"; names.len()].join(", ");
        let sql = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({marks})", names.join(", "));
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        if number.is_some() {
            insert = insert.bind(signed(place));
        }
        for cell in cells {
            insert = match cell {
                Cell::Null => insert.bind(None::<i64>),
                Cell::Integer(number) => insert.bind(*number),
                Cell::Real(number) => insert.bind(*number),
                Cell::Text(text) => insert.bind(text.clone()),
                Cell::Blob(bytes) => insert.bind(bytes.clone()),
            };
        }
        // What a column refuses even now is no row.
        let _ = insert.execute(pool).await;
    }
}
