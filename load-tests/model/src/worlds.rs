//! The worlds in which nothing may be found.

use crate::{
    laws::Law,
    world::{Calm, Clock, Drain, OrderSpec, World},
};

/// One request of one unit.
pub(crate) fn one() -> OrderSpec {
    OrderSpec::new(1, 1)
}

/// Two requests of one unit.
pub(crate) fn two() -> OrderSpec {
    OrderSpec::new(1, 2)
}

fn big(tries: usize) -> OrderSpec {
    OrderSpec::new(2, tries)
}

/// What a ledger's loss may do where not everything was drained or somebody was paused across it: a promise ends rejected, and
/// its key is refused.
pub(crate) const AFTER_A_LOSS: [Law; 3] = [Law::PromiseRejectedAfterLoss, Law::LivingKeyRefused, IN_A_NEW_BOOK];

/// What a new book may do, wherever one is made while orders are decided: it begins with a claim of an order that the writer has
/// decided since the bus was read, or is asked for one whose message was under way. The next sweep mends it.
const IN_A_NEW_BOOK: Law = Law::PendingAgain;

/// Servers, and a ledger that is never lost.
#[must_use]
pub fn without_loss() -> Vec<World> {
    vec![
        World::new("2 orders x 2 tries, capacity 1", [two(), two()], 1),
        World::new("3 orders, capacity 1", [one(), one(), one()], 1),
        World::new("3 orders, capacity 2", [one(), one(), one()], 2),
        World::new("quantities 1 and 2, 2 tries each, capacity 2", [two(), big(2)], 2),
        World::new("the writer takes two at once", [two(), one()], 1).with(|world| world.batches = true),
        World::new("the ledger's clock may step back", [two(), one()], 1).with(|world| world.clock = Clock::StepsBack),
        World::new("two notes forgotten, an id dated early", [two().early(), one()], 1).forgetting(2),
        World::new("two notes forgotten while the clock stands", [two(), one()], 1)
            .forgetting(2)
            .with(|world| world.clock = Clock::Stands),
        World::new("the organizer adds a unit", [two(), one()], 1).with(|world| world.changes = Some(1)),
        World::new("same key, other body, same quantity", [OrderSpec::reused([0, 0]), one()], 2),
        World::new("same key, other body, two notes forgotten", [reused_thrice()], 2).forgetting(2),
        World::new("same key, other quantity, a note forgotten", [other_quantity()], 2).forgetting(1),
        World::new("limit 1, 2 orders of one buyer, sweeps at any time", [two(), one()], 2)
            .limit(1)
            .with(|world| world.reread = true),
        World::new("limit 2, quantities 1 and 2 of one buyer", [two(), big(1)], 3).limit(2),
        World::new("limit 1, same key used by another buyer", [OrderSpec::reused([0, 1]), one().of_buyer(1)], 2)
            .limit(1),
        World::new("limit 1, 3 orders of 2 buyers, capacity 2", [one(), one(), one().of_buyer(1)], 2).limit(1),
        World::new("dead letters, 2 tries, two notes forgotten", [two()], 1).dead_letters().forgetting(2),
        World::new("dead letters, 2 orders, 2 tries", [two(), one()], 1).dead_letters(),
        World::new("dead letters, limit 1", [one(), one()], 2).dead_letters().limit(1),
    ]
}

fn reused_thrice() -> OrderSpec {
    OrderSpec { tries: vec![0, 1, 0], ..OrderSpec::reused([0, 0]) }
}

fn other_quantity() -> OrderSpec {
    let mut order = OrderSpec::reused([0, 0]);
    order.bodies[1].quantity = 2;
    order
}

