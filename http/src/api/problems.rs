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
    /// `payment_required`: its tickets are held, and not paid.
    #[response(status = 402, content_type = "application/problem+json")]
    Unpaid(ProblemBody<'static>),
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

/// A payment that does not begin.
#[derive(IntoResponses)]
pub(super) enum WishProblems {
    /// The body is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody<'static>),
    /// `not_yours`: the order's key is missing. `cross_site`: a cookie from another site. `network_refused`, `https_required`.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is no such order.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemBody<'static>),
    /// `payment_under_way`, `already_paid`, `not_the_next_attempt`, `too_many_attempts`, `already_extended`, `not_reserved_yet`, `not_paid_online`, or how it ended.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody<'static>),
    /// The hold is over: `out_of_time`, `expired`.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(ProblemBody<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody<'static>),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemBody<'static>),
    /// The id is no UUID, or the attempt no number from 1 to 10.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not now, or outcome `unknown` (`code` says which): ask for the same again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}

/// An order that is not changed.
#[derive(IntoResponses)]
pub(super) enum PlainWishProblems {
    /// `not_yours`: the order's key is missing. `cross_site`: a cookie from another site. `network_refused`, `https_required`.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is no such order.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// `payment_under_way`, `already_paid`, `not_the_next_attempt`, `too_many_attempts`, `already_extended`, `not_reserved_yet`, `not_paid_online`, or how it ended.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody<'static>),
    /// The hold is over: `out_of_time`, `expired`.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(ProblemBody<'static>),
    /// The id is no UUID.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not now, or outcome `unknown` (`code` says which): ask for the same again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}

/// Money that is not given back.
#[derive(IntoResponses)]
pub(super) enum RefundProblems {
    /// The body is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody<'static>),
    /// `organizers_only`: the organizer's token is missing.
    #[response(status = 401, content_type = "application/problem+json", headers(("WWW-Authenticate" = String, description = "`Bearer`")))]
    NoToken(ProblemBody<'static>),
    /// `not_the_organizer`: another token. `network_refused`, `https_required`: not from there, not so.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody<'static>),
    /// There is no such order.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody<'static>),
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemBody<'static>),
    /// `not_paid`, `payment_under_way`, `not_reserved_yet`, `not_paid_online`, or how it ended.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody<'static>),
    /// The hold is over: `out_of_time`, `expired`.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(ProblemBody<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody<'static>),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(ProblemBody<'static>),
    /// The id is no UUID, or the reason is missing.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// `too_many_requests`: your address; come back after `Retry-After`.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait"), ("RateLimit" = String, description = "How you stand with the limit"), ("RateLimit-Policy" = String, description = "What the limit allows")))]
    TooOften(ProblemBody<'static>),
    /// Not now, or outcome `unknown` (`code` says which): ask for the same again after `Retry-After`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds to wait")))]
    Unavailable(ProblemBody<'static>),
}
