//! The event page: the poster, the sale's numbers and wave, the buy form.

use super::Links;
use crate::Lang;
use serde::Serialize;

/// Everything the event page shows.
#[derive(Clone, Debug, Serialize)]
pub struct EventPage {
    /// The event's name in URLs.
    pub slug: String,
    /// The event's name; its first word is drawn when it has letters only.
    pub name: String,
    /// Where it takes place.
    pub place: String,
    /// Its texts, already in the page's language.
    pub texts: EventTexts,
    /// First moment of the event, unix milliseconds.
    pub starts_at_ms: i64,
    /// Last moment of the event, unix milliseconds.
    pub ends_at_ms: i64,
    /// IANA time zone the event lives in.
    pub time_zone: String,
    /// What can be bought; at least one.
    pub ticket_types: Vec<TicketTypeView>,
    /// Index of the ticket type that the numbers, the wave and the form are about.
    pub selected: usize,
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// Input to keep and errors to show; `None` is a blank form.
    pub form: Option<FormView>,
    /// Language switch and front page.
    pub links: Links,
}

/// The event in words.
#[derive(Clone, Debug, Serialize)]
pub struct EventTexts {
    /// The line under the name, for example the days in the festival's own year.
    pub title: String,
    /// One strong sentence.
    pub lead: String,
    /// Paragraphs of plain text.
    pub body: Vec<String>,
}

/// A ticket type and its numbers at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct TicketTypeView {
    /// Its id, as the form sends it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Price of one in minor units.
    pub price_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// True when the money changes hands at the gate, so that an order is confirmed at once.
    pub paid_at_gate: bool,
    /// All units there are.
    pub capacity: u64,
    /// Free units.
    pub available: u64,
    /// Units in orders that are being decided.
    pub in_flight: u64,
    /// Units sold.
    pub sold: u64,
    /// Most units in one order.
    pub max_per_order: u32,
    /// Most units of one buyer over all orders; `None` is no limit.
    pub limit_per_buyer: Option<u32>,
    /// First moment of the sale, unix milliseconds.
    pub opens_at_ms: i64,
    /// Last moment of the sale, unix milliseconds.
    pub closes_at_ms: i64,
    /// What a buyer can do now.
    pub state: SaleStateView,
}

/// The sale as a buyer sees it; `tag()` is the word that the availability JSON uses too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleStateView {
    /// Before the first moment of the sale.
    NotOpen,
    /// Buy.
    OnSale,
    /// Buy now.
    NearlyGone,
    /// Nothing is free, but some of what is in flight may come back.
    AllInFlight,
    /// Everything is sold.
    SoldOut,
    /// The organizer stopped the sale for a while.
    Paused,
    /// After the last moment of the sale.
    Over,
    /// The numbers are not known or old; buying may work.
    Unknown,
}

impl TicketTypeView {
    /// Most units that one may ask for at once.
    pub(crate) fn most(&self) -> u32 {
        self.limit_per_buyer.map_or(self.max_per_order, |limit| limit.min(self.max_per_order))
    }
}

impl SaleStateView {
    /// Every state.
    pub const ALL: [SaleStateView; 8] = [
        SaleStateView::NotOpen,
        SaleStateView::OnSale,
        SaleStateView::NearlyGone,
        SaleStateView::AllInFlight,
        SaleStateView::SoldOut,
        SaleStateView::Paused,
        SaleStateView::Over,
        SaleStateView::Unknown,
    ];

    /// The state's word in JSON, templates and the script.
    pub fn tag(self) -> &'static str {
        match self {
            SaleStateView::NotOpen => "not_open",
            SaleStateView::OnSale => "on_sale",
            SaleStateView::NearlyGone => "nearly_gone",
            SaleStateView::AllInFlight => "all_in_flight",
            SaleStateView::SoldOut => "sold_out",
            SaleStateView::Paused => "paused",
            SaleStateView::Over => "over",
            SaleStateView::Unknown => "unknown",
        }
    }

    /// True while a form makes sense, even when its button has to wait: only an end takes the form away.
    pub fn has_form(self) -> bool {
        !matches!(self, SaleStateView::SoldOut | SaleStateView::Over)
    }

    /// True while the button may be pressed. `Unknown` leaves the judgement to the server.
    pub fn can_buy(self) -> bool {
        matches!(self, SaleStateView::OnSale | SaleStateView::NearlyGone | SaleStateView::Unknown)
    }
}

/// What the buyer typed, kept as text, and what was wrong with it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FormView {
    /// As sent.
    pub quantity: String,
    /// As sent.
    pub name: String,
    /// As sent.
    pub email: String,
    /// In the order of the form.
    pub errors: Vec<FieldError>,
}

/// One thing wrong with one field.
#[derive(Clone, Debug, Serialize)]
pub struct FieldError {
    /// `quantity`, `name`, `email`; anything else is about the form as a whole.
    pub field: String,
    /// `required`, `too_long`, `out_of_range`, `not_a_number`, `invalid_characters`; anything else is told as
    /// "please check" in the words of the field.
    pub code: String,
}

