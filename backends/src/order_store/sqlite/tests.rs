use super::*;
use crate::{
    SqliteCatalogue,
    order_store::{
        contract,
        rig::{self, Shop, StoreRig, entry, fair},
    },
};
use sqlx::Connection;
use stampede_actors::ports::Catalogue;
use stampede_domain::laws::{Law, check_store};
use std::sync::Arc;
use tempfile::TempDir;

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    async fn by_hand(&self, sql: &'static str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.0.path().join(FILE));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql("PRAGMA ignore_check_constraints = 1").execute(&mut connection).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl StoreRig for Directory {
    async fn open(&self) -> Shop {
        let file = ShopFile::open(self.0.path()).await.unwrap();
        let store = Arc::new(SqliteOrderStore::new(&file));
        let holds = Arc::<SqliteOrderStore>::clone(&store);
        let outbox = Arc::<SqliteOrderStore>::clone(&store);
        Shop { store, holds, outbox, catalogue: Arc::new(SqliteCatalogue::new(&file)) }
    }
}

contract::order_store_contract!(Directory::new());
contract::hold_store_contract!(Directory::new());
contract::outbox_contract!(Directory::new());

/// A shop with six orders of one unit each, under a limit of three.
async fn sold() -> Directory {
    let directory = Directory::new();
    let file = ShopFile::open(directory.0.path()).await.unwrap();
    SqliteCatalogue::new(&file).apply(&fair([10, 10], [Some(3), None])).await.unwrap();
    let entries: Vec<_> = (0..6).map(|number| entry(number, 1)).collect();
    SqliteOrderStore::new(&file).decide(rig::NOW, &entries).await.unwrap();
    file.close().await;
    directory
}

async fn breaches(shop: &Shop) -> Vec<(Law, String)> {
    let audits = shop.store.audit().await.unwrap();
    let breaches = audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums));
    breaches.map(|breach| (breach.law, breach.how)).collect()
}

