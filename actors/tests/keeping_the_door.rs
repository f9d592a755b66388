//! `Doorkeeper`: one process's counts judge at once, those of all processes a little later.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/counters.rs"]
mod counters;

use async_trait::async_trait;
use stampede_actors::{
    doorkeeper::{Admit, DoorSettings, Doorkeeper, DoorkeeperParts, Verdict},
    gate::Gate,
    mailbox::{Letter, Mailbox},
    ports::{Limit, LimitKey, PortFailure, PortResult, Quota, RateLimits, Take, Taken},
    tasks::Tasks,
};
use stampede_domain::BuyerId;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{task::LocalSet, time::Instant};

/// Counts by the book: for each key when it will have everything back.
#[derive(Default)]
struct Counts {
    full_at: Mutex<HashMap<LimitKey, Instant>>,
    calls: AtomicUsize,
    /// Units asked for, all together.
    units: AtomicUsize,
    takes_ms: AtomicU64,
    broken: AtomicBool,
    silent: AtomicBool,
}

#[async_trait]
impl RateLimits for Counts {
    async fn take(&self, asked: &[Take]) -> PortResult<Vec<Taken>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.units.fetch_add(asked.iter().map(|take| take.units as usize).sum(), Ordering::Relaxed);
        let takes = self.takes_ms.load(Ordering::Relaxed);
        if takes > 0 {
            pass(Duration::from_millis(takes)).await;
        }
        if self.silent.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if self.broken.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("on purpose".into()));
        }
        let (now, mut counts) = (Instant::now(), self.full_at.lock().unwrap());
        let taken = asked.iter().map(|Take { key, quota, units }| {
            let full_at = counts.entry(*key).or_insert(now);
            *full_at = (*full_at).max(now);
            let room = (quota.time_of(quota.burst) - (*full_at - now)).as_secs_f64();
            let room = (room * f64::from(quota.per_second) + 1e-6).floor();
            let granted = (0..=*units).rev().find(|granted| f64::from(*granted) <= room).unwrap_or(0);
            *full_at += quota.time_of(granted);
            let retry_after = quota.time_of((units - granted).min(quota.burst));
            let remaining = (0..=quota.burst).rev().find(|left| f64::from(*left) <= room - f64::from(granted));
            Taken { granted, remaining: remaining.unwrap_or(0), retry_after }
        });
        Ok(taken.collect())
    }
}

/// One worker's doorkeeper.
struct Worker(Mailbox<Admit>);

impl Worker {
    fn new(near: &Arc<Counts>, far: Option<&Arc<Counts>>, settings: DoorSettings) -> Self {
        let far = far.map(|far| Arc::clone(far) as Arc<dyn RateLimits>);
        let parts = DoorkeeperParts { near: Arc::clone(near) as _, far, settings };
        let doorkeeper = Doorkeeper::new(parts, Tasks::new(|| panic!("a task died")));
        let (door, mut letters) = tokio::sync::mpsc::unbounded_channel::<Letter<Admit>>();
        tokio::task::spawn_local(async move {
            while let Some(letter) = letters.recv().await {
                letter.open(&doorkeeper);
            }
        });
        Self(Mailbox::new(Gate::new("doorkeeper", 100), Arc::new(door)))
    }

    async fn admits(&self, who: Admit) -> Verdict {
        self.0.ask(who).await.unwrap()
    }

    /// How many of so many get in.
    async fn of(&self, requests: usize, who: Admit) -> usize {
        let mut admitted = 0;
        for _ in 0..requests {
            admitted += usize::from(self.admits(who).await.retry_after.is_none());
        }
        admitted
    }
}

const CAMPUS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

fn settings() -> DoorSettings {
    let quota = |burst, per_second| Quota { burst, per_second };
    DoorSettings { reads: quota(100, 100), orders: quota(20, 10), buyer: quota(2, 2), everyone: Quota::default() }
}

