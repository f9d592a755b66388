//! Postgres, Redis and the Pub/Sub server of one cluster, which can be killed without anybody else noticing.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// Where the scripts are that start servers.
pub(crate) const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/servers");
const CARETAKER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cluster/harness/caretaker");

/// A server, driven by its script.
#[derive(Clone)]
pub(crate) struct Server {
    name: &'static str,
    directory: PathBuf,
}

impl Server {
    pub(crate) fn new(name: &'static str, home: &Path) -> Self {
        Self { name, directory: home.join(name) }
    }

    /// `start`, `stop`, `kill`, `pause`, `continue` and what else the script knows; gives what it prints.
    pub(crate) async fn tell(&self, verb: &'static str, further: &[&str]) -> String {
        let mut command = Command::new(format!("{SCRIPTS}/{}", self.name));
        command.arg(verb).arg(&self.directory).args(further);
        said(run(command).await, &format!("{} {verb}", self.name))
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        std::fs::read_to_string(self.directory.join("url")).unwrap().trim().to_owned()
    }

    /// Its process, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.directory.join("pid")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Runs a program to its end beside the test.
pub(crate) async fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// What a program printed that must have succeeded.
pub(crate) fn said(output: Output, what: &str) -> String {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The directory of a cluster, with somebody who clears it up however the test ends: a test that panics drops it, and with
/// the test's process its end of the pipe is closed.
pub(crate) struct Home {
    pub(crate) directory: PathBuf,
    caretaker: Child,
}

impl Home {
    pub(crate) fn new() -> Self {
        use std::os::unix::process::CommandExt;
        let directory = tempfile::Builder::new().prefix("stampede-cluster.").tempdir().unwrap().keep();
        std::fs::create_dir(directory.join("nodes")).unwrap();
        let mut command = Command::new(CARETAKER);
        // Ctrl-C is for the test, which takes the caretaker's pipe with it.
        command.arg(SCRIPTS).arg(&directory).stdin(Stdio::piped()).process_group(0);
        let caretaker = command.spawn().unwrap();
        Self { directory, caretaker }
    }

    /// Logs outlive a test that fails.
    #[expect(clippy::print_stderr, reason = "who looks for the reason must find them")]
    fn keep_logs(&self) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.directory.file_name().unwrap());
        std::fs::create_dir_all(&kept).unwrap_or_default();
        let nodes = std::fs::read_dir(self.directory.join("nodes")).into_iter().flatten().flatten();
        for log in nodes.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "log")) {
            std::fs::copy(&log, kept.join(log.file_name().unwrap())).map(drop).unwrap_or_default();
        }
        for name in ["nginx", "postgres", "redis", "pubsub"] {
            let log = self.directory.join(name).join("log");
            std::fs::copy(log, kept.join(format!("{name}.log"))).map(drop).unwrap_or_default();
        }
        eprintln!("the logs are kept in {}", kept.display());
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.keep_logs();
        }
        drop(self.caretaker.stdin.take());
        self.caretaker.wait().map(drop).unwrap_or_default();
    }
}
