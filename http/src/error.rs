//! The one place where refusals and failures become problems with a status.

use crate::problem::FieldMistake;
pub use crate::problem::{Problem, ProblemBody};
use actix_web::http::StatusCode;
use stampede_actors::{
    facts::PutOff,
    inventory::{EventNotShown, OrderNotShown, Placed},
    mailbox::NoAnswer,
};
use stampede_domain::{Millis, OrderId, OrderRefused, OrderStatus, key::KeyRefused};
use std::time::Duration;

/// Over how long the programs that wait for the opening come back: long enough to be no wave, too short to cost anybody a
/// ticket. The page's countdown is exact.
const OPENING: Duration = Duration::from_secs(2);
/// When to ask again after an actor gave no answer.
const ASK_AGAIN: Duration = Duration::from_secs(2);

impl Problem {
    /// Nothing at this address.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", "There is nothing at this address.")
    }

    /// The address exists, for other methods.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let detail = format!("This address answers {allow}.");
        let mut problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed", detail);
        problem.allow = Some(allow);
        problem
    }

    /// The body is larger than any order needs.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("The body may have {limit} bytes at most.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "Body too large", detail)
    }

    /// The body did not arrive in time.
    #[must_use]
    pub fn too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            "Body too slow",
            "The body did not arrive in time. Send it again.",
        )
    }

    /// The body is of another kind.
    #[must_use]
    pub fn unsupported_media_type(wanted: &'static str) -> Self {
        let detail = format!("Send the body as {wanted}.");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Unsupported media type", detail)
    }

    /// The body is not what it says it is.
    #[must_use]
    pub fn malformed(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", "Malformed body", detail)
    }

    /// The body is well formed, and says something that cannot be.
    #[must_use]
    pub fn invalid(detail: impl Into<Box<str>>, fields: Vec<FieldMistake>) -> Self {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "Invalid input", detail);
        problem.fields = fields.into_boxed_slice();
        problem
    }

    /// A form from another site.
    #[must_use]
    pub fn cross_site() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_site",
            "Sent from another site",
            "Orders are only taken from our own pages.",
        )
    }

    /// From a network that may not come in.
    #[must_use]
    pub fn network_refused() -> Self {
        let detail = "This shop takes no requests from your network.";
        Self::new(StatusCode::FORBIDDEN, "network_refused", "Network refused", detail)
    }

    /// Sent in the clear, where that is not taken.
    #[must_use]
    pub fn https_required() -> Self {
        let detail = "This shop takes requests by https only, and this one changed nothing. Send it again by https.";
        Self::new(StatusCode::FORBIDDEN, "https_required", "HTTPS required", detail)
    }

    /// An address, or everyone together, asks more often than is allowed.
    #[must_use]
    pub fn too_many_requests() -> Self {
        let detail = "Too many requests come from your address or altogether, and this one changed nothing. Come back \
                      after Retry-After; an order with the same key.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests", detail)
    }

    /// We made a mistake.
    #[must_use]
    pub fn internal() -> Self {
        let detail = "We made a mistake. It is in our log under the request id.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// No ticket of that name.
    #[must_use]
    pub fn not_for_sale() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_for_sale", "Not for sale", "There is no such event or ticket type.")
    }

    /// The tickets of an order, asked for by somebody who cannot show that it is theirs.
    #[must_use]
    pub fn not_yours() -> Self {
        let detail = "The tickets of an order are for whoever has its key: ask at the ticketsUrl that it was answered with, or \
                      in the browser that ordered it.";
        Self::new(StatusCode::FORBIDDEN, "not_yours", "Not yours", detail)
    }

    /// The tickets of an order that is not confirmed.
    #[must_use]
    pub fn no_tickets(status: OrderStatus) -> Self {
        let no = |code, title, detail: &str| Self::new(StatusCode::CONFLICT, code, title, detail);
        match status {
            OrderStatus::Pending => {
                let detail = "The order is not decided yet, which takes a moment. Ask again for its tickets then.";
                no("not_confirmed", "Not confirmed yet", detail).after_about(Duration::from_secs(1))
            }
            OrderStatus::Reserved | OrderStatus::Paying | OrderStatus::Expiring => {
                no("not_confirmed", "Not confirmed yet", "The order has its tickets as soon as it is paid.")
                    .after_about(ASK_AGAIN)
            }
            OrderStatus::Cancelled | OrderStatus::Refunded => {
                no("no_tickets", "Given back", "The tickets of this order were given back and are no longer valid.")
            }
            // A confirmed order has tickets, and nobody asks this of it.
            OrderStatus::Confirmed | OrderStatus::Rejected | OrderStatus::Expired | OrderStatus::Failed => {
                let detail = format!("The order has ended without tickets ({}). Place a new one.", status.as_str());
                no("no_tickets", "No tickets", &detail)
            }
        }
    }

    /// What an idempotency key must be, with a word on the time here.
    #[must_use]
    pub fn key(refused: KeyRefused, now: Millis) -> Self {
        let detail = format!(
            "This key is not taken: {refused}. Make a fresh UUIDv7 for every new order (e.g. crypto libraries' uuid v7) and repeat it only when you \
             repeat the same request; it is valid from 2 minutes before its own time to 24 hours after. It is {} here.",
            now.rfc3339()
        );
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "key_invalid", "Idempotency-Key not taken", detail)
    }

    /// The answer of an order that was not accepted; `None` for one that was.
    #[must_use]
    pub fn of(placed: &Placed, order: OrderId, now: Millis) -> Option<Self> {
        Some(match placed {
            Placed::Accepted { .. } => return None,
            Placed::Refused(refused) => Self::refused(*refused, now),
            Placed::PutOff { why, retry_after } => Self::put_off(*why).after(*retry_after),
            Placed::Unknown { retry_after } => Self::unknown(order).after(*retry_after),
            Placed::TooOften { retry_after } => Self::too_often().after(*retry_after),
            Placed::NotForSale => Self::not_for_sale(),
        })
    }

    /// The outcome of an order is not known.
    #[must_use]
    pub fn unknown(order: OrderId) -> Self {
        let detail = "We do not know yet whether your order was taken. Nothing is lost: ask at statusUrl, or send the same \
                      request with the same Idempotency-Key again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unknown", "Outcome unknown", detail)
            .about(order)
            .after_about(ASK_AGAIN)
    }

    /// An actor could not answer an order.
    #[must_use]
    pub fn no_answer_to_order(why: NoAnswer, order: OrderId) -> Self {
        match why {
            NoAnswer::Full => Self::put_off(PutOff::Full).after_about(ASK_AGAIN),
            NoAnswer::Unknown => Self::unknown(order),
        }
    }

    fn too_often() -> Self {
        let detail = "This buyer asks too often, and this request changed nothing. Come back with the same key.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_often", "Too many requests", detail)
    }

    fn put_off(why: PutOff) -> Self {
        let detail = match why {
            PutOff::Behind | PutOff::Full => {
                "More orders are coming than we can write down. Nothing was taken; come back with the same key."
            }
            PutOff::Silent | PutOff::Closed | PutOff::Broken => {
                "A part of the shop is catching its breath. This request took nothing; come back with the same key."
            }
            PutOff::Leaving => "This server is closing down. Nothing was taken; come back with the same key.",
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why.code(), "Not now", detail)
    }

    fn refused(refused: OrderRefused, now: Millis) -> Self {
        let new = |status, title, detail: String| Self::new(status, refused.code(), title, detail);
        match refused {
            OrderRefused::NotOpen { opens_at } => {
                let detail = format!("The sale opens at {}.", opens_at.rfc3339());
                new(too_early(), "Not open yet", detail).after_or_later(opens_at.since(now), OPENING)
            }
            OrderRefused::Paused => {
                let detail = "The organizer has paused the sale. Come back a little later.".to_owned();
                new(StatusCode::SERVICE_UNAVAILABLE, "Paused", detail).after_about(Duration::from_secs(30))
            }
            OrderRefused::SaleOver => new(StatusCode::CONFLICT, "The sale is over", "The sale has ended.".to_owned()),
            OrderRefused::SoldOut { free: 0, in_flight: 0 } => {
                new(StatusCode::CONFLICT, "Sold out", "All tickets are sold.".to_owned())
            }
            OrderRefused::SoldOut { free, in_flight } => {
                let detail = format!(
                    "{free} tickets are free and {in_flight} are in flight, some of which may come back. Ask for fewer, or \
                     come back in a moment."
                );
                new(StatusCode::CONFLICT, "Sold out for now", detail)
            }
            OrderRefused::TooManyAtOnce { max } => {
                let mut problem = new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "Too many at once",
                    format!("One order may have {max} tickets."),
                );
                problem.fields =
                    Box::new([FieldMistake { field: "quantity".into(), mistake: format!("greater than {max}") }]);
                problem
            }
            OrderRefused::LimitReached { limit, taken } => {
                let detail =
                    format!("One buyer may have {limit} tickets; you have {taken}, orders in flight included.");
                new(StatusCode::CONFLICT, "Limit reached", detail)
            }
            OrderRefused::KeyReused => {
                let detail =
                    "This Idempotency-Key belongs to another request. Make a fresh one for a new order.".to_owned();
                new(StatusCode::UNPROCESSABLE_ENTITY, "Key reused", detail)
            }
            OrderRefused::Ended(status) => {
                let detail = format!(
                    "The order of this key has ended without tickets ({}). Make a fresh key to try again.",
                    status.as_str()
                );
                new(StatusCode::CONFLICT, "Order ended", detail)
            }
        }
    }
}

/// 425 (RFC 8470), which this version of `http` has no name for.
fn too_early() -> StatusCode {
    StatusCode::from_u16(425).unwrap_or(StatusCode::CONFLICT)
}

impl From<EventNotShown> for Problem {
    fn from(why: EventNotShown) -> Self {
        match why {
            EventNotShown::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", "There is no such event.")
            }
            EventNotShown::NotReady => Self::put_off(PutOff::Closed).after_about(Duration::from_secs(1)),
        }
    }
}

impl From<OrderNotShown> for Problem {
    fn from(why: OrderNotShown) -> Self {
        match why {
            OrderNotShown::NotFound => {
                Self::new(StatusCode::NOT_FOUND, "not_found", "Not found", "There is no such order.")
            }
            OrderNotShown::NotKnownYet { retry_after } => {
                let detail = "We cannot look this order up at the moment. It is not lost; ask again.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_known_yet", "Not known yet", detail).after(retry_after)
            }
        }
    }
}

/// Reads that found no answer: nothing is at stake but patience.
impl From<NoAnswer> for Problem {
    fn from(_: NoAnswer) -> Self {
        let detail = "Too many are asking at once. Ask again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail).after_about(ASK_AGAIN)
    }
}
