use super::*;
use crate::bus::contract::{self, BusRig};
use bytes::Bytes;
use sqlx::Connection;
use stampede_actors::clock::SystemClock;
use tempfile::TempDir;

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    async fn bus(&self) -> SqliteBus {
        SqliteBus::open(self.0.path(), Arc::new(SystemClock), QueueOptions::default()).await.unwrap()
    }

    /// As if by hand, with the sqlite3 shell.
    async fn by_hand(&self, sql: &'static str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.0.path().join(FILE));
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        // Who changes a file by hand says so, or it counts as damaged.
        let _ = std::fs::remove_file(self.0.path().join("queue.db-sums"));
    }
}

impl BusRig for Directory {
    async fn open(&self, lease: Duration, window: usize) -> Arc<dyn Bus> {
        let options = QueueOptions { lease, window };
        Arc::new(SqliteBus::open(self.0.path(), Arc::new(SystemClock), options).await.unwrap())
    }
}

contract::bus_contract!(Directory::new());

fn numbered(count: u8) -> Vec<Outgoing> {
    (0..count).map(|number| Outgoing { payload: Bytes::from(vec![number]), label: None }).collect()
}

fn first_bytes(deliveries: &[Delivery]) -> Vec<u8> {
    deliveries.iter().map(|delivery| delivery.payload[0]).collect()
}

