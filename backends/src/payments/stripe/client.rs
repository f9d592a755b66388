//! One HTTP call, and what its end means for what was asked.

use reqwest::{
    Method, RequestBuilder, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
    redirect::Policy,
};
use serde::{Deserialize, de::DeserializeOwned};
use stampede_actors::ports::PortFailure;
use std::time::Duration;

/// How long the connection alone may take: who has none by then has not been heard.
const CONNECT: Duration = Duration::from_secs(3);
/// Most bytes of an answer; a page of a hundred sessions has a tenth of it.
const MOST_BYTES: usize = 8 * 1024 * 1024;

pub(super) struct Client {
    http: reqwest::Client,
    endpoint: String,
    timeout: Duration,
}

/// Why a call has no answer that was hoped for.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Stripe knows no such thing.
    NotFound,
    /// Stripe says no: nothing happened. Perhaps because the payment is in another state.
    No(String),
    /// Nothing happened, and later it may.
    NotNow(String),
    /// It may have happened.
    Unsure(String),
}

impl Refusal {
    /// Whether the state of what was to be changed may be the reason.
    pub(super) fn is_of_the_state(&self) -> bool {
        matches!(self, Self::No(_) | Self::NotFound)
    }
}

impl From<Refusal> for PortFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::Impossible("stripe: no such thing".into()),
            Refusal::No(why) => Self::Impossible(format!("stripe: {why}")),
            Refusal::NotNow(why) => Self::Unavailable(format!("stripe: {why}")),
            Refusal::Unsure(why) => Self::Unknown(format!("stripe: {why}")),
        }
    }
}

impl Client {
    pub(super) fn new(key: &str, endpoint: &str, timeout: Duration, version: &'static str) -> Result<Self, String> {
        let mut key = HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| "the key of Stripe is none")?;
        key.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, key),
            (reqwest::header::HeaderName::from_static("stripe-version"), HeaderValue::from_static(version)),
        ]);
        let http =
            reqwest::Client::builder().default_headers(headers).redirect(Policy::none()).connect_timeout(CONNECT);
        // The key goes to nobody who does not show a certificate, but to tests on this machine.
        let http = http.https_only(!is_on_this_machine(endpoint)).build().map_err(|error| error.to_string())?;
        Ok(Self { http, endpoint: endpoint.trim_end_matches('/').to_owned(), timeout })
    }

    /// Reads: whatever fails, nothing was to happen.
    pub(super) async fn read<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Refusal> {
        let query = serde_urlencoded::to_string(query).map_err(|error| Refusal::No(error.to_string()))?;
        let request = self.request(Method::GET, &format!("{path}?{query}"));
        self.send(request).await.map_err(|refusal| match refusal {
            Refusal::Unsure(why) => Refusal::NotNow(why),
            refusal => refusal,
        })
    }

    /// Writes. With a key, asking again is asking the same.
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
        form: &[(&str, String)],
    ) -> Result<T, Refusal> {
        let form = serde_urlencoded::to_string(form).map_err(|error| Refusal::No(error.to_string()))?;
        let request = self.request(Method::POST, path).body(form);
        let request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self.send(if let Some(key) = key { request.header("idempotency-key", key) } else { request }).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.endpoint)).timeout(self.timeout)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Refusal> {
        let mut answer = request.send().await.map_err(|error| unheard(&error))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| Refusal::Unsure(said(&error)))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(Refusal::Unsure("the answer has no end".into()));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            return Err(refused(status, &body));
        }
        serde_json::from_slice(&body).map_err(|error| Refusal::Unsure(format!("the answer cannot be read: {error}")))
    }
}

/// No answer. A request that found no connection was never sent.
fn unheard(error: &reqwest::Error) -> Refusal {
    if error.is_connect() || error.is_builder() { Refusal::NotNow(said(error)) } else { Refusal::Unsure(said(error)) }
}

/// An error without the address: it carries ids, which go into logs by themselves.
fn said(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no answer in time".to_owned() } else { "no answer".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: ErrorSaid,
}

#[derive(Default, Deserialize)]
struct ErrorSaid {
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    param: Option<String>,
}

/// What a status means (<https://docs.stripe.com/api/errors>), if it is Stripe that says it. The message is for people and may repeat what was sent: type, code
/// and parameter are enough.
fn refused(status: StatusCode, body: &[u8]) -> Refusal {
    let ErrorBody { error } = serde_json::from_slice(body).unwrap_or_default();
    let (code, param) = (error.code.as_deref().unwrap_or_default(), error.param.as_deref().unwrap_or_default());
    let why = format!("{} {} {code} {param}", status.as_u16(), error.r#type).trim_end().to_owned();
    match status.as_u16() {
        // Only Stripe itself can say that it knows no such thing; something on the way to it would say 404 as well.
        404 if code == "resource_missing" => Refusal::NotFound,
        // A wrong or rolled key says nothing of the order: it waits until somebody mends the shop's configuration.
        401 | 403 => {
            tracing::error!(status = status.as_u16(), "stripe does not accept the shop's key");
            Refusal::NotNow(why)
        }
        // Too many requests, or something else holds a lock: refused before anything was done.
        429 => Refusal::NotNow(why),
        // The same request is being worked on at this moment.
        409 => Refusal::Unsure(why),
        400..=499 if !error.r#type.is_empty() => Refusal::No(why),
        _ => Refusal::Unsure(why),
    }
}

fn is_on_this_machine(endpoint: &str) -> bool {
    ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].iter().any(|start| endpoint.starts_with(start))
}
