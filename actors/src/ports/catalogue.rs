//! What is for sale, as organizers described it.

use super::PortResult;
use async_trait::async_trait;
use stampede_domain::{Event, EventSlug};

/// An event in the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The event in force.
    pub event: Event,
    /// Whether the organizer has paused its sale.
    pub paused: bool,
    /// A tighter version (less capacity, a lower or new limit) that waits until the sale is paused and nothing is in flight.
    pub waiting: Option<Event>,
}

/// The whole catalogue at one revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogueSnapshot {
    /// Raised by every change, of whatever process.
    pub revision: u64,
    /// The first is the featured event.
    pub listings: Vec<Listing>,
}

/// Keeps events. Changes are made by one process and seen by all others within a poll of [`Catalogue::revision`].
#[async_trait]
pub trait Catalogue: Send + Sync {
    /// The number of the latest change; cheap enough to be asked several times a second.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn revision(&self) -> PortResult<u64>;

    /// Everything, in one snapshot.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn snapshot(&self) -> PortResult<CatalogueSnapshot>;

    /// Adds an event or replaces it; applying the same again changes nothing. What would take away units or rights that an
    /// order in flight may count on (less capacity, a lower or new limit) is kept waiting: `true` in the answer.
    ///
    /// # Errors
    /// `Impossible` when the event breaks a rule: capacity below what is held and sold, a ticket type with orders removed,
    /// two names with one pool id. `Unknown`, `Unavailable`.
    async fn apply(&self, event: &Event) -> PortResult<bool>;

    /// Makes the waiting version of an event the one in force, unless the catalogue has changed since `revision`: at that
    /// revision the caller found its sale paused and nothing of it in flight, and a sale that was resumed meanwhile must not
    /// lose what it promised. The caller opens the pools anew afterwards. Where a version did wait, the same transaction
    /// raises epoch and version of every pool of the event: so every process, also one that did not ask for it, sees that
    /// its ledger's books are behind, and the store fences what they picked.
    ///
    /// # Errors
    /// `Impossible` when by now more is held and sold than the waiting capacity. `Unknown`, `Unavailable`.
    async fn apply_waiting(&self, event: &EventSlug, revision: u64) -> PortResult<()>;

    /// Pauses or resumes the sale of an event; `false` when there is no such event.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    async fn set_paused(&self, event: &EventSlug, paused: bool) -> PortResult<bool>;
}
