//! A process of the shop: it can be killed, asked to stop, frozen, continued and started again.

use super::{BINARY, PATIENCE, door::client};
use crate::support::until;
use reqwest::Client;
use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

/// How often a process is started that ends at once.
const STARTS: usize = 4;

/// The settings of a process.
pub(crate) type Settings = HashMap<&'static str, String>;

/// A process of the shop.
pub(crate) struct Node {
    pub(crate) name: String,
    settings: Settings,
    directory: PathBuf,
    running: Option<Child>,
    /// Of the operators' port.
    ops: String,
    client: Client,
}

impl Node {
    /// One that does not run yet.
    pub(crate) fn new(name: String, settings: Settings, home: &Path) -> Self {
        Self { name, settings, directory: home.join("nodes"), running: None, ops: String::new(), client: client() }
    }

    /// Starts it and waits for its greeting.
    pub(crate) async fn start(&mut self) {
        self.start_once().await.unwrap_or_else(|why| panic!("{why}"));
    }

    /// The same, and again when it ends at once because a server has no time for it: as whoever looks after processes would.
    pub(crate) async fn start_at_last(&mut self) {
        let mut ends = Vec::new();
        while let Err(why) = self.start_once().await {
            ends.push(why);
            assert!(
                ends.len() < STARTS
                    && self.log().trim_end().lines().last().is_some_and(|last| last.contains("unavailable")),
                "{ends:?}"
            );
        }
    }

    /// Once; how it ended when it did not greet.
    async fn start_once(&mut self) -> Result<(), String> {
        let (said, log) = (self.path("out"), self.path("log"));
        let log = File::options().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(BINARY);
        command.env_clear().envs(&self.settings).current_dir(&self.directory).stdin(Stdio::null());
        let child = command.stdout(File::create(&said).unwrap()).stderr(log).spawn().unwrap();
        let id = child.id();
        std::fs::write(self.path("pid"), format!("{id} {}\n", started_at(id))).unwrap();
        self.running = Some(child);
        let (mut greeting, mut ended) = (String::new(), None);
        until(&format!("{} greets", self.name), &mut async || {
            greeting = std::fs::read_to_string(&said).unwrap();
            ended = self.running.as_mut().unwrap().try_wait().unwrap();
            ended.is_some() || (greeting.contains("operators") && greeting.ends_with('\n'))
        })
        .await;
        if ended.is_some() {
            self.running = None;
            return Err(format!("{} ended with {ended:?}:\n{}", self.name, self.log()));
        }
        let line = greeting.lines().find(|line| line.trim_start().starts_with("operators")).unwrap();
        line.split_whitespace().nth(1).unwrap().clone_into(&mut self.ops);
        Ok(())
    }

    /// Waits until it can sell.
    pub(crate) async fn until_ready(&self) {
        until(&format!("{} is ready", self.name), &mut async || {
            let url = format!("{}/readyz", self.ops);
            self.client.get(url).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
    }

    /// Kills it where it stands.
    pub(crate) fn kill(&mut self) {
        let mut child = self.running.take().expect("the node runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to stop.
    pub(crate) async fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        let mut child = self.running.take().expect("the node runs");
        tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(move || child.wait().unwrap()))
            .await
            .expect("a node that is asked to stop ends")
            .unwrap()
    }

    /// The address of its operators' port, with http://.
    pub(crate) fn ops(&self) -> &str {
        &self.ops
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.running.as_ref().expect("the node runs").id()
    }

    /// `STOP` freezes it, `CONT` lets it go on.
    pub(crate) fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &id]).status().unwrap().success());
    }

    /// What it has logged in all its lives.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.directory.join(format!("{}.{kind}", self.name))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
        }
    }
}

/// In ticks since boot: with the process id it names a process for ever. Fields are counted after the name in brackets.
fn started_at(id: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().to_owned()
}
