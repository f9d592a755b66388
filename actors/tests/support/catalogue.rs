//! One event in memory, and an organizer who changes it.

use super::store::FakeStore;
use async_trait::async_trait;
use stampede_actors::ports::{Catalogue, CatalogueSnapshot, Listing, PortResult};
use stampede_domain::{Event, EventSlug};
use std::sync::{Arc, Mutex};

pub(crate) struct FakeCatalogue {
    snapshot: Mutex<CatalogueSnapshot>,
    store: Arc<FakeStore>,
}

impl FakeCatalogue {
    pub(crate) fn new(event: Event, store: Arc<FakeStore>) -> Self {
        let listings = vec![Listing { event, paused: false, waiting: None }];
        Self { snapshot: Mutex::new(CatalogueSnapshot { revision: 1, listings }), store }
    }

    /// Changes the listing, and the pools of what is then in force.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Listing)) {
        let mut snapshot = self.snapshot.lock().unwrap();
        change(&mut snapshot.listings[0]);
        snapshot.revision += 1;
        let event = &snapshot.listings[0].event;
        for ticket_type in &event.ticket_types {
            self.store.put_pool(ticket_type.pool(&event.slug), ticket_type.capacity, ticket_type.limit_per_buyer);
        }
    }

    pub(crate) fn listing(&self) -> Listing {
        self.snapshot.lock().unwrap().listings[0].clone()
    }
}

#[async_trait]
impl Catalogue for FakeCatalogue {
    async fn revision(&self) -> PortResult<u64> {
        Ok(self.snapshot.lock().unwrap().revision)
    }

    async fn snapshot(&self) -> PortResult<CatalogueSnapshot> {
        Ok(self.snapshot.lock().unwrap().clone())
    }

    async fn apply(&self, _: &Event) -> PortResult<bool> {
        unreachable!("actors do not apply events")
    }

    async fn apply_waiting(&self, _: &EventSlug, revision: u64) -> PortResult<()> {
        if self.revision().await? != revision {
            return Ok(());
        }
        let before = self.listing().event;
        self.change(|listing| {
            if let Some(waiting) = listing.waiting.take() {
                listing.event = waiting;
            }
        });
        let after = self.listing().event;
        for ticket_type in &after.ticket_types {
            self.store.raise_epoch(ticket_type.pool(&after.slug));
        }
        for gone in before.ticket_types.iter().filter(|gone| after.ticket_types.iter().all(|kept| kept.id != gone.id)) {
            self.store.delete_pool(gone.pool(&before.slug));
        }
        Ok(())
    }

    async fn set_paused(&self, event: &EventSlug, paused: bool) -> PortResult<bool> {
        let is_known = self.listing().event.slug == *event;
        if is_known {
            self.change(|listing| listing.paused = paused);
        }
        Ok(is_known)
    }
}
