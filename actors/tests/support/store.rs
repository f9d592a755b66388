//! The judge in memory: rows, pools, the domain's rule, and faults on demand.

use async_trait::async_trait;
use stampede_actors::ports::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortFailure, PortResult};
use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, HoldTerms, Millis, Money, OrderId, OrderStatus, PoolId, PoolNumbers,
    Settlement,
    decide::{Offer, PoolRow, Verdict, decide},
    laws::PoolSums,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// What may become of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitFault {
    /// Committed, and the answer lost.
    UnknownCommitted,
    /// Not committed, and nobody knows.
    UnknownLost,
}

pub(crate) struct FakeStore {
    rows: Mutex<Rows>,
    /// Nothing can be read or written.
    pub(crate) down: AtomicBool,
    /// How long a transaction takes.
    pub(crate) decide_takes_ms: AtomicU64,
    /// What the next transactions end with.
    pub(crate) commit_faults: Mutex<VecDeque<CommitFault>>,
    /// Orders that cannot be stored.
    pub(crate) poison: Mutex<HashSet<OrderId>>,
    /// It can tell which they are without trying.
    pub(crate) names_poison: AtomicBool,
    /// Nobody is told again what was decided.
    pub(crate) settlements_fail: AtomicBool,
    /// Orders whose storing kills the writer.
    pub(crate) deadly: Mutex<HashSet<OrderId>>,
    /// Sizes of the batches offered.
    pub(crate) decided: Mutex<Vec<usize>>,
    /// Ids whose fate was asked for, call by call.
    pub(crate) fates_asked: Mutex<Vec<usize>>,
    /// How often a row was asked for.
    pub(crate) found: AtomicU64,
    /// What the opening of a pool does first: for races.
    pub(crate) openings_fail: AtomicU64,
    /// Openings that happen, and nobody hears of it.
    pub(crate) openings_unheard: AtomicU64,
    /// Where reserved orders stand by now.
    pub(crate) lives: Mutex<HashMap<OrderId, OrderStatus>>,
}

#[derive(Default)]
struct Rows {
    orders: BTreeMap<OrderId, OrderRecord>,
    pools: BTreeMap<PoolId, PoolRow>,
}

impl Rows {
    fn units(&self, pool: PoolId, buyer: BuyerId) -> u32 {
        let live = self.orders.values().filter(|row| row.pool == pool && row.buyer == buyer && row.status.is_live());
        live.map(|row| row.quantity).sum()
    }

    fn settlement(&self, pool: PoolId, orders: &BTreeSet<OrderId>, buyers: BTreeSet<BuyerId>) -> Settlement {
        let mut buyers = buyers;
        let rows: Vec<_> =
            orders.iter().filter_map(|order| self.orders.get(order)).filter(|row| row.pool == pool).collect();
        buyers.extend(rows.iter().map(|row| row.buyer));
        let decided =
            rows.iter().map(|row| Decided { order: row.order, fingerprint: row.fingerprint, decision: decision(row) });
        Settlement {
            pool,
            numbers: self.pools[&pool].numbers,
            decided: decided.collect(),
            buyers: buyers.into_iter().map(|buyer| (buyer, self.units(pool, buyer))).collect(),
        }
    }
}

fn decision(row: &OrderRecord) -> Decision {
    match (row.status, row.reason) {
        (OrderStatus::Rejected, Some(reason)) => Decision::Rejected(reason),
        (OrderStatus::Expired, _) => Decision::Expired,
        (OrderStatus::Failed, _) => Decision::Failed,
        (OrderStatus::Reserved, _) => Decision::Reserved,
        _ => Decision::Confirmed,
    }
}

impl FakeStore {
    pub(crate) fn new(pool: PoolId, capacity: u32, limit: Option<u32>) -> Self {
        let store = Self {
            rows: Mutex::default(),
            down: AtomicBool::new(false),
            decide_takes_ms: AtomicU64::new(0),
            commit_faults: Mutex::default(),
            poison: Mutex::default(),
            names_poison: AtomicBool::new(false),
            settlements_fail: AtomicBool::new(false),
            deadly: Mutex::default(),
            decided: Mutex::default(),
            fates_asked: Mutex::default(),
            found: AtomicU64::new(0),
            openings_fail: AtomicU64::new(0),
            openings_unheard: AtomicU64::new(0),
            lives: Mutex::default(),
        };
        store.put_pool(pool, capacity, limit);
        store
    }

    /// Adds a pool or changes its rules.
    pub(crate) fn put_pool(&self, pool: PoolId, capacity: u32, limit: Option<u32>) {
        let mut rows = self.rows.lock().unwrap();
        let row = rows.pools.entry(pool).or_insert(PoolRow {
            numbers: PoolNumbers::default(),
            epoch: 0,
            limit_per_buyer: limit,
            hold: None,
        });
        row.numbers.capacity = capacity;
        row.numbers.version += 1;
        row.limit_per_buyer = limit;
    }

    /// Its units are held until they are paid online.
    pub(crate) fn sells_online(&self, pool: PoolId) {
        let unit = Money { minor: 19_900, currency: "EUR".parse().unwrap() };
        let terms = HoldTerms { hold_for: Duration::from_secs(600), unit };
        self.rows.lock().unwrap().pools.get_mut(&pool).unwrap().hold = Some(terms);
    }

