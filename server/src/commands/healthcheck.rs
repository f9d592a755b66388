//! `stampede healthcheck`

use super::say;
use crate::config::Config;
use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

/// How long each step may take. `/readyz` itself gives up after a second, and who asks (Docker) does after five.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is read of an answer at most; that of `/readyz` is a head and a few words.
const LONGEST: u64 = 4096;

/// Asks the shop that runs beside it with the same settings whether it can sell: exit 0 when it can, 1 when not. For images
/// without a shell, where nothing else could ask.
pub(crate) fn healthcheck(config: &Config) -> ExitCode {
    let address = within_reach(config.ops_addr);
    match ask(address, PATIENCE).as_deref().map(understand) {
        Ok(Some((200, _))) => {
            say(format_args!("{address} is ready"));
            ExitCode::SUCCESS
        }
        Ok(Some((status, why))) => not_ready(address, format_args!("{status}, {why}")),
        Ok(None) => not_ready(address, format_args!("what answers there is no shop")),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            not_ready(address, format_args!("no answer within {PATIENCE:?}"))
        }
        Err(error) => not_ready(address, format_args!("{error}")),
    }
}

fn not_ready(address: SocketAddr, why: std::fmt::Arguments<'_>) -> ExitCode {
    say(format_args!("{address} is not ready: {why}"));
    // Docker knows 0 and 1 only.
    ExitCode::from(1)
}

/// Where to knock: who listens everywhere is found at home.
fn within_reach(listens: SocketAddr) -> SocketAddr {
    let home = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(home, listens.port())
}

/// One request by hand: an HTTP client would start a runtime and read certificates, every few seconds, for one line.
fn ask(address: SocketAddr, patience: Duration) -> io::Result<String> {
    let mut shop = TcpStream::connect_timeout(&address, patience)?;
    shop.set_read_timeout(Some(patience))?;
    shop.set_write_timeout(Some(patience))?;
    write!(shop, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    shop.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}

/// The status and the body.
pub(crate) fn understand(answer: &str) -> Option<(u16, &str)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn who_listens_everywhere_is_asked_at_home() {
        for (listens, asked) in
            [("0.0.0.0:9464", "127.0.0.1:9464"), ("[::]:9464", "[::1]:9464"), ("10.0.0.7:9464", "10.0.0.7:9464")]
        {
            assert_eq!(within_reach(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[test]
    fn a_shop_says_why_it_is_not_ready() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shop = std::thread::spawn(move || {
            let (mut visitor, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                visitor.read_exact(&mut byte).unwrap();
                asked.extend(byte);
            }
            write!(visitor, "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 13\r\n\r\nclosing down\n").unwrap();
            String::from_utf8(asked).unwrap()
        });
        let answer = ask(address, PATIENCE).unwrap();
        assert_eq!(understand(&answer), Some((503, "closing down")));
        assert!(shop.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
    }

    #[test]
    fn a_shop_that_says_nothing_is_not_waited_for() {
        // The kernel takes the connection; nobody ever answers.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let silence = ask(listener.local_addr().unwrap(), Duration::from_millis(20));
        assert!(silence.is_err());
    }

    #[test]
    fn what_is_no_http_is_no_shop() {
        assert_eq!(understand("SSH-2.0-OpenSSH_9.2\r\n"), None);
        assert_eq!(understand(""), None);
    }
}