#[tokio::test]
async fn the_audit_notices_whatever_is_done_to_the_rows() {
    assert_eq!(breaches(&sold().await.open().await).await, []);
    let one = "WHERE id = (SELECT min(id) FROM orders)";
    let without_key = "ALTER TABLE orders RENAME TO kept; CREATE TABLE orders AS SELECT * FROM kept;";
    let sabotage = [
        (Law::NeverOversold, format!("UPDATE orders SET quantity = 50 {one}")),
        (Law::NeverOversold, format!("DELETE FROM orders {one}")),
        (Law::NeverOversold, "UPDATE pools SET sold = 5 WHERE sold = 6".into()),
        (Law::NeverOversold, "UPDATE pools SET capacity = 5 WHERE sold = 6".into()),
        (Law::NeverOversold, format!("UPDATE orders SET pool = 1 {one}")),
        (Law::KeyIsOrder, format!("UPDATE orders SET id = x'c0ffee00000040008000000000000000' {one}")),
        (Law::OneFate, format!("{without_key} INSERT INTO orders SELECT * FROM kept {one}")),
        (Law::OneFate, format!("UPDATE orders SET status = 44 {one}")),
        (Law::OneFate, format!("UPDATE orders SET status = 7 {one}")),
        (Law::OneFate, format!("UPDATE orders SET decision = 0 {one}")),
        (Law::OneFate, format!("UPDATE orders SET quantity = 0 {one}")),
        (Law::OneFate, format!("UPDATE orders SET quantity = -1 {one}")),
        (Law::OneFate, format!("UPDATE orders SET id = x'00' {one}")),
        (Law::OneFate, format!("UPDATE orders SET asked_at = 0 {one}")),
        (Law::OneFate, format!("UPDATE orders SET decided_at = -1 {one}")),
        (Law::OneFate, format!("UPDATE orders SET contact = '{{' {one}")),
        (Law::OneFate, format!("{without_key} UPDATE orders SET fingerprint = 'x' {one}")),
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
    for (law, sql) in sabotage {
        let directory = sold().await;
        // A file that is changed while nobody has it is refused as damaged.
        let shop = directory.open().await;
        directory.by_hand(Box::leak(sql.clone().into_boxed_str())).await;
        let found = breaches(&shop).await;
        assert!(found.iter().any(|(broken, _)| *broken == law), "{law} was not noticed after: {sql}\n{found:?}");
    }
}

#[tokio::test]
async fn the_audit_notices_whatever_is_done_to_holds_and_payments() {
    for (law, sql) in contract::holds::SABOTAGE {
        let directory = Directory::new();
        let shop = directory.open().await;
        shop.catalogue.apply(&rig::paid_fair([10, 10], [Some(3), None])).await.unwrap();
        contract::holds::lived(&shop).await;
        directory.by_hand(sql).await;
        let found = breaches(&shop).await;
        assert!(found.iter().any(|(broken, _)| *broken == law), "{law} was not noticed after: {sql}\n{found:?}");
    }
}

#[tokio::test]
async fn a_file_of_before_holds_keeps_its_orders_and_reserves_from_now_on() {
    let directory = Directory::new();
    let all = sqlx::migrate!("../migrations/sqlite/shop");
    let first = sqlx::migrate::Migrator::with_migrations(all.iter().take(1).cloned().collect());
    let sizes = crate::sqlite::Sizes { writer_cache_kib: 512, reader_cache_kib: 512, readers: 1, log_pages: 1000 };
    drop(crate::sqlite::SqliteFile::open(directory.0.path().join(FILE), &first, sizes).await.unwrap());
    let pool = rig::day().0;
    let row = format!(
        "INSERT INTO pools (id, event, ticket_type, capacity, sold) VALUES ({pool}, 'fair', 'day', 10, 1);
         INSERT INTO orders VALUES (x'{}', {pool}, 1, 5, 77, 4, 1, 1, 1, 1, NULL)",
        rig::id(1).0.simple()
    );
    directory.by_hand(Box::leak(row.into_boxed_str())).await;
    let shop = directory.open().await;
    shop.catalogue.apply(&fair([10, 10], [None; 2])).await.unwrap();
    shop.catalogue.apply(&rig::paid_fair([10, 10], [None; 2])).await.unwrap_err();
    let mut other = rig::paid_fair([10, 10], [None; 2]);
    other.slug = "other".parse().unwrap();
    shop.catalogue.apply(&other).await.unwrap();
    let mut entry = entry(2, 2);
    entry.intent.pool = stampede_domain::PoolId::of(&other.slug, &other.ticket_types[0].id);
    let fresh = shop.store.decide(rig::NOW, &[entry]).await.unwrap().remove(0).fresh;
    assert_eq!(fresh[0].2, stampede_domain::Decision::Reserved);
    assert_eq!(shop.store.rows_after(None, 9).await.unwrap().len(), 2);
    rig::assert_sound(&shop).await;
    let check = sqlx::query("PRAGMA integrity_check");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.0.path().join(FILE)).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let said: String = sqlx::Row::try_get(&check.fetch_one(&mut connection).await.unwrap(), 0).unwrap();
    assert_eq!(said, "ok");
}

/// What is not there cannot be asked: no statement of it looks at mails.
#[tokio::test]
async fn an_order_without_an_address_runs_no_statement_for_mails() {
    let directory = sold().await;
    let shop = directory.open().await;
    directory.by_hand("DROP TABLE mails; DROP TABLE addresses").await;
    assert_eq!(shop.store.decide(rig::NOW, &[entry(7, 1)]).await.unwrap()[0].fresh.len(), 1);
    assert!(shop.store.decide(rig::NOW, &[rig::mailed(8)]).await.is_err(), "and the proof would notice");
    assert_eq!(shop.store.find(rig::id(8)).await, Ok(None), "no order without the mail that it owes");
}

