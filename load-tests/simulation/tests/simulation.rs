//! The short form of the simulation; `make proof` runs twenty thousand histories, and every pair of deaths.

use stampede_simulation::{Plan, Verdict, happen, judge_point, planned_deaths, points};

/// Keys of a history.
const ORDERS: u32 = 200;

fn assert_clean(verdict: &Verdict) {
    let Verdict { seed, mode, breaches, .. } = verdict;
    assert!(
        breaches.is_empty(),
        "seed {seed}, {mode:?} (`stampede-simulation tell --seed {seed}` tells it): {breaches:#?}"
    );
}

#[test]
fn whatever_goes_wrong_the_laws_hold() {
    // Every run other seeds than the long form begins with, and the same ones each time.
    for seed in 1_000_001..=1_000_060 {
        assert_clean(&happen(&Plan::drawn(seed, ORDERS)));
    }
}

#[test]
fn a_process_may_die_at_every_labelled_step() {
    let plans = planned_deaths();
    for plan in plans.iter().take(points().len() * 4) {
        assert_clean(&judge_point(plan));
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [3, 4, 5] {
        let plan = Plan::drawn(seed, ORDERS);
        let first = happen(&plan);
        let on_another_thread = std::thread::spawn(move || happen(&plan)).join().expect("a verdict");
        assert_eq!(first.trace, on_another_thread.trace, "seed {seed}");
    }
    assert_ne!(happen(&Plan::drawn(3, ORDERS)).trace, happen(&Plan::drawn(4, ORDERS)).trace);
}
