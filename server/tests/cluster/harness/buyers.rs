//! People who buy through the door, and do what its answers tell them.

use super::{
    door::Door,
    record::Record,
    visitor::{Answer, Visitor},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_actors::{chance::KeyMaker, clock::SystemClock};
use stampede_checker::{Outcome, Refusal};
use stampede_domain::OrderId;
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet, time::Instant};

/// The longest that a buyer of these tests waits for the time of `Retry-After`: patience is not what is tested.
const WAIT_AT_MOST: Duration = Duration::from_millis(300);
/// How long a buyer asks with the same key. Longer is a shop that never says what became of an order.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a buyer does who asks again at once.
const BREATH: Duration = Duration::from_millis(20);

/// What became of one order, as its buyer was told.
pub(crate) enum Told {
    Yes,
    /// Nothing left; or nothing left for now, for as many.
    SoldOut {
        finally: bool,
    },
    /// The order of this key has ended, so a new key is needed.
    Ended,
    /// The buyer went home without knowing, or with an answer that nobody may get: the record has it.
    Nothing,
}

/// Who may come when.
#[derive(Clone, Copy, Debug, Default)]
struct Tide {
    /// Everyone who waits comes when it rises.
    wave: u64,
    /// Nobody waits for waves any more.
    free: bool,
    /// Who was not answered waits until this is over, and then all come back at once.
    barred: bool,
}

/// A crowd.
pub(crate) struct Buyers {
    pub(crate) record: Arc<Record>,
    /// Where its visitors try.
    doors: Vec<SocketAddr>,
    /// Most units of one buyer, who is there for two orders then.
    limit: Option<u32>,
    keys: Mutex<KeyMaker>,
    tide: watch::Sender<Tide>,
    leave: AtomicBool,
    next: AtomicU64,
    returning: Mutex<VecDeque<(Instant, u64)>>,
}

/// Somebody who buys: one connection, and chance of their own.
pub(crate) struct Buyer {
    visitor: Visitor,
    chance: SmallRng,
}

impl Buyers {
    pub(crate) fn new(door: &Door) -> Arc<Self> {
        Self::at(vec![door.proxy()], None)
    }

    /// A crowd that divides itself among several doors.
    pub(crate) fn at(doors: Vec<SocketAddr>, limit: Option<u32>) -> Arc<Self> {
        Arc::new(Self {
            record: Arc::default(),
            doors,
            limit,
            keys: Mutex::new(KeyMaker::new(Arc::new(SystemClock))),
            tide: watch::Sender::default(),
            leave: AtomicBool::new(false),
            next: AtomicU64::new(0),
            returning: Mutex::default(),
        })
    }

    /// `demand` buyers of 1 to `most` tickets each, 64 at a time. Who finds nothing left comes again for a single one, until
    /// the shop says that nothing will come back.
    pub(crate) fn storm(self: &Arc<Self>, demand: u64, most: u32, seed: u64) -> JoinSet<()> {
        self.tide.send_modify(|tide| tide.free = true);
        self.in_waves(64, demand, most, seed)
    }

    /// The same, as many at a time as there are `lanes`, each of which serves one buyer with every [`wave`](Self::wave).
    pub(crate) fn in_waves(self: &Arc<Self>, lanes: u64, demand: u64, most: u32, seed: u64) -> JoinSet<()> {
        let mut everyone = JoinSet::new();
        for lane in 0..lanes {
            let (this, mut buyer) = (Arc::clone(self), self.buyer(lane, seed));
            everyone.spawn(async move {
                let (mut tide, mut served) = (this.tide.subscribe(), 0);
                loop {
                    let risen = tide.wait_for(|tide| tide.free || tide.wave > served).await;
                    served = risen.expect("the crowd is there for as long as its lanes").wave;
                    let Some((number, is_new)) = this.next_of(demand).await else { return };
                    let wanted = if is_new { buyer.chance.random_range(1..=most) } else { 1 };
                    match this.order(&mut buyer, number, wanted).await {
                        Told::Yes | Told::SoldOut { finally: true } | Told::Nothing => {}
                        Told::SoldOut { finally: false } | Told::Ended => this.comes_again(number),
                    }
                }
            });
        }
        everyone
    }

    /// `at_once` buyers who go on buying one ticket after the other, with a pause between, until they are told to go home.
    pub(crate) fn steadily(self: &Arc<Self>, at_once: u64, pause: Duration, seed: u64) -> JoinSet<()> {
        let mut everyone = JoinSet::new();
        for lane in 0..at_once {
            let (this, mut buyer) = (Arc::clone(self), self.buyer(lane, seed));
            everyone.spawn(async move {
                while !this.leave.load(Ordering::Relaxed) {
                    let number = this.next.fetch_add(1, Ordering::Relaxed);
                    this.order(&mut buyer, number, 1).await;
                    let wait = pause.mul_f64(buyer.chance.random_range(0.5..1.5));
                    tokio::time::sleep(wait).await;
                }
            });
        }
        everyone
    }

    /// Everyone who waits comes now.
    pub(crate) fn wave(&self) {
        self.tide.send_modify(|tide| tide.wave += 1);
    }

    /// Nobody waits for waves any more.
    pub(crate) fn no_more_waves(&self) {
        self.tide.send_modify(|tide| tide.free = true);
    }

