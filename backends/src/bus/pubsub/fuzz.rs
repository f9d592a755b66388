//! For the fuzz targets: the label as Pub/Sub carries it.

use super::tray::{message, read_label};
use bytes::Bytes;
use stampede_actors::{label::Label, ports::Outgoing};

/// The attribute `label` of a message.
#[must_use]
pub fn pubsub_attribute(label: Label) -> String {
    let message = message(Outgoing { payload: Bytes::new(), label: Some(label) });
    message.attributes.into_values().next().unwrap_or_default()
}

/// Reads the attribute as a delivery's.
#[must_use]
pub fn pubsub_label(attribute: &str) -> Option<Label> {
    read_label(&google_cloud_pubsub::model::Message::new().set_attributes([("label", attribute)]))
}
