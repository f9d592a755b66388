//! The JSON of the API, as types: they are parsed, validated, written and described from here.

use crate::body::{readable, visible};
use garde::Validate;
use serde::{Deserialize, Deserializer, Serialize, de::Visitor};
use stampede_domain::{event::MAX_PER_ORDER, hold::MAX_ATTEMPTS, sale::SaleState};
use std::fmt;
use utoipa::ToSchema;

/// An order for tickets.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object with at least a userId")]
pub(crate) struct BuyRequest {
    /// Your own name for the buyer; the limit per buyer counts by it.
    #[garde(length(chars, min = 1, max = 128), custom(readable), custom(visible))]
    #[schema(example = "user-4711", min_length = 1, max_length = 128)]
    pub(crate) user_id: String,
    /// How many tickets; 1 when absent.
    #[garde(range(min = 1, max = MAX_PER_ORDER))]
    #[serde(default = "one", deserialize_with = "whole_number")]
    #[schema(example = 2, minimum = 1, maximum = 100, default = 1)]
    pub(crate) quantity: u32,
    /// Which ticket type; the event's first when absent.
    #[garde(inner(length(chars, min = 1, max = 64), custom(readable)))]
    #[serde(default)]
    #[schema(example = "general-admission", nullable = false)]
    pub(crate) ticket_type_id: Option<String>,
    /// The buyer's name.
    #[garde(inner(length(chars, min = 1, max = 200), custom(readable), custom(visible)))]
    #[serde(default)]
    #[schema(example = "Eva Muster", max_length = 200)]
    pub(crate) name: Option<String>,
    /// The buyer's e-mail.
    #[garde(inner(length(chars, max = 254), email))]
    #[serde(default)]
    #[schema(example = "eva@example.org", max_length = 254)]
    pub(crate) email: Option<String>,
}

/// An order was taken.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderTaken<'a> {
    /// The order's id, which is your idempotency key.
    #[schema(example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub(crate) order_id: String,
    /// `pending`: promised, and being written down. `confirmed`: written down. `reserved`: held for you until it is paid at
    /// `/api/v1/orders/{order}/payment`.
    #[schema(example = "pending")]
    pub(crate) status: &'a str,
    /// Where to ask for it.
    #[schema(example = "/api/orders/01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub(crate) status_url: String,
    /// Where its tickets are, once it is confirmed. Whoever knows this address has them: keep it as you keep them.
    #[schema(example = "/api/v1/orders/01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b/tickets?k=K7hQ2v9wXyZ0aBcDeFgHiA")]
    pub(crate) tickets_url: String,
    /// How many tickets.
    #[schema(example = 2)]
    pub(crate) quantity: u32,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) server_time: String,
}

/// Where an order stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderStanding<'a> {
    /// The order's id.
    #[schema(example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub(crate) order_id: String,
    /// `pending`, `confirmed`, `rejected`, `expired` or `failed`; of an order that is paid online also `reserved`, `paying`,
    /// `expiring`, `cancelled` or `refunded`.
    #[schema(example = "confirmed")]
    pub(crate) status: &'a str,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sold_out")]
    pub(crate) reason: Option<&'a str>,
    /// How its payment stands: `opening`, `open` (go to `payUrl`) or `checking` (do not pay again). This and what follows is told of
    /// orders that are paid online, to whoever shows the order's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "open", nullable = false)]
    pub(crate) payment: Option<&'a str>,
    /// Until when its tickets are held, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-06-01T10:10:00.000Z", nullable = false)]
    pub(crate) hold_until: Option<String>,
    /// What it costs in minor units, fees and taxes included.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 100_200, nullable = false)]
    pub(crate) amount_minor: Option<i64>,
    /// ISO 4217 code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR", nullable = false)]
    pub(crate) currency: Option<&'a str>,
    /// The payment attempts begun; the number of the one under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, nullable = false)]
    pub(crate) attempt: Option<u32>,
    /// Why the latest payment failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "insufficient_funds", nullable = false)]
    pub(crate) declined: Option<&'a str>,
    /// Where it is paid: a path of this server or an `https` address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/bank/payments/pay_0199b0df", nullable = false)]
    pub(crate) pay_url: Option<String>,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) server_time: String,
}

