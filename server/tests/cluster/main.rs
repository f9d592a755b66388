//! The distributed shop from outside: two web nodes and two writers on a Postgres, a Redis and a Pub/Sub server of their
//! own, a door in front of them and a crowd before it, while processes and servers come and go.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod harness;
mod losing_the_ledger;
mod paid;
mod paying;
mod selling;
mod starting;
mod storm;
mod storming;
#[path = "../support/mod.rs"]
mod support;
