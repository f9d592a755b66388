//! What everybody asked and was told, and when: the history that the checker judges, and a few numbers of it that tests wait for.

use super::visitor::Answer;
use serde_json::Value;
use stampede_checker::{Ask, Body, Fault, History, Outcome, Recorder, Refusal, What};
use stampede_domain::{BuyerId, Fingerprint, OrderId, OrderStatus, PoolId};
use std::{
    collections::HashSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The book of what was told.
pub(crate) struct Record {
    recorder: Recorder,
    began: Instant,
    promised: Mutex<HashSet<OrderId>>,
    /// When each 202 was told that was promised then and not before, and how long it took.
    promised_at: Mutex<Vec<(Instant, Duration)>>,
    put_off_at: Mutex<Vec<Instant>>,
    /// Requests to buy, and those of them without an answer yet.
    pub(crate) buys: AtomicU64,
    pub(crate) in_flight: AtomicU64,
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

/// A request under way.
pub(crate) struct Asked {
    call: u64,
    order: OrderId,
    at: Instant,
    buys: bool,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            recorder: Recorder::default(),
            began: Instant::now(),
            promised: Mutex::default(),
            promised_at: Mutex::default(),
            put_off_at: Mutex::default(),
            buys: AtomicU64::default(),
            in_flight: AtomicU64::default(),
            replayed: AtomicU64::default(),
            unknown: AtomicU64::default(),
            lost: AtomicU64::default(),
            sold_out: AtomicU64::default(),
            ended: AtomicU64::default(),
        }
    }
}

/// The pool of all these tests.
pub(crate) fn pool() -> PoolId {
    PoolId::of(&"frequency-festival".parse().unwrap(), &"general-admission".parse().unwrap())
}

/// What the shop makes of such a request.
fn body(user: &str, quantity: u32) -> Body {
    let (pool, buyer) = (pool(), BuyerId::from_user_id(user));
    Body { pool, buyer, quantity, fingerprint: Fingerprint::of(buyer, pool, quantity, [Some(user), None, None]) }
}

impl Record {
    /// Milliseconds since it began.
    pub(crate) fn at(&self, moment: Instant) -> u64 {
        u64::try_from((moment - self.began).as_millis()).unwrap_or(u64::MAX)
    }

    fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// Somebody is about to ask for tickets.
    pub(crate) fn asks(&self, order: OrderId, user: &str, quantity: u32) -> Asked {
        self.buys.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let ask = Ask::Buy { order, body: body(user, quantity) };
        Asked { call: self.recorder.asked(self.now(), ask), order, at: Instant::now(), buys: true }
    }

    /// Somebody is about to look where an order stands.
    pub(crate) fn looks(&self, order: OrderId) -> Asked {
        let call = self.recorder.asked(self.now(), Ask::Look { order });
        Asked { call, order, at: Instant::now(), buys: false }
    }

    /// What came of it; `None`: nothing was heard.
    pub(crate) fn heard(&self, asked: &Asked, answer: Option<&Answer>) -> Outcome {
        let outcome = match answer {
            Some(answer) if asked.buys => bought(asked.order, answer),
            Some(answer) => looked(asked.order, answer),
            None => Outcome::Unknown,
        };
        if asked.buys {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.count(asked, answer.is_some(), &outcome);
        }
        self.recorder.answered(self.now(), asked.call, outcome.clone());
        outcome
    }

    fn count(&self, asked: &Asked, heard: bool, outcome: &Outcome) {
        let one_more = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match outcome {
            Outcome::Accepted { replayed, .. } => {
                if !self.promised.lock().unwrap().insert(asked.order) {
                    one_more(&self.replayed);
                } else if !replayed {
                    self.promised_at.lock().unwrap().push((Instant::now(), asked.at.elapsed()));
                }
            }
            Outcome::Refused(Refusal::SoldOut { .. }) => one_more(&self.sold_out),
            Outcome::Refused(Refusal::Ended(_)) => one_more(&self.ended),
            Outcome::PutOff => self.put_off_at.lock().unwrap().push(Instant::now()),
            Outcome::Unknown if heard => one_more(&self.unknown),
            Outcome::Unknown => one_more(&self.lost),
            _ => {}
        }
    }

    /// Somebody gave up: an order without an end, which nobody may have.
    pub(crate) fn in_vain(&self, order: OrderId, what: String) {
        let asked = self.looks(order);
        self.recorder.answered(self.now(), asked.call, Outcome::Strange { what });
    }

