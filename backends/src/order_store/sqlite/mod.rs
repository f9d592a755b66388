//! Orders in `shop.db`.
//!
//! | part | job |
//! |---|---|
//! | [`insert`] | the one statement that a sale's speed hangs on |
//! | [`rows`] | the other statements, and rows as the domain knows them |
//! | [`holds`] | orders that are paid online, after they were reserved: a transaction that changes them |
//! | [`hold_rows`] | its statements |
//! | [`mails`] | the mails that are owed |
//! | [`mail_rows`] | its statements |
//! | [`audit`] | the sums that the laws judge |
//!
//! A batch costs the same few statements however long it is: every statement is a hop to SQLite's thread and back.

mod audit;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod hold_rows;
mod holds;
mod insert;
mod mail_rows;
mod mails;
mod rows;

use crate::{
    order_store::{
        batch::{Batch, distinct, pools_of, unstorable},
        columns::Known,
        mails::of_decisions,
    },
    sql::{Stop, signed},
    sqlite::{SHOP_FILE as FILE, ShopFile},
};
use async_trait::async_trait;
use sqlx::{SqliteConnection, SqlitePool, SqliteTransaction};
use stampede_actors::ports::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortFailure, PortResult};
use stampede_domain::{Decision, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, Settlement};
use std::collections::HashMap;

/// Buyers that one sweep reads at most (and the rest of the last version among them).
const SWEEP: usize = 10_000;

/// An [`OrderStore`] on SQLite.
#[derive(Clone)]
pub struct SqliteOrderStore {
    shop: ShopFile,
}

impl SqliteOrderStore {
    /// The orders in a shop's file.
    #[must_use]
    pub fn new(shop: &ShopFile) -> Self {
        Self { shop: shop.clone() }
    }

    /// A read transaction: everything read in it is of one moment. Dropped, it is rolled back before the connection is used
    /// again.
    async fn snapshot(&self) -> PortResult<SqliteTransaction<'static>> {
        self.shop.readers.begin().await.map_err(self.shop.reading())
    }

    fn readers(&self) -> &SqlitePool {
        &self.shop.readers
    }
}

#[async_trait]
impl OrderStore for SqliteOrderStore {
    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch::new(now, entries);
        self.shop.writer.transaction(move |connection| Box::pin(decide(connection, batch))).await
    }

    async fn unstorable(&self, entries: &[Entry]) -> PortResult<Vec<(usize, String)>> {
        let known = rows::known_pools(self.readers(), &pools_of(entries)).await.map_err(self.shop.reading())?;
        Ok(unstorable(entries, &known, FILE))
    }

    async fn settlements(&self, orders: &[OrderId]) -> PortResult<Vec<Settlement>> {
        let mut snapshot = self.snapshot().await?;
        let settlements = settlements(&mut snapshot, orders).await.map_err(self.shop.reading())?;
        snapshot.rollback().await.map_err(self.shop.reading())?;
        Ok(settlements)
    }

    async fn changed_since(&self, pool: PoolId, after: u64) -> PortResult<(Settlement, u64)> {
        let mut snapshot = self.snapshot().await?;
        let row = rows::pool(&mut snapshot, pool).await.map_err(self.shop.reading())?.ok_or_else(|| unknown(pool))?;
        let (buyers, swept) =
            rows::buyers_since(&mut snapshot, pool, after, SWEEP).await.map_err(self.shop.reading())?;
        snapshot.rollback().await.map_err(self.shop.reading())?;
        let numbers = row.numbers;
        // No buyer left out: everything up to the pool's own version has been told.
        let swept = swept.unwrap_or(numbers.version);
        Ok((Settlement { pool, numbers, decided: Vec::new(), buyers }, swept))
    }

    async fn fates(&self, orders: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>> {
        let mut connection = self.readers().acquire().await.map_err(self.shop.reading())?;
        let known = rows::known(&mut connection, orders).await.map_err(self.shop.reading())?;
        Ok(known.into_iter().map(|row| (row.order, row.fingerprint, row.decision)).collect())
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<OrderRecord>> {
        rows::find(self.readers(), order).await.map_err(self.shop.reading())
    }

    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>> {
        self.shop.writer.transaction(move |connection| Box::pin(open_pool(connection, pool, epoch))).await
    }

    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)> {
        let mut connection = self.readers().acquire().await.map_err(self.shop.reading())?;
        let row = rows::pool(&mut connection, pool).await.map_err(self.shop.reading())?.ok_or_else(|| unknown(pool))?;
        Ok((row.epoch, row.numbers))
    }

    async fn audit(&self) -> PortResult<Vec<Audit>> {
        let mut audits = Vec::new();
        for pool in audit::pools(self.readers()).await.map_err(self.shop.reading())? {
            let mut snapshot = self.snapshot().await?;
            audits.push(audit::pool(&mut snapshot, pool).await.map_err(self.shop.reading())?);
            snapshot.rollback().await.map_err(self.shop.reading())?;
        }
        Ok(audits)
    }

    async fn rows_after(&self, after: Option<OrderId>, limit: u32) -> PortResult<Vec<OrderRecord>> {
        rows::after(self.readers(), after, limit).await.map_err(self.shop.reading())
    }
}

