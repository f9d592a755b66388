//! `stampede audit`

use super::say;
use crate::{config::Config, home, wiring::Ports};
use stampede_actors::audit::{AuditReport, audit as check};
use std::process::ExitCode;

/// Checks the laws over the store and the queue, and prints a table. Exit 1 when one is broken.
pub(crate) async fn audit(config: &Config) -> anyhow::Result<ExitCode> {
    home::has_shop(&config.data_dir)?;
    home::prepare(&config.data_dir)?;
    let (ports, files) = Ports::embedded(&config.data_dir).await?;
    let report = check(ports.clock.now(), ports.store.as_ref(), ports.bus.as_ref(), None).await;
    ports.bus.close().await;
    files.close().await;
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
