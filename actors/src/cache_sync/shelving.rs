//! Fills the shelf, judges the pressure, and looks whether the laws hold.

use super::{CacheSync, Surroundings};
use crate::{
    ports::{LedgerSnapshot, Listing, PortResult},
    shelf::{EventOnSale, Pressure, Shelf, TypeOnSale},
};
use metrics::{counter, gauge};
use stampede_domain::{Millis, laws, ledger::BookNumbers, sale::SaleState};
use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};
use tokio::time::Instant;

/// The shortest and the longest time a buyer is put off for.
const RETRY_AFTER: std::ops::RangeInclusive<u64> = 1..=30;

impl CacheSync {
    /// Hangs up a fresh shelf.
    pub(super) async fn fill_shelf(self: &Rc<Self>) {
        if self.catalogue.borrow().revision == 0 {
            return;
        }
        let ledger = match self.parts.ledger.snapshot().await {
            Ok(ledger) => ledger,
            Err(failure) => {
                tracing::warn!(%failure, "the ledger could not be looked at; what is shown grows stale");
                return;
            }
        };
        self.witness.borrow_mut().hears(&ledger.writers);
        self.witness.borrow_mut().sees(&ledger.pools);
        let numbers: HashMap<_, _> = ledger.pools.iter().map(|open| (open.pool, open.numbers)).collect();
        let events = self.listings.borrow().iter().map(|listing| self.on_sale(ledger.now, listing, &numbers)).collect();
        let shelf = Arc::new(Shelf { filled_at: Instant::now(), events, pressure: self.pressure(&ledger) });
        self.parts.board.publish(&shelf);
        let LedgerSnapshot { now, report, heard_at, .. } = ledger;
        *self.surroundings.borrow_mut() = Some(Surroundings { shelf: Arc::clone(&shelf), report, heard_at, now });
        *self.shelf.borrow_mut() = Some(shelf);
        measure(&ledger);
    }

    fn on_sale(
        &self,
        now: Millis,
        listing: &Arc<Listing>,
        numbers: &HashMap<stampede_domain::PoolId, BookNumbers>,
    ) -> Arc<EventOnSale> {
        let event = &listing.event;
        let types = event.ticket_types.iter().map(|ticket_type| {
            let pool = ticket_type.pool(&event.slug);
            let (terms, numbers) = (ticket_type.terms(listing.paused), numbers.get(&pool).copied());
            TypeOnSale { pool, terms, numbers, state: SaleState::at(now, &terms, numbers.as_ref()) }
        });
        let types: Vec<_> = types.collect();
        let shelf = self.shelf.borrow();
        let before = shelf.as_ref().and_then(|shelf| {
            shelf.events.iter().find(|before| Arc::ptr_eq(&before.listing, listing) && before.types == types)
        });
        before.map_or_else(
            || {
                self.sequence.set(self.sequence.get() + 1);
                Arc::new(EventOnSale { sequence: self.sequence.get(), listing: Arc::clone(listing), types })
            },
            Arc::clone,
        )
    }

    fn pressure(&self, ledger: &LedgerSnapshot) -> Pressure {
        let report = &ledger.report;
        let max_backlog = self.parts.settings.max_backlog;
        let silence = ledger.now.since(ledger.heard_at);
        if silence > max_backlog && ledger.pools.iter().any(|open| open.numbers.promised > 0) {
            return Pressure::Silent;
        }
        let age = report.oldest.map_or(Duration::ZERO, |oldest| ledger.heard_at.since(oldest));
        let is_full = report.high_water > 0 && report.depth >= report.high_water;
        if is_full || age > max_backlog {
            let seconds = u64::from(report.depth) / u64::from(report.per_second.max(1));
            return Pressure::Behind(Duration::from_secs(seconds.clamp(*RETRY_AFTER.start(), *RETRY_AFTER.end())));
        }
        Pressure::Calm
    }

    /// What can be checked all the time for next to nothing; `/audit` checks everything.
    pub(super) async fn check_laws(&self) -> PortResult<()> {
        for open in self.open_pools().await? {
            let (_, store) = self.parts.store.pool(open.pool).await?;
            let mut breaches = Vec::new();
            if store.used() > store.capacity {
                breaches.push(laws::Breach { law: laws::Law::NeverOversold, how: format!("{}: {store:?}", open.pool) });
            }
            let quiet = open.numbers.claims == 0 && open.numbers.settled.version == store.version;
            if quiet {
                breaches.extend(laws::check_quiet(open.pool, &open.numbers, &store));
            }
            for breach in breaches {
                tracing::error!(law = %breach.law, how = breach.how, "A LAW IS BROKEN");
                counter!("stampede_laws_broken_total", "law" => breach.law.name()).increment(1);
            }
        }
        Ok(())
    }
}

fn measure(ledger: &LedgerSnapshot) {
    for open in &ledger.pools {
        let pool = open.pool.to_string();
        let BookNumbers { settled, claimed, .. } = open.numbers;
        let states =
            [("free", open.numbers.free()), ("claimed", claimed), ("held", settled.held), ("sold", settled.sold)];
        for (state, units) in states {
            gauge!("stampede_pool_units", "pool" => pool.clone(), "state" => state).set(units);
        }
    }
}
