//! How fast the order stores write.
//!
//! `cargo run --release -p stampede-backends --example store_speed [rows] [batch] [limit] [postgres URL]`
//!
//! Without a URL: SQLite, and what an opening and an audit cost afterwards. With the URL of a database that may be written to:
//! `PostgresOrderStore::decide` on one connection against the raw loop that does the least it could do (guard, insert from
//! arrays, commit; nothing is judged, nothing is read), round by round in turn. Both depend on the disk; compare figures of the
//! same run only.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and reads the machine's clock"
)]

use sqlx::{Connection, PgConnection};
use stampede_actors::{
    clock::{Clock, SystemClock},
    ports::{Catalogue, Entry, OrderStore},
};
use stampede_backends::{
    Database, PostgresCatalogue, PostgresOptions, PostgresOrderStore, ShopFile, SqliteCatalogue, SqliteOrderStore,
};
use stampede_domain::{BuyerId, Contact, Event, Fingerprint, Intent, OrderId, PoolId, decide::Want};
use std::time::{Duration, Instant};

const EVENT: &str = r#"{"slug":"fair","name":"Fair","place":"Here","starts_at":"2027-08-19T14:00:00Z","ends_at":"2027-08-22T01:00:00Z",
"time_zone":"Europe/Vienna","texts":{"de":{"title":"a","lead":""},"en":{"title":"a","lead":""}},"ticket_types":[{"id":"all","name":"All",
"price":{"minor":100,"currency":"EUR"},"payment":"at_the_gate","capacity":100000000,"max_per_order":6,
"sale":{"opens_at":"2026-01-01T00:00:00Z","closes_at":"2027-08-19T14:00:00Z"}}]}"#;

/// Rounds of the comparison.
const ROUNDS: usize = 10;

type Failure = Box<dyn std::error::Error>;

/// Orders without end: 50 ids a millisecond, their tails in no order.
struct Orders {
    pool: PoolId,
    began: u128,
    number: u32,
    scramble: u64,
}

impl Orders {
    fn of(pool: PoolId) -> Self {
        Self { pool, began: u128::from(SystemClock.now().0.unsigned_abs()), number: 0, scramble: 1 }
    }

    fn batch(&mut self, size: usize) -> Vec<Entry> {
        (0..size).map(|_| Entry { intent: self.next(), want: Want::Place }).collect()
    }

