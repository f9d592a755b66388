//! The contract, a comparison with the pure book, and what happens when a server does what servers do.

mod compared;
mod faults;
mod limits;
mod memory;
mod server;

use super::{NotesKept, RedisLedger, RedisOptions};
use crate::ledger::contract::{self, HandClock};
use stampede_actors::clock::SharedClock;
use stampede_domain::ledger::NOTES_KEPT;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

contract::ledger_contract!(|clock: HandClock| async move {
    at_test_server(&own_prefix(), NOTES_KEPT, Some(clock.shared())).await
});

/// The scratch server's URL.
#[expect(clippy::disallowed_methods, reason = "tests are told of their servers by the environment")]
fn test_server() -> String {
    std::env::var("STAMPEDE_TEST_REDIS_URL").expect(
        "STAMPEDE_TEST_REDIS_URL is missing: run it by `ops/servers/with cargo test …`, which starts the servers",
    )
}

/// A prefix that no other test, and no earlier run, has used.
fn own_prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let id = tempfile::Builder::new().prefix("t").tempfile().unwrap();
    let name = id.path().file_name().unwrap().to_string_lossy().into_owned();
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn options(url: &str, prefix: &str) -> RedisOptions {
    RedisOptions {
        url: url.to_owned(),
        prefix: prefix.to_owned(),
        response_timeout: Duration::from_millis(500),
        connect_patience: Duration::from_secs(10),
        process: 7,
    }
}

async fn at_test_server(prefix: &str, notes: usize, given: Option<SharedClock>) -> RedisLedger {
    // The machine of a test may be busy with all the others: its servers are given more time to answer than buyers would.
    let options = RedisOptions { response_timeout: Duration::from_secs(20), ..options(&test_server(), prefix) };
    RedisLedger::connect_keeping(options, NotesKept::about(notes), given).await.unwrap()
}
