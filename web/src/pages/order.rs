//! The order page: its state, its wave, what is next. Details only for those who may see them.

pub(crate) mod samples;
mod status;

pub use status::{CancelledView, DeclineView, ExpiredView, ExtendView, HoldView, OrderStatusView};

use super::Links;
use serde::Serialize;

/// Everything the order page shows.
#[derive(Clone, Debug, Serialize)]
pub struct OrderPage {
    /// The order's id, from which its wave is drawn.
    pub id: String,
    /// Where it stands.
    pub status: OrderStatusView,
    /// The event's name.
    pub event_name: String,
    /// The event's page.
    pub event_url: String,
    /// Where the event takes place.
    pub place: String,
    /// First moment of the event, unix milliseconds.
    pub starts_at_ms: i64,
    /// IANA time zone the event lives in.
    pub time_zone: String,
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// What was ordered, by whom; `None`: the viewer has neither the session nor a signed link.
    pub details: Option<OrderDetails>,
    /// A link that opens the details anywhere, absolute, shown to be kept.
    pub signed_url: Option<String>,
    /// The tickets, once it is confirmed, for those who may see the details.
    pub tickets_url: Option<String>,
    /// JSON with a `status`, and a `payment` where [`OrderStatusView::payment`] has one; asked by the script until the
    /// order is decided.
    pub status_url: String,
    /// Language switch and front page. Keep a signed link's query in the language links.
    pub links: Links,
}

/// What was ordered and by whom.
#[derive(Clone, Debug, Serialize)]
pub struct OrderDetails {
    /// Name of the ticket type.
    pub ticket_type: String,
    /// Units.
    pub quantity: u32,
    /// As the buyer wrote it.
    pub name: String,
    /// As the buyer wrote it; empty when none was given.
    pub email: String,
    /// Sum in minor units.
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// True when the money changes hands at the gate.
    pub paid_at_gate: bool,
}
