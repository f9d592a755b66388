//! `stampede migrate`

use super::say;
use crate::{config::Config, home, wiring::Ports};
use std::process::ExitCode;

/// Brings both files to this version's schema. `serve` does the same; this is for those who want to see it happen alone.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    home::prepare(&config.data_dir)?;
    let (ports, files) = Ports::embedded(&config.data_dir).await?;
    ports.bus.close().await;
    files.close().await;
    say(format_args!("{}: shop.db and queue.db have this version's schema", config.data_dir.display()));
    Ok(ExitCode::SUCCESS)
}
