//! A real shop for tests: the built binary in a directory of its own, on ports of its own, stopped when the test ends.

#![expect(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses its part, and a test stops where it cannot go on"
)]

pub(crate) mod crowd;
pub(crate) mod faulty;

use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
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
    running: Option<Running>,
    pub(crate) client: Client,
}

struct Running {
    child: Child,
    http: String,
    ops: String,
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
        all.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let client = Client::builder().timeout(PATIENCE).build().unwrap();
        Self { directory, settings: all, running: None, client }
    }

    /// Starts the process and waits until it can sell.
    pub(crate) async fn start(&mut self) {
        let child = self.command(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
        self.greeted(child).await;
    }

    /// The same, in a shell that has run `first`.
    pub(crate) async fn start_where(&mut self, first: &str) {
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("{first} && exec {BINARY} serve")]).env_clear().envs(&self.settings);
        let child = shell.current_dir(self.directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        self.greeted(child).await;
    }

    async fn greeted(&mut self, mut child: Child) {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |what: &str| {
            let line = lines.by_ref().map_while(Result::ok).find(|line| line.trim_start().starts_with(what));
            let line = line.unwrap_or_else(|| panic!("the shop did not greet with its {what}"));
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let (http, ops) = (address("shop"), address("operators"));
        // Nobody reads the rest, and it is short.
        std::thread::spawn(move || lines.for_each(drop));
        self.running = Some(Running { child, http, ops });
        self.until("the shop is ready", async || {
            self.ops("/readyz").await.is_some_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Kills the process where it stands.
    pub(crate) fn kill(&mut self) {
        let mut running = self.running.take().expect("the shop runs");
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    /// Asks the process to stop, and waits for it.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("the shop runs");
        let id = running.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        running.child.wait().unwrap()
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

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// The operators' port; `None` while it does not answer.
    pub(crate) async fn ops(&self, path: &str) -> Option<Response> {
        let url = format!("{}{path}", self.running.as_ref().expect("the shop runs").ops);
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

    /// A metric's value, summed over the series whose labels contain `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.ops("/metrics").await.unwrap().text().await.unwrap();
        let lines = text.lines().filter(|line| line.starts_with(name) && line.contains(labels));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        until(what, &mut so).await;
    }

    /// Waits until nothing is in flight and what is shown is what is stored.
    pub(crate) async fn until_quiet(&self) {
        self.until("nothing is in flight", async || {
            let (_, in_flight, _) = self.numbers().await;
            in_flight == 0 && self.ops_json("/audit").await["waiting"] == 0
        })
        .await;
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().unwrap_or_default();
            running.child.wait().map(drop).unwrap_or_default();
        }
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
