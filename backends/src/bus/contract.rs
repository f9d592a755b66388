//! What every bus must do. A technology's tests call `bus_contract!` with a function that makes a [`BusRig`].

use bytes::Bytes;
use stampede_actors::ports::{Bus, Delivery, DeliveryId, Outgoing, PortFailure};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::timeout;

/// One list of all clauses; a technology cannot leave one out.
macro_rules! bus_contract {
    ($make:expr) => {
        crate::bus::contract::bus_contract!($make;
            what_is_published_is_pulled_in_order_with_its_bytes,
            a_batch_is_answered_message_by_message,
            a_strange_payload_does_not_hurt_its_neighbours,
            many_publish_at_once_and_nothing_is_lost,
            a_pull_waits_for_the_next_message,
            a_pull_takes_no_more_than_its_limit,
            a_pull_that_is_dropped_loses_nothing,
            a_publish_that_is_dropped_is_whole_or_not_at_all,
            what_is_acknowledged_never_comes_again,
            what_is_acknowledged_twice_or_unknown_is_no_error,
            a_lease_that_runs_out_comes_again_with_its_attempt_counted,
            a_lease_that_is_extended_does_not_run_out,
            an_acknowledgement_after_the_lease_still_counts,
            what_is_released_comes_again_at_once,
            what_is_set_aside_is_a_dead_letter_and_nothing_else,
            after_a_crash_all_that_was_not_acknowledged_comes_again,
            after_a_close_nothing_acknowledged_comes_again,
            attempts_survive_a_crash_once_they_are_written,
            dead_letters_survive_a_crash,
            a_backlog_larger_than_memory_loses_nothing_and_keeps_its_order,
            the_backlog_is_counted_and_knows_its_oldest,
            the_unconsumed_are_all_that_is_neither_acknowledged_nor_dead,
            a_closed_bus_says_so,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::bus::contract::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use bus_contract;

/// Opens the same bus again and again. Dropping one without closing it is a crash.
pub(crate) trait BusRig: Sync {
    /// With leases of `lease`, and at most about `ready` messages in memory.
    async fn open(&self, lease: Duration, ready: usize) -> Arc<dyn Bus>;
}

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(30);
const READY: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(20);
/// What is not there after this long does not come. Only used to show an absence.
const A_WHILE: Duration = Duration::from_millis(80);

fn outgoing(numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    numbers.map(|number| Outgoing { payload: Bytes::from(format!(r#"{{"v":1,"number":{number}}}"#)) }).collect()
}

fn number(delivery: &Delivery) -> u32 {
    let text = std::str::from_utf8(&delivery.payload).unwrap();
    text.trim_start_matches(r#"{"v":1,"number":"#).trim_end_matches('}').parse().unwrap()
}

async fn publish(bus: &Arc<dyn Bus>, numbers: std::ops::Range<u32>) {
    for outcome in bus.publish(outgoing(numbers)).await {
        outcome.unwrap();
    }
}

/// Pulls exactly so many.
async fn pull(bus: &Arc<dyn Bus>, count: usize) -> Vec<Delivery> {
    let mut pulled = Vec::new();
    while pulled.len() < count {
        let more = timeout(PATIENCE, bus.pull(count - pulled.len())).await.expect("messages are there").unwrap();
        pulled.extend(more);
    }
    pulled
}

async fn nothing_comes(bus: &Arc<dyn Bus>) {
    let pulled = timeout(A_WHILE, bus.pull(10)).await;
    assert!(pulled.is_err(), "{pulled:?}");
}

/// So many wait, if the bus can tell.
async fn assert_waiting(bus: &Arc<dyn Bus>, messages: u64) {
    let told = bus.backlog().await.unwrap().messages;
    assert!(told.is_none_or(|told| told == messages), "{told:?}, not {messages}");
}

fn ids(deliveries: &[Delivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

pub(crate) async fn what_is_published_is_pulled_in_order_with_its_bytes(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let spaced = Outgoing { payload: Bytes::from_static(b" { \"text\" : \"\xc3\xb6 \\u0000 ' \\\" \" } ") };
    bus.publish(vec![spaced.clone()]).await.remove(0).unwrap();
    publish(&bus, 0..300).await;
    let pulled = pull(&bus, 301).await;
    assert_eq!(pulled[0].payload, spaced.payload);
    assert_eq!(pulled[1..].iter().map(number).collect::<Vec<_>>(), (0..300).collect::<Vec<_>>());
    assert!(pulled.iter().all(|delivery| delivery.attempt == 1));
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
    let mut batch = outgoing(0..2);
    for payload in strange.iter().cloned().chain([huge]) {
        batch.insert(1, Outgoing { payload });
    }
    let outcomes = bus.publish(batch).await;
    assert_eq!((outcomes.first().unwrap(), outcomes.last().unwrap()), (&Ok(()), &Ok(())));
    let taken = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(PortFailure::Impossible(_)))), "{outcomes:?}");
    let pulled = pull(&bus, taken).await;
    assert_eq!((number(&pulled[0]), number(&pulled[taken - 1])), (0, 1));
    for delivery in &pulled[1..taken - 1] {
        assert!(strange.contains(&delivery.payload) || delivery.payload.len() == 20 << 20, "not as it was published");
    }
}

pub(crate) async fn many_publish_at_once_and_nothing_is_lost(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let publishers: Vec<_> = (0..40)
        .map(|part| {
            let bus = Arc::clone(&bus);
            tokio::spawn(async move { publish(&bus, part * 100..part * 100 + 100).await })
        })
        .collect();
    let pulled = pull(&bus, 4000).await;
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let numbers: BTreeSet<_> = pulled.iter().map(number).collect();
    assert_eq!(numbers.len(), 4000);
    for part in 0..40 {
        let mine: Vec<_> = pulled.iter().map(number).filter(|number| number / 100 == part).collect();
        assert!(mine.is_sorted(), "a batch keeps its order: {mine:?}");
    }
}

pub(crate) async fn a_pull_waits_for_the_next_message(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    let waiting = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move { pull(&bus, 1).await }
    });
    nothing_comes(&bus).await;
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
    publish(&bus, 0..500).await;
    let mut seen = BTreeSet::new();
    for round in 0..2000_u32 {
        if seen.len() == 500 {
            break;
        }
        // Polled a different number of times each round, then dropped.
        let mut pulling = Box::pin(bus.pull(16));
        for _ in 0..round % 4 {
            if let Ok(done) = timeout(Duration::from_micros(u64::from(round % 7) * 50), &mut pulling).await {
                seen.extend(done.unwrap().iter().map(number));
                break;
            }
        }
    }
    while seen.len() < 500 {
        seen.extend(pull(&bus, 1).await.iter().map(number));
    }
    nothing_comes(&bus).await;
}

pub(crate) async fn a_publish_that_is_dropped_is_whole_or_not_at_all(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    for part in 0..20 {
        let publishing = bus.publish(outgoing(part * 10..part * 10 + 10));
        let _ = timeout(Duration::from_micros(u64::from(part) * 40), publishing).await;
    }
    publish(&bus, 9999..10000).await;
    let mut seen = Vec::new();
    while !seen.contains(&9999) {
        seen.extend(pull(&bus, 1).await.iter().map(number));
    }
    for part in 0..20 {
        let of_part = seen.iter().filter(|number| **number / 10 == part).count();
        assert!(of_part == 0 || of_part == 10, "{of_part} of batch {part}");
    }
}

pub(crate) async fn what_is_acknowledged_never_comes_again(rig: &impl BusRig) {
    let bus = rig.open(SHORT, READY).await;
    publish(&bus, 0..20).await;
    let pulled = pull(&bus, 20).await;
    bus.acknowledge(&ids(&pulled)).await.unwrap();
    nothing_comes(&bus).await;
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
    let bus = rig.open(SHORT, READY).await;
    publish(&bus, 0..3).await;
    for attempt in 1..=4 {
        let pulled = pull(&bus, 3).await;
        assert_eq!(pulled.iter().map(|delivery| delivery.attempt).collect::<Vec<_>>(), [attempt; 3]);
        assert_eq!(pulled.iter().map(number).collect::<Vec<_>>(), [0, 1, 2]);
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
    tokio::select! {
        () = held => unreachable!("it is held for ever"),
        // The one that nobody extends comes twice before the other comes once.
        again = pull(&bus, 2) => assert_eq!(again.iter().map(number).collect::<Vec<_>>(), [1, 1]),
    }
}

pub(crate) async fn an_acknowledgement_after_the_lease_still_counts(rig: &impl BusRig) {
    let bus = rig.open(SHORT, READY).await;
    publish(&bus, 0..1).await;
    let first = pull(&bus, 1).await;
    let again = pull(&bus, 1).await;
    assert_eq!((again[0].attempt, &again[0].payload), (2, &first[0].payload));
    bus.acknowledge(&ids(&first)).await.unwrap();
    bus.acknowledge(&ids(&again)).await.unwrap();
    nothing_comes(&bus).await;
}

pub(crate) async fn what_is_released_comes_again_at_once(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..3).await;
    let pulled = pull(&bus, 3).await;
    bus.release(&ids(&pulled[..2])).await.unwrap();
    let again = pull(&bus, 2).await;
    assert_eq!(again.iter().map(|delivery| (number(delivery), delivery.attempt)).collect::<Vec<_>>(), [(0, 2), (1, 2)]);
    nothing_comes(&bus).await;
}

pub(crate) async fn what_is_set_aside_is_a_dead_letter_and_nothing_else(rig: &impl BusRig) {
    let bus = rig.open(SHORT, READY).await;
    publish(&bus, 0..3).await;
    let pulled = pull(&bus, 3).await;
    bus.set_aside(&[(pulled[1].id, "no “such” pool".into())]).await.unwrap();
    bus.acknowledge(&ids(&pulled)).await.unwrap();
    nothing_comes(&bus).await;
    let dead = bus.dead_letters(10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0].payload, dead[0].reason.as_str()), (&pulled[1].payload, "no “such” pool"));
    assert!(dead[0].attempts >= 1);
    let backlog = bus.backlog().await.unwrap();
    assert_eq!((backlog.dead_letters, backlog.oldest), (1, None));
    assert_waiting(&bus, 0).await;
}

pub(crate) async fn after_a_crash_all_that_was_not_acknowledged_comes_again(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..100).await;
    let pulled = pull(&bus, 50).await;
    bus.acknowledge(&ids(&pulled[..10])).await.unwrap();
    // The next publish carries the acknowledgements with it.
    publish(&bus, 100..110).await;
    drop(bus);
    let bus = rig.open(LONG, READY).await;
    let again = pull(&bus, 100).await;
    assert_eq!(again.iter().map(number).collect::<Vec<_>>(), (10..110).collect::<Vec<_>>());
    publish(&bus, 110..111).await;
    assert_eq!(number(&pull(&bus, 1).await[0]), 110);
}

pub(crate) async fn after_a_close_nothing_acknowledged_comes_again(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..10).await;
    let pulled = pull(&bus, 10).await;
    bus.acknowledge(&ids(&pulled[..9])).await.unwrap();
    bus.close().await;
    let bus = rig.open(LONG, READY).await;
    assert_eq!(number(&pull(&bus, 1).await[0]), 9);
    nothing_comes(&bus).await;
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
    assert_eq!(pull(&bus, 1).await[0].attempt, 4);
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
    assert_eq!(number(&pull(&bus, 1).await[0]), 1);
}

pub(crate) async fn a_backlog_larger_than_memory_loses_nothing_and_keeps_its_order(rig: &impl BusRig) {
    let bus = rig.open(LONG, 256).await;
    for part in 0..50 {
        publish(&bus, part * 2000..part * 2000 + 2000).await;
    }
    assert_waiting(&bus, 100_000).await;
    let publishing = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move {
            for part in 0..100 {
                publish(&bus, 100_000 + part * 50..100_000 + part * 50 + 50).await;
            }
        }
    });
    for expected in (0..105_000).step_by(500) {
        let pulled = pull(&bus, 500).await;
        assert_eq!(pulled.iter().map(number).collect::<Vec<_>>(), (expected..expected + 500).collect::<Vec<_>>());
        bus.acknowledge(&ids(&pulled)).await.unwrap();
    }
    publishing.await.unwrap();
    nothing_comes(&bus).await;
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
    assert_eq!(bus.backlog().await.unwrap().oldest, Some(pulled[0].published_at), "a delivered message waits too");
}

pub(crate) async fn the_unconsumed_are_all_that_is_neither_acknowledged_nor_dead(rig: &impl BusRig) {
    let bus = rig.open(LONG, READY).await;
    publish(&bus, 0..4).await;
    let pulled = pull(&bus, 3).await;
    bus.acknowledge(&ids(&pulled[..1])).await.unwrap();
    bus.set_aside(&[(pulled[1].id, "poison".into())]).await.unwrap();
    if let Some(unconsumed) = bus.unconsumed().await.unwrap() {
        let expected: Vec<_> = outgoing(2..4).into_iter().map(|message| message.payload).collect();
        assert_eq!(unconsumed, expected);
    }
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
