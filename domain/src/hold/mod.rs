//! The life of an order that is paid online, from its reservation on: one row, changed under one rule.
//!
//! ```text
//!             Pay (in time)          Captured
//!  reserved ───────────────▶ paying ──────────▶ confirmed ──Refund──▶ refunded
//!     │  ▲                    │  │                 ▲
//!     │  └────── Failed ──────┘  │ RunOut          │ Captured (it was paid after all)
//!     │                          ▼                 │
//!     │ RunOut                expiring ────────────┘
//!     ▼                          │ Failed: the provider takes no money for it any more
//!  expired ◀─────────────────────┘                            (reserved ──Cancel──▶ cancelled)
//! ```
//!
//! Every `HoldStore` runs [`Hold::change`] between reading the row and writing it back, in one transaction: a compare-and-set.
//! Nothing is ever added up: a change that comes twice, late or out of order finds what it wanted done, or is refused. Money is
//! noted whatever state the order is in; what nobody owes us is [owed back](Hold::owed).

mod change;
mod need;
#[cfg(test)]
mod tests;
mod units;

pub use need::Need;
pub use units::move_units;

use crate::{
    buyer::BuyerId,
    fingerprint::Fingerprint,
    id::{OrderId, PoolId},
    money::Money,
    order::OrderStatus,
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// How much longer a hold becomes, once, when its buyer asks: who reads or types slowly has the same chance.
pub const EXTENSION: Duration = Duration::from_secs(5 * 60);
/// Payments one order may begin: who was declined so often will not be accepted, and each one costs the shop a call.
pub const MAX_ATTEMPTS: u32 = 10;
/// Most bytes of a provider's name for a payment.
pub const MAX_PAYMENT_ID: usize = 255;
/// How long whoever began a payment has it for himself; then others look whether he is still there.
pub const FIRST_LOOK: Duration = Duration::from_secs(5);

/// What a ticket type that is paid online holds its units for, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldTerms {
    /// How long.
    pub hold_for: Duration,
    /// What a unit costs, fees and taxes included.
    pub unit: Money,
}

/// The payment provider's name for a payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaymentId(String);

/// No name for a payment: empty, too long, or with other characters than letters, digits, `_` and `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a payment's id has 1 to {MAX_PAYMENT_ID} letters, digits, “_” and “-”")]
pub struct NoPaymentId;

impl PaymentId {
    /// Reads a provider's name.
    ///
    /// # Errors
    /// [`NoPaymentId`].
    pub fn new(text: impl Into<String>) -> Result<Self, NoPaymentId> {
        let text = text.into();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        if is_plain && (1..=MAX_PAYMENT_ID).contains(&text.len()) { Ok(Self(text)) } else { Err(NoPaymentId) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PaymentId {
    type Error = NoPaymentId;

    fn try_from(text: String) -> Result<Self, NoPaymentId> {
        Self::new(text)
    }
}

impl From<PaymentId> for String {
    fn from(payment: PaymentId) -> Self {
        payment.0
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One payment of an order: what its provider has taken and given back, as far as we have heard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    /// The provider's name for it.
    pub id: PaymentId,
    /// Which attempt of the order it belongs to.
    pub attempt: u32,
    /// Money taken, minor units of the order's currency.
    pub captured: i64,
    /// Money given back.
    pub refunded: i64,
}

/// An order that is paid online.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Which order.
    pub order: OrderId,
    /// Which units.
    pub pool: PoolId,
    /// How many.
    pub quantity: u32,
    /// Whose limit they count for.
    pub buyer: BuyerId,
    /// What the order was asked with.
    pub fingerprint: Fingerprint,
    /// What all of it costs. Set when the units were reserved; a later change of the price is for later orders.
    pub amount: Money,
    /// Where it stands: one of the seven states of the picture above.
    pub status: OrderStatus,
    /// Until when the units are held, by the shop's clock.
    pub hold_until: Millis,
    /// Whether the buyer has asked for more time.
    pub extended: bool,
    /// Payments begun; the number of the one under way.
    pub attempt: u32,
    /// When the payment under way was begun; 0 while there was none.
    pub paying_at: Millis,
    /// Where the buyer goes to pay, once the provider has said so.
    pub page: Option<String>,
    /// Why the latest payment failed, if it did.
    pub decline: Option<Decline>,
    /// The payment that paid the order.
    pub paid_by: Option<PaymentId>,
    /// Every payment there is or was.
    pub payments: Vec<Payment>,
    /// When to look after it next, if it [needs](Self::due_at) anything but time.
    pub look_at: Millis,
    /// When the row changed last.
    pub changed_at: Millis,
}

/// Why a payment took no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// The bank said no and not why.
    Declined,
    /// There is not enough money.
    InsufficientFunds,
    /// The card is too old.
    CardExpired,
    /// The security code or the number is wrong.
    IncorrectDetails,
    /// The buyer did not prove to be the card's owner, or went back.
    NotAuthenticated,
    /// It was cancelled: out of time, or by the shop.
    Cancelled,
    /// The provider does not know it any more.
    Lost,
}

impl Decline {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Declined,
        Self::InsufficientFunds,
        Self::CardExpired,
        Self::IncorrectDetails,
        Self::NotAuthenticated,
        Self::Cancelled,
        Self::Lost,
    ];

    /// Its name in answers, rows and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::CardExpired => "card_expired",
            Self::IncorrectDetails => "incorrect_details",
            Self::NotAuthenticated => "not_authenticated",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    /// The reason of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decline| decline.as_str() == name)
    }
}

