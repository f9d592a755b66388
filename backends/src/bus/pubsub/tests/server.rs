//! A server of one's own, to be made to misbehave and to be killed.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};
use tempfile::TempDir;

pub(super) struct Server {
    directory: TempDir,
    pub(super) url: String,
}

impl Server {
    pub(super) fn start() -> Self {
        let directory = TempDir::new().unwrap();
        // The script wants to make it itself.
        let place = directory.path().join("pubsub");
        script("start", &place);
        let url = std::fs::read_to_string(place.join("url")).unwrap().trim().to_owned();
        Self { directory, url }
    }

    fn tell(&self, verb: &str) {
        script(verb, &self.directory.path().join("pubsub"));
    }

    /// As a power cut would.
    pub(super) fn kill(&self) {
        self.tell("kill");
    }

    /// With what was on the disk, at the same address.
    pub(super) fn start_again(&self) {
        self.tell("start");
    }

    /// How it misbehaves from now on; `{}` is the honest server.
    pub(super) fn faults(&self, knobs: &str) {
        request(&self.url, "PUT", "/faults", knobs);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.tell("stop");
    }
}

#[expect(clippy::disallowed_methods, reason = "tests are told by the environment where the scripts are")]
fn script(verb: &str, place: &Path) {
    let scripts = std::env::var("STAMPEDE_TEST_SERVERS").unwrap_or_else(|_| {
        panic!("STAMPEDE_TEST_SERVERS is not set: run it by `ops/servers/with cargo test …`, which starts the servers")
    });
    let done = Command::new(Path::new(&scripts).join("pubsub")).arg(verb).arg(place).output().unwrap();
    assert!(done.status.success(), "{verb}: {}", String::from_utf8_lossy(&done.stderr));
}

/// One request, and the answer's body if the server liked it.
pub(super) fn request(url: &str, method: &str, path: &str, body: &str) -> String {
    let host = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
    answer
}
