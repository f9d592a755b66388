//! A server under test as a child process, with a data directory of its own beside the binary: on a disk, not in memory.

use super::Kind;
use crate::{
    load::{ClosedLoop, Outcome, Requests, Until, get},
    process,
};
use anyhow::{Context, bail, ensure};
use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How long a server may take to its first answer, and to its end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the last orders may take to be written and settled.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How often an audit that took too long is tried again.
const AUDITS: u32 = 3;
/// The numbers of the featured event: what is in flight, what is sold.
pub(crate) const NUMBERS: &str = "/api/v1/events/frequency-festival/availability";

/// How a server under test is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Which.
    pub(crate) kind: Kind,
    /// Its tickets.
    pub(crate) capacity: u32,
    /// Most tickets of a buyer, which keeps an index in random order busy; 0: no limit.
    pub(crate) limit: u32,
    /// Count its fsyncs, which slows it down.
    pub(crate) traced: bool,
}

/// A further setting, as the environment has it.
pub(crate) type Setting = (String, String);

/// A server under test, and what it promised to the generator.
pub(crate) struct Shop {
    child: Child,
    process: u32,
    home: Rc<TempDir>,
    /// Shoppers' address.
    pub(crate) http: SocketAddr,
    /// Operators' address.
    pub(crate) ops: SocketAddr,
    promised: Cell<u64>,
    unheard: Cell<u64>,
    /// From starting the process to its first good answer.
    pub(crate) first_answer: Duration,
}

/// What the shop says of its tickets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    /// Claimed, and not written and settled yet.
    pub(crate) in_flight: u64,
    /// Written and settled.
    pub(crate) sold: u64,
}

impl Numbers {
    /// From the answer at [`NUMBERS`].
    pub(crate) fn read(body: &[u8]) -> anyhow::Result<Self> {
        let numbers: serde_json::Value = serde_json::from_slice(body)?;
        let number = |name: &str| numbers["ticketTypes"][0][name].as_u64().with_context(|| format!("no {name}"));
        Ok(Self { in_flight: number("inFlight")?, sold: number("sold")? })
    }
}

/// A load on a shop, and what it cost.
pub(crate) struct Measured {
    /// What came of it.
    pub(crate) outcome: Outcome,
    /// CPU time of the server, user and system, until everything was settled.
    pub(crate) cpu: Duration,
    /// Until everything was settled.
    pub(crate) took: Duration,
}

impl Measured {
    /// Microseconds of the server's CPU for each good answer.
    pub(crate) fn cpu_us(&self) -> f64 {
        self.per_good_us(self.cpu)
    }

    /// Microseconds for each good answer.
    pub(super) fn per_good_us(&self, cpu: Duration) -> f64 {
        let good = self.outcome.all() - self.outcome.failures().values().sum::<u64>();
        cpu.as_secs_f64() * 1e6 / (good.max(1) as f64)
    }
}

impl Settings {
    /// A shop that is never sold out and knows no limit.
    pub(crate) fn endless(kind: Kind) -> Self {
        Self { kind, capacity: super::CAPACITY, limit: 0, traced: false }
    }
}

/// Where the bench keeps its things: `target/bench`, beside the profile it was built in.
pub(crate) fn workplace() -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe()?;
    let target = binary.ancestors().nth(2).context("the bench is to be run by cargo")?;
    let place = target.join("bench");
    std::fs::create_dir_all(&place)?;
    Ok(place)
}

impl Shop {
    /// Starts one with an empty directory.
    pub(crate) async fn start(settings: Settings) -> anyhow::Result<Self> {
        Self::start_with(settings, &[]).await
    }

    /// Starts one with an empty directory and further settings.
    pub(crate) async fn start_with(settings: Settings, further: &[Setting]) -> anyhow::Result<Self> {
        let home = TempDir::with_prefix_in("data-", workplace()?)?;
        Self::begin(settings, Rc::new(home), further).await
    }

    /// Starts one over what another left.
    pub(crate) async fn start_in(settings: Settings, home: Rc<TempDir>) -> anyhow::Result<Self> {
        Self::begin(settings, home, &[]).await
    }

