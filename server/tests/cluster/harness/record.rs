//! What everybody was told, and when.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Answers that nobody may get: kept so many, counted all.
const SHOWN: usize = 10;

/// Told 202: for how many units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    pub(crate) units: u32,
}

/// The book of what was told.
#[derive(Default)]
pub(crate) struct Record {
    promises: Mutex<HashMap<String, Promise>>,
    /// When each 202 was told, and how long it took.
    promised_at: Mutex<Vec<(Instant, Duration)>>,
    put_off_at: Mutex<Vec<Instant>>,
    wrong: Mutex<Vec<String>>,
    /// Requests to buy.
    pub(crate) buys: AtomicU64,
    /// 202 to a key that had it before.
    pub(crate) replayed: AtomicU64,
    /// 503 that says it does not know, and requests that were never answered.
    pub(crate) unknown: AtomicU64,
    pub(crate) lost: AtomicU64,
    /// 409: nothing left for this buyer.
    pub(crate) sold_out: AtomicU64,
    /// 409: the order of this key has ended without tickets.
    pub(crate) ended: AtomicU64,
}

impl Record {
    pub(crate) fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn promise(&self, key: &str, units: u32, asked: Instant) {
        self.promised_at.lock().unwrap().push((Instant::now(), asked.elapsed()));
        let before = self.promises.lock().unwrap().insert(key.to_owned(), Promise { units });
        if before.is_some() {
            self.count(&self.replayed);
        }
    }

    pub(crate) fn put_off(&self) {
        self.put_off_at.lock().unwrap().push(Instant::now());
    }

    /// Something that must not be.
    pub(crate) fn wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    pub(crate) fn promises(&self) -> HashMap<String, Promise> {
        self.promises.lock().unwrap().clone()
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promises.lock().unwrap().len() as u64
    }

    pub(crate) fn put_offs(&self) -> u64 {
        self.put_off_at.lock().unwrap().len() as u64
    }

    /// Unknown outcomes of either kind.
    pub(crate) fn unknowns(&self) -> u64 {
        self.unknown.load(Ordering::Relaxed) + self.lost.load(Ordering::Relaxed)
    }

    /// How long after `moment` the first 503 was told.
    pub(crate) fn first_put_off_after(&self, moment: Instant) -> Option<Duration> {
        self.put_off_at.lock().unwrap().iter().filter(|at| **at >= moment).min().map(|at| *at - moment)
    }

    /// How long after `moment` the first 202 was told.
    pub(crate) fn first_promise_after(&self, moment: Instant) -> Option<Duration> {
        let told = self.promised_at.lock().unwrap();
        told.iter().map(|(at, _)| *at).filter(|at| *at >= moment).min().map(|at| at - moment)
    }

    /// The longest that a 202 told after `moment` took.
    pub(crate) fn slowest_promise_after(&self, moment: Instant) -> Duration {
        let told = self.promised_at.lock().unwrap();
        told.iter().filter(|(at, _)| *at >= moment).map(|(_, took)| *took).max().unwrap_or_default()
    }

    /// The longest time without a 202 between two moments.
    pub(crate) fn longest_gap(&self, from: Instant, to: Instant) -> Duration {
        let told = self.promised_at.lock().unwrap();
        let mut told: Vec<_> = told.iter().map(|(at, _)| *at).filter(|at| (from..to).contains(at)).collect();
        told.extend([from, to]);
        told.sort_unstable();
        told.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    /// All that was told.
    pub(crate) fn in_words(&self) -> String {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!(
            "{} requests: {} promised, {} again, {} sold out, {} ended, {} put off, {} unknown, {} never answered",
            count(&self.buys),
            self.promised(),
            count(&self.replayed),
            count(&self.sold_out),
            count(&self.ended),
            self.put_offs(),
            count(&self.unknown),
            count(&self.lost)
        )
    }

    /// Nobody was told what nobody may be told.
    pub(crate) fn is_in_order(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{} wrong answers: {:#?}", wrong.len(), &wrong[..wrong.len().min(SHOWN)]);
    }
}
