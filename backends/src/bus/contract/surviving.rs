//! Crashes and closes.

use super::{BusRig, LONG, READY, consume, ids, nothing_comes, number, numbers, publish, pull};
use std::collections::BTreeSet;

pub(crate) async fn after_a_crash_all_that_was_not_acknowledged_comes_again(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..100).await;
    let pulled = pull(&bus, 50).await;
    bus.acknowledge(&ids(&pulled[..10])).await.unwrap();
    publish(&bus, 100..110).await;
    drop(bus);
    let bus = rig.open(LONG, READY).await;
    let acknowledged = numbers(&pulled[..10]);
    let expected: BTreeSet<_> = (0..110).filter(|number| !acknowledged.contains(number)).collect();
    let others = consume(&bus, expected).await;
    assert!(others.iter().all(|number| *number < 110), "{others:?}");
    publish(&bus, 110..111).await;
    consume(&bus, BTreeSet::from([110])).await;
}

pub(crate) async fn after_a_close_nothing_acknowledged_comes_again(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..10).await;
    let pulled = pull(&bus, 10).await;
    bus.acknowledge(&ids(&pulled[..9])).await.unwrap();
    bus.close().await;
    let bus = rig.open(LONG, READY).await;
    assert_eq!(number(&pull(&bus, 1).await[0]), number(&pulled[9]));
    nothing_comes(rig, &bus).await;
}

pub(crate) async fn attempts_survive_a_crash_once_they_are_written(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..1).await;
    for _ in 0..3 {
        let pulled = pull(&bus, 1).await;
        bus.release(&ids(&pulled)).await.unwrap();
    }
    publish(&bus, 1..2).await;
    drop(bus);
    let bus = rig.open(LONG, READY).await;
    let pulled = pull(&bus, 2).await;
    let old = pulled.iter().find(|delivery| number(delivery) == 0).expect("both came");
    // One more where a message that waits in memory counts as delivered.
    assert!((4..=5).contains(&old.attempt), "{}", old.attempt);
}

pub(crate) async fn dead_letters_survive_a_crash(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..2).await;
    let pulled = pull(&bus, 2).await;
    bus.set_aside(&[(pulled[0].id, "poison".into())]).await.unwrap();
    drop(bus);
    let bus = rig.open(LONG, READY).await;
    assert_eq!(bus.dead_letters(10).await.unwrap()[0].payload, pulled[0].payload);
    assert_eq!(bus.backlog().await.unwrap().dead_letters, 1);
    let again = consume(&bus, BTreeSet::from([number(&pulled[1])])).await;
    let acknowledged = BTreeSet::from([number(&pulled[0])]);
    assert!(again.is_empty() || again == acknowledged && !rig.acknowledges_at_once(), "{again:?}");
}
