//! Events in Postgres, beside the pools they describe: an event and its pools change in one transaction.

mod forget;
mod rows;

use super::shelf;
use crate::postgres::{Database, End, Patience, Source};
use async_trait::async_trait;
use stampede_actors::ports::{Catalogue, CatalogueSnapshot, PortResult};
use stampede_domain::{Event, EventSlug};

/// Every change of the catalogue begins with it: two changes come one after the other, and take the pools' locks only then.
const ONE_AT_A_TIME: &str = "SELECT revision FROM catalogue FOR UPDATE";

/// A [`Catalogue`] on Postgres.
///
/// Reads come from the primary: they are small, and they drive the ledger. A replica that lags would let one process open a
/// sale again that another one has just paused.
#[derive(Clone)]
pub struct PostgresCatalogue {
    database: Database,
}

impl PostgresCatalogue {
    /// The events in a database.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone() }
    }
}

#[async_trait]
impl Catalogue for PostgresCatalogue {
    async fn revision(&self) -> PortResult<u64> {
        let read = self
            .database
            .read(Source::Primary, |connection| Box::pin(async move { Ok(rows::revision(connection).await?) }));
        read.await
    }

    async fn snapshot(&self) -> PortResult<CatalogueSnapshot> {
        let read = self.database.snapshot(Source::Primary, Patience::Ordinary, |connection| {
            Box::pin(async move {
                let revision = rows::revision(connection).await?;
                let listings = rows::listings(connection).await?;
                Ok(CatalogueSnapshot { revision, listings })
            })
        });
        read.await
    }

    async fn apply(&self, event: &Event) -> PortResult<bool> {
        let event = event.clone();
        let answer = self.database.transaction(Patience::Long, ONE_AT_A_TIME, move |connection, _| {
            Box::pin(async move { Ok(End::Commit(shelf::apply(connection, event).await?)) })
        });
        answer.await
    }

    async fn apply_waiting(&self, event: &EventSlug, revision: u64) -> PortResult<()> {
        let slug = event.clone();
        let answer = self.database.transaction(Patience::Long, ONE_AT_A_TIME, move |connection, _| {
            Box::pin(async move { Ok(End::Commit(shelf::apply_waiting(connection, slug, revision).await?)) })
        });
        answer.await
    }

    async fn set_paused(&self, event: &EventSlug, paused: bool) -> PortResult<bool> {
        let slug = event.clone();
        let answer = self.database.transaction(Patience::Ordinary, ONE_AT_A_TIME, move |connection, _| {
            Box::pin(async move { Ok(End::Commit(shelf::set_paused(connection, slug, paused).await?)) })
        });
        answer.await
    }
}

#[cfg(test)]
mod tests;
