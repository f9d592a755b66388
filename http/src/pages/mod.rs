//! HTML for people: one file a page. What a page says is `web`'s; what it is told comes from actors.

mod bank;
mod buy;
pub(crate) mod cache;
mod checkout;
pub(crate) mod cookies;
mod event;
mod gzip;
mod hold;
mod my;
mod order;
mod paying;
mod tickets;
mod views;

use crate::{desk::Desk, error::Problem, middleware, routes::Table};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
    web::{self, Data, Path},
};
use stampede_web::{ErrorPage, Lang, Links};
use std::borrow::Cow;

/// Everything comes from this server, nothing is inline, nobody frames us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every route for people.
pub(crate) fn routes(table: &mut Table<'_>) {
    table
        .reads("/", || web::to(event::front))
        .reads("/{lang:de|en}", || web::to(event::featured))
        .reads("/{lang:de|en}/events/{slug}", || web::to(event::of_slug))
        // Who presses Enter in the address bar of a refused form wants the event.
        .form("/{lang:de|en}/events/{slug}/orders", web::to(buy::buy), || web::to(to_event))
        .reads("/{lang:de|en}/events/{slug}/checkout", || web::to(checkout::show))
        .reads("/{lang:de|en}/orders/{order}", || web::to(order::show))
        .form("/{lang:de|en}/orders/{order}/pay", web::to(paying::pay), || web::to(paying::to_order))
        .form("/{lang:de|en}/orders/{order}/extend", web::to(paying::extend), || web::to(paying::to_order))
        .form("/{lang:de|en}/orders/{order}/cancel", web::to(paying::cancel), || web::to(paying::to_order))
        .reads("/{lang:de|en}/orders/{order}/tickets", || web::to(tickets::show))
        .reads("/{lang:de|en}/orders/{order}/tickets.pdf", || web::to(tickets::paper))
        .reads("/{lang:de|en}/orders/{order}/tickets.ics", || web::to(tickets::calendar))
        .form("/{lang:de|en}/my", web::to(my::send), || web::to(my::show))
        .reads("/{lang:de|en}/my/orders", || web::to(my::orders))
        // the simulated bank: another house under the same roof
        .form("/{lang:de|en}/bank/payments/{payment}", web::to(bank::pay), || web::to(bank::show))
        .form("/{lang:de|en}/bank/payments/{payment}/approve", web::to(bank::approve), || web::to(bank::to_payment))
        .form("/{lang:de|en}/bank/payments/{payment}/refuse", web::to(bank::refuse), || web::to(bank::to_payment))
        .form("/{lang:de|en}/bank/payments/{payment}/back", web::to(bank::go_back), || web::to(bank::to_payment))
        .form("/bank/payments/{payment}", web::to(bank::pay), || web::to(with_language))
        // addresses without a language, for links and for people who type
        .reads("/{lang:de|en}/", || web::to(without_slash))
        .reads("/events/{slug}", || web::to(with_language))
        .reads("/orders/{order}", || web::to(with_language))
        .reads("/orders/{order}/tickets", || web::to(with_language))
        .reads("/my", || web::to(with_language))
        // files
        .reads("/static/{name}", || web::to(asset))
        .reads("/favicon.ico", || web::to(favicon));
}

/// The page of an event, for the fuzz targets.
#[cfg(feature = "fuzz")]
pub(crate) fn event_page(
    faces: &stampede_web::Faces,
    lang: Lang,
    shown: &stampede_actors::inventory::EventShown,
) -> Result<String, stampede_web::FaceError> {
    faces.event(lang, &views::event(lang, shown, None, None))
}

/// Whether an address is for people.
pub(crate) fn is_page(path: &str) -> bool {
    path != "/api" && !path.starts_with("/api/") && !path.starts_with("/webhooks/")
}

/// Nothing at this address.
///
/// # Errors
/// Always.
pub async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found())
}