/// Which payment of an order is to begin.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(crate) struct PayRequest {
    /// The number of the attempt, from 1: one more than the order's `attempt`. When absent, the one under way, else the next one.
    #[garde(inner(range(min = 1, max = MAX_ATTEMPTS)))]
    #[serde(default)]
    #[schema(example = 1, minimum = 1, maximum = 10, nullable = false)]
    pub(crate) attempt: Option<u32>,
}

/// Why money is given back.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object with a reason")]
pub(crate) struct RefundRequest {
    /// In the organizer's words, for the books. No names.
    #[garde(length(chars, min = 1, max = 200), custom(readable), custom(visible))]
    #[schema(example = "The concert is called off", min_length = 1, max_length = 200)]
    pub(crate) reason: String,
}

/// A wish about an order that is paid online was taken down; it is done a moment later, or already.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WishTaken<'a> {
    /// The order's id.
    #[schema(example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub(crate) order_id: String,
    /// Where the order stands now.
    #[schema(example = "paying")]
    pub(crate) status: &'a str,
    /// How its payment stands: `opening`, `open` or `checking`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "open", nullable = false)]
    pub(crate) payment: Option<&'a str>,
    /// Which payment attempt is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 1, nullable = false)]
    pub(crate) attempt: Option<u32>,
    /// Where it is paid, once the provider has opened the payment: a path of this server or an `https` address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/bank/payments/pay_0199b0df", nullable = false)]
    pub(crate) pay_url: Option<String>,
    /// Until when the tickets are held, RFC 3339.
    #[schema(example = "2027-06-01T10:10:00.000Z")]
    pub(crate) hold_until: String,
    /// Where to ask for the order.
    #[schema(example = "/api/v1/orders/01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b?k=K7hQ2v9wXyZ0aBcDeFgHiA")]
    pub(crate) status_url: String,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) server_time: String,
}

/// The tickets of an order.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderTickets {
    /// The order's id.
    #[schema(example = "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b")]
    pub(crate) order_id: String,
    /// One a unit, in order.
    pub(crate) tickets: Vec<TicketCode>,
    /// The short name of the key that signed them: six hexadecimal digits.
    #[schema(example = "e26a5a")]
    pub(crate) key_id: String,
    /// The Ed25519 public key that judges them: 64 hexadecimal digits.
    #[schema(example = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c")]
    pub(crate) public_key: String,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) server_time: String,
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketCode {
    /// Which of the order's tickets, from 1.
    #[schema(example = 1)]
    pub(crate) number: u8,
    /// How many the order has.
    #[schema(example = 2)]
    pub(crate) of: u8,
    /// What the gate reads: 153 capital letters and digits, for a QR code's alphanumeric mode.
    #[schema(
        example = "STP172ASYWS2LJNFUWS2LJNFUWS2LJNFUWR2DS4V7UEERNVACAT6WZK4MIAAWQAM2NU3MUXOC6NJ6NY64YCMKLHF4TXAM4NC256SL2MRYCJT2F5EQRGWLUL6YF7DPZIEXKSI672ILBDINEKCK2BU5Y3AK"
    )]
    pub(crate) code: String,
}

/// Tickets of the featured event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketsLeft {
    /// Tickets that can be bought now.
    #[schema(example = 843_291)]
    pub(crate) available: u32,
    /// Tickets that exist.
    #[schema(example = 1_000_000)]
    pub(crate) total: u32,
}

/// The numbers of an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventAvailability<'a> {
    /// Each ticket type's numbers.
    pub(crate) ticket_types: Vec<TypeAvailability<'a>>,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) server_time: String,
    /// The numbers are older than they should be.
    #[schema(example = false)]
    pub(crate) stale: bool,
}

