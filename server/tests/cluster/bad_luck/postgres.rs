//! Postgres goes away, is full, or takes no writes.

use super::Struck;
use crate::harness::{Cluster, record::Record};
use std::{
    io::{self, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(10);
/// Connections that Postgres takes here (`ops/servers/postgres`), and more.
const ALL: usize = 210;

pub(super) async fn restarted(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.postgres.tell("stop", &[]).await;
    shop.grounds.postgres.tell("start", &[]).await;
    Struck::over()
}

pub(super) async fn stopped(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.postgres.tell("stop", &[]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.postgres.tell("start", &[]).await;
    Struck::over()
}

/// Somebody takes every connection, also those that the shop had.
pub(super) async fn out_of_connections(shop: &mut Cluster, _: &Record) -> Struck {
    let url = shop.grounds.postgres.url();
    let address = url.rsplit('@').next().unwrap().split('/').next().unwrap().to_owned();
    let greedy = Arc::new(AtomicBool::new(true));
    let stop = Arc::clone(&greedy);
    let hoard = tokio::task::spawn_blocking(move || {
        let mut taken: Vec<TcpStream> = Vec::new();
        while stop.load(Ordering::Relaxed) {
            // Those that were refused are closed by the server: asked for again.
            taken.retain(is_open);
            let wanted = ALL - taken.len();
            taken.extend((0..wanted).filter_map(|_| knock(&address).ok()));
            #[expect(clippy::disallowed_methods, reason = "this thread does nothing else")]
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    // In a session that is there before. Some of the shop's come back before their places are taken: ended again.
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stampede%'";
    let wait = format!("SELECT pg_sleep({})", LASTS.as_secs_f64() / 5.0);
    let ended = shop.grounds.sql(&[end, &wait].repeat(5)).await;
    assert!(!ended.starts_with('0'), "the shop had no connection to lose");
    greedy.store(false, Ordering::Relaxed);
    hoard.await.unwrap();
    Struck::over()
}

/// Asks for a session and then says nothing: the server keeps a place for it.
fn knock(address: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    let hello = b"\x00\x03\x00\x00user\0nobody\0\0";
    let length = u32::try_from(hello.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[&length[..], hello].concat())?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Refused ones have an `E` (and soon their end) to read; the others are asked for a password, which is an `R`.
fn is_open(stream: &TcpStream) -> bool {
    let mut first = [0];
    match stream.peek(&mut first) {
        Ok(read) => read == 1 && first[0] == b'R',
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

pub(super) async fn read_only(shop: &mut Cluster, _: &Record) -> Struck {
    let reload = "SELECT pg_reload_conf()";
    shop.grounds.sql(&["ALTER SYSTEM SET default_transaction_read_only = on", reload]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.sql(&["ALTER SYSTEM RESET default_transaction_read_only", reload]).await;
    Struck::over()
}
