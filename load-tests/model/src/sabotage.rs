//! Each bug in a small world where it must be caught.

use crate::{
    bug::Bug,
    laws::Law,
    world::{Calm, Drain, OrderSpec, World},
    worlds::{AFTER_A_LOSS, one, two},
};

/// The world in which a bug is let loose.
#[must_use]
pub fn world_of(bug: Bug) -> World {
    let world = match bug {
        Bug::MissingIsFull | Bug::MissingIsSoldOut | Bug::SettleOpens | Bug::SecondRebuilder => calm(base()),
        Bug::RebuildWithoutDrain => calm(base()),
        Bug::NoStoreGuard => hasty(base()),
        Bug::OldIdsDoNotWait | Bug::BrokenUncounted => hasty(base()),
        Bug::OlderMeansVersion => {
            World::new("", [two(), one()], 2).with(|world| world.calm = Calm::Nobody).tolerating(&[Law::PendingAgain])
        }
        Bug::LapseSameVersion | Bug::SweepWithoutNumbers => {
            World::new("", [one()], 1).with(|world| world.changes = Some(1))
        }
        Bug::CapacityCut => World::new("", [one()], 1).with(|world| world.changes = Some(-1)),
        Bug::EmbForgetsQueue | Bug::EmbAsIntent | Bug::NoLookUp => base().embedded(1).tolerating(&[Law::PendingAgain]),
        Bug::LimitStoreOnly | Bug::BuyerAdded | Bug::BuyerNoGuard | Bug::BuyerNotSet | Bug::BuyerReadEarly => twins(),
        Bug::BuyerPoolGuard => World::new("", [one(), one().of_buyer(1)], 2).limit(1).tolerating(&[Law::BuyerIsWrong]),
        Bug::NoStoreLimit => hasty(twins()),
        Bug::RebuildWithoutBuyers => {
            calm(twins()).tolerating(&[Law::BuyerIsWrong, Law::PendingAgain]).with(|world| world.exact = false)
        }
        Bug::NoteNoFp | Bug::ClaimNoFp => World::new("", [OrderSpec::reused([0, 0])], 1),
        Bug::LookupNoFp => World::new("", [OrderSpec::reused([0, 0])], 1).forgetting(1),
        Bug::PromiseNoFp => World::new("", [OrderSpec::reused([0, 0])], 1)
            .losing(Calm::Nobody, Drain::Complete)
            .tolerating(&[AFTER_A_LOSS.as_slice(), &[Law::OtherBody]].concat()),
        Bug::ReplayOverwritesFailed | Bug::FailedNoInsert | Bug::DeadReleases => pair().dead_letters(),
        Bug::DeadWithoutClaims => pair().dead_letters().embedded(1).tolerating(&[Law::PendingAgain]),
        Bug::ReplayTakesLetter => calm(pair()).dead_letters(),
        Bug::LookUpForEver => World::new("", [two().early(), one()], 1).forgetting(2),
        Bug::RestartUnnoticed => calm(base()),
        Bug::ReapUnfenced | Bug::EpochRaisedLate => {
            base().losing(Calm::Nodes, Drain::Complete).tolerating(&[Law::PendingAgain])
        }
        Bug::NamesRepeat => base().losing(Calm::Nobody, Drain::Complete).tolerating(&AFTER_A_LOSS),
        Bug::SweepWithoutClaims => World::new("", [one()], 1),
        _ => base(),
    };
    let named = World { name: bug.name().into(), ..world };
    named.sabotaged(bug)
}

/// The same bugs in other worlds, where they break laws that nothing else breaks.
#[must_use]
pub fn elsewhere() -> Vec<World> {
    let two_units = World::new("two units", [two()], 2);
    let promised_again = hasty(base());
    let swept_late = twins().tolerating(&[]).with(|world| world.exact = false);
    vec![
        two_units.sabotaged(Bug::NoTerminalCheck),
        promised_again.sabotaged(Bug::SecondRebuilder),
        swept_late.sabotaged(Bug::BuyerNotSet),
    ]
}

fn base() -> World {
    World::new("", [two(), one()], 1)
}

fn pair() -> World {
    World::new("", [one(), one()], 1)
}

fn twins() -> World {
    World::new("", [one(), one()], 2).limit(1).tolerating(&[Law::BuyerIsWrong])
}

fn calm(world: World) -> World {
    world.losing(Calm::Everybody, Drain::Complete).tolerating(&[Law::PendingAgain])
}

fn hasty(world: World) -> World {
    let tolerated = [world.tolerated.as_slice(), &AFTER_A_LOSS].concat();
    world.losing(Calm::Everybody, Drain::GivenUp).tolerating(&tolerated)
}
