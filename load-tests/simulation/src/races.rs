//! `stampede-simulation races`: thousands of payments against the ends of their holds.

use crate::{SHOWN, on_all_cores};
use serde_json::json;
use stampede_simulation::{Coverage, Outcomes, PaidPlan, PaidVerdict, RACES, race};
use std::{
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// The least share of races in which something must have come of each kind: what seldom happens is hardly tested.
const LEAST: u64 = 500;

/// What many histories came to.
#[derive(Default)]
struct Sum {
    histories: u64,
    outcomes: Outcomes,
    coverage: Coverage,
    /// Every trace, folded: the same seeds give the same.
    traces: u64,
    bad: Vec<PaidVerdict>,
}

impl Sum {
    fn add(&mut self, verdict: PaidVerdict) {
        self.histories += 1;
        self.outcomes.add(&verdict.outcomes);
        self.coverage.add(&verdict.coverage);
        self.traces ^= verdict.trace.rotate_left(u32::try_from(verdict.seed % 64).unwrap_or(0));
        if !verdict.breaches.is_empty() {
            self.bad.push(verdict);
        }
    }
}

/// Runs histories from a seed on until there were so many races.
#[expect(clippy::print_stdout, reason = "this is what it is for")]
pub(crate) fn run(seed: u64, races: u64) -> ExitCode {
    let began = Instant::now();
    let histories = races.div_ceil(u64::from(RACES));
    let sum = Mutex::new(Sum::default());
    on_all_cores(usize::try_from(histories).unwrap_or(usize::MAX), |number| {
        let verdict = race(&PaidPlan::drawn(seed + number as u64));
        sum.lock().unwrap_or_else(PoisonError::into_inner).add(verdict);
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.bad.sort_by_key(|verdict| verdict.seed);
    for verdict in &sum.bad {
        println!("seed {} ({:?}), trace {:016x}:", verdict.seed, verdict.mode, verdict.trace);
        verdict.breaches.iter().take(SHOWN).for_each(|breach| println!("  {breach}"));
    }
    let rows = sum.outcomes.rows();
    rows.iter().for_each(|(what, times)| println!("{times:>9}  {}", what.replace('_', " ")));
    sum.coverage.faults.iter().for_each(|(fault, times)| println!("{times:>9}  {fault}"));
    println!("PROOF {}", summary(seed, &sum, began));
    let too_few = too_few(&rows, races);
    if !too_few.is_empty() {
        println!("happened in fewer than one of {LEAST} races: {too_few:?}");
    }
    if sum.bad.is_empty() && too_few.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn summary(seed: u64, sum: &Sum, began: Instant) -> serde_json::Value {
    let mut summary = json!({
        "part": "races", "seed": seed, "histories": sum.histories, "violations": sum.bad.len(),
        "faults": sum.coverage.faults, "traces": format!("{:016x}", sum.traces), "seconds": began.elapsed().as_secs(),
    });
    if let Some(fields) = summary.as_object_mut() {
        fields.extend(sum.outcomes.rows().map(|(what, times)| (what.to_owned(), json!(times))));
    }
    summary
}

/// Kinds of outcomes that came too seldom for a proof; a few histories prove nothing anyway.
fn too_few(rows: &[(&'static str, u64)], races: u64) -> Vec<&'static str> {
    rows.iter().filter(|(_, times)| *times < races / LEAST).map(|(what, _)| *what).collect()
}

/// One history, step by step.
#[expect(clippy::print_stdout, reason = "this is what it is for")]
pub(crate) fn tell(plan: &PaidPlan) -> ExitCode {
    println!("{plan:#?}");
    let verdict = race(plan);
    verdict.words.iter().for_each(|line| println!("{line}"));
    println!("{:?}, trace {:016x}, {:?}", verdict.mode, verdict.trace, verdict.outcomes);
    verdict.breaches.iter().for_each(|breach| println!("  {breach}"));
    if verdict.breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
