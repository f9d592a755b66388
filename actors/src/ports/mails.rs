//! Mails: what is owed to buyers, who writes it and who carries it.

use super::{OrderRecord, PortResult};
use async_trait::async_trait;
use stampede_domain::{Event, Hold, Millis, OrderId};
use std::time::Duration;

/// Why a mail is written. Its [`code`](Occasion::code) stands in rows and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// The tickets are the buyer's.
    Confirmed,
    /// A hold ran out unpaid.
    Expired,
    /// Money goes back: the order was refunded, or its money came too late.
    Refunded,
}

impl Occasion {
    /// Every occasion.
    pub const ALL: [Self; 3] = [Self::Confirmed, Self::Expired, Self::Refunded];

    /// Its number in rows.
    #[must_use]
    pub fn code(self) -> i64 {
        match self {
            Self::Confirmed => 1,
            Self::Expired => 2,
            Self::Refunded => 3,
        }
    }

    /// The occasion of a number; `None` for one that this program does not know.
    #[must_use]
    pub fn of_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|occasion| occasion.code() == code)
    }

    /// Its name in metrics, logs and message ids.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
        }
    }
}

/// A mail: there is one of an order and an occasion, however often it is owed, taken or sent.
pub type MailKey = (OrderId, Occasion);

/// A mail that is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// About which order.
    pub order: OrderId,
    /// Why.
    pub occasion: Occasion,
    /// How often it was taken to be sent, this time included.
    pub attempts: u32,
}

/// What the outbox adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailSums {
    /// Mails that are owed and not given up.
    pub waiting: u64,
    /// Since when the oldest of them is owed.
    pub oldest: Option<Millis>,
    /// Mails that nobody tries to send any more.
    pub given_up: u64,
}

/// The mails that are owed. [`OrderStore::decide`](super::OrderStore::decide) and [`HoldStore::change`](super::HoldStore::change)
/// put them in, in the transaction that is their reason, for orders with an e-mail; so a mail is owed exactly when that happened,
/// and once, however often it is decided, changed or delivered again.
///
/// Taken with a lease and sent at least once: whoever dies in between leaves it due again.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes mails that are due at `now`, the longest due first, at most `limit`: nobody else gets them before the lease is over.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: then they are due again after the lease.
    async fn take(&self, now: Millis, lease: Duration, limit: u32) -> PortResult<Vec<Owed>>;

    /// These are with the carrier.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: then they will be sent once more.
    async fn sent(&self, mails: &[MailKey], now: Millis) -> PortResult<()>;

    /// This one is due again at `until`.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: then it is due again after the lease.
    async fn put_off(&self, mail: MailKey, until: Millis) -> PortResult<()>;

    /// Nobody is to try this one again. It is kept, with why (which names no buyer), for operators.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: then it is tried once more.
    async fn give_up(&self, mail: MailKey, now: Millis, why: &str) -> PortResult<()>;

    /// The confirmed and reserved orders of an address (see [`Contact::address`](stampede_domain::Contact::address)), newest first,
    /// at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn orders_of(&self, address: &str, limit: u32) -> PortResult<Vec<OrderId>>;

    /// Adds everything up; it reads the mails that wait.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn mail_sums(&self) -> PortResult<MailSums>;
}

/// A mail ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The local part of the `Message-ID`, the same each time the same mail is sent: mailboxes join doubles by it. Letters,
    /// digits, `.`, `-` and `_`.
    pub id: String,
    /// To whom.
    pub to: String,
    /// The subject, one line, not yet encoded for a header.
    pub subject: String,
    /// The plain part, lines ended by `\n`.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// What is attached.
    pub attachments: Vec<Attachment>,
}

/// A file in a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// What it is.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Carries letters.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Gives a letter to whoever delivers it. The same twice is allowed: it has the same `Message-ID`.
    ///
    /// # Errors
    /// `Impossible`: not this letter to this address, ever. `Unavailable`: nothing was sent. `Unknown`: it may have been.
    async fn send(&self, letter: &Letter) -> PortResult<()>;
}

/// Writes letters. Pure: everything that it needs to know is handed in.
pub trait Composer: Send + Sync {
    /// The letter about an order, whose hold is there if it is paid online, and the event it is for. Its
    /// [`id`](Letter::id) is made of order and occasion.
    ///
    /// # Errors
    /// Why there can be no such letter (no e-mail, a ticket type that the event does not have, a template that fails), without
    /// naming the buyer.
    fn about_order(
        &self,
        occasion: Occasion,
        order: &OrderRecord,
        hold: Option<&Hold>,
        event: &Event,
    ) -> Result<Letter, String>;

    /// The letter with the link to the orders of an address, in a language that the shop speaks, or its first.
    ///
    /// # Errors
    /// Why there can be none, without naming the address.
    fn orders_link(&self, address: &str, language: Option<&str>) -> Result<Letter, String>;
}
