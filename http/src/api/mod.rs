//! JSON for programs. The three short routes are the featured event's; the `v1` routes are every event's.

pub(crate) mod availability;
pub(crate) mod cache;
mod description;
mod events;
mod orders;
mod payments;
mod problems;
mod tickets;
mod wire;

use crate::{routes::Table, webhook};
use actix_web::web;

pub use description::openapi;

/// Every route for programs, grouped by what it is about.
pub(crate) fn routes(table: &mut Table<'_>) {
    // the featured event, in short
    table
        .reads("/api/tickets/availability", || web::to(availability::of_featured))
        .writes("/api/tickets/buy", web::to(orders::buy))
        .reads("/api/orders/{order}", || web::to(orders::find))
        // every event
        .reads("/api/v1/events", || web::to(events::list))
        .reads("/api/v1/events/{slug}", || web::to(events::find))
        .reads("/api/v1/events/{slug}/availability", || web::to(availability::of_event))
        .reads("/api/v1/events/{slug}/availability/stream", || web::to(availability::stream))
        .writes("/api/v1/events/{slug}/orders", web::to(orders::place))
        .reads("/api/v1/orders/{order}", || web::to(orders::find))
        .reads("/api/v1/orders/{order}/tickets", || web::to(tickets::find))
        // what is paid online
        .writes("/api/v1/orders/{order}/payment", web::to(payments::pay))
        .writes("/api/v1/orders/{order}/extend", web::to(payments::extend))
        .writes("/api/v1/orders/{order}/cancel", web::to(payments::cancel))
        .writes("/api/v1/orders/{order}/refund", web::to(payments::refund))
        .writes(webhook::ADDRESS, web::to(webhook::take));
    description::routes(table);
}
