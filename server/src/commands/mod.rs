//! The small commands, one a file. They can be used beside a running shop: none takes its lock.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod event;
pub(crate) mod migrate;
pub(crate) mod orders;
pub(crate) mod sale;

use crate::config::Config;
use anyhow::Context;
use stampede_backends::{ShopFile, SqliteCatalogue};

/// The catalogue of the configured data directory.
async fn catalogue(config: &Config) -> anyhow::Result<(SqliteCatalogue, ShopFile)> {
    crate::home::prepare(&config.data_dir)?;
    let shop = ShopFile::open(&config.data_dir).await.context("the shop's file cannot be used")?;
    Ok((SqliteCatalogue::new(&shop), shop))
}

/// What a command says to whoever typed it.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
