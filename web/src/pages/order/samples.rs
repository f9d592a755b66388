//! Orders in every state, with and without the right to see the details.

use super::{
    CancelledView, DeclineView, ExpiredView, ExtendView, HoldView, Links, OrderDetails, OrderPage, OrderStatusView,
};
use crate::{
    Lang,
    pages::money::{ReceiptView, RefundState, RefundView},
};

pub(crate) const NOW_MS: i64 = 1_779_120_257_000;
const MINUTE_MS: i64 = 60_000;

impl OrderPage {
    /// Every status, with and without the right to see the details.
    pub fn samples(lang: Lang) -> Vec<(&'static str, OrderPage)> {
        use OrderStatusView as S;
        let free = |name, status, id: &str| (name, sample(lang, status, &format!("0199b0de-7c1e-7a5f-9d52-{id}")));
        let rejected = |reason: &str| S::Rejected { reason: reason.into() };
        let cancelled = S::Cancelled { how: CancelledView::NoLongerValid, refund: None };
        let mut pages = vec![
            free("pending", S::Pending, "3f1f5e0c8a11"),
            free("confirmed", S::Confirmed { receipt: None, refund: None }, "3f1f5e0c8a11"),
            free("rejected", rejected("sold_out"), "5570aa21d7e9"),
            free("rejected-limit", rejected("limit"), "5570aa21d7f0"),
            free("rejected-over", rejected("sale_over"), "5570aa21d7f1"),
            free("rejected-paused", rejected("paused"), "5570aa21d7f3"),
            free("rejected-otherwise", rejected("moon"), "5570aa21d7f2"),
            free("expired", S::Expired { after: ExpiredView::NotTaken }, "99aa00bb11cc"),
            free("failed", S::Failed, "99aa00bb11cd"),
            free("cancelled", cancelled, "99aa00bb11ce"),
            free("unknown", S::Unknown, "99aa00bb11cf"),
        ];
        pages.extend(paid_states().into_iter().map(|(name, status)| (name, paid(lang, status))));
        pages.extend([
            (
                "stranger",
                strangers(sample(
                    lang,
                    S::Confirmed { receipt: None, refund: None },
                    "0199b0e1-5c5c-7e2e-8d7f-1234567890ab",
                )),
            ),
            ("stranger-reserved", strangers(paid(lang, S::Reserved { hold: None }))),
            (
                "stranger-paying",
                strangers(paid(lang, S::Paying { continue_url: None, until_ms: None, declined: None })),
            ),
            ("stranger-refunded", strangers(paid(lang, S::Refunded { refund: None }))),
        ]);
        pages
    }
}

/// The states that only an order paid online can have.
fn paid_states() -> Vec<(&'static str, OrderStatusView)> {
    use OrderStatusView as S;
    let reserved = |hold| S::Reserved { hold: Some(hold) };
    let declined = |reason: &str| {
        let declined = Some(DeclineView { reason: reason.into() });
        reserved(HoldView { declined, attempt: 2, ..hold(7 * MINUTE_MS + 4_000) })
    };
    let used_up = reserved(HoldView {
        attempts_are_used_up: true,
        attempt: 11,
        declined: Some(DeclineView { reason: "insufficient_funds".into() }),
        ..hold(3 * MINUTE_MS)
    });
    let paying = |url: Option<&str>, declined: Option<&str>| S::Paying {
        continue_url: url.map(String::from),
        until_ms: Some(NOW_MS + 8 * MINUTE_MS),
        declined: declined.map(|reason| DeclineView { reason: reason.into() }),
    };
    let bank = Some("/bank/payments/pay_0199b0df");
    let done = RefundState::Done { at_ms: NOW_MS - 40 * MINUTE_MS };
    let late = |state| S::Expired { after: ExpiredView::PaidLate { refund: Some(refund(state)) } };
    vec![
        ("reserved", reserved(hold(9 * MINUTE_MS + 51_000))),
        ("reserved-last-minute", reserved(hold(41_000))),
        ("reserved-extended", reserved(HoldView { extend: None, ..hold(55_000) })),
        ("reserved-out-of-time", reserved(HoldView { extend: None, ..hold(-2_000) })),
        ("declined", declined("insufficient_funds")),
        ("declined-expired-card", declined("expired_card")),
        ("declined-cvc", declined("incorrect_cvc")),
        ("declined-not-proven", declined("not_authenticated")),
        ("declined-trouble", declined("processing_error")),
        ("declined-otherwise", declined("lost_or_stolen")),
        ("attempts-used-up", used_up),
        ("paying-opening", paying(None, None)),
        ("paying", paying(bank, None)),
        ("paying-declined", paying(bank, Some("insufficient_funds"))),
        ("checking", S::Checking { out_of_time: false, bank_is_silent: false }),
        ("checking-bank-silent", S::Checking { out_of_time: false, bank_is_silent: true }),
        ("checking-out-of-time", S::Checking { out_of_time: true, bank_is_silent: false }),
        ("paid", S::Confirmed { receipt: Some(receipt()), refund: None }),
        ("paid-twice", S::Confirmed { receipt: Some(receipt()), refund: Some(refund(RefundState::OnItsWay)) }),
        (
            "paid-somehow",
            S::Confirmed { receipt: Some(ReceiptView { method: String::new(), ..receipt() }), refund: None },
        ),
        ("unpaid", S::Expired { after: ExpiredView::Unpaid }),
        ("paid-late", late(RefundState::OnItsWay)),
        ("paid-late-refunded", late(done.clone())),
        ("given-back", S::Cancelled { how: CancelledView::GivenBack, refund: None }),
        ("given-back-paid-late", S::Cancelled { how: CancelledView::GivenBack, refund: Some(refund(done.clone())) }),
        ("refunded", S::Refunded { refund: Some(refund(done)) }),
        (
            "refund-on-its-way",
            S::Refunded { refund: Some(RefundView { to: String::new(), ..refund(RefundState::OnItsWay) }) },
        ),
    ]
}

