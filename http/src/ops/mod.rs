//! The operators' port: metrics, health, the laws and the cast. Private: it names depths and limits.

mod actors;
mod audit;
mod health;

use crate::{error::Problem, held::Held, pages, routes::Table};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderValue},
    middleware::Next,
    web::{self, Data, ServiceConfig},
};
use stampede_actors::{
    cache_sync::{AreWeReady, AuditLaws},
    clock::SharedClock,
    gate::Gate,
    mailbox::Mailbox,
};
use stampede_web::{FaceError, Faces};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Renders the metrics as Prometheus reads them.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the operators' port has at hand.
pub struct ControlRoom {
    /// Pages.
    pub faces: Faces,
    /// Time.
    pub clock: SharedClock,
    /// Metrics.
    pub metrics: RenderMetrics,
    /// Every mailbox of the process.
    pub cast: Arc<Cast>,
    /// Whether the pools are open.
    pub ready: Mailbox<AreWeReady>,
    /// The laws.
    pub audit: Mailbox<AuditLaws>,
    /// False once the shop is closing down.
    pub admitting: Arc<AtomicBool>,
}

impl ControlRoom {
    /// Compiled pages for the operators.
    ///
    /// # Errors
    /// A template that does not compile.
    pub fn faces() -> Result<Faces, FaceError> {
        Faces::new()
    }

    fn is_admitting(&self) -> bool {
        self.admitting.load(Ordering::Relaxed)
    }
}

/// The gates of every actor, in the order they came on stage.
#[derive(Default)]
pub struct Cast(Mutex<Vec<Arc<Gate>>>);

impl Cast {
    /// Another actor is on stage.
    pub fn enter(&self, gate: Arc<Gate>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(gate);
    }

    /// All of them.
    #[must_use]
    pub fn gates(&self) -> Vec<Arc<Gate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Tables and their looks, nothing that moves.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";

/// Every route for operators.
pub fn routes(config: &mut ServiceConfig, room: Data<ControlRoom>) {
    config.app_data(room).default_service(web::to(pages::not_found));
    crate::routes::operators(config);
}

pub(crate) fn enter(table: &mut Table<'_>) {
    table
        .reads("/metrics", || web::to(metrics))
        .reads("/livez", || web::to(health::live))
        .reads("/readyz", || web::to(health::ready))
        .reads("/audit", || web::to(audit::show))
        .reads("/", || web::to(actors::show))
        .reads("/actors", || web::to(actors::show))
        .reads("/static/{name}", || web::to(pages::asset));
}

/// Serves an operator's request: problems as JSON, and nothing kept by anybody, for all of it is of this moment.
///
/// # Errors
/// None of its own.
pub async fn serve(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let held = Held::of(&mut request);
    let response = next.call(request).await?.map_into_boxed_body();
    let problem = response.response().error().map(crate::middleware::problem);
    let now = response.request().app_data::<Data<ControlRoom>>().map(|room| room.clock.now()).unwrap_or_default();
    let mut response = match problem {
        // There is no request id on this port: nothing on it is somebody else's request.
        Some(problem) => response.into_response(problem.respond("operators".to_owned(), now)),
        None => response,
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    Ok(match held {
        Some(held) => response.map_body(|_, answer| held.until_sent(answer)),
        None => response,
    })
}

async fn metrics(room: Data<ControlRoom>) -> HttpResponse {
    // The text format of Prometheus, version 0.0.4.
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body((room.metrics)())
}

/// People's browsers ask for HTML; everything else gets JSON.
fn wants_html(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

fn page(body: Result<String, FaceError>) -> Result<HttpResponse, Problem> {
    let body = body.map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::internal()
    })?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(body))
}
