//! What actors tell, as the view models of `web`.

use stampede_actors::{inventory::EventShown, shelf::TypeOnSale};
use stampede_domain::{Millis, Payment, TicketType, event::Text, sale::SaleState};
use stampede_web::{EventPage, EventTexts, FormView, Lang, Links, SaleStateView, TicketTypeView};

/// The page of an event.
pub(super) fn event(lang: Lang, shown: &EventShown, selected: Option<&str>, form: Option<FormView>) -> EventPage {
    let event = &shown.event.listing.event;
    let texts = match lang {
        Lang::De => &event.texts.de,
        Lang::En => &event.texts.en,
    };
    let types = event.ticket_types.iter().zip(&shown.event.types);
    EventPage {
        slug: event.slug.to_string(),
        name: event.name.clone(),
        place: event.place.clone(),
        texts: words(texts),
        starts_at_ms: Millis::from(event.starts_at).0,
        ends_at_ms: Millis::from(event.ends_at).0,
        time_zone: event.time_zone.clone(),
        ticket_types: types.map(|(ticket_type, on_sale)| ticket(ticket_type, on_sale, shown.stale)).collect(),
        selected: event.ticket_types.iter().position(|one| Some(one.id.as_str()) == selected).unwrap_or(0),
        now_ms: shown.now.0,
        form,
        links: Links::to(lang, &format!("/events/{}", event.slug)),
    }
}

fn words(text: &Text) -> EventTexts {
    EventTexts { title: text.title.clone(), lead: text.lead.clone(), body: text.body.clone() }
}

/// A ticket type with its numbers.
pub(super) fn ticket(ticket_type: &TicketType, on_sale: &TypeOnSale, stale: bool) -> TicketTypeView {
    let numbers = on_sale.numbers;
    TicketTypeView {
        id: ticket_type.id.to_string(),
        name: ticket_type.name.clone(),
        price_minor: ticket_type.price.minor,
        currency: ticket_type.price.currency.code().to_owned(),
        paid_at_gate: ticket_type.payment == Payment::AtTheGate,
        capacity: numbers.map_or(ticket_type.capacity, |numbers| numbers.settled.capacity).into(),
        available: numbers.map_or(0, |numbers| numbers.free()).into(),
        in_flight: numbers.map_or(0, |numbers| numbers.claimed + numbers.settled.held).into(),
        sold: numbers.map_or(0, |numbers| numbers.settled.sold).into(),
        max_per_order: ticket_type.max_per_order,
        limit_per_buyer: ticket_type.limit_per_buyer,
        opens_at_ms: on_sale.terms.opens_at.0,
        closes_at_ms: on_sale.terms.closes_at.0,
        state: if stale { SaleStateView::Unknown } else { state(on_sale.state) },
    }
}

fn state(state: SaleState) -> SaleStateView {
    match state {
        SaleState::NotOpen => SaleStateView::NotOpen,
        SaleState::OnSale => SaleStateView::OnSale,
        SaleState::NearlyGone => SaleStateView::NearlyGone,
        SaleState::AllInFlight => SaleStateView::AllInFlight,
        SaleState::SoldOut => SaleStateView::SoldOut,
        SaleState::Paused => SaleStateView::Paused,
        SaleState::Over => SaleStateView::Over,
        SaleState::Unknown => SaleStateView::Unknown,
    }
}