fn hold(left_ms: i64) -> HoldView {
    HoldView {
        until_ms: NOW_MS + left_ms,
        pay_url: "/en/orders/0199b0df-1f02-7b44-8a0e-b0de99317c40/pay".into(),
        give_back_url: "/en/orders/0199b0df-1f02-7b44-8a0e-b0de99317c40/cancel".into(),
        attempt: 1,
        extend: Some(ExtendView { url: "/en/orders/0199b0df-1f02-7b44-8a0e-b0de99317c40/extend".into(), by_s: 600 }),
        declined: None,
        attempts_are_used_up: false,
    }
}

pub(crate) fn receipt() -> ReceiptView {
    ReceiptView {
        number: "20XX-004217".into(),
        paid_at_ms: Some(NOW_MS - 21_000),
        method: "Visa •••• 4242".into(),
        amount_minor: 100_200,
        vat_minor: 11_527,
        vat_basis_points: 1_300,
        currency: "EUR".into(),
    }
}

pub(crate) fn refund(state: RefundState) -> RefundView {
    RefundView { amount_minor: 100_200, currency: "EUR".into(), to: "Visa •••• 4242".into(), state }
}

fn paid(lang: Lang, status: OrderStatusView) -> OrderPage {
    let mut page = sample(lang, status, "0199b0df-1f02-7b44-8a0e-b0de99317c40");
    if let Some(details) = &mut page.details {
        details.ticket_type = "VIP Pass".into();
        details.total_minor = 100_200;
        details.paid_at_gate = false;
    }
    page
}

fn strangers(page: OrderPage) -> OrderPage {
    OrderPage { details: None, signed_url: None, tickets_url: None, ..page }
}

fn sample(lang: Lang, status: OrderStatusView, id: &str) -> OrderPage {
    let has_tickets = matches!(status, OrderStatusView::Confirmed { .. });
    OrderPage {
        id: id.into(),
        status,
        event_name: "Frequency Festival 20XX".into(),
        event_url: format!("/{}/events/frequency-festival", lang.tag()),
        place: "Green Park, St. Pölten".into(),
        starts_at_ms: 1_787_241_600_000,
        time_zone: "Europe/Vienna".into(),
        now_ms: NOW_MS,
        details: Some(OrderDetails {
            ticket_type: "General Admission".into(),
            quantity: 2,
            name: "Zoë <script>alert(1)</script> مرحبا 🎧".into(),
            email: "zoe@example.org".into(),
            total_minor: 39_800,
            currency: "EUR".into(),
            paid_at_gate: true,
        }),
        tickets_url: has_tickets.then(|| format!("/{}/orders/{id}/tickets?k=c2lnbmVkLWxpbms", lang.tag())),
        signed_url: Some(format!("https://tickets.example/{}/orders/{id}?k=c2lnbmVkLWxpbms", lang.tag())),
        status_url: format!("/api/v1/orders/{id}"),
        links: Links::to(lang, &format!("/orders/{id}")),
    }
}
