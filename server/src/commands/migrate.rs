//! `stampede migrate`

use super::say;
use crate::{
    config::Config,
    home,
    wiring::{self, Ports},
};
use std::process::ExitCode;

/// Brings the shop to this version's schema. An embedded `serve` does the same, so there it is for those who want to see it
/// happen alone; with Postgres nobody else does it.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    if config.servers.are_set() {
        let done = wiring::migrate(config).await?;
        done.applied.iter().for_each(|step| say(format_args!("applied: {step}")));
        say(format_args!("Postgres has schema {}, which is this version's", done.schema));
        return Ok(ExitCode::SUCCESS);
    }
    home::prepare(&config.data_dir)?;
    let (ports, books) = Ports::open(config).await?;
    ports.close().await;
    books.close().await;
    say(format_args!("{}: shop.db and queue.db have this version's schema", config.data_dir.display()));
    Ok(ExitCode::SUCCESS)
}
