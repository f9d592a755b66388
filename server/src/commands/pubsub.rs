//! `stampede pubsub bootstrap`

use super::say;
use crate::{config::Config, wiring};
use anyhow::ensure;
use std::process::ExitCode;

/// Makes the topics and subscriptions that the shop needs, where they are missing. Again, it changes nothing.
pub(crate) async fn bootstrap(config: &Config) -> anyhow::Result<ExitCode> {
    ensure!(
        config.servers.are_set(),
        "an embedded shop has no Pub/Sub. Set DATABASE_URL, REDIS_URL and STAMPEDE_PUBSUB_PROJECT"
    );
    for line in wiring::bootstrap(config).await? {
        say(line);
    }
    Ok(ExitCode::SUCCESS)
}
