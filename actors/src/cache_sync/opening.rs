//! Step 7: pools are closed, the writers come to rest, and the pools are opened from the store's snapshot and from what the
//! bus still holds.
//!
//! The order of the reads matters, because the writers may be at work: first what waits on the bus, then which of it is
//! decided, then the snapshot. So nothing that the snapshot lacks can be missing from the claims; what is in both is counted
//! twice for a moment, which only hides units, and its settlement or the sweep puts it right.
//!
//! Several processes may do this at once. The store lets only one of them raise the epoch from the number they saw, and the
//! ledger never replaces a book that is open: who comes too late changes nothing.

use super::{CacheSync, burying::DEAD_LETTERS};
use crate::{
    ports::{PortFailure, PortResult},
    wire,
};
#[cfg(feature = "sabotage")]
use stampede_domain::sabotage::{Sabotage, is_on};
use stampede_domain::{Decision, Fingerprint, Intent, Millis, OrderId, PoolId, event::Terms, ledger::Opening};
use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
    time::Duration,
};
use tokio::time::Instant;

/// Ids asked for in one look at the store.
const LOOK_UP: usize = 1_000;
/// How long the writers must have nothing before what was promised counts as decided: two of their reports.
const QUIET: Duration = Duration::from_millis(500);
/// How long they are waited for: buyers wait as long, and what is decided later is still never sold twice.
const DRAIN_AT_MOST: Duration = Duration::from_secs(2);
/// How often they are looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Decisions, and of which body, by order.
pub(super) type Fates = HashMap<OrderId, (Fingerprint, Decision)>;

/// What waits on the bus or among the dead letters, as far as anybody can tell.
struct Undelivered {
    intents: Vec<Intent>,
    /// Nothing else is under way from before the pools were closed.
    complete: bool,
}

impl CacheSync {
    /// Opens every pool for sale that the ledger does not have, or has from before somebody raised the epoch. One that cannot
    /// be opened keeps no other closed.
    pub(super) async fn open_what_is_closed(self: &Rc<Self>) -> PortResult<()> {
        let (behind, mut done) = self.behind().await?;
        if behind.is_empty() {
            return done;
        }
        for (pool, epoch) in &behind {
            self.parts.ledger.close(*pool, epoch + 1).await?;
        }
        let drained = self.drained(&behind).await?;
        if self.parts.catalogue.revision().await? != self.catalogue.borrow().revision {
            // A pause, for example: nothing is opened with rules that are no more.
            return Ok(());
        }
        let opened_meanwhile: HashSet<_> =
            self.parts.ledger.snapshot().await?.pools.iter().map(|open| open.pool).collect();
        for (pool, epoch) in behind.into_iter().filter(|(pool, _)| !opened_meanwhile.contains(pool)) {
            done = self.open_pool(pool, epoch, drained).await.and(done);
        }
        done
    }

    /// Pools whose books are missing or older than the store's epoch, which is told with them; and whether every pool could
    /// be looked at.
    async fn behind(&self) -> PortResult<(Vec<(PoolId, u64)>, PortResult<()>)> {
        let (mut behind, mut looked) = (Vec::new(), Ok(()));
        for pool in self.pools() {
            // The epoch before the book: a pool that somebody opens in between is not taken for one that is behind.
            match self.parts.store.pool(pool).await {
                Ok((epoch, _)) => behind.push((pool, epoch)),
                Err(failure) => looked = Err(failure),
            }
        }
        let open = self.parts.ledger.snapshot().await?.pools;
        let books: HashMap<_, _> = open.iter().map(|open| (open.pool, open.numbers.epoch)).collect();
        let mut witness = self.witness.borrow_mut();
        behind.retain(|(pool, epoch)| {
            let book = books.get(pool);
            let is_others = witness.leaves(*pool, *epoch, book.is_some());
            book.is_none_or(|opened| opened < epoch) && !is_others
        });
        drop(witness);
        Ok((behind, looked))
    }

    /// Waits until nothing that was promised before the closing can be under way, if the bus does not know it anyway and if
    /// there can be such a thing. `false`: it still can.
    async fn drained(&self, behind: &[(PoolId, u64)]) -> PortResult<bool> {
        let never_opened = behind.iter().all(|(_, epoch)| *epoch == 0);
        if never_opened || self.parts.bus.unconsumed().await?.is_some() {
            return Ok(true);
        }
        tracing::warn!(
            pools = behind.len(),
            "the ledger has lost pools: no new orders until the writers have come to rest"
        );
        let closed_at = self.parts.ledger.snapshot().await?.now;
        let (closed, mut quiet_since) = (Instant::now(), None);
        while closed.elapsed() < DRAIN_AT_MOST {
            tokio::time::sleep(LOOK_EVERY).await;
            quiet_since =
                if self.writers_rest(closed_at).await? { quiet_since.or_else(|| Some(Instant::now())) } else { None };
            if quiet_since.is_some_and(|since: Instant| since.elapsed() >= QUIET) {
                return Ok(true);
            }
        }
        tracing::warn!(waited = ?DRAIN_AT_MOST, "the writers did not come to rest; old keys wait until the bus has delivered again");
        Ok(false)
    }

