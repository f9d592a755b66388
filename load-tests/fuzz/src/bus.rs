//! What travels on the bus.

use crate::bytes::{Bytes, turned};
use stampede_actors::{
    label::{LABEL_LENGTH, Label},
    wire,
};
use stampede_backends::fuzz::{pubsub_attribute, pubsub_label};
use stampede_domain::{BuyerId, Fingerprint, PoolId};

/// A message: what can be read is read the same when it is written again; what cannot is named without being repeated.
pub fn bus_message(data: &[u8]) {
    match wire::decode(data) {
        Ok(intent) => {
            let written = wire::encode(&intent);
            assert_eq!(wire::decode(&written).as_ref(), Ok(&intent), "written and read again it is another one");
            // Numbers may be written longer than they were sent, texts never: JSON needs six characters for the worst of them.
            assert!(written.len() <= 6 * data.len() + 512, "{} bytes became {}", data.len(), written.len());
            assert_eq!(wire::known(data, None), Some(intent.clone()));
            let label = Label::of(&intent);
            assert_eq!(Label::decode(&label.encode()), Some(label));
            assert!(!intent.asked_at.rfc3339().is_empty());
        }
        Err(why) => {
            let why = why.to_string();
            let shape = why.replace(|letter: char| letter.is_ascii_digit(), "");
            let known = ["Syntax", "Data", "Eof"].map(|kind| format!("undecodable message: {kind} at column "));
            let from_the_future = "message version  is not known here (this program reads version )";
            assert!(known.contains(&shape) || shape == from_the_future, "it may repeat what was sent: {why}");
            assert_eq!(wire::known(data, None), None);
        }
    }
}

/// A label: one form for each, and no turned bit makes another one.
pub fn label(data: &[u8]) {
    if let Some(label) = Label::decode(data) {
        assert_eq!(label.encode(), data, "two ways to write one label");
    }
    let text = String::from_utf8_lossy(data);
    if let Some(label) = pubsub_label(&text) {
        assert_eq!(pubsub_attribute(label), text, "two ways to write one attribute");
    }
    let mut bytes = Bytes(data);
    let label = Label {
        order: bytes.array::<16>().into(),
        pool: PoolId(bytes.number()),
        quantity: u32::from_le_bytes(bytes.array()),
        buyer: BuyerId(bytes.number()),
        fingerprint: Fingerprint(bytes.number()),
    };
    let written = label.encode();
    assert_eq!(Label::decode(&written), Some(label));
    assert_eq!(pubsub_label(&pubsub_attribute(label)), Some(label));
    assert_eq!(Label::of(&label.intent()), label);
    (0..LABEL_LENGTH * 8).for_each(|bit| assert_eq!(Label::decode(&turned(&written, bit)), None, "bit {bit}"));
    assert_eq!(Label::decode(&written[..bytes.below(LABEL_LENGTH)]), None);
    // An attribute is base64 of 49 bytes: each of its letters counts.
    let mut attribute = pubsub_attribute(label).into_bytes();
    let at = bytes.below(attribute.len());
    attribute[at] = bytes.byte() & 0x7f;
    let damaged = String::from_utf8_lossy(&attribute);
    assert!(damaged == pubsub_attribute(label) || pubsub_label(&damaged).is_none(), "letter {at}");
}
