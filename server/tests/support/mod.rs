//! A real shop for tests: the built binary in a directory of its own, on ports of its own, stopped when the test ends.

#![expect(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part, and a test stops where it cannot go on"
)]

pub(crate) mod crowd;
pub(crate) mod faulty;
pub(crate) mod passes;
pub(crate) mod servers;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use servers::Logins;
use stampede_server::config::Config;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Lines},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::Instant;

const BINARY: &str = env!("CARGO_BIN_EXE_stampede");
/// How long anything may take that is waited for: far longer than it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shop: its data outlive its processes.
pub(crate) struct Shop {
    directory: TempDir,
    settings: HashMap<&'static str, String>,
    /// When the shop runs on servers: then it is two processes.
    logins: Option<Logins>,
    running: Option<Running>,
    pub(crate) client: Client,
}

struct Running {
    web: Child,
    writer: Option<Child>,
    http: String,
    /// The web node's first.
    ops: Vec<String>,
}

impl Running {
    fn children(&mut self) -> impl Iterator<Item = &mut Child> {
        [Some(&mut self.web), self.writer.as_mut()].into_iter().flatten()
    }
}

impl Shop {
    /// A shop that sells `capacity` tickets of the demo festival from now on, as many to each buyer as wanted.
    pub(crate) async fn selling(capacity: u32) -> Self {
        let mut shop = Self::closed(&[("STAMPEDE_DEMO_CAPACITY", &capacity.to_string())]);
        shop.start().await;
        shop
    }

