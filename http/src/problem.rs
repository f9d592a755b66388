//! What an answer that is no success looks like: `application/problem+json` (RFC 9457) for programs. Pages show the same in
//! words. Which problem has which status is decided in [`crate::error`].

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use stampede_domain::{Millis, OrderId};
use std::{fmt, time::Duration};
use utoipa::ToSchema;

/// Something that is not what was asked for, and the next step.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// For programs; never changes for one kind of problem.
    pub code: &'static str,
    /// The kind, in words.
    pub title: &'static str,
    /// This very case, and what to do.
    pub detail: Box<str>,
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// How many seconds later than that somebody may be told: a time that many are told has to be spread before it is said.
    /// Small, because every answer's type makes room for a problem.
    pub(crate) spread_s: u16,
    /// The order it is about, where asking for it makes sense.
    pub order: Option<OrderId>,
    /// Methods that would work.
    pub allow: Option<&'static str>,
    /// Fields that are wrong, with a word for each.
    pub fields: Box<[FieldMistake]>,
}

/// One field that is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldMistake {
    /// Its name.
    #[schema(example = "quantity")]
    pub field: String,
    /// What is wrong with it.
    #[schema(example = "lower than 1")]
    pub mistake: String,
}

/// The body of every answer that is not a success (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemBody<'a> {
    /// Names the kind of problem; an address of nothing.
    #[serde(rename = "type")]
    #[schema(example = "urn:stampede:problem:sold_out")]
    kind: String,
    /// The kind of problem, in words.
    #[schema(example = "Sold out for now")]
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 409)]
    status: u16,
    /// What happened here and what to do.
    #[schema(example = "1 ticket is free, 3 are in flight. Ask for fewer, or come back in a moment.")]
    detail: &'a str,
    /// For programs.
    #[schema(example = "sold_out")]
    code: &'a str,
    /// To be quoted when asking for help.
    #[schema(example = "9f1c2a7be0d34f58")]
    request_id: String,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    server_time: String,
    /// Seconds to wait before trying again, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2)]
    retry_after: Option<u64>,
    /// Where the order can be asked for, when it may exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/api/orders/01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    status_url: Option<String>,
    /// Fields that are wrong.
    #[serde(skip_serializing_if = "<[FieldMistake]>::is_empty")]
    fields: &'a [FieldMistake],
}

impl Problem {
    /// A problem with its words.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<Box<str>>) -> Self {
        let detail = detail.into();
        Self {
            status,
            code,
            title,
            detail,
            retry_after: None,
            spread_s: 0,
            order: None,
            allow: None,
            fields: Box::default(),
        }
    }

    pub(crate) fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self.spread_s = 0;
        self
    }

    /// As [`Self::after`], for a wait that nobody has spread yet: a crowd must not come back as a wave.
    pub(crate) fn after_about(self, wait: Duration) -> Self {
        self.after_or_later(wait, wait)
    }

    /// As [`Self::after`], or up to `spread` later.
    pub(crate) fn after_or_later(self, wait: Duration, spread: Duration) -> Self {
        let mut problem = self.after(wait);
        problem.spread_s = u16::try_from(spread.as_secs()).unwrap_or(u16::MAX);
        problem
    }

    /// The order it is about.
    #[must_use]
    pub fn about(mut self, order: OrderId) -> Self {
        self.order = Some(order);
        self
    }

    /// Whole seconds to wait, at least one.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        self.retry_after.map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// The answer with its request id.
    #[must_use]
    pub fn respond(&self, request_id: String, now: Millis) -> HttpResponse {
        let body = ProblemBody {
            kind: format!("urn:stampede:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            request_id,
            server_time: now.rfc3339(),
            retry_after: self.retry_after_s(),
            status_url: self.order.map(|order| format!("/api/orders/{order}")),
            fields: &self.fields,
        };
        let mut response = HttpResponse::build(self.status);
        self.headers(&mut response);
        response.content_type("application/problem+json").insert_header((header::CACHE_CONTROL, "no-store")).json(body)
    }

    /// `Retry-After`, `Allow` and `WWW-Authenticate` (RFC 6750), which pages need as well.
    pub(crate) fn headers(&self, response: &mut HttpResponseBuilder) {
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"organizer\""));
        }
        if let Some(seconds) = self.retry_after_s() {
            response.insert_header((header::RETRY_AFTER, seconds.to_string()));
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// What a handler returns early with. [`crate::middleware`] finds it in the response, gives it its request id and its clothes:
/// JSON for programs, a page for people.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status)
    }
}
