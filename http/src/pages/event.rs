//! The event's page.

use super::{cookies, gzip, html, language, neutral_language, rendered, see_other, views};
use crate::{api::availability::event_slug, desk::Desk, error::Problem};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use stampede_actors::inventory::{EventShown, FindEvent};
use stampede_web::Lang;

/// The front door: to the featured event in the reader's language.
pub(super) async fn front(desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    see_other(&format!("/{}", neutral_language(&desk, &request).tag()))
}

/// The featured event.
pub(super) async fn featured(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let shown = desk.mailboxes.find_event.ask(FindEvent(None)).await??;
    show(&desk, &request, &shown)
}

/// An event by its name.
pub(super) async fn of_slug(
    desk: Data<Desk>,
    request: HttpRequest,
    address: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let slug = event_slug(&address.1)?;
    let shown = desk.mailboxes.find_event.ask(FindEvent(Some(slug))).await??;
    show(&desk, &request, &shown)
}

fn show(desk: &Desk, request: &HttpRequest, shown: &EventShown) -> Result<HttpResponse, Problem> {
    let lang = language(request);
    let page = cached(desk, lang, shown)?;
    let mut response = html(StatusCode::OK);
    response.insert_header((header::CACHE_CONTROL, "private, no-store"));
    if cookies::session(desk, request).is_none() {
        response.cookie(cookies::new_session(desk));
    }
    let key = desk.keys.fresh();
    let gzip = gzip::is_taken(request).then(|| page.gzip_with(key)).flatten();
    match gzip {
        Some(gzip) => Ok(response.insert_header((header::CONTENT_ENCODING, "gzip")).body(gzip)),
        None => Ok(response.body(page.with(key))),
    }
}

fn cached(desk: &Desk, lang: Lang, shown: &EventShown) -> Result<super::cache::Spliceable, Problem> {
    let slug = shown.event.listing.event.slug.as_str();
    // A stale page is another page than a fresh one of the same numbers.
    let sequence = shown.event.sequence * 2 + u64::from(shown.stale);
    desk.pages.of(slug, lang, sequence, shown.now, || {
        rendered(desk.shop.faces.event(lang, &views::event(lang, shown, None, None)))
    })
}
