//! Requests and answers as bytes: as little HTTP/1.1 as the shop's client sends.

use std::collections::HashMap;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    net::TcpStream,
};

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Without the query.
    pub path: String,
    /// The query.
    pub query: HashMap<String, String>,
    /// By their names in small letters.
    pub headers: HashMap<String, String>,
    /// The body.
    pub form: HashMap<String, String>,
}

impl Request {
    pub(crate) fn opens_a_session(&self) -> bool {
        self.method == "POST" && self.path == "/v1/checkout/sessions"
    }

    pub(crate) fn ends_a_session(&self) -> bool {
        self.method == "POST" && self.path.ends_with("/expire")
    }
}

/// The next request of a connection; `None`: it has ended.
pub(crate) async fn read(connection: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let mut first = head.first()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<String, String> = head[1..].iter().filter_map(header).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    let pairs = |text: &[u8]| serde_urlencoded::from_bytes(text).unwrap();
    Some(Request { method, path: path.to_owned(), query: pairs(query.as_bytes()), headers, form: pairs(&body) })
}

/// An answer.
pub(crate) fn answer(status: u16, text: &str) -> Vec<u8> {
    let length = text.len();
    format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{text}")
        .into_bytes()
}
