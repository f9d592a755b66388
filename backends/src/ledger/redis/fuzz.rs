//! For the fuzz targets: every answer of the scripts, read as the ledger reads it.

use super::{
    book::{read_broken, read_claims, read_orders, read_picked, read_promises},
    clock::LedgerClock,
    limits::read_taken,
    view::{read_found, read_peek, read_reports},
};
use stampede_actors::{clock::Clock, ports::PortFailure};
use stampede_domain::PoolId;
use tokio::time::Instant;

/// Reads an answer as that of every script in turn; how many things each found in it. `share` is what a batch asked for.
#[must_use]
pub fn redis_answers(share: usize, answer: &[u8]) -> Vec<Result<usize, PortFailure>> {
    let clock = |now| {
        let clock = LedgerClock::new();
        clock.set(now, Instant::now());
        clock.now();
    };
    vec![
        read_claims(share, answer).map(|claims| claims.len()),
        read_promises(answer).map(|promises| promises.len()),
        read_broken(answer).map(|broken| {
            let mut sum = broken;
            sum += broken;
            1
        }),
        read_picked(answer).map(|(_, picked)| picked.len()),
        read_orders(answer).map(|orders| orders.len()),
        read_taken(answer).map(|_| 1),
        read_found(answer).map(|(_, known)| usize::from(known.is_some())),
        read_reports(answer).map(|told| {
            clock(told.now);
            told.writers.len()
        }),
        read_peek(PoolId(1), answer).map(|(now, open)| {
            clock(now);
            let free = open.as_ref().map(|(open, _)| open.numbers.free());
            usize::from(free.is_some())
        }),
    ]
}
