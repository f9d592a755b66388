//! Webhooks, signed as Stripe signs them (<https://docs.stripe.com/webhooks/signatures>).
//!
//! One that is not taken (anything but 2xx, or no answer) is sent again a few times, as Stripe does, only sooner.

use crate::{Clock, weather::Notices};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long one delivery may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a notice is sent that is not taken, and the first pause, which doubles.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// Where notices are taken.
#[derive(Clone, Debug)]
pub struct Address {
    /// The server.
    pub place: SocketAddr,
    /// The path.
    pub path: String,
}

/// Who carries them.
#[derive(Clone)]
pub(crate) struct Post {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

#[derive(Default)]
struct State {
    addresses: Vec<Address>,
    secret: String,
    how: Notices,
    sent: u64,
    /// One that waits for another to overtake it.
    held: Option<String>,
    happened: BTreeMap<&'static str, u64>,
}

impl Post {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { state: Arc::default(), clock }
    }

    pub(crate) fn to(&self, addresses: Vec<Address>, secret: &str) {
        let mut state = self.state();
        (state.addresses, state.secret) = (addresses, secret.to_owned());
    }

    pub(crate) fn turn(&self, how: Notices) {
        let mut state = self.state();
        state.how = how;
        let held = state.held.take();
        drop(state);
        if let Some(held) = held {
            self.send(held);
        }
    }

    pub(crate) fn happened(&self) -> BTreeMap<&'static str, u64> {
        self.state().happened.clone()
    }

    /// Tells of a session what happened to it, in the way of the day.
    pub(crate) fn tell(&self, kind: &str, session: &Value) {
        let mut state = self.state();
        if state.addresses.is_empty() {
            return;
        }
        let (how, body) = (state.how, body(kind, session));
        *state.happened.entry(how.name()).or_default() += 1;
        match how {
            Notices::Never => {}
            Notices::Once | Notices::BeforeTheAnswer => {
                drop(state);
                self.send(body);
            }
            Notices::Twice => {
                drop(state);
                self.send(body.clone());
                self.send(body);
            }
            Notices::OutOfOrder => {
                let earlier = state.held.replace(body);
                drop(state);
                // The later one has to go first: it does when the one after it has come.
                if let Some(earlier) = earlier {
                    let this = self.clone();
                    tokio::spawn(async move {
                        let later = this.state().held.take();
                        if let Some(later) = later {
                            this.deliver(&later).await;
                        }
                        this.deliver(&earlier).await;
                    });
                }
            }
            Notices::Late(by) => {
                drop(state);
                let this = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(by).await;
                    this.deliver(&body).await;
                });
            }
        }
    }

    /// Tells of a session before anybody knows its name, and waits until it was heard.
    pub(crate) async fn tell_before(&self, kind: &str, session: &Value) {
        {
            let mut state = self.state();
            if state.addresses.is_empty() {
                return;
            }
            *state.happened.entry(Notices::BeforeTheAnswer.name()).or_default() += 1;
        }
        self.try_once(&body(kind, session)).await;
    }

    fn send(&self, body: String) {
        let this = self.clone();
        tokio::spawn(async move { this.deliver(&body).await });
    }

    async fn deliver(&self, body: &str) {
        let mut pause = PAUSE;
        for _ in 0..TRIES {
            if self.try_once(body).await {
                return;
            }
            *self.state().happened.entry("notices not taken").or_default() += 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn try_once(&self, body: &str) -> bool {
        let (address, secret) = {
            let mut state = self.state();
            state.sent += 1;
            let turn = usize::try_from(state.sent).unwrap() % state.addresses.len();
            (state.addresses[turn].clone(), state.secret.clone())
        };
        let seconds = (self.clock)();
        let request = request(&address, &signature(&secret, seconds, body), body);
        timeout(PATIENCE, exchange(&address, &request)).await.is_ok_and(|taken| taken.unwrap_or(false))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn body(kind: &str, session: &Value) -> String {
    let object = json!({ "id": session["id"], "object": "checkout.session", "metadata": session["metadata"] });
    json!({ "id": "evt_1", "type": kind, "data": { "object": object } }).to_string()
}

fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("because HMAC takes every length");
    let code = mac.chain_update(format!("{seconds}.{body}").as_bytes()).finalize().into_bytes();
    let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

fn request(address: &Address, signature: &str, body: &str) -> String {
    let (path, length) = (&address.path, body.len());
    format!(
        "POST {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Stripe-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// Whether it was taken.
async fn exchange(address: &Address, request: &str) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(address.place).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await?;
    Ok(answer[9] == b'2')
}
