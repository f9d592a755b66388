//! What was asked, answered, never answered, and broken on purpose, in the order in which it happened.

use serde::{Deserialize, Serialize};
use stampede_domain::{BuyerId, Fingerprint, OrderId, OrderStatus, PoolId};
use std::{
    io::{self, BufRead, Write},
    sync::{Mutex, PoisonError},
};

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, in milliseconds of a monotonic clock since the history began.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A request is about to be sent.
    Asked {
        /// Its number, used once.
        call: u64,
        /// For what.
        ask: Ask,
    },
    /// Its answer was read, or given up.
    Answered {
        /// Which request.
        call: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// A fault is over; when it began is said in it.
    Fault(Fault),
    /// Every order told 202 so far was found decided in the store.
    AllDecided {},
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Units under a key.
    Buy {
        /// The key, which is the order's id.
        order: OrderId,
        /// The rest of the request.
        body: Body,
    },
    /// Where an order stands.
    Look {
        /// Which.
        order: OrderId,
    },
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Of which pool.
    pub pool: PoolId,
    /// Whose.
    pub buyer: BuyerId,
    /// How many units.
    pub quantity: u32,
    /// What tells this request from another one of the same key.
    pub fingerprint: Fingerprint,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 202.
    Accepted {
        /// As the answer said.
        status: OrderStatus,
        /// "An earlier request did it."
        replayed: bool,
        /// Units that the answer promised.
        quantity: u32,
    },
    /// A no.
    Refused(Refusal),
    /// "Not now; this request took nothing" (503, 429).
    PutOff,
    /// Perhaps: a 503 that says "unknown", a timeout, a broken connection.
    Unknown,
    /// Where the order stands (200).
    Told {
        /// As the answer said.
        status: OrderStatus,
    },
    /// "There is no such order" (404).
    NotFound,
    /// "We cannot look it up now" (503).
    NotKnownYet,
    /// An answer that the protocol does not have.
    Strange {
        /// Which; no names, no addresses.
        what: String,
    },
}

/// A no, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 425.
    NotOpen,
    /// 503, by the organizer.
    Paused,
    /// 409.
    SaleOver,
    /// 409: fewer units are free than were asked for.
    SoldOut {
        /// Nothing is free, nothing is in flight: nothing will come back.
        finally: bool,
    },
    /// 409: the buyer's limit.
    Limit,
    /// 422: too many units in one order.
    TooManyAtOnce,
    /// 422: the key belongs to another request.
    KeyReused,
    /// 409: the key's order has ended so, without units.
    Ended(OrderStatus),
    /// 4xx: the request itself is no order.
    Invalid,
}

/// Something that was broken on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What, in words: faults of one kind have one name.
    pub kind: String,
    /// When it struck, in milliseconds of the history's clock.
    pub began_ms: u64,
    /// When everything was well again.
    pub over_ms: u64,
    /// What shows that it took effect: connections cut, leases run out, an epoch raised. `None`: nothing does, so it did not.
    pub effect: Option<String>,
    /// Units claimed in a ledger that was lost by it: as many promises may be broken. `None`: no ledger was lost.
    pub lost_units: Option<u64>,
    /// How much longer than usual the protocol lets the shop be closed after it, in milliseconds: one lease, where a ledger was
    /// opened before the writers had come to rest.
    #[serde(default)]
    pub grace_ms: u64,
}

/// A text that is no history.
#[derive(Debug, thiserror::Error)]
pub enum NotAHistory {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// A line that is no event.
    #[error("line {line} is no event: {why}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: serde_json::Error,
    },
}

/// Everything that happened, in the order in which it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Line by line; `at_ms` never falls.
    pub events: Vec<Event>,
}

impl History {
    /// Writes one event a line, as JSON.
    ///
    /// # Errors
    /// Whatever the writer says.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        for event in &self.events {
            serde_json::to_writer(&mut to, event)?;
            to.write_all(b"\n")?;
        }
        to.flush()
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// [`NotAHistory`], with the line.
    pub fn read(from: impl BufRead) -> Result<Self, NotAHistory> {
        let mut events = Vec::new();
        for (number, line) in from.lines().enumerate() {
            let line = line?;
            let event = serde_json::from_str(&line).map_err(|why| NotAHistory::Line { line: number + 1, why })?;
            events.push(event);
        }
        Ok(Self { events })
    }
}

/// Writes a history while it happens. Shared by all buyers; its lock makes the order of the log that of real time.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    events: Vec<Event>,
    calls: u64,
}

impl Recorder {
    /// Notes that a request is about to be sent; its number.
    pub fn asked(&self, at_ms: u64, ask: Ask) -> u64 {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.calls += 1;
        let call = book.calls;
        book.note(at_ms, What::Asked { call, ask });
        call
    }

    /// Notes what came of a request.
    pub fn answered(&self, at_ms: u64, call: u64, outcome: Outcome) {
        self.note(at_ms, What::Answered { call, outcome });
    }

    /// Notes anything else.
    pub fn note(&self, at_ms: u64, what: What) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(at_ms, what);
    }

    /// What was noted so far.
    #[must_use]
    pub fn history(&self) -> History {
        History { events: self.0.lock().unwrap_or_else(PoisonError::into_inner).events.clone() }
    }
}

impl Book {
    /// Whoever waited for the lock looked at the clock before: the log's time does not step back for it.
    fn note(&mut self, at_ms: u64, what: What) {
        let last = self.events.last().map_or(0, |event| event.at_ms);
        self.events.push(Event { at_ms: at_ms.max(last), what });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_read_as_it_was_written() {
        let recorder = Recorder::default();
        let order = OrderId::from([7; 16]);
        let body = Body { pool: PoolId(1), buyer: BuyerId(-2), quantity: 3, fingerprint: Fingerprint(-4) };
        let call = recorder.asked(5, Ask::Buy { order, body });
        let look = recorder.asked(4, Ask::Look { order });
        recorder.answered(9, call, Outcome::Refused(Refusal::Ended(OrderStatus::Rejected)));
        recorder.answered(9, look, Outcome::Strange { what: "500".into() });
        let effect = Some("3 connections cut".to_owned());
        let fault = Fault { kind: "cut".into(), began_ms: 6, over_ms: 8, effect, lost_units: Some(2), grace_ms: 0 };
        recorder.note(10, What::Fault(fault));
        recorder.note(11, What::AllDecided {});

        let history = recorder.history();
        assert!(history.events.is_sorted_by_key(|event| event.at_ms));
        let mut text = Vec::new();
        history.write(&mut text).unwrap();
        assert_eq!(History::read(text.as_slice()).unwrap(), history);
        let wrong = History::read(&b"{}\n"[..]).unwrap_err().to_string();
        assert!(wrong.starts_with("line 1 is no event"), "{wrong}");
    }
}
