//! The short form: some worlds, and every bug. `cargo run -p stampede-model` is the full form.
#![expect(clippy::print_stdout, reason = "`--nocapture` shows the traces")]

use stampede_model::{
    bug::{Bug, MISTAKES},
    report::{BugFound, WorldFound},
    sabotage::world_of,
    world::World,
    worlds,
};

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

#[test]
fn every_mistake_is_caught() {
    assert_eq!(MISTAKES, 42);
    all_are_caught(&Bug::ALL[..MISTAKES]);
}

#[test]
fn no_clause_of_the_protocol_can_be_left_out() {
    all_are_caught(&Bug::ALL[MISTAKES..]);
}

fn all_are_caught(bugs: &[Bug]) {
    let mut missed = Vec::new();
    for bug in bugs {
        let found = BugFound::new(*bug, world_of(*bug).explore());
        println!("{found}");
        if !found.caught {
            missed.push(found.name);
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

/// A bug that is caught because its world is broken anyway would prove nothing.
#[test]
fn every_world_of_a_bug_is_sound_without_it() {
    let mut sound: Vec<World> = Vec::new();
    for bug in Bug::ALL {
        let world = World { name: String::new(), bug: None, symmetric: true, ..world_of(*bug) };
        if !sound.contains(&world) {
            let found = world.explore();
            assert!(found.violation.is_none(), "{}: {:?}", bug.name(), found.violation);
            sound.push(world);
        }
    }
}
