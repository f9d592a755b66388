//! People who pay in the last moment: the payment, the bank's word and the end of the hold come at once, while everything goes
//! wrong.
//!
//! The shop is the real one from the lane on: [`Till`](stampede_actors::till), [`HoldWriter`](stampede_actors::hold_writer)
//! and [`Checkout`](stampede_actors::checkout) over a store in memory. The provider is a model with books of its own; what it
//! and the buyer will do is written down for each payment, and it does it whatever it is asked. Every change of every hold is
//! judged in its moment, and when everything has come to rest, provider and shop must agree to the cent.
//!
//! Absent: taking the orders (the rest of this crate), pages, signatures of notices, and a provider's days: what nobody was ever
//! told of is found by comparing books, not here.

mod bank;
mod customer;
mod history;
mod judge;
mod outcomes;
mod plan;
mod process;
mod shop;
mod steps;
mod story;
mod witness;

pub use history::{PaidVerdict, race};
pub use outcomes::Outcomes;
pub use plan::{PaidPlan, RACES};
pub use steps::planned_steps;
