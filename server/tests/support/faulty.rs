//! A shop inside the test's own process, whose ports can be broken: the same wiring, with `Flaky` around every port.

use super::json;
use actix_web::dev::ServerHandle;
use reqwest::{Client, Response, StatusCode};
use stampede_actors::audit::{AuditReport, audit};
use stampede_backends::{Flaky, flaky::Script};
use stampede_http::{Shop, ShopOptions, ticket::TicketKey};
use stampede_server::{
    config::Config,
    demo, serve,
    wiring::{Ports, Post, Stage},
};
use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};

pub(crate) struct FaultyShop {
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) script: Script,
    stage: Arc<Stage>,
    ports: Ports,
    close: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl FaultyShop {
    pub(crate) fn selling(capacity: u32) -> Self {
        Self::with(&[&format!("--demo-capacity={capacity}")])
    }

    /// A shop with these settings beside the usual ones, in a thread with an actix system of its own.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let home = format!("--data-dir={}", directory.path().display());
        let usual = [
            home.as_str(),
            "--http-addr=127.0.0.1:0",
            "--demo-opens-in=0s",
            "--demo-limit-per-buyer=0",
            "--buyer-attempts-per-second=0",
            "--http-workers=2",
        ];
        let config = Config::of(usual.into_iter().chain(settings.iter().copied())).unwrap();
        let script = Script::default();
        let (close, closed) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = {
            let script = script.clone();
            std::thread::spawn(move || {
                actix::System::new().block_on(async move {
                    let (ports, stage, handle, url) = begin(&config, script).await;
                    tell.send((ports, Arc::clone(&stage), url)).unwrap();
                    closed.await.unwrap_or_default();
                    stage.stop_admitting();
                    handle.stop(false).await;
                    stage.drain().await;
                });
            })
        };
        let (ports, stage, url) = told.recv().expect("the shop opens");
        stampede_server::tls::trust_one_provider();
        let client = Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let shop =
            Self { url, client, script, stage, ports, close: Some(close), thread: Some(thread), _directory: directory };
        shop.wait_until_open();
        shop
    }

    fn wait_until_open(&self) {
        let deadline = std::time::Duration::from_secs(30);
        let (tell, told) = mpsc::channel();
        let stage = Arc::clone(&self.stage);
        std::thread::spawn(move || {
            while stage.board.latest().is_none_or(|shelf| {
                shelf.events.iter().any(|event| event.types.iter().any(|one| one.numbers.is_none()))
            }) {
                std::thread::yield_now();
            }
            tell.send(()).unwrap_or_default();
        });
        told.recv_timeout(deadline).expect("the pools open");
    }

    pub(crate) fn restarts(&self, actor: &str) -> u64 {
        self.stage.cast.gates().iter().filter(|gate| gate.actor() == actor).map(|gate| gate.restarts()).sum()
    }

    pub(crate) fn depth(&self, actor: &str) -> u32 {
        self.stage.cast.gates().iter().filter(|gate| gate.actor() == actor).map(|gate| gate.depth()).sum()
    }

    pub(crate) async fn buy(&self, key: &str, quantity: u32) -> Response {
        let request = self.client.post(format!("{}/api/tickets/buy", self.url)).header("idempotency-key", key);
        let body = format!(r#"{{"userId":"eva","quantity":{quantity}}}"#);
        request.header("content-type", "application/json").body(body).send().await.unwrap()
    }

    pub(crate) async fn status(&self, order: &str) -> Option<String> {
        let answer = self.client.get(format!("{}/api/orders/{order}", self.url)).send().await.ok()?;
        if answer.status() != StatusCode::OK {
            return None;
        }
        Some(json(answer).await["status"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn numbers(&self) -> (u64, u64, u64) {
        let url = format!("{}/api/v1/events/frequency-festival/availability", self.url);
        let Ok(answer) = self.client.get(url).send().await else { return (0, 0, 0) };
        if !answer.status().is_success() {
            return (0, 0, 0);
        }
        let event = json(answer).await;
        let number = |name: &str| event["ticketTypes"][0][name].as_u64().unwrap();
        (number("available"), number("inFlight"), number("sold"))
    }

    pub(crate) async fn audit(&self) -> AuditReport {
        let Ports { clock, store, bus, ledger, .. } = &self.ports;
        audit(clock.now(), store.as_ref(), bus.as_ref(), Some(ledger.as_ref())).await.unwrap()
    }

    /// Closes the shop; a thread that panicked fails the test.
    pub(crate) fn close(mut self) {
        drop(self.close.take());
        self.thread.take().unwrap().join().unwrap();
    }
}

async fn begin(config: &Config, script: Script) -> (Ports, Arc<Stage>, ServerHandle, String) {
    let (sound, _files) = Ports::embedded(&config.data_dir).await.unwrap();
    demo::seed(config, sound.catalogue.as_ref(), sound.clock.now()).await.unwrap();
    let ports = Ports {
        store: Arc::new(Flaky::new(sound.store, script.clone())),
        catalogue: Arc::new(Flaky::new(sound.catalogue, script.clone())),
        ledger: Arc::new(Flaky::new(sound.ledger, script.clone())),
        bus: Arc::new(Flaky::new(sound.bus, script.clone())),
        holds: Arc::new(Flaky::new(sound.holds, script.clone())),
        lane: Arc::new(Flaky::new(sound.lane, script.clone())),
        outbox: Arc::new(Flaky::new(sound.outbox, script)),
        ..sound
    };
    let (secret, ticket_key) = (b"a secret for tests", || TicketKey::new(&[7; 32]));
    let post = Post::signing(config, secret, ticket_key(), &ports.clock).unwrap();
    let stage = Arc::new(Stage::set(config, ports.clone(), Some(post)));
    let (_, closing) = watch::channel(false);
    let shop = Arc::new(Shop::new(secret, ticket_key(), ShopOptions::default(), closing).unwrap());
    let (handle, server, address) = serve::public(config, &stage, &shop, |_| {}).unwrap();
    actix::spawn(server);
    (ports, stage, handle, format!("http://{address}"))
}
