//! The error page: what went wrong in plain words, what to do, and the number support asks for.

use super::Links;
use crate::Lang;
use serde::Serialize;

/// A request that got no page.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorPage {
    /// HTTP status; 403, 404, 405, 408, 413, 415, 429, 500 and 503 have words of their own, others borrow by class.
    pub status: u16,
    /// The problem's machine-readable code.
    pub code: String,
    /// What support asks for.
    pub request_id: String,
    /// Seconds after which trying again makes sense.
    pub retry_after_s: Option<u64>,
    /// Language switch and front page.
    pub links: Links,
}

impl ErrorPage {
    /// The statuses with words of their own, and two that borrow.
    pub fn samples(lang: Lang) -> Vec<(&'static str, ErrorPage)> {
        let page = |status: u16, code: &str, retry_after_s: Option<u64>| ErrorPage {
            status,
            code: code.into(),
            request_id: "0199b0e2-8f10-7a00-b1c2-77d0e1f2a3b4".into(),
            retry_after_s,
            links: Links::to(lang, ""),
        };
        vec![
            ("400", page(400, "bad_request", None)),
            ("403", page(403, "cross_site", None)),
            ("403-network", page(403, "network_refused", None)),
            ("403-https", page(403, "https_required", None)),
            ("404", page(404, "not_found", None)),
            ("405", page(405, "method_not_allowed", None)),
            ("408", page(408, "too_slow", None)),
            ("413", page(413, "body_too_large", None)),
            ("415", page(415, "unsupported_media_type", None)),
            ("429", page(429, "too_many_requests", Some(12))),
            ("500", page(500, "bug", None)),
            ("503", page(503, "overloaded", Some(4))),
            ("504", page(504, "timeout", None)),
        ]
    }
}
