//! What a note costs.

use super::{NotesKept, RedisLedger, options, own_prefix, server::Server};
use stampede_actors::ports::Ledger;
use stampede_domain::{
    Decided, Decision, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, Settlement,
    event::Terms,
    ledger::{NOTES_KEPT, Opening},
};

const POOL: PoolId = PoolId(5);
const MANY: u32 = 100_000;

pub(super) fn opening(epoch: u64, capacity: u32) -> Opening {
    Opening {
        epoch,
        numbers: PoolNumbers { capacity, held: 0, sold: 0, version: 1 },
        terms: Terms { opens_at: Millis(0), closes_at: Millis(1 << 46), paused: false, limit_per_buyer: None },
        buyers: vec![],
        undecided: vec![],
        virgin: true,
        drained: true,
        revision: 1,
    }
}

/// An id of the time to come, so that none counts as old: spread as random ones are.
pub(super) fn order(number: u32) -> OrderId {
    let random = u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834) >> 66;
    OrderId(uuid::Uuid::from_u128((4_000_000_000_000_u128 << 80) | 0x7000_8000_0000_0000_0000 | random))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_takes_less_than_60_bytes_and_goes_with_its_book() {
    let server = Server::start(&[]).await;
    let prefix = own_prefix();
    let ledger = RedisLedger::connect_keeping(options(&server.url(), &prefix), NotesKept::about(NOTES_KEPT), None);
    let ledger = ledger.await.unwrap();
    ledger.open(POOL, &opening(1, 10)).await.unwrap();
    ledger.snapshot().await.unwrap();
    let before = server.used_memory().await;
    for from in (0..MANY).step_by(5_000) {
        let decided = (from..from + 5_000).map(|number| Decided {
            order: order(number),
            fingerprint: Fingerprint(number.into()),
            decision: Decision::Confirmed,
        });
        let numbers = PoolNumbers { capacity: 10, held: 0, sold: 1, version: 2 };
        let settlement = Settlement { pool: POOL, numbers, decided: decided.collect(), buyers: vec![] };
        ledger.settle(&[settlement], None).await.unwrap();
    }
    let by_keys = server.memory_of_keys(":n:").await / u64::from(MANY);
    let by_server = server.used_memory().await.saturating_sub(before) / u64::from(MANY);
    println!("a note takes {by_keys} bytes by MEMORY USAGE, {by_server} by used_memory");
    assert!(by_keys < 60 && by_server < 60, "{by_keys} {by_server}");
    assert!(by_keys > 27, "a note cannot be smaller than what is in it: the measure is wrong");

    ledger.close(POOL, 2).await.unwrap();
    let mut looks = 0;
    while server.keys().await > 5 {
        looks += 1;
        assert!(looks < 200, "{} keys are left of a closed book", server.keys().await);
        ledger.snapshot().await.unwrap();
    }
}
