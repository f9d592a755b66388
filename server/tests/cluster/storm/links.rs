//! A wire of its own for every link of the shop: each node to each server, and the crowd to each web node.

use crate::harness::{Grounds, door::address, node::Settings};
use stampede_proxy::{Counts, Proxy, Wire};
use std::{collections::HashMap, net::SocketAddr};

/// What a wire leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum To {
    Redis,
    Postgres,
    PubSub,
    /// From the crowd.
    Web,
}

/// Who stands at its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    Webs,
    Writers,
    Crowd,
}

/// All wires, two of each kind: one for each node.
pub(super) struct Links(HashMap<(Side, To), [Proxy; 2]>);

const INSIDE: [To; 3] = [To::Redis, To::Postgres, To::PubSub];

impl Links {
    /// Wires to the servers.
    pub(super) async fn to(grounds: &Grounds, seed: u64) -> Self {
        let mut links = HashMap::new();
        for side in [Side::Webs, Side::Writers] {
            for to in INSIDE {
                let server = match to {
                    To::Redis => grounds.redis.url(),
                    To::Postgres => grounds.postgres.url(),
                    To::PubSub => grounds.pubsub.url(),
                    To::Web => continue,
                };
                links.insert((side, to), pair([address(&server); 2], seed).await);
            }
        }
        Self(links)
    }

    /// And those that lead to the web nodes, once it is known where they are.
    pub(super) async fn and_to(mut self, webs: &[SocketAddr], seed: u64) -> Self {
        self.0.insert((Side::Crowd, To::Web), pair([webs[0], webs[1]], seed).await);
        self
    }

    /// Where the crowd goes.
    pub(super) fn doors(&self) -> Vec<SocketAddr> {
        self.of(Side::Crowd, To::Web).iter().map(Proxy::address).collect()
    }

    /// Tells a node of its own wires.
    pub(super) fn wire(&self, node: &str, settings: &mut Settings) {
        let side = if node.starts_with("web") { Side::Webs } else { Side::Writers };
        let number = usize::from(node.ends_with('2'));
        for (to, name) in INSIDE.into_iter().zip(["REDIS_URL", "DATABASE_URL", "STAMPEDE_PUBSUB_ENDPOINT"]) {
            let url = settings.get_mut(name).expect("the grounds have set it");
            let (server, wire) = (address(url), self.of(side, to)[number].address());
            *url = url.replace(&server.to_string(), &wire.to_string());
        }
    }

    /// Both wires of a kind, the first node's first.
    pub(super) fn of(&self, side: Side, to: To) -> &[Proxy; 2] {
        &self.0[&(side, to)]
    }

    /// Everything is sound.
    pub(super) fn mend(&self) {
        for proxy in self.0.values().flatten() {
            proxy.set(Wire::default());
            proxy.cut_nothing();
        }
    }

    /// Connections taken so far, by all of them.
    pub(super) fn accepted(&self) -> u64 {
        self.0.values().flatten().map(|proxy| proxy.counts().accepted).sum()
    }
}

async fn pair(servers: [SocketAddr; 2], seed: u64) -> [Proxy; 2] {
    let (one, other) = tokio::join!(Proxy::before(servers[0], seed), Proxy::before(servers[1], seed + 1));
    [one.expect("a port is free"), other.expect("a port is free")]
}

/// What happened between two readings, summed over some wires.
pub(super) fn sum(proxies: &[&Proxy]) -> Counts {
    proxies.iter().map(|proxy| proxy.counts()).fold(Counts::default(), |sum, one| Counts {
        accepted: sum.accepted + one.accepted,
        open: sum.open + one.open,
        slammed: sum.slammed + one.slammed,
        unreachable: sum.unreachable + one.unreachable,
        ended: sum.ended + one.ended,
        cut: sum.cut + one.cut,
        forth: sum.forth + one.forth,
        back: sum.back + one.back,
        swallowed: sum.swallowed + one.swallowed,
        slowed: sum.slowed + one.slowed,
        held: sum.held + one.held,
    })
}
