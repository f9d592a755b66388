//! Forgetting the orders of an event: for the demo only, so it is no part of the port.

use super::{ONE_AT_A_TIME, PostgresCatalogue};
use crate::{
    catalogue::shelf::Shelf as _,
    postgres::{End, Patience},
    sql::Stop,
};
use sqlx::PgConnection;
use stampede_actors::ports::PortResult;
use stampede_domain::EventSlug;

impl PostgresCatalogue {
    /// Forgets all orders of an event. Its pools' epochs rise, which tells a running shop that its ledger is out of date. Only
    /// the tables' owner may: a user in the role `stampede_writer` cannot delete orders, on purpose.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    pub async fn forget_orders(&self, event: &EventSlug) -> PortResult<()> {
        let slug = event.to_string();
        let answer = self
            .database
            .transaction(Patience::Long, ONE_AT_A_TIME, move |connection, _| Box::pin(forget(connection, slug)));
        answer.await
    }
}

async fn forget(connection: &mut PgConnection, slug: String) -> Result<End<()>, Stop> {
    // Who pays and the judge are kept out first, in their own order.
    const OF_THE_EVENT: [&str; 9] = [
        "SELECT id FROM holds WHERE pool IN (SELECT id FROM pools WHERE event = $1) ORDER BY id FOR UPDATE",
        "SELECT id FROM pools WHERE event = $1 ORDER BY id FOR UPDATE",
        "DELETE FROM mails WHERE order_id IN
             (SELECT id FROM orders WHERE pool IN (SELECT id FROM pools WHERE event = $1))",
        "DELETE FROM addresses WHERE order_id IN
             (SELECT id FROM orders WHERE pool IN (SELECT id FROM pools WHERE event = $1))",
        "DELETE FROM payments WHERE order_id IN
             (SELECT id FROM holds WHERE pool IN (SELECT id FROM pools WHERE event = $1))",
        "DELETE FROM holds WHERE pool IN (SELECT id FROM pools WHERE event = $1)",
        "DELETE FROM orders WHERE pool IN (SELECT id FROM pools WHERE event = $1)",
        "DELETE FROM buyer_units WHERE pool IN (SELECT id FROM pools WHERE event = $1)",
        "UPDATE pools SET held = 0, sold = 0, version = version + 1, epoch = epoch + 1 WHERE event = $1",
    ];
    for statement in OF_THE_EVENT {
        sqlx::query(statement).bind(&slug).execute(&mut *connection).await?;
    }
    connection.raise_revision().await?;
    Ok(End::Commit(()))
}
