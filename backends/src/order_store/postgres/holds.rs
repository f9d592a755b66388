//! Orders that are paid online: the port, and a transaction that changes them, with others at work.
//!
//! 1. The holds are locked, in the order of their ids, together with `BEGIN`.
//! 2. They are read after that, and judged: what others committed before is among it (READ COMMITTED).
//! 3. The pools whose units move, and only those, are locked in the order of their ids. So whoever begins to pay or looks again is
//!    never in the way of a sale.
//! 4. Everything is written, set by set.
//!
//! Nobody waits in a circle: whoever wants both locks holds before pools, and a judge, who locks pools first, locks no hold: it
//! only inserts new ones.

use super::{PostgresOrderStore, hold_rows, insert, mail_rows, rows, unknown};
use crate::{
    order_store::{
        holds::{self, Move, freed},
        mails::with_address,
    },
    postgres::{End, Patience, Source},
    sql::Stop,
};
use async_trait::async_trait;
use sqlx::PgConnection;
use stampede_actors::ports::{BookedPayment, HoldStore, HoldSums, HoldsChanged, PortResult};
use stampede_domain::{BuyerId, Hold, HoldChange, Millis, OrderId, PaymentId, PoolId, Settlement};
use std::collections::BTreeMap;

#[async_trait]
impl HoldStore for PostgresOrderStore {
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged> {
        if wanted.is_empty() {
            return Ok(HoldsChanged::default());
        }
        let wanted = wanted.to_vec();
        let lock = hold_rows::lock(&wanted.iter().map(|(order, _)| *order).collect::<Vec<_>>());
        let answer = self
            .database
            .transaction(Patience::Ordinary, &lock, move |connection, _| Box::pin(change(connection, now, wanted)));
        answer.await
    }

    /// By the server that decides: whoever has just begun to pay is told so.
    async fn hold(&self, order: OrderId) -> PortResult<Option<Hold>> {
        let found = self.database.read(Source::Primary, move |connection| {
            Box::pin(async move { Ok(hold_rows::of(connection, &[order]).await?) })
        });
        Ok(found.await?.into_iter().next())
    }

    async fn due(&self, now: Millis, limit: u32) -> PortResult<Vec<Hold>> {
        let due = self.database.read(Source::Primary, move |connection| {
            Box::pin(async move { Ok(hold_rows::due(connection, now, limit).await?) })
        });
        due.await
    }

    async fn hold_sums(&self, now: Millis) -> PortResult<HoldSums> {
        let sums = self.database.snapshot(Source::Replica, Patience::Long, move |connection| {
            Box::pin(async move { Ok(hold_rows::sums(connection, now).await?) })
        });
        sums.await
    }

    async fn payments_after(&self, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<BookedPayment>> {
        let after = after.cloned();
        let page = self.database.read(Source::Replica, move |connection| {
            let after = after.clone();
            Box::pin(async move { Ok(hold_rows::payments_after(connection, after.as_ref(), limit).await?) })
        });
        page.await
    }
}

async fn change(
    connection: &mut PgConnection,
    now: Millis,
    wanted: Vec<(OrderId, HoldChange)>,
) -> Result<End<HoldsChanged>, Stop> {
    let orders: Vec<_> = wanted.iter().map(|(order, _)| *order).collect();
    let found = hold_rows::of(connection, &orders).await?;
    let changed = holds::change(now, &wanted, found);
    if changed.holds.is_empty() {
        return Ok(End::RollBack(HoldsChanged { answers: changed.answers, settlements: Vec::new() }));
    }
    let settlements = match changed.moves.is_empty() {
        true => Vec::new(),
        false => settle(connection, &changed.moves).await?,
    };
    hold_rows::update(connection, &changed.holds).await?;
    hold_rows::write_payments(connection, &changed.payments).await?;
    if !changed.mails.is_empty() {
        let contacts = mail_rows::contacts(connection, &changed.mailed()).await?;
        mail_rows::owe(connection, now, &with_address(&changed.mails, &contacts)).await?;
    }
    Ok(End::Commit(HoldsChanged { answers: changed.answers, settlements }))
}

/// Moves units in the pools.
async fn settle(connection: &mut PgConnection, moves: &BTreeMap<PoolId, Vec<Move>>) -> Result<Vec<Settlement>, Stop> {
    let concerned: Vec<PoolId> = moves.keys().copied().collect();
    let mut pools = rows::lock_now(connection, &concerned).await?;
    let has_limit = |pool: &PoolId| pools.get(pool).is_some_and(|row| row.limit_per_buyer.is_some());
    let limited = moves.iter().filter(|(pool, _)| has_limit(pool));
    let freed: Vec<(PoolId, BuyerId)> =
        limited.flat_map(|(pool, moves)| freed(moves).into_iter().map(|buyer| (*pool, buyer))).collect();
    let mut units = if freed.is_empty() { rows::Units::new() } else { rows::units(connection, freed).await? };
    let mut settlements = Vec::with_capacity(moves.len());
    for (pool, moves) in moves {
        let row = pools.get_mut(pool).ok_or_else(|| unknown(*pool))?;
        settlements.push(holds::settle(*pool, row, units.entry(*pool).or_default(), moves));
    }
    hold_rows::write_numbers(connection, &settlements).await?;
    let mut kept = Vec::new();
    for Settlement { pool, numbers, buyers, .. } in &settlements {
        kept.extend(buyers.iter().map(|(buyer, units)| (*pool, *buyer, *units, numbers.version)));
    }
    if !kept.is_empty() {
        insert::set_units(connection, kept).await?;
    }
    Ok(settlements)
}
