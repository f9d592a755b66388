//! Where dead letters are kept when the bus itself cannot show them.
//!
//! Pub/Sub can be pulled from, not browsed: whoever looks at a dead-letter subscription takes its messages away from the next
//! one who looks. So a letter is first put on a shelf, durably, and only then acknowledged to the bus.

#[cfg(test)]
pub(crate) mod contract;
#[cfg(test)]
pub(crate) mod memory;
mod postgres;

pub use postgres::PostgresDeadLetters;

use async_trait::async_trait;
use bytes::Bytes;
use stampede_actors::{
    label::Label,
    ports::{DeadLetter, DeliveryId, PortResult},
};
use stampede_domain::Millis;

/// A message on its way to the shelf.
#[derive(Clone, Debug)]
pub struct NewDeadLetter {
    /// What tells this message from every other, the same at every delivery of it: the bus's own message id.
    pub message_key: String,
    /// As it was delivered.
    pub payload: Bytes,
    /// Whose order it is.
    pub label: Option<Label>,
    /// Why it could not be taken.
    pub reason: String,
    /// How often it had been delivered.
    pub attempts: u32,
    /// Since when it has been dead, by the caller's clock.
    pub dead_since: Millis,
}

/// Keeps dead letters.
#[async_trait]
pub trait DeadLetterShelf: Send + Sync {
    /// Puts letters on the shelf durably. The same message put twice is one letter, with what the first said of it: so after
    /// any failure it is put again.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: put them again. `Impossible` for what no shelf takes.
    async fn put(&self, letters: &[NewDeadLetter]) -> PortResult<()>;

    /// The letters that have not ended, oldest first, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(&self, limit: usize) -> PortResult<Vec<DeadLetter>>;

    /// How many have not ended.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn count(&self) -> PortResult<u64>;

    /// Those of these letters that are here, ended ones among them, in no order.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn find(&self, ids: &[DeliveryId]) -> PortResult<Vec<DeadLetter>>;

    /// Notes that letters are on the bus again, and why. Those that have ended are passed over.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: note it again.
    async fn replayed(&self, ids: &[DeliveryId], at: Millis, why: &str) -> PortResult<()>;

    /// Ends letters, each with how. The first end counts.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: end them again.
    async fn end(&self, ends: &[(DeliveryId, String)], at: Millis) -> PortResult<()>;

    /// Forgets letters that ended before a time; how many.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: again.
    async fn forget(&self, ended_before: Millis) -> PortResult<u64>;
}

/// The name of a letter, made from its message's key, so that no shelf has to count: FNV-1a, 64 bits. Two messages of one name
/// would still be two letters; a name is for people and for the log.
#[must_use]
pub fn letter_id(message_key: &str) -> DeliveryId {
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    // The highest bit stays free: databases count with signs.
    DeliveryId(message_key.bytes().fold(0xcbf2_9ce4_8422_2325, hash) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    contract::dead_letter_contract!(memory::MemoryDeadLetters::default());

    #[test]
    fn a_letter_keeps_its_name_for_ever() {
        assert_eq!(letter_id(""), DeliveryId(0xcbf2_9ce4_8422_2325 >> 1));
        assert_eq!(letter_id("a"), DeliveryId(0xaf63_dc4c_8601_ec8c >> 1));
    }
}
