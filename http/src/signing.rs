//! Signed links and cookies: HMAC-SHA256 (RFC 2104), 16 of its bytes, so that an order id alone opens nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stampede_domain::OrderId;
use subtle::ConstantTimeEq;

/// Bytes of a signature: nobody finds 128 bits by trying.
const LENGTH: usize = 16;

/// Signs with the shop's secret.
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("because HMAC takes keys of every length"))
    }

    /// The `k` of an order's signed link: 22 characters.
    pub(crate) fn order_key(&self, order: OrderId) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.sign(b"order", &order.bytes()))
    }

    pub(crate) fn is_order_key(&self, order: OrderId, key: &str) -> bool {
        self.verifies(b"order", &order.bytes(), key.as_bytes())
    }

    /// A list of orders that cannot be added to: what this browser bought.
    pub(crate) fn seal(&self, orders: &[OrderId]) -> String {
        let bytes: Vec<u8> = orders.iter().flat_map(|order| order.bytes()).collect();
        let sealed = [bytes.as_slice(), &self.sign(b"orders", &bytes)].concat();
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The orders of a sealed list; none when it is not ours.
    pub(crate) fn unseal(&self, sealed: &str) -> Vec<OrderId> {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(sealed) else { return Vec::new() };
        let Some((orders, signature)) = bytes.split_last_chunk::<LENGTH>() else { return Vec::new() };
        if !bool::from(self.sign(b"orders", orders).ct_eq(signature)) {
            return Vec::new();
        }
        orders.as_chunks::<16>().0.iter().map(|id| OrderId::from(*id)).collect()
    }

    fn sign(&self, purpose: &[u8], bytes: &[u8]) -> [u8; LENGTH] {
        let mut mac = self.0.clone();
        mac.update(purpose);
        mac.update(&[0]);
        mac.update(bytes);
        let mut signature = [0; LENGTH];
        signature.copy_from_slice(&mac.finalize().into_bytes()[..LENGTH]);
        signature
    }

    fn verifies(&self, purpose: &[u8], bytes: &[u8], encoded: &[u8]) -> bool {
        let Ok(signature) = BASE64_URL_SAFE_NO_PAD.decode(encoded) else { return false };
        self.sign(purpose, bytes).as_slice().ct_eq(&signature).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> OrderId {
        text.parse().unwrap()
    }

    #[test]
    fn a_key_opens_its_order_and_no_other() {
        let signer = Signer::new(b"secret");
        let (mine, other) = (id("018bcfe5-6807-7000-8000-000000000000"), id("018bcfe5-6807-7000-8000-000000000001"));
        let key = signer.order_key(mine);
        assert!(signer.is_order_key(mine, &key));
        assert!(!signer.is_order_key(other, &key));
        assert!(!signer.is_order_key(mine, ""));
        assert!(!Signer::new(b"another").is_order_key(mine, &key));
    }

    #[test]
    fn a_list_that_was_added_to_is_empty() {
        let signer = Signer::new(b"secret");
        let orders = [id("018bcfe5-6807-7000-8000-000000000000"), id("018bcfe5-6807-7000-8000-000000000001")];
        let sealed = signer.seal(&orders);
        assert_eq!(signer.unseal(&sealed), orders);
        for forged in ["", "x", &sealed[1..], &format!("AAAA{sealed}")] {
            assert_eq!(signer.unseal(forged), [], "{forged}");
        }
    }
}
