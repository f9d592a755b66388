//! `stampede audit`

use super::say;
use crate::{
    config::{Config, Role},
    home,
    wiring::Ports,
};
use stampede_actors::audit::{AuditReport, audit as check};
use std::process::ExitCode;

/// Checks the laws over the store, the queue and (where it is not in another process's memory) the ledger, and prints a table.
/// Exit 1 when one is broken.
pub(crate) async fn audit(config: &Config) -> anyhow::Result<ExitCode> {
    let on_servers = config.servers.are_set();
    if !on_servers {
        home::has_shop(&config.data_dir)?;
        home::prepare(&config.data_dir)?;
    }
    // It looks, and takes no order from the bus that it would not write.
    let mut looking = config.clone();
    looking.servers.role = Role::Web;
    let (ports, books) = Ports::open(&looking).await?;
    let ledger = on_servers.then_some(ports.ledger.as_ref());
    let report = check(ports.clock.now(), ports.store.as_ref(), ports.bus.as_ref(), ledger).await;
    ports.close().await;
    books.close().await;
    let report = report?;
    print(&report);
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print(report: &AuditReport) {
    say(format_args!("audit of {}", report.at.rfc3339()));
    for pool in &report.pools {
        let numbers = &pool.sums.numbers;
        say(format_args!(
            "  {}: capacity {}, sold {}, held {}, {} orders",
            pool.name, numbers.capacity, numbers.sold, numbers.held, pool.sums.orders
        ));
        for (status, orders, units) in &pool.by_status {
            say(format_args!("    {:<10} {orders:>9} orders {units:>10} units", status.as_str()));
        }
    }
    let waiting = report.waiting.map_or_else(|| "not told by the bus".to_owned(), |waiting| waiting.to_string());
    say(format_args!("  waiting in the queue: {waiting}, set aside: {}", report.dead_letters));
    say("");
    for found in &report.laws {
        let verdict = match found.holds() {
            Some(true) => "holds",
            Some(false) => "BROKEN",
            None => "?",
        };
        say(format_args!("  {:<20} {verdict:<7} {}", found.law.name(), found.looked_at));
        for breach in &found.breaches {
            say(format_args!("      {breach}"));
        }
    }
}
