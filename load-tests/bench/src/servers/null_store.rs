//! A store that keeps no orders: it counts units in memory, so that the laws can still be checked, and forgets who had them.

use async_trait::async_trait;
use stampede_actors::ports::{
    Audit, Catalogue, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortFailure, PortResult,
};
use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, Millis, OrderId, OrderStatus, PoolId, PoolNumbers, RejectReason,
    Settlement, laws::PoolSums,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// An [`OrderStore`] without a disk. It relies on every order coming once, as the null bus delivers them.
pub(crate) struct NullStore {
    catalogue: Arc<dyn Catalogue>,
    books: Mutex<BTreeMap<PoolId, Book>>,
}

#[derive(Default)]
struct Book {
    name: String,
    numbers: PoolNumbers,
    epoch: u64,
    limit: Option<u32>,
    units: HashMap<BuyerId, u32>,
    orders: u64,
}

impl NullStore {
    pub(crate) fn new(catalogue: Arc<dyn Catalogue>) -> Self {
        Self { catalogue, books: Mutex::default() }
    }

    fn books(&self) -> MutexGuard<'_, BTreeMap<PoolId, Book>> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a book for every pool that the catalogue sells.
    async fn learn(&self) -> PortResult<()> {
        if !self.books().is_empty() {
            return Ok(());
        }
        let snapshot = self.catalogue.snapshot().await?;
        let mut books = self.books();
        for event in snapshot.listings.iter().map(|listing| &listing.event) {
            for ticket_type in &event.ticket_types {
                let numbers = PoolNumbers { capacity: ticket_type.capacity, ..PoolNumbers::default() };
                let (name, limit) = (format!("{} {}", event.slug, ticket_type.id), ticket_type.limit_per_buyer);
                books.entry(ticket_type.pool(&event.slug)).or_insert(Book { name, numbers, limit, ..Book::default() });
            }
        }
        Ok(())
    }
}

impl Book {
    fn judge(&mut self, entry: &Entry) -> Decision {
        let quantity = entry.intent.quantity;
        if !self.numbers.fits(quantity) {
            return Decision::Rejected(RejectReason::SoldOut);
        }
        if let Some(limit) = self.limit {
            let taken = self.units.entry(entry.intent.buyer).or_default();
            if *taken + quantity > limit {
                return Decision::Rejected(RejectReason::LimitReached);
            }
            *taken += quantity;
        }
        self.numbers.sold += quantity;
        self.orders += 1;
        Decision::Confirmed
    }

    fn decide(&mut self, pool: PoolId, entries: &[&Entry]) -> Judgement {
        let (mut decided, mut fresh) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for entry in entries {
            let decision = self.judge(entry);
            let intent = &entry.intent;
            decided.push(Decided { order: intent.order, fingerprint: intent.fingerprint, decision });
            fresh.push((intent.order, intent.quantity, decision));
        }
        self.numbers.version += 1;
        let units = |entry: &&Entry| Some((entry.intent.buyer, *self.units.get(&entry.intent.buyer)?));
        let buyers = if self.limit.is_some() { entries.iter().filter_map(units).collect() } else { Vec::new() };
        Judgement { settlement: Settlement { pool, numbers: self.numbers, decided, buyers }, fresh }
    }
}

fn unknown(pool: PoolId) -> PortFailure {
    PortFailure::Impossible(format!("{pool} is not for sale"))
}

#[async_trait]
impl OrderStore for NullStore {
    async fn decide(&self, _: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        let mut by_pool: BTreeMap<PoolId, Vec<&Entry>> = BTreeMap::new();
        for entry in entries {
            by_pool.entry(entry.intent.pool).or_default().push(entry);
        }
        let mut books = self.books();
        let judge = |(pool, entries): (PoolId, Vec<&Entry>)| {
            books.get_mut(&pool).map(|book| book.decide(pool, &entries)).ok_or_else(|| unknown(pool))
        };
        by_pool.into_iter().map(judge).collect()
    }

    async fn settlements(&self, _: &[OrderId]) -> PortResult<Vec<Settlement>> {
        Ok(Vec::new())
    }

    async fn changed_since(&self, pool: PoolId, _: u64) -> PortResult<(Settlement, u64)> {
        let numbers = self.pool(pool).await?.1;
        Ok((Settlement { pool, numbers, decided: Vec::new(), buyers: Vec::new() }, numbers.version))
    }

    async fn fates(&self, _: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>> {
        Ok(Vec::new())
    }

    async fn find(&self, _: OrderId) -> PortResult<Option<OrderRecord>> {
        Ok(None)
    }

    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>> {
        self.learn().await?;
        let mut books = self.books();
        let book = books.get_mut(&pool).ok_or_else(|| unknown(pool))?;
        if book.epoch != epoch {
            return Ok(None);
        }
        book.epoch += 1;
        book.numbers.version += 1;
        let opening =
            PoolOpening { epoch: book.epoch, numbers: book.numbers, buyers: Vec::new(), virgin: book.orders == 0 };
        Ok(Some(opening))
    }

    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)> {
        self.learn().await?;
        self.books().get(&pool).map(|book| (book.epoch, book.numbers)).ok_or_else(|| unknown(pool))
    }

    async fn audit(&self) -> PortResult<Vec<Audit>> {
        let books = self.books();
        let audits = books.iter().map(|(pool, book)| {
            let (orders, live_units) = (book.orders, u64::from(book.numbers.sold));
            let sums =
                PoolSums { numbers: book.numbers, orders, distinct_orders: orders, live_units, ..PoolSums::default() };
            let by_status = vec![(OrderStatus::Confirmed, orders, live_units)];
            Audit { pool: *pool, name: book.name.clone(), sums, by_status }
        });
        Ok(audits.collect())
    }

    async fn rows_after(&self, _: Option<OrderId>, _: u32) -> PortResult<Vec<OrderRecord>> {
        Ok(Vec::new())
    }
}
