//! The reference in Node (`load-tests/peers`), on the Redis and Postgres of `ops/servers/with`.

use super::{CAPACITY, Measured, Setting, child::free_address};
use crate::{
    load::{ClosedLoop, Requests, Until, get},
    process,
};
use anyhow::{Context, bail, ensure};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    cell::Cell,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_mins(1);
/// Where a scratch server's address is.
const POSTGRES: &str = "STAMPEDE_TEST_POSTGRES_URL";
const REDIS: &str = "STAMPEDE_TEST_REDIS_URL";

/// The reference: a process with two that answer and one that writes as its children.
pub(crate) struct Peer {
    child: Child,
    /// Shoppers' address.
    pub(crate) http: SocketAddr,
    promised: Cell<u64>,
}

impl Peer {
    /// Why there can be none here, if that is so.
    pub(crate) fn missing() -> Option<&'static str> {
        let is_set = |name| std::env::var_os(name).is_some();
        if !is_set(POSTGRES) || !is_set(REDIS) {
            return Some("the reference needs Redis and Postgres: `make bench` starts them");
        }
        let installed = place().join("node_modules/fastify").exists();
        (!installed).then_some("the reference's packages are not installed: `make bench` does that")
    }

    /// Starts one on a database and keys of its own; `availability_ms` is how old an availability it may answer with.
    pub(crate) async fn start(availability_ms: u32) -> anyhow::Result<Self> {
        let (http, name) = (free_address()?, format!("peer_{:016x}", SmallRng::from_os_rng().random::<u64>()));
        let mut command = Command::new("node");
        command.arg(place().join("shop.mjs")).stdout(Stdio::null()).stdin(Stdio::null());
        let own: [Setting; 6] = [
            ("DATABASE_URL".into(), database(&name)?),
            ("REDIS_URL".into(), std::env::var(REDIS)?),
            ("PEER_PREFIX".into(), name),
            ("PEER_PORT".into(), http.port().to_string()),
            ("PEER_TICKETS".into(), CAPACITY.to_string()),
            ("PEER_AVAILABILITY_MS".into(), availability_ms.to_string()),
        ];
        let child = command.envs(own).env("NODE_ENV", "production").spawn().context("node cannot be started")?;
        let mut peer = Self { child, http, promised: Cell::new(0) };
        let began = Instant::now();
        while !matches!(get(http, "/api/tickets/availability").await, Ok((200, _))) {
            ensure!(began.elapsed() < PATIENCE, "the reference gave no answer within {PATIENCE:?}");
            if let Some(status) = peer.child.try_wait()? {
                bail!("the reference ended at its start: {status}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(peer)
    }

    /// A closed loop, measured until everything promised is written; CPU is that of all its processes.
    pub(crate) async fn closed(
        &self,
        connections: usize,
        time: Duration,
        requests: &Requests,
    ) -> anyhow::Result<Measured> {
        let load = ClosedLoop { to: self.http, connections, until: Until::Elapsed(time), hang_up_every: 0 };
        let (cpu, began) = (self.cpu()?, Instant::now());
        let outcome = load.run(requests).await?;
        if requests.sells() {
            self.promised.set(self.promised.get() + outcome.count(202));
            ensure!(outcome.broken == 0, "the reference broke {} connections", outcome.broken);
            self.settled().await?;
        }
        let (cpu, took) = (self.cpu()?.saturating_sub(cpu), began.elapsed());
        Ok(Measured { outcome, cpu, took })
    }

    /// Waits until every promise is a row, and not one more: what is compared with must be right as well.
    async fn settled(&self) -> anyhow::Result<()> {
        let (began, promised) = (Instant::now(), self.promised.get());
        loop {
            let (_, body) = get(self.http, "/audit").await?;
            let audit: serde_json::Value = serde_json::from_slice(&body)?;
            ensure!(audit["promised"] == promised, "{promised} answers of the reference were 202, but: {audit}");
            if audit["orders"] == promised && audit["units"] == promised {
                return Ok(());
            }
            ensure!(began.elapsed() < PATIENCE, "the reference has not written {promised} orders: {audit}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn cpu(&self) -> anyhow::Result<Duration> {
        process::family_cpu(self.child.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Its children end when they lose it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../peers")
}

/// An empty database on the scratch server; its URL.
fn database(name: &str) -> anyhow::Result<String> {
    let server = std::env::var(POSTGRES)?;
    let (base, _) = server.rsplit_once('/').context("a Postgres URL without a database")?;
    let create = format!("CREATE DATABASE {name}");
    let mut psql = Command::new("psql");
    psql.args([&server, "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--command", &create]);
    ensure!(psql.status().context("psql cannot be started")?.success(), "no database for the reference");
    Ok(format!("{base}/{name}"))
}
