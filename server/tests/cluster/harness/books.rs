//! What store, ledger and bus hold, read past the shop: by SQL, from Redis' own keys, from the Pub/Sub server's counters.

use super::{Grounds, record::pool};
use stampede_checker::{Books, Bus, LedgerBook, Pool, Row};
use stampede_domain::{BuyerId, Fingerprint, Millis, OrderId, OrderStatus, PoolNumbers};
use std::{collections::HashMap, fmt::Debug, str::FromStr, time::Duration};

const ROWS: &str = "SELECT id, pool, quantity, buyer, fingerprint, status, decided_at, version FROM orders";
/// Orders that are asked for by name; of more, all rows are read.
const A_FEW: usize = 3_000; // 39 bytes each: they go into one argument of at most 128 KB
/// The book of the only pool, whatever its epoch, as its head keeps it (`lua/book.lua`), and whether it is open.
const HEAD: &str = "local heads = redis.call('KEYS', '*:head')
    if #heads ~= 1 then return {#heads} end
    local head = redis.call('GET', heads[1])
    local book = {struct.unpack('<i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8', head)}
    local claims = redis.call('HLEN', string.sub(heads[1], 1, -5) .. string.format('%.0f:claims', book[3]))
    return {book[8], book[9], book[10], book[11], book[17], claims, book[2], book[7], book[3]}";

/// The ledger's book, and what it is not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) book: LedgerBook,
    pub(crate) is_open: bool,
    /// It was opened before the writers had come to rest: for a lease, old keys have to wait.
    pub(crate) awaits_backlog: bool,
    pub(crate) epoch: u64,
}

impl Grounds {
    /// Everything there is to read.
    pub(crate) async fn books(&self) -> Books {
        let rows = self.sql(&[ROWS]).await.lines().map(row).collect();
        let numbers =
            self.sql(&[&format!("SELECT capacity, held, sold, version FROM pools WHERE id = {}", pool().0)]).await;
        let mut numbers = numbers.split('|');
        let [capacity, held, sold] = [(); 3].map(|()| number(&mut numbers));
        let store = PoolNumbers { capacity, held, sold, version: number(&mut numbers) };
        let kept = self.sql(&["SELECT buyer, units FROM buyer_units"]).await;
        let buyers = kept.lines().map(|line| line.split('|')).map(|mut kept| {
            let buyer = BuyerId(number(&mut kept));
            (buyer, number(&mut kept))
        });
        let ledger = self.head().await.filter(|head| head.is_open).map(|head| head.book);
        let (waiting, left) = self.waiting().await;
        let letters: u64 = self.sql(&["SELECT count(*) FROM dead_letters"]).await.parse().unwrap();
        Books {
            rows,
            pools: vec![Pool { pool: pool(), store, buyers: buyers.collect(), ledger }],
            bus: Bus { waiting, dead_letters: letters + left },
        }
    }

    /// The ledger's book; `None` when there is none.
    pub(crate) async fn head(&self) -> Option<Head> {
        let told = self.redis(&["eval", HEAD, "0"]).await;
        let numbers: Vec<i64> = told.lines().map(|line| line.trim().parse().unwrap()).collect();
        let [capacity, held, sold, version, claimed, claims, is_open, backlog_until, epoch] = numbers[..] else {
            return None;
        };
        let units = |number: i64| u32::try_from(number).unwrap();
        let settled = PoolNumbers {
            capacity: units(capacity),
            held: units(held),
            sold: units(sold),
            version: version.try_into().unwrap(),
        };
        let claimed = units(claimed);
        let free = settled.unsold().saturating_sub(claimed);
        let claims = claims.try_into().unwrap();
        let book = LedgerBook { settled, claimed, claims, free };
        Some(Head { book, is_open: is_open == 1, awaits_backlog: backlog_until >= 0, epoch: epoch.try_into().unwrap() })
    }

    /// The store's number of the ledger's opening.
    pub(crate) async fn epoch(&self) -> u64 {
        self.sql(&["SELECT max(epoch) FROM pools"]).await.parse().unwrap()
    }

    /// Messages that nobody has acknowledged: orders, and dead letters that nobody has collected.
    pub(crate) async fn waiting(&self) -> (u64, u64) {
        let stats = self.pubsub_stats().await;
        let subscriptions = stats["subscriptions"].as_object().unwrap().iter();
        let backlog = subscriptions.map(|(name, one)| (name.contains("dead"), one["backlog"].as_u64().unwrap()));
        let sums: HashMap<bool, u64> = backlog.fold(HashMap::new(), |mut sums, (is_dead, backlog)| {
            *sums.entry(is_dead).or_default() += backlog;
            sums
        });
        (sums.get(&false).copied().unwrap_or(0), sums.get(&true).copied().unwrap_or(0))
    }

    /// The age of the oldest message that nobody has acknowledged; nothing when none waits.
    pub(crate) async fn oldest_waiting(&self) -> Duration {
        let stats = self.pubsub_stats().await;
        let ages = stats["subscriptions"].as_object().unwrap().values().map(|one| one["oldest_ms"].as_u64().unwrap());
        Duration::from_millis(ages.max().unwrap_or(0))
    }

    /// Which of these orders are decided: those that have a row, for nothing else is ever stored.
    pub(crate) async fn decided(&self, orders: &[OrderId]) -> impl Iterator<Item = OrderId> {
        let ids = if orders.len() > A_FEW {
            self.sql(&["SELECT id FROM orders"]).await
        } else {
            let list: Vec<_> = orders.iter().map(|order| format!("'{order}'")).collect();
            self.sql(&[&format!("SELECT id FROM orders WHERE id = ANY(ARRAY[{}]::uuid[])", list.join(","))]).await
        };
        ids.lines().map(|id| id.parse().unwrap()).collect::<Vec<OrderId>>().into_iter()
    }
}

fn row(line: &str) -> Row {
    let mut fields = line.split('|');
    let order = fields.next().unwrap().parse().unwrap();
    let pool = stampede_domain::PoolId(number(&mut fields));
    let quantity = number(&mut fields);
    let (buyer, fingerprint) = (BuyerId(number(&mut fields)), Fingerprint(number(&mut fields)));
    let status = stored(number(&mut fields));
    let decided_at = Millis(number(&mut fields));
    Row { order, pool, quantity, buyer, fingerprint, status, decided_at, version: number(&mut fields) }
}

/// As `migrations/postgres/0001_shop.sql` numbers them.
pub(crate) fn stored(number: u8) -> OrderStatus {
    use OrderStatus as S;
    let all = [
        S::Reserved,
        S::Paying,
        S::Expiring,
        S::Confirmed,
        S::Cancelled,
        S::Refunded,
        S::Rejected,
        S::Expired,
        S::Failed,
    ];
    all[usize::from(number) - 1]
}

fn number<'a, T: FromStr<Err: Debug>>(fields: &mut impl Iterator<Item = &'a str>) -> T {
    fields.next().unwrap().parse().unwrap()
}
