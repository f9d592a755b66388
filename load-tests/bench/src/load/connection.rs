//! One keep-alive connection, and as little HTTP/1.1 as answers with a `Content-Length` need.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest head that a server under test may send.
const LONGEST_HEAD: usize = 16 * 1024;

/// A server closes a connection that has not asked for anything for 5 s, and one that no longer asks a little later.
const STALE_AFTER: Duration = Duration::from_secs(4);

/// A connection to a server under test.
pub(crate) struct Connection {
    stream: TcpStream,
    asked_at: Instant,
    read: Vec<u8>,
    body: std::ops::Range<usize>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, asked_at: Instant::now(), read: Vec::with_capacity(4096), body: 0..0 })
    }

    /// Sends a request and waits for its whole answer; the status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.send(request).await?;
        self.asked_at = Instant::now();
        self.read.clear();
        let head = loop {
            if let Some(end) = end_of_head(&self.read) {
                break end;
            }
            if self.read.len() > LONGEST_HEAD {
                return Err(strange("a head without an end"));
            }
            self.more().await?;
        };
        let (status, length) = parse(&self.read[..head])?;
        while self.read.len() < head + length {
            self.more().await?;
        }
        self.body = head..head + length;
        Ok(status)
    }

    /// Sends a request and reads nothing.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await
    }

    /// It has been idle for so long that the server may be closing it just now.
    pub(crate) fn is_stale(&self) -> bool {
        self.asked_at.elapsed() > STALE_AFTER
    }

    /// How long the last answer asked to be left in peace.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let seconds = header(&self.read[..self.body.start], b"retry-after:")?;
        Some(Duration::from_secs(seconds as u64))
    }

    /// The body of the last answer.
    pub(crate) fn body(&self) -> &[u8] {
        &self.read[self.body.clone()]
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.read).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
            _ => Ok(()),
        }
    }
}

/// Asks once on a fresh connection; status and body.
pub(crate) async fn get(to: SocketAddr, path: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut connection = Connection::open(to).await?;
    let status = connection.exchange(format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n\r\n").as_bytes()).await?;
    Ok((status, connection.body().to_vec()))
}

fn end_of_head(read: &[u8]) -> Option<usize> {
    read.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Status and length of the body; `HTTP/1.1 200 OK`, then lines of `name: value`.
fn parse(head: &[u8]) -> io::Result<(u16, usize)> {
    let status = head.get(9..12).and_then(number).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or_else(|| strange("an answer without a status"))?;
    match (header(head, b"content-length:"), status) {
        (Some(length), _) => Ok((status, length)),
        (None, 204 | 304) => Ok((status, 0)),
        _ => Err(strange("an answer without a length")),
    }
}

/// The number in a line of the head; its name in small letters, with the colon.
fn header(head: &[u8], name: &[u8]) -> Option<usize> {
    let mut lines = head.split(|byte| *byte == b'\n');
    let line = lines.find(|line| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name))?;
    number(&line[name.len()..])
}

fn number(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

fn strange(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_for_status_and_length() {
        let head = b"HTTP/1.1 409 Conflict\r\nContent-Length: 17\r\nx: y\r\n\r\n";
        assert_eq!(end_of_head(head), Some(head.len()));
        assert_eq!(parse(head).unwrap(), (409, 17));
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n").is_err());
        assert_eq!(header(b"HTTP/1.1 503 S\r\nretry-after: 2\r\n\r\n", b"retry-after:"), Some(2));
        assert_eq!(header(head, b"retry-after:"), None);
    }
}
