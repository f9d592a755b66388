//! A crowd for tests: buyers who want different quantities, repeat themselves, hang up, and try again with less.

use super::{Shop, json, key};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use reqwest::{Client, StatusCode};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// What the crowd was told.
#[derive(Default)]
pub(crate) struct Crowd {
    /// Units of each order that was told 202.
    pub(crate) promised: Mutex<HashMap<String, u32>>,
    pub(crate) hung_up: AtomicU32,
    pub(crate) repeated: AtomicU32,
    pub(crate) put_off: AtomicU32,
    pub(crate) unknown: AtomicU32,
    /// Where the shop is; it moves when it starts again.
    url: RwLock<String>,
    leave: AtomicBool,
}

impl Crowd {
    /// `buyers` who begin to buy at once, each for as long as there is anything.
    pub(crate) fn come(shop: &Shop, buyers: u64, seed: u64) -> (Arc<Self>, JoinSet<()>) {
        Self::come_to(&shop.url(""), &shop.client, buyers, seed)
    }

    /// The same, to any shop.
    pub(crate) fn come_to(url: &str, client: &Client, buyers: u64, seed: u64) -> (Arc<Self>, JoinSet<()>) {
        let crowd = Arc::new(Self { url: RwLock::new(url.to_owned()), ..Self::default() });
        let mut everyone = JoinSet::new();
        for number in 0..buyers {
            let (crowd, client) = (Arc::clone(&crowd), client.clone());
            everyone.spawn(async move { crowd.buyer(&client, number, seed ^ (number << 32)).await });
        }
        (crowd, everyone)
    }

    /// The shop has started again somewhere else.
    pub(crate) fn follow(&self, shop: &Shop) {
        *self.url.write().unwrap() = shop.url("");
    }

    /// Everyone goes home after the answer they wait for.
    pub(crate) fn go_home(&self) {
        self.leave.store(true, Ordering::Relaxed);
    }

    async fn buyer(&self, client: &Client, number: u64, seed: u64) {
        let mut chance = SmallRng::seed_from_u64(seed);
        let mut wanted = chance.random_range(1..=6);
        while wanted > 0 && !self.leave.load(Ordering::Relaxed) {
            match self.order(client, number, wanted, &mut chance).await {
                Told::Yes => wanted = chance.random_range(1..=6),
                Told::Less => wanted -= 1,
                // Units in flight may come back: the last ones are fought for.
                Told::NotNow => tokio::time::sleep(Duration::from_millis(20)).await,
                Told::SoldOut => return,
            }
        }
    }

    /// One order, asked for with one key until it is known what became of it.
    async fn order(&self, client: &Client, number: u64, wanted: u32, chance: &mut SmallRng) -> Told {
        let key = key();
        loop {
            let url = format!("{}/api/tickets/buy", self.url.read().unwrap());
            let body = format!(r#"{{"userId":"buyer-{number}","quantity":{wanted}}}"#);
            let request = client.post(url).header("content-type", "application/json").header("idempotency-key", &key);
            let asked = request.body(body).timeout(Duration::from_secs(5)).send();
            if chance.random_ratio(1, 8) {
                // Hangs up, perhaps before the request left, perhaps after the order was taken.
                let patience = Duration::from_micros(chance.random_range(0..3_000));
                if tokio::time::timeout(patience, asked).await.is_err() {
                    self.hung_up.fetch_add(1, Ordering::Relaxed);
                }
                continue;
            }
            let Ok(answer) = asked.await else {
                if self.leave.load(Ordering::Relaxed) {
                    return Told::SoldOut;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let again = chance.random_ratio(1, 10);
            match (answer.status(), again) {
                (StatusCode::ACCEPTED, _) => {
                    self.promised.lock().unwrap().insert(key.clone(), wanted);
                    if !again {
                        return Told::Yes;
                    }
                    self.repeated.fetch_add(1, Ordering::Relaxed);
                }
                (StatusCode::CONFLICT, _) => {
                    let problem = json(answer).await;
                    let last = problem["title"] == "Sold out" || problem["code"] != "sold_out";
                    return match (last, wanted) {
                        (true, _) => Told::SoldOut,
                        (false, 1) => Told::NotNow,
                        (false, _) => Told::Less,
                    };
                }
                (StatusCode::SERVICE_UNAVAILABLE, _) => {
                    let unknown = json(answer).await["code"] == "unknown";
                    let counter = if unknown { &self.unknown } else { &self.put_off };
                    counter.fetch_add(1, Ordering::Relaxed);
                    if self.leave.load(Ordering::Relaxed) {
                        return Told::SoldOut;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                (other, _) => panic!("{other} for an order of {wanted}: {:?}", answer.text().await),
            }
        }
    }
}

enum Told {
    Yes,
    Less,
    NotNow,
    SoldOut,
}
