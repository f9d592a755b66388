//! What was explored, for people and as JSON.

use crate::{
    bug::{Bug, MISTAKES},
    explore::Explored,
    laws::Law,
    world::World,
};
use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// Everything that a run found.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Worlds in which nothing may be found.
    pub worlds: Vec<WorldFound>,
    /// Bugs that must be caught.
    pub bugs: Vec<BugFound>,
}

/// What was found in a world.
#[derive(Debug, Serialize)]
pub struct WorldFound {
    /// Where it stands.
    pub heading: String,
    /// Which.
    pub name: String,
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub edges: usize,
    /// How long it took.
    pub seconds: f64,
    /// Broken laws, and what the world allows in vain; none when all is well.
    pub violations: Vec<String>,
    /// A shortest way to the violation.
    pub trace: Vec<String>,
    /// How often something happened that the protocol allows there.
    pub allowed: BTreeMap<String, u64>,
}

/// Whether a bug was caught.
#[derive(Debug, Serialize)]
pub struct BugFound {
    /// Which.
    pub name: String,
    /// What it does wrong.
    pub does: String,
    /// One of the 42.
    pub is_one_of_the_42: bool,
    /// Whether a law noticed.
    pub caught: bool,
    /// Which.
    pub law: Option<String>,
    /// Steps of a shortest trace.
    pub trace_length: usize,
    /// That trace.
    pub trace: Vec<String>,
    /// States seen until then.
    pub states: usize,
}

impl WorldFound {
    /// What an exploration says of its world.
    #[must_use]
    pub fn new(heading: &str, world: &World, explored: Explored) -> Self {
        let in_vain = explored.allowed_in_vain(world);
        Self::of(heading, &world.name, explored, &in_vain)
    }

    pub(crate) fn of(heading: &str, name: &str, explored: Explored, in_vain: &[Law]) -> Self {
        // A world that was left at its first violation says nothing about what never happens in it.
        let violations = match &explored.violation {
            Some(violation) => vec![violation.law.to_string()],
            None => in_vain.iter().map(|law| format!("allowed in vain: {law}")).collect(),
        };
        Self {
            heading: heading.into(),
            name: name.into(),
            states: explored.states,
            edges: explored.edges,
            seconds: explored.took.as_secs_f64(),
            violations,
            trace: explored.violation.map(|violation| violation.trace).unwrap_or_default(),
            allowed: explored.tolerated.into_iter().map(|(law, count)| (law.to_string(), count)).collect(),
        }
    }
}

impl BugFound {
    /// What an exploration says of a bug.
    #[must_use]
    pub fn new(bug: Bug, explored: Explored) -> Self {
        Self::of(bug.name(), bug.does(), Bug::ALL[..MISTAKES].contains(&bug), explored)
    }

    pub(crate) fn of(name: &str, does: &str, is_one_of_the_42: bool, explored: Explored) -> Self {
        let law = explored.violation.as_ref().map(|violation| violation.law.to_string());
        let trace = explored.violation.map(|violation| violation.trace).unwrap_or_default();
        Self {
            name: name.into(),
            does: does.into(),
            is_one_of_the_42,
            caught: law.is_some(),
            law,
            trace_length: trace.len(),
            trace,
            states: explored.states,
        }
    }
}

impl Summary {
    /// States of the worlds under a heading.
    #[must_use]
    pub fn states(&self, heading: &str) -> usize {
        self.worlds.iter().filter(|world| world.heading == heading).map(|world| world.states).sum()
    }

    /// Nothing was found where nothing may be found, and every bug was caught.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.worlds.iter().all(|world| world.violations.is_empty()) && self.bugs.iter().all(|bug| bug.caught)
    }
}

impl fmt::Display for WorldFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, states, edges, seconds, .. } = self;
        write!(f, "{name:<64} {states:>9} states {edges:>10} steps {seconds:>6.1} s")?;
        for (law, count) in &self.allowed {
            write!(f, "\n      allowed here, {count} times: {law}")?;
        }
        for violation in &self.violations {
            write!(f, "\n  VIOLATED: {violation}")?;
        }
        for (number, step) in self.trace.iter().enumerate() {
            write!(f, "\n    {:>2}. {step}", number + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for BugFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, does, law, trace_length, trace, .. } = self;
        match law {
            Some(law) => write!(f, "{name:<26} caught after {trace_length:>2} steps: {law}")?,
            None => write!(f, "{name:<26} NOT CAUGHT")?,
        }
        write!(f, "\n      {does}\n      {}", trace.join("; "))
    }
}
