//! What everybody may look at: the catalogue and the free numbers as of a moment, made by `CacheSync` for every `Inventory`.

use crate::{
    mailbox::{Mailbox, Message},
    ports::Listing,
};
use arc_swap::ArcSwapOption;
use stampede_domain::{PoolId, TicketType, event::Terms, ledger::BookNumbers, sale::SaleState};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The shelf at one moment. The first event is the featured one.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// When it was filled, by the steady clock of this process: the ledger's time is that of another machine.
    pub filled_at: Instant,
    /// Events, each shared with earlier shelves while nothing about it changed.
    pub events: Vec<Arc<EventOnSale>>,
    /// Whether new orders are taken.
    pub pressure: Pressure,
}

impl Shelf {
    /// Whether it is older than this.
    #[must_use]
    pub fn is_older_than(&self, age: Duration) -> bool {
        self.filled_at.elapsed() > age
    }
}

/// An event with its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct EventOnSale {
    /// Rises whenever anything below changes.
    pub sequence: u64,
    /// The event.
    pub listing: Arc<Listing>,
    /// Its ticket types, in the event's order.
    pub types: Vec<TypeOnSale>,
}

/// A ticket type with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeOnSale {
    /// Its pool.
    pub pool: PoolId,
    /// The rules of its sale.
    pub terms: Terms,
    /// Its numbers; `None` while the ledger is not open.
    pub numbers: Option<BookNumbers>,
    /// What shoppers see.
    pub state: SaleState,
}

impl EventOnSale {
    /// The ticket type of that name, or the first, with its numbers.
    #[must_use]
    pub fn find(&self, ticket_type: Option<&str>) -> Option<(&TicketType, &TypeOnSale)> {
        let types = self.listing.event.ticket_types.iter().zip(&self.types);
        match ticket_type {
            Some(id) => types.into_iter().find(|(ticket_type, _)| ticket_type.id.as_str() == id),
            None => types.into_iter().next(),
        }
    }
}

/// Whether the writers keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pressure {
    /// They do.
    #[default]
    Calm,
    /// They are behind: come back after about this long.
    Behind(Duration),
    /// They have not been heard of though units are promised.
    Silent,
}

/// A new shelf.
#[derive(Clone)]
pub struct Restock(pub Arc<Shelf>);

impl Message for Restock {
    type Answer = ();
    const NAME: &'static str = "restock";
}

/// The board the latest shelf hangs on, and who is told when it changes.
#[derive(Default)]
pub struct Board {
    latest: ArcSwapOption<Shelf>,
    readers: Mutex<Vec<Mailbox<Restock>>>,
}

impl Board {
    /// The latest shelf: what a newborn `Inventory` begins with.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Shelf>> {
        self.latest.load_full()
    }

    /// Tells `reader` of every shelf from now on.
    pub fn subscribe(&self, reader: Mailbox<Restock>) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }

    /// Hangs up a shelf. A reader without room gets the next one.
    pub fn publish(&self, shelf: &Arc<Shelf>) {
        self.latest.store(Some(Arc::clone(shelf)));
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for reader in readers {
            // Full: it is drowning in requests and will get the next shelf, in a tenth of a second.
            reader.tell(Restock(Arc::clone(shelf))).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_shelf_is_as_old_as_the_time_since_it_was_filled() {
        let shelf = Shelf { filled_at: Instant::now(), events: Vec::new(), pressure: Pressure::Calm };
        let age = Duration::from_secs(1);
        tokio::time::advance(age).await;
        assert!(!shelf.is_older_than(age));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(shelf.is_older_than(age));
    }
}
