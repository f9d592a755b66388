use super::*;
use crate::bus::contract::{self, BusRig};
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
    (0..count).map(|number| Outgoing { payload: Bytes::from(vec![number]) }).collect()
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
async fn a_file_that_is_no_database_is_refused_with_its_name_and_a_way_out() {
    let directory = Directory::new();
    std::fs::write(directory.0.path().join(FILE), "this is a letter, not a database ".repeat(100)).unwrap();
    let error = SqliteBus::open(directory.0.path(), Arc::new(SystemClock), QueueOptions::default()).await.err().unwrap();
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
    let error = SqliteBus::open(directory.0.path(), Arc::new(SystemClock), QueueOptions::default()).await.err().unwrap();
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
    let bus = directory.bus().await;
    bus.publish(numbered(3)).await;
    let full = sqlx::raw_sql("PRAGMA max_page_count = 1");
    // The pragma belongs to a connection, so it is set through the scribe's own.
    bus.shared.shelf().release(&[]);
    drop(full);
    bus.close().await;
}

#[tokio::test]
async fn the_acknowledged_are_deleted_even_when_nothing_else_is_published() {
    let directory = Directory::new();
    let bus = directory.bus().await;
    bus.publish(numbered(3)).await;
    let pulled = bus.pull(3).await.unwrap();
    bus.acknowledge(&[pulled[0].id, pulled[2].id]).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while table::payloads(&bus.readers).await.unwrap().len() > 1 {
        assert!(Instant::now() < deadline, "the acknowledgements were never written");
        tokio::task::yield_now().await;
    }
}
