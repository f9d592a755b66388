//! What the process says when it has begun: in a few lines to whoever typed the command, in one to the log.

use crate::{config::Config, wiring::Ports};
use std::net::SocketAddr;

/// Says what was chosen and where to look.
#[expect(clippy::print_stdout, reason = "the greeting is for whoever typed the command, not for the log")]
pub(crate) async fn greet(
    config: &Config,
    ports: &Ports,
    http: Option<SocketAddr>,
    ops: SocketAddr,
) -> anyhow::Result<()> {
    let catalogue = ports.catalogue.snapshot().await?;
    println!("Stampede {} · {}", env!("CARGO_PKG_VERSION"), mode(config));
    if let Some(http) = http {
        println!("  shop       http://{http}");
        println!("  API        http://{http}/api/docs");
    }
    println!("  operators  http://{ops}   (/ops /metrics /actors /audit /readyz)");
    match catalogue.listings.first() {
        None => println!("  for sale   nothing yet: stampede event apply FILE"),
        Some(listing) => {
            let event = &listing.event;
            let main = &event.ticket_types[0];
            println!(
                "  for sale   {}: {} × {}, sale opens at {}",
                event.name, main.capacity, main.name, main.sale.opens_at
            );
        }
    }
    log(config, http, ops, catalogue.listings.len());
    Ok(())
}

fn mode(config: &Config) -> String {
    if config.servers.are_set() {
        format!("on Postgres, Redis and Pub/Sub, as {}", config.servers.role.as_str())
    } else {
        format!("embedded, in {}", config.data_dir.display())
    }
}

fn log(config: &Config, http: Option<SocketAddr>, ops: SocketAddr, events: usize) {
    let http = http.map(tracing::field::display);
    if config.servers.are_set() {
        tracing::info!(
            mode = "distributed",
            role = config.servers.role.as_str(),
            store = "postgres",
            ledger = "redis",
            bus = if config.servers.endpoint().is_some() { "pub/sub at an endpoint of its own" } else { "google pub/sub" },
            http,
            %ops,
            events,
            "the shop is open for visitors"
        );
    } else {
        tracing::info!(
            mode = "embedded",
            data_dir = %config.data_dir.display(),
            store = "sqlite",
            ledger = "in process",
            bus = "sqlite queue",
            http,
            %ops,
            events,
            "the shop is open for visitors"
        );
    }
}