/// A problem as a page.
pub(crate) fn problem(desk: &Desk, request: &HttpRequest, problem: &Problem) -> HttpResponse {
    let lang = language(request);
    let page = ErrorPage {
        status: problem.status.as_u16(),
        code: problem.code.to_owned(),
        request_id: middleware::id_of(request),
        retry_after_s: problem.retry_after_s(),
        links: Links::to(lang, ""),
    };
    let mut response = html(problem.status);
    problem.headers(&mut response);
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    match desk.shop.faces.error(lang, &page) {
        Ok(body) => response.body(body),
        Err(error) => {
            tracing::error!(%error, "an error page could not be rendered");
            response.content_type("text/plain; charset=utf-8").body(format!("{} {}", page.status, problem.title))
        }
    }
}

/// A page that did not come out of its template: a bug, told as one.
fn rendered(page: Result<String, stampede_web::FaceError>) -> Result<String, Problem> {
    page.map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::internal()
    })
}

/// An HTML answer with the headers that every page has.
fn html(status: StatusCode) -> HttpResponseBuilder {
    html_leading_to(None, status)
}

/// The same, and its forms may lead to the site of a payment provider, which a browser judges at each redirection.
fn html_leading_to(pay_origin: Option<&str>, status: StatusCode) -> HttpResponseBuilder {
    let policy = match pay_origin {
        Some(origin) => Cow::Owned(POLICY.replace("form-action 'self'", &format!("form-action 'self' {origin}"))),
        None => Cow::Borrowed(POLICY),
    };
    let mut response = HttpResponse::build(status);
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy.as_ref()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .insert_header((HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::VARY, "Accept-Language, Accept-Encoding, Cookie"));
    response
}

/// The language of the address, else the one the browser asks for.
fn language(request: &HttpRequest) -> Lang {
    let of_address = request.path().get(1..3).filter(|_| matches!(request.path().as_bytes().get(3), None | Some(b'/')));
    of_address.and_then(Lang::from_tag).unwrap_or_else(|| {
        let wanted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|wanted| wanted.to_str().ok());
        Lang::negotiate(wanted.unwrap_or(""))
    })
}

/// The language of an address that has none: the one that this browser was left in when it went to pay, else the one it asks for.
fn neutral_language(desk: &Desk, request: &HttpRequest) -> Lang {
    cookies::language(desk, request).unwrap_or_else(|| language(request))
}

/// To the same address in the reader's language.
async fn with_language(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    let query = if request.query_string().is_empty() { String::new() } else { format!("?{}", request.query_string()) };
    see_other(&format!("/{}{}{query}", neutral_language(&desk, &request).tag(), request.path()))
}

/// To the front page of this language.
async fn without_slash(request: HttpRequest) -> HttpResponse {
    see_other(&format!("/{}", language(&request).tag()))
}

/// To the event whose orders are placed here.
async fn to_event(request: HttpRequest) -> HttpResponse {
    see_other(request.path().strip_suffix("/orders").unwrap_or("/"))
}

fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::VARY, "Accept-Language"))
        .finish()
}

/// A file that never changes under its name.
pub(crate) async fn asset(name: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let asset = stampede_web::asset(&name).ok_or_else(Problem::not_found)?;
    let known =
        request.headers().get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == asset.etag.as_bytes());
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .insert_header((header::ETAG, asset.etag.as_str()))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if known {
        return Ok(response.finish());
    }
    response.content_type(asset.content_type).insert_header((header::VARY, "Accept-Encoding"));
    if gzip::is_taken(&request) {
        return Ok(response.insert_header((header::CONTENT_ENCODING, "gzip")).body(gzip::asset(asset)));
    }
    Ok(response.body(asset.bytes.clone()))
}

/// Browsers ask for it, whatever the page says.
async fn favicon(_: Data<Desk>) -> Result<HttpResponse, Problem> {
    let icon = stampede_web::asset_url("icon.svg").ok_or_else(Problem::not_found)?;
    // A day: the file behind it has another name in the next version.
    let kept = (header::CACHE_CONTROL, "public, max-age=86400");
    Ok(HttpResponse::Found().insert_header((header::LOCATION, icon)).insert_header(kept).finish())
}
