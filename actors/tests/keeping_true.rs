//! What `CacheSync` finishes, sweeps, opens and tightens, and what is left when the process dies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use stampede_actors::{
    audit::AuditReport,
    cache_sync::{AreWeReady, AuditLaws, CacheSync, Settle},
    carrier::Logic,
    clock::Clock,
    gate::Gate,
    inventory::{OrderNotShown, Placed},
    label::Label,
    ports::{Bus, Ledger, Outgoing},
    shelf::{Pressure, Restock},
    wire,
};
use stampede_domain::{
    BuyerId, Contact, Decision, Event, Fingerprint, Intent, Millis, OrderId, OrderRefused, OrderStatus, PoolId,
    WriterReport, laws::Law,
};
use std::{sync::atomic::Ordering, time::Duration};
use support::{Ground, Play, Wishes, bus::PublishFault, on_stage, pass, pool, request, ticket_type, until};
use tokio::time::Instant;

const PENDING: Placed = Placed::Accepted { status: OrderStatus::Pending, replayed: false };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn refused(why: OrderRefused) -> Placed {
    Placed::Refused(why)
}

async fn laws(play: &Play) -> AuditReport {
    play.audit.ask(AuditLaws).await.expect("an answer").expect("a report")
}

fn vip() -> PoolId {
    PoolId::of(&"festival".parse().unwrap(), &"vip".parse().unwrap())
}

/// A festival with a second ticket type.
fn with_vip(ground: &Ground) -> Event {
    let mut event = ground.catalogue.listing().event;
    event.ticket_types.push(ticket_type("vip", 10, None));
    event
}

#[tokio::test(start_paused = true)]
async fn an_intent_nobody_promised_is_reaped_and_its_units_return() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLost);
        let asked = Instant::now();
        let (order, _) = play.buy(3).await;
        pass(seconds(29)).await;
        assert_eq!((play.numbers().claimed, play.ground.store.status(order)), (3, None), "not before its time");
        until("the units are back", || play.numbers().free() == 3).await;
        assert!(asked.elapsed() <= seconds(35), "{:?}", asked.elapsed());
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Expired));
        assert_eq!(play.find(order).await.unwrap().status, OrderStatus::Expired);
        assert_eq!(play.buy(3).await.1, PENDING, "every free unit can be bought");
        play.rest().await;
        assert!(laws(&play).await.holds());
    })
    .await;
}

/// The message landed although nobody knows: the writer and the reaper race, and the first insert wins.
#[tokio::test(start_paused = true)]
async fn a_message_that_comes_after_the_reaper_changes_nothing() {
    on_stage(async {
        let mut play = Play::without_writers(Ground::new(Wishes::default())).await;
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLanded);
        let (order, _) = play.buy(3).await;
        until("reaped", || play.ground.store.status(order) == Some(OrderStatus::Expired)).await;
        play.start_writing();
        play.rest().await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Expired));
        assert_eq!((play.ground.store.numbers().sold, play.ledger.broken.load(Ordering::Relaxed)), (0, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_promised_claim_is_never_released_by_age() {
    on_stage(async {
        let mut play = Play::without_writers(Ground::new(Wishes { capacity: 2, ..Wishes::default() })).await;
        let (order, _) = play.buy(2).await;
        pass(Duration::from_mins(20)).await;
        assert_eq!((play.numbers().promised, play.numbers().free()), (2, 0));
        play.start_writing();
        play.rest().await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Confirmed));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_settlement_is_swept() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 10, limit: Some(3), ..Wishes::default() }).await;
        play.ledger.loses_settlements.store(true, Ordering::Relaxed);
        let buyer = BuyerId(1_000);
        assert_eq!(play.ask(request(play.fresh(), 2, buyer)).await, PENDING);
        pass(seconds(20)).await;
        assert_eq!((play.numbers().claimed, play.ground.store.numbers().sold), (2, 2), "decided, not settled");
        assert_eq!(play.numbers().free(), 8, "never too many");
        play.ledger.loses_settlements.store(false, Ordering::Relaxed);
        let healthy = Instant::now();
        play.rest().await;
        assert!(healthy.elapsed() < seconds(3), "{:?}", healthy.elapsed());
        let limit = OrderRefused::LimitReached { limit: 3, taken: 2 };
        assert_eq!(play.ask(request(play.fresh(), 2, buyer)).await, refused(limit));
        assert_eq!(play.ask(request(play.fresh(), 1, buyer)).await, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_turns_the_queue_back_into_promises() {
    on_stage(async {
        let play = Play::without_writers(Ground::new(Wishes { capacity: 5, ..Wishes::default() })).await;
        let order = play.order(play.fresh(), 3);
        assert_eq!(play.ask(order.clone()).await, PENDING);
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLost);
        play.buy(1).await;
        assert_eq!(play.numbers().claimed, 4);
        let mut play = Play::without_writers(play.kill()).await;
        let numbers = play.numbers();
        assert_eq!((numbers.promised, numbers.claims, numbers.free()), (3, 1, 2), "the intent died with its process");
        let sold_out = OrderRefused::SoldOut { free: 2, in_flight: 3 };
        assert_eq!(play.buy(3).await.1, refused(sold_out));
        assert_eq!(play.find(order.order).await.unwrap().status, OrderStatus::Pending);
        let again = Placed::Accepted { status: OrderStatus::Pending, replayed: true };
        assert_eq!(play.ask(order.clone()).await, again);
        assert_eq!(play.buy(2).await.1, PENDING);
        play.start_writing();
        play.rest().await;
        assert_eq!((play.ground.store.numbers().sold, play.ground.store.orders()), (5, 2));
        assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 0);
        assert!(laws(&play).await.holds());
    })
    .await;
}

