//! A whole embedded shop in the test's process, operators' port included, whose ports can be broken: what no fault from outside
//! brings about (an actor that panics) is brought about here.

use stampede_backends::{Flaky, flaky::Script};
use stampede_server::{
    config::Config,
    serve::{Variant, serve_variant},
    wiring::Ports,
};
use std::{net::TcpListener, sync::OnceLock};
use tempfile::TempDir;

/// One a process: a variant is a plain function and can carry nothing.
static SCRIPT: OnceLock<Script> = OnceLock::new();

/// The shop.
pub(crate) struct Embedded {
    pub(crate) url: String,
    pub(crate) ops: String,
    _directory: TempDir,
}

impl Embedded {
    /// Begins to sell; it ends with the process.
    pub(crate) fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [http, ops] = [(); 2].map(|()| free_address());
        let settings = [
            format!("--data-dir={}", directory.path().display()),
            format!("--http-addr={http}"),
            format!("--ops-addr={ops}"),
            "--demo-opens-in=0s".to_owned(),
            "--demo-limit-per-buyer=0".to_owned(),
            "--buyer-attempts-per-second=0".to_owned(),
            "--http-workers=1".to_owned(),
            format!("--organizer-token={}", crate::paying::ORGANIZER),
            // So small that some who audit at once fill it.
            "--cache-sync-mailbox-capacity=3".to_owned(),
            "--log=error".to_owned(),
        ];
        let config = Config::of(settings.iter().map(String::as_str)).unwrap();
        std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                serve_variant(config, Variant { ports: broken, routes: |_| {} }).await.unwrap();
            });
        });
        Self { url: format!("http://{http}"), ops: format!("http://{ops}"), _directory: directory }
    }

    /// What goes wrong.
    pub(crate) fn script(&self) -> &'static Script {
        SCRIPT.get_or_init(Script::default)
    }
}

fn broken(sound: Ports) -> Ports {
    let script = SCRIPT.get_or_init(Script::default).clone();
    Ports {
        store: std::sync::Arc::new(Flaky::new(sound.store, script.clone())),
        catalogue: std::sync::Arc::new(Flaky::new(sound.catalogue, script.clone())),
        ledger: std::sync::Arc::new(Flaky::new(sound.ledger, script.clone())),
        bus: std::sync::Arc::new(Flaky::new(sound.bus, script.clone())),
        holds: std::sync::Arc::new(Flaky::new(sound.holds, script.clone())),
        lane: std::sync::Arc::new(Flaky::new(sound.lane, script.clone())),
        outbox: std::sync::Arc::new(Flaky::new(sound.outbox, script)),
        ..sound
    }
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
