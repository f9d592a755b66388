//! The API described from its types (OpenAPI 3.1), and a page to read and try it that needs no other server.

use super::{availability, events, orders, problems, reads};
use actix_web::{
    HttpResponse,
    http::header,
    middleware::DefaultHeaders,
    web::{self, ServiceConfig},
};
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Stampede",
        description = "Buy tickets, also when everyone comes at once. Every answer that is not a success is an \
                       `application/problem+json` with a `code` for programs and a `detail` for people.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        availability::of_featured,
        orders::buy,
        find_order_in_short,
        events::list,
        events::find,
        availability::of_event,
        availability::stream,
        orders::place,
        orders::find,
    ),
    tags(
        (name = "featured event", description = "The short routes"),
        (name = "events", description = "Every event"),
        (name = "orders", description = "Orders of every event"),
    )
)]
struct Description;

/// The description.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Description::openapi();
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    api
}

static JSON: LazyLock<String> = LazyLock::new(|| openapi().to_pretty_json().unwrap_or_default());

/// Where an order stands, in short.
#[utoipa::path(get, path = "/api/orders/{order}", tag = "featured event",
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")),
    responses(
    (status = 200, description = "Where it stands", body = super::wire::OrderStanding<'static>),
    problems::OrderNotShown,
))]
#[expect(dead_code, reason = "it only describes the second address of `orders::find`")]
fn find_order_in_short() {}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(reads("/api/openapi.json", || web::to(json)))
        .service(web::resource("/api/docs").route(web::get().to(to_docs)));
    // Swagger UI sets style attributes; everything else comes from this server.
    let policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                  connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";
    config.service(
        web::scope("/api/docs")
            .wrap(DefaultHeaders::new().add((header::CONTENT_SECURITY_POLICY, policy)))
            .service(SwaggerUi::new("/{_:.*}").config(Config::from("/api/openapi.json"))),
    );
}

async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(JSON.as_str())
}

async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/api/docs/")).finish()
}
