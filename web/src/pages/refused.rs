//! The event page after a refusal: what happened, the next step, and the form with the input kept.

use super::event::{EventPage, FieldError, FormView, SaleStateView};
use crate::Lang;
use serde::Serialize;

/// The event page of now, with the input in `event.form`, and why there is no order.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedPage {
    /// The page to show below the message.
    pub event: EventPage,
    /// Why.
    pub refusal: RefusalView,
}

/// Why an order was not taken, as told to the buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RefusalView {
    /// Fewer free than wanted; units in flight may come back, so it is not final.
    SoldOut {
        /// Free units now.
        available: u64,
    },
    /// The sale has not begun.
    NotOpen {
        /// When it does, unix milliseconds.
        opens_at_ms: i64,
    },
    /// The organizer stopped the sale for a while.
    Paused,
    /// The sale has ended.
    Over,
    /// The buyer has as many as one may.
    LimitReached {
        /// How many one may have.
        limit: u32,
    },
    /// This form made another order already.
    KeyReused {
        /// That order's page, when the viewer may know it.
        order_url: Option<String>,
    },
    /// The form is older than a day.
    KeyStale,
    /// This visitor asks too often.
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The shop cannot take the order now.
    Busy {
        /// Seconds to wait.
        retry_after_s: u64,
        /// The order's page when it may exist already.
        order_url: Option<String>,
    },
    /// Nobody knows yet whether the order was taken.
    Unknown {
        /// The order's page, which will know.
        order_url: String,
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// The fields need another look; the errors are in the form.
    Invalid,
}

impl RefusedPage {
    /// Every refusal over a fitting state of the sale.
    pub fn samples(lang: Lang) -> Vec<(&'static str, RefusedPage)> {
        let order_url = format!("/{}/orders/0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a11", lang.tag());
        let opens_at_ms = 1_779_120_300_000;
        let refusals = [
            ("sold-out", RefusalView::SoldOut { available: 3 }, SaleStateView::NearlyGone),
            ("sold-out-for-now", RefusalView::SoldOut { available: 0 }, SaleStateView::AllInFlight),
            ("sold-out-for-good", RefusalView::SoldOut { available: 0 }, SaleStateView::SoldOut),
            ("not-open", RefusalView::NotOpen { opens_at_ms }, SaleStateView::NotOpen),
            ("paused", RefusalView::Paused, SaleStateView::Paused),
            ("over", RefusalView::Over, SaleStateView::Over),
            ("limit-reached", RefusalView::LimitReached { limit: 6 }, SaleStateView::OnSale),
            ("key-reused", RefusalView::KeyReused { order_url: Some(order_url.clone()) }, SaleStateView::OnSale),
            ("key-reused-elsewhere", RefusalView::KeyReused { order_url: None }, SaleStateView::OnSale),
            ("key-stale", RefusalView::KeyStale, SaleStateView::OnSale),
            ("too-many", RefusalView::TooMany { retry_after_s: 12 }, SaleStateView::OnSale),
            ("busy", RefusalView::Busy { retry_after_s: 3, order_url: None }, SaleStateView::OnSale),
            ("unknown", RefusalView::Unknown { order_url, retry_after_s: 2 }, SaleStateView::Unknown),
            ("invalid", RefusalView::Invalid, SaleStateView::OnSale),
        ];
        let mut pages: Vec<_> =
            refusals.into_iter().map(|(name, refusal, state)| (name, sample(lang, refusal, state))).collect();
        let mut long = sample(lang, RefusalView::Invalid, SaleStateView::OnSale);
        if let Some(form) = &mut long.event.form {
            form.name = "Maximilian ".repeat(40);
            form.errors =
                vec![error("name", "too_long"), error("name", "invalid_characters"), error("form", "unknown")];
        }
        pages.push(("invalid-otherwise", long));
        pages
    }
}

fn error(field: &str, code: &str) -> FieldError {
    FieldError { field: field.into(), code: code.into() }
}

fn sample(lang: Lang, refusal: RefusalView, state: SaleStateView) -> RefusedPage {
    let mut event = EventPage::samples(lang)
        .into_iter()
        .map(|(_, page)| page)
        .find(|page| page.ticket_types[0].state == state)
        .expect("because the event has a sample for every state");
    let invalid = refusal == RefusalView::Invalid;
    event.form = Some(FormView {
        quantity: "4".into(),
        name: if invalid { String::new() } else { "Zoë \"<script>\" Ångström".into() },
        email: if invalid { "zoe@".into() } else { "zoe@example.org".into() },
        errors: if invalid {
            vec![error("quantity", "out_of_range"), error("name", "required"), error("email", "invalid")]
        } else {
            Vec::new()
        },
    });
    RefusedPage { event, refusal }
}
