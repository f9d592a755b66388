//! The full form of the model: every world, every bug.
#![expect(clippy::print_stdout, reason = "its tables are what it is for")]

use anyhow::Context;
use clap::Parser;
use stampede_model::{
    bug::{Bug, MISTAKES},
    paid::{self, bug::PaidBug},
    report::{BugFound, Summary, WorldFound},
    sabotage::world_of,
    worlds,
};
use std::{path::PathBuf, process::ExitCode};

/// States that the worlds with a lost ledger, and those with dying processes, must have at least.
const ENOUGH: usize = 250_000;

/// Explores the protocol in small worlds. Fails when a law is broken, or when a bug goes uncaught.
#[derive(Parser)]
struct Arguments {
    /// Where to write what was found, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only worlds and bugs with this in their names.
    #[arg(long, default_value = "")]
    only: String,
}

fn main() -> anyhow::Result<ExitCode> {
    let Arguments { json, only } = Arguments::parse();
    let mut summary = Summary::default();
    for (heading, worlds) in worlds::all() {
        println!("\n== {heading}: nothing may be found");
        for world in worlds.into_iter().filter(|world| world.name.contains(&only)) {
            let found = WorldFound::new(heading, &world, world.explore());
            println!("{found}");
            summary.worlds.push(found);
        }
    }
    println!("\n== {}: nothing may be found", paid::HEADING);
    for world in paid::worlds().into_iter().chain(paid::large_worlds()).filter(|world| world.name.contains(&only)) {
        let found = world.report();
        println!("{found}");
        summary.worlds.push(found);
    }
    println!("\n== deliberate mistakes, and clauses of the protocol left out: each must be caught");
    for bug in Bug::ALL.iter().filter(|bug| bug.name().contains(&only)) {
        let found = BugFound::new(*bug, world_of(*bug).explore());
        println!("{found}");
        summary.bugs.push(found);
    }
    for bug in PaidBug::ALL.iter().filter(|bug| bug.name().contains(&only)) {
        let found = paid::let_loose(*bug);
        println!("{found}");
        summary.bugs.push(found);
    }
    let is_enough = if only.is_empty() { conclude(&summary) } else { true };
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&summary)?;
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(if summary.is_sound() && is_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says how much that was; false when it was too little to prove anything.
fn conclude(summary: &Summary) -> bool {
    println!();
    let mut is_enough = true;
    for heading in worlds::all().into_iter().map(|(heading, _)| heading).chain([paid::HEADING]) {
        let states = summary.states(heading);
        println!("{heading}: {states} states");
        is_enough &= states >= ENOUGH;
    }
    let caught = |of_the_42| summary.bugs.iter().filter(|bug| bug.caught && bug.is_one_of_the_42 == of_the_42).count();
    println!("{} of {MISTAKES} mistakes caught", caught(true));
    println!("{} of {} left-out clauses and further mistakes caught", caught(false), summary.bugs.len() - MISTAKES);
    is_enough
}
