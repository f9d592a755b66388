//! The small commands, one a file. They can be used beside a running shop: none takes its lock.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod event;
pub(crate) mod healthcheck;
pub(crate) mod migrate;
pub(crate) mod orders;
pub(crate) mod payments;
pub(crate) mod pubsub;
pub(crate) mod sale;
pub(crate) mod ticket;

use crate::{config::Config, wiring::Books};

/// The books of a shop that exists: a command that looks at one must not make an empty one and call it sound.
async fn existing(config: &Config) -> anyhow::Result<Books> {
    if !config.servers.are_set() {
        crate::home::has_shop(&config.data_dir)?;
    }
    Books::open(config).await
}

/// What a command says to whoever typed it.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
