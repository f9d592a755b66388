//! The choice: configuration, wiring, telemetry, shutdown and the small commands.
//!
//! [`wiring`] is the one place where it is decided what the ports run on; [`serve`] is the life of a process, from the lock on its
//! data to its last flush.

pub mod cli;
mod commands;
pub mod config;
mod crowd;
pub mod demo;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod greeting;
mod home;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod wiring;
