//! A Stripe of our own for tests: as much of the API as the shop uses, over real sockets, with faults on order and with weather.
//!
//! It is as strict as the documents are: a key repeats its first answer and refuses other parameters, an open session has no
//! intent, only an open session expires, and an intent is captured or cancelled once. Its [`books`](SimulatedStripe::books) are
//! what really happened to money, whatever anybody was told.
//!
//! | file | has |
//! |---|---|
//! | `api` | sessions, intents, refunds: what a request does |
//! | `wire` | requests and answers as bytes |
//! | `weather` | what goes wrong: [`Fault`], [`Notices`], [`Weather`], and how often it did |
//! | `notices` | webhooks, signed as Stripe signs them |
//!
//! It knows nothing of the shop: its clock is told, its notices go to addresses.
#![expect(clippy::unwrap_used, reason = "a provider for tests stops where it cannot go on")]

mod api;
mod notices;
mod weather;
mod wire;

pub use api::Entry;
pub use notices::Address;
pub use weather::{Fault, Notices, Weather};
pub use wire::Request;

use api::{Api, Session, answer_to};
use notices::Post;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// Seconds since 1970.
type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The server. It ends with its runtime.
#[derive(Clone)]
pub struct SimulatedStripe {
    /// Where it is: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
    clock: Clock,
    post: Post,
}

struct State {
    api: Api,
    faults: VecDeque<Fault>,
    weather: Weather,
    chance: SmallRng,
    seen: Vec<Request>,
    happened: BTreeMap<&'static str, u64>,
}

/// What a card does on the hosted page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// The money is set aside at once.
    Good,
    /// Its bank says no, and the page asks for another one.
    Declined,
    /// Its bank takes so long, and then says yes.
    Late(Duration),
}

impl SimulatedStripe {
    /// A server by a clock that tells seconds since 1970.
    pub async fn start(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let clock: Clock = Arc::new(clock);
        let state = State {
            api: Api::default(),
            faults: VecDeque::new(),
            weather: Weather::default(),
            chance: SmallRng::seed_from_u64(1),
            seen: Vec::new(),
            happened: BTreeMap::new(),
        };
        let stripe = Self { endpoint, state: Arc::new(Mutex::new(state)), post: Post::new(Arc::clone(&clock)), clock };
        let serving = stripe.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(connection));
            }
        });
        stripe
    }

    /// Sends what happens to sessions to these addresses in turn, signed with this secret.
    pub fn notify(&self, addresses: Vec<Address>, secret: &str) {
        self.post.to(addresses, secret);
    }

    /// From now on this goes wrong.
    pub fn turn(&self, weather: Weather) {
        let notices = weather.notices;
        self.state().weather = weather;
        self.post.turn(notices);
    }

    /// The next request goes wrong like this, whatever the weather.
    pub fn fail_next(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Request> {
        self.state().seen.clone()
    }

    /// What became of every session.
    #[must_use]
    pub fn books(&self) -> Vec<Entry> {
        self.state().api.books()
    }

    /// How often what went wrong.
    #[must_use]
    pub fn happened(&self) -> BTreeMap<&'static str, u64> {
        let mut happened = self.state().happened.clone();
        happened.extend(self.post.happened());
        happened
    }

    /// The buyer gives a good card on the hosted page.
    pub fn buyer_pays(&self, session: &str) {
        self.card(session, Card::Good);
    }

    /// The buyer gives a card on the hosted page; whether the page was still there.
    pub fn card(&self, session: &str, card: Card) -> bool {
        let mut state = self.state();
        let Some(found) = state.api.find(session).filter(|session| session.is_open()) else { return false };
        match card {
            Card::Declined => {
                *state.happened.entry("a card is declined").or_default() += 1;
                return true;
            }
            Card::Good => found.complete("requires_capture"),
            Card::Late(_) => found.complete("processing"),
        }
        let told = found.unfolded();
        if let Card::Late(by) = card {
            *state.happened.entry("success comes late").or_default() += 1;
            let (this, session) = (self.clone(), session.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(by).await;
                this.succeed(&session);
            });
        }
        drop(state);
        self.post.tell("checkout.session.completed", &told);
        true
    }

    fn succeed(&self, session: &str) {
        let mut state = self.state();
        let Some(found) = state.api.find(session) else { return };
        found.authorize();
        let told = found.unfolded();
        drop(state);
        self.post.tell("checkout.session.async_payment_succeeded", &told);
    }

    /// The bank takes its time with an intent.
    pub fn set_intent(&self, session: &str, status: &str) {
        self.state().api.find(session).unwrap().set_intent(status);
    }

    /// Somebody else of the same account sells something.
    pub fn sell_something_else(&self) {
        let now = (self.clock)();
        self.state().api.sell_something_else(now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    async fn serve(self, connection: TcpStream) {
        connection.set_nodelay(true).unwrap_or_default();
        let mut connection = BufReader::new(connection);
        while let Some(request) = wire::read(&mut connection).await {
            let fault = self.fault(&request);
            let (status, body) = match fault {
                Some(Fault::Answers(status, code)) => (status, api::error("api_error", code)),
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
            if self.speaks_first() && request.opens_a_session() && status == 200 {
                self.post.tell_before("checkout.session.created", &body).await;
            }
            if connection.get_mut().write_all(&wire::answer(status, &text)).await.is_err() {
                return;
            }
        }
    }

    fn speaks_first(&self) -> bool {
        self.state().weather.notices == Notices::BeforeTheAnswer
    }

    /// Notes a request, and draws what becomes of it.
    fn fault(&self, request: &Request) -> Option<Fault> {
        let mut state = self.state();
        if !state.weather.is_long {
            state.seen.push(request.clone());
        }
        if let Some(ordered) = state.faults.pop_front() {
            return Some(ordered);
        }
        let drawn = state.chance.random_range(0..100);
        let fault = state.weather.draws(drawn)?;
        *state.happened.entry(fault.name()).or_default() += 1;
        Some(fault)
    }

    fn answer(&self, request: &Request) -> (u16, Value) {
        let now = (self.clock)();
        let mut state = self.state();
        let answer = answer_to(&mut state.api, request, now);
        drop(state);
        if request.ends_a_session() && answer.0 == 200 {
            self.post.tell("checkout.session.expired", &answer.1);
        }
        answer
    }
}

impl Session {
    fn is_open(&self) -> bool {
        self.status() == "open"
    }
}
