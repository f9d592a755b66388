//! Servers under test: the same binary, started as a process of its own, so that its CPU time is nobody else's.

pub(crate) mod bare;
mod child;
mod cluster;
mod fill;
mod null_bus;
mod null_store;
mod peer;
mod scratch;
mod slow_store;

pub(crate) use child::{Measured, NUMBERS, Numbers, Setting, Settings, Shop, workplace};
pub(crate) use cluster::{Cluster, Shared};
pub(crate) use fill::{filled, run as fill};
pub(crate) use peer::Peer;
pub(crate) use scratch::{example, scratch, taken};

use null_bus::NullBus;
use null_store::NullStore;
use slow_store::SlowStore;
use stampede_server::{
    config::Config,
    serve::{Variant, serve, serve_variant},
    wiring::Ports,
};
use std::{process::ExitCode, sync::Arc};

/// Tickets of a shop that is not to be sold out.
pub(crate) const CAPACITY: u32 = 100_000_000;

/// What is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// The product, and the bare handlers beside it.
    Shop,
    /// The product alone: its own binary where that is built, for what counts the program's own pages.
    Product,
    /// The product's door and actors, before a bus and a store that do nothing.
    Door,
    /// The product with a store that is slowed down.
    Slow,
    /// Bare handlers without middleware.
    Bare,
}

/// How many orders a second the slow store writes, in the environment.
const SLOWED_TO: &str = "BENCH_ORDERS_PER_SECOND";

/// The setting of a slow shop.
pub(crate) fn slowed_to(orders_per_second: u32) -> Setting {
    (SLOWED_TO.to_owned(), orders_per_second.to_string())
}

/// Runs one until it is told to stop.
pub(crate) fn run(kind: Kind, config: Config) -> anyhow::Result<ExitCode> {
    let routes = bare::routes;
    actix_web::rt::System::new().block_on(async move {
        match kind {
            Kind::Shop => serve_variant(config, Variant { ports: |ports| ports, routes }).await,
            Kind::Product => serve(config).await,
            Kind::Door => serve_variant(config, Variant { ports: without_disk, routes }).await,
            Kind::Slow => serve_variant(config, Variant { ports: slowed, routes }).await,
            Kind::Bare => bare::serve(config.http_addr).await,
        }
    })
}

/// Clock, catalogue and ledger stay what they are.
fn without_disk(ports: Ports) -> Ports {
    let bus = Arc::new(NullBus::new(Arc::clone(&ports.clock)));
    let store = Arc::new(NullStore::new(Arc::clone(&ports.catalogue)));
    Ports { bus, store, ..ports }
}

fn slowed(ports: Ports) -> Ports {
    let rate = std::env::var(SLOWED_TO).ok().and_then(|rate| rate.parse().ok());
    let rate = rate.expect("because whoever starts a slow shop says how slow");
    Ports { store: Arc::new(SlowStore::new(Arc::clone(&ports.store), rate)), ..ports }
}
