//! Requests byte by byte, and answers as they came.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::Duration,
};

/// Longer than the shop's own patience, so that waiting longer is a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The first answer in these bytes; `None` when there is none, or it is no HTTP/1.
    pub(crate) fn first(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut words = head.split(' ');
        let is_http = words.next()?.starts_with("HTTP/1.");
        let status = words.next()?.parse().ok().filter(|_| is_http)?;
        Some(Self { status, head: head.to_owned(), body: body.to_owned() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends these bytes and reads what comes until the shop closes.
pub(crate) fn send(address: &str, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, false)
}

/// The same, and says that nothing more will come.
pub(crate) fn send_all(address: &str, bytes: &[u8]) -> Vec<u8> {
    exchange(address, bytes, true)
}

fn exchange(address: &str, bytes: &[u8], is_all: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // The shop may have heard enough before everything is sent.
    stream.write_all(bytes).unwrap_or_default();
    if is_all {
        stream.shutdown(Shutdown::Write).unwrap_or_default();
    }
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return answer,
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            // How the kernel drops what we sent and nobody read.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return answer,
            Err(error) => {
                panic!("the shop hangs ({error}) after {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(300)]))
            }
        }
    }
}

/// One request with a body or none, and its answer.
pub(crate) fn ask(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    if !body.is_empty() {
        request += &format!("content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    request += body;
    let bytes = send(address, request.as_bytes());
    Answer::first(&bytes).unwrap_or_else(|| panic!("no answer to {request:?}: {:?}", String::from_utf8_lossy(&bytes)))
}
