//! The document that organizers write.

use crate::names::NOW;
use stampede_actors::{
    inventory::EventShown,
    ports::Listing,
    shelf::{EventOnSale, TypeOnSale},
};
use stampede_domain::{Event, PoolNumbers, ledger::BookNumbers, sale::SaleState};
use stampede_http::fuzz::event_page;
use stampede_web::{Faces, Lang};
use std::{collections::HashSet, sync::Arc};

thread_local! {
    static FACES: Faces = Faces::new().expect("because the templates compile");
}

/// An event file: what has no mistake can be kept, sold and shown.
pub fn event_file(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let event: Event = match toml::from_str(&text) {
        Ok(event) => event,
        // It shows the line to whoever wrote it, and no more than that.
        Err(why) => return assert!(why.to_string().len() <= 4 * text.len() + 1000, "{} bytes", why.to_string().len()),
    };
    let mistakes = event.mistakes();
    if !mistakes.is_empty() {
        return assert!(mistakes.len() <= 2000 && mistakes.iter().all(|mistake| mistake.len() <= text.len() + 300));
    }
    let kept = serde_json::to_string(&event).expect("because an event is plain data");
    assert_eq!(serde_json::from_str::<Event>(&kept).ok().as_ref(), Some(&event), "kept, it is another one");
    let pools: HashSet<_> = event.ticket_types.iter().map(|ticket_type| ticket_type.pool(&event.slug)).collect();
    assert_eq!(pools.len(), event.ticket_types.len());
    assert!(event.ticket_types.iter().all(|ticket_type| ticket_type.capacity > 0 && ticket_type.price.minor >= 0));
    let shown = shown(event);
    for lang in Lang::ALL {
        let page = FACES.with(|faces| event_page(faces, lang, &shown)).expect("because every event can be shown");
        assert!(!page.contains("<zz"), "markup of an organizer's stands in a page");
    }
}

fn shown(event: Event) -> EventShown {
    let types = event.ticket_types.iter().map(|ticket_type| {
        let settled = PoolNumbers { capacity: ticket_type.capacity, held: 0, sold: 1, version: 1 };
        let terms = ticket_type.terms(false);
        TypeOnSale {
            pool: ticket_type.pool(&event.slug),
            terms,
            numbers: Some(BookNumbers { settled, claimed: 0, promised: 0, claims: 0, epoch: 1 }),
            state: match (NOW < terms.opens_at, NOW < terms.closes_at) {
                (true, _) => SaleState::NotOpen,
                (_, true) => SaleState::OnSale,
                (_, false) => SaleState::Over,
            },
        }
    });
    let types = types.collect();
    let listing = Arc::new(Listing { event, paused: false, waiting: None });
    EventShown { event: Arc::new(EventOnSale { sequence: 1, listing, types }), stale: false, now: NOW }
}
