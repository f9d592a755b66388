//! A payment in the bank's books, and the one rule of what may become of it: pure, the same for the file and for memory.
//!
//! ```text
//! awaiting ──card──▶ asking ──yes──▶ authorized ──capture──▶ captured (refunds up to what was captured)
//!    │  └──card───────────────────────▶ │  ▲
//!    │  └──slow card──▶ processing ─────┼──┘ when its time has come
//!    └──────────────────────┴───────────┴─▶ failed (declined, refused, gone back, cancelled)
//! ```
//!
//! Captured and failed are for ever, so of a capture and a cancellation one comes first and the other finds it done. One card goes
//! back on its word: it declines, and its money comes a minute later, whatever was done meanwhile.

use super::{
    BankTimes,
    cards::{Card, Notices, Part},
};
use serde::{Deserialize, Serialize};
use stampede_actors::ports::{PaymentNotice, PaymentState, PortFailure, ProviderPayment, WantedPayment};
use stampede_domain::{Decline, Millis, Money, OrderId, PaymentId};

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: PaymentId,
    pub(super) key: String,
    pub(super) order: OrderId,
    pub(super) attempt: u32,
    pub(super) amount: Money,
    pub(super) what_for: String,
    pub(super) created_at: Millis,
    state: State,
    refunded: i64,
    card: Option<CardKept>,
}

/// What is kept of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CardKept {
    part: Part,
    brand: String,
    ending: String,
    /// Whether the call that its part spoils is still to come.
    spoils: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Awaiting,
    Asking,
    Processing {
        until: Millis,
        then: Option<Decline>,
    },
    Authorized,
    Captured,
    Failed(Decline),
    /// Told as declined; the money comes then.
    AfterAll {
        at: Millis,
    },
}

/// What somebody wants of a payment.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// The buyer gives a card.
    Pay(Card, BankTimes),
    /// The buyer says whether it is him.
    Answer(bool),
    /// The buyer goes back to the shop.
    GoBack,
    /// The shop takes the money.
    Capture,
    /// The shop wants it no more.
    Cancel,
    /// The shop gives back, so much altogether.
    Refund(i64),
}

/// What came of it. The record is to be written if it is another than before, whatever the answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Answered.
    Done,
    /// Answered with a failure.
    Fails(PortFailure),
}

impl Record {
    pub(super) fn new(now: Millis, wanted: &WantedPayment) -> Self {
        Self {
            id: name(wanted.order, wanted.attempt, 0),
            key: wanted.key(),
            order: wanted.order,
            attempt: wanted.attempt,
            amount: wanted.amount,
            what_for: wanted.what_for.clone(),
            created_at: now,
            state: State::Awaiting,
            refunded: 0,
            card: None,
        }
    }

    /// The same under another name, if `number` is not 0: for who comes with another key for the same attempt.
    pub(super) fn numbered(&self, number: u32) -> Self {
        Self { id: name(self.order, self.attempt, number), ..self.clone() }
    }

    /// Whether it is what a request with its key asks for.
    pub(super) fn is(&self, wanted: &WantedPayment) -> bool {
        (self.order, self.attempt, self.amount) == (wanted.order, wanted.attempt, wanted.amount)
    }

    /// Takes an act, at `now`.
    pub(super) fn take(&mut self, now: Millis, act: &Act) -> Came {
        self.state = self.state_at(now);
        match act {
            Act::Pay(card, times) => self.pay(now, card, times),
            Act::Answer(is_buyer) => self.answer(*is_buyer),
            Act::GoBack => self.go_back(),
            Act::Capture | Act::Cancel | Act::Refund(_) => return self.shop(act),
        }
        Came::Done
    }

    fn pay(&mut self, now: Millis, card: &Card, times: &BankTimes) {
        if self.state != State::Awaiting {
            return;
        }
        let Card { part, brand, ending } = card.clone();
        self.state = match part {
            Part::Declines(why) => State::Failed(why),
            Part::Asks(_) => State::Asking,
            Part::Slow(then) => State::Processing { until: now.plus(times.slow), then },
            Part::Late { .. } => State::Processing { until: now.plus(times.late), then: None },
            Part::AfterAll => State::AfterAll { at: now.plus(times.late) },
            Part::Pays | Part::DoneAndLost | Part::LostBefore | Part::Notices(_) => State::Authorized,
        };
        let spoils = matches!(part, Part::DoneAndLost | Part::LostBefore);
        self.card = Some(CardKept { part, brand: brand.to_owned(), ending, spoils });
    }

    fn answer(&mut self, is_buyer: bool) {
        if self.state != State::Asking {
            return;
        }
        self.state = match self.part() {
            _ if !is_buyer => State::Failed(Decline::NotAuthenticated),
            Some(Part::Asks(Some(why))) => State::Failed(why),
            _ => State::Authorized,
        };
    }

