//! The shop's one door: web nodes in turn, as a load balancer does it. A node that takes no connection is passed over; a
//! request that was sent and not answered is an unknown outcome, which only who sent it may repeat.

use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use std::{
    sync::{
        RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a node that did not answer is passed over.
const OUT: Duration = Duration::from_secs(2);

/// What came back.
pub(crate) enum Outcome {
    Answered(Answer),
    /// Sent, and not answered.
    Lost,
    /// No node took the connection, so nothing was sent.
    Nobody,
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
    pub(crate) client: Client,
    /// Where each web node is, and until when it is passed over.
    webs: Vec<RwLock<(String, Option<Instant>)>>,
    next: AtomicUsize,
    /// Connections that a node did not take.
    pub(crate) refused: AtomicU64,
}

impl Door {
    pub(crate) fn new(webs: usize) -> Self {
        Self {
            client: client(),
            webs: (0..webs).map(|_| RwLock::default()).collect(),
            next: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The web node has started here.
    pub(crate) fn moved(&self, web: usize, address: String) {
        *self.webs[web].write().unwrap() = (address, None);
    }

    /// Asks for an order at the next node, or at a certain one.
    pub(crate) async fn buy(&self, at: Option<usize>, key: &str, user: &str, quantity: u32) -> Outcome {
        let body = format!(r#"{{"userId":"{user}","quantity":{quantity}}}"#);
        let order = |url: String| {
            let request = self.client.post(format!("{url}/api/tickets/buy")).header("idempotency-key", key);
            request.header("content-type", "application/json").body(body.clone())
        };
        match at {
            Some(web) => self.send(web, order).await,
            None => self.send_to_any(order).await,
        }
    }

    /// Looks at the next node.
    pub(crate) async fn get(&self, path: &str) -> Outcome {
        self.send_to_any(|url| self.client.get(url + path)).await
    }

    /// What one node shows; `None` when it does not say.
    pub(crate) async fn numbers(&self, web: usize) -> Option<Numbers> {
        let path = "/api/v1/events/frequency-festival/availability";
        let Outcome::Answered(answer) = self.send(web, |url| self.client.get(url + path)).await else { return None };
        let shown = &answer.body["ticketTypes"][0];
        let number = |name: &str| shown[name].as_u64();
        Some(Numbers { available: number("available")?, in_flight: number("inFlight")?, sold: number("sold")? })
    }

    async fn send_to_any(&self, request: impl Fn(String) -> RequestBuilder) -> Outcome {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let all = (first..first + self.webs.len()).map(|web| web % self.webs.len());
        let (good, out): (Vec<_>, Vec<_>) = all.partition(|web| !self.is_out(*web));
        // Nobody is left out when everybody is out.
        for web in good.into_iter().chain(out) {
            match self.send(web, &request).await {
                Outcome::Nobody => {}
                outcome => return outcome,
            }
        }
        Outcome::Nobody
    }

    async fn send(&self, web: usize, request: impl Fn(String) -> RequestBuilder) -> Outcome {
        let url = self.webs[web].read().unwrap().0.clone();
        let outcome = match request(url.clone()).send().await {
            Ok(response) => read(response).await,
            Err(error) if error.is_connect() => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Outcome::Nobody
            }
            Err(_) => Outcome::Lost,
        };
        let mut node = self.webs[web].write().unwrap();
        if node.0 == url {
            node.1 = if matches!(outcome, Outcome::Answered(_)) { None } else { Some(Instant::now() + OUT) };
        }
        outcome
    }

    fn is_out(&self, web: usize) -> bool {
        self.webs[web].read().unwrap().1.is_some_and(|until| until > Instant::now())
    }
}

/// A client with little patience.
pub(crate) fn client() -> Client {
    stampede_server::tls::trust_one_provider();
    Client::builder().timeout(PATIENCE).connect_timeout(Duration::from_secs(1)).build().unwrap()
}

async fn read(response: Response) -> Outcome {
    let status = response.status().as_u16();
    let header = response.headers().get("retry-after").and_then(|wait| wait.to_str().ok()?.parse().ok());
    match response.bytes().await {
        Ok(body) => {
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            Outcome::Answered(Answer { status, retry_after: header, body })
        }
        Err(_) => Outcome::Lost,
    }
}
