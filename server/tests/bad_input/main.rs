//! Bad input on the real binary, byte by byte: each mistake gets its own 4xx with a sentence that helps. Never a 5xx, never
//! a hang; afterwards the shop sells as before and every law holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bodies;
mod forms;
mod requests;
#[path = "../support/mod.rs"]
mod support;

use serde_json::Value;
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use support::{Shop, key};

/// Longer than the shop's own patience with a slow body, so that waiting longer is a hang.
const PATIENCE: Duration = Duration::from_secs(20);
const BUY: &str = "/api/tickets/buy";
const FORM: &str = "/en/events/frequency-festival/orders";
const JSON: &str = "application/json";
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// A shop that is asked in bytes.
struct Victim {
    shop: Shop,
    address: String,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Victim {
    async fn open() -> Self {
        let mut shop = Shop::closed(&[("STAMPEDE_DEMO_CAPACITY", "1000"), ("STAMPEDE_DEMO_LIMIT_PER_BUYER", "6")]);
        shop.start().await;
        let address = shop.address();
        Self { shop, address }
    }

    /// Sends these bytes and reads until the shop closes.
    fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The shop may have heard enough before everything is sent.
        stream.write_all(bytes).unwrap_or_default();
        Answer::read(stream)
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        if !body.is_empty() {
            request += &format!("content-length: {}\r\n", body.len());
        }
        let mut bytes = request.into_bytes();
        for (name, value) in headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        self.raw(&bytes)
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        self.ask("POST", path, &[("content-type", kind.as_bytes())], body)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    /// Nothing failed, nothing was restarted; a ticket is sold as if nothing had happened, and every law holds.
    async fn stands(self) {
        assert_eq!(self.shop.metric("stampede_http_requests_total", "status=\"5").await, 0.0);
        let actors = self.shop.ops_json("/actors").await;
        assert!(actors.as_array().unwrap().iter().all(|actor| actor["restarts"] == 0), "{actors}");
        let answer = self.shop.buy(&key(), "eva", 1).await.unwrap();
        assert_eq!(answer.status().as_u16(), 202);
        self.shop.until_quiet().await;
        self.shop.audit();
    }
}

impl Answer {
    fn read(mut stream: TcpStream) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is how the kernel drops what we sent and nobody read.
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert!(error.kind() == std::io::ErrorKind::ConnectionReset, "{error}");
        }
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.filter(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// The problem, which must be one by RFC 9457 with words for people.
    fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status, "{problem}");
        for field in ["type", "title", "detail", "code", "requestId", "serverTime"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {problem}");
        }
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.ends_with('.') && detail.len() < 500, "no sentence: {detail}");
        for internal in ["struct", "u32", "serde", "BuyRequest", "Error"] {
            assert!(!detail.contains(internal), "{internal} in: {detail}");
        }
        problem
    }

    /// The page's words for people, which must be there.
    fn page(&self) -> &str {
        assert_eq!(self.header("content-type"), Some("text/html; charset=utf-8"), "{self:?}");
        assert!(self.header("content-security-policy").is_some_and(|policy| policy.contains("default-src 'none'")));
        assert!(self.body.contains("</h1>") && self.body.contains("<main"), "{}", self.body);
        &self.body
    }
}
