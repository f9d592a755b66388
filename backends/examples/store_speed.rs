//! How fast the order store writes: `cargo run --release -p stampede-backends --example store_speed [rows] [batch] [limit]`.
//! Rows per second and statements' cost depend on the disk; compare runs of the same minute only.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and reads the machine's clock"
)]

use stampede_actors::{
    clock::{Clock, SystemClock},
    ports::{Catalogue, Entry, OrderStore},
};
use stampede_backends::{ShopFile, SqliteCatalogue, SqliteOrderStore};
use stampede_domain::{BuyerId, Contact, Event, Fingerprint, Intent, OrderId, decide::Want};
use std::time::Instant;

const EVENT: &str = r#"{"slug":"fair","name":"Fair","place":"Here","starts_at":"2027-08-19T14:00:00Z","ends_at":"2027-08-22T01:00:00Z",
"time_zone":"Europe/Vienna","texts":{"de":{"title":"a","lead":""},"en":{"title":"a","lead":""}},"ticket_types":[{"id":"all","name":"All",
"price":{"minor":100,"currency":"EUR"},"payment":"at_the_gate","capacity":100000000,"max_per_order":6,
"sale":{"opens_at":"2026-01-01T00:00:00Z","closes_at":"2027-08-19T14:00:00Z"}}]}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let rows = arguments.next().unwrap_or(Ok(500_000))?;
    let batch = arguments.next().unwrap_or(Ok(1000))?;
    let limit = arguments.next().unwrap_or(Ok(0))?;

    let directory = tempfile::tempdir()?;
    let shop = ShopFile::open(directory.path()).await?;
    let mut event: Event = serde_json::from_str(EVENT)?;
    event.ticket_types[0].limit_per_buyer = u32::try_from(limit).ok().filter(|limit| *limit > 0);
    SqliteCatalogue::new(&shop).apply(&event).await?;
    let pool = event.ticket_types[0].pool(&event.slug);
    let store = SqliteOrderStore::new(&shop);

    let began = u128::from(SystemClock.now().0.unsigned_abs());
    let mut took = std::time::Duration::ZERO;
    let mut scramble = 1_u64;
    for first in (0..rows).step_by(batch) {
        let entries: Vec<_> = (first..(first + batch).min(rows))
            .map(|number| {
                scramble = scramble.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // 50 ids a millisecond, their tails in no order.
                let id = (began + number as u128 / 50) << 80 | 0x7000_8000_0000_0000_0000 | u128::from(scramble >> 6);
                let intent = Intent {
                    order: OrderId(uuid::Uuid::from_u128(id)),
                    pool,
                    quantity: 1,
                    buyer: BuyerId(scramble.cast_signed()),
                    fingerprint: Fingerprint(scramble.rotate_left(20).cast_signed()),
                    asked_at: SystemClock.now(),
                    contact: Contact { user_id: Some(format!("user-{number}")), ..Contact::default() },
                    trace: None,
                };
                Entry { intent, want: Want::Place }
            })
            .collect();
        let start = Instant::now();
        store.decide(SystemClock.now(), &entries).await?;
        took += start.elapsed();
    }
    println!("{rows} rows, {batch} a batch, limit {limit}: {:.0} rows/s", rows as f64 / took.as_secs_f64());
    let start = Instant::now();
    let opening = store.open_pool(pool, 0).await?.ok_or("opened by another")?;
    println!("opening with {} buyers: {:?}", opening.buyers.len(), start.elapsed());
    let start = Instant::now();
    let audit = store.audit().await?;
    println!("audit of {} orders: {:?}", audit[0].sums.orders, start.elapsed());
    shop.close().await;
    Ok(())
}