    /// Whether the writers have spoken since the closing, all who did lately, and hold nothing. Who has fallen silent may hold
    /// what nobody else will see before its lease is over.
    async fn writers_rest(&self, closed_at: Millis) -> PortResult<bool> {
        let ledger = self.parts.ledger.snapshot().await?;
        let all_there = self.witness.borrow().has_all_in(&ledger.writers);
        Ok(ledger.word_at > closed_at && ledger.report.depth == 0 && all_there)
    }

    /// Opens one pool that is closed, unless somebody else has raised the epoch meanwhile.
    async fn open_pool(self: &Rc<Self>, pool: PoolId, epoch: u64, drained: bool) -> PortResult<()> {
        let Some((revision, terms)) = self.rules(pool) else { return Ok(()) };
        let on_the_bus = self.undelivered(pool).await?;
        let decided = self.decided(&on_the_bus.intents).await?;
        let opened = self.parts.store.open_pool(pool, epoch).await;
        if let Err(PortFailure::Unknown(_)) = opened {
            self.witness.borrow_mut().may_have_raised(pool);
        }
        let Some(snapshot) = opened? else {
            tracing::info!(%pool, "somebody else opens the pool");
            self.witness.borrow_mut().leave(pool);
            return Ok(());
        };
        self.witness.borrow_mut().raised(pool, snapshot.epoch);
        // A bus that cannot tell may hold what was promised before the first row was written.
        let nothing_waits = on_the_bus.intents.is_empty() && (on_the_bus.complete || epoch == 0);
        let virgin = snapshot.virgin && nothing_waits;
        let undecided: Vec<_> =
            on_the_bus.intents.into_iter().filter(|intent| !decided.contains(&intent.order)).collect();
        tracing::info!(%pool, epoch = snapshot.epoch, sold = snapshot.numbers.sold, promised = undecided.len(), drained, "a pool is open");
        let swept = snapshot.numbers.version;
        let ids: Vec<_> = undecided.iter().map(|intent| intent.order).collect();
        let opening = Opening {
            epoch: snapshot.epoch,
            numbers: snapshot.numbers,
            terms,
            buyers: snapshot.buyers,
            undecided,
            virgin,
            drained: drained || on_the_bus.complete,
            revision,
        };
        self.parts.ledger.open(pool, &opening).await?;
        self.swept.borrow_mut().insert(pool, swept);
        if let Err(failure) = self.settle_what_was_decided_meanwhile(&ids).await {
            // The pool is open all the same, and the sweep settles whatever this did not.
            tracing::warn!(%pool, %failure, "what was decided while the pool opened is settled by the sweep");
        }
        Ok(())
    }

    /// What the writers decided between the looks at the store and the opening went into the book as a claim, and its own
    /// settlement met a closed pool: buyers who had been told "confirmed" would be told "pending" until the sweep.
    async fn settle_what_was_decided_meanwhile(self: &Rc<Self>, ids: &[OrderId]) -> PortResult<()> {
        for some in ids.chunks(LOOK_UP) {
            self.settle_soon(self.parts.store.settlements(some).await?);
        }
        Ok(())
    }

    /// The rules of a pool's sale, and the catalogue's revision they are of.
    fn rules(&self, pool: PoolId) -> Option<(u64, Terms)> {
        let revision = self.catalogue.borrow().revision;
        self.terms(pool).map(|terms| (revision, terms))
    }

    pub(super) fn terms(&self, pool: PoolId) -> Option<Terms> {
        let catalogue = self.catalogue.borrow();
        catalogue.listings.iter().find_map(|listing| {
            let event = &listing.event;
            let found = event.ticket_types.iter().find(|ticket_type| ticket_type.pool(&event.slug) == pool);
            found.map(|ticket_type| ticket_type.terms(listing.paused))
        })
    }

    /// What is on the bus or dead, of one pool. What cannot be read is known by its label; what has none has no claim.
    async fn undelivered(&self, pool: PoolId) -> PortResult<Undelivered> {
        let unconsumed = self.parts.bus.unconsumed().await?;
        let complete = unconsumed.is_some();
        #[cfg(feature = "sabotage")]
        let unconsumed = unconsumed.filter(|_| !is_on(Sabotage::ForgetsTheQueue));
        let dead = self.parts.bus.dead_letters(DEAD_LETTERS).await?;
        let waiting = unconsumed.into_iter().flatten().map(|message| (message.payload, message.label));
        let all = waiting.chain(dead.into_iter().map(|letter| (letter.payload, letter.label)));
        let intents = all.filter_map(|(payload, label)| wire::known(&payload, label));
        Ok(Undelivered { intents: intents.filter(|intent| intent.pool == pool).collect(), complete })
    }

    async fn decided(&self, intents: &[Intent]) -> PortResult<HashSet<OrderId>> {
        Ok(self.fates(intents.iter().map(|intent| intent.order).collect()).await?.into_keys().collect())
    }

    /// What the store has said of orders.
    pub(super) async fn fates(&self, orders: Vec<OrderId>) -> PortResult<Fates> {
        let mut fates = HashMap::new();
        for chunk in orders.chunks(LOOK_UP) {
            let known = self.parts.store.fates(chunk).await?;
            fates.extend(known.into_iter().map(|(order, fingerprint, decision)| (order, (fingerprint, decision))));
        }
        Ok(fates)
    }
}
