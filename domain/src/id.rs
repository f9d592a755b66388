//! Names of things: orders, events, ticket types and their pools.

use crate::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr, sync::Arc};
use uuid::Uuid;

/// The buyer's idempotency key, which *is* the order's id: a UUIDv7 (RFC 9562), so that ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrderId(pub Uuid);

impl OrderId {
    /// The id's own time: the first 48 bits of a UUIDv7 are Unix milliseconds.
    #[must_use]
    pub fn time(self) -> Millis {
        let high = self.0.as_u128() >> 80;
        Millis(i64::try_from(high).unwrap_or(i64::MAX))
    }

    /// The 16 bytes, most significant first: their order is the ids' order.
    #[must_use]
    pub fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl From<[u8; 16]> for OrderId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for OrderId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A name fit for an address: lower-case letters, digits and single hyphens, 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(Arc<str>);

/// The name of an event, unique in the shop.
pub type EventSlug = Slug;
/// The name of a ticket type, unique in its event.
pub type TicketTypeSlug = Slug;

/// Why a text is no [`Slug`].
#[derive(Debug, thiserror::Error)]
#[error("“{0}” is no slug: 1 to 64 lower-case letters, digits and single hyphens, e.g. general-admission")]
pub struct NotASlug(String);

impl Slug {
    /// Longest name accepted; it stands in addresses and in every log line.
    pub const MAX_LENGTH: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = NotASlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fine = !text.is_empty()
            && text.len() <= Self::MAX_LENGTH
            && text.split('-').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
        if fine { Ok(Self(text.into())) } else { Err(NotASlug(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for Slug {
    type Error = NotASlug;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0.as_ref().to_owned()
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a pool: 63 bits of the SHA-256 of `event/ticket-type`.
///
/// Derived, so that no sequence is needed; small, because it stands in every claim and row; positive, so that it is the
/// same number in SQL. Two names with one id are refused when the event is applied.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PoolId(pub i64);

impl PoolId {
    /// The pool of a ticket type.
    #[must_use]
    pub fn of(event: &EventSlug, ticket_type: &TicketTypeSlug) -> Self {
        let digest = Sha256::digest(format!("{event}/{ticket_type}"));
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(i64::from_be_bytes(first) & i64::MAX)
    }
}

impl fmt::Debug for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool:{:016x}", self.0)
    }
}

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_id_tells_its_time() {
        let id: OrderId = "018bcfe5-6807-7000-8000-000000000000".parse().unwrap();
        assert_eq!(id.time(), Millis(1_700_000_000_007));
    }

    #[test]
    fn slugs_are_lower_case_words_with_single_hyphens() {
        for fine in ["a", "general-admission", "vip2"] {
            assert!(fine.parse::<Slug>().is_ok(), "{fine}");
        }
        for wrong in ["", "-a", "a--b", "A", "ü", "a b", &"x".repeat(65)] {
            assert!(wrong.parse::<Slug>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pool_id_is_positive_and_stable() {
        let pool = PoolId::of(&"frequency-festival".parse().unwrap(), &"general-admission".parse().unwrap());
        assert!(pool.0 > 0);
        assert_eq!(pool, PoolId::of(&"frequency-festival".parse().unwrap(), &"general-admission".parse().unwrap()));
    }

    #[test]
    fn a_slug_is_its_text() {
        let slug: Slug = "general-admission".parse().unwrap();
        assert_eq!((slug.as_str(), slug.to_string()), ("general-admission", "general-admission".to_owned()));
        assert_eq!(String::from(slug), "general-admission");
    }

    /// Rows, claims and keys of Redis carry it.
    #[test]
    fn a_pool_id_is_tomorrow_what_it_is_today() {
        let of = |event: &str, ticket_type: &str| PoolId::of(&event.parse().unwrap(), &ticket_type.parse().unwrap()).0;
        assert_eq!(of("frequency-festival", "general-admission"), 4_187_425_574_719_097_706);
        assert_eq!(of("festival", "vip"), 4_613_987_979_653_000_783, "the first bit of its hash is 1");
    }
}
