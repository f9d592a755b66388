//! Events in `shop.db`, beside the pools they describe: an event and its pools change in one transaction.

mod forget;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod rows;

use super::shelf;
use crate::sqlite::ShopFile;
use async_trait::async_trait;
use stampede_actors::ports::{Catalogue, CatalogueSnapshot, PortResult};
use stampede_domain::{Event, EventSlug};

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
        let mut connection = self.shop.readers.acquire().await.map_err(self.shop.reading())?;
        rows::revision(&mut connection).await.map_err(self.shop.reading())
    }

    async fn snapshot(&self) -> PortResult<CatalogueSnapshot> {
        let mut snapshot = self.shop.readers.begin().await.map_err(self.shop.reading())?;
        let revision = rows::revision(&mut snapshot).await.map_err(self.shop.reading())?;
        let listings = rows::listings(&mut snapshot).await.map_err(self.shop.reading())?;
        snapshot.rollback().await.map_err(self.shop.reading())?;
        Ok(CatalogueSnapshot { revision, listings })
    }

    async fn apply(&self, event: &Event) -> PortResult<bool> {
        let event = event.clone();
        self.shop.writer.transaction(move |connection| Box::pin(shelf::apply(connection, event))).await
    }

    async fn apply_waiting(&self, event: &EventSlug, revision: u64) -> PortResult<()> {
        let slug = event.clone();
        self.shop.writer.transaction(move |connection| Box::pin(shelf::apply_waiting(connection, slug, revision))).await
    }

    async fn set_paused(&self, event: &EventSlug, paused: bool) -> PortResult<bool> {
        let slug = event.clone();
        self.shop.writer.transaction(move |connection| Box::pin(shelf::set_paused(connection, slug, paused))).await
    }
}

#[cfg(test)]
mod tests;
