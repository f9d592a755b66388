//! Mails as they are sent, and to people who try to make more of them.

use super::{ConfirmationMail, ExpiryMail, MailedOrder, OrdersLinkMail, RefundMail, RefundWhy, Samples};
use crate::{
    Lang,
    pages::{
        money::{PriceView, RefundState},
        order::samples::{NOW_MS, receipt, refund},
    },
};

/// A name that tries everything.
const HOSTILE: &str = "Zoë\r\nBcc: all@example.org\r\n\r\n\u{202e}<script>alert(1)</script> https://evil.example/";

pub(super) fn confirmations(lang: Lang) -> Samples<ConfirmationMail> {
    let order = order(lang, "Zoë Ångström");
    let price = PriceView {
        ticket_type: order.ticket_type.clone(),
        quantity: 2,
        unit_minor: 49_900,
        fee_minor: 400,
        total_minor: 100_200,
        vat_minor: 11_527,
        vat_basis_points: 1_300,
        currency: "EUR".into(),
    };
    let tickets_url = format!("https://tickets.example/{}/orders/{}/tickets?k=c2lnbmVkLWxpbms", lang.tag(), order.id);
    let paid = ConfirmationMail { order, tickets_url, price, receipt: Some(receipt()) };
    let mut at_gate = paid.clone();
    at_gate.receipt = None;
    at_gate.order.ticket_type = "General Admission".into();
    at_gate.price = PriceView {
        ticket_type: "General Admission".into(),
        unit_minor: 19_900,
        fee_minor: 0,
        total_minor: 39_800,
        vat_minor: 0,
        vat_basis_points: 0,
        ..at_gate.price
    };
    let hostile = ConfirmationMail { order: hostile(lang), ..paid.clone() };
    vec![("confirmed", paid), ("confirmed-at-gate", at_gate), ("confirmed-hostile", hostile)]
}

pub(super) fn expiries(lang: Lang) -> Samples<ExpiryMail> {
    vec![
        ("expired", ExpiryMail { order: order(lang, "Zoë Ångström") }),
        ("expired-hostile", ExpiryMail { order: hostile(lang) }),
    ]
}

pub(super) fn refunds(lang: Lang) -> Samples<RefundMail> {
    let mail = |state, why| RefundMail { order: order(lang, ""), refund: refund(state), why };
    let done = || RefundState::Done { at_ms: NOW_MS - 2_400_000 };
    vec![
        ("refund-late", mail(RefundState::OnItsWay, RefundWhy::CameLate)),
        ("refund", mail(done(), RefundWhy::TakenBack)),
        ("refund-too-much", mail(done(), RefundWhy::TooMuch)),
    ]
}

pub(super) fn links(lang: Lang) -> Samples<OrdersLinkMail> {
    let url = format!("https://tickets.example/{}/my/orders?k=c2lnbmVkLWxpbmstd2hpY2gtaXMtbG9uZw", lang.tag());
    vec![("link", OrdersLinkMail { url, valid_s: 3_600 })]
}

fn order(lang: Lang, name: &str) -> MailedOrder {
    let id = "0199b0df-1f02-7b44-8a0e-b0de99317c40";
    MailedOrder {
        id: id.into(),
        url: format!("https://tickets.example/{}/orders/{id}?k=c2lnbmVkLWxpbms", lang.tag()),
        name: name.into(),
        event_name: "Frequency Festival 20XX".into(),
        event_url: format!("https://tickets.example/{}/events/frequency-festival", lang.tag()),
        place: "Green Park, St. Pölten".into(),
        starts_at_ms: 1_787_241_600_000,
        time_zone: "Europe/Vienna".into(),
        ticket_type: "VIP Pass".into(),
        quantity: 2,
    }
}

fn hostile(lang: Lang) -> MailedOrder {
    MailedOrder { event_name: format!("Layl {HOSTILE}"), place: HOSTILE.into(), ..order(lang, HOSTILE) }
}
