//! `/my`: one's orders again. Asked for by an e-mail address, opened by the link that is mailed to it. The answer to
//! the form is the same whether there are orders or not.

use super::{Links, event::FieldError};
use crate::Lang;
use serde::Serialize;

/// The form that asks for the link.
#[derive(Clone, Debug, Serialize)]
pub struct FindOrdersPage {
    /// Where the form is sent, with the field `email`.
    pub action: String,
    /// As typed; empty at first.
    pub email: String,
    /// What is wrong with it: field `email`, code `required` or any other.
    pub error: Option<FieldError>,
    /// True when an old or broken link led here.
    pub link_is_stale: bool,
    /// Language switch and front page.
    pub links: Links,
}

/// The answer to the form: for known and unknown addresses the same.
#[derive(Clone, Debug, Serialize)]
pub struct LinkSentPage {
    /// The address as typed, so that a slip can be seen.
    pub email: String,
    /// How long the link will work, in seconds.
    pub valid_s: u64,
    /// The form again.
    pub again_url: String,
    /// Language switch and front page.
    pub links: Links,
}

/// The orders of an address, for whoever has the link.
#[derive(Clone, Debug, Serialize)]
pub struct MyOrdersPage {
    /// The address.
    pub email: String,
    /// Its orders, newest first.
    pub orders: Vec<MyOrderRow>,
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// Language switch and front page. Keep the link's query in the language links.
    pub links: Links,
}

/// An order in the list.
#[derive(Clone, Debug, Serialize)]
pub struct MyOrderRow {
    /// Its id, from which its wave is drawn.
    pub id: String,
    /// Its page, with the right to see the details.
    pub url: String,
    /// Its tickets, when it has some.
    pub tickets_url: Option<String>,
    /// The event's name.
    pub event_name: String,
    /// First moment of the event, unix milliseconds.
    pub starts_at_ms: i64,
    /// IANA time zone the event lives in.
    pub time_zone: String,
    /// Name of the ticket type.
    pub ticket_type: String,
    /// Units.
    pub quantity: u32,
    /// Sum in minor units.
    pub total_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The order's status as JSON names it, see [`OrderStatusView::name`](crate::OrderStatusView::name).
    pub status: String,
    /// Until when a reserved one is held, unix milliseconds.
    pub hold_until_ms: Option<i64>,
}

impl FindOrdersPage {
    /// Blank, with each mistake, and after a stale link.
    pub fn samples(lang: Lang) -> Vec<(&'static str, FindOrdersPage)> {
        let blank = FindOrdersPage {
            action: format!("/{}/my", lang.tag()),
            email: String::new(),
            error: None,
            link_is_stale: false,
            links: Links::to(lang, "/my"),
        };
        let wrong = |email: &str, code: &str| FindOrdersPage {
            email: email.into(),
            error: Some(FieldError { field: "email".into(), code: code.into() }),
            ..blank.clone()
        };
        vec![
            ("blank", blank.clone()),
            ("empty", wrong("", "required")),
            ("mistake", wrong("\"><script>zoe@", "invalid_characters")),
            ("stale-link", FindOrdersPage { link_is_stale: true, ..blank.clone() }),
        ]
    }
}

impl LinkSentPage {
    /// The one answer, to an ordinary and to a hostile address.
    pub fn samples(lang: Lang) -> Vec<(&'static str, LinkSentPage)> {
        let to = |email: &str| LinkSentPage {
            email: email.into(),
            valid_s: 3_600,
            again_url: format!("/{}/my", lang.tag()),
            links: Links::to(lang, "/my"),
        };
        vec![("sent", to("zoe@example.org")), ("sent-hostile", to("<script>alert(1)</script>@example.org"))]
    }
}

impl MyOrdersPage {
    /// Orders in every state, and none.
    pub fn samples(lang: Lang) -> Vec<(&'static str, MyOrdersPage)> {
        let states = [
            "reserved",
            "paying",
            "confirmed",
            "pending",
            "expiring",
            "refunded",
            "expired",
            "cancelled",
            "rejected",
            "failed",
            "unknown",
            "reserved",
        ];
        let page = |orders| MyOrdersPage {
            email: "zoe@example.org".into(),
            orders,
            now_ms: 1_779_120_257_000,
            links: Links::to(lang, "/my/orders?k=c2lnbmVkLWxpbms"),
        };
        let orders = states.iter().zip(0_u32..).map(|(status, number)| row(lang, status, number)).collect();
        vec![("orders", page(orders)), ("none", page(Vec::new()))]
    }
}

fn row(lang: Lang, status: &str, number: u32) -> MyOrderRow {
    let id = format!("0199b0df-1f02-7b44-8a0e-b0de99317c{:02}", number + 40);
    let confirmed = status == "confirmed";
    MyOrderRow {
        url: format!("/{}/orders/{id}?k=c2lnbmVkLWxpbms", lang.tag()),
        tickets_url: confirmed.then(|| format!("/{}/orders/{id}/tickets?k=c2lnbmVkLWxpbms", lang.tag())),
        id,
        event_name: if number == 3 { "ليلة <i>".into() } else { "Frequency Festival 20XX".into() },
        starts_at_ms: 1_787_241_600_000,
        time_zone: "Europe/Vienna".into(),
        ticket_type: if number == 3 { "Balkon <i>".into() } else { "VIP Pass".into() },
        quantity: number % 4 + 1,
        total_minor: 49_900 * i64::from(number % 4 + 1),
        currency: "EUR".into(),
        status: status.into(),
        hold_until_ms: (number == 0).then_some(1_779_120_257_000 + 591_000),
    }
}
