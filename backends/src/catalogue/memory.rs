//! Events in memory, beside the pools they describe: for simulations.

use super::shelf::{self, PoolNow, Shelf};
use crate::{
    memory::{MemoryShop, PoolRecord, Tables},
    sql::Stop,
};
use async_trait::async_trait;
use stampede_actors::ports::{Catalogue, CatalogueSnapshot, Listing, PortFailure, PortResult};
use stampede_domain::{Event, EventSlug, PoolId, PoolNumbers, TicketType, decide::PoolRow};

/// A [`Catalogue`] in memory.
#[derive(Clone)]
pub struct MemoryCatalogue {
    shop: MemoryShop,
}

impl MemoryCatalogue {
    /// The events of a shop.
    #[must_use]
    pub fn new(shop: &MemoryShop) -> Self {
        Self { shop: shop.clone() }
    }
}

/// A transaction works on a copy of the tables, which replaces them when all went well.
fn end<T>(tables: &mut Tables, changed: Tables, answer: Result<T, Stop>) -> PortResult<T> {
    match answer {
        Ok(answer) => {
            *tables = changed;
            Ok(answer)
        }
        Err(Stop::Said(failure)) => Err(failure),
        Err(Stop::Failed(error)) => Err(PortFailure::Unavailable(error.to_string())),
    }
}

#[async_trait]
impl Catalogue for MemoryCatalogue {
    async fn revision(&self) -> PortResult<u64> {
        Ok(self.shop.tables().await.revision)
    }

    async fn snapshot(&self) -> PortResult<CatalogueSnapshot> {
        let tables = self.shop.tables().await;
        Ok(CatalogueSnapshot { revision: tables.revision, listings: tables.listings.clone() })
    }

    async fn apply(&self, event: &Event) -> PortResult<bool> {
        let mut tables = self.shop.tables().await;
        let mut changed = tables.clone();
        let answer = shelf::apply(&mut changed, event.clone()).await;
        end(&mut tables, changed, answer)
    }

    async fn apply_waiting(&self, event: &EventSlug, revision: u64) -> PortResult<()> {
        let mut tables = self.shop.tables().await;
        let mut changed = tables.clone();
        let answer = shelf::apply_waiting(&mut changed, event.clone(), revision).await;
        end(&mut tables, changed, answer)
    }

    async fn set_paused(&self, event: &EventSlug, paused: bool) -> PortResult<bool> {
        let mut tables = self.shop.tables().await;
        let mut changed = tables.clone();
        let answer = shelf::set_paused(&mut changed, event.clone(), paused).await;
        end(&mut tables, changed, answer)
    }
}

#[async_trait]
impl Shelf for Tables {
    async fn listing(&mut self, slug: &EventSlug) -> sqlx::Result<Option<Listing>> {
        Ok(self.listings.iter().find(|listing| listing.event.slug == *slug).cloned())
    }

    /// Whoever is here has all tables.
    async fn lock(&mut self, _: Vec<PoolId>) -> sqlx::Result<()> {
        Ok(())
    }

    async fn pool(&mut self, pool: PoolId) -> sqlx::Result<Option<PoolNow>> {
        let now = |record: &PoolRecord| PoolNow {
            event: record.event.clone(),
            ticket_type: record.ticket_type.clone(),
            capacity: record.row.numbers.capacity,
            used: record.row.numbers.used(),
            limit: record.row.limit_per_buyer,
            hold: record.row.hold,
        };
        Ok(self.pools.get(&pool).map(now))
    }

    async fn has_orders(&mut self, pool: PoolId) -> sqlx::Result<bool> {
        Ok(self.orders.values().any(|row| row.pool == pool))
    }

    async fn insert_pool(&mut self, event: &EventSlug, ticket_type: &TicketType) -> sqlx::Result<()> {
        let numbers = PoolNumbers { capacity: ticket_type.capacity, version: 1, ..PoolNumbers::default() };
        let row = PoolRow { numbers, epoch: 0, limit_per_buyer: ticket_type.limit_per_buyer, hold: ticket_type.hold() };
        let (event_name, type_name) = (event.to_string(), ticket_type.id.to_string());
        self.pools.insert(ticket_type.pool(event), PoolRecord { event: event_name, ticket_type: type_name, row });
        Ok(())
    }

    async fn change_pool(&mut self, pool: PoolId, to: &TicketType) -> sqlx::Result<()> {
        if let Some(PoolRecord { row, .. }) = self.pools.get_mut(&pool) {
            (row.numbers.capacity, row.limit_per_buyer) = (to.capacity, to.limit_per_buyer);
            row.hold = to.hold();
            row.numbers.version += 1;
        }
        Ok(())
    }

    async fn count_buyers(&mut self, pool: PoolId) -> sqlx::Result<()> {
        let version = self.pools.get(&pool).map_or(0, |record| record.row.numbers.version);
        let counted = self.units_by_rows(pool);
        self.units.extend(counted.into_iter().map(|(buyer, units)| ((pool, buyer), (units, version))));
        Ok(())
    }

    async fn forget_buyers(&mut self, pool: PoolId) -> sqlx::Result<()> {
        self.units.retain(|(of, _), _| *of != pool);
        Ok(())
    }

    async fn delete_pool(&mut self, pool: PoolId) -> sqlx::Result<()> {
        self.pools.remove(&pool);
        Ok(())
    }

    async fn raise_epochs(&mut self, event: &EventSlug) -> sqlx::Result<()> {
        for record in self.pools.values_mut().filter(|record| record.event == event.as_str()) {
            record.row.epoch += 1;
            record.row.numbers.version += 1;
        }
        Ok(())
    }

    async fn put_event(&mut self, event: &Event, waiting: Option<&Event>) -> sqlx::Result<()> {
        let (event, waiting) = (event.clone(), waiting.cloned());
        match self.listings.iter_mut().find(|listing| listing.event.slug == event.slug) {
            Some(listing) => (listing.event, listing.waiting) = (event, waiting),
            None => self.listings.push(Listing { event, paused: false, waiting }),
        }
        Ok(())
    }

    async fn set_paused(&mut self, slug: &EventSlug, paused: bool) -> sqlx::Result<()> {
        for listing in self.listings.iter_mut().filter(|listing| listing.event.slug == *slug) {
            listing.paused = paused;
        }
        Ok(())
    }

    async fn revision(&mut self) -> sqlx::Result<u64> {
        Ok(self.revision)
    }

    async fn raise_revision(&mut self) -> sqlx::Result<()> {
        self.revision += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalogue::contract, order_store::rig::fair};

    contract::catalogue_contract!(MemoryShop::new());

    #[tokio::test]
    async fn a_change_that_is_impossible_leaves_nothing_behind() {
        let shop = MemoryShop::new();
        let catalogue = MemoryCatalogue::new(&shop);
        let event = fair([1, 1], [None; 2]);
        // Nobody finds two names with one pool id by chance; the other name is written by hand.
        let taken = event.ticket_types[1].pool(&event.slug);
        let row = PoolRow { numbers: PoolNumbers::default(), epoch: 0, limit_per_buyer: None, hold: None };
        let other = PoolRecord { event: "other".into(), ticket_type: "name".into(), row };
        shop.tables().await.pools.insert(taken, other);
        let Err(PortFailure::Impossible(why)) = catalogue.apply(&event).await else { panic!("taken") };
        assert!(why.contains("fair/night") && why.contains("other/name"), "{why}");
        let tables = shop.tables().await;
        assert_eq!((tables.pools.len(), tables.listings.len(), tables.revision), (1, 0, 0));
    }
}