    /// Something was broken on purpose.
    pub(crate) fn broke(&self, fault: Fault) {
        self.recorder.note(self.now(), What::Fault(fault));
    }

    /// Every order told 202 until this moment was found decided.
    pub(crate) fn all_decided(&self) {
        self.recorder.note(self.now(), What::AllDecided {});
    }

    /// Everything so far.
    pub(crate) fn history(&self) -> History {
        self.recorder.history()
    }

    /// Orders told 202.
    pub(crate) fn promises(&self) -> HashSet<OrderId> {
        self.promised.lock().unwrap().clone()
    }

    pub(crate) fn promised(&self) -> u64 {
        self.promised.lock().unwrap().len() as u64
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
        // Told in this order, and asked for again and again: only the latest are looked at.
        let first = told.partition_point(|(at, _)| *at < moment);
        told.get(first).map(|(at, _)| *at - moment)
    }

    /// How long after `moment` the first 202 was told that was asked for after it, too.
    pub(crate) fn first_promise_asked_after(&self, moment: Instant) -> Option<Duration> {
        let told = self.promised_at.lock().unwrap();
        let first = told.partition_point(|(at, _)| *at < moment);
        told[first..].iter().find(|(at, took)| *at - *took >= moment).map(|(at, _)| *at - moment)
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
}

/// An answer to who wants to buy, as the protocol means it.
fn bought(order: OrderId, answer: &Answer) -> Outcome {
    let code = answer.body["code"].as_str();
    let may_come_back = answer.retry_after.is_some_and(|seconds| seconds > 0);
    let refusal = match (answer.status, code) {
        (202, _) => return accepted(order, answer),
        (503, Some("unknown")) if may_come_back => return Outcome::Unknown,
        // The proxy's own words.
        (503, None) if may_come_back && answer.body["title"] == "No node answered" => return Outcome::Unknown,
        (503, Some("paused")) if may_come_back => Refusal::Paused,
        (503 | 429, Some(_)) if may_come_back => return Outcome::PutOff,
        // Its head or body did not arrive in time, as far as a node could tell that stood still: nobody has read the order.
        (408, _) => return Outcome::PutOff,
        (425, Some("not_open")) => Refusal::NotOpen,
        (409, Some("sold_out")) => Refusal::SoldOut { finally: answer.body["title"] == "Sold out" },
        (409, Some("limit")) => Refusal::Limit,
        (409, Some("sale_over")) => Refusal::SaleOver,
        (409, Some("rejected")) => Refusal::Ended(OrderStatus::Rejected),
        (409, Some("expired")) => Refusal::Ended(OrderStatus::Expired),
        (409, Some("failed")) => Refusal::Ended(OrderStatus::Failed),
        (422, Some("key_reused")) => Refusal::KeyReused,
        (422, Some("too_many_at_once")) => Refusal::TooManyAtOnce,
        _ => return strange(answer),
    };
    Outcome::Refused(refusal)
}

fn accepted(order: OrderId, answer: &Answer) -> Outcome {
    let quantity = answer.body["quantity"].as_u64().and_then(|units| u32::try_from(units).ok());
    let is_ours = answer.body["orderId"] == order.to_string();
    match (is_ours, status(&answer.body), quantity) {
        (true, Some(status), Some(quantity)) => Outcome::Accepted { status, replayed: answer.replayed, quantity },
        _ => strange(answer),
    }
}

/// An answer to who looks where an order stands.
fn looked(order: OrderId, answer: &Answer) -> Outcome {
    match (answer.status, status(&answer.body)) {
        (200, Some(status)) if answer.body["orderId"] == order.to_string() => Outcome::Told { status },
        (404, _) => Outcome::NotFound,
        (503, _) if answer.retry_after.is_some() => Outcome::NotKnownYet,
        // A node that stood still, as above.
        (408, _) => Outcome::NotKnownYet,
        _ => strange(answer),
    }
}

fn status(body: &Value) -> Option<OrderStatus> {
    let said = body["status"].as_str()?;
    OrderStatus::ALL.into_iter().find(|status| status.as_str() == said)
}

fn strange(answer: &Answer) -> Outcome {
    Outcome::Strange { what: format!("{} {}, Retry-After {:?}", answer.status, answer.body, answer.retry_after) }
}
