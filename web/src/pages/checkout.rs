//! The checkout of a ticket type that is paid online: who buys, what it costs, how long it will be held. Everything is
//! asked before the hold begins, so that its minutes are for paying alone.

use super::{
    Links,
    event::{EventPage, FieldError, FormView, TicketTypeView},
    money::PriceView,
    refused::RefusalView,
};
use crate::Lang;
use serde::Serialize;

/// Everything the checkout shows.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutPage {
    /// Where the form is sent.
    pub action: String,
    /// The idempotency key in the form; [`KEY_SLOT`](crate::KEY_SLOT) when it is put in later.
    pub key: String,
    /// The event's name.
    pub event_name: String,
    /// The event's page, where type and number can be changed.
    pub event_url: String,
    /// Where it takes place.
    pub place: String,
    /// First moment of the event, unix milliseconds.
    pub starts_at_ms: i64,
    /// IANA time zone the event lives in.
    pub time_zone: String,
    /// What is bought; without a form when its state has none.
    pub ticket: TicketTypeView,
    /// What it costs.
    pub price: PriceView,
    /// How long the tickets are held after the click, in seconds.
    pub hold_s: u64,
    /// The terms of sale; `None` leaves the link out.
    pub terms_url: Option<String>,
    /// Why the last click made no order.
    pub refusal: Option<RefusalView>,
    /// Input to keep and errors to show; `None` is a blank form. Its quantity is the one in `price`.
    pub form: Option<FormView>,
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// Language switch and front page.
    pub links: Links,
}

impl CheckoutPage {
    /// Blank, kept, refused, with mistakes, and of a foreign event.
    pub fn samples(lang: Lang) -> Vec<(&'static str, CheckoutPage)> {
        let blank = sample(lang);
        let kept = |errors| FormView {
            quantity: "2".into(),
            name: "Zoë \"<script>\" Ångström".into(),
            email: "zoe@example.org".into(),
            errors,
        };
        let refused = |refusal| CheckoutPage { refusal: Some(refusal), form: Some(kept(Vec::new())), ..blank.clone() };
        let mistakes = |fields: [(&str, &str); 2]| {
            let errors = fields.map(|(field, code)| FieldError { field: field.into(), code: code.into() });
            let form = FormView { name: String::new(), email: "zoe@".into(), ..kept(errors.to_vec()) };
            CheckoutPage { refusal: Some(RefusalView::Invalid), form: Some(form), ..blank.clone() }
        };
        let mut gone = refused(RefusalView::SoldOut { available: 0 });
        gone.ticket.state = crate::SaleStateView::SoldOut;
        let order_url = format!("/{}/orders/0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a11", lang.tag());
        vec![
            ("blank", blank.clone()),
            ("kept", CheckoutPage { form: Some(kept(Vec::new())), ..blank.clone() }),
            ("mistakes", mistakes([("name", "required"), ("email", "required")])),
            ("mistakes-otherwise", mistakes([("quantity", "out_of_range"), ("email", "invalid_characters")])),
            ("sold-out-for-now", refused(RefusalView::SoldOut { available: 1 })),
            ("sold-out", gone),
            ("busy", refused(RefusalView::Busy { retry_after_s: 3, order_url: None })),
            ("unknown", refused(RefusalView::Unknown { order_url, retry_after_s: 2 })),
            ("foreign", foreign(lang)),
        ]
    }
}

fn sample(lang: Lang) -> CheckoutPage {
    let (_, event) = EventPage::samples(lang).swap_remove(1);
    let mut ticket = event.ticket_types[0].clone();
    ticket.id = "0199b0de-0000-7000-8000-000000000003".into();
    ticket.name = "VIP Pass".into();
    ticket.price_minor = 49_900;
    ticket.paid_at_gate = false;
    let price = PriceView {
        ticket_type: ticket.name.clone(),
        quantity: 2,
        unit_minor: 49_900,
        fee_minor: 400,
        total_minor: 100_200,
        vat_minor: 11_527,
        vat_basis_points: 1_300,
        currency: "EUR".into(),
    };
    CheckoutPage {
        action: format!("/{}/events/{}/orders", lang.tag(), event.slug),
        key: "0199b0df-1f02-7b44-8a0e-b0de99317c40".into(),
        event_name: event.name,
        event_url: format!("/{}/events/{}", lang.tag(), event.slug),
        place: event.place,
        starts_at_ms: event.starts_at_ms,
        time_zone: event.time_zone,
        ticket,
        price,
        hold_s: 600,
        terms_url: Some(format!("/{}/terms", lang.tag())),
        refusal: None,
        form: None,
        now_ms: event.now_ms,
        links: Links::to(lang, "/events/frequency-festival/checkout"),
    }
}

fn foreign(lang: Lang) -> CheckoutPage {
    let mut page = sample(lang);
    page.event_name = "ليلة <script>alert(1)</script> & 🎪 «Nacht»".into();
    page.place = "Donaudampfschifffahrtsgesellschaftsanlegestelle 7\"><b>".into();
    page.price.ticket_type = "Donaudampfschifffahrtsbalkon <i>".into();
    page.price.quantity = 1;
    page.price.fee_minor = 0;
    page.price.vat_basis_points = 770;
    page.price.currency = "CHF".into();
    page.price.unit_minor = 123_456_700;
    page.price.total_minor = 123_456_700;
    page.terms_url = None;
    page.hold_s = 90;
    page
}
