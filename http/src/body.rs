//! Reading what was sent: capped, within a time, and with a word for everything that is wrong.

use crate::problem::{FieldMistake, Problem};
use actix_web::{HttpRequest, http::header, web};
use bytes::Bytes;
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::time::Duration;

/// Largest body: an order with every field full is under 3 KB.
pub(crate) const MAX_BODY: usize = 16 * 1024;
/// How long a body may take: a bad phone needs a second, an attacker takes for ever.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
/// Longest word on a mistake: the parser quotes what it was sent, which may be the whole body.
const MAX_MISTAKE: usize = 200;

/// The body as JSON of a validated type.
pub(crate) async fn json<T>(request: &HttpRequest, payload: web::Payload) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    check_kind(request, JSON)?;
    parse(&read(payload).await?)
}

/// As [`json`], for a body that may be left out.
pub(crate) async fn json_if_any<T>(request: &HttpRequest, payload: web::Payload) -> Result<Option<T>, Problem>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let is_said = request.headers().contains_key(header::CONTENT_TYPE);
    if is_said {
        check_kind(request, JSON)?;
    }
    let body = read(payload).await?;
    match (body.is_empty(), is_said) {
        (true, _) => Ok(None),
        (false, true) => parse(&body).map(Some),
        (false, false) => Err(Problem::unsupported_media_type(JSON)),
    }
}

fn parse<T: DeserializeOwned + Validate<Context = ()>>(body: &[u8]) -> Result<T, Problem> {
    // `serde` would read an array as an object's fields in their order, which nobody means.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::invalid("The body has to be a JSON object, not an array.", Vec::new()));
    }
    let input: T = serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => {
            Problem::invalid(format!("The body is JSON, but not of the right shape: {}.", brief(&error)), Vec::new())
        }
        Category::Eof if body.is_empty() => Problem::malformed("The body is empty; send a JSON object.".to_owned()),
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::malformed(format!("The body cannot be read as JSON: {}.", brief(&error)))
        }
    })?;
    validate(&input)?;
    Ok(input)
}

/// An error's text, cut where it only repeats what was sent.
fn brief(error: &impl ToString) -> String {
    let text = error.to_string();
    if text.chars().count() <= MAX_MISTAKE { text } else { text.chars().take(MAX_MISTAKE).chain(['…']).collect() }
}

/// Neither control characters nor what stands for bytes that were no text. Emoji, accents and right-to-left text are fine.
pub(crate) fn readable(text: &str, (): &()) -> garde::Result {
    let odd = text.chars().any(|letter| letter.is_control() || letter == char::REPLACEMENT_CHARACTER);
    if odd { Err(garde::Error::new("contains characters that are no text")) } else { Ok(()) }
}

/// Something that can be seen: a name of spaces or of marks without width is none.
pub(crate) fn visible(text: &str, (): &()) -> garde::Result {
    if text.chars().all(is_unseen) { Err(garde::Error::new("is blank")) } else { Ok(()) }
}

/// White space, and Unicode's default-ignorable code points as far as keyboards and copying bring them.
pub(crate) fn is_unseen(letter: char) -> bool {
    let ignorable = matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}');
    ignorable || letter.is_whitespace()
}

/// The body of an HTML form, unvalidated: a page shows its mistakes itself.
pub(crate) async fn form<T: DeserializeOwned>(request: &HttpRequest, payload: web::Payload) -> Result<T, Problem> {
    check_kind(request, "application/x-www-form-urlencoded")?;
    let body = read(payload).await?;
    serde_urlencoded::from_bytes(&body)
        .map_err(|error| Problem::malformed(format!("The form cannot be read: {}.", brief(&error))))
}

/// Every mistake of an input, field by field.
pub(crate) fn validate(input: &impl Validate<Context = ()>) -> Result<(), Problem> {
    let Err(report) = input.validate() else { return Ok(()) };
    let mistakes = report.iter().map(|(path, mistake)| (wire_name(&path.to_string()), mistake.to_string()));
    let fields: Vec<_> = mistakes.map(|(field, mistake)| FieldMistake { field, mistake }).collect();
    let all: Vec<_> = fields.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.mistake)).collect();
    Err(Problem::invalid(format!("Some fields cannot be taken as they are: {}.", all.join("; ")), fields))
}

/// The name of a field as it is sent: `user_id` is `userId`.
fn wire_name(field: &str) -> String {
    let mut words = field.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        name + &letters.next().map(|letter| letter.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    })
}

async fn read(payload: web::Payload) -> Result<Bytes, Problem> {
    raw(payload, MAX_BODY).await
}

/// The body as it came, of whatever kind: for signatures over its bytes.
pub(crate) async fn raw(payload: web::Payload, limit: usize) -> Result<Bytes, Problem> {
    let body = tokio::time::timeout(BODY_PATIENCE, payload.to_bytes_limited(limit)).await;
    match body {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(Problem::malformed("The body ended before it was complete. Send it again.".to_owned())),
        Ok(Err(_)) => Err(Problem::too_large(limit)),
        Err(_) => Err(Problem::too_slow()),
    }
}

fn check_kind(request: &HttpRequest, wanted: &'static str) -> Result<(), Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or(""));
    let essence = sent.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(Problem::unsupported_media_type(wanted)) }
}
