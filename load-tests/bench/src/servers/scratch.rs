//! An empty shop on the scratch servers, and the measuring examples of the backends: programs that are run and whose answer is
//! read.

use super::Setting;
use anyhow::{Context, ensure};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The settings of an empty shop on the servers of `ops/servers/with`, as `ops/servers/scratch` makes them.
pub(crate) fn scratch() -> anyhow::Result<Vec<Setting>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ops/servers/scratch");
    let text = answer(Command::new(script).arg(built("stampede")?))?;
    let settings = text.lines().filter_map(|line| line.split_once('='));
    Ok(settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Takes one setting out of them.
pub(crate) fn taken(settings: &mut Vec<Setting>, name: &str) -> anyhow::Result<String> {
    let place = settings.iter().position(|(it, _)| it == name).with_context(|| format!("scratch printed no {name}"))?;
    Ok(settings.swap_remove(place).1)
}

/// What an example of the backends prints.
pub(crate) fn example(name: &str, arguments: &[&str]) -> anyhow::Result<String> {
    answer(Command::new(built(&format!("examples/{name}"))?).args(arguments))
}

fn answer(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(output.status.success(), "{:?} failed", command.get_program());
    Ok(String::from_utf8(output.stdout)?)
}

/// A program that cargo built beside the bench.
pub(super) fn built(name: &str) -> anyhow::Result<PathBuf> {
    let binary = std::env::current_exe()?.with_file_name(name);
    ensure!(
        binary.exists(),
        "{} is missing: `make bench` and `make bench-distributed` build what they need",
        binary.display()
    );
    Ok(binary)
}