/// The numbers of a ticket type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TypeAvailability<'a> {
    /// Its id.
    #[schema(example = "general-admission")]
    pub(crate) id: &'a str,
    /// The state of its sale.
    #[schema(value_type = String, example = "on_sale")]
    pub(crate) state: SaleState,
    /// Units that can be bought now.
    #[schema(example = 843_291)]
    pub(crate) available: u32,
    /// Units in orders that are not written down yet.
    #[schema(example = 1_250)]
    pub(crate) in_flight: u32,
    /// Units sold.
    #[schema(example = 155_459)]
    pub(crate) sold: u32,
    /// Units that exist.
    #[schema(example = 1_000_000)]
    pub(crate) total: u32,
    /// When the sale opens, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) opens_at: String,
    /// When the sale ends, RFC 3339.
    #[schema(example = "2027-08-19T14:00:00.000Z")]
    pub(crate) closes_at: String,
}

/// Events of the shop.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventList<'a> {
    /// The featured one first.
    pub(crate) events: Vec<EventView<'a>>,
    /// Server time, RFC 3339.
    #[schema(example = "2027-06-01T10:00:00.000Z")]
    pub(crate) server_time: String,
}

/// An event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventView<'a> {
    /// Its name in addresses.
    #[schema(example = "frequency-festival")]
    pub(crate) slug: &'a str,
    /// Its name.
    #[schema(example = "Frequency Festival 20XX")]
    pub(crate) name: &'a str,
    /// Where it is.
    #[schema(example = "Green Park, St. Pölten, Austria")]
    pub(crate) place: &'a str,
    /// When it begins, RFC 3339.
    #[schema(example = "2027-08-19T13:00:00.000Z")]
    pub(crate) starts_at: String,
    /// When it ends, RFC 3339.
    #[schema(example = "2027-08-22T03:00:00.000Z")]
    pub(crate) ends_at: String,
    /// IANA name of its time zone.
    #[schema(example = "Europe/Vienna")]
    pub(crate) time_zone: &'a str,
    /// What can be bought.
    pub(crate) ticket_types: Vec<TicketTypeView<'a>>,
}

/// A ticket type.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TicketTypeView<'a> {
    /// Its name.
    #[schema(example = "General Admission")]
    pub(crate) name: &'a str,
    /// Price of one, in minor units.
    #[schema(example = 19_900)]
    pub(crate) price_minor: i64,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    pub(crate) currency: &'a str,
    /// Most tickets in one order.
    #[schema(example = 6)]
    pub(crate) max_per_order: u32,
    /// Most tickets of one buyer; no limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 6)]
    pub(crate) limit_per_buyer: Option<u32>,
    /// How it is paid.
    pub(crate) payment: PaymentView,
    /// Its numbers.
    #[serde(flatten)]
    pub(crate) numbers: TypeAvailability<'a>,
}

/// How a ticket type is paid.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PaymentView {
    /// `at_the_gate`: an order is confirmed at once. `online`: its tickets are held until it is paid.
    #[schema(example = "online")]
    pub(crate) how: &'static str,
    /// What is added to the price of each ticket, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 200, nullable = false)]
    pub(crate) fee_minor: Option<i64>,
    /// How long tickets are held, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 600, nullable = false)]
    pub(crate) hold_seconds: Option<u64>,
}

fn one() -> u32 {
    1
}

/// Any whole number, so that its range is judged beside all other mistakes: what `u32` cannot hold is what it can hold least
/// or most.
fn whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    struct Whole;
    impl Visitor<'_> for Whole {
        type Value = u32;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_u64<E>(self, number: u64) -> Result<u32, E> {
            Ok(u32::try_from(number).unwrap_or(u32::MAX))
        }

        fn visit_i64<E>(self, number: i64) -> Result<u32, E> {
            Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
        }
    }
    from.deserialize_u64(Whole)
}