    fn next(&mut self) -> Intent {
        self.number += 1;
        self.scramble = self.scramble.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let id = (self.began + u128::from(self.number) / 50) << 80
            | 0x7000_8000_0000_0000_0000
            | u128::from(self.scramble >> 6);
        Intent {
            order: OrderId(uuid::Uuid::from_u128(id)),
            pool: self.pool,
            quantity: 1,
            buyer: BuyerId(self.scramble.cast_signed()),
            fingerprint: Fingerprint(self.scramble.rotate_left(20).cast_signed()),
            asked_at: SystemClock.now(),
            contact: Contact { user_id: Some(format!("user-{}", self.number)), ..Contact::default() },
            trace: None,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise: usize| arguments.next().map_or(Ok(otherwise), |argument| argument.parse());
    let (rows, batch, limit) = (number(500_000)?, number(1000)?, number(0)?);
    let mut event: Event = serde_json::from_str(EVENT)?;
    event.ticket_types[0].limit_per_buyer = u32::try_from(limit).ok().filter(|limit| *limit > 0);
    match arguments.next() {
        Some(url) => against_raw(url, event, rows, batch).await,
        None => sqlite(event, rows, batch, limit).await,
    }
}

async fn sqlite(event: Event, rows: usize, batch: usize, limit: usize) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let shop = ShopFile::open(directory.path()).await?;
    SqliteCatalogue::new(&shop).apply(&event).await?;
    let pool = event.ticket_types[0].pool(&event.slug);
    let store = SqliteOrderStore::new(&shop);
    let took = decide(&store, &mut Orders::of(pool), rows, batch).await?;
    println!("{rows} rows, {batch} a batch, limit {limit}: {:.0} rows/s", rows as f64 / took.as_secs_f64());
    let start = Instant::now();
    let opening = store.open_pool(pool, 0).await?.ok_or("opened by another")?;
    println!("opening with {} buyers: {:?}", opening.buyers.len(), start.elapsed());
    let start = Instant::now();
    let audit = store.audit().await?;
    println!("audit of {} orders: {:?}", audit[0].sums.orders, start.elapsed());
    shop.close().await;
    let start = Instant::now();
    let shop = ShopFile::open(directory.path()).await?;
    let size = std::fs::metadata(directory.path().join("shop.db"))?.len() >> 20;
    println!("opening the file of {size} MiB again, every page compared with its sum: {:?}", start.elapsed());
    shop.close().await;
    Ok(())
}

/// How long the store took for so many rows; making the orders is not counted.
async fn decide(store: &impl OrderStore, orders: &mut Orders, rows: usize, batch: usize) -> Result<Duration, Failure> {
    let mut took = Duration::ZERO;
    for first in (0..rows).step_by(batch) {
        let entries = orders.batch(batch.min(rows - first));
        let start = Instant::now();
        store.decide(SystemClock.now(), &entries).await?;
        took += start.elapsed();
    }
    Ok(took)
}

async fn against_raw(url: String, mut event: Event, rows: usize, batch: usize) -> Result<(), Failure> {
    let second = Duration::from_secs(1);
    let options = PostgresOptions {
        url: url.clone(),
        read_url: None,
        connections: 1,
        read_connections: 1,
        statement_timeout: 30 * second,
        lock_timeout: 5 * second,
        idle_timeout: 30 * second,
        connect_patience: 5 * second,
        application: "store_speed".into(),
    };
    Database::migrate(&options).await?;
    let database = Database::connect(&options).await?;
    // An event of this run: another run's orders stay out of it.
    event.slug = format!("fair-{}", SystemClock.now().0).parse()?;
    PostgresCatalogue::new(&database).apply(&event).await?;
    let pool = event.ticket_types[0].pool(&event.slug);
    let store = PostgresOrderStore::new(&database);
    let mut raw = PgConnection::connect(&url).await?;
    sqlx::raw_sql(
        "DROP TABLE IF EXISTS raw_orders, raw_pools; CREATE TABLE raw_orders (LIKE orders INCLUDING ALL);
         CREATE TABLE raw_pools (LIKE pools INCLUDING ALL); INSERT INTO raw_pools VALUES (1, 'raw', 'raw', 100000000)",
    )
    .execute(&mut raw)
    .await?;
    let (mut ours, mut theirs) = (Orders::of(pool), Orders::of(PoolId(1)));
    let a_round = rows.div_ceil(ROUNDS);
    let mut shares = Vec::new();
    for round in 1..=ROUNDS {
        let stored = decide(&store, &mut ours, a_round, batch).await?.as_secs_f64();
        let inserted = insert(&mut raw, &mut theirs, a_round, batch).await?.as_secs_f64();
        let (store_speed, raw_speed) = (a_round as f64 / stored, a_round as f64 / inserted);
        println!(
            "round {round}: store {store_speed:.0} rows/s, raw {raw_speed:.0} rows/s, {:.2}",
            store_speed / raw_speed
        );
        shares.push(store_speed / raw_speed);
    }
    shares.sort_by(f64::total_cmp);
    println!("median of {ROUNDS} rounds, {batch} a batch: the store does {:.2} of the raw loop", shares[ROUNDS / 2]);
    sqlx::raw_sql("DROP TABLE raw_orders, raw_pools").execute(&mut raw).await?;
    database.close().await;
    raw.close().await?;
    Ok(())
}

const INSERT: &str = "
INSERT INTO raw_orders SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::text[]) ON CONFLICT DO NOTHING";

/// The least that a store could do: one transaction a batch with the guard and the rows.
async fn insert(raw: &mut PgConnection, orders: &mut Orders, rows: usize, batch: usize) -> Result<Duration, Failure> {
    let mut took = Duration::ZERO;
    for first in (0..rows).step_by(batch) {
        let entries = orders.batch(batch.min(rows - first));
        let column = |of: fn(&Intent) -> i64| -> Vec<i64> { entries.iter().map(|entry| of(&entry.intent)).collect() };
        let contacts: Vec<_> =
            entries.iter().map(|entry| serde_json::to_string(&entry.intent.contact)).collect::<Result<_, _>>()?;
        let mut ids: Vec<_> = entries.iter().map(|entry| entry.intent.order.0).collect();
        ids.sort_unstable();
        let start = Instant::now();
        let mut transaction = raw.begin().await?;
        sqlx::query("UPDATE raw_pools SET sold = sold + $1, version = version + 1 WHERE id = 1 AND held + sold + $1 <= capacity")
            .bind(i64::try_from(entries.len())?)
            .execute(&mut *transaction)
            .await?;
        let written = sqlx::query(INSERT)
            .bind(ids)
            .bind(column(|intent| intent.pool.0))
            .bind(column(|intent| i64::from(intent.quantity)))
            .bind(column(|intent| intent.buyer.0))
            .bind(column(|intent| intent.fingerprint.0))
            .bind(column(|_| 4))
            .bind(column(|_| 1))
            .bind(column(|intent| intent.asked_at.0))
            .bind(column(|intent| intent.asked_at.0))
            .bind(column(|_| 1))
            .bind(contacts)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        took += start.elapsed();
        assert_eq!(written.rows_affected(), entries.len() as u64, "the raw loop inserts what it is given");
    }
    Ok(took)
}
