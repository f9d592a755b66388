//! How a wish about an order that is paid online looks on the lane: JSON with a version, as orders on the [bus](crate::wire).
//!
//! The lane is a bus of its own: a flood of new orders never delays a payment or a hold.

use crate::{ports::Outgoing, wire::Unreadable};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stampede_domain::{HoldChange, OrderId, PaymentId};

/// The version written. A reader refuses what it does not know; such a message is set aside, never guessed at.
const VERSION: u8 = 1;

/// What somebody wants for an order that is paid online.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// The buyer begins to pay.
    Pay {
        /// The how manieth time: 1, 2, …; a double click names the same one twice.
        attempt: u32,
    },
    /// The buyer asks for more time.
    Extend,
    /// The buyer wants the order no more.
    Cancel,
    /// The organizer gives the money back and takes the tickets.
    Refund {
        /// Why, in the organizer's words.
        reason: String,
    },
    /// Something happened to a payment: go and ask its provider. It proves nothing.
    Look {
        /// Which payment.
        payment: PaymentId,
        /// Of which attempt.
        attempt: u32,
    },
}

impl Wish {
    /// The change of the order that it stands for; `None`: what it changes only the provider can tell.
    #[must_use]
    pub fn change(&self) -> Option<HoldChange> {
        match self {
            Self::Pay { attempt } => Some(HoldChange::Pay { attempt: *attempt }),
            Self::Extend => Some(HoldChange::Extend),
            Self::Cancel => Some(HoldChange::Cancel),
            Self::Refund { .. } => Some(HoldChange::Refund),
            Self::Look { .. } => None,
        }
    }
}

/// A wish on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneOrder {
    /// For which order.
    pub order: OrderId,
    /// What is wanted.
    pub wish: Wish,
    /// W3C `traceparent`, when traces are on.
    pub trace: Option<String>,
}

#[derive(Serialize)]
struct Outer<'a> {
    v: u8,
    o: OrderId,
    r#do: &'a Wish,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
}

#[derive(Deserialize)]
struct Version {
    v: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version1 {
    v: u8,
    o: OrderId,
    r#do: Wish,
    #[serde(default)]
    trace: Option<String>,
}

/// Writes a wish: `{"v":1,"o":"…","do":{"pay":{"attempt":1}}}`, UTF-8, no line breaks.
#[must_use]
pub fn encode(wished: &LaneOrder) -> Bytes {
    let outer = Outer { v: VERSION, o: wished.order, r#do: &wished.wish, trace: wished.trace.as_deref() };
    Bytes::from(serde_json::to_vec(&outer).expect("a wish is plain data with text keys, which JSON can always hold"))
}

/// A wish as it is put on the lane. It has no label: no claim hangs on it, and who cannot read it ends nothing for it.
#[must_use]
pub fn outgoing(wished: &LaneOrder) -> Outgoing {
    Outgoing { payload: encode(wished), label: None }
}

/// Reads a wish.
///
/// # Errors
/// [`Unreadable`] says why, without the content.
pub fn decode(payload: &[u8]) -> Result<LaneOrder, Unreadable> {
    match serde_json::from_slice::<Version1>(payload) {
        Ok(Version1 { v: VERSION, o, r#do, trace }) => Ok(LaneOrder { order: o, wish: r#do, trace }),
        Ok(Version1 { v, .. }) => Err(Unreadable::UnknownVersion(v)),
        Err(error) => Err(match serde_json::from_slice::<Version>(payload) {
            Ok(Version { v }) if v != VERSION => Unreadable::UnknownVersion(v),
            _ => Unreadable::Undecodable(format!("{:?} at column {}", error.classify(), error.column())),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wished(wish: Wish) -> LaneOrder {
        LaneOrder { order: "018bcfe5-6807-7000-8000-000000000000".parse().unwrap(), wish, trace: None }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let wishes = [
            Wish::Pay { attempt: 3 },
            Wish::Extend,
            Wish::Cancel,
            Wish::Refund { reason: "moved \u{202e}\"\n".into() },
            Wish::Look { payment: PaymentId::new("pi_1").unwrap(), attempt: 1 },
        ];
        for wish in wishes {
            let traced = LaneOrder { trace: Some("00-a-b-01".into()), ..wished(wish.clone()) };
            assert_eq!(decode(&encode(&wished(wish.clone()))), Ok(wished(wish)));
            assert_eq!(decode(&encode(&traced)), Ok(traced));
        }
    }

    /// Messages wait on the lane while the program is replaced.
    #[test]
    fn a_wish_looks_tomorrow_as_it_does_today() {
        let text = |wish| String::from_utf8(encode(&wished(wish)).to_vec()).unwrap();
        let order = r#""o":"018bcfe5-6807-7000-8000-000000000000""#;
        assert_eq!(text(Wish::Pay { attempt: 1 }), format!(r#"{{"v":1,{order},"do":{{"pay":{{"attempt":1}}}}}}"#));
        assert_eq!(text(Wish::Cancel), format!(r#"{{"v":1,{order},"do":"cancel"}}"#));
    }

    #[test]
    fn a_message_from_the_future_is_named_as_such() {
        assert_eq!(decode(br#"{"v":2,"do":{"new":true}}"#), Err(Unreadable::UnknownVersion(2)));
        let looks_the_same = String::from_utf8(encode(&wished(Wish::Extend)).to_vec()).unwrap();
        let looks_the_same = looks_the_same.replacen("\"v\":1", "\"v\":2", 1);
        assert_eq!(decode(looks_the_same.as_bytes()), Err(Unreadable::UnknownVersion(2)), "never guessed at");
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let message = br#"{"v":1,"o":"018bcfe5-6807-7000-8000-000000000000","do":{"refund":{"reson":"Eva"}}}"#;
        let error = decode(message).unwrap_err().to_string();
        assert!(!error.contains("Eva"), "{error}");
    }
}
