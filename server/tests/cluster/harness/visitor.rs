//! Somebody at the shop's door, with one connection and no browser: as little HTTP/1.1 as the shop's answers need, so that
//! thousands of them leave the machine to the shop.

use serde_json::Value;
use std::{io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Answers from another door after which a visitor tries the usual one again.
const AWAY_AT_MOST: u32 = 3;
/// Longest head of an answer.
const LONGEST_HEAD: usize = 16 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

/// A visitor.
pub(crate) struct Visitor {
    doors: Vec<SocketAddr>,
    home: usize,
    at: usize,
    /// Answers got away from home.
    away: u32,
    connection: Option<TcpStream>,
    read: Vec<u8>,
    patience: Duration,
}

impl Visitor {
    /// One who tries these doors, beginning with the `first`, goes to the next when one does not answer, and comes back to the
    /// first one after a while: else all would be at one door for good once the other one was closed.
    pub(crate) fn new(doors: &[SocketAddr], first: usize) -> Self {
        let (doors, home) = (doors.to_vec(), first % doors.len());
        Self { doors, home, at: home, away: 0, connection: None, read: Vec::new(), patience: PATIENCE }
    }

    /// Asks for an order; `None`: perhaps it was heard, and nobody knows what became of it.
    pub(crate) async fn buy(&mut self, key: &str, user: &str, quantity: u32) -> Option<Answer> {
        let body = format!(r#"{{"userId":"{user}","quantity":{quantity}}}"#);
        let length = body.len();
        let request = format!(
            "POST /api/tickets/buy HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        self.ask(&request).await
    }

    /// Looks.
    pub(crate) async fn get(&mut self, path: &str) -> Option<Answer> {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: shop\r\n\r\n")).await
    }

    /// Sends something of a kind, such as `application/json`.
    pub(crate) async fn post(&mut self, path: &str, kind: &str, further: &str, body: &str) -> Option<Answer> {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: {kind}\r\n{further}");
        self.ask(&format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
    }

    async fn ask(&mut self, request: &str) -> Option<Answer> {
        if self.away >= AWAY_AT_MOST {
            (self.connection, self.at, self.away) = (None, self.home, 0);
        }
        match timeout(self.patience, self.exchange(request)).await {
            Ok(Ok(answer)) => {
                self.away += u32::from(self.at != self.home);
                Some(answer)
            }
            Ok(Err(_)) | Err(_) => {
                self.connection = None;
                self.at = (self.at + 1) % self.doors.len();
                None
            }
        }
    }

    async fn exchange(&mut self, request: &str) -> io::Result<Answer> {
        if self.connection.is_none() {
            let stream = TcpStream::connect(self.doors[self.at]).await?;
            stream.set_nodelay(true)?;
            self.connection = Some(stream);
        }
        let stream = self.connection.as_mut().expect("it was opened when there was none");
        stream.write_all(request.as_bytes()).await?;
        self.read.clear();
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.read.len() > LONGEST_HEAD {
                return Err(strange("a head without an end"));
            }
            more(stream, &mut self.read).await?;
        };
        let head = Head::of(&self.read[..end])?;
        while self.read.len() < end + head.length {
            more(stream, &mut self.read).await?;
        }
        let body = serde_json::from_slice(&self.read[end..end + head.length]).unwrap_or(Value::Null);
        if head.closes {
            self.connection = None;
        }
        Ok(Answer { status: head.status, retry_after: head.retry_after, replayed: head.replayed, body })
    }
}

async fn more(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<()> {
    match stream.read_buf(read).await? {
        0 => Err(strange("the connection was closed")),
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Head {
    status: u16,
    length: usize,
    retry_after: Option<u64>,
    replayed: bool,
    closes: bool,
}

impl Head {
    fn of(bytes: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|_| strange("a head that is no text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)).and_then(|status| status.parse().ok());
        let mut head = Self { status: status.ok_or_else(|| strange("an answer without a status"))?, ..Self::default() };
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            let (name, value) = (name.to_ascii_lowercase(), value.trim());
            match name.as_str() {
                "content-length" => head.length = value.parse().map_err(|_| strange("a length that is no number"))?,
                "retry-after" => head.retry_after = value.parse().ok(),
                "idempotent-replayed" => head.replayed = value == "true",
                "connection" => head.closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Ok(head)
    }
}

fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
