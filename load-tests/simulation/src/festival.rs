//! What is for sale.

use stampede_domain::{
    Event, Money, Payment, SaleWindow, TicketType,
    event::{OnlinePayment, Text, Texts},
};

/// The festival with one ticket type.
pub(crate) fn festival(capacity: u32, limit: Option<u32>) -> Event {
    let text = Text { title: "Festival".into(), lead: String::new(), body: vec![] };
    let day = |text: &str| text.parse().expect("because it is a time");
    Event {
        slug: "festival".parse().expect("because it is a slug"),
        name: "Festival".into(),
        place: "Green Park".into(),
        starts_at: day("2027-08-19T14:00:00Z"),
        ends_at: day("2027-08-22T01:00:00Z"),
        time_zone: "Europe/Vienna".into(),
        texts: Texts { de: text.clone(), en: text },
        ticket_types: vec![TicketType {
            id: "general".parse().expect("because it is a slug"),
            name: "General Admission".into(),
            price: Money { minor: 19_900, currency: "EUR".parse().expect("because it is a currency") },
            payment: Payment::AtTheGate,
            capacity,
            max_per_order: 6,
            limit_per_buyer: limit,
            sale: SaleWindow { opens_at: day("2027-01-01T00:00:00Z"), closes_at: day("2027-08-19T14:00:00Z") },
        }],
    }
}

/// The same, paid online within a minute.
pub(crate) fn festival_paid_online(capacity: u32, limit: u32) -> Event {
    let mut event = festival(capacity, Some(limit));
    event.ticket_types[0].payment =
        Payment::Online(OnlinePayment { hold_minutes: 1, fee_minor: 250, vat_basis_points: 1_300 });
    event
}
