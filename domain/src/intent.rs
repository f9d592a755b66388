//! What travels on the bus.

use crate::{
    buyer::BuyerId,
    fingerprint::Fingerprint,
    id::{OrderId, PoolId},
    time::Millis,
};
use serde::{Deserialize, Serialize};

/// How to reach or name the buyer. Never logged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The API client's own name for its user.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The buyer's name.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The buyer's e-mail.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The language that the buyer reads, by its two letters: mails are written in it. No part of what the key was used for: the
    /// same order asked for in another language is the same order.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

impl Contact {
    /// The e-mail as one address: see [`address`].
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.email.as_deref().and_then(address)
    }
}

/// Most bytes of an address (RFC 5321, 4.5.3.1.3, less the brackets).
const MAX_ADDRESS_BYTES: usize = 254;

/// An e-mail as one address, however it was typed: without white space around it, in lower case. (By RFC 5321 what stands before
/// the `@` may be told apart by its case; nobody does, and everybody types it as they like.) `None`: no mail can go there.
#[must_use]
pub fn address(email: &str) -> Option<String> {
    let address = email.trim().to_lowercase();
    let is_one = address.len() <= MAX_ADDRESS_BYTES
        && address.split_once('@').is_some_and(|(person, host)| !person.is_empty() && !host.is_empty())
        && !address.contains(|character: char| character.is_control() || character.is_whitespace());
    is_one.then_some(address)
}

/// The command to place an order, as it is put on the bus. Short names: it is written and read a million times a sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The buyer's key, and the order's id.
    #[serde(rename = "o")]
    pub order: OrderId,
    /// Which units.
    #[serde(rename = "p")]
    pub pool: PoolId,
    /// How many.
    #[serde(rename = "q")]
    pub quantity: u32,
    /// Whose limit it counts for.
    #[serde(rename = "b")]
    pub buyer: BuyerId,
    /// What the key was used for.
    #[serde(rename = "f")]
    pub fingerprint: Fingerprint,
    /// When the shop took the request, by the ledger's clock.
    #[serde(rename = "t")]
    pub asked_at: Millis,
    /// Whose order it is.
    #[serde(rename = "c", default)]
    pub contact: Contact,
    /// W3C `traceparent` of the request, when traces are on.
    #[serde(rename = "tp", default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_however_it_is_typed() {
        let of = |email: &str| Contact { email: Some(email.into()), ..Contact::default() }.address();
        assert_eq!(of(" Eva.Muster@Example.ORG\n"), of("eva.muster@example.org"));
        for none in ["", "  ", "eva", "@example.org", "eva@", "a@b\0", "a b@c", "a@b\r\nBcc: c@d", &"a@".repeat(200)] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(Contact::default().address(), None);
    }
}
