//! What the actors need from the outside, as traits. `backends` implements them; each has one contract suite there.
//!
//! To add a port: one file here with one trait, one folder in `backends` with its contract and its technologies, one line in
//! the server's wiring. A port says what is needed in the shop's words and hides how; it never hides whether something
//! happened: see [`PortFailure`].

mod bus;
mod catalogue;
mod hold_store;
mod ledger;
mod mails;
mod order_store;
mod payments;
mod rate_limits;

pub use bus::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing};
pub use catalogue::{Catalogue, CatalogueSnapshot, Listing};
pub use hold_store::{BookedPayment, HoldStore, HoldSums, HoldsChanged};
pub use ledger::{ClaimOf, Ledger, LedgerSnapshot, PoolSnapshot, PromiseOf, Withdrawal};
pub use mails::{Attachment, Composer, Letter, MailKey, MailSums, Mailer, Occasion, Outbox, Owed};
pub use order_store::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening};
pub use payments::{BadNotice, PaymentGateway, PaymentNotice, PaymentState, ProviderPayment, WantedPayment};
pub use rate_limits::{Limit, LimitKey, Quota, RateLimits, Take, Taken};

/// A fault of a port. Three kinds, because they ask for three different things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortFailure {
    /// Nothing happened, and trying again may help.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It may have happened or not. Never report this as failed.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// Nothing happened, and trying the same again will not help: the input itself cannot be taken.
    #[error("not possible: {0}")]
    Impossible(String),
}

/// What a port answers.
pub type PortResult<T> = Result<T, PortFailure>;
