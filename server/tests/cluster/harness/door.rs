//! Where the shop is: its one door, a proxy in front of all web nodes, and a way around it to each of them.

use super::visitor::Visitor;
use reqwest::Client;
use std::{net::SocketAddr, time::Duration};

/// How long an answer of an operators' port is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a node says of the featured event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) available: u64,
    pub(crate) in_flight: u64,
    pub(crate) sold: u64,
}

/// The door.
pub(crate) struct Door {
    proxy: SocketAddr,
    pub(crate) webs: Vec<SocketAddr>,
}

impl Door {
    pub(crate) fn new(proxy: &str, webs: Vec<SocketAddr>) -> Self {
        Self { proxy: address(proxy), webs }
    }

    /// The proxy's address.
    pub(crate) fn proxy(&self) -> SocketAddr {
        self.proxy
    }

    /// Somebody at the door, or at a certain web node.
    pub(crate) fn visitor(&self, at: Option<usize>) -> Visitor {
        Visitor::new(&[at.map_or(self.proxy, |web| self.webs[web])], 0)
    }
}

/// `host:port` of a URL.
pub(crate) fn address(url: &str) -> SocketAddr {
    let place = url.rsplit_once("//").map_or(url, |(_, place)| place);
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    place.split('/').next().unwrap().parse().unwrap()
}

/// What a node shows; `None` when it does not say.
pub(crate) async fn numbers(visitor: &mut Visitor) -> Option<Numbers> {
    let answer = visitor.get("/api/v1/events/frequency-festival/availability").await?;
    let shown = &answer.body["ticketTypes"][0];
    let number = |name: &str| shown[name].as_u64();
    Some(Numbers { available: number("available")?, in_flight: number("inFlight")?, sold: number("sold")? })
}

/// A client with little patience, for operators' ports and the Pub/Sub server's knobs.
pub(crate) fn client() -> Client {
    stampede_server::tls::trust_one_provider();
    Client::builder().timeout(PATIENCE).connect_timeout(Duration::from_secs(1)).build().unwrap()
}