    /// The ledger's book of this pool is behind from now on.
    pub(crate) fn raise_epoch(&self, pool: PoolId) {
        if let Some(row) = self.rows.lock().unwrap().pools.get_mut(&pool) {
            row.epoch += 1;
            row.numbers.version += 1;
        }
    }

    pub(crate) fn delete_pool(&self, pool: PoolId) {
        self.rows.lock().unwrap().pools.remove(&pool);
    }

    /// The numbers of the first pool.
    pub(crate) fn numbers(&self) -> PoolNumbers {
        self.rows.lock().unwrap().pools[&super::pool()].numbers
    }

    pub(crate) fn row(&self, order: OrderId) -> Option<OrderRecord> {
        self.rows.lock().unwrap().orders.get(&order).cloned()
    }

    pub(crate) fn status(&self, order: OrderId) -> Option<OrderStatus> {
        self.row(order).map(|row| row.status)
    }

    pub(crate) fn orders(&self) -> usize {
        self.rows.lock().unwrap().orders.len()
    }

    fn first_of(&self, orders: &Mutex<HashSet<OrderId>>, entries: &[Entry]) -> Option<OrderId> {
        let orders = orders.lock().unwrap();
        entries.iter().map(|entry| entry.intent.order).find(|order| orders.contains(order))
    }

    fn reads(&self) -> PortResult<std::sync::MutexGuard<'_, Rows>> {
        if self.down.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("down on purpose".into()));
        }
        Ok(self.rows.lock().unwrap())
    }
}