/// Written and not acknowledged, or acknowledged and not settled: a start counts each order once.
#[tokio::test(start_paused = true)]
async fn a_restart_counts_what_is_written_once() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 5, limit: Some(4), ..Wishes::default() }).await;
        play.ground.bus.acknowledgements_fail.store(true, Ordering::Relaxed);
        let buyer = BuyerId(1_000);
        assert_eq!(play.ask(request(play.fresh(), 3, buyer)).await, PENDING);
        until("written", || play.ground.store.numbers().sold == 3).await;
        play.ground.bus.acknowledgements_fail.store(false, Ordering::Relaxed);
        let play = Play::without_writers(play.kill()).await;
        assert_eq!(play.ground.bus.waiting(), 1);
        assert_eq!((play.numbers().claims, play.numbers().free()), (0, 2));
        let limit = OrderRefused::LimitReached { limit: 4, taken: 3 };
        assert_eq!(play.ask(request(play.fresh(), 2, buyer)).await, refused(limit));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_capacity_cut_waits_for_pause_and_quiet() {
    on_stage(async {
        let mut play = Play::without_writers(Ground::new(Wishes::default())).await;
        let (order, _) = play.buy(6).await;
        let mut tighter = play.ground.catalogue.listing().event;
        tighter.ticket_types[0].capacity = 8;
        tighter.ticket_types[0].limit_per_buyer = Some(2);
        play.ground.catalogue.change(|listing| listing.waiting = Some(tighter));
        pass(seconds(2)).await;
        assert_eq!(play.numbers().settled.capacity, 100, "the sale is on");
        play.ground.catalogue.change(|listing| listing.paused = true);
        pass(seconds(2)).await;
        assert_eq!(play.numbers().settled.capacity, 100, "something is in flight");
        assert_eq!(play.buy(1).await.1, refused(OrderRefused::Paused));
        let epoch = play.numbers().epoch;
        play.start_writing();
        until("it is in force", || play.numbers().settled.capacity == 8).await;
        assert!(play.numbers().epoch > epoch, "opened anew");
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Confirmed));
        play.ground.catalogue.change(|listing| listing.paused = false);
        pass(seconds(1)).await;
        let buyer = BuyerId(1_000);
        let limit = OrderRefused::LimitReached { limit: 2, taken: 0 };
        assert_eq!(play.ask(request(play.fresh(), 3, buyer)).await, refused(limit));
        assert_eq!(play.ask(request(play.fresh(), 2, buyer)).await, PENDING);
        assert_eq!(play.buy(1).await.1, refused(OrderRefused::SoldOut { free: 0, in_flight: 2 }));
    })
    .await;
}

