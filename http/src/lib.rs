//! The door: requests become messages to actors, their answers become responses. Nothing else happens here.
//!
//! Absent on purpose: drivers, stores, rules about tickets. [`error`] is the one place where refusals and failures become
//! status codes; [`api`] speaks JSON to programs, [`pages`] HTML to people, [`ops`] to operators on a port of their own.

pub mod api;
pub mod bank;
mod body;
pub mod desk;
pub mod door;
pub mod error;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod held;
pub mod mails;
pub mod middleware;
mod money;
pub mod ops;
pub mod pages;
pub mod paying;
mod problem;
pub mod routes;
mod same_site;
mod signing;
pub mod ticket;
mod tickets;
mod watch;
mod webhook;
mod wishes;

pub use desk::{Desk, Shop, ShopOptions};
pub use door::DoorRules;

use actix_web::web::{self, ServiceConfig};

/// Every public route. `desk` belongs to the worker's thread.
pub fn routes(config: &mut ServiceConfig, desk: web::Data<Desk>) {
    config.app_data(desk).default_service(web::to(pages::not_found));
    routes::public(config);
}
