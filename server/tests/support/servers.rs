//! A shop on Postgres, Redis and Pub/Sub for tests that do not care what their shop runs on: with
//! `STAMPEDE_TEST_MODE=distributed` each is a web node and a writer of their own, on the servers of `ops/servers/with`.

use std::{
    collections::HashMap,
    path::Path,
    process::{Command, Stdio},
};

/// Whether shops run on servers.
pub(crate) fn are_wanted() -> bool {
    variable("STAMPEDE_TEST_MODE").is_some_and(|mode| mode == "distributed")
}

/// The database URLs of the nodes of a shop.
pub(crate) struct Logins {
    pub(crate) writer: String,
    pub(crate) web: String,
}

/// An empty shop on the scratch servers: its settings, and its nodes' logins.
pub(crate) fn scratch(binary: &str) -> (HashMap<&'static str, String>, Logins) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ops/servers/scratch");
    let output = Command::new(script).arg(binary).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "run it by `ops/servers/with cargo test …`, which starts the servers");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut settings: HashMap<&'static str, String> = HashMap::new();
    for line in text.lines() {
        let (name, value) = line.split_once('=').unwrap();
        // A handful a test, for as long as the test runs.
        settings.insert(name.to_owned().leak(), value.to_owned());
    }
    let mut login = |name| settings.remove(name).unwrap();
    let (writer, web) = (login("STAMPEDE_WRITER_DATABASE_URL"), login("STAMPEDE_WEB_DATABASE_URL"));
    (settings, Logins { writer, web })
}

#[expect(clippy::disallowed_methods, reason = "the servers are told by the environment of the test run")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