    fn go_back(&mut self) {
        if matches!(self.state, State::Awaiting | State::Asking) {
            self.state = State::Failed(Decline::NotAuthenticated);
        }
    }

    /// What the shop asks for, which its card may spoil once.
    fn shop(&mut self, act: &Act) -> Came {
        let part = self.part();
        let spoils = self.card.as_mut().is_some_and(|card| std::mem::take(&mut card.spoils));
        if spoils && part == Some(Part::LostBefore) {
            return unheard(act);
        }
        let came = match act {
            Act::Refund(minor) => self.refund(*minor),
            Act::Capture => {
                if self.state == State::Authorized {
                    self.state = State::Captured;
                }
                Came::Done
            }
            _ => self.cancel(),
        };
        if spoils { unheard(act) } else { came }
    }

    fn cancel(&mut self) -> Came {
        match self.state {
            State::Captured | State::Failed(_) | State::AfterAll { .. } => {}
            State::Processing { .. } if self.part() == Some(Part::Late { stubborn: true }) => {}
            _ => self.state = State::Failed(Decline::Cancelled),
        }
        Came::Done
    }

    fn refund(&mut self, minor: i64) -> Came {
        let impossible = |why: &str| Came::Fails(PortFailure::Impossible(format!("the simulated bank: {why}")));
        if self.state != State::Captured {
            return impossible("there is no money to give back");
        }
        #[cfg(feature = "sabotage")]
        if stampede_domain::sabotage::is_on(stampede_domain::sabotage::Sabotage::RepaysUnderFreshKeys) {
            self.refunded += minor;
            return Came::Done;
        }
        if minor > self.amount.minor {
            return impossible("it is more than was taken");
        }
        self.refunded = self.refunded.max(minor);
        Came::Done
    }

    fn part(&self) -> Option<Part> {
        self.card.as_ref().map(|card| card.part)
    }

    fn state_at(&self, now: Millis) -> State {
        match self.state {
            State::Processing { until, then } if now >= until => then.map_or(State::Authorized, State::Failed),
            State::AfterAll { at } if now >= at => State::Captured,
            state => state,
        }
    }

    /// When something happens to it by itself.
    pub(super) fn moves_at(&self) -> Option<Millis> {
        match self.state {
            State::Processing { until: at, .. } | State::AfterAll { at } => Some(at),
            _ => None,
        }
    }

    /// Whether it is at another place than it was: that is worth a notice.
    pub(super) fn has_moved_from(&self, before: &Self) -> bool {
        self.state != before.state || self.refunded != before.refunded
    }

    pub(super) fn is_captured(&self) -> bool {
        self.state == State::Captured
    }

    pub(super) fn notices(&self) -> Notices {
        self.part().map(Part::notices).unwrap_or_default()
    }

    pub(super) fn notice(&self) -> PaymentNotice {
        PaymentNotice { payment: self.id.clone(), order: self.order, attempt: self.attempt }
    }

    /// The last four digits of the card, while the buyer is asked whether it is his.
    pub(super) fn asks_about(&self) -> Option<&str> {
        let card = self.card.as_ref().filter(|_| self.state == State::Asking)?;
        Some(&card.ending)
    }

    /// How it stands at `now`, as the shop is told.
    pub(super) fn told(&self, now: Millis) -> ProviderPayment {
        let state = match self.state_at(now) {
            State::Awaiting | State::Asking => PaymentState::AwaitsBuyer,
            State::Processing { .. } => PaymentState::Processing,
            State::Authorized => PaymentState::Authorized,
            State::Captured => PaymentState::Captured,
            State::Failed(why) => PaymentState::Failed(why),
            State::AfterAll { .. } => PaymentState::Failed(Decline::Declined),
        };
        ProviderPayment {
            id: self.id.clone(),
            order: self.order,
            attempt: self.attempt,
            amount: self.amount,
            state,
            captured: if state == PaymentState::Captured { self.amount.minor } else { 0 },
            refunded: self.refunded,
            page: (state == PaymentState::AwaitsBuyer).then(|| format!("/bank/payments/{}", self.id)),
            created_at: self.created_at,
        }
    }
}

/// `pay_{order}_{attempt}`.
fn name(order: OrderId, attempt: u32, number: u32) -> PaymentId {
    let (order, again) = (order.0.simple(), if number == 0 { String::new() } else { format!("_{number}") });
    PaymentId::new(format!("pay_{order}_{attempt}{again}")).expect("because it is short and has plain characters")
}

fn unheard(act: &Act) -> Came {
    let what = match act {
        Act::Capture => "capture",
        Act::Cancel => "cancel",
        _ => "refund",
    };
    Came::Fails(PortFailure::Unknown(format!("the simulated bank: no answer to {what}")))
}
