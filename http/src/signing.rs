//! Signed links and cookies: HMAC-SHA256 (RFC 2104), 16 of its bytes, so that an order id alone opens nothing.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use stampede_domain::{Millis, OrderId};
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

    /// The token of a link to the orders of an address, which opens them until a moment: that moment, the address, the signature.
    pub(crate) fn orders_token(&self, address: &str, until: Millis) -> String {
        let bytes = [&until.0.to_be_bytes(), address.as_bytes()].concat();
        let signed = [bytes.as_slice(), &self.sign(b"address", &bytes)].concat();
        BASE64_URL_SAFE_NO_PAD.encode(signed)
    }

    /// The address whose orders a token opens; `None`: it is not ours, or its time is over.
    pub(crate) fn address(&self, token: &str, now: Millis) -> Option<String> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (bytes, signature) = bytes.split_last_chunk::<LENGTH>()?;
        if !bool::from(self.sign(b"address", bytes).ct_eq(signature)) {
            return None;
        }
        let (until, address) = bytes.split_first_chunk::<8>()?;
        (now.0 < i64::from_be_bytes(*until)).then(|| String::from_utf8(address.to_vec()).ok()).flatten()
    }

    /// A name for the letter with a token: another one for each link, the same whenever it is sent, and nobody can tell the token by it.
    pub(crate) fn letter_name(&self, token: &str) -> [u8; LENGTH] {
        self.sign(b"letter", token.as_bytes())
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

    #[test]
    fn a_token_opens_the_orders_of_its_address_for_its_time() {
        let signer = Signer::new(b"secret");
        let token = signer.orders_token("zoë@example.org", Millis(5_000));
        assert_eq!(signer.address(&token, Millis(4_999)).as_deref(), Some("zoë@example.org"));
        assert_eq!(signer.address(&token, Millis(5_000)), None, "its time is over");
        assert_eq!(Signer::new(b"another").address(&token, Millis(0)), None);
        let longer = signer.orders_token("zoë@example.org", Millis(9_000));
        let stretched = [&longer[..11], &token[11..]].concat();
        for forged in ["", "x", &token[4..], &token[..token.len() - 1], &format!("AAAA{token}"), &stretched] {
            assert_eq!(signer.address(forged, Millis(0)), None, "{forged}");
        }
        let order = id("018bcfe5-6807-7000-8000-000000000000");
        assert_eq!(signer.address(&signer.seal(&[order]), Millis(0)), None, "a cookie is no link");
    }
}
