//! What a request does: sessions, intents, refunds.

use crate::wire::Request;
use serde_json::{Value, json};
use std::collections::HashMap;

type Answer = (u16, Value);

/// A session as it stands in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub id: String,
    /// The order of the shop that it is for, as the shop said.
    pub order: String,
    /// Which attempt of that order.
    pub attempt: u32,
    /// What it is about, in minor units.
    pub amount: i64,
    /// What was taken, and what of it was given back.
    pub captured: i64,
    /// What was given back.
    pub refunded: i64,
    /// Money may still come of it: it is open, or set aside, or its bank is at it.
    pub is_open: bool,
}

/// Everything that is kept.
#[derive(Default)]
pub(crate) struct Api {
    /// The oldest first.
    sessions: Vec<Session>,
    places: HashMap<String, usize>,
    answers: HashMap<String, (Request, u16, Value)>,
}

pub(crate) struct Session {
    session: Value,
    intent: Option<Value>,
}

/// A request is worked on; one whose key was used before gets that answer.
pub(crate) fn answer_to(api: &mut Api, request: &Request, now: i64) -> Answer {
    let Some(key) = request.headers.get("idempotency-key").cloned() else { return api.work(request, now) };
    if let Some((first, status, body)) = api.answers.get(&key) {
        let is_same = (&first.path, &first.form) == (&request.path, &request.form);
        return if is_same { (*status, body.clone()) } else { (400, error("idempotency_error", "")) };
    }
    let (status, body) = api.work(request, now);
    api.answers.insert(key, (request.clone(), status, body.clone()));
    (status, body)
}

impl Api {
    fn work(&mut self, request: &Request, now: i64) -> Answer {
        let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        match (request.method.as_str(), &parts[..]) {
            ("POST", ["checkout", "sessions"]) => self.create(&request.form, now),
            ("GET", ["checkout", "sessions"]) => self.list(&request.query),
            ("GET", ["checkout", "sessions", id]) => {
                self.find(id).map_or_else(missing, |session| (200, session.unfolded()))
            }
            ("POST", ["checkout", "sessions", id, "expire"]) => self.find(id).map_or_else(missing, Session::expire),
            ("POST", ["payment_intents", id, "capture"]) => self.find_intent(id).map_or_else(missing, Session::capture),
            ("POST", ["payment_intents", id, "cancel"]) => self.find_intent(id).map_or_else(missing, Session::cancel),
            ("POST", ["refunds"]) => {
                let amount = request.form["amount"].parse().unwrap();
                self.find_intent(&request.form["payment_intent"]).map_or_else(missing, |session| session.refund(amount))
            }
            _ => (404, error("invalid_request_error", "unrecognized_url")),
        }
    }

    fn create(&mut self, form: &HashMap<String, String>, now: i64) -> Answer {
        if form["mode"] != "payment" || form["payment_intent_data[capture_method]"] != "manual" {
            return (400, error("invalid_request_error", "parameter_invalid"));
        }
        let id = format!("cs_test_{:04}", self.sessions.len());
        let amount: i64 = form["line_items[0][price_data][unit_amount]"].parse().unwrap();
        let session = json!({
            "id": id, "object": "checkout.session", "status": "open", "created": now, "amount_total": amount,
            "url": format!("https://checkout.stripe.com/c/pay/{id}#fid"), "payment_intent": null,
            "currency": form["line_items[0][price_data][currency]"],
            "metadata": { "order": form["metadata[order]"], "attempt": form["metadata[attempt]"] },
        });
        self.keep(session.clone());
        (200, session)
    }

    pub(crate) fn sell_something_else(&mut self, created: i64) {
        let id = format!("cs_test_other{}", self.sessions.len());
        self.keep(json!({ "id": id, "status": "open", "url": "https://x", "created": created, "amount_total": 1,
            "currency": "eur", "metadata": {} }));
    }

    fn keep(&mut self, session: Value) {
        let id = session["id"].as_str().unwrap().to_owned();
        self.places.insert(id, self.sessions.len());
        self.sessions.push(Session { session, intent: None });
    }

    fn list(&self, query: &HashMap<String, String>) -> Answer {
        let from: i64 = query["created[gte]"].parse().unwrap();
        let limit: usize = query["limit"].parse().unwrap();
        let newest_first: Vec<&Session> = self.sessions.iter().rev().collect();
        let place = |name: &str| {
            query.get(name).and_then(|id| newest_first.iter().position(|one| one.session["id"] == id.as_str()))
        };
        let is_young = |one: &&&Session| one.session["created"].as_i64() >= Some(from);
        let (page, has_more): (Vec<&&Session>, bool) = if let Some(end) = place("ending_before") {
            let young: Vec<_> = newest_first[..end].iter().filter(is_young).collect();
            let skipped = young.len().saturating_sub(limit);
            (young[skipped..].to_vec(), skipped > 0)
        } else {
            let start = place("starting_after").map_or(0, |at| at + 1);
            let young: Vec<_> = newest_first[start..].iter().filter(is_young).collect();
            (young[..limit.min(young.len())].to_vec(), young.len() > limit)
        };
        let data: Vec<Value> = page.into_iter().map(|one| one.unfolded()).collect();
        (200, json!({ "object": "list", "has_more": has_more, "data": data }))
    }

