//! One keep-alive connection, and as little HTTP/1.1 as answers with a `Content-Length` need.

use std::{io, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Longest head that a server under test may send.
const LONGEST_HEAD: usize = 16 * 1024;

/// A connection to a server under test.
pub(crate) struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    body: std::ops::Range<usize>,
}

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::with_capacity(4096), body: 0..0 })
    }

    /// Sends a request and waits for its whole answer; the status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        self.send(request).await?;
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
    let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.trim().parse::<usize>().ok());
    let status = head.get(9..12).and_then(number).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or_else(|| strange("an answer without a status"))?;
    const LENGTH: &[u8] = b"content-length:";
    for line in head.split(|byte| *byte == b'\n') {
        if line.len() > LENGTH.len() && line[..LENGTH.len()].eq_ignore_ascii_case(LENGTH) {
            let length = number(&line[LENGTH.len()..]).ok_or_else(|| strange("a length that is no number"))?;
            return Ok((status, length));
        }
    }
    match status {
        204 | 304 => Ok((status, 0)),
        _ => Err(strange("an answer without a length")),
    }
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
    }
}
