//! What the templates can call: the writings of `format` in the page's language, texts with values filled in, URLs of
//! static files, waves. Thin; the work is in the modules named.

use crate::{Lang, assets, format, lettering, mails, qr, texts, wave};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, Value, context, escape_formatter,
    value::{Kwargs, Serde},
};

/// Adds every filter and function.
pub(crate) fn install(environment: &mut Environment<'_>) {
    environment.add_filter("number", |state: &State<'_, '_>, number: u64| format::integer(language(state), number));
    environment.add_filter("money", |state: &State<'_, '_>, minor: i64, currency: &str| {
        format::money(language(state), minor, currency)
    });
    environment.add_filter("date_time", |state: &State<'_, '_>, at: i64, zone: &str| {
        format::date_time(language(state), at, zone)
    });
    environment.add_filter("day_time", |state: &State<'_, '_>, at: i64, zone: &str| {
        format::day_time(language(state), at, zone)
    });
    environment.add_filter("day_range", |state: &State<'_, '_>, from: i64, to: i64, zone: &str| {
        format::day_range(language(state), from, to, zone)
    });
    environment.add_filter("time_of_day", |state: &State<'_, '_>, at: i64, zone: &str| {
        format::time_of_day(language(state), at, zone)
    });
    environment.add_filter("figure", |state: &State<'_, '_>, figure: Option<f64>| {
        figure.map_or_else(|| "–".to_owned(), |figure| format::figure(language(state), figure))
    });
    environment.add_filter("share", share);
    environment.add_filter("iso", format::iso);
    environment
        .add_filter("duration", |state: &State<'_, '_>, seconds: u64| format::duration(language(state), seconds));
    environment.add_filter("fill", fill);
    environment.add_filter("tickets", tickets);
    environment.add_filter("explain", explain);
    environment.add_filter("reason", |state: &State<'_, '_>, reason: &str| worded(state, "reason", reason, "other"));
    environment.add_filter("decline", |state: &State<'_, '_>, reason: &str| worded(state, "decline", reason, "other"));
    environment
        .add_filter("order_state", |state: &State<'_, '_>, name: &str| worded(state, "order_state", name, "unknown"));
    environment.add_filter("card_does", |state: &State<'_, '_>, does: &str| {
        texts::find(language(state), &format!("card_does_{does}")).unwrap_or(does).to_owned()
    });
    environment.add_filter("percent", |state: &State<'_, '_>, basis_points: u32| {
        format::percent(language(state), basis_points)
    });
    environment.add_filter("line", mails::one_line);
    environment.add_filter("urlpart", url_part);
    environment.add_filter("lettering", |word: &str| Value::from(Serde(lettering::block(word))));
    environment.add_function("qr", |text: &str| {
        let qr = qr::Qr::of(text).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "too much for a QR code"))?;
        Ok::<_, Error>(context! { size => qr.size, path => qr.path() })
    });
    environment.add_function("sale_wave", wave::sale);
    environment.add_function("order_wave", wave::order);
    environment.add_function("asset", |name: &str| {
        assets::asset_url(name).ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no static file {name}")))
    });
}

/// The text of a word that is data, else the text that stands for all others.
fn worded(state: &State<'_, '_>, group: &str, word: &str, other: &str) -> Option<&'static str> {
    let lang = language(state);
    texts::find(lang, &format!("{group}_{word}")).or_else(|| texts::find(lang, &format!("{group}_{other}")))
}

/// Escapes what HTML needs in text and quoted attributes; the text part of a mail (`.txt`) is written as it is. The engine's own escape also writes every slash as an entity,
/// which makes URLs and path data longer and unreadable.
pub(crate) fn escape(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let Some(text) = value.as_str().filter(|_| !value.is_safe()) else { return escape_formatter(out, state, value) };
    if matches!(state.auto_escape(), AutoEscape::None) {
        return Ok(out.write_str(text)?);
    }
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.write_str(&rest[..at])?;
        out.write_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        })?;
        rest = &rest[at + 1..];
    }
    Ok(out.write_str(rest)?)
}

/// A part of a whole in thousandths, for the width of a bar.
fn share(part: u64, whole: u64) -> u64 {
    (part.saturating_mul(1_000) / whole.max(1)).min(1_000)
}

fn language(state: &State<'_, '_>) -> Lang {
    state.lookup("lang").and_then(|tag| Lang::from_tag(tag.as_str()?)).unwrap_or(Lang::En)
}

/// `text | fill(n=3)`: each `{n}` becomes its value. The result is escaped like any other text.
fn fill(text: &str, values: Kwargs) -> Result<String, Error> {
    let mut filled = text.to_owned();
    for name in values.args().map(String::from).collect::<Vec<_>>() {
        let value: Value = values.get(&name)?;
        filled = filled.replace(&format!("{{{name}}}"), &value.to_string());
    }
    Ok(filled)
}

/// One segment of a URL's path, percent-encoded (RFC 3986, unreserved characters stay).
fn url_part(segment: &str) -> String {
    segment.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
        url
    })
}

/// `1 Ticket`, `2 Tickets`.
fn tickets(state: &State<'_, '_>, count: u64) -> String {
    let lang = language(state);
    let key = if count == 1 { "ticket_one" } else { "ticket_many" };
    texts::find(lang, key).unwrap_or("{n}").replace("{n}", &format::integer(lang, count))
}

/// What to write beside a field: the text of this field and code, else of this field, else of the form.
fn explain(state: &State<'_, '_>, field: &str, code: &str, max: u64) -> String {
    let lang = language(state);
    [format!("error_{field}_{code}"), format!("error_{field}"), "error_form".to_owned()]
        .iter()
        .find_map(|key| texts::find(lang, key))
        .unwrap_or_default()
        .replace("{max}", &format::integer(lang, max))
}
