//! `stampede event apply FILE`

use super::say;
use crate::{config::Config, wiring::Books};
use anyhow::{Context, ensure};
use stampede_domain::Event;
use std::{fs, path::Path, process::ExitCode};

/// Adds or changes an event. The same file again changes nothing.
pub(crate) async fn apply(config: &Config, file: &Path) -> anyhow::Result<ExitCode> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let event: Event = toml::from_str(&text).with_context(|| format!("{} is not an event", file.display()))?;
    let mistakes = event.mistakes();
    ensure!(mistakes.is_empty(), "{} has mistakes:\n  {}", file.display(), mistakes.join("\n  "));
    let books = Books::open(config).await?;
    let waits = books.catalogue().apply(&event).await;
    books.close().await;
    if waits? {
        say(format_args!(
            "{}: applied, but for what would take units or rights away from buyers. That waits until the sale is paused \
             (stampede sale pause {}) and nothing is in flight.",
            event.slug, event.slug
        ));
    } else {
        say(format_args!("{}: applied. A running shop shows it within a second.", event.slug));
    }
    Ok(ExitCode::SUCCESS)
}
