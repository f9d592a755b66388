//! The demo festival: what an empty shop sells.

use crate::config::Config;
use anyhow::Context;
use stampede_actors::ports::Catalogue;
use stampede_domain::{Event, Millis, event::MAX_PER_ORDER};

const FESTIVAL: &str = include_str!("../demo/frequency-festival.toml");

/// The festival as configured, its sale opening as long after `now` as configured.
///
/// # Errors
/// When the settings make no event, e.g. a sale that opens after the festival.
pub fn festival(config: &Config, now: Millis) -> anyhow::Result<Event> {
    let mut event: Event = toml::from_str(FESTIVAL).context("the demo festival that was built in cannot be read")?;
    let general_admission = &mut event.ticket_types[0];
    general_admission.capacity = config.demo_capacity;
    general_admission.sale.opens_at = moment(now.plus(config.demo_opens_in))?;
    let limit = Some(config.demo_limit_per_buyer).filter(|limit| *limit > 0);
    general_admission.limit_per_buyer = limit;
    general_admission.max_per_order = general_admission.max_per_order.min(limit.unwrap_or(MAX_PER_ORDER));
    let (opens_at, vip) = (general_admission.sale.opens_at, &mut event.ticket_types[1]);
    (vip.sale.opens_at, vip.capacity) = (opens_at, config.demo_vip_capacity);
    let is_payable = config.payments.stripe_secret_key.is_some() || !config.servers.are_set();
    if config.demo_vip_capacity == 0 || !is_payable {
        event.ticket_types.truncate(1);
    }
    let mistakes = event.mistakes();
    anyhow::ensure!(mistakes.is_empty(), "the demo festival cannot be sold like this: {}", mistakes.join("; "));
    Ok(event)
}

/// Puts the festival into an empty catalogue; `None` when there is something for sale already.
///
/// # Errors
/// When the catalogue cannot be read or written.
pub async fn seed(config: &Config, catalogue: &dyn Catalogue, now: Millis) -> anyhow::Result<Option<Event>> {
    if !config.demo || !catalogue.snapshot().await?.listings.is_empty() {
        return Ok(None);
    }
    let event = festival(config, now)?;
    catalogue.apply(&event).await?;
    Ok(Some(event))
}

fn moment(at: Millis) -> anyhow::Result<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(at.0).context("the sale would open beyond the end of time")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_festival_that_is_built_in_has_no_mistake() {
        let event: stampede_domain::Event = toml::from_str(super::FESTIVAL).unwrap();
        assert_eq!(event.mistakes(), Vec::<String>::new());
    }
}
