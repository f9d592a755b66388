//! The operators' port: the control room, metrics, health, the laws and the cast. Private: it names depths and limits.

mod actors;
mod advisor;
mod audit;
mod chronicle;
mod gauges;
mod health;
mod journal;
mod paid;
mod room;
mod situation;
mod steering;
mod xray;

pub use advisor::advised_variables;
pub use chronicle::Chronicle;
pub use journal::{Journal, Loudness};

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
    cache_sync::{AreWeReady, AuditLaws, LookAround, SteerSale, XrayOrder},
    clock::SharedClock,
    gate::Gate,
    mailbox::Mailbox,
    settings::ActorSettings,
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
    /// What is for sale, and how the writers are.
    pub around: Mailbox<LookAround>,
    /// One order.
    pub xray: Mailbox<XrayOrder>,
    /// Pauses and resumes; `None` in a process that may only look.
    pub steer: Option<Mailbox<SteerSale>>,
    /// False once the shop is closing down.
    pub admitting: Arc<AtomicBool>,
    /// The last minutes.
    pub chronicle: Arc<Chronicle>,
    /// The last warnings and deeds.
    pub journal: Arc<Journal>,
    /// Which process this is.
    pub node: Node,
    /// Held while somebody waits who sent a wrong token.
    pub guesses: tokio::sync::Mutex<()>,
}

/// Which process this is.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its host and its number there.
    pub name: String,
    /// What it does and what it stands on, for people.
    pub role: String,
    /// Files or servers.
    pub embedded: bool,
    /// Limits and batch sizes in force.
    pub settings: ActorSettings,
    /// Whoever knows it may pause and resume the sale; nobody may when absent.
    pub token: Option<String>,
}

impl ControlRoom {
    /// Compiled pages for the operators.
    ///
    /// # Errors
    /// A template that does not compile.
    pub fn faces() -> Result<Faces, FaceError> {
        Faces::new()
    }

    /// Why nothing can be steered from here, if that is so.
    fn steering_is_closed(&self) -> Option<String> {
        if self.steer.is_none() {
            Some("This process may only look. The control room of a process that writes can pause and resume, and so can `stampede sale pause`.".to_owned())
        } else if self.node.token.is_none() {
            Some(
                "Set STAMPEDE_OPS_TOKEN to pause and resume the sale from here. `stampede sale pause` always can."
                    .to_owned(),
            )
        } else {
            None
        }
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

/// Pages, their looks, and one script that looks again.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

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
        .reads("/", || web::to(room::show))
        .reads("/ops", || web::to(room::show))
        .reads("/ops/orders", || web::to(xray::lead))
        .reads("/ops/orders/{order}", || web::to(xray::show))
        .writes("/ops/sale", web::to(steering::steer))
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
