//! Thousands of random commands, done by Redis and by the pure book: every answer and every snapshot is the same.
//!
//! A failing run says its seed. The clock is the test's, and steps back too; one pool, because the book in Redis keeps its own
//! latest time, while the one in the process shares it.

use super::{at_test_server, own_prefix};
use crate::ledger::contract::HandClock;
use stampede_actors::{
    clock::Clock,
    ports::{ClaimOf, Ledger, PromiseOf, Withdrawal},
};
use stampede_domain::{
    BuyerId, Contact, Decided, Decision, Fingerprint, Intent, Millis, OrderId, PoolId, PoolNumbers, Settlement,
    event::Terms,
    ledger::{ClaimAnswer, ClaimRequest, Known, LookedUp, Opening, Picked, PoolBook},
};
use std::{collections::BTreeMap, time::Duration};

const POOL: PoolId = PoolId(0x0123_4567_89ab_cdef);
/// Two segments of notes.
const NOTES: usize = 8192;

struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn small(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).unwrap()
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

struct Comparison<L> {
    chance: Chance,
    clock: HandClock,
    ledger: L,
    book: Option<PoolBook>,
    /// What the in-process ledger keeps around its books.
    latest: Millis,
    last_epoch: u64,
    epoch: u64,
    version: u64,
    orders: Vec<OrderId>,
    attempts: Vec<(OrderId, u64)>,
    tickets: BTreeMap<OrderId, LookedUp>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_commands_are_answered_as_by_the_pure_book() {
    for seed in 0..12 {
        let story = tokio::spawn(compare(seed, 400));
        assert!(story.await.is_ok(), "the ledgers differ with seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_notes_are_dropped_as_by_the_pure_book() {
    let mut comparison = Comparison::begin(99).await;
    comparison.open().await;
    for round in 0..60 {
        comparison.settle(300).await;
        comparison.turn();
        for _ in 0..15 {
            comparison.claim().await;
            comparison.find().await;
        }
        comparison.look(round).await;
    }
}

async fn compare(seed: u64, steps: u32) {
    let mut comparison = Comparison::begin(seed).await;
    comparison.open().await;
    for step in 0..steps {
        comparison.step().await;
        comparison.look(step).await;
    }
}

impl Comparison<super::RedisLedger> {
    async fn begin(seed: u64) -> Self {
        let clock = HandClock::default();
        let ledger = at_test_server(&own_prefix(), NOTES, Some(clock.shared())).await;
        let (orders, attempts, tickets) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (book, latest) = (None, clock.now());
        Self {
            chance: Chance(seed),
            clock,
            ledger,
            book,
            latest,
            last_epoch: 0,
            epoch: 0,
            version: 1,
            orders,
            attempts,
            tickets,
        }
    }

    async fn step(&mut self) {
        match self.chance.below(100) {
            0..=34 => self.claim().await,
            35..=49 => self.promise().await,
            50..=56 => self.withdraw().await,
            57..=71 => {
                let most = 12;
                self.settle(most).await;
            }
            72..=76 => self.pick().await,
            77..=79 => self.list_older().await,
            80..=85 => self.find().await,
            86..=88 => self.set_terms().await,
            89 => self.close().await,
            90..=91 => self.open().await,
            _ => self.turn(),
        }
    }

    fn now(&mut self) -> Millis {
        self.latest = self.latest.max(self.clock.now());
        self.latest
    }

    fn turn(&mut self) {
        let by = [3, 40, 900, 12_500, 30_000][self.chance.small(5) as usize];
        // Often to the millisecond: limits of time lie there.
        let by = Duration::from_millis(by + if self.chance.happens(50) { self.chance.below(5) } else { 0 });
        if self.chance.happens(25) { self.clock.turn_back(by / 3) } else { self.clock.turn(by) }
    }

    /// A new id, younger or older than now, or one that was there before.
    fn order(&mut self) -> OrderId {
        if !self.orders.is_empty() && self.chance.happens(10) {
            // Of long ago: its note may have been dropped.
            return self.orders[self.chance.small(u32::try_from(self.orders.len()).unwrap()) as usize];
        }
        if !self.tickets.is_empty() && self.chance.happens(10) {
            let at = self.chance.small(u32::try_from(self.tickets.len()).unwrap()) as usize;
            return *self.tickets.keys().nth(at).unwrap();
        }
        if !self.orders.is_empty() && self.chance.happens(45) {
            let recent = self.orders.len().saturating_sub(60);
            let at = recent + self.chance.small(u32::try_from(self.orders.len() - recent).unwrap()) as usize;
            return self.orders[at];
        }
        let ahead = i64::try_from(self.chance.below(300_000)).unwrap() - 150_000;
        let time = u128::try_from(self.clock.now().0 + ahead).unwrap() << 80;
        let random = u128::from(self.chance.below(u64::MAX)) & 0x3fff_ffff_ffff_ffff;
        let order = OrderId(uuid::Uuid::from_u128(time | 0x7000_8000_0000_0000_0000 | random));
        self.orders.push(order);
        order
    }

    fn fingerprint(&mut self, order: OrderId) -> Fingerprint {
        let usual = i64::from_le_bytes(order.bytes()[8..].try_into().unwrap());
        Fingerprint(if self.chance.happens(6) { usual ^ 1 } else { usual })
    }

    fn buyer(&mut self) -> BuyerId {
        BuyerId(i64::from(self.chance.small(5)) - 2)
    }

    async fn claim(&mut self) {
        let many = 1 + self.chance.below(6);
        let claims = (0..many).map(|_| {
            let order = self.order();
            let request = ClaimRequest {
                order,
                quantity: 1 + self.chance.small(4),
                buyer: self.buyer(),
                fingerprint: self.fingerprint(order),
                looked_up: self.tickets.get(&order).copied().filter(|_| self.chance.happens(90)),
            };
            ClaimOf { pool: POOL, request }
        });
        let claims: Vec<_> = claims.collect();
        let now = self.now();
        let answers = self.ledger.claim(&claims).await.unwrap();
        for (of, answer) in claims.iter().zip(answers) {
            let expected = self.book.as_mut().map(|book| book.claim(now, &of.request));
            assert_eq!(answer, expected, "{of:?}");
            match answer {
                Some(ClaimAnswer::Claimed { attempt }) => self.attempts.push((of.request.order, attempt)),
                Some(ClaimAnswer::LookUpFirst(ticket)) => drop(self.tickets.insert(of.request.order, ticket)),
                _ => {}
            }
        }
    }

    async fn promise(&mut self) {
        let many = 1 + self.chance.below(6);
        let promises = (0..many).map(|_| {
            let order = self.order();
            PromiseOf { pool: POOL, order, fingerprint: self.fingerprint(order) }
        });
        let promises: Vec<_> = promises.collect();
        let now = self.now();
        let answers = self.ledger.promise(&promises).await.unwrap();
        for (of, answer) in promises.iter().zip(answers) {
            let refused = stampede_domain::ledger::PromiseAnswer::Refused;
            let expected = self.book.as_mut().map_or(refused, |book| book.promise(now, of.order, of.fingerprint));
            assert_eq!(answer, expected, "{of:?}");
        }
    }

    async fn withdraw(&mut self) {
        let Some((order, attempt)) = self.attempts.pop() else { return };
        let attempt = if self.chance.happens(20) { attempt + 1 } else { attempt };
        let now = self.now();
        self.ledger.withdraw(&[Withdrawal { pool: POOL, order, attempt }]).await.unwrap();
        if let Some(book) = &mut self.book {
            book.withdraw(now, order, attempt);
        }
    }

    async fn settle(&mut self, most: u32) {
        let version = if self.chance.happens(30) { self.version } else { self.version + 1 + self.chance.below(3) };
        self.version = self.version.max(version);
        let decided = (0..self.chance.small(most) + most / 2).map(|_| {
            let order = self.order();
            let decision = Decision::ALL[self.chance.small(5) as usize];
            Decided { order, fingerprint: self.fingerprint(order), decision }
        });
        let decided = decided.collect();
        let buyers = (0..self.chance.below(4)).map(|_| (self.buyer(), self.chance.small(6))).collect();
        let (held, sold) = (self.chance.small(5), self.chance.small(30));
        let numbers = PoolNumbers { capacity: 40, held, sold, version: version.saturating_sub(self.chance.below(2)) };
        let settlement = Settlement { pool: POOL, numbers, decided, buyers };
        for _ in 0..=self.chance.below(2) {
            let now = self.now();
            let broken = self.ledger.settle(std::slice::from_ref(&settlement), None).await.unwrap();
            let expected = self.book.as_mut().map(|book| book.settle(now, &settlement)).unwrap_or_default();
            assert_eq!(broken, expected, "{settlement:?}");
        }
    }

    async fn pick(&mut self) {
        let now = self.now();
        let (epoch, mut picked) = self.ledger.pick(POOL, 1_000).await.unwrap();
        let (expected_epoch, mut expected) =
            self.book.as_mut().map_or((0, vec![]), |book| (book.epoch(), book.pick(now, 1_000)));
        let by_order = |picked: &Picked| picked.order;
        picked.sort_unstable_by_key(by_order);
        expected.sort_unstable_by_key(by_order);
        assert_eq!((epoch, picked), (expected_epoch, expected));
    }

    async fn list_older(&mut self) {
        let age = Duration::from_millis(self.chance.below(40_000));
        let now = self.now();
        let mut older = self.ledger.claims_older_than(POOL, age, 100_000).await.unwrap();
        let mut expected = self.book.as_ref().map_or(vec![], |book| book.claims_older_than(now, age, 100_000));
        older.sort_unstable();
        expected.sort_unstable();
        assert_eq!(older, expected);
    }

    async fn find(&mut self) {
        let order = self.order();
        let now = self.now();
        let found = self.ledger.find(order).await.unwrap();
        let known = self.book.as_ref().map(|book| (book.find(order), book.awaits_backlog(now)));
        let expected = known.and_then(|(known, waits)| (known != Known::Nothing || !waits).then_some(known));
        assert_eq!(found, expected, "{order}");
    }

    fn terms(&mut self) -> Terms {
        let now = self.clock.now();
        let opens_in = if self.chance.happens(10) { 20_000 } else { 0 };
        let closes_in = if self.chance.happens(10) { 10_000 } else { 9_000_000 };
        Terms {
            opens_at: now.plus(Duration::from_millis(opens_in)),
            closes_at: now.plus(Duration::from_millis(closes_in)),
            paused: self.chance.happens(5),
            limit_per_buyer: self.chance.happens(50).then(|| 4 + self.chance.small(8)),
        }
    }

    async fn set_terms(&mut self) {
        let (epoch, terms) = (self.epoch + u64::from(self.chance.happens(10)), self.terms());
        let revision = self.chance.below(1_000);
        self.now();
        self.ledger.set_terms(POOL, epoch, revision, terms).await.unwrap();
        if let Some(book) = &mut self.book {
            book.set_terms(epoch, revision, terms);
        }
    }

    async fn close(&mut self) {
        let epoch = self.epoch + self.chance.below(3);
        self.now();
        self.ledger.close(POOL, epoch).await.unwrap();
        if self.book.as_ref().is_some_and(|book| book.epoch() < epoch) {
            self.book = None;
        }
    }

    async fn open(&mut self) {
        let undecided = (0..self.chance.below(5)).map(|_| {
            let order = self.order();
            let (asked_at, contact) = (self.clock.now(), Contact::default());
            let (quantity, buyer, fingerprint) = (1 + self.chance.small(2), self.buyer(), self.fingerprint(order));
            Intent { order, pool: POOL, quantity, buyer, fingerprint, asked_at, contact, trace: None }
        });
        let undecided = undecided.collect();
        let epoch = (self.epoch + self.chance.below(3)).max(1);
        let terms = self.terms();
        let limited = terms.limit_per_buyer.is_some();
        let opening = Opening {
            epoch,
            numbers: PoolNumbers { capacity: 40, held: 0, sold: self.chance.small(20), version: self.version },
            terms,
            buyers: if limited { vec![(BuyerId(0), 2), (BuyerId(-1), 5)] } else { vec![] },
            undecided,
            virgin: self.chance.happens(40),
            drained: self.chance.happens(50),
            revision: self.chance.below(300),
        };
        let now = self.now();
        self.ledger.open(POOL, &opening).await.unwrap();
        if self.book.is_none() && epoch > self.last_epoch {
            self.book = Some(PoolBook::open(now, &opening).keeping_notes(NOTES));
            (self.last_epoch, self.epoch) = (epoch, epoch);
        }
    }

    async fn look(&mut self, step: u32) {
        let now = self.now();
        let snapshot = self.ledger.snapshot().await.unwrap();
        assert_eq!(snapshot.now, now, "step {step}");
        let seen = snapshot.pools.first().map(|open| (open.numbers, open.revision));
        assert_eq!(seen, self.book.as_ref().map(|book| (book.numbers(), book.revision())), "step {step}");
    }
}
