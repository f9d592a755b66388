//! JSON for programs. The three short routes are the featured event's; the `v1` routes are every event's.

pub(crate) mod availability;
pub(crate) mod cache;
mod description;
mod events;
mod orders;
mod problems;
mod wire;

use crate::error::Problem;
use actix_web::{
    HttpResponse, Resource, Route,
    web::{self, ServiceConfig},
};

pub use description::openapi;

/// Every route for programs, grouped by what it is about.
pub fn routes(config: &mut ServiceConfig) {
    // the featured event, in short
    config
        .service(reads("/api/tickets/availability", || web::to(availability::of_featured)))
        .service(writes("/api/tickets/buy", web::post().to(orders::buy)))
        .service(reads("/api/orders/{order}", || web::to(orders::find)))
        // every event
        .service(reads("/api/v1/events", || web::to(events::list)))
        .service(reads("/api/v1/events/{slug}", || web::to(events::find)))
        .service(reads("/api/v1/events/{slug}/availability", || web::to(availability::of_event)))
        .service(reads("/api/v1/events/{slug}/availability/stream", || web::to(availability::stream)))
        .service(writes("/api/v1/events/{slug}/orders", web::post().to(orders::place)))
        .service(reads("/api/v1/orders/{order}", || web::to(orders::find)))
        // the description
        .configure(description::routes);
}

/// An address that answers GET and HEAD.
pub(crate) fn reads(path: &str, handler: impl Fn() -> Route) -> Resource {
    web::resource(path)
        .route(handler().method(actix_web::http::Method::GET))
        .route(handler().method(actix_web::http::Method::HEAD))
        .default_service(web::to(|| refuse_method("GET, HEAD")))
}

/// An address that answers POST.
fn writes(path: &str, route: Route) -> Resource {
    web::resource(path).route(route).default_service(web::to(|| refuse_method("POST")))
}

/// 405 with the methods that would work.
pub(crate) async fn refuse_method(allow: &'static str) -> Result<HttpResponse, Problem> {
    Err(Problem::method_not_allowed(allow))
}
