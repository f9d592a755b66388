//! Step 7, embedded: a pool is opened from the store's snapshot and from what the bus still holds.
//!
//! The order of the reads matters, because the writers may be at work: first what waits on the bus, then which of it is
//! decided, then the snapshot. So nothing that the snapshot lacks can be missing from the claims; what is in both is counted
//! twice for a moment, which only hides units, and its settlement or the sweep puts it right.

use super::CacheSync;
use crate::{
    ports::{PortFailure, PortResult},
    wire,
};
use bytes::Bytes;
use stampede_domain::{Intent, OrderId, PoolId, event::Terms, ledger::Opening};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

/// Ids asked for in one look at the store.
const LOOK_UP: usize = 1_000;
/// Dead letters that can be turned back into claims; more of them than this is a different kind of problem.
const DEAD_LETTERS: usize = 100_000;

impl CacheSync {
    /// Opens every pool for sale that the ledger does not have, or has from before somebody raised the epoch or tightened its
    /// rules. One that cannot be opened keeps no other closed.
    pub(super) async fn open_what_is_closed(self: &Rc<Self>) -> PortResult<()> {
        let books: HashMap<_, _> =
            self.parts.ledger.snapshot().await?.pools.iter().map(|open| (open.pool, open.numbers.epoch)).collect();
        let mut done = Ok(());
        for pool in self.pools() {
            done = self.open_if_closed(pool, books.get(&pool).copied()).await.and(done);
        }
        done
    }

    async fn open_if_closed(&self, pool: PoolId, opened: Option<u64>) -> PortResult<()> {
        let (epoch, _) = self.parts.store.pool(pool).await?;
        let to_open = self.to_open.borrow().contains(&pool);
        if to_open || opened.is_none_or(|opened| opened < epoch) {
            self.open_pool(pool).await?;
        }
        Ok(())
    }

    /// Opens one pool.
    async fn open_pool(&self, pool: PoolId) -> PortResult<()> {
        let Some(terms) = self.terms(pool) else { return Ok(()) };
        let on_the_bus = self.undelivered(pool).await?;
        let decided = self.decided(&on_the_bus).await?;
        let (epoch, _) = self.parts.store.pool(pool).await?;
        let Some(snapshot) = self.parts.store.open_pool(pool, epoch).await? else {
            return Err(PortFailure::Unavailable(format!("{pool} was opened by somebody else at the same time")));
        };
        let virgin = snapshot.virgin && on_the_bus.is_empty();
        let undecided: Vec<_> = on_the_bus.into_iter().filter(|intent| !decided.contains(&intent.order)).collect();
        tracing::info!(%pool, epoch = snapshot.epoch, sold = snapshot.numbers.sold, promised = undecided.len(), "a pool is open");
        self.swept.borrow_mut().insert(pool, snapshot.numbers.version);
        let opening = Opening {
            epoch: snapshot.epoch,
            numbers: snapshot.numbers,
            terms,
            buyers: snapshot.buyers,
            undecided,
            virgin,
        };
        self.parts.ledger.open(pool, &opening).await?;
        self.to_open.borrow_mut().remove(&pool);
        Ok(())
    }

    pub(super) fn terms(&self, pool: PoolId) -> Option<Terms> {
        let catalogue = self.catalogue.borrow();
        catalogue.listings.iter().find_map(|listing| {
            let event = &listing.event;
            let found = event.ticket_types.iter().find(|ticket_type| ticket_type.pool(&event.slug) == pool);
            found.map(|ticket_type| ticket_type.terms(listing.paused))
        })
    }

    /// What is on the bus or dead, of one pool. What cannot be read has no claim: the writer sets it aside.
    async fn undelivered(&self, pool: PoolId) -> PortResult<Vec<Intent>> {
        let unconsumed = self.parts.bus.unconsumed().await?.unwrap_or_default();
        let dead = self.parts.bus.dead_letters(DEAD_LETTERS).await?;
        let payloads = unconsumed.into_iter().chain(dead.into_iter().map(|letter| letter.payload));
        let intents = payloads.filter_map(|payload: Bytes| wire::decode(&payload).ok());
        Ok(intents.filter(|intent| intent.pool == pool).collect())
    }

    pub(super) async fn decided(&self, intents: &[Intent]) -> PortResult<HashSet<OrderId>> {
        let mut decided = HashSet::new();
        for chunk in intents.chunks(LOOK_UP) {
            let ids: Vec<_> = chunk.iter().map(|intent| intent.order).collect();
            decided.extend(self.parts.store.fates(&ids).await?.into_iter().map(|(order, _, _)| order));
        }
        Ok(decided)
    }
}