/// What is to become of an order that is paid online. Each is safe to ask for again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HoldChange {
    /// The buyer begins to pay, the `attempt`-th time (1, 2, …): a double click names the same attempt twice.
    Pay {
        /// Which.
        attempt: u32,
    },
    /// The buyer asks for more time.
    Extend,
    /// The buyer wants the order no more.
    Cancel,
    /// The organizer gives the money back and takes the tickets.
    Refund,
    /// The time is up.
    RunOut,
    /// The provider has made the payment of an attempt.
    Opened {
        /// Of which attempt.
        attempt: u32,
        /// The payment.
        payment: PaymentId,
        /// Where the buyer pays, if anywhere.
        page: Option<String>,
    },
    /// The provider has taken the money.
    Captured {
        /// Of which attempt.
        attempt: u32,
        /// The payment.
        payment: PaymentId,
        /// How much altogether, minor units.
        minor: i64,
    },
    /// The provider has said for good that it takes no money for an attempt.
    Failed {
        /// Which.
        attempt: u32,
        /// Why.
        why: Decline,
    },
    /// The provider has given money of a payment back.
    Repaid {
        /// Of which payment.
        payment: PaymentId,
        /// How much altogether, minor units.
        minor: i64,
    },
    /// Somebody has looked, and it is soon enough to look again then.
    LookAgain {
        /// When.
        at: Millis,
    },
}

impl HoldChange {
    /// Its name in logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pay { .. } => "pay",
            Self::Extend => "extend",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::RunOut => "run_out",
            Self::Opened { .. } => "opened",
            Self::Captured { .. } => "captured",
            Self::Failed { .. } => "failed",
            Self::Repaid { .. } => "repaid",
            Self::LookAgain { .. } => "look_again",
        }
    }
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldAnswer {
    /// The row is to be written back.
    Changed,
    /// It was so already, or it does not matter any more.
    Unchanged,
    /// A no; nothing changed.
    Refused(HoldRefused),
}

/// Why an order's state does not allow something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldRefused {
    /// The hold has run out.
    OutOfTime,
    /// The hold has not run out.
    TooEarly,
    /// A payment is under way: first it has to end.
    PaymentUnderWay,
    /// It is paid.
    AlreadyPaid,
    /// It is not paid, so there is nothing to give back.
    NotPaid,
    /// The order has ended.
    Ended(OrderStatus),
    /// Too many payments were begun.
    TooManyAttempts,
    /// Another attempt is the next one: whoever asks has not seen what happened since.
    NotTheNextAttempt {
        /// The next one.
        next: u32,
    },
    /// It has been extended once.
    AlreadyExtended,
}

impl HoldRefused {
    /// The machine-readable name in answers.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::OutOfTime => "out_of_time",
            Self::TooEarly => "too_early",
            Self::PaymentUnderWay => "payment_under_way",
            Self::AlreadyPaid => "already_paid",
            Self::NotPaid => "not_paid",
            Self::Ended(status) => status.as_str(),
            Self::TooManyAttempts => "too_many_attempts",
            Self::NotTheNextAttempt { .. } => "not_the_next_attempt",
            Self::AlreadyExtended => "already_extended",
        }
    }
}

impl Hold {
    /// Money of this order that nobody owes us: all of a payment's that paid for nothing, minor units. Never negative.
    pub fn owed(&self) -> impl Iterator<Item = (&Payment, i64)> {
        self.payments.iter().filter_map(|payment| {
            let earned = if self.status == OrderStatus::Confirmed && self.paid_by.as_ref() == Some(&payment.id) {
                self.amount.minor
            } else {
                0
            };
            let owed = payment.captured.saturating_sub(payment.refunded).saturating_sub(earned);
            (owed > 0).then_some((payment, owed))
        })
    }

    /// The sum of what is [owed](Self::owed).
    #[must_use]
    pub fn owed_minor(&self) -> i64 {
        self.owed().fold(0, |sum, (_, owed)| sum.saturating_add(owed))
    }

    /// The payment under way, once the provider has made it.
    #[must_use]
    pub fn payment_under_way(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.attempt == self.attempt)
    }
}
