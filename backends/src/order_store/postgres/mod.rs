//! Orders in Postgres.
//!
//! | part | job |
//! |---|---|
//! | [`judging`] | a batch's transaction: which locks, which reads, and when to judge again |
//! | [`insert`] | the one statement that a sale's speed hangs on |
//! | [`rows`] | the other statements, and rows as the domain knows them |
//! | [`holds`] | orders that are paid online, after they were reserved: a transaction that changes them |
//! | [`hold_rows`] | its statements |
//! | [`mails`] | the mails that are owed |
//! | [`mail_rows`] | its statements |
//! | [`audit`] | the sums that the laws judge |
//!
//! A batch costs the same few round trips however long it is: three while nothing of it is known and no limit holds, and one more
//! when anything of it is reserved, and two more when buyers have an address to write to.

mod audit;
mod hold_rows;
mod holds;
mod insert;
mod judging;
mod mail_rows;
mod mails;
mod rows;

use crate::{
    order_store::{
        batch::{distinct, pools_of, unstorable},
        columns::Known,
    },
    postgres::{Database, End, Patience, Source},
    sql::{Stop, signed},
};
use async_trait::async_trait;
use sqlx::PgConnection;
use stampede_actors::ports::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortFailure, PortResult};
use stampede_domain::{Decision, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, Settlement};
use std::collections::HashMap;

/// Buyers that one sweep reads at most (and the rest of the last version among them).
const SWEEP: usize = 10_000;

/// An [`OrderStore`] on Postgres.
#[derive(Clone)]
pub struct PostgresOrderStore {
    database: Database,
}

impl PostgresOrderStore {
    /// The orders in a database.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone() }
    }
}

#[async_trait]
impl OrderStore for PostgresOrderStore {
    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        judging::decide(&self.database, now, entries).await
    }

    async fn unstorable(&self, entries: &[Entry]) -> PortResult<Vec<(usize, String)>> {
        let pools = pools_of(entries);
        let known = self.database.read(Source::Primary, move |connection| {
            let pools = pools.clone();
            Box::pin(async move { Ok(rows::known_pools(connection, &pools).await?) })
        });
        Ok(unstorable(entries, &known.await?, "the database"))
    }

    async fn settlements(&self, orders: &[OrderId]) -> PortResult<Vec<Settlement>> {
        let orders = orders.to_vec();
        let answer = self
            .database
            .snapshot(Source::Primary, Patience::Ordinary, move |connection| Box::pin(settlements(connection, orders)));
        answer.await
    }

    async fn changed_since(&self, pool: PoolId, after: u64) -> PortResult<(Settlement, u64)> {
        let answer = self.database.snapshot(Source::Primary, Patience::Ordinary, move |connection| {
            Box::pin(changed_since(connection, pool, after))
        });
        answer.await
    }

    async fn fates(&self, orders: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>> {
        let orders = orders.to_vec();
        let known = self.database.read(Source::Primary, move |connection| {
            let orders = orders.clone();
            Box::pin(async move { Ok(rows::known(connection, &orders).await?) })
        });
        Ok(known.await?.into_iter().map(|row| (row.order, row.fingerprint, row.decision)).collect())
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<OrderRecord>> {
        let find = self
            .database
            .read(Source::Replica, move |connection| Box::pin(async move { Ok(rows::find(connection, order).await?) }));
        find.await
    }

    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>> {
        // A million buyers are read while the pool is locked: nobody may buy from it before it is open, anyway.
        let answer = self
            .database
            .transaction(Patience::Long, "", move |connection, _| Box::pin(open_pool(connection, pool, epoch)));
        answer.await
    }

    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)> {
        let read = self.database.read(Source::Primary, move |connection| {
            Box::pin(async move { Ok(rows::pool(connection, pool).await?.ok_or_else(|| unknown(pool))?) })
        });
        let row = read.await?;
        Ok((row.epoch, row.numbers))
    }

    async fn audit(&self) -> PortResult<Vec<Audit>> {
        let pools = self
            .database
            .snapshot(Source::Replica, Patience::Long, |connection| {
                Box::pin(async move { Ok(audit::pools(connection).await?) })
            })
            .await?;
        let mut audits = Vec::with_capacity(pools.len());
        for pool in pools {
            let audit = self.database.snapshot(Source::Replica, Patience::Long, move |connection| {
                Box::pin(async move { Ok(audit::pool(connection, pool).await?) })
            });
            audits.push(audit.await?);
        }
        Ok(audits)
    }

    async fn rows_after(&self, after: Option<OrderId>, limit: u32) -> PortResult<Vec<OrderRecord>> {
        let page = self.database.read(Source::Replica, move |connection| {
            Box::pin(async move { Ok(rows::after(connection, after, limit).await?) })
        });
        page.await
    }
}

fn unknown(pool: PoolId) -> PortFailure {
    PortFailure::Impossible(format!("{pool} is not in the database"))
}

async fn settlements(connection: &mut PgConnection, orders: Vec<OrderId>) -> Result<Vec<Settlement>, Stop> {
    let mut by_pool: HashMap<PoolId, Vec<Known>> = HashMap::new();
    for row in rows::known(connection, &orders).await? {
        by_pool.entry(row.pool).or_default().push(row);
    }
    let mut settlements = Vec::with_capacity(by_pool.len());
    for (pool, known) in by_pool {
        let Some(row) = rows::pool(connection, pool).await? else { continue };
        let buyers = match row.limit_per_buyer {
            Some(_) => {
                let concerned = distinct(known.iter().map(|row| row.buyer));
                let wanted = concerned.iter().map(|buyer| (pool, *buyer)).collect();
                let units = rows::units(connection, wanted).await?.remove(&pool).unwrap_or_default();
                concerned.into_iter().map(|buyer| (buyer, units.get(&buyer).copied().unwrap_or(0))).collect()
            }
            None => Vec::new(),
        };
        let decided = known.iter().map(Known::decided).collect();
        settlements.push(Settlement { pool, numbers: row.numbers, decided, buyers });
    }
    Ok(settlements)
}

async fn changed_since(connection: &mut PgConnection, pool: PoolId, after: u64) -> Result<(Settlement, u64), Stop> {
    let row = rows::pool(connection, pool).await?.ok_or_else(|| unknown(pool))?;
    let (buyers, swept) = rows::buyers_since(connection, pool, after, SWEEP).await?;
    let numbers = row.numbers;
    // No buyer left out: everything up to the pool's own version has been told.
    let swept = swept.unwrap_or(numbers.version);
    Ok((Settlement { pool, numbers, decided: Vec::new(), buyers }, swept))
}

async fn open_pool(connection: &mut PgConnection, pool: PoolId, epoch: u64) -> Result<End<Option<PoolOpening>>, Stop> {
    let raised = sqlx::query("UPDATE pools SET epoch = epoch + 1, version = version + 1 WHERE id = $1 AND epoch = $2")
        .bind(pool.0)
        .bind(signed(epoch))
        .execute(&mut *connection)
        .await?;
    // The row is locked from here on, so what is read below belongs to it, although each statement looks anew.
    let row = rows::pool(connection, pool).await?.ok_or_else(|| unknown(pool))?;
    if raised.rows_affected() == 0 {
        return Ok(End::RollBack(None));
    }
    let buyers = match row.limit_per_buyer {
        Some(_) => rows::all_units(connection, pool).await?,
        None => Vec::new(),
    };
    let virgin = rows::is_empty(connection).await?;
    Ok(End::Commit(Some(PoolOpening { epoch: row.epoch, numbers: row.numbers, buyers, virgin })))
}

#[cfg(test)]
mod tests;
