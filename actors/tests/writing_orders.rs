//! From the bus to the decision: `OrderWriter` and its `Writer`s.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use bytes::Bytes;
use stampede_actors::{
    gate::Gate,
    mailbox::Mailbox,
    order_writer::OrderWriterParts,
    ports::{Bus as _, DeliveryId},
    settings::ActorSettings,
    wire,
    writer::Write,
};
use stampede_domain::{BuyerId, Contact, Fingerprint, Intent, Millis, OrderId, OrderStatus};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use support::{Ground, Play, START, Wishes, on_stage, pass, pool, until, write_with};
use tokio::time::Instant;
use uuid::Uuid;

fn order(number: u128) -> OrderId {
    OrderId(Uuid::from_u128(u128::try_from(START).unwrap() << 80 | 7 << 76 | 2 << 62 | number))
}

fn intent(number: u128) -> Intent {
    Intent {
        order: order(number),
        pool: pool(),
        quantity: 1,
        buyer: BuyerId(i64::try_from(number).unwrap()),
        fingerprint: Fingerprint(1),
        asked_at: Millis(START),
        contact: Contact::default(),
        trace: None,
    }
}

fn put(play: &Play, orders: std::ops::Range<u128>) {
    for number in orders {
        play.ground.bus.put(wire::encode(&intent(number)));
    }
}

fn settings(batch: usize, high_water: u32) -> ActorSettings {
    ActorSettings {
        order_writer_batch_size: batch,
        order_writer_high_water: high_water,
        order_writer_mailbox_capacity: high_water * 2,
        ..ActorSettings::default()
    }
}

async fn begin(settings: ActorSettings) -> Play {
    Play::begin(Wishes { capacity: 10_000, settings, ..Wishes::default() }).await
}

fn depth(play: &Play) -> u32 {
    play.writing.as_ref().unwrap().gate.depth()
}

async fn drain(play: &Play) {
    play.writing.as_ref().unwrap().drain.ask(stampede_actors::order_writer::Drain).await.expect("drained");
}

