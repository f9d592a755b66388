//! Step 7 on a bus that cannot tell what waits: a pool is closed, the writers come to rest, and one keeper opens it anew.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use stampede_actors::{
    cache_sync::CacheSync,
    carrier::Logic,
    facts::PutOff,
    inventory::{OrderNotShown, Placed},
    ports::OrderStore,
    settings::ActorSettings,
    shelf::Board,
};
use stampede_domain::OrderStatus;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use support::{Ground, Play, Wishes, on_stage, pass, pool, until};
use tokio::time::Instant;

const PENDING: Placed = Placed::Accepted { status: OrderStatus::Pending, replayed: false };

/// A shop that sells, on a bus that tells nothing.
async fn selling() -> Play {
    let ground = Ground::new(Wishes::default());
    ground.bus.tells_nothing.store(true, Ordering::Relaxed);
    let play = Play::on(ground).await;
    assert_eq!(play.buy(1).await.1, PENDING);
    play.rest().await;
    play
}

async fn epoch(play: &Play) -> u64 {
    play.ground.store.pool(pool()).await.unwrap().0
}

fn is_put_off(placed: &Placed) -> bool {
    matches!(placed, Placed::PutOff { why: PutOff::Closed, .. })
}

#[tokio::test(start_paused = true)]
async fn a_lost_ledger_is_opened_once_the_writers_have_rested_for_half_a_second() {
    on_stage(async {
        let play = selling().await;
        let before = epoch(&play).await;
        play.ledger.lose();
        let lost = Instant::now();
        assert!(is_put_off(&play.buy(1).await.1), "nothing is promised that nobody counts");
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        let closed = lost.elapsed();
        assert!((Duration::from_millis(500)..Duration::from_millis(1_500)).contains(&closed), "{closed:?}");
        assert_eq!((epoch(&play).await, play.numbers().settled.sold), (before + 1, 1));
        assert_eq!(play.buy(1).await.1, PENDING, "the writers rested, so no old message can be under way");
        play.rest().await;
        assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn writers_at_work_are_waited_for_two_seconds_and_then_old_keys_wait_for_a_lease() {
    on_stage(async {
        let play = selling().await;
        play.ground.store.decide_takes_ms.store(4_000, Ordering::Relaxed);
        assert_eq!(play.buy(1).await.1, PENDING);
        pass(Duration::from_millis(100)).await;
        play.ledger.lose();
        let lost = Instant::now();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        let closed = lost.elapsed();
        assert!((Duration::from_secs(2)..Duration::from_secs(3)).contains(&closed), "{closed:?}");

        let (order, placed) = play.buy(1).await;
        assert!(is_put_off(&placed), "{placed:?}");
        pass(Duration::from_secs(11)).await;
        assert!(is_put_off(&play.ask(play.order(order, 1)).await));
        pass(Duration::from_secs(2)).await;
        assert_eq!(play.ask(play.order(order, 1)).await, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_died_with_the_ledger_and_is_rejected_later_is_counted() {
    on_stage(async {
        // A batch is written in the order of its ids, so the later order has to come alone.
        let settings = ActorSettings { order_writer_batch_size: 1, ..ActorSettings::default() };
        let ground = Ground::new(Wishes { capacity: 2, settings, ..Wishes::default() });
        ground.bus.tells_nothing.store(true, Ordering::Relaxed);
        let mut play = Play::on(ground).await;
        assert_eq!(play.buy(1).await.1, PENDING);
        play.rest().await;
        play.stop_writing();
        assert_eq!(play.buy(1).await.1, PENDING, "promised, and on a bus that nobody pulls from");
        play.ledger.lose();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        pass(Duration::from_secs(13)).await;
        assert_eq!(play.buy(1).await.1, PENDING, "the unit is sold again");
        play.ground.bus.reverse();
        play.start_writing();
        play.rest().await;
        let (broken, lost) = (&play.ledger.broken, &play.ledger.broken_by_loss);
        assert_eq!(play.ground.store.numbers().sold, 2, "and never oversold");
        assert_eq!((broken.load(Ordering::Relaxed), lost.load(Ordering::Relaxed)), (0, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_two_keepers_one_opens_and_the_other_changes_nothing() {
    on_stage(async {
        let play = selling().await;
        let other_board = Arc::new(Board::default());
        let parts = play.ground.cache_sync_parts(&play.ledger, &other_board, true);
        CacheSync::new(parts, support::tasks()).begin();
        pass(Duration::from_secs(3)).await;
        for round in 0..20 {
            let before = epoch(&play).await;
            play.ledger.lose();
            pass(Duration::from_millis(round * 37)).await;
            until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
            assert_eq!(play.buy(1).await.1, PENDING, "round {round}");
            play.rest().await;
            pass(Duration::from_secs(3)).await;
            let sold = play.ground.store.numbers().sold;
            assert_eq!(epoch(&play).await, before + 1, "round {round}");
            assert_eq!((play.numbers().settled.sold, play.numbers().claims), (sold, 0));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_takes_long_is_left_to_who_began_it() {
    on_stage(async {
        let play = selling().await;
        let other_board = Arc::new(Board::default());
        let parts = play.ground.cache_sync_parts(&play.ledger, &other_board, true);
        CacheSync::new(parts, support::tasks()).begin();
        pass(Duration::from_secs(3)).await;
        let before = epoch(&play).await;
        play.ledger.open_takes_ms.store(4_000, Ordering::Relaxed);
        play.ledger.lose();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        pass(Duration::from_secs(30)).await;
        assert_eq!((epoch(&play).await, play.numbers().epoch), (before + 1, before + 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_fell_silent_before_the_loss_may_hold_what_was_promised() {
    on_stage(async {
        let play = selling().await;
        play.ledger.hears_others(&[7]);
        pass(Duration::from_secs(1)).await;
        play.ledger.hears_others(&[]);
        pass(Duration::from_secs(8)).await;
        play.ledger.lose();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        assert!(is_put_off(&play.buy(1).await.1), "its lease is not over");
        pass(Duration::from_secs(13)).await;
        play.ledger.lose();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        assert_eq!(play.buy(1).await.1, PENDING, "by now its messages have come to others");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_no_keeper_shows_what_there_is_and_opens_nothing() {
    on_stage(async {
        let play = selling().await;
        play.kill_cache_sync();
        let board = Arc::new(Board::default());
        let parts = play.ground.cache_sync_parts(&play.ledger, &board, false);
        CacheSync::new(parts, support::tasks()).begin();
        until("it shows the numbers", || {
            board.latest().is_some_and(|shelf| shelf.events.iter().all(|event| event.types[0].numbers.is_some()))
        })
        .await;
        let before = epoch(&play).await;
        play.ledger.lose();
        pass(Duration::from_secs(10)).await;
        assert_eq!((epoch(&play).await, play.ledger.numbers(pool())), (before, None));
        assert!(board.latest().unwrap().events[0].types[0].numbers.is_none(), "and it shows that the pool is closed");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_book_behind_its_epoch_takes_no_orders_until_it_is_opened_anew() {
    on_stage(async {
        let play = selling().await;
        play.ground.store.raise_epoch(pool());
        let raised = epoch(&play).await;
        until("the book is closed", || play.ledger.numbers(pool()).is_none()).await;
        assert!(is_put_off(&play.buy(1).await.1));
        assert_eq!(
            play.find(play.fresh()).await.err().map(|why| matches!(why, OrderNotShown::NotKnownYet { .. })),
            Some(true)
        );
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        assert_eq!((epoch(&play).await, play.numbers().epoch), (raised + 1, raised + 1));
        assert_eq!(play.buy(1).await.1, PENDING);
        play.rest().await;
    })
    .await;
}

/// Found by the simulation: what was decided while the pool was being opened was claimed until the sweep, five seconds later.
#[tokio::test(start_paused = true)]
async fn an_order_decided_while_its_pool_is_being_opened_is_settled_at_once() {
    on_stage(async {
        let play = Play::without_writers(Ground::new(Wishes::default())).await;
        let (order, placed) = play.buy(1).await;
        assert_eq!(placed, PENDING);
        let mut play = Play::unready(play.kill());
        play.ledger.open_takes_ms.store(500, Ordering::Relaxed);
        play.ground.store.decide_takes_ms.store(100, Ordering::Relaxed);
        play.start_writing();
        until("the order is decided", || play.ground.store.row(order).is_some()).await;
        assert!(play.ledger.numbers(pool()).is_none(), "before the pool is open");
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        let opened = Instant::now();
        until("it is settled", || play.numbers().claims == 0).await;
        assert!(opened.elapsed() < Duration::from_secs(1), "{:?}", opened.elapsed());
        assert_eq!(play.numbers().settled.sold, 1);
    })
    .await;
}

/// The pool is open whatever becomes of the news; what it says is told by the sweep later.
#[tokio::test(start_paused = true)]
async fn a_pool_is_open_though_what_was_decided_meanwhile_could_not_be_told() {
    on_stage(async {
        let play = Play::without_writers(Ground::new(Wishes::default())).await;
        let (order, placed) = play.buy(1).await;
        assert_eq!(placed, PENDING);
        let mut play = Play::unready(play.kill());
        play.ground.store.settlements_fail.store(true, Ordering::Relaxed);
        play.ledger.open_takes_ms.store(500, Ordering::Relaxed);
        play.ground.store.decide_takes_ms.store(100, Ordering::Relaxed);
        play.start_writing();
        until("the order is decided", || play.ground.store.row(order).is_some()).await;
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        pass(Duration::from_secs(1)).await;
        assert_eq!(play.numbers().claims, 1);
        play.ground.store.settlements_fail.store(false, Ordering::Relaxed);
        let opened = Instant::now();
        until("it is settled", || play.numbers().claims == 0).await;
        assert!(opened.elapsed() <= Duration::from_secs(10), "{:?}", opened.elapsed());
        assert_eq!(epoch(&play).await, 2, "one opening for each life of the ledger");
    })
    .await;
}

/// Found by the simulation: a keeper took its own opening, of which it had not heard, for somebody else's, and waited for them.
#[tokio::test(start_paused = true)]
async fn a_keeper_that_has_not_heard_of_its_own_opening_opens_the_pool_again_at_once() {
    on_stage(async {
        let play = selling().await;
        play.ground.store.openings_unheard.store(1, Ordering::Relaxed);
        play.ledger.lose();
        let lost = Instant::now();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        assert!(lost.elapsed() < Duration::from_secs(5), "{:?}", lost.elapsed());
        assert_eq!(play.ground.store.openings_unheard.load(Ordering::Relaxed), 0, "the fault took effect");
    })
    .await;
}

/// Found by the simulation: the age of a shelf was the difference of two clocks. On servers a process's clock follows the
/// ledger's, but whether it sells must not depend on how well.
#[tokio::test(start_paused = true)]
async fn a_node_sells_though_its_clock_is_ahead_of_the_ledgers() {
    on_stage(async {
        let ground = Ground::new(Wishes::default());
        ground.ledger_clock.behind_ms.store(30_000, Ordering::Relaxed);
        let play = Play::on(ground).await;
        assert_eq!(play.buy(1).await.1, PENDING);
    })
    .await;
}

/// Its book is missing and its epoch was raised by somebody: they are at work on it, unless it takes them ten seconds.
#[tokio::test(start_paused = true)]
async fn a_pool_whose_epoch_others_have_raised_is_theirs_to_open_for_ten_seconds() {
    on_stage(async {
        let play = selling().await;
        pass(Duration::from_secs(1)).await;
        play.ground.store.raise_epoch(pool());
        play.ledger.lose();
        pass(Duration::from_secs(9)).await;
        assert_eq!(play.ledger.numbers(pool()), None);
        pass(Duration::from_secs(5)).await;
        assert!(play.ledger.numbers(pool()).is_some(), "they must have died over it");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn only_a_pool_that_never_had_an_opening_knows_that_nobody_has_forgotten_anything() {
    on_stage(async {
        let ground = Ground::new(Wishes::default());
        ground.bus.tells_nothing.store(true, Ordering::Relaxed);
        let play = Play::without_writers(ground).await;
        let order = play.order(play.fresh(), 1);
        assert_eq!(play.ask(order.clone()).await, PENDING);
        let looked_up = play.ground.store.fates_asked.lock().unwrap().iter().sum::<usize>();
        assert_eq!(looked_up, 0, "there was nothing before the first opening");
        // The promise is on the bus, which does not tell, and no row exists.
        play.ledger.lose();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        assert!(is_put_off(&play.ask(order).await), "its message may be under way");
    })
    .await;
}

/// Also one that somebody has counted and is still loading.
#[tokio::test(start_paused = true)]
async fn a_pool_is_closed_for_every_opening_that_the_store_has_counted() {
    on_stage(async {
        let play = selling().await;
        let before = epoch(&play).await;
        play.ledger.closed_up_to.lock().unwrap().clear();
        play.ledger.lose();
        until("the pool is open", || play.ledger.numbers(pool()).is_some()).await;
        assert_eq!(*play.ledger.closed_up_to.lock().unwrap(), [before + 1]);
    })
    .await;
}
