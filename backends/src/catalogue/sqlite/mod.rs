//! Events in `shop.db`, beside the pools they describe: an event and its pools change in one transaction.

mod change;
mod forget;
mod rows;

use crate::sqlite::{SHOP_FILE as FILE, ShopFile, Stop, reading};
use async_trait::async_trait;
use change::in_force_now;
use sqlx::SqliteConnection;
use stampede_actors::ports::{Catalogue, CatalogueSnapshot, PortFailure, PortResult};
use stampede_domain::{Event, EventSlug, TicketType};

/// A [`Catalogue`] on SQLite.
#[derive(Clone)]
pub struct SqliteCatalogue {
    shop: ShopFile,
}

impl SqliteCatalogue {
    /// The events in a shop's file.
    #[must_use]
    pub fn new(shop: &ShopFile) -> Self {
        Self { shop: shop.clone() }
    }
}

#[async_trait]
impl Catalogue for SqliteCatalogue {
    async fn revision(&self) -> PortResult<u64> {
        let mut connection = self.shop.readers.acquire().await.map_err(reading(FILE))?;
        rows::revision(&mut connection).await.map_err(reading(FILE))
    }

    async fn snapshot(&self) -> PortResult<CatalogueSnapshot> {
        let mut snapshot = self.shop.readers.begin().await.map_err(reading(FILE))?;
        let revision = rows::revision(&mut snapshot).await.map_err(reading(FILE))?;
        let listings = rows::listings(&mut snapshot).await.map_err(reading(FILE))?;
        snapshot.rollback().await.map_err(reading(FILE))?;
        Ok(CatalogueSnapshot { revision, listings })
    }

    async fn apply(&self, event: &Event) -> PortResult<bool> {
        let event = event.clone();
        self.shop.writer.transaction(move |connection| Box::pin(apply(connection, event))).await
    }

    async fn apply_waiting(&self, event: &EventSlug) -> PortResult<()> {
        let slug = event.clone();
        self.shop.writer.transaction(move |connection| Box::pin(apply_waiting(connection, slug))).await
    }

    async fn set_paused(&self, event: &EventSlug, paused: bool) -> PortResult<bool> {
        let slug = event.clone();
        self.shop.writer.transaction(move |connection| Box::pin(set_paused(connection, slug, paused))).await
    }
}

fn impossible(why: String) -> Stop {
    PortFailure::Impossible(why).into()
}

async fn apply(connection: &mut SqliteConnection, wanted: Event) -> Result<bool, Stop> {
    let mistakes = wanted.mistakes();
    if !mistakes.is_empty() {
        return Err(impossible(mistakes.join("; ")));
    }
    let listing = rows::listing(connection, &wanted.slug).await?;
    let in_force = match &listing {
        Some(listing) => in_force_now(&listing.event, &wanted),
        None => wanted.clone(),
    };
    let waiting = (in_force != wanted).then_some(wanted);
    if let Some(waiting) = &waiting {
        may_be_tightened(connection, &in_force, waiting).await?;
    }
    let unchanged = listing.is_some_and(|listing| listing.event == in_force && listing.waiting == waiting);
    if !unchanged {
        put(connection, &in_force, waiting.as_ref()).await?;
    }
    Ok(waiting.is_some())
}

/// Says at once what could not come into force later either.
async fn may_be_tightened(connection: &mut SqliteConnection, in_force: &Event, wanted: &Event) -> Result<(), Stop> {
    for now in &in_force.ticket_types {
        let pool = now.pool(&in_force.slug);
        let Some(row) = rows::pool(connection, pool).await? else { continue };
        match wanted.ticket_types.iter().find(|then| then.id == now.id) {
            Some(then) => capacity_suffices(then, row.used)?,
            None if rows::has_orders(connection, pool).await? => {
                return Err(impossible(format!("ticket type “{}” has orders and cannot be removed", now.id)));
            }
            None => {}
        }
    }
    Ok(())
}

fn capacity_suffices(ticket_type: &TicketType, used: u32) -> Result<(), Stop> {
    let TicketType { id, capacity, .. } = ticket_type;
    if *capacity >= used {
        return Ok(());
    }
    Err(impossible(format!(
        "ticket type “{id}”: capacity {capacity} is less than the {used} units that are sold or held"
    )))
}

async fn apply_waiting(connection: &mut SqliteConnection, slug: EventSlug) -> Result<(), Stop> {
    let Some(listing) = rows::listing(connection, &slug).await? else { return Ok(()) };
    let Some(waiting) = listing.waiting else { return Ok(()) };
    may_be_tightened(connection, &listing.event, &waiting).await?;
    for gone in
        listing.event.ticket_types.iter().filter(|now| waiting.ticket_types.iter().all(|then| then.id != now.id))
    {
        rows::delete_pool(connection, gone.pool(&slug)).await?;
    }
    put(connection, &waiting, None).await?;
    rows::raise_epochs(connection, &slug).await?;
    Ok(())
}

/// Writes an event and its pools.
async fn put(connection: &mut SqliteConnection, event: &Event, waiting: Option<&Event>) -> Result<(), Stop> {
    for ticket_type in &event.ticket_types {
        let pool = ticket_type.pool(&event.slug);
        match rows::pool(connection, pool).await? {
            None => rows::insert_pool(connection, &event.slug, ticket_type).await?,
            Some(row) if !row.is_of(&event.slug, ticket_type) => {
                return Err(impossible(format!(
                    "“{}/{}” and “{}/{}” have the same pool id: choose another name",
                    event.slug, ticket_type.id, row.event, row.ticket_type
                )));
            }
            Some(row) => {
                capacity_suffices(ticket_type, row.used)?;
                rows::update_pool(connection, pool, &row, ticket_type).await?;
            }
        }
    }
    rows::put_event(connection, event, waiting).await?;
    rows::raise_revision(connection).await?;
    Ok(())
}

async fn set_paused(connection: &mut SqliteConnection, slug: EventSlug, paused: bool) -> Result<bool, Stop> {
    let Some(listing) = rows::listing(connection, &slug).await? else { return Ok(false) };
    if listing.paused != paused {
        rows::set_paused(connection, &slug, paused).await?;
        rows::raise_revision(connection).await?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
