//! The rules of selling tickets, and nothing else.
//!
//! No IO, no async, no actor, no clock and no chance: a function that needs the time is given it. What is decided here is
//! decided the same way by the in-process ledger, by the SQL stores, by the tests and by the simulation.

pub mod buyer;
pub mod decide;
pub mod event;
pub mod fingerprint;
pub mod hold;
pub mod id;
pub mod intent;
pub mod key;
pub mod laws;
pub mod ledger;
pub mod money;
pub mod order;
pub mod pool;
pub mod refusal;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod sale;
pub mod settlement;
pub mod time;

pub use buyer::BuyerId;
pub use event::{Event, OnlinePayment, Payment, SaleWindow, TicketType};
pub use fingerprint::Fingerprint;
pub use hold::{Decline, Hold, HoldAnswer, HoldChange, HoldRefused, HoldTerms, PaymentId};
pub use id::{EventSlug, OrderId, PoolId, Slug, TicketTypeSlug};
pub use intent::{Contact, Intent, address};
pub use money::Money;
pub use order::{Decision, OrderStatus, RejectReason};
pub use pool::PoolNumbers;
pub use refusal::OrderRefused;
pub use settlement::{Decided, Settlement, WriterReport};
pub use time::Millis;
