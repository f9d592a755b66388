//! What stands in the columns of an order, the same in every database.

use crate::sql::{signed, strange};
use stampede_domain::{
    BuyerId, Contact, Decided, Decision, Fingerprint, Millis, OrderId, OrderStatus, PoolId, RejectReason,
};

/// A row to be inserted.
pub(super) struct NewRow {
    pub(super) order: OrderId,
    pub(super) pool: PoolId,
    pub(super) quantity: u32,
    pub(super) buyer: BuyerId,
    pub(super) fingerprint: Fingerprint,
    pub(super) decision: Decision,
    pub(super) asked_at: Millis,
    pub(super) version: u64,
    pub(super) contact: Contact,
}

/// What is needed of a row that exists.
pub(super) struct Known {
    pub(super) order: OrderId,
    pub(super) pool: PoolId,
    pub(super) buyer: BuyerId,
    pub(super) fingerprint: Fingerprint,
    pub(super) decision: Decision,
}

impl Known {
    pub(super) fn decided(&self) -> Decided {
        Decided { order: self.order, fingerprint: self.fingerprint, decision: self.decision }
    }
}

/// The number of a status in its column; never renumber.
pub(super) fn status_code(status: OrderStatus) -> i64 {
    OrderStatus::ALL.iter().position(|other| *other == status).map_or(0, |place| signed(place as u64))
}

pub(super) fn status(code: i64) -> Option<OrderStatus> {
    OrderStatus::ALL.get(usize::try_from(code).ok()?).copied()
}

pub(super) fn decision(code: i64) -> sqlx::Result<Decision> {
    u8::try_from(code).ok().and_then(Decision::from_code).ok_or_else(|| strange(format!("decision {code}")))
}

pub(super) fn reason(decision: Decision) -> Option<RejectReason> {
    match decision {
        Decision::Rejected(reason) => Some(reason),
        _ => None,
    }
}

/// JSON, or nothing for a buyer who gave nothing.
pub(super) fn contact_text(contact: &Contact) -> Option<String> {
    (*contact != Contact::default()).then(|| serde_json::to_string(contact).unwrap_or_default())
}

pub(super) fn contact(text: Option<&str>) -> sqlx::Result<Contact> {
    let read = text.map(serde_json::from_str).transpose().map_err(|_| strange("a contact".into()))?;
    Ok(read.unwrap_or_default())
}
