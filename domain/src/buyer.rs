//! Who the per-buyer limit counts.
//!
//! Unproven names can be made up: a limit keeps honest people fair and slows others down, no more.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A buyer as the limit sees one: 8 bytes of the SHA-256 of a scoped name, kept as a signed number because SQL has no other.
///
/// Among 10 million buyers the chance that any two share an id is 3 in a million; such a pair would share one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BuyerId(pub i64);

impl BuyerId {
    /// The buyer that an API client names by `userId`.
    #[must_use]
    pub fn from_user_id(user_id: &str) -> Self {
        Self::hash(b"user:", user_id)
    }

    /// The buyer that a form names by e-mail: trimmed, lower case; what stands after a `+` stays, for it may be a person.
    #[must_use]
    pub fn from_email(email: &str) -> Self {
        Self::hash(b"email:", &email.trim().to_lowercase())
    }

    /// The buyer without a name: the browser's random session, or the order's own key where cookies are off.
    #[must_use]
    pub fn from_session(session: &str) -> Self {
        Self::hash(b"session:", session)
    }

    fn hash(scope: &[u8], name: &str) -> Self {
        let digest = Sha256::new().chain_update(scope).chain_update(name).finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(i64::from_be_bytes(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_is_one_buyer_however_it_is_typed() {
        assert_eq!(BuyerId::from_email(" Eva@Example.org "), BuyerId::from_email("eva@example.org"));
    }

    #[test]
    fn a_user_id_is_never_an_email() {
        assert_ne!(BuyerId::from_user_id("eva@example.org"), BuyerId::from_email("eva@example.org"));
    }
}
