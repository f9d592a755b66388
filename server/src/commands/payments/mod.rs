//! `stampede payments reconcile`
//!
//! The books are the shop's, the provider's are the provider's, and neither is changed: who finds a difference decides about it.

mod showing;

use super::existing;
use crate::{config::Config, wiring::Payments};
use anyhow::Context;
use stampede_actors::{
    clock::{Clock, SystemClock},
    reconciliation::reconcile as compare,
};
use stampede_domain::Millis;
use std::{process::ExitCode, sync::Arc, time::Duration};

/// Of the calls to the provider that a process may make, the command takes one in so many: the shop that runs needs the rest.
const SHARE: u32 = 8;
/// They differ: looked at by scripts. (What could not be compared ends with 2, as every command does that could not do its work.)
const DIFFERENT: u8 = 1;

/// What is compared, and how it is told.
#[derive(clap::Args, Debug)]
pub(crate) struct Reconcile {
    /// Only payments of the last so many days; all when absent.
    #[arg(long, value_name = "1..3650", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: Option<u32>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// Compares the books with the provider's, and tells every payment that differs.
pub(crate) async fn reconcile(config: &Config, how: &Reconcile) -> anyhow::Result<ExitCode> {
    let clock = Arc::new(SystemClock);
    let now = clock.now();
    let books = existing(config).await?;
    let provider = match Payments::beside(config, clock).await {
        Ok(provider) => provider,
        Err(error) => {
            books.close().await;
            return Err(error);
        }
    };
    let since = how.days.map_or(Millis(0), |days| Millis(now.0 - day_millis(days)));
    let rate = (config.payments.payment_rate / SHARE).max(1);
    let found = compare(books.holds().as_ref(), provider.gateway.as_ref(), since, rate).await;
    let name = provider.gateway.name();
    provider.close().await;
    books.close().await;
    let found =
        found.context("nothing can be said: the books or the provider's could not be read to their end. Try again")?;
    let told = showing::Told { at: now, since: how.days.map(|_| since), provider: name, found: &found };
    if how.json {
        told.as_json();
    } else {
        told.as_text();
    }
    Ok(if found.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

fn day_millis(days: u32) -> i64 {
    let millis = Duration::from_hours(24).as_millis();
    i64::try_from(millis * u128::from(days)).expect("because ten years are few milliseconds")
}
