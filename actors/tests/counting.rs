//! The facts that the logic announces, as metrics show them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use stampede_actors::{cache_sync::Settle, facts::PutOff, inventory::Placed, ports::Limit, settings::ActorSettings};
use stampede_domain::{
    Decided, Decision, Fingerprint, OrderRefused, OrderStatus, PoolNumbers, Settlement, WriterReport,
};
use std::{sync::atomic::Ordering, time::Duration};
use support::{
    Ground, Play, Wishes,
    bus::PublishFault,
    counters::{Counted, counted},
    pass, pool,
    store::CommitFault,
};

const PENDING: Placed = Placed::Accepted { status: OrderStatus::Pending, replayed: false };

fn of(counted: &Counted, name: &str) -> Option<u64> {
    counted.get(name).copied()
}

fn orders(counted: &Counted, outcome: &str) -> Option<u64> {
    of(counted, &format!("stampede_orders_total outcome={outcome}"))
}

#[test]
fn each_order_is_counted_by_what_became_of_it() {
    let counted = counted(|| async {
        let mut play = Play::without_writers(Ground::new(Wishes { capacity: 8, ..Wishes::default() })).await;
        let answers = play.crowd(5).await.unwrap();
        assert!(answers.iter().all(|placed| *placed == PENDING));
        let mine = play.order(play.fresh(), 1);
        play.ask(mine.clone()).await;
        play.ask(mine).await;
        assert!(matches!(play.buy(3).await.1, Placed::Refused(OrderRefused::SoldOut { .. })));
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLost);
        assert!(matches!(play.buy(1).await.1, Placed::Unknown { .. }));
        play.start_writing();
        play.rest().await;
        // The writers are faster than this promise.
        play.ledger.promise_takes_ms.store(1_000, Ordering::Relaxed);
        play.buy(1).await;
        play.admitting.store(false, Ordering::Relaxed);
        play.buy(1).await;
    });
    let expected = [
        ("promised", 7),
        ("replayed", 1),
        ("sold_out", 1),
        ("unknown", 1),
        ("confirmed", 7),
        ("expired", 1),
        ("shutting_down", 1),
    ];
    for (outcome, count) in expected {
        assert_eq!(orders(&counted, outcome), Some(count), "{outcome}: {counted:?}");
    }
    assert_eq!(of(&counted, "stampede_tickets_sold_total"), Some(7));
}

#[test]
fn a_crowd_that_the_writers_outrun_is_counted_buyer_by_buyer() {
    let counted = counted(|| async {
        let play = Play::begin(Wishes::default()).await;
        play.ledger.promise_takes_ms.store(1_000, Ordering::Relaxed);
        play.crowd(3).await.unwrap();
    });
    assert_eq!(orders(&counted, "promised"), Some(3));
}

#[test]
fn a_claim_batch_is_full_only_if_somebody_had_to_stay_behind() {
    let counted = counted(|| async {
        let settings = ActorSettings { inventory_batch_size: 2, ..ActorSettings::default() };
        let play = Play::without_writers(Ground::new(Wishes { settings, ..Wishes::default() })).await;
        play.ledger.claim_takes_ms.store(10, Ordering::Relaxed);
        play.crowd(5).await.unwrap();
    });
    let flushes = |reason| of(&counted, &format!("stampede_batch_flushes_total actor=inventory reason={reason}"));
    assert_eq!((flushes("full"), flushes("ready")), (Some(2), Some(1)), "{counted:?}");
}

#[test]
fn a_message_is_counted_as_redelivered_from_its_second_delivery_on() {
    const NAME: &str = "stampede_messages_redelivered_total";
    let sound = counted(|| async {
        let play = Play::begin(Wishes::default()).await;
        play.crowd(3).await.unwrap();
        play.rest().await;
    });
    assert_eq!(of(&sound, NAME), None);
    let doubtful = counted(|| async {
        let play = Play::begin(Wishes::default()).await;
        play.ground.store.commit_faults.lock().unwrap().push_back(CommitFault::UnknownLost);
        play.crowd(3).await.unwrap();
        play.rest().await;
    });
    assert_eq!(of(&doubtful, NAME), Some(3));
}

/// Who asked three seconds before the writers began waited three seconds. A message that comes again makes no second row, and of
/// a commit that nobody heard of nobody knows when it was.
#[test]
fn each_order_is_measured_once_from_asking_to_its_row() {
    let counted = counted(|| async {
        let mut play = Play::without_writers(Ground::new(Wishes::default())).await;
        play.crowd(2).await.unwrap();
        pass(Duration::from_secs(3)).await;
        play.ground.store.commit_faults.lock().unwrap().push_back(CommitFault::UnknownLost);
        play.start_writing();
        play.rest().await;
        play.ground.store.commit_faults.lock().unwrap().push_back(CommitFault::UnknownCommitted);
        play.crowd(3).await.unwrap();
        play.rest().await;
    });
    assert_eq!(of(&counted, "stampede_messages_redelivered_total"), Some(5), "{counted:?}");
    assert_eq!(of(&counted, "stampede_order_lag_seconds count"), Some(2), "{counted:?}");
    let milliseconds = of(&counted, "stampede_order_lag_seconds sum").unwrap();
    assert!((6_000..8_000).contains(&milliseconds), "{milliseconds}");
}

