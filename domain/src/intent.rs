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
