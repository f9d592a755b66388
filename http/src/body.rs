//! Reading what was sent: capped, within a time, and with a word for everything that is wrong.

use crate::error::{FieldMistake, Problem};
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

/// The body as JSON of a validated type.
pub(crate) async fn json<T>(request: &HttpRequest, payload: web::Payload) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    check_kind(request, "application/json")?;
    let body = read(payload).await?;
    let input: T = serde_json::from_slice(&body).map_err(|error| match error.classify() {
        Category::Data => {
            Problem::invalid(format!("The body is JSON, but not of the right shape: {error}."), Vec::new())
        }
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::malformed(format!("The body is not JSON: {error}."))
        }
    })?;
    validate(&input)?;
    Ok(input)
}

/// The body of an HTML form, unvalidated: a page shows its mistakes itself.
pub(crate) async fn form<T: DeserializeOwned>(request: &HttpRequest, payload: web::Payload) -> Result<T, Problem> {
    check_kind(request, "application/x-www-form-urlencoded")?;
    let body = read(payload).await?;
    serde_urlencoded::from_bytes(&body)
        .map_err(|error| Problem::malformed(format!("The form cannot be read: {error}.")))
}

/// Every mistake of an input, field by field.
pub(crate) fn validate(input: &impl Validate<Context = ()>) -> Result<(), Problem> {
    let Err(report) = input.validate() else { return Ok(()) };
    let fields =
        report.iter().map(|(path, mistake)| FieldMistake { field: path.to_string(), mistake: mistake.to_string() });
    Err(Problem::invalid("Some fields cannot be taken as they are.", fields.collect()))
}

async fn read(payload: web::Payload) -> Result<Bytes, Problem> {
    let body = tokio::time::timeout(BODY_PATIENCE, payload.to_bytes_limited(MAX_BODY)).await;
    match body {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(error))) => Err(Problem::malformed(format!("The body could not be read: {error}."))),
        Ok(Err(_)) => Err(Problem::too_large(MAX_BODY)),
        Err(_) => Err(Problem::too_slow()),
    }
}

fn check_kind(request: &HttpRequest, wanted: &'static str) -> Result<(), Problem> {
    let sent = request.headers().get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or(""));
    let essence = sent.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case(wanted) { Ok(()) } else { Err(Problem::unsupported_media_type(wanted)) }
}
