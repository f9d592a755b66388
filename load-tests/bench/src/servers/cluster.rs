//! A shop on servers: a web node and a writer of the product on the scratch servers of `ops/servers/with`. Each is a process of
//! its own (Postgres a family), so that its CPU time is read apart.

use super::{Measured, Setting, Settings, Shop, child, scratch, taken};
use crate::{
    load::{Requests, Until, get},
    process,
};
use anyhow::{Context, ensure};
use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

/// How long a node may take until it is ready.
const PATIENCE: Duration = Duration::from_mins(1);
/// Those that are not ours.
const SERVERS: [&str; 3] = ["postgres", "redis", "pubsub"];

/// A shop on servers.
pub(crate) struct Cluster {
    /// The web node, with the promises that were made.
    pub(crate) web: Shop,
    /// The writer's address for operators.
    pub(crate) writer_ops: SocketAddr,
    _writer: Stopped,
    /// Whose CPU is read, by name: the two nodes first.
    processes: Vec<(&'static str, u32)>,
}

/// A load on a shop on servers, and what it cost.
pub(crate) struct Shared {
    /// What came of it; its CPU is the web node's alone.
    pub(crate) at_web: Measured,
    /// Microseconds of CPU for each good answer, until everything was settled: everybody's but the generator's.
    pub(crate) each_us: Vec<(&'static str, f64)>,
}

impl Shared {
    /// Microseconds of web node and writer together for each good answer.
    pub(crate) fn ours_us(&self) -> f64 {
        self.each_us.iter().filter(|(name, _)| !SERVERS.contains(name)).map(|(_, micros)| micros).sum()
    }
}

impl Cluster {
    /// Starts one on a database, topics and keys of its own.
    pub(crate) async fn start(settings: Settings, further: &[Setting]) -> anyhow::Result<Self> {
        let mut place = scratch()?;
        let writer_login = taken(&mut place, "STAMPEDE_WRITER_DATABASE_URL")?;
        let web_login = taken(&mut place, "STAMPEDE_WEB_DATABASE_URL")?;
        taken(&mut place, "DATABASE_URL")?;
        place.extend_from_slice(further);
        let node = |role: &str, login: String| {
            let own = [("STAMPEDE_ROLE".to_owned(), role.to_owned()), ("DATABASE_URL".to_owned(), login)];
            place.iter().cloned().chain(own).collect::<Vec<Setting>>()
        };
        let ops = child::free_address()?;
        let mut command = child::command(settings, &child::workplace()?, &node("writer", writer_login))?;
        let writer = command.env("STAMPEDE_OPS_ADDR", ops.to_string()).spawn().context("the writer does not start")?;
        let writer = Stopped(writer);
        // The writer puts the event up for sale, so it goes first.
        ready(ops).await.context("the writer")?;
        let web = Shop::start_with(settings, &node("web", web_login)).await?;
        ready(web.ops).await.context("the web node")?;
        let mut processes = vec![("web", web.process()), ("writer", writer.0.id())];
        for name in SERVERS {
            processes.push((name, server(name)?));
        }
        Ok(Self { web, writer_ops: ops, _writer: writer, processes })
    }

    /// A closed loop, measured until everything is settled.
    pub(crate) async fn loaded(&self, connections: usize, until: Until, requests: &Requests) -> anyhow::Result<Shared> {
        let before = self.cpu()?;
        let at_web = self.web.loaded_unchecked(connections, until, requests).await?;
        let after = self.cpu()?;
        if requests.sells() {
            self.web.check().await?;
        }
        let spent = before.iter().zip(&after).zip(&self.processes);
        let each_us =
            spent.map(|((before, after), (name, _))| (*name, at_web.per_good_us(after.saturating_sub(*before))));
        Ok(Shared { each_us: each_us.collect(), at_web })
    }

    /// Web node and writer.
    pub(crate) fn nodes(&self) -> Vec<u32> {
        self.processes.iter().filter(|(name, _)| !SERVERS.contains(name)).map(|(_, id)| *id).collect()
    }

    fn cpu(&self) -> anyhow::Result<Vec<Duration>> {
        self.processes.iter().map(|(_, id)| process::family_cpu(*id)).collect()
    }
}

/// A node that ends with its owner.
struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn ready(ops: SocketAddr) -> anyhow::Result<()> {
    let began = Instant::now();
    while !matches!(get(ops, "/readyz").await, Ok((200, _))) {
        ensure!(began.elapsed() < PATIENCE, "is not ready after {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// The process of a scratch server; its file holds the number and when it was started.
fn server(name: &str) -> anyhow::Result<u32> {
    let state = std::env::var_os("STAMPEDE_TEST_STATE").context("run it by ops/servers/with")?;
    let text = std::fs::read_to_string(PathBuf::from(state).join(name).join("pid"))?;
    Ok(text.split_ascii_whitespace().next().context("an empty pid file")?.parse()?)
}