#[tokio::test]
async fn messages_come_in_the_order_of_their_batches_also_after_a_lease_and_a_crash() {
    let directory = Directory::new();
    let lease = Duration::from_millis(30);
    let bus = directory.open(lease, 1000).await;
    bus.publish(numbered(100)).await;
    for attempt in 1..=3 {
        let pulled = bus.pull(100).await.unwrap();
        assert_eq!(first_bytes(&pulled), (0..100).collect::<Vec<_>>());
        assert!(pulled.iter().all(|delivery| delivery.attempt == attempt));
        tokio::time::sleep(lease).await;
    }
    drop(bus);
    let bus = directory.open(lease, 1000).await;
    assert_eq!(first_bytes(&bus.pull(100).await.unwrap()), (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_backlog_larger_than_memory_keeps_its_order() {
    let directory = Directory::new();
    let bus = directory.open(Duration::from_secs(600), 64).await;
    for _ in 0..20 {
        bus.publish(numbered(250)).await;
    }
    for _ in 0..20 {
        let mut numbers = Vec::new();
        while numbers.len() < 250 {
            let pulled = bus.pull(250 - numbers.len()).await.unwrap();
            numbers.extend(first_bytes(&pulled));
        }
        assert_eq!(numbers, (0..250).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn the_next_publish_carries_the_acknowledgements_with_it() {
    let directory = Directory::new();
    let bus = directory.bus().await;
    bus.publish(numbered(50)).await;
    let pulled = bus.pull(50).await.unwrap();
    bus.acknowledge(&pulled[..10].iter().map(|delivery| delivery.id).collect::<Vec<_>>()).await.unwrap();
    bus.publish(numbered(1)).await;
    drop(bus);
    let again = directory.bus().await.pull(100).await.unwrap();
    assert_eq!(first_bytes(&again), (10..50).chain([0]).collect::<Vec<_>>());
}

#[tokio::test]
async fn records_damaged_by_hand_come_as_bytes_and_the_rest_flows() {
    let directory = Directory::new();
    let bus = directory.bus().await;
    bus.publish(numbered(6)).await;
    bus.close().await;
    directory
        .by_hand(
            "UPDATE messages SET payload = x'fffe00' WHERE seq = 1;
             UPDATE messages SET payload = NULL WHERE seq = 2;
             UPDATE messages SET payload = 12.5, published_at = 'yesterday' WHERE seq = 3;
             UPDATE messages SET payload = 'text', attempts = 'often' WHERE seq = 4;
             UPDATE messages SET attempts = -7 WHERE seq = 5;",
        )
        .await;
    let bus = directory.bus().await;
    let pulled = bus.pull(10).await.unwrap();
    let payloads: Vec<_> = pulled.iter().map(|delivery| delivery.payload.as_ref()).collect();
    assert_eq!(payloads, [&b"\xff\xfe\0"[..], b"", b"12.5", b"text", &[4], &[5]]);
    let letters: Vec<_> = pulled[..4].iter().map(|delivery| (delivery.id, "undecodable".to_owned())).collect();
    bus.set_aside(&letters).await.unwrap();
    assert_eq!(bus.dead_letters(10).await.unwrap().len(), 4);
    assert_eq!(bus.unconsumed().await.unwrap().unwrap().len(), 2);
}

#[tokio::test]
async fn a_dead_letter_damaged_by_hand_does_not_hide_the_others() {
    let directory = Directory::new();
    let bus = directory.bus().await;
    bus.publish(numbered(2)).await;
    let pulled = bus.pull(10).await.unwrap();
    let letters: Vec<_> = pulled.iter().map(|delivery| (delivery.id, "undecodable".to_owned())).collect();
    bus.set_aside(&letters).await.unwrap();
    bus.close().await;
    directory
        .by_hand(
            "UPDATE dead_letters SET payload = 12.5, label = 7, reason = x'fffe', attempts = 'often', dead_since = 'then',
                 set_aside_by = x'ff', last_word = x'ff' WHERE seq = 1",
        )
        .await;
    let bus = directory.bus().await;
    let letters = bus.dead_letters(10).await.unwrap();
    let told: Vec<_> = letters.iter().map(|letter| (letter.payload.as_ref(), letter.reason.as_str())).collect();
    assert_eq!(told, [(&[1][..], "undecodable"), (&b"12.5"[..], "\u{fffd}\u{fffd}")]);
    assert!(bus.dead_letter(letters[1].id).await.unwrap().is_some());
}

/// As the version before labels left it.
#[tokio::test]
async fn a_queue_from_before_labels_is_read_on() {
    let directory = Directory::new();
    let all = sqlx::migrate!("../migrations/sqlite/queue");
    let first = sqlx::migrate::Migrator::with_migrations(all.iter().take(1).cloned().collect());
    drop(SqliteFile::open(directory.0.path().join(FILE), &first, SIZES).await.unwrap());
    directory
        .by_hand(
            "INSERT INTO messages (seq, published_at, payload) VALUES (7, 1, 'waits');
             INSERT INTO dead_letters (seq, payload, reason, attempts, dead_since) VALUES (5, 'dead', 'no pool', 3, 2);",
        )
        .await;
    let bus = directory.bus().await;
    let waiting = bus.unconsumed().await.unwrap().unwrap();
    assert_eq!(waiting, [Outgoing { payload: Bytes::from_static(b"waits"), label: None }]);
    let dead = bus.dead_letters(10).await.unwrap().remove(0);
    assert_eq!((dead.id, dead.payload.as_ref(), dead.label, dead.attempts), (DeliveryId(5), &b"dead"[..], None, 3));
    assert_eq!((dead.set_aside_by.as_str(), dead.replayed_at, dead.ended_at), ("", None, None));
    bus.replay(&[dead.id], "after the upgrade").await.unwrap();
    let mut pulled = bus.pull(1).await.unwrap();
    while pulled.len() < 2 {
        pulled.extend(bus.pull(1).await.unwrap());
    }
    assert_eq!(pulled.iter().map(|delivery| delivery.payload.as_ref()).collect::<Vec<_>>(), [&b"waits"[..], b"dead"]);
}

/// `stampede dead-letters replay` beside a running shop: only the shop can number messages.
#[tokio::test]
async fn a_replay_by_another_process_comes_to_the_one_that_takes_messages_and_only_once() {
    let directory = Directory::new();
    let shop = directory.bus().await;
    shop.publish(numbered(3)).await;
    let pulled = shop.pull(3).await.unwrap();
    let letters: Vec<_> = pulled.iter().map(|delivery| (delivery.id, "poison".to_owned())).collect();
    shop.set_aside(&letters).await.unwrap();
    let command = directory.bus().await;
    let ids: Vec<_> = letters.iter().map(|(id, _)| *id).collect();
    command.replay(&ids[..2], "the cause is gone").await.unwrap();
    command.end_dead_letters(&[(ids[2], "dismissed".into())]).await.unwrap();
    command.close().await;
    assert_eq!(shop.backlog().await.unwrap().dead_letters, 2, "it sees what another process ended");
    let mut again = Vec::new();
    while again.len() < 2 {
        again.extend(first_bytes(&shop.pull(2).await.unwrap()));
    }
    again.sort_unstable();
    assert_eq!(again, [0, 1]);
    shop.publish(numbered(1)).await;
    assert_eq!(shop.pull(9).await.unwrap().len(), 1, "numbers go on where they were");
    drop(shop);
    assert_eq!(directory.bus().await.pull(9).await.unwrap().len(), 3, "nothing is put back by a start that was before");
}

#[tokio::test]
async fn a_label_that_is_damaged_is_no_label() {
    let directory = Directory::new();
    let label = stampede_actors::label::Label {
        order: [7; 16].into(),
        pool: stampede_domain::PoolId(1),
        quantity: 2,
        buyer: stampede_domain::BuyerId(3),
        fingerprint: stampede_domain::Fingerprint(4),
    };
    let bus = directory.bus().await;
    let labelled = |payload| Outgoing { payload: Bytes::from_static(payload), label: Some(label) };
    assert!(bus.publish(vec![labelled(b"one"), labelled(b""), labelled(b"three")]).await.iter().all(Result::is_ok));
    bus.close().await;
    directory
        .by_hand("UPDATE messages SET label = zeroblob(49) WHERE seq = 1; UPDATE messages SET label = 7 WHERE seq = 3")
        .await;
    let waiting = directory.bus().await.unconsumed().await.unwrap().unwrap();
    assert_eq!(waiting.iter().map(|message| message.label).collect::<Vec<_>>(), [None, Some(label), None]);
    assert_eq!(waiting[2].payload.as_ref(), b"three");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_with_its_name_and_a_way_out() {
    let directory = Directory::new();
    std::fs::write(directory.0.path().join(FILE), "this is a letter, not a database ".repeat(100)).unwrap();
    let error =
        SqliteBus::open(directory.0.path(), Arc::new(SystemClock), QueueOptions::default()).await.err().unwrap();
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
    assert!(error.to_string().contains("queue.db") && error.to_string().contains("STAMPEDE_DATA_DIR"), "{error}");
}

#[tokio::test]
async fn a_file_from_a_newer_version_is_refused_with_its_name_and_a_way_out() {
    let directory = Directory::new();
    directory.bus().await.close().await;
    directory
        .by_hand(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9000, 'the future', 1, x'00', 1)",
        )
        .await;
    let error =
        SqliteBus::open(directory.0.path(), Arc::new(SystemClock), QueueOptions::default()).await.err().unwrap();
    assert!(matches!(error, OpenError::OtherSchema { schema: 9000, .. }), "{error:?}");
    assert!(error.to_string().contains("queue.db"), "{error}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let nowhere = Path::new("/nowhere/at/all");
    let error = SqliteBus::open(nowhere, Arc::new(SystemClock), QueueOptions::default()).await.err().unwrap();
    assert!(error.to_string().contains("/nowhere/at/all/queue.db"), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_the_batch_and_loses_nothing_else() {
    let directory = Directory::new();
    directory.bus().await.close().await;
    let file =
        SqliteFile::open(directory.0.path().join(FILE), &sqlx::migrate!("../migrations/sqlite/queue"), SIZES).await;
    let file = file.unwrap();
    let (readers, writer) = (file.readers().await.unwrap(), Writer::open(file).await.unwrap());
    let found = table::found(&readers).await.unwrap();
    let shelf = Shelf::new(1000, Duration::from_secs(600), found);
    let bus = SqliteBus::start(FILE, writer.clone(), readers, Arc::new(SystemClock), shelf);
    let pages = |count: &'static str| {
        writer.transaction(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(count).execute(connection).await?;
                Ok(())
            })
        })
    };
    assert!(bus.publish(numbered(3)).await.iter().all(Result::is_ok));
    pages("PRAGMA max_page_count = 1").await.unwrap();
    let large = vec![Outgoing { payload: Bytes::from(vec![9; 100_000]), label: None }; 3];
    let outcomes = bus.publish(large.clone()).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(PortFailure::Unavailable(_)))), "{outcomes:?}");
    let pulled = bus.pull(10).await.unwrap();
    assert_eq!(pulled.len(), 3);
    bus.acknowledge(&[pulled[0].id]).await.unwrap();
    pages("PRAGMA max_page_count = 100000").await.unwrap();
    assert!(bus.publish(large).await.iter().all(Result::is_ok));
    assert_eq!(bus.pull(10).await.unwrap().len(), 3);
    assert_eq!(bus.unconsumed().await.unwrap().unwrap().len(), 5);
}

#[test]
fn numbers_in_doubt_are_asked_of_the_table_and_never_given_again() {
    let message = |seq| shelf::Message { seq, payload: Bytes::new(), published_at: Default::default(), attempts: 0 };
    let mut shelf = Shelf::new(10, Duration::from_secs(1), shelf::Found { messages: 0, next: 1 });
    shelf.doubt(1..4);
    assert_eq!(shelf.next(), 4);
    shelf.arrived(vec![message(4)]);
    let gap = shelf.gap().unwrap();
    assert_eq!((gap.from, gap.below), (1, 5));
    // One of the three had reached the disk after all.
    shelf.refill(gap, vec![message(2), message(4)]);
    assert!(shelf.gap_from().is_none());
    assert_eq!(shelf.backlog().messages, Some(2));
    assert_eq!(shelf.take(Instant::now(), 10).len(), 2);
}

#[test]
fn a_message_that_comes_while_a_gap_is_read_is_delivered_once() {
    let message = |seq| shelf::Message { seq, payload: Bytes::new(), published_at: Default::default(), attempts: 0 };
    let mut shelf = Shelf::new(2, Duration::from_secs(1), shelf::Found { messages: 0, next: 1 });
    shelf.arrived((1..4).map(message).collect());
    let gap = shelf.gap().unwrap();
    shelf.arrived(vec![message(4)]);
    shelf.refill(gap, (1..3).map(message).collect());
    assert_eq!(shelf.take(Instant::now(), 10).iter().map(|delivery| delivery.id.0).collect::<Vec<_>>(), [1, 2]);
    let gap = shelf.gap().unwrap();
    assert_eq!((gap.from, gap.below), (3, 5));
    shelf.refill(gap, (3..5).map(message).collect());
    shelf.take(Instant::now(), 10);
    // Full to the brim, so one more look; then new ones come directly again.
    let gap = shelf.gap();
    assert!(gap.is_none(), "{gap:?}");
    shelf.arrived(vec![message(5)]);
    assert_eq!(shelf.take(Instant::now(), 10).len(), 1);
}

#[tokio::test]
async fn the_acknowledged_are_deleted_even_when_nothing_else_is_published() {
    let directory = Directory::new();
    let bus = directory.bus().await;
    bus.publish(numbered(3)).await;
    let pulled = bus.pull(3).await.unwrap();
    bus.acknowledge(&[pulled[0].id, pulled[2].id]).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while table::messages(&bus.readers).await.unwrap().len() > 1 {
        assert!(Instant::now() < deadline, "the acknowledgements were never written");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_commit_that_fails_is_unknown_and_the_queue_goes_on() {
    let directory = Directory::new();
    let bus = directory.bus().await;
    assert!(bus.publish(numbered(2)).await.iter().all(Result::is_ok));
    // A foreign key that is looked at only by the commit.
    directory
        .by_hand(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY);
             CREATE TABLE children (parent REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER orphan AFTER INSERT ON messages BEGIN INSERT INTO children VALUES (99); END;",
        )
        .await;
    let outcomes = bus.publish(numbered(3)).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(PortFailure::Unknown(_)))), "{outcomes:?}");
    let pulled = bus.pull(10).await.unwrap();
    assert_eq!(pulled.len(), 2);
    bus.acknowledge(&[pulled[0].id, pulled[1].id]).await.unwrap();
    directory.by_hand("DROP TRIGGER orphan").await;
    assert!(bus.publish(numbered(4)).await.iter().all(Result::is_ok));
    assert_eq!(bus.pull(10).await.unwrap().len(), 4);
    assert_eq!(bus.backlog().await.unwrap().messages, Some(4));
}
