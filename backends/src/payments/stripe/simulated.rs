//! A Stripe of our own for tests: as much of the API as the gateway uses, over real sockets, with faults on order.
//!
//! It is as strict as the documents are: a key repeats its first answer and refuses other parameters, an open session has no
//! intent, only an open session expires, and an intent is captured or cancelled once.

use crate::ledger::HandClock;
use serde_json::{Value, json};
use stampede_actors::clock::Clock as _;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What becomes of the next request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// It is not worked on, and answered so.
    Answers(u16, &'static str),
    /// It never arrives: something on the way answers so.
    ProxyAnswers(u16),
    /// It is worked on, and the connection ends without an answer.
    DoneAndLost,
    /// It is worked on, and the answer takes so long.
    DoneAndLate(Duration),
    /// It is worked on, and the answer is none.
    DoneAndGarbled,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: HashMap<String, String>,
    pub(super) headers: HashMap<String, String>,
    pub(super) form: HashMap<String, String>,
}

/// The server. It ends with its runtime.
#[derive(Clone)]
pub(super) struct SimulatedStripe {
    pub(super) endpoint: String,
    state: Arc<Mutex<State>>,
    clock: HandClock,
}

#[derive(Default)]
struct State {
    /// The oldest first.
    sessions: Vec<Paying>,
    answers: HashMap<String, (Request, u16, Value)>,
    faults: VecDeque<Fault>,
    seen: Vec<Request>,
}

struct Paying {
    session: Value,
    intent: Option<Value>,
}

type Answer = (u16, Value);

impl SimulatedStripe {
    pub(super) async fn start(clock: HandClock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let stripe = Self { endpoint, state: Arc::default(), clock };
        let serving = stripe.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(connection));
            }
        });
        stripe
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.state().seen.clone()
    }

    /// The buyer gives a good card on the hosted page.
    pub(super) fn buyer_pays(&self, session: &str) {
        let mut state = self.state();
        let paying = state.sessions.iter_mut().find(|paying| paying.session["id"] == session).unwrap();
        if paying.session["status"] == "open" {
            paying.session["status"] = "complete".into();
            paying.session["url"] = Value::Null;
            let id = format!("pi_{session}");
            let charge = json!({ "id": format!("ch_{session}"), "amount_refunded": 0 });
            let intent =
                json!({ "id": id, "status": "requires_capture", "amount_received": 0, "latest_charge": charge });
            paying.intent = Some(intent);
        }
    }

    /// The bank takes its time with an intent.
    pub(super) fn set_intent(&self, session: &str, status: &str) {
        let mut state = self.state();
        let paying = state.sessions.iter_mut().find(|paying| paying.session["id"] == session).unwrap();
        paying.intent.as_mut().unwrap()["status"] = status.into();
    }

    /// Somebody else of the same account sells something.
    pub(super) fn sell_something_else(&self) {
        let created = self.clock.now().0 / 1000;
        let mut state = self.state();
        let id = format!("cs_test_other{}", state.sessions.len());
        let session = json!({ "id": id, "status": "open", "url": "https://x", "created": created, "amount_total": 1,
            "currency": "eur", "metadata": {} });
        state.sessions.push(Paying { session, intent: None });
    }

    async fn serve(self, connection: TcpStream) {
        let mut connection = BufReader::new(connection);
        while let Some(request) = read(&mut connection).await {
            let fault = {
                let mut state = self.state();
                state.seen.push(request.clone());
                state.faults.pop_front()
            };
            let (status, body) = match fault {
                Some(Fault::Answers(status, code)) => (status, error("api_error", code)),
                Some(Fault::ProxyAnswers(status)) => (status, "<h1>no</h1>".into()),
                _ => self.answer(&request),
            };
            let mut text = body.to_string();
            match fault {
                Some(Fault::DoneAndLost) => return,
                Some(Fault::DoneAndLate(by)) => tokio::time::sleep(by).await,
                Some(Fault::DoneAndGarbled) => text.truncate(text.len() / 2),
                _ => {}
            }
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                text.len()
            );
            let written = connection.get_mut().write_all(format!("{head}{text}").as_bytes()).await;
            if written.is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let mut state = self.state();
        let Some(key) = request.headers.get("idempotency-key").cloned() else {
            return state.work(request, self.clock.now().0 / 1000);
        };
        if let Some((first, status, body)) = state.answers.get(&key) {
            let is_same = (&first.path, &first.form) == (&request.path, &request.form);
            return if is_same { (*status, body.clone()) } else { (400, error("idempotency_error", "")) };
        }
        let (status, body) = state.work(request, self.clock.now().0 / 1000);
        state.answers.insert(key, (request.clone(), status, body.clone()));
        (status, body)
    }
}

