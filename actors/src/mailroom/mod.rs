//! `Mailroom`: sends what is owed to buyers, and knows an address's orders.
//!
//! Its truth is the outbox, which is filled in the transactions that are a mail's reason; of its own it keeps only who asked for a
//! link lately. One a process; only those that write send what is owed (two of them never take the same mail).
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`SendLink`] | command | at once, and always the same: nothing is told about who has orders | one link a minute, five an hour, by address |
//! | [`OrdersOf`] | question | the orders of an address, newest first, each as it is paid | - |
//! | [`Drain`] | command | when no letter is on its way any more | the same |

use crate::{facts::PutOff, mailbox::Message, ports::OrderRecord};
use stampede_domain::Hold;

/// Orders of one address that are shown at most.
pub const MOST_ORDERS: u32 = 50;

/// An order, and how it is paid if it is paid online.
pub type OrderOf = (OrderRecord, Option<Hold>);

/// Write to this address, with a link to its orders, if it has any.
#[derive(Clone)]
pub struct SendLink {
    /// As it was typed.
    pub address: String,
    /// By its two letters.
    pub language: Option<String>,
}

impl Message for SendLink {
    type Answer = ();
    const NAME: &'static str = "send_link";
}

/// The orders of this address, newest first, at most [`MOST_ORDERS`]. Whoever asks has shown that the address is theirs.
#[derive(Clone)]
pub struct OrdersOf {
    /// As it was typed.
    pub address: String,
}

impl Message for OrdersOf {
    type Answer = Result<Vec<OrderOf>, PutOff>;
    const NAME: &'static str = "orders_of";
}

/// Take no more mails, and answer when none is on its way.
pub struct Drain;

impl Message for Drain {
    type Answer = ();
    const NAME: &'static str = "drain";
}
