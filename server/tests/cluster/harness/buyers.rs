//! People who buy through the door, and do what its answers tell them.

use super::{
    door::{Answer, Door, Outcome},
    record::Record,
};
use crate::support::key;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

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
    /// The buyer went home without knowing. That is an entry in the record, too.
    Nothing,
}

/// A crowd.
pub(crate) struct Buyers {
    pub(crate) door: Arc<Door>,
    pub(crate) record: Arc<Record>,
    leave: AtomicBool,
    next: AtomicU64,
    returning: Mutex<VecDeque<(Instant, u64)>>,
}

impl Buyers {
    pub(crate) fn new(door: &Arc<Door>) -> Arc<Self> {
        Arc::new(Self {
            door: Arc::clone(door),
            record: Arc::default(),
            leave: AtomicBool::new(false),
            next: AtomicU64::new(0),
            returning: Mutex::default(),
        })
    }

    /// `demand` buyers of 1 to `most` tickets each, 64 at a time. Who finds nothing left comes again for a single one, until
    /// the shop says that nothing will come back.
    pub(crate) fn storm(self: &Arc<Self>, demand: u64, most: u32, seed: u64) -> JoinSet<()> {
        let mut everyone = JoinSet::new();
        for lane in 0..64 {
            let this = Arc::clone(self);
            let mut chance = SmallRng::seed_from_u64(seed ^ (lane << 32));
            everyone.spawn(async move {
                while let Some((buyer, is_new)) = this.next_of(demand).await {
                    let wanted = if is_new { chance.random_range(1..=most) } else { 1 };
                    match this.order(buyer, wanted, &mut chance).await {
                        Told::Yes | Told::SoldOut { finally: true } | Told::Nothing => {}
                        Told::SoldOut { finally: false } | Told::Ended => this.comes_again(buyer),
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
            let this = Arc::clone(self);
            let mut chance = SmallRng::seed_from_u64(seed ^ (lane << 32));
            everyone.spawn(async move {
                while !this.leave.load(Ordering::Relaxed) {
                    let buyer = this.next.fetch_add(1, Ordering::Relaxed);
                    this.order(buyer, 1, &mut chance).await;
                    tokio::time::sleep(pause.mul_f64(chance.random_range(0.5..1.5))).await;
                }
            });
        }
        everyone
    }

    /// Everyone goes home once they know what became of their orders.
    pub(crate) async fn go_home(&self, everyone: JoinSet<()>) {
        self.leave.store(true, Ordering::Relaxed);
        everyone.join_all().await;
    }

    async fn order(&self, buyer: u64, quantity: u32, chance: &mut SmallRng) -> Told {
        self.order_by(&key(), &format!("buyer-{buyer}"), quantity, chance).await
    }

    /// One order, asked for with one key until it is known what became of it.
    pub(crate) async fn order_by(&self, key: &str, user: &str, quantity: u32, chance: &mut SmallRng) -> Told {
        let began = Instant::now();
        let mut promised = false;
        while began.elapsed() < PATIENCE {
            let asked = Instant::now();
            self.record.count(&self.record.buys);
            let answer = match self.door.buy(None, key, user, quantity).await {
                Outcome::Answered(answer) => answer,
                Outcome::Lost => {
                    self.record.count(&self.record.lost);
                    tokio::time::sleep(BREATH).await;
                    continue;
                }
            };
            match self.heed(key, quantity, &answer, asked) {
                // One in ten repeats the order: lost in the mail, pressed twice.
                Some(Told::Yes) if !promised && chance.random_ratio(1, 10) => promised = true,
                Some(told) => return told,
                None => {
                    let wait = Duration::from_secs(answer.retry_after.unwrap_or(0)).min(WAIT_AT_MOST);
                    tokio::time::sleep(wait.mul_f64(chance.random_range(0.5..1.0))).await;
                }
            }
        }
        self.record.wrong(format!("order {key} was asked for in vain for {PATIENCE:?}"));
        Told::Nothing
    }

    /// What an answer means to its buyer; `None`: come back with the same key.
    fn heed(&self, key: &str, quantity: u32, answer: &Answer, asked: Instant) -> Option<Told> {
        let record = &self.record;
        match (answer.status, answer.body["code"].as_str()) {
            (202, _) if answer.body["orderId"] == key => {
                record.promise(key, quantity, asked);
                Some(Told::Yes)
            }
            (409, Some("sold_out")) => {
                record.count(&record.sold_out);
                Some(Told::SoldOut { finally: answer.body["title"] == "Sold out" })
            }
            (409, Some("rejected" | "expired" | "failed")) => {
                record.count(&record.ended);
                Some(Told::Ended)
            }
            (503, code) if answer.retry_after.is_some_and(|seconds| seconds > 0) => {
                if code == Some("unknown") {
                    record.count(&record.unknown);
                } else {
                    record.put_off();
                }
                None
            }
            _ => {
                record.wrong(format!("order {key} of {quantity}: {answer:?}"));
                Some(Told::Nothing)
            }
        }
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
