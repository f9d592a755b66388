//! The durable hand-over from those who take orders to those who write them.

use super::PortResult;
use crate::label::Label;
use async_trait::async_trait;
use bytes::Bytes;
use stampede_domain::Millis;

/// A message to be put on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// UTF-8 JSON, as [`crate::wire`] writes it.
    pub payload: Bytes,
    /// Whose order is inside, for those who cannot read the payload. Travels beside it; `None` on messages from before there
    /// were labels, and on one whose label was damaged.
    pub label: Option<Label>,
}

/// Names one delivery to its bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId(pub u64);

/// A message taken from the bus under a lease. Unless it is acknowledged, it comes again.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// For the acknowledgement.
    pub id: DeliveryId,
    /// As it was published, or whatever is there: decode with care.
    pub payload: Bytes,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// When the bus had it durably.
    pub published_at: Millis,
}

/// A message set aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its name among the dead letters.
    pub id: DeliveryId,
    /// As it was delivered.
    pub payload: Bytes,
    /// Whose order it is, if it was published with a label.
    pub label: Option<Label>,
    /// Why it could not be taken.
    pub reason: String,
    /// How often it had been delivered.
    pub attempts: u32,
    /// Since when it has been dead.
    pub dead_since: Millis,
    /// Which process set it aside, host and number; empty for letters from before this was kept.
    pub set_aside_by: String,
    /// When it was last put back on the bus. It stays a dead letter until its order has a fate.
    pub replayed_at: Option<Millis>,
    /// When it ended: it is only kept to be looked at.
    pub ended_at: Option<Millis>,
    /// The last word about it: why it was replayed or how it ended; empty while nobody said one.
    pub last_word: String,
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that are not acknowledged, delivered ones included; `None` where the bus cannot tell.
    pub messages: Option<u64>,
    /// When the oldest of them was published.
    pub oldest: Option<Millis>,
    /// Dead letters that have not ended.
    pub dead_letters: u64,
}

/// Carries messages durably, at least once, in about their order.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Puts a batch on the bus and waits until it survives a power cut. One outcome a message, in order. Several calls may be
    /// under way at once.
    ///
    /// # Errors
    /// Per message: `Unavailable` and `Impossible` only for what was never handed over; anything else is `Unknown`.
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>>;

    /// Waits for messages and leases at most `limit` of them. Dropping the future loses nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>>;

    /// Forgets messages. Returns when they will not be delivered again by this process; after a crash they may be.
    ///
    /// # Errors
    /// `Unavailable`: they will come again, which is harmless.
    async fn acknowledge(&self, ids: &[DeliveryId]) -> PortResult<()>;

    /// Gives leases back: the messages come again at once, each with its attempt counted.
    ///
    /// # Errors
    /// `Unavailable`: the leases run out by themselves.
    async fn release(&self, ids: &[DeliveryId]) -> PortResult<()>;

    /// Begins the leases of messages anew: whoever holds them is still at work on them. What is not leased any more is left alone.
    ///
    /// # Errors
    /// `Unavailable`: they may come again while they are being worked on, which is harmless.
    async fn extend(&self, ids: &[DeliveryId]) -> PortResult<()>;

    /// Sets messages aside durably, each with its reason. They are not delivered again.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: they come again.
    async fn set_aside(&self, letters: &[(DeliveryId, String)]) -> PortResult<()>;

    /// The dead letters that have not ended, oldest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn dead_letters(&self, limit: usize) -> PortResult<Vec<DeadLetter>>;

    /// One dead letter, also one that has ended, until it is forgotten.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn dead_letter(&self, id: DeliveryId) -> PortResult<Option<DeadLetter>>;

    /// Puts dead letters back on the bus durably, and remembers when and why. Whichever process takes messages will be delivered
    /// them, under a new number and with no attempts. They stay dead letters until they are ended, so that an order keeps its
    /// claim whatever happens on the way. Letters that have ended, or that nobody knows, are passed over.
    ///
    /// # Errors
    /// `Unavailable`: none was put back. `Unknown`: any of them may have been; doing it again may deliver it twice, which is
    /// harmless.
    async fn replay(&self, ids: &[DeliveryId], why: &str) -> PortResult<()>;

    /// Ends dead letters: they are not listed, counted or replayed any more, and are kept for those who look until they are
    /// forgotten. The first end counts.
    ///
    /// # Errors
    /// `Unavailable`: none has ended. `Unknown`: they may have; do it again.
    async fn end_dead_letters(&self, ends: &[(DeliveryId, String)]) -> PortResult<()>;

    /// Forgets letters that ended before a time, for ever; how many.
    ///
    /// # Errors
    /// `Unavailable`, `Unknown`: do it again.
    async fn forget_dead_letters(&self, ended_before: Millis) -> PortResult<u64>;

    /// Everything that is neither acknowledged nor dead, as it was published, where the bus can tell (`None` where it cannot):
    /// what an embedded start turns back into promises. A letter that was replayed is here, or among the dead letters, or both,
    /// at every moment. Reads it all; for starts, not for running shops.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn unconsumed(&self) -> PortResult<Option<Vec<Outgoing>>>;

    /// How much waits.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn backlog(&self) -> PortResult<Backlog>;

    /// Writes what is still to be written (acknowledgements) and lets go of files and connections. Further calls fail.
    async fn close(&self);
}