    /// Starts one over what another left: so many are sold already.
    pub(crate) async fn start_over(settings: Settings, home: Rc<TempDir>, sold: u64) -> anyhow::Result<Self> {
        let shop = Self::begin(settings, home, &[]).await?;
        shop.promised.set(sold);
        Ok(shop)
    }

    async fn begin(settings: Settings, home: Rc<TempDir>, further: &[Setting]) -> anyhow::Result<Self> {
        let (http, ops) = (free_address()?, free_address()?);
        let mut command = command(settings, home.path(), further)?;
        command.env("STAMPEDE_HTTP_ADDR", http.to_string()).env("STAMPEDE_OPS_ADDR", ops.to_string());
        let began = Instant::now();
        let child = command.spawn().context("the server under test cannot be started")?;
        let process = child.id();
        let mut shop = Self {
            child,
            process,
            home,
            http,
            ops,
            promised: Cell::new(0),
            unheard: Cell::new(0),
            first_answer: Duration::ZERO,
        };
        let path = if settings.kind == Kind::Bare { super::bare::READ } else { "/api/tickets/availability" };
        while !matches!(get(http, path).await, Ok((200, _))) {
            ensure!(began.elapsed() < PATIENCE, "{:?} gave no answer within {PATIENCE:?}", settings.kind);
            if let Some(status) = shop.child.try_wait()? {
                bail!("{:?} ended at its start: {status}", settings.kind);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        shop.first_answer = began.elapsed();
        if settings.traced {
            shop.process = process::child_of(process).context("strace has no child")?;
        }
        Ok(shop)
    }

    /// A closed loop of so many connections for so long, measured until it is settled.
    pub(crate) async fn closed(
        &self,
        connections: usize,
        time: Duration,
        requests: &Requests,
    ) -> anyhow::Result<Measured> {
        self.loaded(connections, Until::Elapsed(time), requests).await
    }

    /// The same with any end.
    pub(crate) async fn loaded(
        &self,
        connections: usize,
        until: Until,
        requests: &Requests,
    ) -> anyhow::Result<Measured> {
        let measured = self.loaded_unchecked(connections, until, requests).await?;
        if requests.sells() {
            self.check().await?;
        }
        Ok(measured)
    }

    /// The same before the laws are checked, for those who read more clocks: the check costs CPU of its own.
    pub(crate) async fn loaded_unchecked(
        &self,
        connections: usize,
        until: Until,
        requests: &Requests,
    ) -> anyhow::Result<Measured> {
        let load = ClosedLoop { to: self.http, connections, until, hang_up_every: 0 };
        let (cpu, began) = (self.cpu()?, Instant::now());
        let outcome = load.run(requests).await?;
        if requests.sells() {
            self.note(&outcome);
            self.settled().await?;
        }
        let (cpu, took) = (self.cpu()?.saturating_sub(cpu), began.elapsed());
        Ok(Measured { outcome, cpu, took })
    }

    /// Adds what a load was promised.
    pub(crate) fn note(&self, outcome: &Outcome) {
        self.promised.set(self.promised.get() + outcome.count(202));
        // Who was told 503 may have been sold something, when its code was `unknown`; they are asked again until they know.
        self.unheard.set(self.unheard.get() + outcome.hung_up + outcome.broken + outcome.never_back);
    }

    /// Waits until nothing is in flight and everything promised is sold.
    pub(crate) async fn settled(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let (_, body) = get(self.http, NUMBERS).await?;
            let numbers = Numbers::read(&body)?;
            if numbers.in_flight == 0 && numbers.sold >= self.promised.get() {
                return Ok(());
            }
            ensure!(
                began.elapsed() < SETTLED_WITHIN,
                "not settled within {SETTLED_WITHIN:?}: {} promised, {numbers:?}",
                self.promised.get()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Promises so far.
    pub(crate) fn promised(&self) -> u64 {
        self.promised.get()
    }

    /// Checks the laws over every row, and that what was promised is what is sold.
    pub(crate) async fn check(&self) -> anyhow::Result<()> {
        let (mut status, mut body) = get(self.ops, "/audit").await?;
        // Ten million rows on a busy machine take longer than the operators' port waits; the next one finds them in memory.
        for _ in 0..AUDITS {
            if status == 503 {
                (status, body) = get(self.ops, "/audit").await?;
            }
        }
        ensure!(status != 503, "the laws could not be audited: {}", String::from_utf8_lossy(&body));
        let audit: serde_json::Value = serde_json::from_slice(&body)?;
        ensure!(status == 200 && audit["holds"] == true, "A LAW IS BROKEN: {audit}");
        let pools = audit["pools"].as_array().context("an audit without pools")?;
        let sold = pools.iter().try_fold(0, |sum, pool| Some(sum + pool["sold"].as_u64()?));
        let sold: u64 = sold.context("an audit without a number")?;
        let (promised, unheard) = (self.promised.get(), self.unheard.get());
        ensure!(
            (promised..=promised + unheard).contains(&sold),
            "{promised} were promised (and {unheard} not heard of), {sold} are sold"
        );
        Ok(())
    }

    /// What of the operators' port.
    pub(crate) async fn ops(&self, path: &str) -> anyhow::Result<String> {
        let (status, body) = get(self.ops, path).await?;
        ensure!(status == 200, "{path} answered {status}");
        Ok(String::from_utf8(body)?)
    }

    /// CPU time so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        process::cpu(self.process)
    }

    /// The process, for those who look at it.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Fsyncs so far, when they are traced.
    pub(crate) fn fsyncs(&self) -> anyhow::Result<u64> {
        let trace = std::fs::read_to_string(self.home.path().join(TRACE))?;
        // An interrupted call has a second line, "<... fdatasync resumed>".
        Ok(trace.lines().filter(|line| line.contains("sync(")).count() as u64)
    }

    /// Tells it to end and waits for that; its directory.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Rc<TempDir>> {
        Command::new("kill").args(["-TERM", &self.process.to_string()]).status()?;
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(began.elapsed() < PATIENCE, "the server did not end within {PATIENCE:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Rc::clone(&self.home))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Ours alone: the child of our strace first, which would outlive it, then our own child by its handle.
        if let Some(traced) = process::child_of(self.child.id()) {
            let _ = Command::new("kill").args(["-KILL", &traced.to_string()]).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const TRACE: &str = "fsyncs.trace";
/// Settings of the shop that do not begin with its name.
const OTHER_NAMES: [&str; 3] = ["DATABASE_URL", "REDIS_URL", "PUBSUB_EMULATOR_HOST"];

/// The bench's own binary as a server, not yet started; it has no address yet.
pub(super) fn command(settings: Settings, home: &Path, further: &[Setting]) -> anyhow::Result<Command> {
    let binary = std::env::current_exe()?;
    let kind = match settings.kind {
        Kind::Shop => "shop",
        Kind::Product => "product",
        Kind::Door => "door",
        Kind::Slow => "slow",
        Kind::Bare => "bare",
    };
    let mut command = if settings.traced {
        let mut strace = Command::new("strace");
        // --seccomp-bpf stops the server at these calls only, and at no other.
        strace.args(["-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync", "-o"]);
        strace.arg(home.join(TRACE)).arg(binary);
        strace
    } else {
        Command::new(binary)
    };
    match super::scratch::built("stampede") {
        Ok(product) if settings.kind == Kind::Product && !settings.traced => command = Command::new(product),
        _ => {
            command.args(["serve", kind]);
        }
    }
    command.stdout(Stdio::null()).stdin(Stdio::null());
    without_ours(&mut command)
        .env("STAMPEDE_DATA_DIR", home)
        .env("STAMPEDE_LOG", "warn")
        .env("STAMPEDE_DEMO_OPENS_IN", "0s")
        .env("STAMPEDE_DEMO_CAPACITY", settings.capacity.to_string())
        .env("STAMPEDE_DEMO_LIMIT_PER_BUYER", settings.limit.to_string())
        .envs(further.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// Without the settings of the shop that happen to be in our own environment.
pub(super) fn without_ours(command: &mut Command) -> &mut Command {
    let is_ours = |name: &str| name.starts_with("STAMPEDE_") || OTHER_NAMES.contains(&name);
    let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| is_ours(&name.to_string_lossy()));
    ours.for_each(|name| {
        command.env_remove(name);
    });
    command
}

pub(super) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
