//! A batch's transaction, with other writers at work.
//!
//! 1. The rows of all its pools are locked, in the order of their ids, so that two writers wait for each other in one direction
//!    only. From then on nobody else decides anything for these pools.
//! 2. What is known of its ids is read *after* the locks were had: READ COMMITTED lets each statement see what was committed
//!    before it began, so the decisions of whoever held the locks before are among it.
//! 3. It is judged, and written by one statement. `ON CONFLICT DO NOTHING` waits for another transaction that is inserting the
//!    same id and tells by the number of rows who was first.
//!
//! One thing can come between 2 and 3: the same id, offered for *another* pool by a writer that holds other locks. Then fewer rows
//! are inserted than were judged, everything is rolled back, and the batch is judged again: the other's row is there now.
//!
//! Nearly every batch is all new. So it is first judged as if nothing of it were known, without step 2, and the insert itself
//! finds out. Not so for expiries and failures, which are fenced *before* anything is inserted: a fenced one may be known.

use super::{
    hold_rows,
    insert::{self, Change},
    mail_rows, rows, unknown,
};
use crate::{
    order_store::{
        batch::{Batch, KnownOrders},
        mails::of_decisions,
    },
    postgres::{Database, End, Patience},
    sql::Stop,
};
use sqlx::{PgConnection, postgres::PgRow};
use stampede_actors::ports::{Entry, Judgement, PortFailure, PortResult};
use stampede_domain::{BuyerId, Millis, PoolId, decide::Want};
use std::collections::HashMap;

/// How often a batch is judged with all that is known before it is given up for now. Each time somebody else has decided one of
/// its ids for another pool.
const ATTEMPTS: u32 = 5;

/// Judgements, or nothing when somebody else decided one of the ids meanwhile.
type Judged = Option<Vec<Judgement>>;

pub(super) async fn decide(database: &Database, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    if entries.iter().all(|entry| entry.want == Want::Place) {
        match attempt(database, now, entries, false).await {
            Ok(Some(judgements)) => return Ok(judgements),
            // What looks impossible as a new order may be the repetition of a known one.
            Ok(None) | Err(PortFailure::Impossible(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    for _ in 0..ATTEMPTS {
        if let Some(judgements) = attempt(database, now, entries, true).await? {
            return Ok(judgements);
        }
    }
    Err(PortFailure::Unavailable("postgres: other writers decided ids of this batch, again and again".into()))
}

async fn attempt(database: &Database, now: Millis, entries: &[Entry], ask: bool) -> PortResult<Judged> {
    let batch = Batch::new(now, entries);
    let locks = rows::lock(&batch.pools());
    let answer = database.transaction(Patience::Ordinary, &locks, move |connection, locked| {
        Box::pin(judge(connection, locked, batch, ask))
    });
    answer.await
}

async fn judge(
    connection: &mut PgConnection,
    locked: Vec<PgRow>,
    mut batch: Batch,
    ask: bool,
) -> Result<End<Judged>, Stop> {
    let mut pools = rows::locked(&locked)?;
    let mut known: KnownOrders = if ask { rows::known_map(connection, batch.orders()).await? } else { HashMap::new() };
    let parts = batch.parts();
    let limited = parts.iter().filter(|part| pools.get(&part.pool).is_some_and(|row| row.limit_per_buyer.is_some()));
    let wanted: Vec<(PoolId, BuyerId)> =
        limited.flat_map(|part| part.buyers().into_iter().map(|buyer| (part.pool, buyer))).collect();
    let mut units = if wanted.is_empty() { HashMap::new() } else { rows::units(connection, wanted).await? };
    let mut judgements = Vec::with_capacity(parts.len());
    let mut reserved = Vec::new();
    let mut change = Change { decided_at: batch.now(), ..Change::default() };
    for part in parts {
        let pool = part.pool;
        let row = pools.get_mut(&pool).ok_or_else(|| unknown(pool))?;
        let outcome = part.judge(batch.now(), row, units.entry(pool).or_default(), &mut known);
        if !outcome.rows.is_empty() {
            change.pools.push((pool, row.numbers));
            let version = row.numbers.version;
            change.bought.extend(outcome.bought.into_iter().map(|(buyer, units)| (pool, buyer, units, version)));
            change.rows.extend(outcome.rows);
            reserved.extend(outcome.holds);
        }
        judgements.extend(outcome.judgement);
    }
    if change.rows.is_empty() {
        return Ok(End::RollBack(Some(judgements)));
    }
    let meant = change.rows.len() as u64;
    let mails = of_decisions(&change.rows);
    if insert::write(connection, change).await? < meant {
        return Ok(End::RollBack(None));
    }
    hold_rows::insert(connection, &mut reserved).await?;
    mail_rows::write(connection, batch.now(), mails).await?;
    Ok(End::Commit(Some(judgements)))
}