#[async_trait]
impl OrderStore for FakeStore {
    async fn unstorable(&self, entries: &[Entry]) -> PortResult<Vec<(usize, String)>> {
        if !self.names_poison.load(Ordering::Relaxed) {
            return Ok(Vec::new());
        }
        let poison = self.poison.lock().unwrap();
        let named = entries.iter().enumerate().filter(|(_, entry)| poison.contains(&entry.intent.order));
        Ok(named.map(|(place, entry)| (place, format!("{} cannot be stored", entry.intent.order))).collect())
    }

    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        self.decided.lock().unwrap().push(entries.len());
        let takes = self.decide_takes_ms.load(Ordering::Relaxed);
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes)).await;
        }
        let ids = || entries.iter().map(|entry| entry.intent.order);
        if let Some(deadly) = self.first_of(&self.deadly, entries) {
            panic!("{deadly} kills the writer, on purpose");
        }
        let mut rows = self.reads()?;
        assert!(ids().is_sorted(), "a batch is sorted by id");
        if let Some(poison) = self.first_of(&self.poison, entries) {
            return Err(PortFailure::Impossible(format!("{poison} cannot be stored")));
        }
        let fault = self.commit_faults.lock().unwrap().pop_front();
        if fault == Some(CommitFault::UnknownLost) {
            return Err(PortFailure::Unknown("the commit's answer was lost".into()));
        }
        let pools: BTreeSet<_> = entries.iter().map(|entry| entry.intent.pool).collect();
        let mut judgements = Vec::new();
        for pool in pools {
            let Some(mut row) = rows.pools.get(&pool).copied() else {
                return Err(PortFailure::Impossible(format!("nobody knows {pool}")));
            };
            let mine: Vec<_> = entries.iter().filter(|entry| entry.intent.pool == pool).collect();
            let offers: Vec<_> = mine.iter().map(|entry| offer(entry)).collect();
            let known = offers.iter().filter_map(|offer| rows.orders.get(&offer.order));
            let known: HashMap<_, _> = known.map(|row| (row.order, (decision(row), row.fingerprint))).collect();
            let mut units: HashMap<_, _> =
                offers.iter().map(|offer| (offer.buyer, rows.units(pool, offer.buyer))).collect();
            let verdicts = decide(&mut row, &mut units, &known, &offers);
            rows.pools.insert(pool, row);
            let mut fresh = Vec::new();
            let mut settled = BTreeSet::new();
            for (entry, verdict) in mine.into_iter().zip(verdicts) {
                if let Verdict::New(decision) = verdict {
                    fresh.push((entry.intent.order, entry.intent.quantity, decision));
                    rows.orders.insert(entry.intent.order, record(entry, decision, now, row.numbers.version));
                }
                if verdict != Verdict::Fenced {
                    settled.insert(entry.intent.order);
                }
            }
            if !settled.is_empty() {
                judgements.push(Judgement { settlement: rows.settlement(pool, &settled, BTreeSet::new()), fresh });
            }
        }
        match fault {
            Some(_) => Err(PortFailure::Unknown("the commit's answer was lost".into())),
            None => Ok(judgements),
        }
    }

    async fn settlements(&self, orders: &[OrderId]) -> PortResult<Vec<Settlement>> {
        assert!(orders.len() <= 1_000);
        if self.settlements_fail.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("on purpose".into()));
        }
        let rows = self.reads()?;
        let found: Vec<_> = orders.iter().filter_map(|order| rows.orders.get(order)).collect();
        let pools: BTreeSet<_> = found.iter().map(|row| row.pool).collect();
        let orders = found.iter().map(|row| row.order).collect();
        Ok(pools.into_iter().map(|pool| rows.settlement(pool, &orders, BTreeSet::new())).collect())
    }

    async fn changed_since(&self, pool: PoolId, after: u64) -> PortResult<(Settlement, u64)> {
        let rows = self.reads()?;
        let changed = rows.orders.values().filter(|row| row.pool == pool && row.version > after);
        let buyers = changed.map(|row| row.buyer).collect();
        let settlement = rows.settlement(pool, &BTreeSet::new(), buyers);
        let swept = settlement.numbers.version;
        Ok((settlement, swept))
    }

    async fn fates(&self, orders: &[OrderId]) -> PortResult<Vec<(OrderId, Fingerprint, Decision)>> {
        assert!(orders.len() <= 1_000);
        self.fates_asked.lock().unwrap().push(orders.len());
        let rows = self.reads()?;
        let found = orders.iter().filter_map(|order| rows.orders.get(order));
        Ok(found.map(|row| (row.order, row.fingerprint, decision(row))).collect())
    }

    async fn find(&self, order: OrderId) -> PortResult<Option<OrderRecord>> {
        self.found.fetch_add(1, Ordering::Relaxed);
        let mut row = self.reads()?.orders.get(&order).cloned();
        if let (Some(row), Some(status)) = (&mut row, self.lives.lock().unwrap().get(&order)) {
            row.status = *status;
        }
        Ok(row)
    }

    async fn open_pool(&self, pool: PoolId, epoch: u64) -> PortResult<Option<PoolOpening>> {
        let mut rows = self.reads()?;
        let has_rows = rows.orders.values().any(|row| row.pool == pool);
        let buyers: BTreeSet<_> = rows.orders.values().filter(|row| row.pool == pool).map(|row| row.buyer).collect();
        let buyers = buyers.into_iter().map(|buyer| (buyer, rows.units(pool, buyer))).filter(|(_, units)| *units > 0);
        let buyers = buyers.collect();
        let Some(row) = rows.pools.get_mut(&pool) else {
            return Err(PortFailure::Impossible(format!("nobody knows {pool}")));
        };
        if self.openings_fail.load(Ordering::Relaxed) > 0 {
            self.openings_fail.fetch_sub(1, Ordering::Relaxed);
            return Err(PortFailure::Unavailable("on purpose".into()));
        }
        if row.epoch != epoch {
            return Ok(None);
        }
        row.epoch += 1;
        if self.openings_unheard.load(Ordering::Relaxed) > 0 {
            self.openings_unheard.fetch_sub(1, Ordering::Relaxed);
            return Err(PortFailure::Unknown("lost on purpose".into()));
        }
        Ok(Some(PoolOpening { epoch: row.epoch, numbers: row.numbers, buyers, virgin: !has_rows }))
    }

    async fn pool(&self, pool: PoolId) -> PortResult<(u64, PoolNumbers)> {
        let rows = self.reads()?;
        let row = rows.pools.get(&pool).ok_or_else(|| PortFailure::Impossible(format!("nobody knows {pool}")))?;
        Ok((row.epoch, row.numbers))
    }

    async fn audit(&self) -> PortResult<Vec<Audit>> {
        let rows = self.reads()?;
        let audit = |(pool, row): (&PoolId, &PoolRow)| {
            let orders = rows.orders.values().filter(|order| order.pool == *pool);
            let live = orders.clone().filter(|order| order.status.is_live());
            let count = orders.count() as u64;
            Audit {
                pool: *pool,
                name: "festival/general".into(),
                sums: PoolSums {
                    numbers: row.numbers,
                    orders: count,
                    distinct_orders: count,
                    live_units: live.map(|order| u64::from(order.quantity)).sum(),
                    ..PoolSums::default()
                },
                by_status: Vec::new(),
            }
        };
        Ok(rows.pools.iter().map(audit).collect())
    }

    async fn rows_after(&self, after: Option<OrderId>, limit: u32) -> PortResult<Vec<OrderRecord>> {
        let rows = self.reads()?;
        let later = rows.orders.values().filter(|row| after.is_none_or(|after| row.order > after));
        Ok(later.take(limit as usize).cloned().collect())
    }
}

fn offer(entry: &Entry) -> Offer {
    let intent = &entry.intent;
    Offer {
        order: intent.order,
        quantity: intent.quantity,
        buyer: intent.buyer,
        fingerprint: intent.fingerprint,
        want: entry.want,
    }
}

fn record(entry: &Entry, decision: Decision, now: Millis, version: u64) -> OrderRecord {
    let intent = entry.intent.clone();
    let reason = if let Decision::Rejected(reason) = decision { Some(reason) } else { None };
    OrderRecord {
        order: intent.order,
        pool: intent.pool,
        quantity: intent.quantity,
        buyer: intent.buyer,
        fingerprint: intent.fingerprint,
        contact: intent.contact,
        status: decision.status(),
        reason,
        asked_at: intent.asked_at,
        decided_at: now,
        version,
    }
}
