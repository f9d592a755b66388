//! Other sites' scripts (the Fetch standard's CORS): none, unless an operator names the site. Only the API, and never with
//! cookies: what a browser may do for its user is done by our own pages.

use crate::pages;
use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::{
        Method, Uri,
        header::{self, HeaderMap, HeaderValue},
    },
};
use std::str::FromStr;

/// How long a browser remembers what it may send: ten minutes, so that a site that is struck off is soon out.
const REMEMBERED: &str = "600";
const METHODS: &str = "GET, HEAD, POST";
const MAY_SEND: &str = "content-type, idempotency-key, x-request-id";
const MAY_READ: &str = "location, retry-after, idempotent-replayed, etag, ratelimit, ratelimit-policy, x-request-id";

/// Exact origins: `https://example.org,https://shop.example.org:8443`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origin that a request is from, if it is one of these.
    fn of(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.0.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
    }
}

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let origin = |text: &str| {
            is_as_sent(text).then(|| text.to_owned()).ok_or_else(|| {
                format!(
                    "“{text}” is no origin; write https://host or https://host:port in small letters, no path, no *, and no port that goes without saying (443, 80)"
                )
            })
        };
        let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
        texts.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

/// Whether a browser writes an origin so: any other way, and it would never be equal.
fn is_as_sent(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return false };
    let default_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return false,
    };
    let exact = match authority.port_u16() {
        Some(port) => port != default_port && authority.as_str() == format!("{}:{port}", authority.host()),
        None => authority.as_str() == authority.host(),
    };
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && byte != b'*';
    exact && !authority.host().is_empty() && origin == format!("{scheme}://{authority}") && origin.bytes().all(is_plain)
}

/// The answer to a browser that asks whether it may, when it may.
pub(super) fn preflight(request: &ServiceRequest, origins: &Origins) -> Option<HttpResponse> {
    let asks = request.method() == Method::OPTIONS && !pages::is_page(request.path());
    let asks = asks && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let origin = asks.then(|| origins.of(request.headers())).flatten()?;
    let mut answer = HttpResponse::NoContent();
    answer
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, origin))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, MAY_SEND))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBERED))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "origin"));
    Some(answer.finish())
}

/// What a browser needs to show an answer to another site's script.
pub(crate) fn dress(origins: &Origins, path: &str, asked: &HeaderMap, answer: &mut HeaderMap) {
    if origins.is_empty() || pages::is_page(path) {
        return;
    }
    answer.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origins.of(asked) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(MAY_READ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact_and_written_as_browsers_write_them() {
        let origins: Origins = "https://example.org, http://127.0.0.1:3000".parse().unwrap();
        for (origin, fine) in [
            ("https://example.org", true),
            ("http://127.0.0.1:3000", true),
            ("https://example.org.evil.example", false),
            ("http://example.org", false),
            ("null", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            assert_eq!(origins.of(&headers).is_some(), fine, "{origin}");
        }
        for wrong in
            ["*", "https://*.example.org", "example.org", "https://example.org/", "https://Example.org", "null"]
        {
            assert!(wrong.parse::<Origins>().is_err(), "{wrong}");
        }
        assert!("".parse::<Origins>().unwrap().is_empty());
    }

    #[test]
    fn an_origin_that_no_browser_sends_is_refused_and_not_kept_for_nothing() {
        for wrong in [
            "https://example.org:443",
            "http://example.org:80",
            "https://example.org:",
            "https://example.org:080",
            "https://a\tb",
            "https://a:99999",
        ] {
            assert!(wrong.parse::<Origins>().is_err(), "{wrong}");
        }
        for fine in ["https://example.org:80", "http://[::1]:8080", "https://[2001:db8::1]"] {
            assert!(fine.parse::<Origins>().is_ok(), "{fine}");
        }
    }
}