impl EventPage {
    /// The festival in each state of its sale, and a foreign event that tests escaping and long texts.
    pub fn samples(lang: Lang) -> Vec<(&'static str, EventPage)> {
        let in_state = |state: SaleStateView, sold: u64, in_flight: u64| {
            let mut page = festival(lang);
            let ticket = &mut page.ticket_types[0];
            ticket.state = state;
            ticket.sold = sold;
            ticket.in_flight = in_flight;
            ticket.available = ticket.capacity - sold - in_flight;
            ticket.opens_at_ms = page.now_ms + if state == SaleStateView::NotOpen { 43_000 } else { -600_000 };
            page
        };
        vec![
            ("not-open", in_state(SaleStateView::NotOpen, 0, 0)),
            ("on-sale", in_state(SaleStateView::OnSale, 436_207, 5_112)),
            ("just-opened", in_state(SaleStateView::OnSale, 1_207, 412)),
            ("nearly-gone", in_state(SaleStateView::NearlyGone, 981_530, 4_204)),
            ("all-in-flight", in_state(SaleStateView::AllInFlight, 997_412, 2_588)),
            ("sold-out", in_state(SaleStateView::SoldOut, 1_000_000, 0)),
            ("paused", in_state(SaleStateView::Paused, 612_000, 12)),
            ("over", in_state(SaleStateView::Over, 954_318, 0)),
            ("unknown", in_state(SaleStateView::Unknown, 0, 0)),
            ("foreign", foreign(lang)),
            ("two-types", with_vip(in_state(SaleStateView::OnSale, 436_207, 5_112))),
            ("two-types-one-gone", with_vip(in_state(SaleStateView::SoldOut, 1_000_000, 0))),
            ("paid-online", paid_online(lang)),
        ]
    }
}

fn festival(lang: Lang) -> EventPage {
    let now_ms = 1_779_120_257_000;
    let (title, lead, body) = match lang {
        Lang::De => (
            "Drei Tage im August 20XX",
            "Eine Million Menschen, ein Fluss, eine Frequenz.",
            [
                "Green Park, St. Pölten: zwischen Traisen und Ratzersdorfer See, mit der Bahn zwanzig Minuten von Wien.",
                "Ein Ticket gilt für alle drei Tage und den Campingplatz. Bezahlt wird am Einlass.",
            ],
        ),
        Lang::En => (
            "Three days in August 20XX",
            "One million people, one river, one frequency.",
            [
                "Green Park, St. Pölten: between the Traisen and the lake of Ratzersdorf, twenty minutes from Vienna by train.",
                "One ticket is good for all three days and the camp site. You pay at the gate.",
            ],
        ),
    };
    EventPage {
        slug: "frequency-festival".into(),
        name: "Frequency Festival 20XX".into(),
        place: "Green Park, St. Pölten".into(),
        texts: EventTexts { title: title.into(), lead: lead.into(), body: body.map(String::from).to_vec() },
        starts_at_ms: 1_787_241_600_000,
        ends_at_ms: 1_787_241_600_000 + 2 * 86_400_000,
        time_zone: "Europe/Vienna".into(),
        ticket_types: vec![TicketTypeView {
            id: "0199b0de-0000-7000-8000-000000000001".into(),
            name: "General Admission".into(),
            price_minor: 19_900,
            currency: "EUR".into(),
            paid_at_gate: true,
            capacity: 1_000_000,
            available: 1_000_000,
            in_flight: 0,
            sold: 0,
            max_per_order: 6,
            limit_per_buyer: Some(6),
            opens_at_ms: now_ms - 600_000,
            closes_at_ms: now_ms + 90 * 86_400_000,
            state: SaleStateView::OnSale,
        }],
        selected: 0,
        now_ms,
        form: None,
        links: Links::to(lang, ""),
    }
}

/// The festival with a second ticket type, which is paid online.
fn with_vip(mut page: EventPage) -> EventPage {
    let mut vip = page.ticket_types[0].clone();
    vip.id = "0199b0de-0000-7000-8000-000000000003".into();
    vip.name = "VIP Pass".into();
    vip.price_minor = 49_900;
    vip.paid_at_gate = false;
    (vip.capacity, vip.sold, vip.in_flight, vip.available) = (5_000, 310, 120, 4_570);
    vip.max_per_order = 4;
    vip.limit_per_buyer = Some(4);
    vip.state = SaleStateView::OnSale;
    page.ticket_types.push(vip);
    page
}

fn paid_online(lang: Lang) -> EventPage {
    let mut page = with_vip(festival(lang));
    page.ticket_types.remove(0);
    page
}

fn foreign(lang: Lang) -> EventPage {
    let mut page = festival(lang);
    page.slug = "layl".into();
    page.name = "ليلة <script>alert(1)</script> & 🎪 «Nacht»".into();
    page.place = "Donaudampfschifffahrtsgesellschaftsanlegestelle 7\"><b>".into();
    page.texts.body = vec!["</p><script>alert(2)</script>".into(), "x".repeat(300)];
    page.links = Links::to(lang, "/events/layl");
    let mut balcony = page.ticket_types[0].clone();
    balcony.id = "0199b0de-0000-7000-8000-000000000002".into();
    balcony.name = "Balkon <i>".into();
    balcony.max_per_order = 40;
    balcony.limit_per_buyer = None;
    balcony.price_minor = 1_234_500;
    balcony.currency = "CHF".into();
    balcony.paid_at_gate = false;
    page.ticket_types.push(balcony);
    page.selected = 1;
    page
}
