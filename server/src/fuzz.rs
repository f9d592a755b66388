//! For the fuzz targets: what the program reads besides requests, one function each. In no shop (feature `fuzz`).

use crate::{cli::Cli, commands::healthcheck, config};
use clap::{CommandFactory, FromArgMatches};

/// The status and the body of what a health check was answered; `None` for what is no shop's answer.
#[must_use]
pub fn health_answer(answer: &str) -> Option<(u16, &str)> {
    healthcheck::understand(answer)
}

/// Every variable of the environment that the program reads.
#[must_use]
pub fn variables() -> Vec<String> {
    config::settings().into_iter().map(|setting| setting.name).collect()
}

/// What is wrong with a variable's value, as the program would say it.
#[must_use]
pub fn mistake(variable: &str, value: &str) -> Option<String> {
    let command = Cli::command();
    let setting = command.get_arguments().find(|setting| setting.get_env().is_some_and(|name| name == variable))?;
    config::mistake(setting, value)
}

/// Reads a command line, without the program's name.
///
/// # Errors
/// What the program would say.
pub fn command_line(words: &[String]) -> Result<(), String> {
    let program = std::iter::once("stampede").chain(words.iter().map(String::as_str));
    let matches = Cli::command().try_get_matches_from(program).map_err(|error| error.to_string())?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.to_string())?;
    drop(format!("{cli:?}"));
    Ok(())
}
