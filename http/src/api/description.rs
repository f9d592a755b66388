//! The API described from its types (OpenAPI 3.1), and a page to read and try it that needs no other server.

use super::{availability, events, orders, payments, problems, tickets};
use crate::{
    problem::{FieldMistake, Problem, ProblemBody},
    routes::Table,
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Path},
};
use std::sync::{Arc, LazyLock};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Components, RefOr,
        link::Link,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_swagger_ui::Config;

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
        tickets::find,
        payments::pay,
        payments::extend,
        payments::cancel,
        payments::refund,
    ),
    modifiers(&Organizer),
    // The answers of `problems` name it, which does not bring it along.
    components(schemas(ProblemBody<'static>, FieldMistake)),
    tags(
        (name = "featured event", description = "The short routes"),
        (name = "events", description = "Every event"),
        (name = "orders", description = "Orders of every event"),
        (name = "paying", description = "Orders whose tickets are held until they are paid online"),
    )
)]
struct Description;

/// The organizer's token, which one route asks for.
struct Organizer;

impl Modify for Organizer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The organizer's token")).build();
        api.components
            .get_or_insert_with(Components::default)
            .add_security_scheme("organizer", SecurityScheme::Http(token));
    }
}

/// The description.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut api = Description::openapi();
    api.info.version = env!("CARGO_PKG_VERSION").to_owned();
    for Follows { path, status, operation, parameter, value } in FOLLOWS {
        let item = api.paths.paths.get_mut(path);
        let told = item.and_then(|item| item.post.as_mut().or(item.get.as_mut()));
        let answer = told.and_then(|told| told.responses.responses.get_mut(status));
        if let Some(RefOr::T(answer)) = answer {
            let link = Link::builder().operation_id(operation).parameter(parameter, value).build();
            answer.links.insert(operation.to_owned(), RefOr::T(link));
        }
    }
    api
}

/// What one can go on with after an answer (OpenAPI's links).
struct Follows {
    path: &'static str,
    status: &'static str,
    operation: &'static str,
    parameter: &'static str,
    value: &'static str,
}

const FOLLOWS: [Follows; 13] = {
    const fn after_order(path: &'static str, operation: &'static str) -> Follows {
        Follows { path, status: "202", operation, parameter: "order", value: "$response.body#/orderId" }
    }
    const fn after_list(operation: &'static str) -> Follows {
        let value = "$response.body#/events/0/slug";
        Follows { path: "/api/v1/events", status: "200", operation, parameter: "slug", value }
    }
    [
        after_order("/api/tickets/buy", "findOrder"),
        after_order("/api/tickets/buy", "findOrderInShort"),
        after_order("/api/v1/events/{slug}/orders", "findOrder"),
        after_order("/api/v1/events/{slug}/orders", "findOrderInShort"),
        after_order("/api/tickets/buy", "findTickets"),
        after_order("/api/v1/events/{slug}/orders", "findTickets"),
        after_order("/api/v1/events/{slug}/orders", "payOrder"),
        after_order("/api/v1/events/{slug}/orders", "extendOrder"),
        after_order("/api/v1/events/{slug}/orders", "cancelOrder"),
        after_list("findEvent"),
        after_list("eventAvailability"),
        after_list("placeOrder"),
        // The same key again is the same order.
        Follows {
            path: "/api/tickets/buy",
            status: "202",
            operation: "buyTickets",
            parameter: "Idempotency-Key",
            value: "$response.body#/orderId",
        },
    ]
};

static JSON: LazyLock<String> = LazyLock::new(|| openapi().to_pretty_json().unwrap_or_default());

/// Where an order stands, in short.
#[utoipa::path(get, path = "/api/orders/{order}", operation_id = "findOrderInShort", tag = "featured event",
    params(("order" = String, Path, description = "The order's id", example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")),
    responses(
    (status = 200, description = "Where it stands", body = super::wire::OrderStanding<'static>),
    problems::OrderNotShown,
))]
#[expect(dead_code, reason = "it only describes the second address of `orders::find`")]
fn find_order_in_short() {}

pub(super) fn routes(table: &mut Table<'_>) {
    table
        .reads("/api/openapi.json", || web::to(json))
        .reads("/api/docs", || web::to(to_docs))
        .reads("/api/docs/{file:.*}", || web::to(docs));
}

/// Swagger UI sets style attributes; everything else comes from this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A file of Swagger UI; it lives in the binary.
async fn docs(file: Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&file, Arc::new(Config::from("/api/openapi.json")));
    let found = found.map_err(|_| Problem::internal())?.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok()
        .content_type(found.content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(found.bytes.into_owned()))
}

async fn json() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(JSON.as_str())
}

async fn to_docs() -> HttpResponse {
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, "/api/docs/"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn description() -> Value {
        serde_json::from_str(&JSON).unwrap()
    }

    /// Every object of a tree with the way to it.
    fn walk(at: &str, value: &Value, see: &mut impl FnMut(&str, &Value)) {
        see(at, value);
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, field)| walk(&format!("{at}/{name}"), field, see)),
            Value::Array(values) => values.iter().for_each(|value| walk(at, value, see)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let api = description();
        let mut references = 0;
        walk("", &api, &mut |at, value| {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                references += 1;
                assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{at}: {reference}");
            }
        });
        assert!(references > 20, "{references} references are too few to be all");
    }

    #[test]
    fn every_link_leads_from_an_answer_to_an_operation_that_takes_it() {
        let api = description();
        let operations = api["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let operations: Vec<_> = operations.filter(|operation| operation.get("operationId").is_some()).collect();
        let mut links = 0;
        walk("", &api["paths"], &mut |at, value| {
            for (name, link) in value.get("links").and_then(Value::as_object).into_iter().flatten() {
                links += 1;
                let to = operations.iter().find(|operation| operation["operationId"] == link["operationId"]);
                let to = to.unwrap_or_else(|| panic!("{at}: {name} leads nowhere"));
                for parameter in link["parameters"].as_object().unwrap().keys() {
                    let takes = to["parameters"].as_array().unwrap().iter().any(|taken| taken["name"] == *parameter);
                    assert!(takes, "{at}: {name} takes no {parameter}");
                }
            }
        });
        assert_eq!(links, FOLLOWS.len());
    }

    #[test]
    fn every_field_and_parameter_has_an_example() {
        let api = description();
        let schemas = api["components"]["schemas"].as_object().unwrap();
        for (schema, description) in schemas {
            for (name, field) in description["properties"].as_object().into_iter().flatten() {
                let composed = field.get("$ref").is_some() || field.get("items").is_some();
                assert!(composed || field.get("example").is_some(), "{schema}.{name}");
            }
        }
        walk("", &api["paths"], &mut |at, value| {
            if value.get("in") == Some(&"path".into()) {
                assert!(value.get("example").is_some(), "{at}");
            }
        });
    }
}
