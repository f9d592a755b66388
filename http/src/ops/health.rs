//! Whether the process lives, and whether it can sell.

use super::ControlRoom;
use actix_web::{HttpResponse, web::Data};
use stampede_actors::cache_sync::AreWeReady;
use std::time::Duration;

/// How long readiness is waited for: a load balancer asks every few seconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Answers: then it lives.
pub(super) async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// 200 when every pool for sale is open and orders are admitted.
pub(super) async fn ready(room: Data<ControlRoom>) -> HttpResponse {
    let opened = room.ready.ask_within(PATIENCE, AreWeReady).await.unwrap_or(false);
    let why = match (opened, room.is_admitting()) {
        (true, true) => return HttpResponse::Ok().content_type("text/plain").body("ready\n"),
        (_, false) => "closing down\n",
        (false, true) => "the pools are not open yet\n",
    };
    HttpResponse::ServiceUnavailable().content_type("text/plain").body(why)
}