async fn on_stage(test: impl Future<Output = ()>) {
    LocalSet::new().run_until(test).await;
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn each_has_limits_of_their_own_and_is_told_how_they_stand() {
    on_stage(async {
        let worker = Worker::new(&Arc::default(), None, settings());
        assert_eq!(worker.of(30, Admit::Orderer(CAMPUS)).await, 20);
        let refused = worker.admits(Admit::Orderer(CAMPUS)).await;
        assert_eq!(refused.retry_after, Some(Duration::from_millis(100)));
        let standing = refused.standing.unwrap();
        assert_eq!((standing.limit, standing.remaining, standing.quota.burst), (Limit::Orders, 0, 20));
        let reader = worker.admits(Admit::Reader(CAMPUS)).await;
        assert_eq!((reader.retry_after, reader.standing.unwrap().remaining), (None, 99));
        assert_eq!(worker.of(3, Admit::Orderer(OTHER)).await, 3);
        assert_eq!(worker.of(3, Admit::Buyer(BuyerId(1))).await, 2);
        assert_eq!(worker.of(3, Admit::Repeater(BuyerId(1))).await, 2);
        assert_eq!(worker.of(1, Admit::Buyer(BuyerId(2))).await, 1);
        pass(Duration::from_secs(1)).await;
        assert_eq!(worker.of(30, Admit::Orderer(CAMPUS)).await, 10);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn everyone_together_has_a_limit_too_and_none_means_none() {
    on_stage(async {
        let everyone = DoorSettings { everyone: Quota { burst: 5, per_second: 5 }, ..DoorSettings::default() };
        let worker = Worker::new(&Arc::default(), None, everyone);
        assert_eq!(worker.of(3, Admit::Reader(CAMPUS)).await + worker.of(3, Admit::Orderer(OTHER)).await, 5);
        let refused = worker.admits(Admit::Reader(CAMPUS)).await;
        assert_eq!(refused.standing.unwrap().limit, Limit::Everyone);
        assert_eq!(worker.of(50, Admit::Buyer(BuyerId(1))).await, 50);
    })
    .await;
}

/// Four processes, each of which alone would let the address have everything.
#[tokio::test(start_paused = true)]
async fn processes_hold_a_limit_together() {
    on_stage(async {
        let far = Arc::default();
        let workers: Vec<_> = (0..4).map(|_| Worker::new(&Arc::default(), Some(&far), settings())).collect();
        let mut admitted = 0;
        for _ in 0..3_000 {
            for worker in &workers {
                admitted += worker.of(1, Admit::Orderer(CAMPUS)).await;
            }
            pass(Duration::from_millis(10)).await;
        }
        // Thirty seconds at ten a second, a burst, and what slips through before the first rounds: a burst at each process.
        assert!((300..=420).contains(&admitted), "{admitted} were let in");
        assert_eq!(workers[0].of(1, Admit::Orderer(OTHER)).await, 1, "the others do not suffer");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_now_and_then_is_not_told_of_and_who_asks_much_is_told_in_rounds() {
    on_stage(async {
        let far: Arc<Counts> = Arc::default();
        let worker = Worker::new(&Arc::default(), Some(&far), settings());
        for _ in 0..50 {
            worker.of(1, Admit::Reader(CAMPUS)).await;
            pass(Duration::from_secs(1)).await;
        }
        assert_eq!(far.calls.load(Ordering::Relaxed), 0);
        for _ in 0..100 {
            worker.of(2, Admit::Reader(CAMPUS)).await;
            pass(Duration::from_millis(10)).await;
        }
        let calls = far.calls.load(Ordering::Relaxed);
        assert!((10..=25).contains(&calls), "{calls} calls for 200 requests in a second");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_the_counts_of_all_each_process_goes_on_with_its_own() {
    on_stage(async {
        for silent in [false, true] {
            let far: Arc<Counts> = Arc::default();
            far.broken.store(true, Ordering::Relaxed);
            far.silent.store(silent, Ordering::Relaxed);
            let worker = Worker::new(&Arc::default(), Some(&far), settings());
            assert_eq!(worker.of(30, Admit::Orderer(CAMPUS)).await, 20);
            let asked = Instant::now();
            for _ in 0..100 {
                assert!(worker.of(30, Admit::Orderer(CAMPUS)).await <= 20, "its own counts hold");
                pass(Duration::from_millis(20)).await;
            }
            assert!(asked.elapsed() < Duration::from_secs(3), "nobody waited for them");
            assert!(far.calls.load(Ordering::Relaxed) > 1, "they are tried again");
            far.broken.store(false, Ordering::Relaxed);
            far.silent.store(false, Ordering::Relaxed);
            pass(Duration::from_secs(5)).await;
            assert_eq!(worker.of(30, Admit::Orderer(CAMPUS)).await, 20);
            pass(Duration::from_secs(1)).await;
            let key = LimitKey::address(Limit::Orders, CAMPUS);
            assert!(far.full_at.lock().unwrap().contains_key(&key), "they are told again");
        }
    })
    .await;
}

/// Another process has let the address have everything that comes back in two seconds.
#[tokio::test(start_paused = true)]
async fn who_cannot_pay_is_closed_until_the_debt_has_come_back_and_no_longer() {
    on_stage(async {
        let far: Arc<Counts> = Arc::default();
        let quota = settings().orders;
        let key = LimitKey::address(Limit::Orders, CAMPUS);
        far.take(&[Take { key, quota, units: 20 }]).await.unwrap();
        let worker = Worker::new(&Arc::default(), Some(&far), settings());
        assert_eq!(worker.of(20, Admit::Orderer(CAMPUS)).await, 20, "by its own counts");
        pass(Duration::from_millis(100)).await;
        let wait = worker.admits(Admit::Orderer(CAMPUS)).await.retry_after.unwrap();
        assert!((1_800..=2_000).contains(&wait.as_millis()), "{wait:?}");
        let calls = far.calls.load(Ordering::Relaxed);
        pass(Duration::from_millis(1_800)).await;
        assert_eq!(worker.of(1, Admit::Orderer(CAMPUS)).await, 0);
        assert_eq!(far.calls.load(Ordering::Relaxed), calls, "nobody is asked before it can be paid");
        pass(Duration::from_millis(400)).await;
        assert_eq!(worker.of(1, Admit::Orderer(CAMPUS)).await, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_let_in_while_it_is_being_told_is_told_in_the_next_round() {
    on_stage(async {
        let far: Arc<Counts> = Arc::default();
        far.takes_ms.store(100, Ordering::Relaxed);
        let worker = Worker::new(&Arc::default(), Some(&far), settings());
        assert_eq!(worker.of(10, Admit::Orderer(CAMPUS)).await, 10);
        pass(Duration::from_millis(100)).await;
        assert_eq!(worker.of(5, Admit::Orderer(CAMPUS)).await, 5);
        pass(Duration::from_secs(1)).await;
        assert_eq!(far.units.load(Ordering::Relaxed), 15);
    })
    .await;
}

/// Small debts wait for a second to become worth telling, and are forgotten then.
#[tokio::test(start_paused = true)]
async fn small_debts_add_up_within_a_second_and_not_beyond() {
    on_stage(async {
        let told_after = async |pauses: &[u64]| {
            let far: Arc<Counts> = Arc::default();
            let worker = Worker::new(&Arc::default(), Some(&far), settings());
            for pause in pauses {
                worker.of(1, Admit::Reader(CAMPUS)).await;
                pass(Duration::from_millis(*pause)).await;
            }
            far.units.load(Ordering::Relaxed)
        };
        assert_eq!(told_after(&[700, 200]).await, 2);
        assert_eq!(told_after(&[1_100, 200]).await, 0);
        assert_eq!(told_after(&[5_000, 10, 200]).await, 2, "the first one is forgotten");
    })
    .await;
}

#[test]
fn who_is_turned_away_is_counted_by_the_limit_and_who_repeats_as_a_buyer() {
    let counted = counters::counted(|| async {
        let worker = Worker::new(&Arc::default(), None, settings());
        worker.of(21, Admit::Orderer(CAMPUS)).await;
        worker.of(4, Admit::Buyer(BuyerId(1))).await;
        worker.of(5, Admit::Repeater(BuyerId(1))).await;
    });
    let of = |name: &str| counted.get(name).copied();
    assert_eq!(of("stampede_turned_away_total limit=orders"), Some(1));
    assert_eq!(of("stampede_turned_away_total limit=buyer"), Some(2));
    assert_eq!(of("stampede_turned_away_total limit=repeats"), None);
    assert_eq!(of("stampede_orders_total outcome=too_often"), Some(3));
}
