//! The short form: some worlds, and every bug. `cargo run -p stampede-model` is the full form.
#![expect(clippy::print_stdout, reason = "`--nocapture` shows the traces")]

use stampede_model::{
    bug::{Bug, MISTAKES},
    laws::Law,
    paid::{self, PaidWorld, bug::PaidBug},
    report::{BugFound, WorldFound},
    sabotage::{elsewhere, world_of},
    world::World,
    worlds,
};
use std::collections::BTreeSet;

#[test]
fn no_order_of_events_breaks_a_law_in_small_worlds() {
    let mut states = 0;
    for world in worlds::some() {
        let found = WorldFound::new("short", &world, world.explore());
        println!("{found}");
        assert!(found.violations.is_empty(), "{found}");
        states += found.states;
    }
    assert!(states > 250_000, "{states} states are too few to mean anything");
}

/// And every law is seen to be broken: one that nothing breaks says nothing. ("Impossible" is about the model itself.)
#[test]
fn every_bug_is_caught_and_every_law_catches_one() {
    assert_eq!((MISTAKES, Bug::ALL[MISTAKES - 1]), (42, Bug::RebuildWithoutDrain));
    let (mut missed, mut broken) = (Vec::new(), BTreeSet::from([Law::Impossible]));
    for bug in Bug::ALL {
        let explored = world_of(*bug).explore();
        broken.extend(explored.violation.as_ref().map(|violation| violation.law));
        broken.extend(explored.tolerated.keys());
        let found = BugFound::new(*bug, explored);
        println!("{found}");
        if !found.caught {
            missed.push(found.name);
        }
    }
    for bug in PaidBug::ALL {
        broken.extend(PaidWorld::of(*bug).explore().violation.map(|violation| violation.law));
        let found = paid::let_loose(*bug);
        println!("{found}");
        if !found.caught {
            missed.push(found.name);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
    broken.extend(elsewhere().iter().filter_map(|world| world.explore().violation).map(|violation| violation.law));
    let idle: Vec<_> = Law::ALL.iter().filter(|law| !broken.contains(law)).collect();
    assert!(idle.is_empty(), "laws that nothing breaks: {idle:?}");
}

/// A bug that is caught because its world is broken anyway would prove nothing. (The full form explores some of these worlds.)
#[test]
fn every_world_of_a_bug_is_sound_without_it() {
    let bare = |world: World| World { name: String::new(), bug: None, symmetric: true, ..world };
    let mut sound: Vec<World> = worlds::all().into_iter().flat_map(|(_, worlds)| worlds).map(bare).collect();
    for bug in Bug::ALL {
        let world = bare(world_of(*bug));
        if !sound.contains(&world) {
            let found = world.explore();
            assert!(found.violation.is_none(), "{}: {:?}", bug.name(), found.violation);
            sound.push(world);
        }
    }
}

/// The full form has larger ones.
#[test]
fn no_order_of_events_breaks_a_law_of_an_order_that_is_paid_online() {
    for world in paid::worlds() {
        let found = world.report();
        println!("{found}");
        assert!(found.violations.is_empty(), "{found}");
    }
}

#[test]
fn every_world_of_a_mistake_with_money_is_sound_without_it() {
    let mut sound: Vec<PaidWorld> = Vec::new();
    for bug in PaidBug::ALL {
        let world = PaidWorld::of(*bug).without_bug();
        if !sound.contains(&world) {
            let found = world.report();
            assert!(found.violations.is_empty(), "{found}");
            sound.push(world);
        }
    }
}
