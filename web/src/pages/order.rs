//! The order page: its state, its wave, what is next. Details only for those who may see them.

use super::Links;
use crate::Lang;
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
    /// JSON with a `status`, asked by the script until the order is decided.
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

/// Where an order stands; the names are those of the JSON's `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OrderStatusView {
    /// Taken, not decided.
    Pending,
    /// Held for the buyer until paid.
    Reserved,
    /// Theirs.
    Confirmed,
    /// Decided against.
    Rejected {
        /// `sold_out`, `limit`, `sale_over`, `paused`; anything else is told without a reason.
        reason: String,
    },
    /// Never reached the decision in time; nothing was bought.
    Expired,
    /// Broke on our side; nothing was bought.
    Failed,
    /// Given back.
    Cancelled,
    /// Cannot be told right now.
    Unknown,
}

impl OrderStatusView {
    /// True when asking again will not change the answer.
    pub fn is_final(&self) -> bool {
        !matches!(self, OrderStatusView::Pending | OrderStatusView::Unknown)
    }
}

impl OrderPage {
    /// Every status, with and without the right to see the details.
    pub fn samples(lang: Lang) -> Vec<(&'static str, OrderPage)> {
        let rejected = |reason: &str| OrderStatusView::Rejected { reason: reason.into() };
        let mut pages = vec![
            ("pending", sample(lang, OrderStatusView::Pending, "0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a11")),
            ("confirmed", sample(lang, OrderStatusView::Confirmed, "0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a11")),
            ("reserved", sample(lang, OrderStatusView::Reserved, "0199b0df-1f02-7b44-8a0e-b0de99317c40")),
            ("rejected", sample(lang, rejected("sold_out"), "0199b0df-3a77-7c01-b3f4-5570aa21d7e9")),
            ("rejected-limit", sample(lang, rejected("limit"), "0199b0df-3a77-7c01-b3f4-5570aa21d7f0")),
            ("rejected-over", sample(lang, rejected("sale_over"), "0199b0df-3a77-7c01-b3f4-5570aa21d7f1")),
            ("rejected-paused", sample(lang, rejected("paused"), "0199b0df-3a77-7c01-b3f4-5570aa21d7f3")),
            ("rejected-otherwise", sample(lang, rejected("moon"), "0199b0df-3a77-7c01-b3f4-5570aa21d7f2")),
            ("expired", sample(lang, OrderStatusView::Expired, "0199b0e0-0001-7d11-9c5e-99aa00bb11cc")),
            ("failed", sample(lang, OrderStatusView::Failed, "0199b0e0-0001-7d11-9c5e-99aa00bb11cd")),
            ("cancelled", sample(lang, OrderStatusView::Cancelled, "0199b0e0-0001-7d11-9c5e-99aa00bb11ce")),
            ("unknown", sample(lang, OrderStatusView::Unknown, "0199b0e0-0001-7d11-9c5e-99aa00bb11cf")),
        ];
        let mut stranger = sample(lang, OrderStatusView::Confirmed, "0199b0e1-5c5c-7e2e-8d7f-1234567890ab");
        stranger.details = None;
        stranger.signed_url = None;
        pages.push(("stranger", stranger));
        pages
    }
}

fn sample(lang: Lang, status: OrderStatusView, id: &str) -> OrderPage {
    OrderPage {
        id: id.into(),
        status,
        event_name: "Frequency Festival 20XX".into(),
        event_url: format!("/{}/events/frequency-festival", lang.tag()),
        place: "Green Park, St. Pölten".into(),
        starts_at_ms: 1_787_241_600_000,
        time_zone: "Europe/Vienna".into(),
        now_ms: 1_779_120_257_000,
        details: Some(OrderDetails {
            ticket_type: "General Admission".into(),
            quantity: 2,
            name: "Zoë <script>alert(1)</script> مرحبا 🎧".into(),
            email: "zoe@example.org".into(),
            total_minor: 39_800,
            currency: "EUR".into(),
            paid_at_gate: true,
        }),
        signed_url: Some(format!("https://tickets.example/{}/orders/{id}?k=c2lnbmVkLWxpbms", lang.tag())),
        status_url: format!("/api/v1/orders/{id}"),
        links: Links::to(lang, &format!("/orders/{id}")),
    }
}
