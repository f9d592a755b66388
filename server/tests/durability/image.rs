//! An image of a data directory, and what a shop finds in it.

use stampede_actors::{
    ports::{CatalogueSnapshot, OrderRecord},
    wire,
};
use stampede_domain::{OrderId, PoolId, PoolNumbers, laws::check_store};
use stampede_server::wiring::Ports;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use tempfile::TempDir;

/// More rows than any sale of these tests has.
const ALL_ROWS: u32 = 1_000_000;
/// Bytes of a log's header, and of a frame's.
const HEADER: usize = 32;
const FRAME: usize = 24;

/// Files by name.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// The files of a moment.
pub(super) struct Image {
    pub(super) files: Files,
    /// Orders that had been told 202 before.
    pub(super) acknowledged: BTreeSet<OrderId>,
    /// Which sale it is of.
    pub(super) sale: usize,
    /// What is in it.
    pub(super) content: Content,
    pub(super) shop_log: Log,
    pub(super) queue_log: Log,
}

/// Where transactions end in a log, by nothing but its own marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// What tells it from the log before it in the same file.
    pub(super) salts: Vec<u8>,
    /// Bytes after which a transaction has ended.
    pub(super) ends: Vec<usize>,
}

/// What a shop can sell from, or has sold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) orders: BTreeMap<OrderId, OrderRecord>,
    /// Payloads that wait.
    pub(super) waiting: Vec<Vec<u8>>,
    pub(super) pools: Vec<(PoolId, PoolNumbers)>,
    pub(super) catalogue: CatalogueSnapshot,
    /// Laws that its rows break.
    pub(super) breaches: Vec<String>,
}

impl Image {
    /// Looks into files, which open because nothing was done to them.
    pub(super) async fn looked_into(files: Files, acknowledged: BTreeSet<String>, sale: usize) -> Self {
        let acknowledged: BTreeSet<OrderId> = acknowledged.iter().map(|order| order.parse().unwrap()).collect();
        let content = open(&files).await.unwrap_or_else(|refusal| panic!("an image as it was taken: {refusal}"));
        let missing = content.missing(&acknowledged);
        assert!(missing.is_empty(), "{} orders that were told 202 are gone: {missing:?}", missing.len());
        assert!(content.breaches.is_empty(), "{:?}", content.breaches);
        let log = |name: &str| Log::of(files.iter().find(|(file, _)| file == name).map_or(&[], |(_, bytes)| bytes));
        let (shop_log, queue_log) = (log("shop.db-wal"), log("queue.db-wal"));
        Self { files, acknowledged, sale, content, shop_log, queue_log }
    }

    /// The files with one of them changed.
    pub(super) fn with(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Files {
        let mut files = self.files.clone();
        if let Some((_, bytes)) = files.iter_mut().find(|(file, _)| file == name) {
            change(bytes);
        }
        files
    }
}

impl Log {
    fn of(bytes: &[u8]) -> Self {
        let Some(header) = bytes.get(..HEADER) else { return Self::default() };
        let salts = &header[16..24];
        let page = usize::try_from(u32::from_be_bytes(header[8..12].try_into().unwrap())).unwrap();
        let frames = bytes[HEADER..].chunks_exact(FRAME + page).take_while(|frame| frame[8..16] == *salts);
        let ends = frames.enumerate().filter(|(_, frame)| frame[4..8] != [0; 4]);
        let ends = ends.map(|(number, _)| HEADER + (number + 1) * (FRAME + page)).collect();
        Self { salts: salts.to_vec(), ends }
    }

    /// Transactions in the first so many bytes.
    pub(super) fn kept(&self, length: usize) -> usize {
        self.ends.iter().filter(|end| **end <= length).count()
    }

    /// Where the last transaction ends.
    pub(super) fn end(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Whether it is the same log as `other`'s, a little later.
    pub(super) fn continues(&self, other: &Self) -> bool {
        !self.ends.is_empty() && self.salts == other.salts && self.ends.len() >= other.ends.len()
    }
}

impl Content {
    /// Orders that are neither decided nor waiting.
    pub(super) fn missing(&self, orders: &BTreeSet<OrderId>) -> Vec<OrderId> {
        let waiting: BTreeSet<_> =
            self.waiting.iter().filter_map(|payload| wire::decode(payload).ok()).map(|intent| intent.order).collect();
        let is_gone = |order: &&OrderId| !self.orders.contains_key(*order) && !waiting.contains(*order);
        orders.iter().filter(is_gone).copied().collect()
    }

    /// The version of the pool in which orders are decided; 0 while there is none.
    pub(super) fn version(&self) -> u64 {
        let busiest = self.pools.iter().max_by_key(|(_, numbers)| (numbers.sold, numbers.version));
        busiest.map_or(0, |(_, numbers)| numbers.version)
    }
}

/// Opens files as the shop does, and reads everything.
///
/// # Errors
/// The refusal.
pub(super) async fn open(files: &Files) -> Result<Content, String> {
    let directory = in_memory();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let (ports, books) = Ports::embedded(directory.path()).await.map_err(|refusal| format!("{refusal:#}"))?;
    let content = async {
        let rows = ports.store.rows_after(None, ALL_ROWS).await?;
        let audits = ports.store.audit().await?;
        let breaches = audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums));
        let waiting = ports.bus.unconsumed().await?.unwrap_or_default();
        let mut waiting: Vec<_> = waiting.iter().map(|message| message.payload.to_vec()).collect();
        waiting.sort_unstable();
        Ok::<_, stampede_actors::ports::PortFailure>(Content {
            orders: rows.into_iter().map(|row| (row.order, row)).collect(),
            waiting,
            pools: audits.iter().map(|audit| (audit.pool, audit.sums.numbers)).collect(),
            catalogue: ports.catalogue.snapshot().await?,
            breaches: breaches.map(|breach| format!("{}: {}", breach.law, breach.how)).collect(),
        })
    };
    let content = content.await.map_err(|failure| format!("opened, and then: {failure}"));
    ports.close().await;
    books.close().await;
    content
}

/// Thousands of images are written, synced and thrown away: in memory where the system has such a place.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}
