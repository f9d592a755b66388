//! Forgetting the orders of an event: for the demo only, so it is no part of the port.

use super::SqliteCatalogue;
use crate::{catalogue::shelf::Shelf as _, sql::Stop};
use sqlx::SqliteConnection;
use stampede_actors::ports::PortResult;
use stampede_domain::EventSlug;

impl SqliteCatalogue {
    /// Forgets all orders of an event. Its pools' epochs rise, which tells a running shop that its ledger is out of date.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    pub async fn forget_orders(&self, event: &EventSlug) -> PortResult<()> {
        let slug = event.to_string();
        self.shop.writer.transaction(move |connection| Box::pin(forget(connection, slug))).await
    }
}

async fn forget(connection: &mut SqliteConnection, slug: String) -> Result<(), Stop> {
    const OF_THE_EVENT: [&str; 7] = [
        "DELETE FROM mails WHERE order_id IN
             (SELECT id FROM orders WHERE pool IN (SELECT id FROM pools WHERE event = ?1))",
        "DELETE FROM addresses WHERE order_id IN
             (SELECT id FROM orders WHERE pool IN (SELECT id FROM pools WHERE event = ?1))",
        "DELETE FROM payments WHERE order_id IN
             (SELECT id FROM holds WHERE pool IN (SELECT id FROM pools WHERE event = ?1))",
        "DELETE FROM holds WHERE pool IN (SELECT id FROM pools WHERE event = ?1)",
        "DELETE FROM orders WHERE pool IN (SELECT id FROM pools WHERE event = ?1)",
        "DELETE FROM buyer_units WHERE pool IN (SELECT id FROM pools WHERE event = ?1)",
        "UPDATE pools SET held = 0, sold = 0, version = version + 1, epoch = epoch + 1 WHERE event = ?1",
    ];
    for statement in OF_THE_EVENT {
        sqlx::query(statement).bind(&slug).execute(&mut *connection).await?;
    }
    connection.raise_revision().await?;
    Ok(())
}
