//! Clients who mean no good, at the real binary: those who ask too often, say too much, say nothing, and say what no browser
//! says. Those who only want tickets get them meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod limits;
mod raw;
mod routes;
mod shapes;
mod slow;
#[path = "../support/mod.rs"]
mod support;