impl State {
    fn work(&mut self, request: &Request, now: i64) -> Answer {
        let parts: Vec<&str> = request.path.trim_start_matches("/v1/").split('/').collect();
        match (request.method.as_str(), &parts[..]) {
            ("POST", ["checkout", "sessions"]) => self.create(&request.form, now),
            ("GET", ["checkout", "sessions"]) => self.list(&request.query),
            ("GET", ["checkout", "sessions", id]) => {
                self.find(id).map_or_else(missing, |paying| (200, paying.unfolded()))
            }
            ("POST", ["checkout", "sessions", id, "expire"]) => self.find(id).map_or_else(missing, Paying::expire),
            ("POST", ["payment_intents", id, "capture"]) => self.find_intent(id).map_or_else(missing, Paying::capture),
            ("POST", ["payment_intents", id, "cancel"]) => self.find_intent(id).map_or_else(missing, Paying::cancel),
            ("POST", ["refunds"]) => {
                let amount = request.form["amount"].parse().unwrap();
                self.find_intent(&request.form["payment_intent"]).map_or_else(missing, |paying| paying.refund(amount))
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
        self.sessions.push(Paying { session: session.clone(), intent: None });
        (200, session)
    }

    fn list(&self, query: &HashMap<String, String>) -> Answer {
        let from: i64 = query["created[gte]"].parse().unwrap();
        let limit: usize = query["limit"].parse().unwrap();
        let newest_first: Vec<&Paying> = self.sessions.iter().rev().collect();
        let place = |name: &str| {
            query.get(name).and_then(|id| newest_first.iter().position(|paying| paying.session["id"] == id.as_str()))
        };
        let is_young = |paying: &&&Paying| paying.session["created"].as_i64() >= Some(from);
        let (page, has_more): (Vec<&&Paying>, bool) = if let Some(end) = place("ending_before") {
            let young: Vec<_> = newest_first[..end].iter().filter(is_young).collect();
            let skipped = young.len().saturating_sub(limit);
            (young[skipped..].to_vec(), skipped > 0)
        } else {
            let start = place("starting_after").map_or(0, |at| at + 1);
            let young: Vec<_> = newest_first[start..].iter().filter(is_young).collect();
            (young[..limit.min(young.len())].to_vec(), young.len() > limit)
        };
        let data: Vec<Value> = page.into_iter().map(|paying| paying.unfolded()).collect();
        (200, json!({ "object": "list", "has_more": has_more, "data": data }))
    }

    fn find(&mut self, id: &str) -> Option<&mut Paying> {
        self.sessions.iter_mut().find(|paying| paying.session["id"] == id)
    }

    fn find_intent(&mut self, id: &str) -> Option<&mut Paying> {
        self.sessions.iter_mut().find(|paying| paying.intent.as_ref().is_some_and(|intent| intent["id"] == id))
    }
}

impl Paying {
    fn unfolded(&self) -> Value {
        let mut session = self.session.clone();
        session["payment_intent"] = self.intent.clone().unwrap_or(Value::Null);
        session
    }

    fn expire(&mut self) -> Answer {
        if self.session["status"] != "open" {
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
}

fn missing() -> Answer {
    (404, error("invalid_request_error", "resource_missing"))
}

fn error(kind: &str, code: &str) -> Value {
    json!({ "error": { "type": kind, "code": code, "message": "for people" } })
}

async fn read(connection: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let mut first = head.first()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<String, String> = head[1..].iter().filter_map(header).collect();
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    let pairs = |text: &[u8]| serde_urlencoded::from_bytes(text).unwrap();
    Some(Request { method, path: path.to_owned(), query: pairs(query.as_bytes()), headers, form: pairs(&body) })
}