    /// While it is barred, who was not answered waits; then all of them come back in the same moment.
    pub(crate) fn bar(&self, barred: bool) {
        self.tide.send_modify(|tide| tide.barred = barred);
    }

    /// Everyone goes home once they know what became of their orders.
    pub(crate) async fn go_home(&self, everyone: JoinSet<()>) {
        self.leave.store(true, Ordering::Relaxed);
        everyone.join_all().await;
    }

    /// Somebody who buys.
    pub(crate) fn buyer(&self, lane: u64, seed: u64) -> Buyer {
        let first = usize::try_from(lane).unwrap_or(0);
        Buyer { visitor: Visitor::new(&self.doors, first), chance: SmallRng::seed_from_u64(seed ^ (lane << 32)) }
    }

    /// A fresh key.
    pub(crate) fn key(&self) -> OrderId {
        self.keys.lock().unwrap().fresh()
    }

    async fn order(&self, buyer: &mut Buyer, number: u64, quantity: u32) -> Told {
        let number = if self.limit.is_some() { number / 2 } else { number };
        let (key, user) = (self.key(), format!("buyer-{number}"));
        let told = self.order_by(buyer, key, &user, quantity).await;
        if matches!(told, Told::Yes) {
            self.what_some_do(buyer, key, &user, quantity).await;
        }
        told
    }

    /// One order, asked for with one key until it is known what became of it.
    pub(crate) async fn order_by(&self, buyer: &mut Buyer, key: OrderId, user: &str, quantity: u32) -> Told {
        let began = Instant::now();
        let mut limit_reached = 0;
        while began.elapsed() < PATIENCE {
            let (outcome, answer) = self.ask(buyer, key, user, quantity).await;
            match outcome {
                Outcome::Accepted { .. } => return Told::Yes,
                Outcome::Refused(Refusal::SoldOut { finally }) => return Told::SoldOut { finally },
                Outcome::Refused(Refusal::Ended(_)) => return Told::Ended,
                // Orders of this buyer that nobody knows of may still be counted; for a while.
                Outcome::Refused(Refusal::Limit) if limit_reached < 300 => limit_reached += 1,
                Outcome::PutOff | Outcome::Unknown | Outcome::Refused(Refusal::Paused) => {}
                _ => return Told::Nothing,
            }
            let wait = match &answer {
                Some(answer) => Duration::from_secs(answer.retry_after.unwrap_or(1)).min(WAIT_AT_MOST),
                None => self.until_let_in().await,
            };
            tokio::time::sleep(wait.mul_f64(buyer.chance.random_range(0.5..1.0))).await;
        }
        let what = format!("asked for in vain for {PATIENCE:?}");
        self.record.in_vain(key, what);
        Told::Nothing
    }

    /// Who was not answered comes back at once, or with everybody else.
    async fn until_let_in(&self) -> Duration {
        let mut tide = self.tide.subscribe();
        let let_in = tide.wait_for(|tide| !tide.barred).await;
        drop(let_in.expect("the crowd is there for as long as its lanes"));
        BREATH
    }

    /// Lost in the mail, pressed twice, looked up, the key used for something else, more wanted than allowed.
    async fn what_some_do(&self, buyer: &mut Buyer, key: OrderId, user: &str, quantity: u32) {
        match (buyer.chance.random_range(0..100_u8), self.limit) {
            (0..10, _) => drop(self.order_by_once(buyer, key, user, quantity).await),
            (10..15, _) => self.look(buyer, key).await,
            (15, _) => drop(self.order_by_once(buyer, key, user, quantity + 1).await),
            (16, Some(limit)) => drop(self.order_by_once(buyer, self.key(), user, limit).await),
            _ => {}
        }
    }

    async fn order_by_once(&self, buyer: &mut Buyer, key: OrderId, user: &str, quantity: u32) -> Outcome {
        self.ask(buyer, key, user, quantity).await.0
    }

    async fn ask(&self, buyer: &mut Buyer, key: OrderId, user: &str, quantity: u32) -> (Outcome, Option<Answer>) {
        let asked = self.record.asks(key, user, quantity);
        let answer = buyer.visitor.buy(&key.to_string(), user, quantity).await;
        (self.record.heard(&asked, answer.as_ref()), answer)
    }

    /// Looks where an order stands.
    pub(crate) async fn look(&self, buyer: &mut Buyer, order: OrderId) {
        let asked = self.record.looks(order);
        let answer = buyer.visitor.get(&format!("/api/orders/{order}")).await;
        self.record.heard(&asked, answer.as_ref());
    }

    /// The next buyer in the queue, and whether they are here for the first time; `None` when there is nobody any more.
    async fn next_of(&self, demand: u64) -> Option<(u64, bool)> {
        let new = self.next.fetch_add(1, Ordering::Relaxed);
        if new < demand {
            return Some((new, true));
        }
        loop {
            // Let go of at once: an arm locks again.
            let first = self.returning.lock().unwrap().pop_front();
            match first {
                None => return None,
                Some((when, buyer)) if when <= Instant::now() => return Some((buyer, false)),
                Some(later) => self.returning.lock().unwrap().push_back(later),
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    fn comes_again(&self, buyer: u64) {
        self.returning.lock().unwrap().push_back((Instant::now() + WAIT_AT_MOST, buyer));
    }
}
