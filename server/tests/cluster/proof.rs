//! Bad luck: everything that the shop stands on breaks in every way we could think of, one after the other, while people buy;
//! and the storm, in which it breaks under thousands of requests at a time, wires included.
//! `make proof` runs both, in minutes; they are no part of `make test`.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod bad_luck;
mod harness;
mod paid;
mod paying_long;
mod storm;
mod storming_long;
#[path = "../support/mod.rs"]
mod support;