/// The rules are in force in the store, and the ledger's book could not be opened at once: it must not promise by old rules.
#[tokio::test(start_paused = true)]
async fn a_tightening_whose_opening_fails_is_finished_later() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        let before = BuyerId(999);
        assert_eq!(play.ask(request(play.fresh(), 2, before)).await, PENDING);
        play.rest().await;
        let mut tighter = play.ground.catalogue.listing().event;
        tighter.ticket_types[0].limit_per_buyer = Some(2);
        play.ground.store.openings_fail.store(1, Ordering::Relaxed);
        play.ground.catalogue.change(|listing| (listing.waiting, listing.paused) = (Some(tighter), true));
        until("applied", || play.ground.catalogue.listing().waiting.is_none()).await;
        play.ground.catalogue.change(|listing| listing.paused = false);
        pass(seconds(3)).await;
        let limit = OrderRefused::LimitReached { limit: 2, taken: 0 };
        assert_eq!(play.ask(request(play.fresh(), 3, BuyerId(1_000))).await, refused(limit));
        assert_eq!(play.ask(request(play.fresh(), 2, BuyerId(1_000))).await, PENDING);
        let limit = OrderRefused::LimitReached { limit: 2, taken: 2 };
        assert_eq!(
            play.ask(request(play.fresh(), 1, before)).await,
            refused(limit),
            "what was bought without a limit counts"
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ticket_type_that_is_taken_away_leaves_the_rest_in_order() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 10, ..Wishes::default() }).await;
        let without = play.ground.catalogue.listing().event;
        let event = with_vip(&play.ground);
        play.ground.catalogue.change(|listing| listing.event = event);
        until("both are on sale", || play.ledger.numbers(vip()).is_some()).await;
        play.ground.catalogue.change(|listing| (listing.waiting, listing.paused) = (Some(without), true));
        until("it is gone", || play.ground.catalogue.listing().event.ticket_types.len() == 1).await;
        until("and so is its book", || play.ledger.numbers(vip()).is_none()).await;
        play.ground.catalogue.change(|listing| listing.paused = false);
        pass(seconds(1)).await;
        // The last duty of a round, after everything that may fail.
        let order = dead_letter(&play).await;
        pass(Duration::from_mins(16)).await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Failed));
        play.ground.catalogue.change(|listing| listing.event.ticket_types[0].capacity = 12);
        until("more units", || play.numbers().settled.capacity == 12).await;
    })
    .await;
}

/// An order whose message was set aside although it could be stored by now.
async fn dead_letter(play: &Play) -> OrderId {
    let order = play.order(play.fresh(), 2);
    play.ground.store.poison.lock().unwrap().insert(order.order);
    assert_eq!(play.ask(order.clone()).await, PENDING);
    until("it is set aside", || play.ground.bus.waiting() == 0).await;
    play.ground.store.poison.lock().unwrap().remove(&order.order);
    order.order
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_ends_after_fifteen_minutes() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = dead_letter(&play).await;
        pass(Duration::from_mins(14)).await;
        assert_eq!((play.numbers().promised, play.ground.store.status(order)), (2, None), "somebody may replay it");
        assert_eq!(play.find(order).await.unwrap().status, OrderStatus::Pending);
        pass(Duration::from_mins(1) + seconds(10)).await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Failed));
        assert_eq!((play.numbers().claims, play.numbers().free()), (0, 3));
        assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 1, "a broken promise, and counted as one");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_replayed_in_time_is_confirmed() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = dead_letter(&play).await;
        pass(Duration::from_mins(10)).await;
        play.ground.bus.replay_all().await;
        play.rest().await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Confirmed));
        pass(Duration::from_mins(20)).await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Confirmed));
        assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_keeps_its_claim_over_a_restart() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = dead_letter(&play).await;
        let play = Play::on(play.kill()).await;
        assert_eq!((play.numbers().promised, play.numbers().free()), (2, 1));
        assert_eq!(play.buy(2).await.1, refused(OrderRefused::SoldOut { free: 1, in_flight: 2 }));
        play.ground.bus.replay_all().await;
        play.rest().await;
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Confirmed));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_ends_with_its_order_and_is_read_no_more_and_forgotten_after_a_month() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 9, ..Wishes::default() }).await;
        let (replayed, left) = (dead_letter(&play).await, dead_letter(&play).await);
        let ids: Vec<_> = play.ground.bus.dead().iter().map(|letter| letter.id).collect();
        play.ground.bus.replay(&ids[..1], "its pool is there now").await.unwrap();
        assert_eq!(play.ground.bus.dead().len(), 2, "a letter that was replayed keeps its claim until it is decided");
        until("it is confirmed", || play.ground.store.status(replayed) == Some(OrderStatus::Confirmed)).await;
        pass(seconds(6)).await;
        let ended = play.ground.bus.letters().remove(0);
        assert!(
            ended.ended_at.is_some() && ended.last_word == "its pool is there now; its order is confirmed",
            "{ended:?}"
        );
        pass(Duration::from_mins(16)).await;
        assert_eq!((play.ground.store.status(left), play.ground.bus.dead().len()), (Some(OrderStatus::Failed), 0));
        assert_eq!(play.ground.bus.letters()[1].last_word, "nobody replayed it in time; its order is failed");
        let asked = play.ground.store.fates_asked.lock().unwrap().len();
        pass(Duration::from_mins(5)).await;
        assert_eq!(play.ground.store.fates_asked.lock().unwrap().len(), asked, "nobody asks about them again");
        play.ground.clock.step(29 * 24 * 3_600_000);
        pass(Duration::from_mins(61)).await;
        assert_eq!(play.ground.bus.letters().len(), 2);
        play.ground.clock.step(24 * 3_600_000);
        pass(Duration::from_mins(61)).await;
        assert_eq!(play.ground.bus.letters().len(), 0);
    })
    .await;
}

