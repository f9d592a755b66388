//! Leases, and the four ways in which a message is let go.

use super::{
    BusRig, LONG, PATIENCE, READY, assert_waiting, ids, nothing_comes, number, numbers, outgoing_number, publish, pull,
};
use stampede_actors::ports::DeliveryId;
use std::{collections::BTreeMap, time::Duration};
use tokio::time::timeout;

pub(crate) async fn what_is_acknowledged_never_comes_again(rig: &impl BusRig) {
    let bus = rig.open(rig.short_lease(), READY).await;
    publish(&bus, 0..20).await;
    let mut acknowledged = 0;
    while acknowledged < 20 {
        // At once, because the leases are short.
        let pulled = pull(&bus, 1).await;
        bus.acknowledge(&ids(&pulled)).await.unwrap();
        acknowledged += 1;
    }
    nothing_comes(rig, &bus).await;
    assert_waiting(&bus, 0).await;
}

pub(crate) async fn what_is_acknowledged_twice_or_unknown_is_no_error(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..2).await;
    let pulled = pull(&bus, 1).await;
    for _ in 0..2 {
        bus.acknowledge(&ids(&pulled)).await.unwrap();
    }
    bus.acknowledge(&[DeliveryId(u64::MAX)]).await.unwrap();
    bus.release(&[pulled[0].id, DeliveryId(u64::MAX)]).await.unwrap();
    assert_waiting(&bus, 1).await;
}

pub(crate) async fn a_lease_that_runs_out_comes_again_with_its_attempt_counted(rig: &impl BusRig) {
    let bus = rig.open(rig.short_lease(), READY).await;
    publish(&bus, 0..3).await;
    let mut attempts: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    while attempts.len() < 3 || attempts.values().any(|attempts| attempts.len() < 4) {
        for delivery in pull(&bus, 1).await {
            attempts.entry(number(&delivery)).or_default().push(delivery.attempt);
        }
    }
    assert_eq!(attempts.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
    for attempts in attempts.values() {
        assert_eq!(attempts[..4], [1, 2, 3, 4]);
    }
}

pub(crate) async fn a_lease_that_is_extended_does_not_run_out(rig: &impl BusRig) {
    // Long enough for a loaded machine to extend it in time, ten times over.
    let bus = rig.open(Duration::from_millis(500), READY).await;
    publish(&bus, 0..2).await;
    let pulled = pull(&bus, 2).await;
    bus.extend(&[DeliveryId(u64::MAX)]).await.unwrap();
    let held = async {
        let mut every = tokio::time::interval(Duration::from_millis(50));
        loop {
            every.tick().await;
            bus.extend(&[pulled[0].id]).await.unwrap();
        }
    };
    let (kept, other) = (number(&pulled[0]), number(&pulled[1]));
    assert_ne!(kept, other);
    tokio::select! {
        () = held => unreachable!("it is held for ever"),
        // The one that nobody extends comes twice before the other comes once.
        again = pull(&bus, 2) => assert_eq!(again.iter().map(number).collect::<Vec<_>>(), [other, other]),
    }
}

pub(crate) async fn an_acknowledgement_after_the_lease_still_counts(rig: &impl BusRig) {
    let bus = rig.open(rig.short_lease(), READY).await;
    publish(&bus, 0..1).await;
    let first = pull(&bus, 1).await;
    let again = pull(&bus, 1).await;
    bus.acknowledge(&ids(&first)).await.unwrap();
    bus.acknowledge(&ids(&again)).await.unwrap();
    assert_eq!((again[0].attempt, &again[0].payload), (2, &first[0].payload));
    nothing_comes(rig, &bus).await;
}

pub(crate) async fn what_is_released_comes_again_at_once(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..3).await;
    let pulled = pull(&bus, 3).await;
    bus.release(&ids(&pulled[..2])).await.unwrap();
    // Much sooner than a lease runs out.
    let again = timeout(PATIENCE / 4, pull(&bus, 2)).await.expect("at once");
    assert_eq!(numbers(&again), numbers(&pulled[..2]));
    assert!(again.iter().all(|delivery| delivery.attempt == 2), "{again:?}");
    nothing_comes(rig, &bus).await;
}

pub(crate) async fn what_is_set_aside_is_a_dead_letter_and_nothing_else(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..3).await;
    let pulled = pull(&bus, 3).await;
    bus.set_aside(&[(pulled[1].id, "no “such” pool".into())]).await.unwrap();
    bus.acknowledge(&ids(&pulled)).await.unwrap();
    nothing_comes(rig, &bus).await;
    let dead = bus.dead_letters(10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0].payload, dead[0].reason.as_str()), (&pulled[1].payload, "no “such” pool"));
    assert!(dead[0].attempts >= 1);
    let backlog = bus.backlog().await.unwrap();
    assert_eq!((backlog.dead_letters, backlog.oldest), (1, None));
    assert_waiting(&bus, 0).await;
    bus.close().await;
    let bus = rig.open(LONG, READY).await;
    nothing_comes(rig, &bus).await;
}

pub(crate) async fn the_unconsumed_are_all_that_is_neither_acknowledged_nor_dead(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..4).await;
    let pulled = pull(&bus, 3).await;
    bus.acknowledge(&ids(&pulled[..1])).await.unwrap();
    bus.set_aside(&[(pulled[1].id, "poison".into())]).await.unwrap();
    if let Some(unconsumed) = bus.unconsumed().await.unwrap() {
        let gone = numbers(&pulled[..2]);
        let expected = (0..4).filter(|number| !gone.contains(number)).map(outgoing_number);
        assert_eq!(unconsumed, expected.collect::<Vec<_>>());
    }
}
