//! Answers that are no success, described once for every route that gives them. All are [`ProblemBody`].

#![expect(dead_code, reason = "these types are only read by the description")]

use crate::error::ProblemBody;
use utoipa::IntoResponses;

/// A read that cannot be answered now.
#[derive(IntoResponses)]
pub(super) enum NotNow {
    /// `network_refused`, `https_required`: not from there, not so.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not known at the moment; come back after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}

/// A read of something that may not exist.
#[derive(IntoResponses)]
pub(super) enum NotShown {
    /// `network_refused`, `https_required`: not from there, not so.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is none of that name.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not known at the moment; come back after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}

/// A read of an order.
#[derive(IntoResponses)]
pub(super) enum OrderNotShown {
    /// `network_refused`, `https_required`: not from there, not so.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is no such order.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// The id is no UUID.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not known at the moment; come back after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}

/// An order whose tickets are not given out.
#[derive(IntoResponses)]
pub(super) enum NoTickets {
    /// `not_yours`: the order's key is missing. `network_refused`, `https_required`: not from there, not so.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is no such order.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// `not_confirmed`: not yet; come back after `Retry-After`. `no_tickets`: it ended otherwise.
    #[response(status = 409, content_type = "application/problem+json")]
    None(ProblemBody<'static>),
    /// The id is no UUID.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not known at the moment; come back after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}

/// An order that was not taken.
#[derive(IntoResponses)]
pub(super) enum OrderProblems {
    /// The body is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody<'static>),
    /// `network_refused`, `https_required`: not from there, not so.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// `not_found`, `not_for_sale`: no such event or ticket type.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemBody<'static>),
    /// `sold_out`, `limit`, `sale_over`; or the key's order has ended without tickets: `rejected`, `expired`, `failed`.
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(ProblemBody<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody<'static>),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemBody<'static>),
    /// `invalid`, `key_invalid`, `key_reused`, `too_many_at_once`.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// The sale is not open yet; come back after `Retry-After`.
    #[response(status = 425, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    NotOpen(ProblemBody<'static>),
    /// `too_often`: this buyer; `too_many_requests`: this address. Come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not now, or outcome `unknown` (`code` says which): come back with the same key after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}
