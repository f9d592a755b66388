//! The statements of the catalogue.

use crate::sqlite::{units, unsigned};
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use stampede_actors::ports::Listing;
use stampede_domain::{Event, EventSlug, PoolId, TicketType};

/// What is needed of a pool to change it.
pub(super) struct PoolNow {
    pub(super) event: String,
    pub(super) ticket_type: String,
    capacity: u32,
    pub(super) used: u32,
    limit: Option<u32>,
}

impl PoolNow {
    pub(super) fn is_of(&self, event: &EventSlug, ticket_type: &TicketType) -> bool {
        self.event == event.as_str() && self.ticket_type == ticket_type.id.as_str()
    }
}

pub(super) async fn revision(connection: &mut SqliteConnection) -> sqlx::Result<u64> {
    let row = sqlx::query("SELECT revision FROM catalogue").fetch_one(connection).await?;
    row.try_get(0).map(unsigned)
}

pub(super) async fn raise_revision(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    sqlx::query("UPDATE catalogue SET revision = revision + 1").execute(connection).await?;
    Ok(())
}

/// The ledger's books of an event's pools are behind from now on.
pub(super) async fn raise_epochs(connection: &mut SqliteConnection, slug: &EventSlug) -> sqlx::Result<()> {
    let raise = "UPDATE pools SET epoch = epoch + 1, version = version + 1 WHERE event = ?";
    sqlx::query(raise).bind(slug.as_str()).execute(connection).await?;
    Ok(())
}

pub(super) async fn listings(connection: &mut SqliteConnection) -> sqlx::Result<Vec<Listing>> {
    let all = "SELECT document, waiting, paused FROM events ORDER BY position";
    sqlx::query(all).fetch_all(connection).await?.iter().map(to_listing).collect()
}

pub(super) async fn listing(connection: &mut SqliteConnection, slug: &EventSlug) -> sqlx::Result<Option<Listing>> {
    let one = sqlx::query("SELECT document, waiting, paused FROM events WHERE slug = ?");
    one.bind(slug.as_str().to_owned()).fetch_optional(connection).await?.as_ref().map(to_listing).transpose()
}

fn to_listing(row: &SqliteRow) -> sqlx::Result<Listing> {
    let waiting: Option<String> = row.try_get(1)?;
    let event = parse(row.try_get(0)?)?;
    Ok(Listing { event, paused: row.try_get(2)?, waiting: waiting.as_deref().map(parse).transpose()? })
}

fn parse(document: &str) -> sqlx::Result<Event> {
    serde_json::from_str(document).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn write(event: &Event) -> sqlx::Result<String> {
    serde_json::to_string(event).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Adds an event behind all others, or replaces it where it stands.
pub(super) async fn put_event(
    connection: &mut SqliteConnection,
    event: &Event,
    waiting: Option<&Event>,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO events (slug, position, document, waiting)
         VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM events), ?, ?)
         ON CONFLICT (slug) DO UPDATE SET document = excluded.document, waiting = excluded.waiting",
    )
    .bind(event.slug.as_str().to_owned())
    .bind(write(event)?)
    .bind(waiting.map(write).transpose()?)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn set_paused(connection: &mut SqliteConnection, slug: &EventSlug, paused: bool) -> sqlx::Result<()> {
    let set = sqlx::query("UPDATE events SET paused = ? WHERE slug = ?");
    set.bind(paused).bind(slug.as_str().to_owned()).execute(connection).await?;
    Ok(())
}

pub(super) async fn pool(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<Option<PoolNow>> {
    let one = "SELECT event, ticket_type, capacity, held + sold, limit_per_buyer FROM pools WHERE id = ?";
    let Some(row) = sqlx::query(one).bind(pool.0).fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some(PoolNow {
        event: row.try_get(0)?,
        ticket_type: row.try_get(1)?,
        capacity: units(row.try_get(2)?),
        used: units(row.try_get(3)?),
        limit: row.try_get::<Option<i64>, _>(4)?.map(units),
    }))
}

/// Reads until the first order of the pool; all rows when there is none, which is why only a removal asks.
pub(super) async fn has_orders(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<bool> {
    let any = sqlx::query("SELECT EXISTS (SELECT 1 FROM orders WHERE pool = ?)");
    any.bind(pool.0).fetch_one(connection).await?.try_get(0)
}

pub(super) async fn insert_pool(
    connection: &mut SqliteConnection,
    event: &EventSlug,
    ticket_type: &TicketType,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO pools (id, event, ticket_type, capacity, limit_per_buyer) VALUES (?, ?, ?, ?, ?)")
        .bind(ticket_type.pool(event).0)
        .bind(event.as_str().to_owned())
        .bind(ticket_type.id.as_str().to_owned())
        .bind(ticket_type.capacity)
        .bind(ticket_type.limit_per_buyer)
        .execute(connection)
        .await?;
    Ok(())
}

/// Changes capacity and limit, when they differ, and with them the buyers' units, which are kept only under a limit.
pub(super) async fn update_pool(
    connection: &mut SqliteConnection,
    pool: PoolId,
    now: &PoolNow,
    wanted: &TicketType,
) -> sqlx::Result<()> {
    if now.capacity == wanted.capacity && now.limit == wanted.limit_per_buyer {
        return Ok(());
    }
    sqlx::query("UPDATE pools SET capacity = ?, limit_per_buyer = ?, version = version + 1 WHERE id = ?")
        .bind(wanted.capacity)
        .bind(wanted.limit_per_buyer)
        .bind(pool.0)
        .execute(&mut *connection)
        .await?;
    match (now.limit, wanted.limit_per_buyer) {
        (None, Some(_)) => count_buyers(connection, pool).await,
        (Some(_), None) => forget_buyers(connection, pool).await,
        _ => Ok(()),
    }
}

/// A limit counts what was bought before it too.
async fn count_buyers(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO buyer_units (pool, buyer, units, version)
         SELECT ?1, buyer, sum(quantity), (SELECT version FROM pools WHERE id = ?1)
         FROM orders WHERE pool = ?1 AND status BETWEEN 1 AND 4 GROUP BY buyer",
    )
    .bind(pool.0)
    .execute(connection)
    .await?;
    Ok(())
}

async fn forget_buyers(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM buyer_units WHERE pool = ?").bind(pool.0).execute(connection).await?;
    Ok(())
}

pub(super) async fn delete_pool(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<()> {
    forget_buyers(connection, pool).await?;
    sqlx::query("DELETE FROM pools WHERE id = ?").bind(pool.0).execute(connection).await?;
    Ok(())
}
