//! Orders that are paid online: the port, and a transaction that changes them. The file has one writer at a time, so nothing is
//! locked here.

use super::{SqliteOrderStore, hold_rows, mail_rows, rows, unknown};
use crate::{
    order_store::{holds, mails::with_address},
    sql::Stop,
};
use async_trait::async_trait;
use sqlx::SqliteConnection;
use stampede_actors::ports::{BookedPayment, HoldStore, HoldSums, HoldsChanged, PortResult};
use stampede_domain::{Hold, HoldChange, Millis, OrderId, PaymentId};
use std::collections::HashMap;

#[async_trait]
impl HoldStore for SqliteOrderStore {
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged> {
        if wanted.is_empty() {
            return Ok(HoldsChanged::default());
        }
        let wanted = wanted.to_vec();
        self.shop.writer.transaction(move |connection| Box::pin(change(connection, now, wanted))).await
    }

    async fn hold(&self, order: OrderId) -> PortResult<Option<Hold>> {
        let mut connection = self.readers().acquire().await.map_err(self.shop.reading())?;
        let found = hold_rows::of(&mut connection, &[order]).await.map_err(self.shop.reading())?;
        Ok(found.into_iter().next())
    }

    async fn due(&self, now: Millis, limit: u32) -> PortResult<Vec<Hold>> {
        hold_rows::due(self.readers(), now, limit).await.map_err(self.shop.reading())
    }

    async fn hold_sums(&self, now: Millis) -> PortResult<HoldSums> {
        let mut snapshot = self.snapshot().await?;
        let sums = hold_rows::sums(&mut snapshot, now).await.map_err(self.shop.reading())?;
        snapshot.rollback().await.map_err(self.shop.reading())?;
        Ok(sums)
    }

    async fn payments_after(&self, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<BookedPayment>> {
        hold_rows::payments_after(self.readers(), after, limit).await.map_err(self.shop.reading())
    }
}

async fn change(
    connection: &mut SqliteConnection,
    now: Millis,
    wanted: Vec<(OrderId, HoldChange)>,
) -> Result<HoldsChanged, Stop> {
    let orders: Vec<_> = wanted.iter().map(|(order, _)| *order).collect();
    let found = hold_rows::of(connection, &orders).await?;
    let changed = holds::change(now, &wanted, found);
    let mut settlements = Vec::with_capacity(changed.moves.len());
    for (pool, moves) in &changed.moves {
        let mut row = rows::pool(connection, *pool).await?.ok_or_else(|| unknown(*pool))?;
        let freed = if row.limit_per_buyer.is_some() { holds::freed(moves) } else { Vec::new() };
        let mut units = if freed.is_empty() { HashMap::new() } else { rows::units(connection, *pool, freed).await? };
        let settlement = holds::settle(*pool, &mut row, &mut units, moves);
        rows::update_pool(connection, *pool, &row.numbers).await?;
        if !settlement.buyers.is_empty() {
            rows::set_units(connection, *pool, row.numbers.version, settlement.buyers.clone()).await?;
        }
        settlements.push(settlement);
    }
    hold_rows::write(connection, &changed.holds).await?;
    hold_rows::write_payments(connection, &changed.payments).await?;
    if !changed.mails.is_empty() {
        let contacts = mail_rows::contacts(connection, &changed.mailed()).await?;
        mail_rows::owe(connection, now, &with_address(&changed.mails, &contacts)).await?;
    }
    Ok(HoldsChanged { answers: changed.answers, settlements })
}