#[tokio::test]
async fn the_file_itself_refuses_to_oversell() {
    let directory = sold().await;
    let file = ShopFile::open(directory.0.path()).await.unwrap();
    let oversell = file.writer.transaction(|connection| {
        Box::pin(async move {
            sqlx::query("UPDATE pools SET sold = capacity + 1").execute(connection).await?;
            Ok(())
        })
    });
    assert!(matches!(oversell.await, Err(PortFailure::Impossible(_))));
}

#[tokio::test]
async fn another_process_in_the_middle_of_a_write_is_waited_for() {
    let directory = sold().await;
    let shop = directory.open().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(directory.0.path().join(FILE));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE; UPDATE pools SET version = version + 1").execute(&mut other).await.unwrap();
    let store = Arc::clone(&shop.store);
    let deciding = tokio::spawn(async move { store.decide(rig::NOW, &[entry(50, 1)]).await });
    // Readers are not in its way at all.
    assert!(shop.store.pool(rig::day()).await.is_ok());
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(deciding.await.unwrap().unwrap()[0].fresh.len(), 1);
}

#[tokio::test]
async fn a_transaction_that_panics_is_rolled_back_and_the_next_one_works() {
    let directory = sold().await;
    let file = ShopFile::open(directory.0.path()).await.unwrap();
    let panicking = file.writer.transaction::<(), _>(|connection| {
        Box::pin(async move {
            sqlx::query("UPDATE pools SET sold = 0").execute(connection).await?;
            panic!("on purpose")
        })
    });
    assert!(matches!(panicking.await, Err(PortFailure::Unknown(_))));
    let store = SqliteOrderStore::new(&file);
    assert_eq!(store.pool(rig::day()).await.unwrap().1.sold, 6);
    assert_eq!(store.decide(rig::NOW, &[entry(50, 1)]).await.unwrap()[0].settlement.numbers.sold, 7);
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_leaves_everything_as_it_was() {
    let directory = sold().await;
    let file = ShopFile::open(directory.0.path()).await.unwrap();
    let pages = |count: &'static str| {
        file.writer.transaction(move |connection| {
            Box::pin(async move {
                sqlx::raw_sql(count).execute(connection).await?;
                Ok(())
            })
        })
    };
    pages("PRAGMA max_page_count = 1").await.unwrap();
    let store = SqliteOrderStore::new(&file);
    let many: Vec<_> = (100..3000).map(|number| entry(number, 1)).collect();
    assert!(matches!(store.decide(rig::NOW, &many).await, Err(PortFailure::Unavailable(_))));
    assert_eq!(store.fates(&[many[0].intent.order]).await.unwrap(), []);
    pages("PRAGMA max_page_count = 1000000").await.unwrap();
    assert_eq!(store.decide(rig::NOW, &many).await.unwrap()[0].fresh.len(), 2900);
}

#[tokio::test]
async fn a_closed_file_says_so() {
    let directory = sold().await;
    let file = ShopFile::open(directory.0.path()).await.unwrap();
    let store = SqliteOrderStore::new(&file);
    file.close().await;
    file.close().await;
    assert!(matches!(store.decide(rig::NOW, &[entry(9, 1)]).await, Err(PortFailure::Unavailable(_))));
    assert!(matches!(store.find(entry(9, 1).intent.order).await, Err(PortFailure::Unavailable(_))));
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_its_name_and_a_way_out() {
    let directory = Directory::new();
    std::fs::write(directory.0.path().join(FILE), [7; 9000]).unwrap();
    let error = ShopFile::open(directory.0.path()).await.err().unwrap().to_string();
    assert!(error.contains("shop.db") && error.contains("STAMPEDE_DATA_DIR"), "{error}");
}

#[tokio::test]
async fn many_processes_may_create_the_file_at_once() {
    let directory = Directory::new();
    let path = directory.0.path().to_owned();
    let openers: Vec<_> = (0..6)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { ShopFile::open(&path).await.map(drop) })
        })
        .collect();
    for opener in openers {
        opener.await.unwrap().unwrap();
    }
}