/// One process that dies.
#[must_use]
pub fn embedded() -> Vec<World> {
    let worlds = [
        World::new("2 orders x 2 tries, 2 process deaths", [two(), two()], 1).embedded(2),
        World::new("3 orders, capacity 1, 1 death", [one(), one(), one()], 1).embedded(1),
        World::new("quantities 1 and 2, capacity 2, 1 death", [two(), big(1)], 2).embedded(1),
        World::new("same key, other body, 1 death", [OrderSpec::reused([0, 0]), one()], 2).embedded(1),
        World::new("limit 1, 2 deaths", [two(), one()], 2).limit(1).embedded(2),
        World::new("dead letters, 2 deaths", [one(), one()], 1).dead_letters().embedded(2),
        World::new("2 deaths, a note forgotten, the clock stands", [two(), one()], 1)
            .embedded(2)
            .forgetting(1)
            .with(|world| world.clock = Clock::Stands),
    ];
    worlds.map(|world| world.tolerating(&[IN_A_NEW_BOOK])).into()
}

/// Servers that lose their ledger once.
#[must_use]
pub fn losing_the_ledger() -> Vec<World> {
    let calm = |name, orders: Vec<OrderSpec>, capacity| {
        World::new(name, orders, capacity).losing(Calm::Everybody, Drain::Complete)
    };
    let hasty = |name, orders: Vec<OrderSpec>, capacity| {
        World::new(name, orders, capacity).losing(Calm::Everybody, Drain::GivenUp).tolerating(&AFTER_A_LOSS)
    };
    vec![
        calm("complete drain, nobody paused across the loss", vec![two().early(), one()], 1),
        World::new("complete drain, keepers may be paused", [two(), one()], 1).losing(Calm::Nodes, Drain::Complete),
        World::new("complete drain, keepers may be paused, dead letters", [one(), one()], 1)
            .losing(Calm::Nodes, Drain::Complete)
            .tolerating(&[IN_A_NEW_BOOK])
            .dead_letters(),
        calm("complete drain, same key with another body", vec![OrderSpec::reused([0, 0]), one()], 2),
        calm("complete drain, limit 1", vec![two(), one()], 2).limit(1),
        calm("complete drain, dead letters, limit 1", vec![one(), one()], 2)
            .dead_letters()
            .limit(1)
            .tolerating(&[IN_A_NEW_BOOK]),
        calm("complete drain, a note forgotten", vec![two(), one()], 1).forgetting(1),
        World::new("complete drain, nodes may be paused", [two(), one()], 1)
            .losing(Calm::Nobody, Drain::Complete)
            .tolerating(&AFTER_A_LOSS),
        World::new("complete drain, nodes may be paused, same key with another body", [OrderSpec::reused([0, 0])], 1)
            .losing(Calm::Nobody, Drain::Complete)
            .tolerating(&[Law::OtherBody, IN_A_NEW_BOOK]),
        hasty("drain given up, nobody paused", vec![two(), one()], 1),
        hasty("drain given up, quantities 1 and 2, capacity 2", vec![two(), big(1)], 2),
        hasty("drain given up, limit 1", vec![two(), one()], 2).limit(1),
    ]
}

/// Every world in which nothing may be found, with the heading it stands under.
#[must_use]
pub fn all() -> Vec<(&'static str, Vec<World>)> {
    vec![("servers", without_loss()), ("embedded", embedded()), ("servers, one ledger loss", losing_the_ledger())]
}

/// Some of them, for every day: seconds instead of minutes.
#[must_use]
pub fn some() -> Vec<World> {
    const NAMES: [&str; 10] = [
        "2 orders x 2 tries, capacity 1",
        "the writer takes two at once",
        "same key, other body, two notes forgotten",
        "limit 1, same key used by another buyer",
        "dead letters, limit 1",
        "limit 1, 2 deaths",
        "quantities 1 and 2, capacity 2, 1 death",
        "complete drain, keepers may be paused",
        "complete drain, nodes may be paused, same key with another body",
        "drain given up, limit 1",
    ];
    let worlds = all().into_iter().flat_map(|(_, worlds)| worlds);
    worlds.filter(|world| NAMES.contains(&world.name.as_str())).collect()
}
