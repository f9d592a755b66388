//! Behaviour: the actors of the shop, one a file, and the ports they need.
//!
//! ```text
//!  http ──ask──▶ Inventory ──▶ Publisher ──▶ [bus] ──▶ OrderWriter (supervisor) ──▶ Writer 1..n ──▶ [order store]
//!                    ▲  └── ledger port                      │ decisions
//!                    └────────── shelf ◀── CacheSync ◀───────┘  ──▶ ledger port, reap, sweep, open
//! ```
//!
//! Orders that are paid online go on from there, on a lane of their own:
//!
//! ```text
//!  http ──ask──▶ Till ──▶ [lane] ──▶ Checkout ──▶ HoldWriter ──▶ [hold store]
//!                  └── reads the row    └─▶ [payment provider]  └──▶ CacheSync
//! ```
//!
//! Both stores owe mails in the transactions that are their reason. Who sends them stands apart:
//!
//! ```text
//!  [outbox] ──▶ Mailroom ──▶ [mailer]        http ──ask──▶ Mailroom: a link, the orders of an address
//! ```
//!
//! An actor may wait only for actors to its right, so no two can wait for each other; news goes left by telling. The logic of
//! an actor is a plain struct over ports; only [`carrier`] knows actix. There is no driver here, and no status code.

pub mod audit;
pub mod batch;
pub mod cache_sync;
pub mod carrier;
pub mod chance;
pub mod checkout;
pub mod clock;
pub mod doorkeeper;
pub mod facts;
pub mod flight;
pub mod gate;
pub mod hold_writer;
pub mod inventory;
pub mod label;
pub mod lane;
pub mod mailbox;
pub mod mailroom;
pub mod order_writer;
pub mod ports;
pub mod publisher;
pub mod settings;
pub mod shelf;
pub mod tasks;
pub mod till;
pub mod trace;
pub mod wire;
pub mod writer;
