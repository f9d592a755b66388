//! What a shop says of itself while it is loaded, looked at every so often.

use crate::{
    load::Connection,
    process,
    servers::{Cluster, NUMBERS, Numbers, Shop},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, task::JoinHandle};

/// Often enough to see a backlog grow, seldom enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Whose mailbox the backlog shows in.
const WRITER: &str = "order_writer";

/// One look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// When it was answered.
    pub(super) at: Instant,
    /// Tickets.
    pub(super) numbers: Numbers,
    /// Orders in the writer's mailbox.
    pub(super) depth: u64,
    /// Resident memory of the shop's processes, in bytes.
    pub(super) resident: u64,
}

/// Who is looked at.
#[derive(Clone)]
pub(super) struct Watched {
    http: SocketAddr,
    writer_ops: SocketAddr,
    processes: Vec<u32>,
}

impl Watched {
    /// A shop that is one process.
    pub(super) fn alone(shop: &Shop) -> Self {
        Self { http: shop.http, writer_ops: shop.ops, processes: vec![shop.process()] }
    }

    /// A shop on servers: our processes.
    pub(super) fn cluster(cluster: &Cluster) -> Self {
        Self { http: cluster.web.http, writer_ops: cluster.writer_ops, processes: cluster.nodes() }
    }

    /// Begins to look.
    pub(super) fn begin(&self) -> Watch {
        let (enough, end) = oneshot::channel();
        Watch { enough, looks: tokio::task::spawn_local(self.clone().look(end)) }
    }

    async fn look(self, mut end: oneshot::Receiver<()>) -> anyhow::Result<Vec<Look>> {
        let mut shop = Connection::open(self.http).await?;
        let mut writer = Connection::open(self.writer_ops).await?;
        let numbers = format!("GET {NUMBERS} HTTP/1.1\r\nHost: {}\r\n\r\n", self.http);
        let actors = format!("GET /actors HTTP/1.1\r\nHost: {}\r\n\r\n", self.writer_ops);
        let mut looks = Vec::new();
        loop {
            writer.exchange(actors.as_bytes()).await?;
            let depth = depth(writer.body())?;
            shop.exchange(numbers.as_bytes()).await?;
            let (at, numbers) = (Instant::now(), Numbers::read(shop.body())?);
            let resident = self.processes.iter().map(|id| process::resident(*id).map(|resident| resident.all));
            looks.push(Look { at, numbers, depth, resident: resident.sum::<anyhow::Result<u64>>()? });
            if tokio::time::timeout(LOOK_EVERY, &mut end).await.is_ok() {
                return Ok(looks);
            }
        }
    }
}

/// Looks that go on.
pub(super) struct Watch {
    enough: oneshot::Sender<()>,
    looks: JoinHandle<anyhow::Result<Vec<Look>>>,
}

impl Watch {
    /// Everything seen, in the order of time.
    pub(super) async fn end(self) -> anyhow::Result<Vec<Look>> {
        // It is gone only after a look that failed, whose error comes below.
        let _ = self.enough.send(());
        self.looks.await?
    }
}

/// How much was sold a second between two moments, by the looks next to them.
pub(super) fn sold_per_second(looks: &[Look], from: Instant, to: Instant) -> f64 {
    let within = || looks.iter().filter(|look| look.at >= from && look.at <= to);
    let (Some(first), Some(last)) = (within().next(), within().next_back()) else { return 0.0 };
    let seconds = (last.at - first.at).as_secs_f64().max(f64::MIN_POSITIVE);
    (last.numbers.sold - first.numbers.sold) as f64 / seconds
}

fn depth(actors: &[u8]) -> anyhow::Result<u64> {
    let actors: serde_json::Value = serde_json::from_slice(actors)?;
    let writer = actors.as_array().into_iter().flatten().find(|actor| actor["name"] == WRITER);
    Ok(writer.and_then(|actor| actor["depth"].as_u64()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_taken_between_the_looks_within() {
        let began = Instant::now();
        let look = |millis, sold| Look {
            at: began + Duration::from_millis(millis),
            numbers: Numbers { in_flight: 0, sold },
            depth: 0,
            resident: 0,
        };
        let looks = [look(0, 0), look(1_000, 500), look(2_000, 1_500), look(3_000, 1_500)];
        let after = |millis| began + Duration::from_millis(millis);
        assert!((sold_per_second(&looks, after(900), after(2_100)) - 1_000.0).abs() < 1e-9);
        assert!((sold_per_second(&looks, began, after(3_000)) - 500.0).abs() < 1e-9);
        assert!(sold_per_second(&looks[..1], began, after(3_000)).abs() < 1e-9);
    }

    #[test]
    fn the_writers_mailbox_is_found_among_the_actors() {
        let actors = br#"[{"name":"inventory","depth":3},{"name":"order_writer","depth":41}]"#;
        assert_eq!(depth(actors).unwrap(), 41);
        assert_eq!(depth(b"[]").unwrap(), 0);
    }
}
