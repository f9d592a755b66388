//! A shop's directory with so many orders in it already, written by the product's own store: a long sale's past, in a minute.

use super::{CAPACITY, workplace};
use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_actors::{
    clock::{Clock, SystemClock},
    ports::Entry,
};
use stampede_domain::{BuyerId, Contact, Fingerprint, Intent, Millis, OrderId, PoolId, decide::Want};
use stampede_server::{config::Config, demo, wiring::Books};
use std::{
    fs, io,
    path::Path,
    process::{Command, ExitCode, Stdio},
    rc::Rc,
    time::Duration,
};
use tempfile::TempDir;

/// Orders in one transaction: large ones make few logs.
const BATCH: u32 = 10_000;
/// Orders of one millisecond, so that ten million are three minutes of a sale.
const A_MILLISECOND: u32 = 50;
/// The past sale ended so long ago: no key of the present is among its keys.
const AGO: Duration = Duration::from_hours(1);

/// A copy of its own of a directory with so many orders; filled once and kept, until the tables change.
pub(crate) fn filled(orders: u32) -> anyhow::Result<Rc<TempDir>> {
    let kept = workplace()?.join(format!("filled-{}-{orders}", tables()?));
    if !kept.exists() {
        forget_others(orders)?;
        let unfinished = TempDir::with_prefix_in("filling-", workplace()?)?;
        fill(orders, unfinished.path())?;
        fs::rename(unfinished.keep(), &kept)?;
    }
    let copy = TempDir::with_prefix_in("data-", workplace()?)?;
    for file in fs::read_dir(&kept)? {
        let file = file?;
        let target = copy.path().join(file.file_name());
        fs::copy(file.path(), &target)?;
        // Written back now, not while something is measured.
        fs::File::open(&target)?.sync_all()?;
    }
    Ok(Rc::new(copy))
}

/// What the tables are, as a number that changes when they do.
fn tables() -> anyhow::Result<String> {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/sqlite/shop");
    let mut files: Vec<_> = fs::read_dir(migrations)?.map(|file| Ok(file?.path())).collect::<io::Result<_>>()?;
    files.sort();
    let texts = files.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    Ok(format!("{:016x}", sum(&texts.concat())))
}

/// FNV-1a: the same in every build, which the standard library's hasher does not promise.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn forget_others(orders: u32) -> anyhow::Result<()> {
    for kept in fs::read_dir(workplace()?)? {
        let (path, name) = kept.map(|kept| (kept.path(), kept.file_name()))?;
        let name = name.to_string_lossy();
        if name.starts_with("filled-") && name.ends_with(&format!("-{orders}")) {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

/// In a process of its own, as every other user of a shop's files.
fn fill(orders: u32, home: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["fill", "--orders", &orders.to_string()]).stdin(Stdio::null());
    super::child::without_ours(&mut command)
        .env("STAMPEDE_DATA_DIR", home)
        .env("STAMPEDE_DEMO_OPENS_IN", "0s")
        .env("STAMPEDE_DEMO_CAPACITY", CAPACITY.to_string())
        .env("STAMPEDE_DEMO_LIMIT_PER_BUYER", "0");
    ensure!(command.status()?.success(), "{orders} orders could not be written into {}", home.display());
    Ok(())
}

/// Does it: the festival, and so many orders of one ticket each.
pub(crate) fn run(orders: u32, config: &Config) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(write(orders, config))
}

async fn write(orders: u32, config: &Config) -> anyhow::Result<ExitCode> {
    let books = Books::open(config).await?;
    let event = demo::seed(config, books.catalogue().as_ref(), SystemClock.now()).await?.context("it is not empty")?;
    let mut past = Past::of(event.ticket_types[0].pool(&event.slug), orders);
    let store = books.orders();
    let mut left = orders;
    while left > 0 {
        let count = left.min(BATCH);
        let entries: Vec<_> = (0..count).map(|_| past.next()).collect();
        store.decide(SystemClock.now(), &entries).await?;
        left -= count;
    }
    books.close().await;
    Ok(ExitCode::SUCCESS)
}

/// The orders of a past sale, in the order of their time.
struct Past {
    pool: PoolId,
    began: Millis,
    number: u32,
    chance: SmallRng,
}

impl Past {
    fn of(pool: PoolId, orders: u32) -> Self {
        let length = Duration::from_millis(u64::from(orders / A_MILLISECOND));
        let began = SystemClock.now().0 - i64::try_from((AGO + length).as_millis()).unwrap_or_default();
        Self { pool, began: Millis(began), number: 0, chance: SmallRng::seed_from_u64(12) }
    }

    fn next(&mut self) -> Entry {
        self.number += 1;
        let asked_at = self.began.plus(Duration::from_millis(u64::from(self.number / A_MILLISECOND)));
        let tail: [u8; 10] = self.chance.random();
        let millis = u64::try_from(asked_at.0).unwrap_or_default();
        let user_id = format!("buyer-{:016x}", self.chance.random::<u64>());
        let intent = Intent {
            order: OrderId(uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()),
            pool: self.pool,
            quantity: 1,
            buyer: BuyerId(self.chance.random()),
            fingerprint: Fingerprint(self.chance.random()),
            asked_at,
            contact: Contact { user_id: Some(user_id), ..Contact::default() },
            trace: None,
        };
        Entry { intent, want: Want::Place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_past_sale_is_in_the_order_of_time_and_over_before_now() {
        let mut past = Past::of(PoolId(1), 10_000);
        let entries: Vec<_> = (0..10_000).map(|_| past.next()).collect();
        let millis = |entry: &Entry| entry.intent.order.0.as_u128() >> 80;
        assert!(entries.windows(2).all(|two| millis(&two[0]) <= millis(&two[1])));
        let distinct: std::collections::HashSet<_> = entries.iter().map(|entry| entry.intent.order).collect();
        assert_eq!(distinct.len(), entries.len());
        let an_hour_ago = SystemClock.now().0 - 3_600_000;
        assert!(entries.last().unwrap().intent.asked_at.0 <= an_hour_ago + 1_000);
    }

    #[test]
    fn a_changed_table_has_another_sum() {
        assert_ne!(sum(b"CREATE TABLE a"), sum(b"CREATE TABLE b"));
        assert!(tables().is_ok_and(|sum| sum.len() == 16));
    }
}
