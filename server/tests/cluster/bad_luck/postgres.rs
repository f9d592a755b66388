//! Postgres goes away, is full, or takes no writes.

use super::Struck;
use crate::{
    harness::{Cluster, record::Record},
    support::until,
};
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
    let sessions = sessions(shop).await;
    shop.grounds.postgres.tell("stop", &[]).await;
    shop.grounds.postgres.tell("start", &[]).await;
    ended(sessions)
}

pub(super) async fn stopped(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.postgres.tell("stop", &[]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.postgres.tell("start", &[]).await;
    Struck::over()
}

pub(super) async fn killed(shop: &mut Cluster, _: &Record) -> Struck {
    let sessions = sessions(shop).await;
    shop.grounds.postgres.tell("kill", &[]).await;
    shop.grounds.postgres.tell("start", &[]).await;
    ended(sessions)
}

/// The shop's sessions, none of which outlives its server. That Postgres is back in half a second may well go unnoticed: a pool
/// waits for a connection for longer.
async fn sessions(shop: &Cluster) -> u64 {
    let count = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'stampede%'";
    shop.grounds.sql(&[count]).await.trim().parse().unwrap()
}

fn ended(sessions: u64) -> Struck {
    Struck::seen((sessions > 0).then(|| format!("{sessions} sessions of the shop ended with it")))
}

/// Its answers fail to come: of no commit under way is it known what became of it.
pub(super) async fn frozen(shop: &mut Cluster, _: &Record) -> Struck {
    shop.grounds.postgres.tell("pause", &[]).await;
    tokio::time::sleep(LASTS).await;
    shop.grounds.postgres.tell("continue", &[]).await;
    Struck::over()
}

/// Somebody takes every connection, also those that the shop had.
pub(super) async fn out_of_connections(shop: &mut Cluster, _: &Record) -> Struck {
    let grounds = &shop.grounds;
    let greedy = Arc::new(AtomicBool::new(true));
    // The shop's connections are ended in a session that is there before the places are gone. Some come back before somebody
    // else has them, and are ended again.
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stampede%'";
    let wait = format!("SELECT pg_sleep({})", LASTS.as_secs_f64() / 5.0);
    let mut session = vec!["CREATE TABLE session_begun ()"];
    session.extend([&wait, end].repeat(5));
    let ending = async {
        let ended = grounds.sql(&session).await;
        greedy.store(false, Ordering::Relaxed);
        ended.split_whitespace().filter_map(|count| count.parse::<u64>().ok()).sum::<u64>()
    };
    let hoarding = async {
        until("the session has begun", &mut async || {
            !grounds.sql(&["SELECT to_regclass('session_begun')"]).await.is_empty()
        })
        .await;
        let (url, greedy) = (grounds.postgres.url(), Arc::clone(&greedy));
        tokio::task::spawn_blocking(move || hoard(&url, &greedy)).await.unwrap();
    };
    let (ended, ()) = tokio::join!(ending, hoarding);
    assert!(ended > 0, "too little: the shop had no connection to lose");
    Struck::over()
}

/// Takes whatever connection is to be had, and gives them back when it is not greedy any more: at the latest after a minute,
/// should nobody be left to say so.
fn hoard(url: &str, greedy: &AtomicBool) {
    let address = url.rsplit('@').next().unwrap().split('/').next().unwrap();
    let mut taken: Vec<TcpStream> = Vec::new();
    for _ in 0..3_000 {
        if !greedy.load(Ordering::Relaxed) {
            return;
        }
        // Those that were refused are closed by the server: asked for again.
        taken.retain(is_open);
        let wanted = ALL - taken.len();
        taken.extend((0..wanted).filter_map(|_| knock(address).ok()));
        #[expect(clippy::disallowed_methods, reason = "this thread does nothing else")]
        std::thread::sleep(Duration::from_millis(20));
    }
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
