//! Who comes when, by how many connections, and what they note.

use super::{Happened, LOOKS, Size, buyer::Buyer, desk::Desk};
use crate::{
    harness::visitor::{Answer, Visitor},
    support::until,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_actors::{
    chance::KeyMaker,
    clock::{Clock, SystemClock},
};
use stampede_checker::paid::{Stories, Told};
use stampede_domain::{Millis, OrderId};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::JoinSet,
};

/// Buyers under way at a time, from the first question to the ticket: the others wait in line, so that this machine has the time
/// to serve those in fifteen seconds. Whoever leaves without a word leaves the line as well, but not what is held for him.
const AT_ONCE: usize = 160;
/// Most answers of a kind that should not be that are written out.
const MOST_STRANGE: usize = 20;

/// Everyone who wants a VIP pass.
pub(super) struct Crowd {
    pub(super) size: Size,
    pub(super) desk: Desk,
    door: SocketAddr,
    line: Semaphore,
    visitors: Mutex<Vec<Visitor>>,
    keys: Mutex<KeyMaker>,
    stories: Mutex<Stories>,
    happened: Mutex<Happened>,
    strange: Mutex<Vec<String>>,
    sold: AtomicU64,
    over: AtomicBool,
}

impl Crowd {
    pub(super) fn new(size: Size, door: SocketAddr, desk: Desk) -> Arc<Self> {
        Arc::new(Self {
            size,
            desk,
            door,
            line: Semaphore::new(AT_ONCE),
            visitors: Mutex::default(),
            keys: Mutex::new(KeyMaker::new(Arc::new(SystemClock))),
            stories: Mutex::default(),
            happened: Mutex::default(),
            strange: Mutex::default(),
            sold: AtomicU64::new(0),
            over: AtomicBool::new(false),
        })
    }

    /// Everyone sets out.
    pub(super) fn come(self: &Arc<Self>, seed: u64) -> JoinSet<()> {
        let mut everyone = JoinSet::new();
        for number in 0..self.size.buyers {
            let (crowd, mut chance) = (Arc::clone(self), SmallRng::seed_from_u64(seed ^ (number << 24)));
            everyone.spawn(async move {
                tokio::time::sleep(crowd.size.arrive_within.mul_f64(chance.random_range(0.0..1.0))).await;
                crowd.count("came");
                Buyer::new(crowd, number, chance).lives().await;
            });
        }
        everyone
    }

    /// Somebody looks at the numbers until everything is sold.
    pub(super) fn watch(self: &Arc<Self>) {
        let crowd = Arc::clone(self);
        tokio::spawn(async move {
            while !crowd.is_over() {
                tokio::time::sleep(LOOKS).await;
                let Some(sold) = crowd.shown_as_sold().await else { continue };
                crowd.sold.store(sold, Ordering::Relaxed);
                crowd.over.store(sold >= u64::from(crowd.size.capacity), Ordering::Relaxed);
            }
        });
    }

    /// What the shop shows as sold in the end.
    pub(super) async fn shown_at_last(&self) -> u64 {
        let mut shown = 0;
        until("the shop shows what is sold", &mut async || {
            let told = self.shown_as_sold().await;
            shown = told.unwrap_or(shown);
            told.is_some()
        })
        .await;
        shown
    }

    /// What the shop shows as sold; `None` when it does not say.
    pub(super) async fn shown_as_sold(&self) -> Option<u64> {
        let answer = self.get("/api/v1/events/frequency-festival/availability").await?;
        let vip = answer.body["ticketTypes"].as_array()?.iter().find(|shown| shown["id"] == "vip-pass")?;
        vip["sold"].as_u64()
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Whether enough will still come who want what comes back.
    pub(super) fn is_far_from_over(&self) -> bool {
        self.sold() < u64::from(self.size.capacity) * 3 / 4
    }

    pub(super) fn sold(&self) -> u64 {
        self.sold.load(Ordering::Relaxed)
    }

    pub(super) async fn get(&self, path: &str) -> Option<Answer> {
        let mut visitor = self.visitor();
        let answer = visitor.get(path).await;
        self.visitors.lock().unwrap().push(visitor);
        answer
    }

    pub(super) async fn post(&self, path: &str, kind: &str, further: &str, body: &str) -> Option<Answer> {
        let mut visitor = self.visitor();
        let answer = visitor.post(path, kind, further, body).await;
        self.visitors.lock().unwrap().push(visitor);
        answer
    }

    /// Stands in line until it is this one's turn.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.line.acquire().await.expect("the line is never closed")
    }

    fn visitor(&self) -> Visitor {
        let idle = self.visitors.lock().unwrap().pop();
        idle.unwrap_or_else(|| Visitor::new(&[self.door], 0))
    }

    pub(super) fn key(&self) -> OrderId {
        self.keys.lock().unwrap().fresh()
    }

    pub(super) fn now(&self) -> Millis {
        SystemClock.now()
    }

    /// Something happened.
    pub(super) fn count(&self, what: &'static str) {
        *self.happened.lock().unwrap().entry(what).or_default() += 1;
    }

    /// An answer that nobody may get.
    pub(super) fn wonder(&self, what: &str, answer: &Answer) {
        let mut strange = self.strange.lock().unwrap();
        if strange.len() < MOST_STRANGE {
            strange.push(format!("{what} was answered {} {}", answer.status, answer.body));
        }
    }

    pub(super) fn told(&self, told: Told) {
        self.stories.lock().unwrap().told.push(told);
    }

    pub(super) fn got(&self, order: OrderId, tickets: Vec<String>) {
        self.stories.lock().unwrap().tickets.insert(order, tickets);
    }

    pub(super) fn stories(&self) -> Stories {
        self.stories.lock().unwrap().clone()
    }

    pub(super) fn happened(&self) -> Happened {
        self.happened.lock().unwrap().clone()
    }

    pub(super) fn strange(&self) -> Vec<String> {
        self.strange.lock().unwrap().clone()
    }
}

/// Half as long as said, or all of it, or something in between.
pub(super) async fn about(wait: Duration, chance: &mut SmallRng) {
    tokio::time::sleep(wait.mul_f64(chance.random_range(0.5..1.0))).await;
}
