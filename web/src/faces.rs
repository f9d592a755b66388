//! `Faces`: the compiled templates and one function a page. Strict: a template that names what its view model has not
//! is an error, never an empty place.

mod mailed;
mod paid;

use crate::{
    ActorsPage, AuditPage, Chart, ErrorPage, EventPage, Lang, RefusedPage, RoomPage, TicketTypeView, TicketsPage,
    XrayPage, chart, filters, format, lettering, texts,
};
use minijinja::{Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig, value::Serde};
use rust_embed::RustEmbed;
use serde::Serialize;
use std::fmt;

/// Stands in the buy form where each response gets its own idempotency key. As long as a UUID in text, so that the
/// page is rendered once, and a copy of it with another key has the same length.
pub const KEY_SLOT: &str = "KEY-SLOT-KEY-SLOT-KEY-SLOT-KEY-SLOT-";

#[derive(RustEmbed)]
#[folder = "templates"]
struct Templates;

/// A template that cannot be compiled or rendered: a bug of ours, never the visitor's doing.
#[derive(Debug)]
pub struct FaceError {
    page: &'static str,
    source: minijinja::Error,
}

impl fmt::Display for FaceError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "page {}: {}", self.page, self.source)
    }
}

impl std::error::Error for FaceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The pages, compiled once; share it between threads.
#[derive(Debug)]
pub struct Faces {
    environment: Environment<'static>,
    german: Value,
    english: Value,
}

impl Faces {
    /// Compiles every template. Fails on the first that does not compile.
    pub fn new() -> Result<Faces, FaceError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        // Tags leave no lines behind: pages go to phones.
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.expect("because the delimiters are the default ones"));
        // An error must not carry the variables of the page: buyers' names would reach the logs.
        environment.set_debug(false);
        environment.set_formatter(filters::escape);
        filters::install(&mut environment);
        for name in Templates::iter() {
            let Some(file) = Templates::get(&name) else { continue };
            let source = String::from_utf8_lossy(&file.data).into_owned();
            environment
                .add_template_owned(name.into_owned(), source)
                .map_err(|source| FaceError { page: "(compiling)", source })?;
        }
        Ok(Faces { environment, german: texts::catalogue(Lang::De), english: texts::catalogue(Lang::En) })
    }

    /// The event: poster, numbers, form. Contains [`KEY_SLOT`] exactly once when it has a form, else not at all.
    pub fn event(&self, lang: Lang, page: &EventPage) -> Result<String, FaceError> {
        self.render("event.html", lang, event_context(page))
    }

    /// The event page with the reason why the form made no order, and the input kept. [`KEY_SLOT`] as in `event`.
    pub fn refused(&self, lang: Lang, page: &RefusedPage) -> Result<String, FaceError> {
        let refusal = Value::from(Serde(&page.refusal));
        self.render("refused.html", lang, context! { refusal, ..event_context(&page.event) })
    }

    /// The tickets of an order, to be shown and printed.
    pub fn tickets(&self, lang: Lang, page: &TicketsPage) -> Result<String, FaceError> {
        self.render("tickets.html", lang, page_context(page))
    }

    /// An error in words.
    pub fn error(&self, lang: Lang, page: &ErrorPage) -> Result<String, FaceError> {
        let words = match (page.code.as_str(), page.status) {
            // Two that share a status with a form from another site, and need other words.
            (code @ ("network_refused" | "https_required"), _) => code.to_owned(),
            (_, status @ (400 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 503)) => status.to_string(),
            (_, 502 | 504) => "503".to_owned(),
            (_, 500..) => "500".to_owned(),
            _ => "400".to_owned(),
        };
        let headline = texts::find(lang, &format!("error_{words}"));
        let next = texts::find(lang, &format!("error_{words}_next"));
        self.render("error.html", lang, context! { headline, next, ..page_context(page) })
    }

    /// The cast, for the operations port. English.
    pub fn ops_actors(&self, page: &ActorsPage) -> Result<String, FaceError> {
        self.render("ops_actors.html", Lang::En, page_context(page))
    }

    /// The laws, for the operations port. English.
    pub fn ops_audit(&self, page: &AuditPage) -> Result<String, FaceError> {
        let broken = page.laws.iter().filter(|law| law.holds == Some(false)).count();
        self.render("ops_audit.html", Lang::En, context! { broken, ..page_context(page) })
    }

    /// The control room, for the operations port. English.
    pub fn ops_room(&self, page: &RoomPage) -> Result<String, FaceError> {
        let charts: Vec<_> = page.charts.iter().map(drawn).collect();
        self.render("ops_room.html", Lang::En, context! { charts, ..page_context(page) })
    }

    /// An order's X-ray, for the operations port. English.
    pub fn ops_xray(&self, page: &XrayPage) -> Result<String, FaceError> {
        self.render("ops_xray.html", Lang::En, page_context(page))
    }

    fn render(&self, template: &'static str, lang: Lang, page: Value) -> Result<String, FaceError> {
        let t = match lang {
            Lang::De => &self.german,
            Lang::En => &self.english,
        };
        self.environment
            .get_template(template)
            .and_then(|compiled| compiled.render(context! { lang => lang.tag(), t => t, ..page }))
            .map_err(|source| FaceError { page: template, source })
    }
}

