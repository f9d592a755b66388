//! The insert of a sale: many rows in few statements.
//!
//! Rows are bound value by value into a prepared `VALUES` list: three times cheaper a row than taking them apart from JSON.
//! A list has a fixed length, so that its statement is prepared once; what is left over at its end stays NULL and is not
//! selected.

use crate::{
    order_store::columns::{NewRow, contact_text, status_code},
    sql::signed,
};
use sqlx::{AssertSqlSafe, SqliteConnection};
use stampede_domain::Millis;
use std::{iter, sync::LazyLock};

/// Rows of the long list: 2,816 values, far below SQLite's 32,766, and few statements for a full batch.
const LONG: usize = 256;
/// Rows of the short list, for quiet times.
const SHORT: usize = 16;

static INSERT_LONG: LazyLock<String> = LazyLock::new(|| insert_of(LONG));
static INSERT_SHORT: LazyLock<String> = LazyLock::new(|| insert_of(SHORT));

fn insert_of(rows: usize) -> String {
    let values: Vec<&str> = iter::repeat_n("(?,?,?,?,?,?,?,?,?,?,?)", rows).collect();
    format!(
        "INSERT INTO orders (id, pool, quantity, buyer, fingerprint, status, decision, asked_at, decided_at, version, contact)
         SELECT * FROM (VALUES {}) WHERE column1 IS NOT NULL",
        values.join(",")
    )
}

/// Inserts rows, in their order.
pub(super) async fn insert(connection: &mut SqliteConnection, rows: &[NewRow], decided_at: Millis) -> sqlx::Result<()> {
    for list in rows.chunks(LONG) {
        let sql = if list.len() > SHORT { INSERT_LONG.as_str() } else { INSERT_SHORT.as_str() };
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for row in list {
            let NewRow { order, pool, quantity, buyer, fingerprint, decision, asked_at, version, contact } = row;
            statement = statement
                .bind(order.bytes().to_vec())
                .bind(pool.0)
                .bind(i64::from(*quantity))
                .bind(buyer.0)
                .bind(fingerprint.0)
                .bind(status_code(decision.status()))
                .bind(i64::from(decision.code()))
                .bind(asked_at.0)
                .bind(decided_at.0)
                .bind(signed(*version))
                .bind(contact_text(contact));
        }
        statement.execute(&mut *connection).await?;
    }
    Ok(())
}
