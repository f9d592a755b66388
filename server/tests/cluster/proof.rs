//! Bad luck: everything that the shop stands on breaks in every way we could think of, one after the other, while people buy.
//! `make proof` runs it, in minutes; it is no part of `make test`.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod bad_luck;
mod harness;
#[path = "../support/mod.rs"]
mod support;
