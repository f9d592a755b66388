//! What servers do to a ledger: they die, come back empty or with an old copy, freeze, run out of memory, forget scripts.

use super::{
    RedisLedger, at_test_server,
    memory::{opening, order},
    options, own_prefix,
    server::Server,
};
use crate::ledger::redis::OpenRedisError;
use stampede_actors::ports::{ClaimOf, Ledger, PortFailure, PortResult, PromiseOf};
use stampede_domain::{
    BuyerId, Contact, Decided, Decision, Fingerprint, Intent, Millis, OrderId, PoolId, PoolNumbers, Settlement,
    WriterReport,
    ledger::{ClaimAnswer, ClaimRequest, NOTES_KEPT, Opening, PromiseAnswer},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

const POOL: PoolId = PoolId(5);
const SOON: Duration = Duration::from_secs(15);

fn claim(order: OrderId) -> ClaimOf {
    let (buyer, fingerprint) = (BuyerId(-1), Fingerprint(i64::MIN));
    ClaimOf { pool: POOL, request: ClaimRequest { order, quantity: 1, buyer, fingerprint, looked_up: None } }
}

fn promise(order: OrderId) -> PromiseOf {
    PromiseOf { pool: POOL, order, fingerprint: Fingerprint(i64::MIN) }
}

fn settlement(version: u64, orders: &[OrderId]) -> Settlement {
    let decided =
        |order: &OrderId| Decided { order: *order, fingerprint: Fingerprint(i64::MIN), decision: Decision::Confirmed };
    let numbers = PoolNumbers { capacity: 1_000_000, held: 0, sold: 1, version };
    Settlement { pool: POOL, numbers, decided: orders.iter().map(decided).collect(), buyers: vec![] }
}

async fn claimed<L: Ledger>(ledger: &L, number: u32) -> PortResult<Option<ClaimAnswer>> {
    Ok(ledger.claim(&[claim(order(number))]).await?[0])
}

/// Asks until the server is back.
async fn once_back(ledger: &RedisLedger, number: u32) -> Option<ClaimAnswer> {
    let until = Instant::now() + SOON;
    loop {
        match claimed(ledger, number).await {
            Ok(answer) => return answer,
            Err(failure) => assert!(Instant::now() < until, "still lost: {failure}"),
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn opened(server: &Server) -> RedisLedger {
    let ledger = RedisLedger::connect(options(&server.url(), "shop")).await.unwrap();
    ledger.open(POOL, &opening(1, 1_000_000)).await.unwrap();
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_died_and_came_back_empty_has_lost_the_book_until_it_is_opened_anew() {
    let mut server = Server::start(&[]).await;
    let ledger = opened(&server).await;
    claimed(&ledger, 1).await.unwrap().unwrap();
    server.kill();
    let until = Instant::now() + SOON;
    while !matches!(claimed(&ledger, 2).await, Err(PortFailure::Unavailable(_))) {
        assert!(Instant::now() < until, "a dead server is not noticed");
    }
    server.start_again().await;
    assert_eq!(once_back(&ledger, 1).await, None);
    assert_eq!(ledger.find(order(1)).await.unwrap(), None);
    assert!(ledger.snapshot().await.unwrap().pools.is_empty());
    ledger.open(POOL, &opening(2, 10)).await.unwrap();
    assert!(matches!(claimed(&ledger, 1).await.unwrap(), Some(ClaimAnswer::Claimed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_came_back_with_an_older_copy_is_lost_too_and_leaves_nothing_behind() {
    let mut server = Server::start(&[]).await;
    let ledger = opened(&server).await;
    claimed(&ledger, 1).await.unwrap().unwrap();
    ledger.settle(&[settlement(2, &[order(9)])], None).await.unwrap();
    let _: String = server.run(&["SAVE"]).await.unwrap();
    assert!(server.dump().exists());
    claimed(&ledger, 2).await.unwrap().unwrap();
    server.kill();
    server.start_again().await;
    assert_eq!(once_back(&ledger, 2).await, None);
    assert!(server.keys().await > 3, "the copy was loaded");
    assert_eq!(ledger.promise(&[promise(order(1))]).await.unwrap(), [PromiseAnswer::Refused]);
    assert_eq!(ledger.find(order(77)).await.unwrap(), None, "it may have known");
    ledger.open(POOL, &opening(1, 10)).await.unwrap();
    assert!(ledger.snapshot().await.unwrap().pools.is_empty(), "that opening is of the life before");
    ledger.open(POOL, &opening(2, 10)).await.unwrap();
    assert_eq!(ledger.snapshot().await.unwrap().pools[0].numbers.free(), 10);
    let until = Instant::now() + SOON;
    while server.keys().await > 4 {
        ledger.snapshot().await.unwrap();
        assert!(Instant::now() < until, "{} keys of the lost book are left", server.keys().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_emptied_or_forgot_its_scripts_goes_on() {
    let server = Server::start(&[]).await;
    let ledger = opened(&server).await;
    claimed(&ledger, 1).await.unwrap().unwrap();
    let _: String = server.run(&["SCRIPT", "FLUSH"]).await.unwrap();
    assert_eq!(claimed(&ledger, 1).await.unwrap(), Some(ClaimAnswer::Resumed));
    let _: String = server.run(&["FLUSHALL"]).await.unwrap();
    assert_eq!(claimed(&ledger, 1).await.unwrap(), None);
    ledger.open(POOL, &opening(2, 10)).await.unwrap();
    assert!(matches!(claimed(&ledger, 1).await.unwrap(), Some(ClaimAnswer::Claimed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_costs_one_response_timeout_then_nothing_and_is_back_when_it_thaws() {
    let server = Server::start(&[]).await;
    let ledger = opened(&server).await;
    server.signal("STOP");
    let frozen = Instant::now();
    let first = claimed(&ledger, 1).await;
    assert!(matches!(first, Err(PortFailure::Unknown(_))), "{first:?}: it was sent");
    assert!(frozen.elapsed() < Duration::from_millis(1_500), "{:?}", frozen.elapsed());
    let begun = Instant::now();
    for number in 0..100 {
        let next = claimed(&ledger, number).await;
        assert!(matches!(next, Err(PortFailure::Unavailable(_))), "{next:?}: it was not sent");
    }
    assert!(begun.elapsed() < Duration::from_millis(100), "{:?} for 100 calls", begun.elapsed());
    tokio::time::sleep_until(frozen + Duration::from_secs(3)).await;
    server.signal("CONT");
    let thawed = Instant::now();
    // What was sent before is done now: the same key resumes it.
    assert_eq!(once_back(&ledger, 1).await, Some(ClaimAnswer::Resumed));
    assert!(thawed.elapsed() < Duration::from_secs(1), "{:?}; 200 ms on a quiet machine", thawed.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_memory_no_claim_is_made_but_what_is_under_way_is_promised_and_settled() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]).await;
    let ledger = opened(&server).await;
    let orders: Vec<_> = (0..200).map(order).collect();
    let claims: Vec<_> = orders.iter().map(|order| claim(*order)).collect();
    ledger.claim(&claims).await.unwrap();
    let before = ledger.snapshot().await.unwrap().pools[0];
    let _: String = server.run(&["CONFIG", "SET", "maxmemory", "1mb"]).await.unwrap();
    let refused = claimed(&ledger, 777).await;
    assert!(matches!(refused, Err(PortFailure::Unavailable(_))), "{refused:?}");
    let refused = ledger.open(PoolId(6), &opening(1, 9)).await;
    assert!(matches!(refused, Err(PortFailure::Unavailable(_))), "{refused:?}");
    assert_eq!(ledger.snapshot().await.unwrap().pools, [before], "nothing was half applied");
    let promises: Vec<_> = orders.iter().map(|order| promise(*order)).collect();
    assert!(ledger.promise(&promises).await.unwrap().iter().all(|answer| *answer == PromiseAnswer::Promised));
    ledger.settle(&[settlement(2, &orders)], Some(WriterReport::default())).await.unwrap();
    let after = ledger.snapshot().await.unwrap().pools[0].numbers;
    assert_eq!((after.claimed, after.promised, after.claims), (0, 0, 0));
    let _: String = server.run(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    assert_eq!(claimed(&ledger, 3).await.unwrap(), Some(ClaimAnswer::Decided(Decision::Confirmed)));
    assert!(matches!(claimed(&ledger, 777).await.unwrap(), Some(ClaimAnswer::Claimed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_takes_nothing_and_is_left_when_it_is_a_primary_again() {
    let server = Server::start(&[]).await;
    let ledger = opened(&server).await;
    let _: String = server.run(&["REPLICAOF", "127.0.0.1", "1"]).await.unwrap();
    for _ in 0..2 {
        assert!(matches!(claimed(&ledger, 1).await, Err(PortFailure::Unavailable(_))));
    }
    let _: String = server.run(&["REPLICAOF", "NO", "ONE"]).await.unwrap();
    assert!(matches!(once_back(&ledger, 1).await, Some(ClaimAnswer::Claimed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_at_one_process_is_told_to_the_other_at_once() {
    let prefix = own_prefix();
    let (here, there) =
        tokio::join!(at_test_server(&prefix, NOTES_KEPT, None), at_test_server(&prefix, NOTES_KEPT, None));
    // Listening has begun when the first news are in.
    timeout(SOON, there.changed()).await.unwrap();
    here.open(POOL, &opening(1, 1)).await.unwrap();
    timeout(SOON, there.changed()).await.unwrap();
    assert!(timeout(Duration::from_millis(200), there.changed()).await.is_err(), "nothing else has changed");
    let told = Instant::now();
    let ((), answer) = tokio::join!(there.changed(), claimed(&here, 1));
    assert!(matches!(answer.unwrap(), Some(ClaimAnswer::Claimed { .. })), "the last unit");
    assert!(told.elapsed() < Duration::from_millis(100), "{:?}", told.elapsed());
    assert_eq!(there.snapshot().await.unwrap().pools[0].numbers.free(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_claim_at_once_and_never_more_than_there_is() {
    let prefix = own_prefix();
    let (here, there) =
        tokio::join!(at_test_server(&prefix, NOTES_KEPT, None), at_test_server(&prefix, NOTES_KEPT, None));
    let both = [Arc::new(here), Arc::new(there)];
    both[0].open(POOL, &opening(1, 500)).await.unwrap();
    let crowd = (0..40).map(|number| {
        let ledger = Arc::clone(&both[number as usize % 2]);
        tokio::spawn(async move {
            let claims: Vec<_> = (0..20).map(|each| claim(order(number * 20 + each))).collect();
            let answers = ledger.claim(&claims).await.unwrap();
            answers.iter().filter(|answer| matches!(answer, Some(ClaimAnswer::Claimed { .. }))).count()
        })
    });
    let mut served = 0;
    for batch in crowd.collect::<Vec<_>>() {
        served += batch.await.unwrap();
    }
    assert_eq!(served, 500);
    assert_eq!(both[1].snapshot().await.unwrap().pools[0].numbers.claimed, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_opening_is_seen_whole_or_not_at_all_and_holds_nobody_up() {
    let prefix = own_prefix();
    let ledger = Arc::new(at_test_server(&prefix, NOTES_KEPT, None).await);
    ledger.open(PoolId(9), &opening(1, 10)).await.unwrap();
    let intent = |number: u32| Intent {
        order: order(number),
        pool: POOL,
        quantity: 1,
        buyer: BuyerId(number.into()),
        fingerprint: Fingerprint(1),
        asked_at: Millis(0),
        contact: Contact::default(),
        trace: None,
    };
    let mut large = Opening { undecided: (0..20_000).map(intent).collect(), ..opening(1, 1_000_000) };
    large.terms.limit_per_buyer = Some(4);
    large.buyers = (0..100_000).map(|buyer| (BuyerId(buyer), 3)).collect();
    let opener = Arc::clone(&ledger);
    let opened = tokio::spawn(async move { opener.open(POOL, &large).await });
    let mut looks = 0;
    while !opened.is_finished() {
        let snapshot = ledger.snapshot().await.unwrap();
        let seen = snapshot.pools.iter().find(|open| open.pool == POOL).map(|open| open.numbers);
        assert!(seen.is_none_or(|seen| (seen.claims, seen.promised) == (20_000, 20_000)), "{seen:?}");
        looks += 1;
    }
    opened.await.unwrap().unwrap();
    assert!(looks > 3, "the server answered others meanwhile");
    let mut over = claim(order(90_000));
    over.request.buyer = BuyerId(5);
    let refused = stampede_domain::OrderRefused::LimitReached { limit: 4, taken: 4 };
    assert_eq!(ledger.claim(&[over]).await.unwrap(), [Some(ClaimAnswer::Refused(refused))]);
    let older = ledger.claims_older_than(POOL, Duration::ZERO, 15_000).await.unwrap();
    assert_eq!(older.len(), 15_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_all_processes_are_added_up_and_who_falls_silent_drops_out() {
    let prefix = own_prefix();
    let clock = crate::ledger::contract::HandClock::default();
    let join = |process| {
        let options = super::RedisOptions { process, ..options(&super::test_server(), &prefix) };
        RedisLedger::connect_keeping(options, super::NotesKept::about(64), Some(clock.shared()))
    };
    let (here, there) = (join(1).await.unwrap(), join(2).await.unwrap());
    let report = |depth, oldest| WriterReport { depth, high_water: 10, oldest, per_second: 5 };
    here.settle(&[], Some(report(3, Some(Millis(40))))).await.unwrap();
    there.settle(&[], Some(report(4, Some(Millis(30))))).await.unwrap();
    let all = WriterReport { depth: 7, high_water: 20, oldest: Some(Millis(30)), per_second: 10 };
    assert_eq!(here.snapshot().await.unwrap().report, all);
    clock.turn(Duration::from_secs(9));
    assert_eq!(here.snapshot().await.unwrap().report, all, "when all are silent their last word stays");
    here.settle(&[], Some(report(1, None))).await.unwrap();
    assert_eq!(there.snapshot().await.unwrap().report, report(1, None));
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_refused_with_a_sentence_and_no_password() {
    let refused = async |url: &str| {
        let mut options = options(url, "shop");
        options.connect_patience = Duration::from_millis(300);
        RedisLedger::connect(options).await.err().unwrap()
    };
    let server = Server::start(&["--requirepass", "s3cret"]).await;
    let with_password = |password: &str| server.url().replace("//", &format!("//:{password}@"));
    for url in [with_password("wrong-secret"), server.url()] {
        let begun = Instant::now();
        let error = refused(&url).await;
        assert!(matches!(error, OpenRedisError::WrongPassword), "{error}");
        assert!(begun.elapsed() < Duration::from_millis(300), "at once");
    }
    let error = refused("redis://127.0.0.1:1").await;
    assert!(matches!(error, OpenRedisError::Unreachable { .. }), "{error}");
    let error = refused("http://user:wrong-secret@host").await;
    assert!(matches!(error, OpenRedisError::BadUrl(_)), "{error}");
    assert!(!error.to_string().contains("secret"));
    let evicting = Server::start(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let error = refused(&evicting.url()).await;
    assert!(error.to_string().contains("allkeys-lru"), "{error}");
}

#[tokio::test]
async fn the_clock_of_the_ledger_is_the_servers() {
    let ledger = at_test_server(&own_prefix(), NOTES_KEPT, None).await;
    let now = ledger.snapshot().await.unwrap().now;
    let apart = ledger.clock().now().0 - now.0;
    assert!((0..1_000).contains(&apart), "{apart} ms");
}
