use crate::{
    PostgresCatalogue, PostgresOrderStore,
    order_store::{
        contract,
        rig::{self, NOW, assert_sound, day, entry, fair, id, night},
    },
    postgres::{
        Database,
        proxy::{Proxy, Wire},
        scratch::{Rig, Scratch},
    },
};
use stampede_actors::ports::{Catalogue, Entry, OrderStore, PortFailure};
use stampede_domain::{
    Decision, Fingerprint,
    decide::Want,
    laws::{Law, check_store},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

contract::order_store_contract!(Rig::default());
contract::hold_store_contract!(Rig::default());
contract::outbox_contract!(Rig::default());

/// What is not there cannot be asked: no statement of it looks at mails.
#[tokio::test]
async fn an_order_without_an_address_runs_no_statement_for_mails() {
    let scratch = Scratch::new().await;
    let (_database, store) = shop(&scratch, [10, 10], [Some(5), None]).await;
    scratch.execute("DROP TABLE mails, addresses").await;
    assert_eq!(store.decide(NOW, &[entry(1, 1), entry(2, 1)]).await.unwrap()[0].fresh.len(), 2);
    assert!(store.decide(NOW, &[rig::mailed(3)]).await.is_err(), "and the proof would notice");
    assert_eq!(store.find(id(3)).await, Ok(None), "no order without the mail that it owes");
}

/// Longer than any bound that a test asserts; for what must come, but need not be quick.
const LONG: Duration = Duration::from_secs(60);

async fn shop(scratch: &Scratch, capacities: [u32; 2], limits: [Option<u32>; 2]) -> (Database, PostgresOrderStore) {
    let database = scratch.open().await;
    PostgresCatalogue::new(&database).apply(&fair(capacities, limits)).await.unwrap();
    let store = PostgresOrderStore::new(&database);
    (database, store)
}

fn by_night(mut entry: Entry) -> Entry {
    entry.intent.pool = night();
    entry.intent.fingerprint = Fingerprint(-entry.intent.fingerprint.0 - 1);
    entry
}

fn expiring(epoch: u64, entry: Entry) -> Entry {
    Entry { want: Want::Expire { epoch }, ..entry }
}

async fn rows_are_sound(store: &PostgresOrderStore) {
    for audit in store.audit().await.unwrap() {
        assert_eq!(check_store(audit.pool, &audit.sums), [], "{audit:?}");
    }
}

/// Decides two batches at once, and tells how often each id was decided anew.
async fn at_once(
    one: &PostgresOrderStore,
    left: Vec<Entry>,
    other: &PostgresOrderStore,
    right: Vec<Entry>,
) -> Vec<Decision> {
    let (one, other) = (one.clone(), other.clone());
    let left = tokio::spawn(async move { one.decide(NOW, &left).await.unwrap() });
    let right = tokio::spawn(async move { other.decide(NOW, &right).await.unwrap() });
    let judgements = [left.await.unwrap(), right.await.unwrap()].concat();
    judgements.iter().flat_map(|judgement| judgement.fresh.iter().map(|(_, _, decision)| *decision)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_with_the_same_ids_decide_each_once_in_whatever_order_and_pool() {
    let scratch = Scratch::new().await;
    let (_one, first) = shop(&scratch, [100_000, 100_000], [Some(100_000), None]).await;
    let (_other, second) = shop(&scratch, [100_000, 100_000], [Some(100_000), None]).await;
    for round in 0..60_u32 {
        let numbers = round * 20..round * 20 + 20;
        let left: Vec<_> = numbers.clone().map(|number| entry(number, 1)).collect();
        // The same ids: the other way round, partly for the other pool, partly by a reaper.
        let right: Vec<_> = numbers
            .rev()
            .map(|number| match number % 3 {
                0 => entry(number, 1),
                1 => by_night(entry(number, 2)),
                _ => expiring(0, entry(number, 1)),
            })
            .collect();
        assert_eq!(at_once(&first, left, &second, right).await.len(), 20, "round {round}");
    }
    rows_are_sound(&first).await;
    assert_eq!(first.rows_after(None, 10_000).await.unwrap().len(), 1200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_for_two_pools_at_once_is_decided_by_the_first_insert() {
    let scratch = Scratch::new().await;
    let (_one, first) = shop(&scratch, [100_000, 100_000], [None; 2]).await;
    let (_other, second) = shop(&scratch, [100_000, 100_000], [None; 2]).await;
    for round in 0..100_u32 {
        let numbers = round * 10..round * 10 + 10;
        let left = numbers.clone().map(|number| entry(number, 1)).collect();
        let right = numbers.map(|number| by_night(entry(number, 3))).collect();
        assert_eq!(at_once(&first, left, &second, right).await.len(), 10, "round {round}");
    }
    rows_are_sound(&first).await;
}

/// Another writer has inserted an id for another pool and not committed yet: the judge waits, finds fewer rows than it meant,
/// and judges again with the other's decision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_id_was_decided_meanwhile_is_judged_again() {
    let scratch = Scratch::new().await;
    let (_database, store) = shop(&scratch, [10, 10], [None; 2]).await;
    let mut other = scratch.by_hand().await;
    let insert = format!(
        "BEGIN; INSERT INTO orders VALUES ('{}', {}, 2, 0, 77, 4, 1, 1, 1, 2, NULL);
         UPDATE pools SET sold = 2, version = 2 WHERE id = {1}",
        id(2).0,
        night().0
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut other).await.unwrap();
    let deciding = {
        let store = store.clone();
        tokio::spawn(async move { store.decide(NOW, &[entry(1, 1), entry(2, 1), entry(3, 1)]).await.unwrap() })
    };
    // It waits for the other's transaction, and for nothing else.
    let waiting = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                   AND wait_event = 'transactionid')";
    let mut by_hand = scratch.by_hand().await;
    timeout(LONG, async {
        while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut by_hand).await.unwrap() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let judgement = deciding.await.unwrap().remove(0);
    assert_eq!((judgement.fresh.len(), judgement.settlement.numbers.sold), (2, 2));
    let second = judgement.settlement.decided.iter().find(|decided| decided.order == id(2)).unwrap();
    assert_eq!((second.fingerprint, second.decision), (Fingerprint(77), Decision::Confirmed));
    rows_are_sound(&store).await;
}

#[tokio::test]
async fn a_repetition_that_could_not_be_stored_anew_is_still_a_repetition() {
    let scratch = Scratch::new().await;
    let (_database, store) = shop(&scratch, [10, 10], [None; 2]).await;
    store.decide(NOW, &[entry(1, 1)]).await.unwrap();
    let judgement = store.decide(NOW, &[entry(1, 0)]).await.unwrap().remove(0);
    assert_eq!((judgement.settlement.decided.len(), judgement.fresh.len()), (1, 0));
    let fenced = store.decide(NOW, &[expiring(7, entry(1, 1)), expiring(7, entry(2, 1))]).await.unwrap().remove(0);
    assert_eq!(fenced.settlement.decided[0].decision, Decision::Confirmed, "known, although its offer is fenced");
}

async fn behind_a_proxy(scratch: &Scratch) -> (PostgresOrderStore, Proxy) {
    let (mut options, proxy) = scratch.behind_a_proxy().await;
    options.statement_timeout = Duration::from_millis(500);
    options.lock_timeout = Duration::from_millis(500);
    let database = Database::connect(&options).await.unwrap();
    PostgresCatalogue::new(&database).apply(&fair([10, 10], [None; 2])).await.unwrap();
    (PostgresOrderStore::new(&database), proxy)
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_unknown_and_the_redelivery_finds_the_row() {
    let scratch = Scratch::new().await;
    let (store, proxy) = behind_a_proxy(&scratch).await;
    store.decide(NOW, &[entry(1, 1)]).await.unwrap();
    proxy.set(Wire::CutAfterCommit);
    let lost = store.decide(NOW, &[entry(2, 2)]).await;
    assert!(matches!(lost, Err(PortFailure::Unknown(_))), "{lost:?}");
    proxy.set(Wire::Sound);
    let found = store.decide(NOW, &[entry(2, 2)]).await.unwrap().remove(0);
    assert_eq!((found.settlement.decided[0].decision, found.fresh.len()), (Decision::Confirmed, 0));
    assert_eq!(found.settlement.numbers.sold, 3);
    rows_are_sound(&store).await;
}

#[tokio::test]
async fn a_server_that_is_gone_or_silent_is_unavailable_in_bounded_time_and_welcome_when_it_is_back() {
    let scratch = Scratch::new().await;
    let (store, proxy) = behind_a_proxy(&scratch).await;
    for (round, wire) in (10..).zip([Wire::Cut, Wire::BlackHole, Wire::Cut]) {
        // Connections lie in the pools, and go stale there.
        store.decide(NOW, &[entry(round * 2, 1)]).await.unwrap();
        store.find(id(1)).await.unwrap();
        proxy.set(wire);
        let deciding = timeout(Duration::from_secs(20), store.decide(NOW, &[entry(round * 2 + 1, 1)])).await.unwrap();
        assert!(matches!(deciding, Err(PortFailure::Unavailable(_))), "{wire:?}: {deciding:?}");
        let reading = timeout(Duration::from_secs(20), store.find(id(1))).await.unwrap();
        assert!(matches!(reading, Err(PortFailure::Unavailable(_))), "{wire:?}: {reading:?}");
        let pool = timeout(Duration::from_secs(20), store.settlements(&[id(1)])).await.unwrap();
        assert!(matches!(pool, Err(PortFailure::Unavailable(_))), "{wire:?}: {pool:?}");
        proxy.set(Wire::Sound);
    }
    store.decide(NOW, &[entry(99, 1)]).await.unwrap();
    rows_are_sound(&store).await;
}

/// A wire that dies in silence is found by waiting in vain, and once: not once for every connection that died with it.
#[tokio::test]
async fn wires_that_died_in_silence_are_waited_for_once() {
    let scratch = Scratch::new().await;
    let mut options = scratch.options();
    (options.statement_timeout, options.lock_timeout) = (Duration::from_secs(1), Duration::from_secs(1));
    let place = |url: &str| url.rsplit('@').next().unwrap().split('/').next().unwrap().to_owned();
    let wire = stampede_proxy::Proxy::before(place(&options.url).parse().unwrap(), 1).await.unwrap();
    options.url = options.url.replace(&place(&options.url), &wire.address().to_string());
    let database = Database::connect(&options).await.unwrap();
    PostgresCatalogue::new(&database).apply(&fair([100, 100], [None; 2])).await.unwrap();
    let store = PostgresOrderStore::new(&database);
    // As many at a time as there are connections: all lie in the pool afterwards.
    let mut together = tokio::task::JoinSet::new();
    for number in 0..4 {
        let store = PostgresOrderStore::new(&database);
        together.spawn(async move { store.decide(NOW, &[entry(number, 1)]).await.map(drop) });
    }
    assert!(together.join_all().await.into_iter().all(|decided| decided.is_ok()));
    let open = wire.counts().open;
    assert!(open >= 2, "{open} connections");

    assert_eq!(wire.end_all(stampede_proxy::End::Unheard), open);
    let began = tokio::time::Instant::now();
    for number in 10..14 {
        store.decide(NOW, &[entry(number, 1)]).await.unwrap();
    }
    let took = began.elapsed();
    assert!(took < 2 * (options.statement_timeout + Duration::from_secs(1)), "{took:?}");
    rows_are_sound(&store).await;
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced_before_anybody_notices() {
    let scratch = Scratch::new().await;
    let (_database, store) = shop(&scratch, [10, 10], [None; 2]).await;
    for round in 0..5 {
        store.decide(NOW, &[entry(round, 1)]).await.unwrap();
        store.find(id(1)).await.unwrap();
        scratch
            .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .await;
    }
    assert_eq!(store.pool(day()).await.unwrap().1.sold, 5);
}

#[tokio::test]
async fn a_read_only_server_is_unavailable_and_still_read() {
    let scratch = Scratch::new().await;
    let (database, store) = shop(&scratch, [10, 10], [None; 2]).await;
    store.decide(NOW, &[entry(1, 1)]).await.unwrap();
    database.close().await;
    scratch.execute(&format!("ALTER DATABASE \"{}\" SET default_transaction_read_only = on", scratch.name())).await;
    let store = PostgresOrderStore::new(&scratch.open().await);
    let failure = store.decide(NOW, &[entry(2, 1)]).await;
    assert!(matches!(&failure, Err(PortFailure::Unavailable(why)) if why.contains("25006")), "{failure:?}");
    assert!(matches!(store.open_pool(day(), 0).await, Err(PortFailure::Unavailable(_))));
    assert_eq!(store.pool(day()).await.unwrap().1.sold, 1);
}

#[tokio::test]
async fn a_lock_that_is_not_had_in_time_is_unavailable_and_readers_never_wait() {
    let scratch = Scratch::new().await;
    let (_database, store) = shop(&scratch, [10, 10], [None; 2]).await;
    let mut other = scratch.by_hand().await;
    sqlx::raw_sql("BEGIN; UPDATE pools SET version = version + 1").execute(&mut other).await.unwrap();
    let mut options = scratch.options();
    options.lock_timeout = Duration::from_millis(100);
    let hurried = PostgresOrderStore::new(&Database::connect(&options).await.unwrap());
    for _ in 0..10 {
        let failure = hurried.decide(NOW, &[entry(1, 1)]).await;
        assert!(matches!(&failure, Err(PortFailure::Unavailable(why)) if why.contains("55P03")), "{failure:?}");
    }
    assert!(hurried.pool(day()).await.is_ok());
    let patient = tokio::spawn(async move { store.decide(NOW, &[entry(1, 1)]).await });
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(patient.await.unwrap().unwrap()[0].fresh.len(), 1);
}

#[tokio::test]
async fn the_table_itself_refuses_to_oversell() {
    let scratch = Scratch::new().await;
    let (_database, _store) = shop(&scratch, [10, 10], [None; 2]).await;
    let mut by_hand = scratch.by_hand().await;
    let oversell = sqlx::raw_sql("UPDATE pools SET sold = capacity + 1").execute(&mut by_hand).await.unwrap_err();
    assert_eq!(crate::postgres::code_of(&oversell).as_deref(), Some("23514"));
}

#[tokio::test]
async fn the_audit_notices_whatever_is_done_to_the_rows() {
    let scratch = Scratch::new().await;
    let (_database, store) = shop(&scratch, [10, 10], [Some(3), None]).await;
    let entries: Vec<_> = (0..6).map(|number| entry(number, 1)).collect();
    store.decide(rig::NOW, &entries).await.unwrap();
    rows_are_sound(&store).await;
    let one = "WHERE id = (SELECT id FROM orders ORDER BY id LIMIT 1)";
    let sabotage = [
        (Law::NeverOversold, format!("UPDATE orders SET quantity = 50 {one}")),
        (Law::NeverOversold, format!("DELETE FROM orders {one}")),
        (Law::NeverOversold, "UPDATE pools SET sold = 5 WHERE sold = 6".into()),
        (Law::NeverOversold, "UPDATE pools SET capacity = 5 WHERE sold = 6".into()),
        (Law::NeverOversold, format!("UPDATE orders SET pool = 1 {one}")),
        (Law::KeyIsOrder, format!("UPDATE orders SET id = 'c0ffee00-0000-4000-8000-000000000000' {one}")),
        (Law::OneFate, format!("INSERT INTO orders SELECT * FROM orders {one}")),
        (Law::OneFate, format!("UPDATE orders SET status = 44 {one}")),
        (Law::OneFate, format!("UPDATE orders SET status = 7 {one}")),
        (Law::OneFate, format!("UPDATE orders SET decision = 0 {one}")),
        (Law::OneFate, format!("UPDATE orders SET quantity = 0 {one}")),
        (Law::OneFate, format!("UPDATE orders SET quantity = -1 {one}")),
        (Law::OneFate, format!("UPDATE orders SET asked_at = 0 {one}")),
        (Law::OneFate, format!("UPDATE orders SET decided_at = -1 {one}")),
        (Law::OneFate, format!("UPDATE orders SET contact = '{{' {one}")),
        (Law::OneFate, format!("UPDATE orders SET fingerprint = NULL {one}")),
        (Law::OneFate, "UPDATE pools SET held = -1 WHERE sold = 6".into()),
        (Law::OneFate, format!("UPDATE orders SET version = 99 {one}")),
        (Law::LimitsHold, format!("UPDATE orders SET quantity = 4 {one}")),
        (Law::LimitsHold, "UPDATE buyer_units SET units = 2 WHERE buyer = 0".into()),
        (Law::LimitsHold, "DELETE FROM buyer_units WHERE buyer = 0".into()),
        (Law::LimitsHold, "INSERT INTO buyer_units SELECT pool, 999, 1, 1 FROM buyer_units LIMIT 1".into()),
        (Law::OneFate, format!("UPDATE orders SET status = 2 {one}")),
        (Law::OneFate, format!("UPDATE orders SET status = 6 {one}")),
        (Law::OneFate, format!("UPDATE orders SET decision = 6, status = 1 {one}")),
        (Law::HoldsAreFair, "UPDATE pools SET held = 1 WHERE sold = 6".into()),
        (Law::HoldsAreFair, format!("UPDATE orders SET status = 1 {one}")),
    ];
    // Without a single constraint, as on the day on which one was wrong.
    let keep = "CREATE TABLE o AS SELECT * FROM orders; CREATE TABLE p AS SELECT * FROM pools; CREATE TABLE u AS SELECT * FROM buyer_units;";
    let afresh = "DROP TABLE orders, pools, buyer_units; CREATE TABLE orders AS SELECT * FROM o;
        CREATE TABLE pools AS SELECT * FROM p; CREATE TABLE buyer_units AS SELECT * FROM u;";
    scratch.execute(keep).await;
    for (law, sql) in sabotage {
        scratch.execute(&format!("{afresh} {sql}")).await;
        // Another connection: plans do not survive their tables.
        let audits = PostgresOrderStore::new(&scratch.open().await).audit().await.unwrap();
        let found: Vec<_> = audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums)).collect();
        assert!(found.iter().any(|breach| breach.law == law), "{law} was not noticed after: {sql}\n{found:?}");
    }
    scratch.execute(afresh).await;
    rows_are_sound(&PostgresOrderStore::new(&scratch.open().await)).await;
}

#[tokio::test]
async fn the_audit_notices_whatever_is_done_to_holds_and_payments() {
    let rig = Rig::default();
    let shop = rig::StoreRig::open(&rig).await;
    shop.catalogue.apply(&rig::paid_fair([10, 10], [Some(3), None])).await.unwrap();
    contract::holds::lived(&shop).await;
    let scratch = rig.scratch().await;
    let tables = ["orders", "pools", "buyer_units", "holds", "payments"];
    let keep = tables.map(|table| format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}"));
    scratch.execute(&keep.join("; ")).await;
    let afresh = tables.map(|table| format!("DROP TABLE {table}; CREATE TABLE {table} AS SELECT * FROM kept_{table};"));
    for (law, sql) in contract::holds::SABOTAGE {
        scratch.execute(&format!("{} {sql}", afresh.concat())).await;
        let audits = PostgresOrderStore::new(&scratch.open().await).audit().await.unwrap();
        let found: Vec<_> = audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums)).collect();
        assert!(found.iter().any(|breach| breach.law == law), "{law} was not noticed after: {sql}\n{found:?}");
    }
}

#[tokio::test]
async fn a_closed_database_says_so() {
    let rig = Rig::default();
    let (database, store) = shop(rig.scratch().await, [10, 10], [None; 2]).await;
    database.close().await;
    database.close().await;
    assert!(matches!(store.decide(NOW, &[entry(9, 1)]).await, Err(PortFailure::Unavailable(_))));
    assert!(matches!(store.find(id(9)).await, Err(PortFailure::Unavailable(_))));
    let shop = rig::StoreRig::open(&rig).await;
    let _: &Arc<dyn OrderStore> = &shop.store;
    assert_sound(&shop).await;
}
