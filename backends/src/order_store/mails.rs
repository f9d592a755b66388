//! The mails that decisions and changes owe. Pure: what it needs to know is given to it.

use super::columns::NewRow;
use crate::sql::strange;
use stampede_actors::ports::{MailKey, Occasion};
use stampede_domain::{Contact, Decision, Hold, OrderId, OrderStatus};
use std::collections::HashMap;

/// What decisions owe. Nothing of it for orders without an address: then no statement is run for mails.
#[derive(Default)]
pub(super) struct NewMails {
    pub(super) owed: Vec<MailKey>,
    /// The orders that their addresses are to find.
    pub(super) addresses: Vec<(String, OrderId)>,
}

/// What new rows owe.
pub(super) fn of_decisions(rows: &[NewRow]) -> NewMails {
    let mut mails = NewMails::default();
    for row in rows {
        let is_found = matches!(row.decision, Decision::Confirmed | Decision::Reserved);
        let Some(address) = row.contact.address().filter(|_| is_found) else { continue };
        mails.addresses.push((address, row.order));
        if row.decision == Decision::Confirmed {
            mails.owed.push((row.order, Occasion::Confirmed));
        }
    }
    mails
}

/// What of an order matters for mails, before a change.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    status: OrderStatus,
    owes_late_money: bool,
}

impl Standing {
    pub(super) fn of(hold: &Hold) -> Self {
        let is_gone = matches!(hold.status, OrderStatus::Expired | OrderStatus::Cancelled);
        Self { status: hold.status, owes_late_money: is_gone && hold.owed_minor() > 0 }
    }

    /// What there is to write about now that the order stands there.
    pub(super) fn occasions(self, now: Self) -> impl Iterator<Item = Occasion> {
        let became = match now.status {
            status if status == self.status => None,
            OrderStatus::Confirmed => Some(Occasion::Confirmed),
            OrderStatus::Expired => Some(Occasion::Expired),
            OrderStatus::Refunded => Some(Occasion::Refunded),
            _ => None,
        };
        let came_late = (now.owes_late_money && !self.owes_late_money).then_some(Occasion::Refunded);
        became.into_iter().chain(came_late)
    }
}

/// Those of the mails whose order has an address.
pub(super) fn with_address(mails: &[MailKey], contacts: &HashMap<OrderId, Contact>) -> Vec<MailKey> {
    let has_one = |order: &OrderId| contacts.get(order).is_some_and(|contact| contact.address().is_some());
    mails.iter().filter(|(order, _)| has_one(order)).copied().collect()
}

pub(super) fn occasion(code: i64) -> sqlx::Result<Occasion> {
    Occasion::of_code(code).ok_or_else(|| strange(format!("occasion {code}")))
}
