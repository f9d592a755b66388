//! The statements of the catalogue.

use crate::{
    catalogue::{
        document::{read, write},
        shelf::{PoolNow, Shelf},
    },
    order_store::holds,
    sql::{units, unsigned},
};
use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use stampede_actors::ports::Listing;
use stampede_domain::{Event, EventSlug, PoolId, TicketType};

pub(super) async fn revision(connection: &mut SqliteConnection) -> sqlx::Result<u64> {
    let row = sqlx::query("SELECT revision FROM catalogue").fetch_one(connection).await?;
    row.try_get(0).map(unsigned)
}

pub(super) async fn listings(connection: &mut SqliteConnection) -> sqlx::Result<Vec<Listing>> {
    let all = "SELECT document, waiting, paused FROM events ORDER BY position";
    sqlx::query(all).fetch_all(connection).await?.iter().map(to_listing).collect()
}

fn to_listing(row: &SqliteRow) -> sqlx::Result<Listing> {
    let waiting: Option<String> = row.try_get(1)?;
    let event = read(row.try_get(0)?)?;
    Ok(Listing { event, paused: row.try_get(2)?, waiting: waiting.as_deref().map(read).transpose()? })
}

#[async_trait]
impl Shelf for SqliteConnection {
    async fn listing(&mut self, slug: &EventSlug) -> sqlx::Result<Option<Listing>> {
        let one = sqlx::query("SELECT document, waiting, paused FROM events WHERE slug = ?");
        one.bind(slug.as_str().to_owned()).fetch_optional(self).await?.as_ref().map(to_listing).transpose()
    }

    /// The file has one writer at a time, and this is it.
    async fn lock(&mut self, _: Vec<PoolId>) -> sqlx::Result<()> {
        Ok(())
    }

    async fn pool(&mut self, pool: PoolId) -> sqlx::Result<Option<PoolNow>> {
        let one =
            "SELECT event, ticket_type, capacity, held + sold, limit_per_buyer, hold_seconds, unit_minor, currency
                   FROM pools WHERE id = ?";
        let Some(row) = sqlx::query(one).bind(pool.0).fetch_optional(self).await? else { return Ok(None) };
        Ok(Some(PoolNow {
            event: row.try_get(0)?,
            ticket_type: row.try_get(1)?,
            capacity: units(row.try_get(2)?),
            used: units(row.try_get(3)?),
            limit: row.try_get::<Option<i64>, _>(4)?.map(units),
            hold: holds::terms(row.try_get(5)?, row.try_get(6)?, row.try_get(7)?)?,
        }))
    }

    async fn has_orders(&mut self, pool: PoolId) -> sqlx::Result<bool> {
        let any = sqlx::query("SELECT EXISTS (SELECT 1 FROM orders WHERE pool = ?)");
        any.bind(pool.0).fetch_one(self).await?.try_get(0)
    }

    async fn insert_pool(&mut self, event: &EventSlug, ticket_type: &TicketType) -> sqlx::Result<()> {
        let (seconds, minor, currency) = holds::columns(ticket_type.hold());
        sqlx::query(
            "INSERT INTO pools (id, event, ticket_type, capacity, limit_per_buyer, hold_seconds, unit_minor, currency)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(ticket_type.pool(event).0)
        .bind(event.as_str().to_owned())
        .bind(ticket_type.id.as_str().to_owned())
        .bind(i64::from(ticket_type.capacity))
        .bind(ticket_type.limit_per_buyer.map(i64::from))
        .bind(seconds)
        .bind(minor)
        .bind(currency)
        .execute(self)
        .await?;
        Ok(())
    }

    async fn change_pool(&mut self, pool: PoolId, to: &TicketType) -> sqlx::Result<()> {
        let (seconds, minor, currency) = holds::columns(to.hold());
        sqlx::query(
            "UPDATE pools SET capacity = ?, limit_per_buyer = ?, hold_seconds = ?, unit_minor = ?, currency = ?,
                              version = version + 1 WHERE id = ?",
        )
        .bind(i64::from(to.capacity))
        .bind(to.limit_per_buyer.map(i64::from))
        .bind(seconds)
        .bind(minor)
        .bind(currency)
        .bind(pool.0)
        .execute(self)
        .await?;
        Ok(())
    }

    async fn count_buyers(&mut self, pool: PoolId) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO buyer_units (pool, buyer, units, version)
             SELECT ?1, orders.buyer, sum(orders.quantity), (SELECT version FROM pools WHERE id = ?1)
             FROM orders LEFT JOIN holds ON orders.decision = 6 AND holds.id = orders.id
             WHERE orders.pool = ?1 AND coalesce(holds.status, orders.status) BETWEEN 1 AND 4 GROUP BY orders.buyer",
        )
        .bind(pool.0)
        .execute(self)
        .await?;
        Ok(())
    }

    async fn forget_buyers(&mut self, pool: PoolId) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM buyer_units WHERE pool = ?").bind(pool.0).execute(self).await?;
        Ok(())
    }

    async fn delete_pool(&mut self, pool: PoolId) -> sqlx::Result<()> {
        sqlx::query("DELETE FROM pools WHERE id = ?").bind(pool.0).execute(self).await?;
        Ok(())
    }

    async fn raise_epochs(&mut self, event: &EventSlug) -> sqlx::Result<()> {
        let raise = sqlx::query("UPDATE pools SET epoch = epoch + 1, version = version + 1 WHERE event = ?");
        raise.bind(event.as_str().to_owned()).execute(self).await?;
        Ok(())
    }

    async fn put_event(&mut self, event: &Event, waiting: Option<&Event>) -> sqlx::Result<()> {
        sqlx::query(
            "INSERT INTO events (slug, position, document, waiting)
             VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM events), ?, ?)
             ON CONFLICT (slug) DO UPDATE SET document = excluded.document, waiting = excluded.waiting",
        )
        .bind(event.slug.as_str().to_owned())
        .bind(write(event)?)
        .bind(waiting.map(write).transpose()?)
        .execute(self)
        .await?;
        Ok(())
    }

    async fn set_paused(&mut self, slug: &EventSlug, paused: bool) -> sqlx::Result<()> {
        let set = sqlx::query("UPDATE events SET paused = ? WHERE slug = ?");
        set.bind(paused).bind(slug.as_str().to_owned()).execute(self).await?;
        Ok(())
    }

    async fn revision(&mut self) -> sqlx::Result<u64> {
        revision(self).await
    }

    async fn raise_revision(&mut self) -> sqlx::Result<()> {
        sqlx::query("UPDATE catalogue SET revision = revision + 1").execute(self).await?;
        Ok(())
    }
}
