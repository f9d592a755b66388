//! Follows the catalogue: new events are opened, changed rules reach the ledger, tighter ones wait for quiet. Who is no keeper
//! only shows what it finds.

use super::CacheSync;
use crate::ports::{CatalogueSnapshot, Listing, PortResult};
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
        let is_new = revision != self.catalogue.borrow().revision;
        let snapshot = if is_new { self.parts.catalogue.snapshot().await? } else { self.catalogue.borrow().clone() };
        // The ledger learns of new rules before anybody is shown them.
        if self.parts.keeper {
            self.post_terms(&snapshot).await?;
        }
        if is_new {
            self.adopt(snapshot);
        }
        if !self.parts.keeper {
            return Ok(());
        }
        if is_new {
            self.close_what_is_gone().await?;
            self.sweep_numbers().await?;
        }
        self.open_what_is_closed().await?;
        self.tighten().await
    }

    /// Gives the rules to every book that has older ones. A book that is about to be closed, because the store's epoch is
    /// ahead of it, takes no more orders: it may lack what the new rules ask for, such as the buyers' units.
    async fn post_terms(&self, snapshot: &CatalogueSnapshot) -> PortResult<()> {
        let open = self.parts.ledger.snapshot().await?.pools;
        let behind = open.iter().filter(|open| open.revision < snapshot.revision);
        for open in behind {
            let Some((listing, ticket_type)) = snapshot.listings.iter().find_map(|listing| {
                let mut types = listing.event.ticket_types.iter();
                types
                    .find(|ticket_type| ticket_type.pool(&listing.event.slug) == open.pool)
                    .map(|found| (listing, found))
            }) else {
                continue;
            };
            let epoch = open.numbers.epoch;
            let (in_the_store, _) = self.parts.store.pool(open.pool).await?;
            let terms = ticket_type.terms(listing.paused || in_the_store > epoch);
            self.parts.ledger.set_terms(open.pool, epoch, snapshot.revision, terms).await?;
        }
        Ok(())
    }

    /// Books of ticket types that were removed are closed: nobody will ask for them, and one that got lost could never be
    /// opened. A book with rules newer than this catalogue is of a ticket type that this keeper does not know yet.
    async fn close_what_is_gone(&self) -> PortResult<()> {
        let (pools, revision) = (self.pools(), self.catalogue.borrow().revision);
        for open in self.parts.ledger.snapshot().await?.pools {
            if !pools.contains(&open.pool) && open.revision <= revision {
                tracing::info!(pool = %open.pool, "a ticket type is gone, and so is its book");
                self.parts.ledger.close(open.pool, open.numbers.epoch + 1).await?;
            }
        }
        Ok(())
    }

    fn adopt(&self, snapshot: CatalogueSnapshot) {
        tracing::info!(revision = snapshot.revision, events = snapshot.listings.len(), "the catalogue has changed");
        *self.listings.borrow_mut() = snapshot.listings.iter().cloned().map(Arc::new).collect();
        *self.catalogue.borrow_mut() = snapshot;
    }

    /// Puts tighter versions of paused events in force once nothing of them is in flight. That raises the epochs of their
    /// pools, which are then opened anew.
    async fn tighten(self: &Rc<Self>) -> PortResult<()> {
        let (listings, revision) = (self.listings.borrow().clone(), self.catalogue.borrow().revision);
        for listing in listings.iter().filter(|listing| listing.paused && listing.waiting.is_some()) {
            if self.is_quiet(listing).await? {
                self.parts.catalogue.apply_waiting(&listing.event.slug, revision).await?;
                let snapshot = self.parts.catalogue.snapshot().await?;
                self.adopt(snapshot);
                self.close_what_is_gone().await?;
                self.open_what_is_closed().await?;
            }
        }
        Ok(())
    }

    /// Nothing of it is in flight, and nothing can be: its books know of the pause, and are older than what may come from
    /// before their opening.
    async fn is_quiet(&self, listing: &Listing) -> PortResult<bool> {
        let ledger = self.parts.ledger.snapshot().await?;
        let bus_tells = self.parts.bus.backlog().await?.messages.is_some();
        let (revision, witness) = (self.catalogue.borrow().revision, self.witness.borrow());
        Ok(listing.event.ticket_types.iter().all(|ticket_type| {
            let pool = ticket_type.pool(&listing.event.slug);
            let is_settled = bus_tells || witness.has_seen_for_a_lease(pool);
            let mut open = ledger.pools.iter();
            is_settled && open.any(|open| open.pool == pool && open.numbers.claims == 0 && open.revision >= revision)
        }))
    }
}
