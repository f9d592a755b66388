//! Servers under test: the same binary, started as a process of its own, so that its CPU time is nobody else's.

pub(crate) mod bare;
mod child;
mod cluster;
mod null_bus;
mod null_store;
mod scratch;

pub(crate) use child::{Measured, Setting, Settings, Shop, workplace};
pub(crate) use cluster::{Cluster, Shared};
pub(crate) use scratch::{example, scratch, taken};

use null_bus::NullBus;
use null_store::NullStore;
use stampede_server::{
    config::Config,
    serve::{Variant, serve_variant},
    wiring::Ports,
};
use std::{process::ExitCode, sync::Arc};

/// Tickets of a shop that is not to be sold out.
pub(crate) const CAPACITY: u32 = 100_000_000;

/// What is under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// The product.
    Shop,
    /// The product's door and actors, before a bus and a store that do nothing.
    Door,
    /// Bare handlers without middleware.
    Bare,
}

/// Runs one until it is told to stop.
pub(crate) fn run(kind: Kind, config: Config) -> anyhow::Result<ExitCode> {
    let routes = bare::routes;
    actix_web::rt::System::new().block_on(async move {
        match kind {
            Kind::Shop => serve_variant(config, Variant { ports: |ports| ports, routes }).await,
            Kind::Door => serve_variant(config, Variant { ports: without_disk, routes }).await,
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
