//! `stampede sale pause|resume [EVENT]`

use super::{existing, say};
use crate::config::Config;
use anyhow::{Context, ensure};
use stampede_actors::ports::Catalogue;
use stampede_domain::EventSlug;
use std::process::ExitCode;

/// Pauses or resumes the sale of an event, the featured one when none is named.
pub(crate) async fn set_paused(config: &Config, event: Option<String>, paused: bool) -> anyhow::Result<ExitCode> {
    let books = existing(config).await?;
    let done = set(books.catalogue().as_ref(), event, paused).await;
    books.close().await;
    let slug = done?;
    let state = if paused { "paused" } else { "resumed" };
    say(format_args!("{slug}: {state}. A running shop follows within a second."));
    Ok(ExitCode::SUCCESS)
}

async fn set(catalogue: &dyn Catalogue, event: Option<String>, paused: bool) -> anyhow::Result<EventSlug> {
    let slug = match event {
        Some(event) => event.parse()?,
        None => {
            let listings = catalogue.snapshot().await?.listings;
            listings.first().map(|featured| featured.event.slug.clone()).context("nothing is for sale")?
        }
    };
    ensure!(catalogue.set_paused(&slug, paused).await?, "there is no event “{slug}”");
    Ok(slug)
}
