//! What every answer gets: a request id, its clothes when it is a [`Problem`], and its place in the metrics.
//!
//! One middleware instead of three layers, because it runs before and after everything: its cost is part of every answer
//! (ADR 9). Spans are made only when traces are on.

use crate::{
    desk::Desk,
    door::{self, Instead, Visitor},
    error::Problem,
    held::Held,
    pages,
};
use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use metrics::{Counter, Histogram, counter, histogram};
use stampede_actors::{doorkeeper::Standing, trace};
use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id taken from outside: it stands in logs.
const MAX_REQUEST_ID: usize = 64;
/// Route of what matches none: one label, however many addresses are tried.
const NO_ROUTE: &str = "none";

/// The id of a request: the one it came with, or a fresh one.
#[derive(Clone, Debug)]
pub struct RequestId(pub Rc<str>);

/// Serves a request.
///
/// # Errors
/// None of its own.
pub async fn serve(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let id = request_id(&request);
    let held = Held::of(&mut request);
    request.extensions_mut().insert(RequestId(Rc::clone(&id)));
    let span = tracing::debug_span!(
        target: "stampede::request",
        "request",
        otel.kind = "server",
        http.request.method = %request.method(),
        url.path = request.path(),
        http.response.status_code = tracing::field::Empty,
        request_id = &*id,
    );
    if let Some(context) = request.headers().get("traceparent").and_then(|context| context.to_str().ok()) {
        trace::adopt(&span, context);
    }
    let response = if span.is_disabled() {
        pass(request, next).await?
    } else {
        pass(request, next).instrument(span.clone()).await?
    };
    let mut response = dress(response, &id);
    protect(&mut response);
    span.record("http.response.status_code", response.status().as_u16());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    count(response.request(), response.status(), began);
    Ok(match held {
        Some(held) => response.map_body(|_, answer| held.until_sent(answer)),
        None => response,
    })
}

/// Through the door and to a handler, or back.
async fn pass(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(desk) = request.app_data::<web::Data<Desk>>().cloned() {
        match door::enter(&desk, &request).await {
            Ok(()) => {}
            Err(Instead::Answer(answer)) => return Ok(request.into_response(answer)),
            Err(Instead::Problem(problem)) => return Ok(request.error_response(problem)),
        }
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// The headers that depend on who asks and how they came, not on what they asked for.
fn protect(response: &mut ServiceResponse<BoxBody>) {
    let request = response.request().clone();
    let headers = response.headers_mut();
    if !headers.contains_key(header::X_CONTENT_TYPE_OPTIONS) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if let Some(standing) = request.extensions().get::<Standing>() {
        door::show_standing(standing, headers);
    }
    let Some(desk) = request.app_data::<web::Data<Desk>>() else { return };
    let rules = &desk.shop.options.door;
    door::dress_for_other_sites(&rules.origins, request.path(), request.headers(), headers);
    if rules.requires_https && Visitor::of(&request, &rules.proxies).https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, door::STRICT_TRANSPORT);
    }
}

/// The id of a request that is being served.
pub(crate) fn id_of(request: &HttpRequest) -> String {
    request.extensions().get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default()
}

fn request_id(request: &ServiceRequest) -> Rc<str> {
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok());
    let fine = |id: &&str| (1..=MAX_REQUEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    if let Some(id) = given.filter(fine) {
        return id.into();
    }
    let fresh = request.app_data::<web::Data<Desk>>().map(|desk| desk.request_id()).unwrap_or_default();
    format!("{fresh:016x}").into()
}

/// Puts a problem into the form its asker reads.
fn dress(response: ServiceResponse<BoxBody>, id: &str) -> ServiceResponse<BoxBody> {
    if response.status().is_success() {
        return response;
    }
    let Some(mut problem) = response.response().error().map(problem) else { return response };
    if problem.status.is_server_error() && problem.status != StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(request_id = id, %problem, "a request failed");
    }
    let (request, _) = response.into_parts();
    if let Some(desk) = request.app_data::<web::Data<Desk>>() {
        problem.retry_after =
            problem.retry_after.map(|wait| wait + desk.some_of(Duration::from_secs(problem.spread_s.into())));
    }
    let dressed = match request.app_data::<web::Data<Desk>>() {
        Some(desk) if pages::is_page(request.path()) => pages::problem(desk, &request, &problem),
        Some(desk) => problem.respond(id.to_owned(), desk.now()),
        None => problem.respond(id.to_owned(), stampede_domain::Millis(0)),
    };
    ServiceResponse::new(request, dressed)
}

/// What an error of a handler or of actix itself is to whoever asked.
pub(crate) fn problem(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let status = error.as_response_error().status_code();
    match status {
        StatusCode::NOT_FOUND => Problem::not_found(),
        status if status.is_client_error() => Problem::new(status, "bad_request", "Bad request", error.to_string()),
        _ => Problem::internal(),
    }
}

struct Meters {
    requests: HashMap<(Method, StatusCode), Counter>,
    seconds: Histogram,
}

thread_local! {
    static METERS: RefCell<HashMap<String, Meters>> = RefCell::default();
}

fn count(request: &HttpRequest, status: StatusCode, began: Instant) {
    let route = request.match_pattern();
    let route = route.as_deref().unwrap_or(NO_ROUTE);
    METERS.with_borrow_mut(|meters| {
        if !meters.contains_key(route) {
            let seconds = histogram!("stampede_http_request_duration_seconds", "route" => route.to_owned());
            meters.insert(route.to_owned(), Meters { requests: HashMap::new(), seconds });
        }
        let Some(meters) = meters.get_mut(route) else { return };
        meters.seconds.record(began.elapsed());
        let method = known(request.method());
        let requests = meters.requests.entry((method.clone(), status)).or_insert_with(|| {
            let labels =
                [("route", route.to_owned()), ("method", method.to_string()), ("status", status.as_u16().to_string())];
            counter!("stampede_http_requests_total", &labels)
        });
        requests.increment(1);
    });
}

/// Methods are made up too; a label must not be.
fn known(method: &Method) -> Method {
    const KNOWN: [Method; 7] =
        [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS];
    if KNOWN.contains(method) { method.clone() } else { Method::TRACE }
}