/// Its message is on the bus again, and whatever comes of it is the order's fate: also when the store is down for an hour.
#[tokio::test(start_paused = true)]
async fn a_letter_that_was_put_back_is_not_failed_by_age() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = dead_letter(&play).await;
        pass(Duration::from_mins(14)).await;
        play.ground.store.poison.lock().unwrap().insert(order);
        play.ground.bus.replay_all().await;
        until("it has died once more", || play.ground.bus.dead().len() == 2).await;
        pass(Duration::from_mins(14)).await;
        assert_eq!((play.ground.store.status(order), play.numbers().promised), (None, 2), "the second letter lives on");
        play.ground.store.poison.lock().unwrap().remove(&order);
        pass(Duration::from_mins(2)).await;
        assert_eq!((play.ground.store.status(order), play.ground.bus.dead().len()), (Some(OrderStatus::Failed), 0));
    })
    .await;
}

/// A claim whose message cannot be read: the label names it.
#[tokio::test(start_paused = true)]
async fn an_order_whose_message_cannot_be_read_keeps_its_claim_over_a_restart_and_ends() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = play.fresh();
        let (buyer, fingerprint) = (BuyerId(5), Fingerprint(7));
        let label = Some(Label { order, pool: pool(), quantity: 2, buyer, fingerprint });
        for payload in ["", r#"{"v":2,"place":{"new":true}}"#] {
            play.ground.bus.put_labelled(Outgoing { payload: payload.into(), label });
        }
        play.ground.bus.put("nobody's".into());
        until("they are set aside", || play.ground.bus.dead().len() == 3).await;
        let play = Play::on(play.kill()).await;
        assert_eq!((play.numbers().promised, play.numbers().claims), (2, 1), "one order, whatever carries it");
        assert_eq!(play.find(order).await.unwrap().status, OrderStatus::Pending);
        pass(Duration::from_mins(16)).await;
        assert_eq!((play.numbers().claimed, play.numbers().free()), (0, 3));
        assert_eq!(play.find(order).await.unwrap().status, OrderStatus::Failed);
        assert_eq!(play.ground.bus.dead().len(), 1, "what names no order waits for somebody to look");
        play.ground.bus.replay_all().await;
        until("it has died once more", || play.ground.bus.dead().len() == 2).await;
        pass(Duration::from_mins(16)).await;
        assert_eq!(play.ground.bus.dead().len(), 1, "the letter that was put back is over");
    })
    .await;
}

/// One that cannot even be stored as failed must not keep the others from their end.
#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_cannot_be_buried_does_not_hold_up_the_others() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 10, ..Wishes::default() }).await;
        let orders = [dead_letter(&play).await, dead_letter(&play).await, dead_letter(&play).await];
        play.ground.store.poison.lock().unwrap().insert(orders[1]);
        pass(Duration::from_mins(16)).await;
        let ends = orders.map(|order| play.ground.store.status(order));
        assert_eq!(ends, [Some(OrderStatus::Failed), None, Some(OrderStatus::Failed)]);
        assert_eq!(play.numbers().claimed, 2);
    })
    .await;
}

