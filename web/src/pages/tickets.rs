//! The tickets of a confirmed order: a page that is printed, the same as PDF (`paper.rs`), and an entry for a calendar
//! (`calendar.rs`). Only for those who may see the order's details.

use super::Links;
use crate::Lang;
use serde::Serialize;

/// Everything that the tickets of an order say.
#[derive(Clone, Debug, Serialize)]
pub struct TicketsPage {
    /// The order's id, from which its wave is drawn.
    pub order_id: String,
    /// The event's name.
    pub event_name: String,
    /// Where the event takes place.
    pub place: String,
    /// First moment of the event, unix milliseconds.
    pub starts_at_ms: i64,
    /// Last moment of the event, unix milliseconds.
    pub ends_at_ms: i64,
    /// IANA time zone the event lives in.
    pub time_zone: String,
    /// Name of the ticket type.
    pub ticket_type: String,
    /// Price of one ticket in minor units.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// True when the money changes hands at the gate.
    pub paid_at_gate: bool,
    /// As the buyer wrote it; empty when none was given.
    pub holder: String,
    /// When the order was confirmed, unix milliseconds.
    pub confirmed_at_ms: i64,
    /// One a unit.
    pub tickets: Vec<TicketView>,
    /// The event's page, absolute: it stands in calendars.
    pub event_url: String,
    /// The order's page, with its key.
    pub order_url: String,
    /// These tickets as PDF, with the key.
    pub pdf_url: String,
    /// Their calendar file, with the key.
    pub calendar_url: String,
    /// Language switch and front page, with the key.
    pub links: Links,
}

/// One ticket.
#[derive(Clone, Debug, Serialize)]
pub struct TicketView {
    /// Which, from 1.
    pub number: u8,
    /// Of how many.
    pub of: u8,
    /// What the gate reads.
    pub code: String,
}

impl TicketsPage {
    /// One ticket and several, paid and to be paid, with a name that is markup, none, and one that fills lines. Six is as many
    /// as the demo sells in one order.
    pub fn samples(lang: Lang) -> Vec<(&'static str, TicketsPage)> {
        let long = "Maximiliane-Theresia Adelgunde von und zu Großherzoglichkirchen-Unterpremstätten";
        let two = sample(lang, 2);
        let one = TicketsPage { holder: String::new(), ..sample(lang, 1) };
        let paid = TicketsPage {
            paid_at_gate: false,
            ticket_type: "VIP Pass".into(),
            price_minor: 49_900,
            holder: long.into(),
            event_name: "Ein Fest, das Donaudampfschifffahrtsgesellschaftskapitänsmützen feiert".into(),
            ..sample(lang, 6)
        };
        vec![("two", two), ("one", one), ("paid", paid)]
    }
}

fn sample(lang: Lang, of: u8) -> TicketsPage {
    let id = "0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a11";
    let base = format!("/{}/orders/{id}", lang.tag());
    TicketsPage {
        order_id: id.into(),
        event_name: "Frequency Festival 20XX".into(),
        place: "Green Park, St. Pölten, Austria".into(),
        starts_at_ms: 1_787_241_600_000,
        ends_at_ms: 1_787_450_400_000,
        time_zone: "Europe/Vienna".into(),
        ticket_type: "General Admission".into(),
        price_minor: 19_900,
        currency: "EUR".into(),
        paid_at_gate: true,
        holder: "Zoë <script>alert(1)</script> Größenwahn".into(),
        confirmed_at_ms: 1_779_120_257_000,
        tickets: (1..=of).map(|number| TicketView { number, of, code: sample_code(number) }).collect(),
        event_url: format!("https://tickets.example/{}/events/frequency-festival", lang.tag()),
        order_url: format!("{base}?k=c2lnbmVkLWxpbms"),
        pdf_url: format!("{base}/tickets.pdf?k=c2lnbmVkLWxpbms"),
        calendar_url: format!("{base}/tickets.ics?k=c2lnbmVkLWxpbms"),
        links: Links::to(lang, &format!("/orders/{id}/tickets?k=c2lnbmVkLWxpbms")),
    }
}

/// Looks like a code and is signed by nobody.
fn sample_code(number: u8) -> String {
    let mut seed = u32::from(number) * 2_654_435 + 1;
    let letters = (0..149).map(|_| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(seed.to_be_bytes()[0] & 31)])
    });
    std::iter::once("STP1".to_owned()).chain(letters.map(String::from)).collect()
}