#[tokio::test(start_paused = true)]
async fn above_the_high_water_mark_nothing_is_pulled_and_the_depth_stays_there() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.store.decide_takes_ms.store(1_000, Ordering::Relaxed);
        put(&play, 0..500);
        pass(Duration::from_millis(100)).await;
        assert_eq!(depth(&play), 40);
        let mut deepest = 0;
        let began = Instant::now();
        while play.ground.bus.waiting() > 0 {
            assert!(began.elapsed() < Duration::from_secs(60), "{} wait", play.ground.bus.waiting());
            deepest = deepest.max(depth(&play));
            pass(Duration::from_millis(7)).await;
        }
        assert_eq!(deepest, 40);
        play.rest().await;
        assert_eq!(play.ground.store.numbers().sold, 500);
        assert_eq!(play.ground.bus.pulled.lock().unwrap().iter().sum::<usize>(), 500, "nothing came twice");
        assert!(play.ground.store.decided.lock().unwrap().iter().all(|batch| *batch <= 10));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_its_linger_and_no_longer_and_a_full_one_not_at_all() {
    on_stage(async {
        let linger = Duration::from_millis(500);
        let play = begin(ActorSettings { order_writer_batch_linger: linger, ..settings(10, 40) }).await;
        put(&play, 0..3);
        pass(linger - Duration::from_millis(20)).await;
        assert_eq!(play.ground.store.orders(), 0);
        pass(Duration::from_millis(40)).await;
        assert_eq!(*play.ground.store.decided.lock().unwrap(), [3]);
        put(&play, 10..33);
        pass(Duration::from_millis(20)).await;
        assert_eq!(play.ground.store.decided.lock().unwrap()[1..3], [10, 10], "full ones go at once");
        pass(linger).await;
        assert_eq!(play.ground.store.orders(), 26);
        assert_eq!(depth(&play), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn several_writers_share_the_work() {
    on_stage(async {
        let play = begin(ActorSettings { order_writers: 3, ..settings(10, 100) }).await;
        play.ground.store.decide_takes_ms.store(1_000, Ordering::Relaxed);
        put(&play, 0..30);
        pass(Duration::from_millis(1_500)).await;
        assert_eq!(play.ground.store.orders(), 30);
        play.rest().await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_poison_message_is_set_aside_and_its_neighbours_are_written() {
    on_stage(async {
        let play = begin(settings(64, 200)).await;
        play.ground.store.poison.lock().unwrap().extend([order(13), order(37)]);
        put(&play, 0..64);
        until("all is over", || play.ground.bus.waiting() == 0).await;
        let dead = play.ground.bus.dead();
        let mut dead: Vec<_> = dead.iter().map(|letter| wire::decode(&letter.payload).unwrap().order).collect();
        dead.sort();
        assert_eq!(dead, [order(13), order(37)]);
        assert!(play.ground.bus.dead()[0].reason.contains("cannot be stored"));
        assert_eq!(play.ground.store.orders(), 62);
        // Halving: about 2 log2(64) transactions a culprit, not 64.
        assert!(play.ground.store.decided.lock().unwrap().len() <= 25);
        assert_eq!(depth(&play), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_is_set_aside_and_the_rest_flows() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        put(&play, 0..3);
        let strange = [&b"\xff\x00"[..], b"{}", br#"{"v":2,"place":{}}"#, br#"{"v":1,"place":"Eva"}"#, b""];
        strange.into_iter().for_each(|payload| play.ground.bus.put(Bytes::from_static(payload)));
        put(&play, 3..6);
        until("all is over", || play.ground.bus.waiting() == 0).await;
        assert_eq!((play.ground.bus.dead().len(), play.ground.store.orders()), (5, 6));
        assert!(play.ground.bus.dead().iter().all(|letter| !letter.reason.contains("Eva")));
        until("no permit is lost", || depth(&play) == 0).await;
    })
    .await;
}

const BATCH: usize = 100;

/// 2,000 messages, one in a hundred of them poison, and as many kinds of it as there are. How many transactions the store was
/// asked for.
async fn with_one_percent_of_poison(names_poison: bool) -> usize {
    let play = begin(settings(BATCH, 400)).await;
    play.ground.store.names_poison.store(names_poison, Ordering::Relaxed);
    let (mut undecodable, mut unknown_version, mut unstorable) = (0, 0, 0);
    for number in 0..2_000 {
        match number % 300 {
            70 => {
                undecodable += 1;
                play.ground.bus.put(Bytes::from(format!("{{\"v\":1,\"place\":{number}}}")));
            }
            170 => {
                unknown_version += 1;
                play.ground.bus.put(Bytes::from(format!("{{\"v\":9,\"place\":{number}}}")));
            }
            270 => {
                unstorable += 1;
                play.ground.store.poison.lock().unwrap().insert(order(number));
                put(&play, number..number + 1);
            }
            _ => put(&play, number..number + 1),
        }
    }
    until("all is over", || play.ground.bus.waiting() == 0).await;
    let dead = play.ground.bus.dead();
    let of = |reason: &str| dead.iter().filter(|letter| letter.reason.contains(reason)).count();
    let kinds = (of("undecodable message"), of("message version 9 is not known"), of("cannot be stored"));
    assert_eq!(kinds, (undecodable, unknown_version, unstorable), "each once, with its reason");
    assert_eq!((dead.len(), play.ground.store.orders()), (20, 1_980));
    assert_eq!(dead.iter().map(|letter| &letter.payload).collect::<std::collections::HashSet<_>>().len(), 20);
    until("no permit is lost", || depth(&play) == 0).await;
    play.ground.store.decided.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn poison_that_the_store_names_costs_one_transaction_in_all() {
    on_stage(async {
        // Batches are full but for those around a message that cannot be read: one more batch at the end, and one that failed.
        let transactions = with_one_percent_of_poison(true).await;
        assert!(transactions <= 2_000 / BATCH + 2, "{transactions}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn poison_that_nobody_names_costs_two_halvings_a_level() {
    on_stage(async {
        let transactions = with_one_percent_of_poison(false).await;
        // 6 culprits, each alone in its batch: two parts a level, 7 levels down to one of 100.
        assert!(transactions <= 2_000 / BATCH + 1 + 6 * 2 * 7, "{transactions}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_with_unknown_outcome_is_not_acknowledged_and_the_redelivery_finds_out() {
    use support::store::CommitFault::{UnknownCommitted, UnknownLost};
    for fault in [UnknownCommitted, UnknownLost] {
        on_stage(async {
            let play = begin(settings(10, 40)).await;
            play.ground.store.commit_faults.lock().unwrap().extend([fault, fault]);
            put(&play, 0..5);
            pass(Duration::from_millis(30)).await;
            assert_eq!(play.ground.bus.waiting(), 5, "not acknowledged");
            play.rest().await;
            assert_eq!((play.ground.store.orders(), play.ground.store.numbers().sold), (5, 5), "once each: {fault:?}");
            assert_eq!(play.ground.bus.pulled.lock().unwrap().iter().sum::<usize>(), 15, "delivered again, at once");
            assert!(play.ground.bus.dead().is_empty());
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_holds_the_batch_and_acknowledges_after_it_is_back() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.store.down.store(true, Ordering::Relaxed);
        put(&play, 0..100);
        pass(Duration::from_mins(1)).await;
        assert_eq!((play.ground.bus.waiting(), depth(&play)), (100, 40));
        assert!(play.ground.store.decided.lock().unwrap().len() < 50, "it is not hammered");
        play.ground.store.down.store(false, Ordering::Relaxed);
        let back = Instant::now();
        play.rest().await;
        assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());
        assert_eq!(play.ground.store.numbers().sold, 100);
        assert_eq!(play.ground.bus.pulled.lock().unwrap().iter().sum::<usize>(), 100, "leases were kept");
        assert!(play.ground.bus.dead().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_that_fail_change_nothing() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.bus.acknowledgements_fail.store(true, Ordering::Relaxed);
        put(&play, 0..20);
        pass(Duration::from_secs(1)).await;
        assert_eq!((play.ground.store.orders(), play.ground.bus.waiting()), (20, 20));
        pass(Duration::from_secs(13)).await;
        play.ground.bus.acknowledgements_fail.store(false, Ordering::Relaxed);
        play.rest().await;
        assert_eq!((play.ground.store.orders(), play.ground.store.numbers().sold), (20, 20));
    })
    .await;
}

/// A message that kills its writer must not take the others with it: neither by dying together, nor by wearing out their
/// deliveries while nobody is there to write them.
#[tokio::test(start_paused = true)]
async fn a_deadly_message_is_set_aside_alone() {
    on_stage(async {
        let play = begin(settings(20, 100)).await;
        play.ground.store.deadly.lock().unwrap().insert(order(7));
        put(&play, 0..20);
        until("all is over", || play.ground.bus.waiting() == 0).await;
        assert_eq!(play.ground.store.orders(), 19);
        assert_eq!(play.ground.bus.dead().len(), 1);
        assert_eq!(wire::decode(&play.ground.bus.dead()[0].payload).unwrap().order, order(7));
        until("no permit is lost", || depth(&play) == 0).await;
    })
    .await;
}

/// The carrier takes up to five seconds to replace a writer that keeps dying. Messages that come meanwhile have done nothing.
#[tokio::test(start_paused = true)]
async fn while_no_writer_is_alive_no_message_is_given_up() {
    on_stage(async {
        let mut play = begin(settings(10, 40)).await;
        play.stop_writing();
        let gate = Gate::new("writer", 2);
        let (writer, letters): (Mailbox<Write>, _) = support::mailbox(&gate);
        // Nobody reads: the letters are dropped, as those to a dead actor are.
        drop(letters);
        let parts = OrderWriterParts {
            clock: Arc::clone(&play.ground.clock) as _,
            bus: Arc::clone(&play.ground.bus) as _,
            writers: vec![writer],
            cache_sync: play.cache_sync.clone(),
            settings: play.ground.settings,
        };
        play.writing = Some(write_with(parts, vec![gate], vec![]));
        put(&play, 0..3);
        pass(Duration::from_secs(6)).await;
        assert_eq!(play.ground.bus.dead().len(), 0, "nothing is wrong with them");
        play.stop_writing();
        play.start_writing();
        play.rest().await;
        assert_eq!(play.ground.store.numbers().sold, 3);
    })
    .await;
}

/// A store whose commits end in doubt, for as long as it likes, is no reason to give up orders that were promised.
#[tokio::test(start_paused = true)]
async fn doubtful_commits_never_make_a_dead_letter() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        let faults = std::iter::repeat_n(support::store::CommitFault::UnknownLost, 25);
        play.ground.store.commit_faults.lock().unwrap().extend(faults);
        put(&play, 0..10);
        until("the store is sound again", || play.ground.store.commit_faults.lock().unwrap().is_empty()).await;
        play.rest().await;
        assert_eq!((play.ground.store.numbers().sold, play.ground.bus.dead().len()), (10, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_writes_what_is_held_and_pulls_no_more() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.store.decide_takes_ms.store(1_000, Ordering::Relaxed);
        put(&play, 0..500);
        pass(Duration::from_millis(100)).await;
        let pulled = || play.ground.bus.pulled.lock().unwrap().iter().sum::<usize>();
        assert_eq!((depth(&play), pulled()), (40, 40), "the pump waits below the high-water mark");
        drain(&play).await;
        assert_eq!((pulled(), depth(&play)), (40, 0));
        assert_eq!((play.ground.store.orders(), play.ground.bus.waiting()), (40, 460));
        pass(Duration::from_mins(1)).await;
        assert_eq!(pulled(), 40);
        play.drain_settlements.ask(stampede_actors::cache_sync::Drain).await.unwrap();
        assert_eq!(play.numbers().settled, play.ground.store.numbers());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_with_nothing_to_do_is_done() {
    on_stage(async {
        let play = begin(ActorSettings::default()).await;
        let asked = Instant::now();
        drain(&play).await;
        drain(&play).await;
        assert!(asked.elapsed() < Duration::from_millis(10));
        put(&play, 0..3);
        pass(Duration::from_secs(1)).await;
        assert_eq!(play.ground.bus.waiting(), 3, "nothing is pulled any more");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_delivered_again_and_again_is_one_order() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        for _ in 0..5 {
            put(&play, 0..7);
        }
        play.rest().await;
        assert_eq!((play.ground.store.orders(), play.ground.store.numbers().sold), (7, 7));
        assert_eq!(play.ground.store.status(order(0)), Some(OrderStatus::Confirmed));
    })
    .await;
}

/// One writer dies with the batch; what it held comes again when the leases run out.
#[tokio::test(start_paused = true)]
async fn an_order_writer_that_dies_loses_nothing() {
    on_stage(async {
        let ground = Ground::new(Wishes { capacity: 100, settings: settings(10, 40), ..Wishes::default() });
        let mut play = Play::on(ground).await;
        play.ground.store.decide_takes_ms.store(500, Ordering::Relaxed);
        put(&play, 0..30);
        for _ in 0..5 {
            pass(Duration::from_millis(700)).await;
            play.stop_writing();
            play.start_writing();
        }
        play.rest().await;
        assert_eq!((play.ground.store.orders(), play.ground.store.numbers().sold), (30, 30));
    })
    .await;
}

/// Ten are in work, ten were decided by another writer while this one stood still, and ten come again.
#[tokio::test(start_paused = true)]
async fn what_waited_while_the_process_stood_still_is_left_to_the_bus() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.store.decide_takes_ms.store(1_000, Ordering::Relaxed);
        put(&play, 0..30);
        pass(Duration::from_millis(100)).await;
        assert_eq!(depth(&play), 30);
        let others: Vec<_> = (11..=20).map(DeliveryId).collect();
        play.ground.bus.acknowledge(&others).await.unwrap();
        tokio::time::advance(Duration::from_secs(20)).await;
        play.rest().await;
        assert_eq!((play.ground.store.orders(), depth(&play)), (20, 0));
        assert_eq!(play.ground.store.status(order(15)), None, "it was written here as well");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_store_names_as_poison_is_what_is_set_aside() {
    on_stage(async {
        let play = begin(settings(20, 100)).await;
        play.ground.store.names_poison.store(true, Ordering::Relaxed);
        play.ground.store.poison.lock().unwrap().extend([order(7), order(9)]);
        put(&play, 0..20);
        until("all is over", || play.ground.bus.waiting() == 0).await;
        let dead: Vec<_> =
            play.ground.bus.dead().iter().map(|letter| wire::decode(&letter.payload).unwrap().order).collect();
        assert_eq!((dead, play.ground.store.orders()), (vec![order(7), order(9)], 18));
        assert_eq!(*play.ground.store.decided.lock().unwrap(), [20, 18], "one that failed, and one without them");
    })
    .await;
}

/// What is in doubt is given back; nobody waits for its lease.
#[tokio::test(start_paused = true)]
async fn a_batch_in_doubt_comes_again_at_once() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.store.commit_faults.lock().unwrap().push_back(support::store::CommitFault::UnknownLost);
        let began = Instant::now();
        put(&play, 0..5);
        play.rest().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        assert!(began.elapsed() >= Duration::from_millis(50), "after a pause, though: {:?}", began.elapsed());
    })
    .await;
}

/// It is alone by then, and waits for longer each time; the writer does not.
#[tokio::test(start_paused = true)]
async fn a_deadly_message_that_waits_keeps_nobody_from_the_writer() {
    on_stage(async {
        let play = begin(settings(20, 100)).await;
        play.ground.store.deadly.lock().unwrap().insert(order(0));
        put(&play, 0..1);
        for number in 1..60 {
            pass(Duration::from_millis(170)).await;
            put(&play, number..number + 1);
            pass(Duration::from_millis(30)).await;
            assert!(play.ground.store.status(order(number)).is_some(), "{number} had to wait");
        }
        until("it is set aside", || play.ground.bus.dead().len() == 1).await;
    })
    .await;
}

/// Each batch in work has its leases extended, whatever other batches there are.
#[tokio::test(start_paused = true)]
async fn what_slow_writers_hold_is_delivered_once_and_reported_by_its_oldest() {
    on_stage(async {
        let linger = Duration::from_millis(300);
        let settings = ActorSettings { order_writers: 2, order_writer_batch_linger: linger, ..settings(2, 40) };
        let play = begin(settings).await;
        play.ground.store.decide_takes_ms.store(30_000, Ordering::Relaxed);
        let oldest = || play.ledger.report().oldest.map(|oldest| oldest.0 - START);
        let began = stampede_actors::clock::Clock::now(&*play.ground.clock).0 - START;
        put(&play, 0..1);
        pass(Duration::from_millis(280)).await;
        assert_eq!(oldest(), Some(began), "it is held, though no writer has it yet");
        pass(Duration::from_secs(10)).await;
        put(&play, 1..3);
        pass(Duration::from_secs(5)).await;
        assert_eq!(oldest(), Some(began));
        pass(Duration::from_secs(17)).await;
        assert_eq!((play.ground.store.orders(), oldest()), (1, Some(began + 10_280)));
        play.rest().await;
        assert_eq!(oldest(), Some(began + 10_280), "until the next report");
        pass(Duration::from_millis(300)).await;
        assert_eq!(oldest(), None);
        assert_eq!(*play.ground.store.decided.lock().unwrap(), [1, 2], "nothing came twice");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_report_says_how_many_orders_a_second_are_decided_lately() {
    on_stage(async {
        let play = begin(settings(100, 1_000)).await;
        for round in 0..16 {
            put(&play, round * 100..(round + 1) * 100);
            pass(Duration::from_millis(250)).await;
        }
        let rate = play.ledger.report().per_second;
        assert!((380..=400).contains(&rate), "{rate}");
        pass(Duration::from_secs(5)).await;
        assert!(play.ledger.report().per_second < 10, "{}", play.ledger.report().per_second);
    })
    .await;
}

/// Its leases had not run out: nobody waits for that.
#[tokio::test(start_paused = true)]
async fn what_waited_while_the_process_stood_still_comes_again_at_once() {
    on_stage(async {
        let play = begin(settings(10, 40)).await;
        play.ground.store.decide_takes_ms.store(1_000, Ordering::Relaxed);
        put(&play, 0..30);
        pass(Duration::from_millis(100)).await;
        tokio::time::advance(Duration::from_secs(8)).await;
        let awake = Instant::now();
        play.rest().await;
        assert!(awake.elapsed() < Duration::from_millis(3_500), "{:?}", awake.elapsed());
        assert_eq!(play.ground.store.orders(), 30);
    })
    .await;
}