/// A settlement that was lost with the life of the `CacheSync` that had it, of an order without a claim.
#[tokio::test(start_paused = true)]
async fn a_cache_sync_that_was_replaced_still_sweeps_the_buyers() {
    on_stage(async {
        let play = Play::begin(Wishes { limit: Some(2), ..Wishes::default() }).await;
        play.ledger.loses_settlements.store(true, Ordering::Relaxed);
        let buyer = BuyerId(1_000);
        let order = play.fresh();
        let (quantity, fingerprint) = (2, Fingerprint(7));
        let (asked_at, contact) = (order.time(), Contact::default());
        let intent = Intent { order, pool: pool(), quantity, buyer, fingerprint, asked_at, contact, trace: None };
        play.ground.bus.put(wire::encode(&intent));
        until("written", || play.ground.store.numbers().sold == 2).await;
        pass(seconds(1)).await;
        play.kill_cache_sync();
        play.ledger.loses_settlements.store(false, Ordering::Relaxed);
        let parts = play.ground.cache_sync_parts(&play.ledger, &play.board, true);
        CacheSync::new(parts, support::tasks()).begin();
        // The sweep of buyers is a rare one.
        pass(seconds(90)).await;
        let limit = OrderRefused::LimitReached { limit: 2, taken: 2 };
        assert_eq!(play.ask(request(play.fresh(), 1, buyer)).await, refused(limit));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_told_not_found_while_a_pool_is_closed() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        let nobody = play.fresh();
        assert_eq!(play.find(nobody).await.unwrap_err(), OrderNotShown::NotFound);
        assert_eq!(play.ready.ask(AreWeReady).await, Ok(true));
        let event = with_vip(&play.ground);
        play.ground.catalogue.change(|listing| listing.event = event);
        play.ground.store.delete_pool(vip());
        pass(seconds(1)).await;
        // What is on the bus for that pool may be this very order.
        assert!(matches!(play.find(nobody).await.unwrap_err(), OrderNotShown::NotKnownYet { .. }));
        assert_eq!(play.ready.ask(AreWeReady).await, Ok(false));
        assert_eq!(play.buy(1).await.1, PENDING, "the other pool sells");
        play.ground.store.put_pool(vip(), 10, None);
        until("open", || play.ledger.numbers(vip()).is_some()).await;
        pass(seconds(1)).await;
        assert_eq!(play.find(nobody).await.unwrap_err(), OrderNotShown::NotFound);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_cannot_be_opened_keeps_no_other_closed() {
    on_stage(async {
        let ground = Ground::new(Wishes::default());
        let event = with_vip(&ground);
        ground.catalogue.change(|listing| listing.event = event);
        ground.store.delete_pool(pool());
        let play = Play::unready(ground);
        until("the other is open", || play.ledger.numbers(vip()).is_some()).await;
        assert_eq!(play.ledger.numbers(pool()), None);
        play.ground.store.put_pool(pool(), 10, None);
        until("and then this one", || play.ledger.numbers(pool()).is_some()).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_shelf_changes_its_number_only_with_what_it_shows() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        let number = || play.board.latest().unwrap().events[0].sequence;
        let first = number();
        pass(seconds(5)).await;
        assert_eq!(number(), first);
        let taken = play.board.latest().unwrap().filled_at;
        assert_eq!(play.buy(1).await.1, PENDING);
        play.rest().await;
        pass(seconds(1)).await;
        let second = number();
        assert!(second > first);
        assert!(play.board.latest().unwrap().filled_at > taken);
        let play = Play::on(play.kill()).await;
        assert!(play.board.latest().unwrap().events[0].sequence > second, "answers are cached by it: never again");
    })
    .await;
}

/// A claim that nobody will ever decide: no message, no dead letter. The audit must see it.
#[tokio::test(start_paused = true)]
async fn a_claim_that_leaks_breaks_a_law() {
    on_stage(async {
        let play = Play::without_writers(Ground::new(Wishes::default())).await;
        assert_eq!(play.buy(1).await.1, PENDING);
        assert!(laws(&play).await.holds(), "it is on the bus");
        let deliveries = play.ground.bus.pull(10).await.unwrap();
        let ids: Vec<_> = deliveries.iter().map(|delivery| delivery.id).collect();
        play.ground.bus.acknowledge(&ids).await.unwrap();
        pass(Duration::from_mins(2)).await;
        let report = laws(&play).await;
        let broken: Vec<_> = report.laws.iter().filter(|law| !law.breaches.is_empty()).map(|law| law.law).collect();
        assert_eq!(broken, [Law::NothingLeaks]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_promise_that_waits_too_long_breaks_a_law_and_a_young_one_does_not() {
    on_stage(async {
        let mut play = Play::without_writers(Ground::new(Wishes::default())).await;
        assert_eq!(play.buy(1).await.1, PENDING);
        pass(seconds(9)).await;
        assert!(laws(&play).await.holds());
        pass(seconds(2)).await;
        let report = laws(&play).await;
        let broken: Vec<_> = report.laws.iter().filter(|law| !law.breaches.is_empty()).map(|law| law.law).collect();
        assert_eq!(broken, [Law::EveryPromiseDecided]);
        play.start_writing();
        play.rest().await;
        assert!(laws(&play).await.holds());
    })
    .await;
}

/// The main job in small: buyers with mixed quantities, lost answers, hung-up buyers, a process that dies again and again.
/// Everybody whose outcome is open asks again with the same key, and the refused with less.
#[tokio::test(start_paused = true)]
async fn a_stormy_sale_sells_exactly_what_there_is() {
    for seed in 0..8_u64 {
        on_stage(async move {
            let mut play = Play::begin(Wishes { capacity: 200, ..Wishes::default() }).await;
            let chance = stampede_actors::chance::Chance::seeded(seed);
            let odds = |of: u64| chance.bits().is_multiple_of(of);
            let mut wanted: Vec<(OrderId, u32, BuyerId)> = Vec::new();
            let mut told: Vec<OrderId> = Vec::new();
            let mut next_buyer = 1;
            for round in 0..400 {
                assert!(round < 399, "seed {seed}: it does not end: {:?}", play.numbers());
                while wanted.len() < 12 {
                    let quantity = u32::try_from(chance.bits() % 6).unwrap() + 1;
                    wanted.push((play.fresh(), quantity, BuyerId(next_buyer)));
                    next_buyer += 1;
                }
                for fault in [PublishFault::Refused, PublishFault::UnknownLanded, PublishFault::UnknownLost] {
                    if odds(4) {
                        play.ground.bus.publish_faults.lock().unwrap().push_back(fault);
                    }
                }
                if odds(6) {
                    let faults =
                        [support::store::CommitFault::UnknownCommitted, support::store::CommitFault::UnknownLost];
                    play.ground.store.commit_faults.lock().unwrap().extend(faults);
                }
                play.ledger.loses_settlements.store(odds(5), Ordering::Relaxed);
                let asked: Vec<_> = wanted
                    .iter()
                    .map(|&(order, quantity, buyer)| play.ask_for_it(request(order, quantity, buyer)))
                    .collect();
                let answers = if odds(5) {
                    // Hung up: nobody hears what became of it.
                    drop(asked);
                    vec![Err(stampede_actors::mailbox::NoAnswer::Unknown); wanted.len()]
                } else {
                    futures_util::future::join_all(asked).await
                };
                let mut again = Vec::new();
                for ((order, quantity, buyer), answer) in wanted.drain(..).zip(answers) {
                    match answer {
                        Ok(Placed::Accepted { .. }) => told.push(order),
                        Ok(Placed::Refused(OrderRefused::SoldOut { .. })) if quantity > 1 => {
                            again.push((order, quantity - 1, buyer));
                        }
                        Ok(Placed::Refused(OrderRefused::SoldOut { .. })) => again.push((order, 1, buyer)),
                        // The key was used after all by a request that nobody heard of, or ended: a new order.
                        Ok(Placed::Refused(_)) => {}
                        Ok(Placed::PutOff { .. } | Placed::Unknown { .. }) | Err(_) => {
                            again.push((order, quantity, buyer));
                        }
                        Ok(other) => panic!("seed {seed}: {other:?}"),
                    }
                }
                wanted = again;
                pass(Duration::from_millis(1_500)).await;
                if odds(10) {
                    play = Play::on(play.kill()).await;
                }
                if play.ground.store.numbers().unsold() == 0 {
                    break;
                }
            }
            play.ground.bus.publish_faults.lock().unwrap().clear();
            play.ground.store.commit_faults.lock().unwrap().clear();
            play.ledger.loses_settlements.store(false, Ordering::Relaxed);
            play.rest().await;
            assert_eq!(play.ground.store.numbers().sold, 200, "seed {seed}");
            for order in told {
                let status = play.ground.store.status(order);
                assert_eq!(status, Some(OrderStatus::Confirmed), "seed {seed}: {order} was told 202");
            }
            assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 0, "seed {seed}");
            let report = laws(&play).await;
            assert!(report.holds(), "seed {seed}: {report:?}");
            assert_eq!(play.numbers().claimed, 0, "seed {seed}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_ended_order_is_told_with_its_reason() {
    on_stage(async {
        let mut play = Play::without_writers(Ground::new(Wishes { capacity: 1, ..Wishes::default() })).await;
        let (order, _) = play.buy(1).await;
        // As after the loss of a ledger: somebody else's message without a claim is written first.
        let other = play.fresh();
        let intent = Intent {
            order: other,
            pool: pool(),
            quantity: 1,
            buyer: BuyerId(9),
            fingerprint: Fingerprint(9),
            asked_at: Millis(0),
            contact: Contact::default(),
            trace: None,
        };
        let mine = play.ground.bus.pull(1).await.unwrap();
        play.ground.bus.put(wire::encode(&intent));
        play.start_writing();
        until("the other is written", || play.ground.store.status(other).is_some()).await;
        play.ground.bus.release(&[mine[0].id]).await.unwrap();
        play.rest().await;
        let found = play.find(order).await.unwrap();
        assert_eq!(
            (found.status, found.reason.map(|reason| reason.as_str())),
            (OrderStatus::Rejected, Some("sold_out"))
        );
        assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 1, "a broken promise is counted");
        let again = play.ledger.known(order);
        assert!(matches!(again, stampede_domain::ledger::Known::Noted(noted)
            if noted.decision == Decision::Rejected(stampede_domain::RejectReason::SoldOut)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_writers_say_is_in_the_ledger_at_once_and_nothing_is_said_without_need() {
    on_stage(async {
        let play = Play::without_writers(Ground::new(Wishes::default())).await;
        pass(seconds(2)).await;
        let settles = play.ledger.settles.load(Ordering::Relaxed);
        pass(seconds(10)).await;
        assert_eq!(play.ledger.settles.load(Ordering::Relaxed), settles, "nothing has changed");
        let report = WriterReport { depth: 3, ..WriterReport::default() };
        play.cache_sync.tell(Settle { settlements: Vec::new(), report: Some(report) }).unwrap();
        pass(Duration::from_millis(1)).await;
        assert_eq!(play.ledger.report().depth, 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_dead_letters_are_read_every_five_seconds_and_the_ledger_ten_times_a_second() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        pass(seconds(7)).await;
        let gate = Gate::new("test", 10_000);
        let (reader, shelves) = support::mailbox::<Restock>(&gate);
        play.board.subscribe(reader);
        let listed = play.ground.bus.listed.load(Ordering::Relaxed);
        pass(seconds(20)).await;
        assert_eq!(play.ground.bus.listed.load(Ordering::Relaxed) - listed, 4);
        assert!((195..=205).contains(&shelves.len()), "{} shelves", shelves.len());
    })
    .await;
}

/// Full, late or fine: and how long buyers are put off for.
#[tokio::test(start_paused = true)]
async fn the_pressure_follows_the_depth_and_the_age_of_what_the_writers_hold() {
    on_stage(async {
        let play = Play::without_writers(Ground::new(Wishes::default())).await;
        let said = async |depth, high_water, per_second, age: u64| {
            let oldest = Some(play.ground.clock.now().minus(seconds(age)));
            let report = WriterReport { depth, high_water, oldest, per_second };
            play.ledger.settle(&[], Some(report)).await.unwrap();
            pass(Duration::from_millis(110)).await;
            play.pressure()
        };
        assert_eq!(said(19, 20, 4, 0).await, Pressure::Calm);
        assert_eq!(said(20, 20, 4, 0).await, Pressure::Behind(seconds(5)));
        assert_eq!(said(21, 20, 7, 0).await, Pressure::Behind(seconds(3)));
        assert_eq!(said(0, 0, 0, 0).await, Pressure::Calm, "without a mark nothing is full");
        assert_eq!(said(1, 20, 0, 5).await, Pressure::Calm, "as long as it may be");
        assert_eq!(said(1, 20, 0, 6).await, Pressure::Behind(seconds(1)));
        assert_eq!(said(10_000, 20_000, 1, 6).await, Pressure::Behind(seconds(30)));
    })
    .await;
}

/// A pool at rest, a tighter version that waits, and a pause: how long until it is in force.
async fn tightened_after(play: &Play, paused: bool) -> Option<Duration> {
    let mut tighter = play.ground.catalogue.listing().event;
    tighter.ticket_types[0].capacity = 8;
    play.ground.catalogue.change(|listing| (listing.waiting, listing.paused) = (Some(tighter), paused));
    let began = Instant::now();
    while began.elapsed() < seconds(20) {
        if play.ledger.numbers(pool()).is_some_and(|numbers| numbers.settled.capacity == 8) {
            return Some(began.elapsed());
        }
        pass(Duration::from_millis(50)).await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_cut_of_a_pool_at_rest_waits_for_the_pause_alone_where_the_bus_can_tell() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        assert_eq!(tightened_after(&play, false).await, None, "the sale is on");
        let after = tightened_after(&play, true).await;
        assert!(after.is_some_and(|after| after < seconds(2)), "{after:?}");
    })
    .await;
}

/// What was promised before the book was opened may still be under way for a lease.
#[tokio::test(start_paused = true)]
async fn a_cut_waits_for_a_lease_after_the_opening_where_the_bus_cannot_tell() {
    on_stage(async {
        let ground = Ground::new(Wishes::default());
        ground.bus.tells_nothing.store(true, Ordering::Relaxed);
        let play = Play::on(ground).await;
        let after = tightened_after(&play, true).await;
        assert!(after.is_some_and(|after| (seconds(11)..seconds(14)).contains(&after)), "{after:?}");
    })
    .await;
}

/// It may lack what the new rules ask for, such as the units of buyers.
#[tokio::test(start_paused = true)]
async fn new_rules_reach_a_book_behind_its_epoch_as_a_pause() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        play.ground.catalogue.change(|_| ());
        pass(seconds(1)).await;
        play.ground.store.raise_epoch(pool());
        play.ground.catalogue.change(|_| ());
        pass(seconds(1)).await;
        let paused: Vec<_> = play.ledger.terms_set.lock().unwrap().iter().map(|terms| terms.paused).collect();
        assert_eq!(paused, [false, true]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_died_again_after_it_was_put_back_ends_and_the_younger_one_stays() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = dead_letter(&play).await;
        play.ground.store.poison.lock().unwrap().insert(order);
        pass(seconds(60)).await;
        play.ground.bus.replay_all().await;
        until("it has died once more", || play.ground.bus.letters().len() == 2).await;
        pass(seconds(6)).await;
        let [first, second] = play.ground.bus.letters().try_into().unwrap();
        assert_eq!(first.last_word, format!("it died again, as letter {}", second.id.0));
        assert!(first.ended_at.is_some() && second.ended_at.is_none());
    })
    .await;
}

/// Two letters of one order, dead before one of them was put back: its message is on the bus, and decides.
#[tokio::test(start_paused = true)]
async fn a_letter_that_was_put_back_is_not_ended_by_one_that_was_dead_before() {
    on_stage(async {
        let mut play = Play::begin(Wishes { capacity: 3, ..Wishes::default() }).await;
        let order = dead_letter(&play).await;
        play.ground.store.poison.lock().unwrap().insert(order);
        let letter = play.ground.bus.dead().remove(0);
        play.ground.bus.put_labelled(Outgoing { payload: letter.payload, label: letter.label });
        until("there are two", || play.ground.bus.dead().len() == 2).await;
        play.stop_writing();
        pass(seconds(60)).await;
        play.ground.bus.replay(&[letter.id], "by a test").await.unwrap();
        pass(seconds(60)).await;
        assert_eq!(play.ground.bus.dead().len(), 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_names_no_order_ends_a_quarter_of_an_hour_after_it_was_put_back() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        play.ground.bus.put("damaged".into());
        until("it is set aside", || play.ground.bus.dead().len() == 1).await;
        pass(Duration::from_mins(20)).await;
        play.ground.bus.replay_all().await;
        until("it is set aside again", || play.ground.bus.dead().len() == 2).await;
        pass(Duration::from_mins(14)).await;
        assert_eq!(play.ground.bus.dead().len(), 2);
        pass(Duration::from_mins(2)).await;
        let [first, second] = play.ground.bus.letters().try_into().unwrap();
        assert_eq!(first.last_word, "it was put back, and names no order");
        assert!(first.ended_at.is_some() && second.ended_at.is_none(), "somebody has to look at it");
    })
    .await;
}
