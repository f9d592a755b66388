//! The shop's one door, a proxy in front of all web nodes; and a way around it to each of them.

use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::time::Duration;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came back.
pub(crate) enum Outcome {
    Answered(Answer),
    /// Perhaps sent, and not answered: only who asked may ask again.
    Lost,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Value,
}

/// What a node says of the featured event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) available: u64,
    pub(crate) in_flight: u64,
    pub(crate) sold: u64,
}

/// The door.
pub(crate) struct Door {
    client: Client,
    proxy: String,
    webs: Vec<String>,
}

impl Door {
    pub(crate) fn new(proxy: String, webs: Vec<String>) -> Self {
        Self { client: client(), proxy, webs }
    }

    /// Asks for an order at the door, or at a certain web node.
    pub(crate) async fn buy(&self, at: Option<usize>, key: &str, user: &str, quantity: u32) -> Outcome {
        let url = at.map_or(&self.proxy, |web| &self.webs[web]);
        let request = self.client.post(format!("{url}/api/tickets/buy")).header("idempotency-key", key);
        let body = format!(r#"{{"userId":"{user}","quantity":{quantity}}}"#);
        outcome(request.header("content-type", "application/json").body(body)).await
    }

    /// Looks through the door.
    pub(crate) async fn get(&self, path: &str) -> Outcome {
        outcome(self.client.get(format!("{}{path}", self.proxy))).await
    }

    /// What one node shows; `None` when it does not say.
    pub(crate) async fn numbers(&self, web: usize) -> Option<Numbers> {
        let url = format!("{}/api/v1/events/frequency-festival/availability", self.webs[web]);
        let Outcome::Answered(answer) = outcome(self.client.get(url)).await else { return None };
        let shown = &answer.body["ticketTypes"][0];
        let number = |name: &str| shown[name].as_u64();
        Some(Numbers { available: number("available")?, in_flight: number("inFlight")?, sold: number("sold")? })
    }
}

/// A client with little patience.
pub(crate) fn client() -> Client {
    stampede_server::tls::trust_one_provider();
    Client::builder().timeout(PATIENCE).connect_timeout(Duration::from_secs(1)).build().unwrap()
}

async fn outcome(request: RequestBuilder) -> Outcome {
    match request.send().await {
        Ok(response) => read(response).await,
        Err(_) => Outcome::Lost,
    }
}

async fn read(response: Response) -> Outcome {
    let status = response.status().as_u16();
    let retry_after = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
    match response.bytes().await {
        Ok(body) => {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            Outcome::Answered(Answer { status, retry_after, body })
        }
        Err(_) => Outcome::Lost,
    }
}
