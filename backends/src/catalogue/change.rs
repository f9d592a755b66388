//! Which part of a changed event may come into force while orders are in flight. Pure.

use stampede_domain::{Event, TicketType};

/// What of `wanted` holds at once: all that gives, none that takes. Capacity and limits are only raised, ticket types only
/// added; texts, dates, prices and sale windows are the organizer's to change at any time.
pub(super) fn in_force_now(current: &Event, wanted: &Event) -> Event {
    let mut now = wanted.clone();
    for ticket_type in &mut now.ticket_types {
        if let Some(before) = current.ticket_types.iter().find(|before| before.id == ticket_type.id) {
            ticket_type.capacity = ticket_type.capacity.max(before.capacity);
            ticket_type.limit_per_buyer = wider_limit(before, ticket_type);
        }
    }
    let removed =
        current.ticket_types.iter().filter(|before| wanted.ticket_types.iter().all(|then| then.id != before.id));
    now.ticket_types.extend(removed.cloned());
    now
}

/// No limit is the widest.
fn wider_limit(before: &TicketType, wanted: &TicketType) -> Option<u32> {
    Some(before.limit_per_buyer?.max(wanted.limit_per_buyer?))
}
