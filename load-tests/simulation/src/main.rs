//! `stampede-simulation`: many histories, all planned deaths, the simulation's own proof; or one history told in words.

mod races;

use clap::{Parser, Subcommand};
use serde_json::json;
use stampede_simulation::{Coverage, Mode, PaidPlan, Plan, Row, Verdict, happen, judge_point, planned_deaths};
use std::{
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Breaches printed of one history.
pub(crate) const SHOWN: usize = 5;

/// Simulates sales in which everything goes wrong, and judges them.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Histories drawn from their seeds.
    Histories {
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many.
        #[arg(long, default_value_t = 100)]
        histories: u64,
        /// Keys that buyers use in each.
        #[arg(long, default_value_t = 200)]
        orders: u32,
        /// The least that each row of the crash table must be hit.
        #[arg(long, default_value_t = 0)]
        each_row: u64,
    },
    /// A death at every labelled step and at every ordered pair of them.
    Points,
    /// Payments that race the end of their holds.
    Races {
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many paid orders.
        #[arg(long, default_value_t = 2_000)]
        races: u64,
    },
    /// One history, step by step.
    Tell {
        /// Its seed.
        #[arg(long)]
        seed: u64,
        /// Keys that buyers use.
        #[arg(long, default_value_t = 200)]
        orders: u32,
        /// A history of races.
        #[arg(long)]
        races: bool,
    },
    /// With each deliberate fault in the shop: is it noticed?
    #[cfg(feature = "sabotage")]
    Sabotage {
        /// The most histories for each.
        #[arg(long, default_value_t = 400)]
        histories: u64,
    },
}

/// What many histories came to.
#[derive(Default)]
struct Sum {
    histories: u64,
    accepted: u64,
    broken: u64,
    coverage: Coverage,
    slowest: Duration,
    /// Every trace, folded: the same seeds give the same.
    traces: u64,
    bad: Vec<Verdict>,
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Histories { seed, histories, orders, each_row } => {
            let plans = (seed..seed + histories).map(|seed| Plan::drawn(seed, orders)).collect();
            report("simulation", seed, each_row, |sum| all(plans, happen, sum))
        }
        What::Points => report("points", 0, 0, |sum| all(planned_deaths(), judge_point, sum)),
        What::Races { seed, races } => races::run(seed, races),
        What::Tell { seed, races: true, .. } => races::tell(&PaidPlan::drawn(seed).in_words()),
        What::Tell { seed, orders, races: false } => tell(&Plan { in_words: true, ..Plan::drawn(seed, orders) }),
        #[cfg(feature = "sabotage")]
        What::Sabotage { histories } => sabotage(histories),
    }
}

/// Lets all of them happen, on as many threads as there are cores.
fn all(plans: Vec<Plan>, judge: impl Fn(&Plan) -> Verdict + Sync, sum: &Mutex<Sum>) {
    on_all_cores(plans.len(), |number| {
        // First, or the others would wait for the whole history.
        let verdict = judge(&plans[number]);
        sum.lock().unwrap_or_else(PoisonError::into_inner).add(verdict);
    });
}

/// Does something once for each number.
pub(crate) fn on_all_cores(numbers: usize, act: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers {
                        return;
                    }
                    act(number);
                }
            });
        }
    });
}

impl Sum {
    fn add(&mut self, verdict: Verdict) {
        self.histories += 1;
        self.accepted += verdict.accepted;
        self.broken += verdict.broken;
        self.coverage.add(&verdict.coverage);
        self.slowest = self.slowest.max(verdict.decided_after);
        self.traces ^= verdict.trace.rotate_left(u32::try_from(verdict.seed % 64).unwrap_or(0));
        if !verdict.breaches.is_empty() {
            self.bad.push(verdict);
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn report(part: &str, seed: u64, each_row: u64, run: impl FnOnce(&Mutex<Sum>)) -> ExitCode {
    let began = Instant::now();
    let sum = Mutex::new(Sum::default());
    run(&sum);
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.bad.sort_by_key(|verdict| verdict.seed);
    for verdict in &sum.bad {
        println!("seed {} ({:?}), trace {:016x}:", verdict.seed, verdict.mode, verdict.trace);
        verdict.breaches.iter().take(SHOWN).for_each(|breach| println!("  {breach}"));
    }
    for row in Row::ALL {
        println!("{:>9}  {row:?}", sum.coverage.rows.get(&row).copied().unwrap_or_default());
    }
    for (fault, times) in &sum.coverage.faults {
        println!("{times:>9}  {fault}");
    }
    let rows: serde_json::Map<_, _> = Row::ALL
        .iter()
        .map(|row| (format!("{row:?}"), json!(sum.coverage.rows.get(row).copied().unwrap_or_default())))
        .collect();
    let summary = json!({
        "part": part, "first_seed": seed, "histories": sum.histories, "violations": sum.bad.len(),
        "accepted": sum.accepted, "broken_after_a_loss": sum.broken,
        "slowest_recovery_seconds": sum.slowest.as_secs_f64(), "rows": rows, "faults": sum.coverage.faults,
        "traces": format!("{:016x}", sum.traces), "seconds": began.elapsed().as_secs(),
    });
    println!("PROOF {summary}");
    let too_few = Row::ALL.iter().filter(|row| sum.coverage.rows.get(row).copied().unwrap_or_default() < each_row);
    let too_few: Vec<_> = too_few.collect();
    if !too_few.is_empty() {
        println!("hit fewer than {each_row} times: {too_few:?}");
    }
    if sum.bad.is_empty() && too_few.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn tell(plan: &Plan) -> ExitCode {
    let verdict = happen(plan);
    println!("{plan:#?}");
    verdict.words.iter().for_each(|line| println!("{line}"));
    let mode = if verdict.mode == Mode::Embedded { "one process" } else { "two web nodes and two writers" };
    println!(
        "{mode}, trace {:016x}, {} told 202, decided after {:?}",
        verdict.trace, verdict.accepted, verdict.decided_after
    );
    verdict.breaches.iter().for_each(|breach| println!("  {breach}"));
    if verdict.breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(feature = "sabotage")]
#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn sabotage(histories: u64) -> ExitCode {
    use stampede_domain::sabotage::Sabotage;
    use stampede_simulation::catch;
    let table = Mutex::new(Vec::new());
    on_all_cores(Sabotage::ALL.len(), |number| {
        let sabotage = Sabotage::ALL[number];
        let caught = catch(sabotage, 1, histories, 120);
        let name = format!("{sabotage:?}");
        match &caught {
            Some(caught) => println!("{name:<28} by history {:<4} {}", caught.histories, caught.breach),
            None => println!("{name:<28} NOT CAUGHT in {histories} histories"),
        }
        table.lock().unwrap_or_else(PoisonError::into_inner).push((sabotage, caught));
    });
    let table = table.into_inner().unwrap_or_else(PoisonError::into_inner);
    let uncaught = table.iter().filter(|(_, caught)| caught.is_none()).count();
    let rows: Vec<_> = table
        .iter()
        .map(|(sabotage, caught)| {
            let (seed, breach) = caught.as_ref().map(|caught| (caught.seed, caught.breach.as_str())).unzip();
            json!({ "sabotage": format!("{sabotage:?}"), "seed": seed, "breach": breach })
        })
        .collect();
    println!("PROOF {}", json!({ "part": "sabotage", "switches": table.len(), "uncaught": uncaught, "table": rows }));
    if uncaught == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
