//! What tells two requests with the same key apart.

use crate::{buyer::BuyerId, id::PoolId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 8 bytes of the SHA-256 of buyer, pool and body. It travels with the order and stays in claim, note and row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub i64);

impl Fingerprint {
    /// The fingerprint of an order request. Texts are length-prefixed, so that no two bodies run together.
    #[must_use]
    pub fn of(buyer: BuyerId, pool: PoolId, quantity: u32, texts: [Option<&str>; 3]) -> Self {
        let mut hash = Sha256::new()
            .chain_update(buyer.0.to_be_bytes())
            .chain_update(pool.0.to_be_bytes())
            .chain_update(quantity.to_be_bytes());
        for text in texts {
            let text = text.unwrap_or("");
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hash.finalize()[..8]);
        Self(i64::from_be_bytes(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_run_together() {
        let of = |a, b| Fingerprint::of(BuyerId(1), PoolId(2), 3, [Some(a), Some(b), None]);
        assert_ne!(of("ab", "c"), of("a", "bc"));
        assert_eq!(of("ab", "c"), of("ab", "c"));
    }
}
