//! Bare handlers: what HTTP alone costs here. Every goal about the door is a ratio to one of them.

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::ContentType,
    web::{self, Bytes, ServiceConfig},
};
use garde::Validate;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, process::ExitCode, time::Duration};

/// Where the bare answers are.
pub(crate) const READ: &str = "/bench/availability";
/// Where the bare POST is.
pub(crate) const BUY: &str = "/bench/buy";
/// The availability answer of a shop that has sold nothing of [`super::CAPACITY`].
const AVAILABILITY: &[u8] = br#"{"available":100000000,"total":100000000}"#;

/// An order as the shop reads it.
#[derive(Deserialize, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    #[garde(length(chars, min = 1, max = 128))]
    user_id: String,
    #[garde(range(min = 1, max = 100))]
    #[serde(default = "one")]
    quantity: u32,
    #[garde(inner(length(chars, min = 1, max = 64)))]
    #[serde(default)]
    ticket_type_id: Option<String>,
    #[garde(inner(length(chars, min = 1, max = 200)))]
    #[serde(default)]
    name: Option<String>,
    #[garde(inner(length(chars, max = 254)))]
    #[serde(default)]
    email: Option<String>,
}

fn one() -> u32 {
    1
}

/// The answer, in the size of the shop's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    order_id: &'static str,
    status: &'static str,
    status_url: &'static str,
    quantity: u32,
    server_time: &'static str,
}

/// Both, for any App. They come first, so that they are found at least as fast as what they are compared with.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource(READ).route(web::get().to(availability)))
        .service(web::resource(BUY).route(web::post().to(buy)));
}

async fn availability() -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::json()).body(AVAILABILITY)
}

async fn buy(body: Bytes) -> HttpResponse {
    let Ok(order) = serde_json::from_slice::<Order>(&body) else { return HttpResponse::BadRequest().finish() };
    if order.validate().is_err() {
        return HttpResponse::UnprocessableEntity().finish();
    }
    HttpResponse::Accepted().json(Taken {
        order_id: "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b",
        status: "pending",
        status_url: "/api/orders/01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b",
        quantity: order.quantity,
        server_time: "2027-06-01T10:00:00.000Z",
    })
}

/// The same handlers in an App of their own without any middleware: the difference is the middleware's cost.
pub(super) async fn serve(http: SocketAddr) -> anyhow::Result<ExitCode> {
    HttpServer::new(|| App::new().configure(routes))
        .keep_alive(Duration::from_secs(15))
        .max_connections(25_000)
        .bind(http)?
        .run()
        .await?;
    Ok(ExitCode::SUCCESS)
}
