//! The short form of the races; `make proof` runs twenty thousand.

use stampede_simulation::{Mode, Outcomes, PaidPlan, planned_steps, race};

#[test]
fn whoever_pays_in_the_last_moment_gets_tickets_or_the_money_back() {
    let mut outcomes = Outcomes::default();
    // Every run other seeds than the long form begins with, and the same ones each time.
    for seed in 1_000_001..=1_000_060 {
        let verdict = race(&PaidPlan::drawn(seed));
        let breaches = &verdict.breaches;
        assert!(
            breaches.is_empty(),
            "seed {seed} (`stampede-simulation tell --races --seed {seed}` tells it): {breaches:#?}"
        );
        outcomes.add(&verdict.outcomes);
    }
    for (what, times) in outcomes.rows() {
        assert!(times > 0, "no {what} in {outcomes:?}");
    }
    assert!(outcomes.within_50_ms * 4 > outcomes.races, "hardly any race was one: {outcomes:?}");
}

#[test]
fn every_step_of_paying_may_fail_in_every_way_and_come_twice() {
    for mode in [Mode::Embedded, Mode::Distributed] {
        let breaches = race(&PaidPlan::with_every_step(mode, None)).breaches;
        assert!(breaches.is_empty(), "{mode:?}, with nothing planned: {breaches:#?}");
    }
    for (planned, verdict) in planned_steps() {
        let breaches = verdict.breaches;
        assert!(breaches.is_empty(), "{:?}, {planned:?}: {breaches:#?}", verdict.mode);
    }
}

#[test]
fn the_same_seed_gives_the_same_race() {
    for seed in [3, 4, 5] {
        let plan = PaidPlan::drawn(seed);
        let first = race(&plan);
        let on_another_thread = std::thread::spawn(move || race(&plan)).join().expect("a verdict");
        assert_eq!(first.trace, on_another_thread.trace, "seed {seed}");
    }
    assert_ne!(race(&PaidPlan::drawn(3)).trace, race(&PaidPlan::drawn(4)).trace);
}