/// A settlement of an order that was promised, as the store would never send it.
async fn settle(play: &Play, decision: Decision) {
    let order = play.order(play.fresh(), 1);
    let id = order.order;
    assert_eq!(play.ask(order).await, PENDING);
    let fingerprint = Fingerprint(0);
    let decided = vec![Decided { order: id, fingerprint, decision }];
    let settlement = Settlement { pool: pool(), numbers: PoolNumbers::default(), decided, buyers: Vec::new() };
    let report = WriterReport::default();
    play.cache_sync.tell(Settle { settlements: vec![settlement], report: Some(report) }).unwrap();
    pass(Duration::from_millis(100)).await;
}

#[test]
fn broken_promises_are_counted_when_there_are_some_and_else_not_even_as_none() {
    const NAME: &str = "stampede_promises_broken_total cause=decided_otherwise";
    let counted_after = |breaks: bool| {
        counted(move || async move {
            let play = Play::begin(Wishes::default()).await;
            play.buy(1).await;
            play.rest().await;
            if breaks {
                let play = Play::without_writers(play.kill()).await;
                pass(Duration::from_mins(3)).await;
                settle(&play, Decision::Failed).await;
            }
        })
    };
    assert_eq!(of(&counted_after(false), NAME), None);
    assert_eq!(of(&counted_after(true), NAME), Some(1));
}

fn laws_broken(counted: &Counted) -> Vec<String> {
    let name = "stampede_laws_broken_total law=";
    counted.keys().filter_map(|key| key.strip_prefix(name)).map(str::to_owned).collect()
}

#[test]
fn a_sound_shop_breaks_no_law_and_an_oversold_one_says_so_within_a_second() {
    let sound = counted(|| async {
        let mut play = Play::without_writers(Ground::new(Wishes { capacity: 1, ..Wishes::default() })).await;
        play.buy(1).await;
        pass(Duration::from_secs(3)).await;
        play.ledger.loses_settlements.store(true, Ordering::Relaxed);
        play.start_writing();
        pass(Duration::from_secs(3)).await;
        play.ledger.loses_settlements.store(false, Ordering::Relaxed);
        play.rest().await;
        pass(Duration::from_secs(3)).await;
    });
    assert_eq!(laws_broken(&sound), [""; 0]);
    let oversold = counted(|| async {
        let play = Play::begin(Wishes { capacity: 2, ..Wishes::default() }).await;
        play.buy(2).await;
        play.rest().await;
        play.ground.store.put_pool(pool(), 1, None);
        pass(Duration::from_millis(1_100)).await;
    });
    assert!(laws_broken(&oversold).contains(&"NeverOversold".to_owned()), "{oversold:?}");
}

#[test]
fn a_ledger_at_rest_that_shows_other_numbers_than_the_store_breaks_a_law() {
    let counted = counted(|| async {
        let play = Play::without_writers(Ground::new(Wishes::default())).await;
        let store = play.ground.store.numbers();
        let numbers = PoolNumbers { sold: 1, version: store.version + 1, ..store };
        let settlement = Settlement { pool: pool(), numbers, decided: Vec::new(), buyers: Vec::new() };
        let report = WriterReport::default();
        play.cache_sync.tell(Settle { settlements: vec![settlement], report: Some(report) }).unwrap();
        // The same version, by another change.
        play.ground.store.put_pool(pool(), store.capacity, None);
        pass(Duration::from_millis(1_100)).await;
    });
    assert_eq!(laws_broken(&counted), ["NothingLeaks"]);
}

/// Operators' alerts and panels are made of these.
#[test]
fn names_in_metrics_stay_what_they_are() {
    let put_offs = [PutOff::Behind, PutOff::Silent, PutOff::Full, PutOff::Closed, PutOff::Broken, PutOff::Leaving]
        .map(PutOff::code);
    assert_eq!(
        put_offs.join(" "),
        "writers_behind writers_silent mailbox_full ledger_closed port_failed shutting_down"
    );
    let limits = [Limit::Reads, Limit::Orders, Limit::Buyer, Limit::Repeats, Limit::Everyone].map(Limit::name);
    assert_eq!(limits.join(" "), "reads orders buyer repeats everyone");
}
