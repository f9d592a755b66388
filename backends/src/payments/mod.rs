//! Who takes the buyers' money.
//!
//! | technology | for |
//! |---|---|
//! | [`SimulatedBank`] | demo and tests: a bank of our own in `bank.db` of the data directory, or in memory for simulations |
//! | [`StripeGateway`] | real money, and Stripe's own test mode |
//!
//! The simulated bank belongs to one process, as every file of the embedded shop does. A shop of several processes (Postgres,
//! Redis, Pub/Sub) is not offered it: with ticket types that are paid online it needs a key of Stripe, of its test mode at least.

pub mod bank;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod none;
mod signature;
pub mod stripe;

#[cfg(test)]
pub(crate) mod contract;

pub use bank::{AtTheBank, BankStep, BankTimes, Card, CardProblem, SimulatedBank, TEST_CARDS, TestCard};
pub use none::NoProvider;
pub use stripe::{StripeGateway, StripeOptions};
