//! The mails: text and simple HTML, in both languages. Nothing is fetched from anywhere and nobody is counted. Who it
//! goes to is the sender's matter; what stands in a header is made safe here, by type.

mod header;
mod samples;

pub use header::HeaderText;
pub(crate) use header::{greeting, one_line};

use crate::{
    Lang,
    pages::money::{PriceView, ReceiptView, RefundView},
};
use serde::Serialize;

/// A mail ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The `Subject`, still to be encoded (RFC 2047) by whoever writes the header.
    pub subject: HeaderText,
    /// The `text/plain` part, UTF-8, lines ended by `\n`.
    pub text: String,
    /// The `text/html` part, UTF-8.
    pub html: String,
}

/// The order a mail is about.
#[derive(Clone, Debug, Serialize)]
pub struct MailedOrder {
    /// Its id.
    pub id: String,
    /// Its page with the right to see the details, absolute.
    pub url: String,
    /// The buyer's name as written; greeted with only when it can be nothing but a name.
    pub name: String,
    /// The event's name.
    pub event_name: String,
    /// The event's page, absolute.
    pub event_url: String,
    /// Where it takes place.
    pub place: String,
    /// First moment of the event, unix milliseconds.
    pub starts_at_ms: i64,
    /// IANA time zone the event lives in.
    pub time_zone: String,
    /// Name of the ticket type.
    pub ticket_type: String,
    /// Units.
    pub quantity: u32,
}

/// An order is confirmed: the tickets.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmationMail {
    /// Which order.
    pub order: MailedOrder,
    /// Its tickets, absolute.
    pub tickets_url: String,
    /// What it cost.
    pub price: PriceView,
    /// What was paid; `None` when it is paid at the gate.
    pub receipt: Option<ReceiptView>,
}

/// A hold ran out unpaid.
#[derive(Clone, Debug, Serialize)]
pub struct ExpiryMail {
    /// Which order.
    pub order: MailedOrder,
}

/// Money goes back.
#[derive(Clone, Debug, Serialize)]
pub struct RefundMail {
    /// Which order.
    pub order: MailedOrder,
    /// How much, where to, how far.
    pub refund: RefundView,
    /// Why.
    pub why: RefundWhy,
}

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundWhy {
    /// It came after the tickets had gone back.
    CameLate,
    /// A confirmed order is taken back.
    TakenBack,
    /// More came than the order costs: it stands as it stood.
    TooMuch,
}

/// The link to the orders of an address. Sent only when there are some.
#[derive(Clone, Debug, Serialize)]
pub struct OrdersLinkMail {
    /// The link, absolute.
    pub url: String,
    /// How long it works, in seconds.
    pub valid_s: u64,
}

/// Sample mails by name.
type Samples<M> = Vec<(&'static str, M)>;

impl ConfirmationMail {
    /// Paid online, paid at the gate, and hostile.
    pub fn samples(lang: Lang) -> Samples<ConfirmationMail> {
        samples::confirmations(lang)
    }
}

impl ExpiryMail {
    /// Ordinary and hostile.
    pub fn samples(lang: Lang) -> Samples<ExpiryMail> {
        samples::expiries(lang)
    }
}

impl RefundMail {
    /// Came late, taken back, too much.
    pub fn samples(lang: Lang) -> Samples<RefundMail> {
        samples::refunds(lang)
    }
}

impl OrdersLinkMail {
    /// The one.
    pub fn samples(lang: Lang) -> Samples<OrdersLinkMail> {
        samples::links(lang)
    }
}
