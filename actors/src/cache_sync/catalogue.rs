//! Follows the catalogue: new events are opened, changed rules reach the ledger, tighter ones wait for quiet.

use super::CacheSync;
use crate::ports::{CatalogueSnapshot, Listing, PortFailure, PortResult};
use std::{rc::Rc, sync::Arc};

impl CacheSync {
    /// Brings ledger and shelf in line with the catalogue.
    pub(super) async fn follow(self: &Rc<Self>) {
        if let Err(failure) = self.try_follow().await {
            tracing::warn!(%failure, "the catalogue could not be followed");
        }
    }

    async fn try_follow(self: &Rc<Self>) -> PortResult<()> {
        let revision = self.parts.catalogue.revision().await?;
        if revision != self.catalogue.borrow().revision {
            let snapshot = self.parts.catalogue.snapshot().await?;
            self.post_terms(&snapshot).await?;
            self.adopt(snapshot);
            self.sweep_numbers().await?;
        }
        self.open_what_is_closed().await?;
        self.tighten().await
    }

    /// The ledger learns of new rules before anybody is shown them.
    async fn post_terms(&self, snapshot: &CatalogueSnapshot) -> PortResult<()> {
        for listing in &snapshot.listings {
            for ticket_type in &listing.event.ticket_types {
                let pool = ticket_type.pool(&listing.event.slug);
                let closed = self.to_open.borrow().contains(&pool);
                self.parts.ledger.set_terms(pool, ticket_type.terms(listing.paused || closed)).await?;
            }
        }
        Ok(())
    }

    fn adopt(&self, snapshot: CatalogueSnapshot) {
        tracing::info!(revision = snapshot.revision, events = snapshot.listings.len(), "the catalogue has changed");
        *self.listings.borrow_mut() = snapshot.listings.iter().cloned().map(Arc::new).collect();
        *self.catalogue.borrow_mut() = snapshot;
    }

    /// Puts tighter versions of paused events in force once nothing of them is in flight.
    async fn tighten(self: &Rc<Self>) -> PortResult<()> {
        let listings = self.listings.borrow().clone();
        for listing in listings.iter().filter(|listing| listing.paused && listing.waiting.is_some()) {
            if self.is_quiet(listing).await? {
                self.apply_waiting(listing).await?;
                let snapshot = self.parts.catalogue.snapshot().await?;
                self.adopt(snapshot);
                self.open_what_is_closed().await?;
            }
        }
        Ok(())
    }

    /// The rules change in the store, and the pools are to be opened: also when that cannot be done at once, and when nobody
    /// knows whether the rules have changed.
    async fn apply_waiting(&self, listing: &Listing) -> PortResult<()> {
        let event = &listing.event;
        let pools = || event.ticket_types.iter().map(|ticket_type| ticket_type.pool(&event.slug));
        self.to_open.borrow_mut().extend(pools());
        let applied = self.parts.catalogue.apply_waiting(&event.slug).await;
        if matches!(applied, Err(PortFailure::Unavailable(_) | PortFailure::Impossible(_))) {
            self.to_open.borrow_mut().retain(|pool| pools().all(|unchanged| unchanged != *pool));
        }
        applied
    }

    async fn is_quiet(&self, listing: &Listing) -> PortResult<bool> {
        let ledger = self.parts.ledger.snapshot().await?;
        Ok(listing.event.ticket_types.iter().all(|ticket_type| {
            let pool = ticket_type.pool(&listing.event.slug);
            ledger.pools.iter().any(|open| open.pool == pool && open.numbers.claims == 0)
        }))
    }
}