    pub(crate) fn find(&mut self, id: &str) -> Option<&mut Session> {
        let place = *self.places.get(id)?;
        self.sessions.get_mut(place)
    }

    fn find_intent(&mut self, id: &str) -> Option<&mut Session> {
        self.find(id.strip_prefix("pi_")?).filter(|session| session.intent.is_some())
    }

    /// Those of the shop.
    pub(crate) fn books(&self) -> Vec<Entry> {
        self.sessions.iter().filter_map(Session::entry).collect()
    }
}

impl Session {
    pub(crate) fn status(&self) -> &str {
        self.session["status"].as_str().unwrap()
    }

    pub(crate) fn unfolded(&self) -> Value {
        let mut session = self.session.clone();
        session["payment_intent"] = self.intent.clone().unwrap_or(Value::Null);
        session
    }

    /// A card was given: the intent begins its life.
    pub(crate) fn complete(&mut self, status: &str) {
        self.session["status"] = "complete".into();
        self.session["url"] = Value::Null;
        let id = self.session["id"].as_str().unwrap();
        let charge = json!({ "id": format!("ch_{id}"), "amount_refunded": 0 });
        self.intent =
            Some(json!({ "id": format!("pi_{id}"), "status": status, "amount_received": 0, "latest_charge": charge }));
    }

    /// The card's bank says yes at last.
    pub(crate) fn authorize(&mut self) {
        if self.intent.as_ref().is_some_and(|intent| intent["status"] == "processing") {
            self.set_intent("requires_capture");
        }
    }

    pub(crate) fn set_intent(&mut self, status: &str) {
        self.intent.as_mut().unwrap()["status"] = status.into();
    }

    fn expire(&mut self) -> Answer {
        if self.status() != "open" {
            return (400, error("invalid_request_error", ""));
        }
        self.session["status"] = "expired".into();
        self.session["url"] = Value::Null;
        (200, self.session.clone())
    }

    fn change(&mut self, to: &str, received: bool) -> Answer {
        let amount = self.session["amount_total"].clone();
        let intent = self.intent.as_mut().unwrap();
        if intent["status"] != "requires_capture" {
            return (400, error("invalid_request_error", "payment_intent_unexpected_state"));
        }
        intent["status"] = to.into();
        if received {
            intent["amount_received"] = amount;
        } else {
            intent["latest_charge"]["amount_refunded"] = amount;
        }
        (200, intent.clone())
    }

    fn capture(&mut self) -> Answer {
        self.change("succeeded", true)
    }

    fn cancel(&mut self) -> Answer {
        self.change("canceled", false)
    }

    fn refund(&mut self, amount: i64) -> Answer {
        let most = self.session["amount_total"].as_i64().unwrap();
        let refunded = &mut self.intent.as_mut().unwrap()["latest_charge"]["amount_refunded"];
        let sum = refunded.as_i64().unwrap() + amount;
        if sum > most {
            return (400, error("invalid_request_error", "charge_already_refunded"));
        }
        *refunded = sum.into();
        (200, json!({ "object": "refund", "amount": amount, "status": "succeeded" }))
    }

    /// `None`: it is somebody else's.
    fn entry(&self) -> Option<Entry> {
        let text = |name: &str| self.session["metadata"][name].as_str();
        let intent = self.intent.as_ref();
        let is = |status: &str| intent.is_some_and(|intent| intent["status"] == status);
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        let was_taken = is("succeeded");
        let taken = |of: fn(&Value) -> &Value| intent.filter(|_| was_taken).map_or(0, |intent| number(of(intent)));
        Some(Entry {
            id: self.session["id"].as_str()?.to_owned(),
            order: text("order")?.to_owned(),
            attempt: text("attempt")?.parse().ok()?,
            amount: number(&self.session["amount_total"]),
            captured: taken(|intent| &intent["amount_received"]),
            // Of a payment that was cancelled the sum counts as refunded, though it was never taken.
            refunded: taken(|intent| &intent["latest_charge"]["amount_refunded"]),
            is_open: self.status() == "open" || is("requires_capture") || is("processing"),
        })
    }
}

fn missing() -> Answer {
    (404, error("invalid_request_error", "resource_missing"))
}

pub(crate) fn error(kind: &str, code: &str) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": "for people" } })
}
