//! `stampede demo reset`

use super::say;
use crate::{config::Config, demo, wiring::Books};
use stampede_actors::clock::{Clock, SystemClock};
use std::process::ExitCode;

/// Forgets the demo's orders and opens its sale anew, as configured. What is in flight at this moment survives it.
pub(crate) async fn reset(config: &Config) -> anyhow::Result<ExitCode> {
    let event = demo::festival(config, SystemClock.now())?;
    let books = Books::open(config).await?;
    let done = async {
        let catalogue = books.catalogue();
        books.forget_orders(&event.slug).await?;
        catalogue.set_paused(&event.slug, false).await?;
        catalogue.apply(&event).await?;
        // Nothing is sold any more, so whatever was tighter can be in force at once.
        let revision = catalogue.revision().await?;
        catalogue.apply_waiting(&event.slug, revision).await
    };
    let done = done.await;
    books.close().await;
    done?;
    say(format_args!(
        "{}: its orders are forgotten. The sale opens at {}.",
        event.slug, event.ticket_types[0].sale.opens_at
    ));
    Ok(ExitCode::SUCCESS)
}