    /// A shop that is not running yet.
    pub(crate) fn closed(settings: &[(&'static str, &str)]) -> Self {
        Self::closed_on(servers::are_wanted(), settings)
    }

    /// The same, on servers whatever the others run on.
    pub(crate) fn closed_on_servers(settings: &[(&'static str, &str)]) -> Self {
        Self::closed_on(true, settings)
    }

    /// Another web node of a shop on servers, running.
    pub(crate) async fn another_web_node(&self) -> Self {
        let web = self.logins.as_ref().expect("only a shop on servers has several").web.clone();
        let (directory, mut settings) = (tempfile::tempdir().unwrap(), self.settings.clone());
        settings.extend([("STAMPEDE_ROLE", "web".to_owned()), ("DATABASE_URL", web)]);
        settings.insert("STAMPEDE_DATA_DIR", directory.path().join("data").display().to_string());
        let mut other = Self { directory, settings, logins: None, running: None, client: self.client.clone() };
        other.start().await;
        other
    }

    fn closed_on(servers: bool, settings: &[(&'static str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut all: HashMap<_, _> = HashMap::from([
            ("STAMPEDE_HTTP_ADDR", "127.0.0.1:0".to_owned()),
            ("STAMPEDE_OPS_ADDR", "127.0.0.1:0".to_owned()),
            ("STAMPEDE_DEMO_OPENS_IN", "0s".to_owned()),
            ("STAMPEDE_DEMO_LIMIT_PER_BUYER", "0".to_owned()),
            ("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "0".to_owned()),
            ("STAMPEDE_LOG", "error".to_owned()),
            ("STAMPEDE_DATA_DIR", directory.path().join("data").display().to_string()),
        ]);
        let mut logins = None;
        if servers {
            let (scratch, own) = servers::scratch(BINARY);
            all.extend(scratch);
            logins = Some(own);
        }
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        stampede_server::tls::trust_one_provider();
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Self { directory, settings: all, logins, running: None, client }
    }

    /// Starts the process, or a writer and a web node, and waits until the shop can sell.
    pub(crate) async fn start(&mut self) {
        let Some(Logins { writer, web }) = &self.logins else {
            let child = self.command(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
            return self.greeted(child, None).await;
        };
        let node = |role: &str, database: &str| {
            let mut command = self.command(&["serve"]);
            command.env("STAMPEDE_ROLE", role).env("DATABASE_URL", database).stdout(Stdio::piped()).spawn().unwrap()
        };
        let mut writer = node("writer", writer);
        let mut greeting = Greeting::of(&mut writer);
        let ops = greeting.address("operators");
        greeting.leave();
        let web = node("web", web);
        self.greeted(web, Some((writer, ops))).await;
    }

    /// The same, in a shell that has run `first`.
    pub(crate) async fn start_where(&mut self, first: &str) {
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{first} && exec {BINARY} serve")]).env_clear().envs(&self.settings);
        let child = shell.current_dir(self.directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        self.greeted(child, None).await;
    }

    async fn greeted(&mut self, mut web: Child, writer: Option<(Child, String)>) {
        let mut greeting = Greeting::of(&mut web);
        let (http, ops) = (greeting.address("shop"), greeting.address("operators"));
        greeting.leave();
        let (writer, writer_ops) = writer.unzip();
        let ops = std::iter::once(ops).chain(writer_ops).collect();
        self.running = Some(Running { web, writer, http, ops });
        self.until("the shop is ready", async || {
            self.ops("/readyz").await.is_some_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Kills the processes where they stand.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("the shop runs");
        for child in running.children() {
            child.kill().unwrap();
        }
        for child in running.children() {
            child.wait().unwrap();
        }
    }

    /// Asks the processes to stop, the web node first, and waits for them.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("the shop runs");
        let ends = running.children().map(|child| {
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
            child.wait().unwrap()
        });
        let ends: Vec<_> = ends.collect();
        *ends.iter().find(|end| !end.success()).unwrap_or(&ends[0])
    }

    /// The process that sells, to be frozen or looked at.
    pub(crate) fn process(&self) -> u32 {
        self.running.as_ref().expect("the shop runs").web.id()
    }

    /// Waits until the process has ended on its own.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.running.take().expect("the shop runs").web.wait().unwrap()
    }

    /// A small command on the shop's data.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What `stampede audit` prints, which must find every law holding.
    pub(crate) fn audit(&self) -> String {
        let output = self.run(&["audit"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().envs(&self.settings).current_dir(self.directory.path());
        command
    }

    /// The shop's settings, for a test that opens its ports itself.
    pub(crate) fn config(&self) -> Config {
        let flag = |name: &str| name.trim_start_matches("STAMPEDE_").to_lowercase().replace('_', "-");
        let flags: Vec<_> = self.settings.iter().map(|(name, value)| format!("--{}={value}", flag(name))).collect();
        Config::of(flags.iter().map(String::as_str)).unwrap()
    }

    /// What a setting is.
    pub(crate) fn setting(&self, name: &str) -> &str {
        &self.settings[name]
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.settings.insert(name, value.to_owned());
    }

    pub(crate) fn data(&self) -> PathBuf {
        Path::new(&self.settings["STAMPEDE_DATA_DIR"]).to_owned()
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.as_ref().expect("the shop runs").http)
    }

    /// `host:port` of the shop.
    pub(crate) fn address(&self) -> String {
        self.url("").trim_start_matches("http://").to_owned()
    }

    /// `host:port` of the operators' port.
    pub(crate) fn ops_address(&self) -> String {
        self.running.as_ref().expect("the shop runs").ops[0].trim_start_matches("http://").to_owned()
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// The operators' port; `None` while it does not answer.
    pub(crate) async fn ops(&self, path: &str) -> Option<Response> {
        let url = format!("{}{path}", self.running.as_ref().expect("the shop runs").ops[0]);
        self.client.get(url).send().await.ok()
    }

    pub(crate) async fn ops_json(&self, path: &str) -> Value {
        json(self.ops(path).await.expect("the operators' port answers")).await
    }

    /// Buys, with a key of the caller's.
    pub(crate) async fn buy(&self, key: &str, user: &str, quantity: u32) -> reqwest::Result<Response> {
        let body = format!(r#"{{"userId":"{user}","quantity":{quantity}}}"#);
        let request = self.client.post(self.url("/api/tickets/buy")).header("content-type", "application/json");
        request.header("idempotency-key", key).body(body).send().await
    }

    /// The status of an order, `None` when nobody can tell at the moment.
    pub(crate) async fn status(&self, order: &str) -> Option<String> {
        let answer = self.get(&format!("/api/orders/{order}")).await;
        match answer.status() {
            StatusCode::OK => Some(json(answer).await["status"].as_str().unwrap().to_owned()),
            StatusCode::NOT_FOUND => Some("not found".to_owned()),
            _ => None,
        }
    }

    /// `(available, in flight, sold)` of the featured event.
    pub(crate) async fn numbers(&self) -> (u64, u64, u64) {
        let event = json(self.get("/api/v1/events/frequency-festival/availability").await).await;
        let numbers = &event["ticketTypes"][0];
        let number = |name: &str| numbers[name].as_u64().unwrap();
        (number("available"), number("inFlight"), number("sold"))
    }

    /// Waits until `(available, in flight, sold)` are shown, which lags a tenth of a second behind.
    pub(crate) async fn until_numbers(&self, numbers: (u64, u64, u64)) {
        self.until(&format!("{numbers:?} are shown"), async || self.numbers().await == numbers).await;
    }

    /// A metric's value, summed over the processes and the series whose labels contain `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &str) -> f64 {
        let mut sum = 0.0;
        for ops in &self.running.as_ref().expect("the shop runs").ops {
            let text = self.client.get(format!("{ops}/metrics")).send().await.unwrap().text().await.unwrap();
            let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
            sum += lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>();
        }
        sum
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        until(what, &mut so).await;
    }

    /// Waits until nothing is in flight and what is shown is what is stored.
    pub(crate) async fn until_quiet(&self) {
        self.until("nothing is in flight", async || {
            let (_, in_flight, _) = self.numbers().await;
            let waiting = &self.ops_json("/audit").await["waiting"];
            in_flight == 0 && (*waiting == 0 || waiting.is_null())
        })
        .await;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            for child in running.children() {
                child.kill().unwrap_or_default();
                child.wait().map(drop).unwrap_or_default();
            }
        }
    }
}

/// What a process says when it has begun.
struct Greeting(Lines<BufReader<ChildStdout>>);

impl Greeting {
    fn of(child: &mut Child) -> Self {
        Self(BufReader::new(child.stdout.take().unwrap()).lines())
    }

    fn address(&mut self, what: &str) -> String {
        let line = self.0.by_ref().map_while(Result::ok).find(|line| line.trim_start().starts_with(what));
        let line = line.unwrap_or_else(|| panic!("the shop did not greet with its {what}"));
        line.split_whitespace().nth(1).unwrap().to_owned()
    }

    /// Reads on to nowhere: what follows is short, but a process must not stop at a full pipe.
    fn leave(self) {
        std::thread::spawn(move || self.0.for_each(drop));
    }
}

/// Waits until something is so, or fails.
pub(crate) async fn until(what: &str, so: &mut impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !so().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) async fn json(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

/// A fresh idempotency key.
pub(crate) fn key() -> String {
    stampede_actors::chance::KeyMaker::new(std::sync::Arc::new(stampede_actors::clock::SystemClock)).fresh().to_string()
}
