//! Letters for people and programs.

use super::{
    Opened, Post, say,
    wishes::{self, Wished},
};
use serde_json::{Value, json};
use stampede_actors::{cache_sync::DEAD_LETTER_LIFE, ports::DeadLetter};
use stampede_domain::{Contact, Intent};
use std::fmt::Display;

/// Stands where somebody's name or address would.
pub(super) const HIDDEN: &str = "(hidden; --personal shows it)";

pub(super) fn list(waiting: &[Opened], of_payments: &[Wished]) {
    match waiting.len() {
        0 if of_payments.is_empty() => return say("no dead letters wait"),
        0 => {}
        1 => say("1 dead letter waits"),
        several => say(format_args!("{several} dead letters wait, oldest first")),
    }
    for one in waiting {
        let letter = &one.letter;
        let order = one.order().map_or_else(|| "(no order is named)".to_owned(), |order| order.to_string());
        let replayed = if letter.replayed_at.is_some() { ", replayed" } else { "" };
        say(format_args!(
            "  {:<6} {}  {order}  {}{replayed}  {}",
            letter.id.0,
            letter.dead_since.rfc3339(),
            one.status(),
            letter.reason
        ));
    }
    wishes::list(of_payments);
    say("“stampede dead-letters show ID” shows one; replay or dismiss decides about it.");
}

pub(super) fn list_as_json(post: &Post, waiting: &[Opened], of_payments: &[Wished]) {
    let orders = waiting.iter().map(|one| as_json(post, one));
    let letters: Vec<_> = orders.chain(of_payments.iter().map(wishes::as_json)).collect();
    say(Value::Array(letters));
}

/// Without the payload, which names people.
fn as_json(post: &Post, one: &Opened) -> Value {
    let letter = &one.letter;
    json!({
        // Text: some have more digits than a number of JSON is safe with.
        "id": letter.id.0.to_string(),
        "bus": "orders",
        "deadSince": letter.dead_since.rfc3339(),
        "attempts": letter.attempts,
        "reason": letter.reason,
        "setAsideBy": letter.set_aside_by,
        "readable": one.is_readable,
        "orderId": one.order().map(|order| order.to_string()),
        "ticketType": one.intent.as_ref().map(|intent| post.name(intent.pool)),
        "quantity": one.intent.as_ref().map(|intent| intent.quantity),
        "status": one.status(),
        "replayedAt": letter.replayed_at.map(|at| at.rfc3339()),
        "lastWord": letter.last_word,
    })
}

pub(super) fn show(post: &Post, one: &Opened, personal: bool) {
    say(format_args!("dead letter {}", one.letter.id.0));
    how_it_died(&one.letter);
    match &one.intent {
        Some(intent) => {
            line("order", &intent.order);
            line("tickets", &format_args!("{} of {}", intent.quantity, post.name(intent.pool)));
            line("asked", &intent.asked_at.rfc3339());
        }
        None => line("order", &"not known: the message cannot be read and has no label"),
    }
    line("status", &status(post, one));
    what_became_of_it(&one.letter);
    line("payload", &payload(one, personal));
}

pub(super) fn line(name: &str, value: &dyn Display) {
    say(format_args!("  {name:<13} {value}"));
}

pub(super) fn how_it_died(letter: &DeadLetter) {
    line("reason", &letter.reason);
    line("dead since", &letter.dead_since.rfc3339());
    line("deliveries", &letter.attempts);
    if !letter.set_aside_by.is_empty() {
        line("set aside by", &letter.set_aside_by);
    }
}

pub(super) fn what_became_of_it(letter: &DeadLetter) {
    if let Some(at) = letter.replayed_at {
        line("replayed", &at.rfc3339());
    }
    if !letter.last_word.is_empty() {
        line("last word", &letter.last_word);
    }
}

fn status(post: &Post, one: &Opened) -> String {
    let letter = &one.letter;
    let status = one.status();
    if let Some(at) = letter.ended_at {
        return format!("{status}; the letter has ended at {}", at.rfc3339());
    }
    let other = if one.is_of_another_body() { ", by a message with another body" } else { "" };
    match (status, letter.replayed_at) {
        ("unknown", _) => "waits for somebody to replay or dismiss it".into(),
        ("undecided", None) if !one.intent.as_ref().is_some_and(|intent| post.names.contains_key(&intent.pool)) => {
            "undecided. Its ticket type is not for sale, so it keeps no tickets and does not end by itself".into()
        }
        ("undecided", None) => format!(
            "undecided. It keeps its tickets until {}; then, unless it is replayed, its order ends failed",
            letter.dead_since.plus(DEAD_LETTER_LIFE).rfc3339()
        ),
        ("undecided", Some(_)) => "undecided, and on its way through the bus".into(),
        _ => format!("{status}{other}; the letter ends within seconds where a shop runs"),
    }
}

/// As far as it can be read. What cannot be read may name people as well.
fn payload(one: &Opened, personal: bool) -> String {
    let bytes = &one.letter.payload;
    match (&one.intent, one.is_readable) {
        (Some(intent), true) => {
            let shown = if personal { intent.clone() } else { without_names(intent) };
            serde_json::to_string(&shown).unwrap_or_default()
        }
        _ if personal => format!("{} bytes: {}", bytes.len(), bytes.escape_ascii()),
        _ => format!("{} bytes that cannot be read {HIDDEN}", bytes.len()),
    }
}

fn without_names(intent: &Intent) -> Intent {
    let hide = |text: &Option<String>| text.as_ref().map(|_| HIDDEN.to_owned());
    let Contact { user_id, name, email, language } = &intent.contact;
    let contact = Contact { user_id: hide(user_id), name: hide(name), email: hide(email), language: language.clone() };
    Intent { contact, ..intent.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use stampede_actors::{label::Label, ports::DeadLetter, wire};
    use stampede_domain::{BuyerId, Fingerprint, OrderId, PoolId};

    fn opened(payload: Bytes) -> Opened {
        let label = Label {
            order: OrderId::from([7; 16]),
            pool: PoolId(1),
            quantity: 2,
            buyer: BuyerId(3),
            fingerprint: Fingerprint(4),
        };
        let letter = DeadLetter { payload, label: Some(label), ..DeadLetter::default() };
        let intent = wire::known(&letter.payload, letter.label);
        Opened { is_readable: wire::decode(&letter.payload).is_ok(), intent, letter, fate: None }
    }

    #[test]
    fn who_is_named_is_shown_only_when_asked_for() {
        let eva = |text: &str| Some(format!("eva {text}"));
        let contact = Contact { user_id: eva("user"), name: eva("name"), email: eva("e-mail"), language: None };
        let intent = Intent { contact, ..opened(Bytes::new()).intent.unwrap() };
        let one = opened(wire::encode(&intent));
        assert!(!payload(&one, false).contains("eva"), "{}", payload(&one, false));
        assert_eq!(payload(&one, true).matches("eva").count(), 3);
        let broken = opened(Bytes::from_static(b"{\"n\":\"eva\""));
        assert!(!payload(&broken, false).contains("eva") && payload(&broken, true).contains("eva"));
    }
}
