//! Forms are taken from our own pages only: by `Origin` and by `Sec-Fetch-Site` (W3C Fetch Metadata). Together they cover
//! every browser that can send a form across sites; a client that sends neither is no browser and carries no cookies by
//! mistake.

use crate::error::Problem;
use actix_web::{
    HttpRequest,
    http::{header, header::HeaderName},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Looks where a form comes from; `public_url` is where our pages are seen, if that was said.
///
/// # Errors
/// 403 for a form from another site.
pub(crate) fn check(public_url: Option<&str>, request: &HttpRequest) -> Result<(), Problem> {
    let text = |name: &HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("?").to_owned());
    let site = text(&SEC_FETCH_SITE);
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(Problem::cross_site());
    }
    let Some(origin) = text(&header::ORIGIN) else { return Ok(()) };
    let host = text(&header::HOST).unwrap_or_default();
    let public = public_url.map(|url| url.trim_end_matches('/'));
    let same =
        Some(origin.as_str()) == public || origin == format!("http://{host}") || origin == format!("https://{host}");
    if same { Ok(()) } else { Err(Problem::cross_site()) }
}
