//! From who publishes to who pulls.

use super::{
    BusRig, LONG, PATIENCE, READY, assert_waiting, consume, consume_all, ids, nothing_comes, number, numbers, outgoing,
    publish, pull,
};
use bytes::Bytes;
use stampede_actors::ports::{Outgoing, PortFailure};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::timeout;

pub(crate) async fn what_is_published_is_pulled_with_its_bytes(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let spaced =
        Outgoing { payload: Bytes::from_static(b" { \"text\" : \"\xc3\xb6 \\u0000 ' \\\" \" } "), label: None };
    bus.publish(vec![spaced.clone()]).await.remove(0).unwrap();
    publish(&bus, 0..300).await;
    let mut pulled = pull(&bus, 301).await;
    assert!(pulled.iter().all(|delivery| delivery.attempt == 1));
    let place = pulled.iter().position(|delivery| delivery.payload == spaced.payload).expect("it came as it was");
    pulled.remove(place);
    assert_eq!(numbers(&pulled), (0..300).collect());
}

pub(crate) async fn a_batch_is_answered_message_by_message(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    assert_eq!(bus.publish(Vec::new()).await, []);
    assert_eq!(bus.publish(outgoing(0..7)).await.len(), 7);
}

pub(crate) async fn a_strange_payload_does_not_hurt_its_neighbours(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let strange = [&b""[..], b"\xff\xfe\0", b"],[", b"{\"half", b"null", b"'"].map(Bytes::from_static);
    let huge = Bytes::from(vec![b' '; 20 << 20]);
    let neighbours = outgoing(0..2);
    let mut batch = neighbours.clone();
    for payload in strange.iter().cloned().chain([huge]) {
        batch.insert(1, Outgoing { payload, label: None });
    }
    let outcomes = bus.publish(batch.clone()).await;
    assert_eq!((outcomes.first().unwrap(), outcomes.last().unwrap()), (&Ok(()), &Ok(())));
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(PortFailure::Impossible(_)))), "{outcomes:?}");
    let taken =
        batch.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(sent, _)| sent.payload.clone());
    let taken: BTreeSet<_> = taken.collect();
    let pulled = pull(&bus, taken.len()).await;
    let came: BTreeSet<_> = pulled.into_iter().map(|delivery| delivery.payload).collect();
    assert!(came == taken, "not as it was published");
}

pub(crate) async fn many_publish_at_once_and_nothing_is_lost(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let each = (rig.many() / 40).min(100);
    let publishers: Vec<_> = (0..40)
        .map(|part| {
            let bus = Arc::clone(&bus);
            tokio::spawn(async move { publish(&bus, part * each..(part + 1) * each).await })
        })
        .collect();
    consume(&bus, (0..40 * each).collect()).await;
    for publisher in publishers {
        publisher.await.unwrap();
    }
}

pub(crate) async fn a_pull_waits_for_the_next_message(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let waiting = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { pull(&bus, 1).await }
    });
    nothing_comes(rig, &bus).await;
    publish(&bus, 5..6).await;
    assert_eq!(number(&waiting.await.unwrap()[0]), 5);
}

pub(crate) async fn a_pull_takes_no_more_than_its_limit(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..10).await;
    assert!((1..=4).contains(&bus.pull(4).await.unwrap().len()));
}

pub(crate) async fn a_pull_that_is_dropped_loses_nothing(rig: &impl BusRig) {
    let bus = rig.open(LONG, 64).await;
    let count = rig.many().min(500);
    publish(&bus, 0..count).await;
    let mut missing: BTreeSet<_> = (0..count).collect();
    for round in 0..2000_u32 {
        if missing.is_empty() {
            break;
        }
        // Polled a different number of times each round, then dropped.
        let mut pulling = Box::pin(bus.pull(16));
        for _ in 0..round % 4 {
            if let Ok(done) = timeout(Duration::from_micros(u64::from(round % 7) * 50), &mut pulling).await {
                let done = done.unwrap();
                bus.acknowledge(&ids(&done)).await.unwrap();
                missing.retain(|number| !numbers(&done).contains(number));
                break;
            }
        }
    }
    consume(&bus, missing).await;
    nothing_comes(rig, &bus).await;
}

pub(crate) async fn a_publish_that_is_dropped_is_whole_or_not_at_all(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    for part in 0..20 {
        let publishing = bus.publish(outgoing(part * 10..part * 10 + 10));
        let _ = timeout(Duration::from_micros(u64::from(part) * 40), publishing).await;
    }
    publish(&bus, 9999..10000).await;
    let seen = consume_all(rig, &bus).await;
    assert!(seen.contains(&9999));
    for part in 0..20 {
        let of_part = seen.iter().filter(|number| **number / 10 == part).count();
        assert!(of_part == 0 || of_part == 10, "{of_part} of batch {part}");
    }
}

pub(crate) async fn a_backlog_larger_than_memory_loses_nothing(rig: &impl BusRig) {
    let bus = rig.open(LONG, 256).await;
    let (parts, each) = (50, rig.many() / 50);
    for part in 0..parts {
        publish(&bus, part * each..(part + 1) * each).await;
    }
    let before = parts * each;
    assert_waiting(&bus, u64::from(before)).await;
    let more = before / 20;
    let publishing = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move {
            for first in (before..before + more).step_by(50) {
                publish(&bus, first..(first + 50).min(before + more)).await;
            }
        }
    });
    consume(&bus, (0..before + more).collect()).await;
    publishing.await.unwrap();
    nothing_comes(rig, &bus).await;
    assert_waiting(&bus, 0).await;
}

pub(crate) async fn the_backlog_is_counted_and_knows_its_oldest(rig: &impl BusRig) {
    let bus = rig.open(LONG, 8).await;
    let empty = bus.backlog().await.unwrap();
    assert_eq!((empty.messages.unwrap_or(0), empty.oldest, empty.dead_letters), (0, None, 0));
    publish(&bus, 0..30).await;
    let backlog = bus.backlog().await.unwrap();
    let Some(messages) = backlog.messages else { return };
    assert!(messages == 30 && backlog.oldest.is_some(), "{backlog:?}");
    let pulled = pull(&bus, 30).await;
    let oldest = pulled.iter().map(|delivery| delivery.published_at).min();
    assert_eq!(bus.backlog().await.unwrap().oldest, oldest, "a delivered message waits too");
}

pub(crate) async fn a_closed_bus_says_so(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let waiting = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { bus.pull(1).await }
    });
    publish(&bus, 0..1).await;
    waiting.await.unwrap().unwrap();
    let waiting = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { bus.pull(1).await }
    });
    bus.close().await;
    bus.close().await;
    let ended = timeout(PATIENCE, waiting).await.expect("a waiting pull ends").unwrap();
    assert!(matches!(ended, Err(PortFailure::Unavailable(_))), "{ended:?}");
    assert!(matches!(bus.publish(outgoing(0..1)).await[0], Err(PortFailure::Unavailable(_))));
    assert!(matches!(bus.acknowledge(&[]).await, Err(PortFailure::Unavailable(_))));
}
