//! An event as it stands in its column: JSON.

use stampede_domain::Event;

pub(super) fn read(document: &str) -> sqlx::Result<Event> {
    serde_json::from_str(document).map_err(|error| sqlx::Error::Decode(error.into()))
}

pub(super) fn write(event: &Event) -> sqlx::Result<String> {
    serde_json::to_string(event).map_err(|error| sqlx::Error::Encode(error.into()))
}
