use super::*;
use crate::{
    SqliteCatalogue, SqliteOrderStore,
    order_store::rig::{NOW, entry, fair},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use stampede_actors::ports::{Catalogue, OrderStore, PortFailure};
use std::{fs, ops::Range, path::PathBuf};
use tempfile::TempDir;

/// A directory with a shop.
struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    async fn open(&self) -> ShopFile {
        ShopFile::open(self.0.path()).await.unwrap()
    }

    async fn refusal(&self) -> OpenError {
        ShopFile::open(self.0.path()).await.err().expect("it is refused")
    }

    /// What a crash at this moment would leave: nobody in this directory has it open.
    fn image(&self) -> Self {
        let image = Self::new();
        for name in ["shop.db", "shop.db-wal", "shop.db-sums"] {
            if let Ok(bytes) = fs::read(self.file(name)) {
                fs::write(image.file(name), bytes).unwrap();
            }
        }
        image
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.file(name)).unwrap();
        change(&mut bytes);
        fs::write(self.file(name), bytes).unwrap();
    }

    async fn by_hand(&self, sql: &'static str) {
        let options = SqliteConnectOptions::new().filename(self.file("shop.db"));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Sells one ticket an order.
async fn sell(file: &ShopFile, numbers: Range<u32>) {
    for number in numbers {
        SqliteOrderStore::new(file).decide(NOW, &[entry(number, 1)]).await.unwrap();
    }
}

async fn opened(directory: &Directory) -> ShopFile {
    let file = directory.open().await;
    SqliteCatalogue::new(&file).apply(&fair([1_000_000, 10], [None; 2])).await.unwrap();
    file
}

async fn sold(file: &ShopFile) -> usize {
    SqliteOrderStore::new(file).rows_after(None, 100_000).await.unwrap().len()
}

/// A shop that was closed with so many orders.
async fn closed(orders: u32) -> Directory {
    let directory = Directory::new();
    let file = opened(&directory).await;
    sell(&file, 0..orders).await;
    file.close().await;
    directory
}

/// Copies the log into the file while it is open, as happens when it is long.
async fn settle(file: &ShopFile) {
    file.writer.settle_now().await;
}

fn is_of(error: &OpenError, name: &str) -> bool {
    let said = error.to_string();
    said.contains(name) && (said.contains("Restore a backup") || said.contains("emove"))
}

#[tokio::test]
async fn what_was_closed_opens_and_leaves_no_log() {
    let directory = closed(3).await;
    assert!(!directory.file("shop.db-wal").exists());
    let file = directory.open().await;
    assert_eq!(sold(&file).await, 3);
    file.close().await;
}

#[tokio::test]
async fn any_bit_that_turns_in_a_file_at_rest_is_noticed_and_the_file_is_named_with_the_way_out() {
    let directory = closed(40).await;
    for name in ["shop.db", "shop.db-sums"] {
        let length = fs::metadata(directory.file(name)).unwrap().len();
        for at in (0..length).step_by(usize::try_from(length / 97 + 1).unwrap()) {
            let image = directory.image();
            image.change(name, |bytes| bytes[usize::try_from(at).unwrap()] ^= 1 << (at % 8));
            let refusal = image.refusal().await;
            assert!(is_of(&refusal, name), "byte {at} of {name}: {refusal}");
        }
    }
}

#[tokio::test]
async fn a_file_that_is_shorter_empty_or_gone_is_not_taken_for_a_new_one() {
    for length in [0, 4096, 5000] {
        let directory = closed(40).await;
        directory.change("shop.db", |bytes| bytes.truncate(length));
        assert!(is_of(&directory.refusal().await, "shop.db"));
    }
    let directory = closed(40).await;
    fs::remove_file(directory.file("shop.db")).unwrap();
    assert!(is_of(&directory.refusal().await, "shop.db"));
}

#[tokio::test]
async fn what_a_crash_leaves_opens_before_and_after_the_log_was_copied() {
    let directory = Directory::new();
    let file = opened(&directory).await;
    for round in 0..6 {
        sell(&file, round * 10..round * 10 + 10).await;
        let before = directory.image();
        // The main file and its sums of different moments: a crash between the copy and the sums.
        let (sums, log) = ("shop.db-sums", "shop.db-wal");
        settle(&file).await;
        let between = directory.image();
        for name in [sums, log] {
            fs::copy(before.file(name), between.file(name)).unwrap();
        }
        for image in [before, between, directory.image()] {
            let file = image.open().await;
            assert_eq!(sold(&file).await, 10 + 10 * round as usize, "round {round}");
            file.close().await;
        }
    }
    file.close().await;
}

#[tokio::test]
async fn a_log_that_has_lost_what_was_copied_out_of_it_is_refused() {
    let directory = Directory::new();
    let file = opened(&directory).await;
    sell(&file, 0..10).await;
    settle(&file).await;
    let image = directory.image();
    file.close().await;
    image.change("shop.db-wal", |bytes| bytes.truncate(bytes.len() / 2));
    assert!(is_of(&image.refusal().await, "shop.db-wal"));
    // Without any log the file alone is whole.
    image.change("shop.db-wal", Vec::clear);
    assert_eq!(sold(&image.open().await).await, 10);
}

#[tokio::test]
async fn the_log_of_a_new_file_is_not_taken_for_less_than_it_was() {
    let directory = Directory::new();
    let file = directory.open().await;
    let image = directory.image();
    file.close().await;
    image.change("shop.db-wal", |bytes| bytes.truncate(bytes.len() / 2));
    assert!(is_of(&image.refusal().await, "shop.db-wal"));
}

#[tokio::test]
async fn a_bit_that_turns_in_the_log_is_noticed_also_in_its_last_transaction() {
    let directory = Directory::new();
    let file = opened(&directory).await;
    sell(&file, 0..4).await;
    let whole = directory.image();
    file.close().await;
    let length = fs::metadata(whole.file("shop.db-wal")).unwrap().len();
    let mut refused = 0;
    for at in (0..length).step_by(1013) {
        let image = whole.image();
        image.change("shop.db-wal", |bytes| bytes[usize::try_from(at).unwrap()] ^= 0x10);
        match ShopFile::open(image.0.path()).await {
            Err(refusal) => {
                assert!(is_of(&refusal, "shop.db-wal"), "byte {at}: {refusal}");
                refused += 1;
            }
            // What is behind the end of the log is of an earlier one.
            Ok(file) => {
                assert_eq!(sold(&file).await, 4, "byte {at}");
                file.close().await;
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

#[tokio::test]
async fn what_another_program_changed_is_refused_until_somebody_vouches_for_it() {
    let directory = closed(5).await;
    directory.by_hand("UPDATE pools SET capacity = 500000 WHERE sold = 5").await;
    assert!(is_of(&directory.refusal().await, "shop.db-sums"));
    fs::remove_file(directory.file("shop.db-sums")).unwrap();
    let file = directory.open().await;
    assert_eq!(sold(&file).await, 5);
    file.close().await;
    // It has sums again.
    directory.change("shop.db", |bytes| bytes[5000] ^= 1);
    assert!(is_of(&directory.refusal().await, "shop.db"));
}

#[tokio::test]
async fn who_vouches_for_a_file_that_breaks_a_law_or_is_no_tree_is_told() {
    let directory = closed(5).await;
    directory.by_hand("UPDATE pools SET sold = 4 WHERE sold = 5").await;
    fs::remove_file(directory.file("shop.db-sums")).unwrap();
    assert!(directory.refusal().await.to_string().contains("NeverOversold"));
    let directory = closed(500).await;
    directory.change("shop.db", |bytes| bytes[3 * 4096..12 * 4096].fill(0x55));
    fs::remove_file(directory.file("shop.db-sums")).unwrap();
    assert!(is_of(&directory.refusal().await, "shop.db"));
}

#[tokio::test]
async fn a_file_that_was_dropped_rather_than_closed_is_as_after_a_crash() {
    let directory = Directory::new();
    let file = opened(&directory).await;
    sell(&file, 0..7).await;
    drop(file);
    assert!(fs::metadata(directory.file("shop.db-wal")).unwrap().len() > 0, "SQLite has not copied it on its own");
    let image = directory.image().open().await;
    assert_eq!(sold(&image).await, 7);
    assert_eq!(sold(&directory.open().await).await, 7);
}

#[tokio::test]
async fn a_long_log_is_copied_and_begun_anew_while_the_shop_sells() {
    let directory = Directory::new();
    let file = opened(&directory).await;
    file.writer.settle_at(50).await;
    sell(&file, 0..400).await;
    let log = fs::metadata(directory.file("shop.db-wal")).unwrap().len();
    assert!(log < 80 * 4120, "{log} bytes");
    // Whoever reads keeps it, and nothing waits for him.
    let mut reading = file.readers.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM orders").execute(&mut *reading).await.unwrap();
    sell(&file, 400..600).await;
    let with_a_reader = directory.image();
    reading.rollback().await.unwrap();
    sell(&file, 600..700).await;
    for (image, orders) in [(with_a_reader, 600), (directory.image(), 700)] {
        let file = image.open().await;
        assert_eq!(sold(&file).await, orders);
        file.close().await;
    }
    file.close().await;
}

#[tokio::test]
async fn a_failed_write_is_told_and_nothing_is_written_after_it() {
    let directory = Directory::new();
    let file = opened(&directory).await;
    let trouble = file.trouble();
    let mut told = Box::pin(trouble.told());
    let early = tokio::time::timeout(std::time::Duration::from_millis(20), &mut told).await;
    assert!(early.is_err(), "{early:?}");
    file.writer.fail_the_next_commit().await;
    let orders = SqliteOrderStore::new(&file);
    assert!(matches!(orders.decide(NOW, &[entry(1, 1)]).await, Err(PortFailure::Unknown(_))));
    let sentence = told.await;
    assert!(sentence.contains("shop.db") && sentence.contains("start again"), "{sentence}");
    for _ in 0..2 {
        assert!(matches!(orders.decide(NOW, &[entry(1, 1)]).await, Err(PortFailure::Unavailable(_))));
    }
    assert_eq!(file.trouble().told().await, sentence);
}

#[tokio::test]
async fn a_page_that_is_found_broken_while_the_shop_sells_ends_the_file() {
    let directory = closed(300).await;
    let file = directory.open().await;
    // Past the header, behind the back of everybody who has it open.
    directory.change("shop.db", |bytes| bytes[2 * 4096..].fill(0x55));
    let orders = SqliteOrderStore::new(&file);
    assert!(matches!(orders.rows_after(None, 10_000).await, Err(PortFailure::Unavailable(_))));
    assert!(file.trouble().told().await.contains("shop.db"));
    assert!(matches!(orders.decide(NOW, &[entry(1, 1)]).await, Err(PortFailure::Unavailable(_))));
}

#[test]
fn which_errors_end_a_file() {
    let database = |code| sqlx::Error::Database(Box::new(Said(code)));
    // 1034: IOERR_FSYNC, 778: IOERR_WRITE, 522: IOERR_SHORT_READ, 267: CORRUPT_VTAB.
    for code in ["10", "1034", "778", "522", "11", "267", "26"] {
        let trouble = Trouble::of("shop.db".into());
        trouble.notice(&database(code));
        assert!(trouble.now().is_some(), "{code}");
    }
    for code in ["5", "13", "19", "787"] {
        let trouble = Trouble::of("shop.db".into());
        trouble.notice(&database(code));
        assert!(trouble.now().is_none(), "{code}");
    }
}

/// An error as SQLite would report it.
#[derive(Debug)]
pub(super) struct Said(pub(super) &'static str);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "code {}", self.0)
    }
}

impl std::error::Error for Said {}

impl sqlx::error::DatabaseError for Said {
    fn message(&self) -> &str {
        "said"
    }

    fn code(&self) -> Option<std::borrow::Cow<'_, str>> {
        Some(self.0.into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> sqlx::error::ErrorKind {
        sqlx::error::ErrorKind::Other
    }
}