fn unknown(pool: PoolId) -> PortFailure {
    PortFailure::Impossible(format!("{pool} is not in {FILE}"))
}

async fn decide(connection: &mut SqliteConnection, mut batch: Batch) -> Result<Vec<Judgement>, Stop> {
    let mut known = rows::known_map(connection, batch.orders()).await?;
    let mut judgements = Vec::new();
    let (mut new_rows, mut new_holds) = (Vec::new(), Vec::new());
    for part in batch.parts() {
        let pool = part.pool;
        let mut row = rows::pool(connection, pool).await?.ok_or_else(|| unknown(pool))?;
        let mut units = match row.limit_per_buyer {
            Some(_) => rows::units(connection, pool, part.buyers()).await?,
            None => HashMap::new(),
        };
        let outcome = part.judge(batch.now(), &mut row, &mut units, &mut known);
        if !outcome.rows.is_empty() {
            // Numbers before orders: a batch that would break the pool's constraint fails before its rows are written.
            rows::update_pool(connection, pool, &row.numbers).await?;
            if row.limit_per_buyer.is_some() {
                rows::set_units(connection, pool, row.numbers.version, outcome.bought).await?;
            }
            new_rows.extend(outcome.rows);
            new_holds.extend(outcome.holds);
        }
        judgements.extend(outcome.judgement);
    }
    if !new_rows.is_empty() {
        // In the order of their ids, so that the insert appends.
        new_rows.sort_unstable_by_key(|row| row.order);
        insert::insert(connection, &new_rows, batch.now()).await?;
        hold_rows::write(connection, &new_holds).await?;
        mail_rows::write(connection, batch.now(), of_decisions(&new_rows)).await?;
    }
    Ok(judgements)
}

async fn settlements(connection: &mut SqliteConnection, orders: &[OrderId]) -> sqlx::Result<Vec<Settlement>> {
    let mut by_pool: HashMap<PoolId, Vec<Known>> = HashMap::new();
    for row in rows::known(connection, orders).await? {
        by_pool.entry(row.pool).or_default().push(row);
    }
    let mut settlements = Vec::with_capacity(by_pool.len());
    for (pool, known) in by_pool {
        let Some(row) = rows::pool(connection, pool).await? else { continue };
        let buyers = match row.limit_per_buyer {
            Some(_) => {
                let concerned = distinct(known.iter().map(|row| row.buyer));
                let units = rows::units(connection, pool, concerned.clone()).await?;
                concerned.into_iter().map(|buyer| (buyer, units.get(&buyer).copied().unwrap_or(0))).collect()
            }
            None => Vec::new(),
        };
        let decided = known.iter().map(Known::decided).collect();
        settlements.push(Settlement { pool, numbers: row.numbers, decided, buyers });
    }
    Ok(settlements)
}

async fn open_pool(connection: &mut SqliteConnection, pool: PoolId, epoch: u64) -> Result<Option<PoolOpening>, Stop> {
    let raised = sqlx::query("UPDATE pools SET epoch = epoch + 1, version = version + 1 WHERE id = ? AND epoch = ?")
        .bind(pool.0)
        .bind(signed(epoch))
        .execute(&mut *connection)
        .await?;
    let row = rows::pool(connection, pool).await?.ok_or_else(|| unknown(pool))?;
    if raised.rows_affected() == 0 {
        return Ok(None);
    }
    let buyers = match row.limit_per_buyer {
        Some(_) => rows::all_units(connection, pool).await?,
        None => Vec::new(),
    };
    let virgin = rows::is_empty(connection).await?;
    Ok(Some(PoolOpening { epoch: row.epoch, numbers: row.numbers, buyers, virgin }))
}

#[cfg(test)]
mod tests;
