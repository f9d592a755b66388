//! How an intent looks on the bus: JSON with a version, so that old messages stay readable and strange ones are noticed.

use crate::{label::Label, ports::Outgoing};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stampede_domain::Intent;

/// The version written. A reader refuses what it does not know; such a message is set aside, never guessed at.
const VERSION: u8 = 1;

#[derive(Serialize)]
struct Outer<'a> {
    v: u8,
    place: &'a Intent,
}

#[derive(Deserialize)]
struct Version {
    v: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version1 {
    #[serde(rename = "v")]
    _v: u8,
    place: Intent,
}

/// Why a message cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A version that this program does not know.
    #[error("message version {0} is not known here (this program reads version {VERSION})")]
    UnknownVersion(u8),
    /// Not a message at all.
    #[error("undecodable message: {0}")]
    Undecodable(String),
}

/// Writes an intent: `{"v":1,"place":{…}}`, UTF-8, no line breaks.
#[must_use]
pub fn encode(intent: &Intent) -> Bytes {
    let outer = Outer { v: VERSION, place: intent };
    Bytes::from(serde_json::to_vec(&outer).expect("an intent is plain data with text keys, which JSON can always hold"))
}

/// An intent as it is put on the bus, with its label.
#[must_use]
pub fn outgoing(intent: &Intent) -> Outgoing {
    Outgoing { payload: encode(intent), label: Some(Label::of(intent)) }
}

/// As much of an intent as can be known: all of it from its payload, else what the label says.
#[must_use]
pub fn known(payload: &[u8], label: Option<Label>) -> Option<Intent> {
    decode(payload).ok().or_else(|| label.map(|label| label.intent()))
}

/// Reads an intent.
///
/// # Errors
/// [`Unreadable`] says why, without the content, which names people.
pub fn decode(payload: &[u8]) -> Result<Intent, Unreadable> {
    match serde_json::from_slice::<Version1>(payload) {
        Ok(message) if message._v == VERSION => Ok(message.place),
        Ok(message) => Err(Unreadable::UnknownVersion(message._v)),
        Err(error) => Err(match serde_json::from_slice::<Version>(payload) {
            Ok(Version { v }) if v != VERSION => Unreadable::UnknownVersion(v),
            _ => Unreadable::Undecodable(format!("{:?} at column {}", error.classify(), error.column())),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stampede_domain::{BuyerId, Contact, Fingerprint, Millis, OrderId, PoolId};

    fn intent() -> Intent {
        Intent {
            order: "018bcfe5-6807-7000-8000-000000000000".parse::<OrderId>().unwrap(),
            pool: PoolId(5),
            quantity: 2,
            buyer: BuyerId(-3),
            fingerprint: Fingerprint(i64::MIN),
            asked_at: Millis(1),
            contact: Contact { name: Some("Zoë \u{202e}\"\n".into()), ..Contact::default() },
            trace: None,
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(decode(&encode(&intent())), Ok(intent()));
    }

    #[test]
    fn a_message_from_before_buyers_had_a_language_is_read_and_written_as_it_was() {
        let text = String::from_utf8(encode(&intent()).to_vec()).unwrap();
        assert!(!text.contains("\"l\":"), "{text}");
        let mut with = intent();
        with.contact.language = Some("de".into());
        assert_eq!(decode(&encode(&with)), Ok(with));
    }

    #[test]
    fn a_message_from_the_future_is_named_as_such() {
        assert_eq!(decode(br#"{"v":2,"place":{"new":true}}"#), Err(Unreadable::UnknownVersion(2)));
        let looks_the_same = String::from_utf8(encode(&intent()).to_vec()).unwrap().replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(decode(looks_the_same.as_bytes()), Err(Unreadable::UnknownVersion(2)), "never guessed at");
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let error = decode(br#"{"v":1,"place":"Eva Musterfrau"}"#).unwrap_err().to_string();
        assert!(!error.contains("Eva"), "{error}");
    }
}