fn page_context<P: Serialize>(page: &P) -> Value {
    context! { page => Serde(page) }
}

/// A chart with its curves on one axis, which holds its limit too once a curve comes near it.
fn drawn(shown: &Chart) -> Value {
    let values = || shown.lines.iter().flat_map(|line| &line.values).copied().filter(|value| value.is_finite());
    let highest = values().fold(0.0, f64::max);
    let top = chart::axis(shown.limit.filter(|limit| highest > limit / 4.0).unwrap_or(0.0).max(highest));
    let (width, height) = chart::SIZE;
    let limit = shown
        .limit
        .filter(|limit| *limit <= top)
        .map(|limit| format!("M0 {:.1}H{width}", f64::from(height) * (1.0 - limit / top)));
    let lines = shown.lines.iter().map(|line| {
        let now = line.values.last().copied().filter(|value| value.is_finite());
        context! {
            name => line.name.as_str(),
            tone => Serde(&line.tone),
            now => now.map_or_else(|| "–".to_owned(), |now| format::figure(Lang::En, now)),
            path => chart::curve(&line.values, shown.room, top),
        }
    });
    context! {
        title => shown.title.as_str(),
        unit => shown.unit.as_str(),
        top => format::figure(Lang::En, top),
        limit,
        lines => lines.collect::<Vec<_>>(),
    }
}

fn event_context(page: &EventPage) -> Value {
    let (first_word, rest) = page.name.split_once(' ').unwrap_or((&page.name, ""));
    let drawn = lettering::block(first_word);
    let ticket = page.ticket_types.get(page.selected).or(page.ticket_types.first());
    let types = &page.ticket_types;
    // What is gone is not chosen beforehand while something else is to be had.
    let chosen =
        ticket.filter(|ticket| ticket.state.has_form()).or(types.iter().find(|one| one.state.has_form())).or(ticket);
    let seconds_to_opening = ticket.map_or(0, |ticket| (ticket.opens_at_ms - page.now_ms).max(0).unsigned_abs() / 1000);
    context! {
        // A name whose first word cannot be drawn is set in type as a whole.
        letters => Serde(&drawn),
        first_word => if drawn.is_some() { first_word } else { "" },
        rest => if drawn.is_some() { rest } else { page.name.as_str() },
        ticket => Serde(&ticket),
        chosen_id => chosen.map(|chosen| chosen.id.as_str()),
        has_form => chosen.is_some_and(|chosen| chosen.state.has_form()),
        can_buy => chosen.is_some_and(|chosen| chosen.state.can_buy()),
        most => types.iter().map(TicketTypeView::most).max(),
        mosts => types.iter().map(TicketTypeView::most).collect::<Vec<_>>(),
        chosen_most => chosen.map(TicketTypeView::most),
        some_paid => types.iter().any(|one| !one.paid_at_gate),
        all_paid => types.iter().all(|one| !one.paid_at_gate),
        states => Serde(crate::SaleStateView::ALL),
        seconds_to_opening,
        key_slot => KEY_SLOT,
        ..page_context(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faces_can_be_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Faces>();
    }

    #[test]
    fn a_name_that_no_view_model_has_is_an_error() {
        let mut faces = Faces::new().expect("because the templates compile");
        faces.environment.add_template("odd.html", "{{ page.nothing }}").expect("because it compiles");
        assert!(faces.render("odd.html", Lang::De, context! { page => context! {} }).is_err());
        faces.environment.add_template("even.html", "<a b=\"{{ page }}\">{{ page }}").expect("because it compiles");
        let html = faces.render("even.html", Lang::De, context! { page => "/<b>'\"&" }).expect("because it renders");
        assert_eq!(html, "<a b=\"/&lt;b&gt;&#39;&quot;&amp;\">/&lt;b&gt;&#39;&quot;&amp;");
    }

    #[test]
    fn the_slot_is_as_long_as_a_uuid() {
        assert_eq!((KEY_SLOT.len(), KEY_SLOT.is_ascii()), (36, true));
    }
}
