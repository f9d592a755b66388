//! What the till answers, what travels on the lane, and how the writer of holds gathers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use stampede_actors::{
    facts::PutOff,
    hold_writer::Change,
    lane::{self, LaneOrder, Wish},
    ports::PortFailure,
    settings::ActorSettings,
    till::{FindHold, TillAnswer},
};
use stampede_domain::{HoldChange, HoldRefused, OrderId, OrderStatus};
use std::{sync::atomic::Ordering, time::Duration};
use support::{
    bank::Buyer,
    bus::PublishFault,
    counters::counted,
    desk::{Desk, HELD_FOR},
    holds::is_changed,
    on_stage, pass, until,
};

use OrderStatus as S;

fn nobodys() -> OrderId {
    "018bcfe5-6807-7000-8000-000000000000".parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_foreseen_and_nothing_travels() {
    on_stage(async {
        let desk = Desk::till_only(ActorSettings::default());
        let order = desk.reserve();
        let refund = Wish::Refund { reason: String::new() };
        assert_eq!(desk.wish(order, refund).await, TillAnswer::Refused(HoldRefused::NotPaid));
        let skips_one = Wish::Pay { attempt: 2 };
        assert_eq!(desk.wish(order, skips_one).await, TillAnswer::Refused(HoldRefused::NotTheNextAttempt { next: 1 }));
        assert_eq!(desk.wish(nobodys(), Wish::Extend).await, TillAnswer::Unknown);
        pass(HELD_FOR).await;
        assert_eq!(desk.wish(order, Wish::Pay { attempt: 1 }).await, TillAnswer::Refused(HoldRefused::OutOfTime));
        assert_eq!(desk.lane.waiting(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_is_taken_when_the_lane_has_it_and_told_with_the_order_as_it_stands() {
    on_stage(async {
        let desk = Desk::till_only(ActorSettings::default());
        let order = desk.reserve();
        let TillAnswer::Taken { hold } = desk.wish(order, Wish::Pay { attempt: 1 }).await else { panic!("not taken") };
        assert_eq!((hold.status, desk.lane.waiting()), (S::Reserved, 1));
        let found = desk.find_hold.ask(FindHold(order)).await.unwrap();
        assert_eq!(found, Ok(Some(hold)));
        assert_eq!(desk.find_hold.ask(FindHold(nobodys())).await.unwrap(), Ok(None));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_so_already_is_taken_and_does_not_travel() {
    on_stage(async {
        let mut desk = Desk::open();
        let order = desk.reserve();
        desk.bank.next_buyer(Buyer::Sleeps);
        desk.pay(order, 1).await;
        desk.until(order, S::Paying).await;
        desk.close_back_office();
        desk.pay(order, 1).await;
        assert_eq!(desk.lane.waiting(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_ends_in_doubt_is_no_failure_and_one_that_was_refused_is_no_doubt() {
    on_stage(async {
        let mut desk = Desk::till_only(ActorSettings::default());
        let order = desk.reserve();
        let pay = || Wish::Pay { attempt: 1 };
        let next = |fault| desk.lane.publish_faults.lock().unwrap().push_back(fault);
        next(PublishFault::UnknownLost);
        assert_eq!(desk.wish(order, pay()).await, TillAnswer::Unsure);
        next(PublishFault::Refused);
        assert_eq!(desk.wish(order, pay()).await, TillAnswer::NotNow { why: PutOff::Broken });
        next(PublishFault::UnknownLanded);
        assert_eq!(desk.wish(order, pay()).await, TillAnswer::Unsure);
        desk.open_back_office();
        desk.until(order, S::Confirmed).await;
        desk.rest().await;
        desk.lane.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLost);
        assert!(matches!(desk.notice(order).await, Err(PortFailure::Unknown(_))), "the provider sends it again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_till_that_cannot_read_says_not_now() {
    on_stage(async {
        let desk = Desk::till_only(ActorSettings::default());
        let order = desk.reserve();
        desk.holds.down.store(true, Ordering::Relaxed);
        assert_eq!(desk.wish(order, Wish::Extend).await, TillAnswer::NotNow { why: PutOff::Broken });
        assert_eq!(desk.find_hold.ask(FindHold(order)).await.unwrap(), Err(PutOff::Broken));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn wishes_that_wait_for_the_lane_go_together() {
    on_stage(async {
        let desk = Desk::till_only(ActorSettings::default());
        desk.lane.publish_takes_ms.store(10, Ordering::Relaxed);
        let orders: Vec<_> = (0..40).map(|_| desk.reserve()).collect();
        futures_util::future::join_all(orders.iter().map(|order| desk.pay(*order, 1))).await;
        let published = desk.lane.published.lock().unwrap().clone();
        assert!(published.len() <= 4 && published.iter().sum::<usize>() == 40, "{published:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_read_is_set_aside_and_the_others_are_fulfilled() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.lane.put("{\"v\":9}".into());
        desk.lane.put("nonsense".into());
        desk.pay(order, 1).await;
        desk.until(order, S::Confirmed).await;
        until("both are set aside", || desk.lane.dead().len() == 2).await;
        assert!(desk.lane.dead()[0].reason.contains("version 9"), "{:?}", desk.lane.dead());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_twice_changes_nothing() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        let put = |wish| desk.lane.put(lane::encode(&LaneOrder { order, wish, trace: None }));
        for _ in 0..3 {
            put(Wish::Extend);
            put(Wish::Pay { attempt: 1 });
        }
        desk.until(order, S::Confirmed).await;
        let confirmed = desk.holds.row(order);
        put(Wish::Extend);
        put(Wish::Pay { attempt: 1 });
        put(Wish::Cancel);
        pass(Duration::from_secs(60)).await;
        desk.rest().await;
        assert_eq!(desk.holds.row(order), confirmed);
        assert_eq!(desk.bank.payments().len(), 1);
        desk.assert_money_adds();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn acknowledgements_that_fail_bring_wishes_again_and_change_nothing() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.lane.acknowledgements_fail.store(true, Ordering::Relaxed);
        desk.pay(order, 1).await;
        desk.until(order, S::Confirmed).await;
        pass(Duration::from_secs(60)).await;
        desk.lane.acknowledgements_fail.store(false, Ordering::Relaxed);
        desk.rest().await;
        desk.assert_money_adds();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_writer_of_holds_gathers_what_waits() {
    on_stage(async {
        let desk = Desk::open();
        desk.holds.takes_ms.store(50, Ordering::Relaxed);
        let office = desk.back_office.as_ref().unwrap();
        let unknown = office.change.ask(Change(vec![(nobodys(), HoldChange::Extend)]));
        pass(Duration::from_millis(1)).await;
        let orders: Vec<_> = (0..100).map(|_| desk.reserve()).collect();
        let asked = orders.iter().map(|order| office.change.ask(Change(vec![(*order, HoldChange::Extend)])));
        let asked: Vec<_> = asked.collect();
        for answer in futures_util::future::join_all(asked).await {
            assert!(is_changed(&answer.unwrap().unwrap()[0]));
        }
        assert_eq!(unknown.await.unwrap().unwrap(), [None]);
        assert_eq!(desk.holds.changed.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [1, 100]);
        let too_many = vec![(orders[0], HoldChange::Extend); 5_001];
        assert!(matches!(office.change.ask(Change(too_many)).await.unwrap(), Err(PortFailure::Impossible(_))));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_checkout_that_is_drained_has_nothing_in_work() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.bank.next_buyer(Buyer::Sleeps);
        desk.pay(order, 1).await;
        desk.until(order, S::Paying).await;
        desk.back_office.as_ref().unwrap().drain.ask(stampede_actors::checkout::Drain).await.unwrap();
        let calls = desk.bank.calls.lock().unwrap().len();
        desk.wish(order, Wish::Pay { attempt: 1 }).await;
        pass(HELD_FOR).await;
        assert_eq!((desk.bank.calls.lock().unwrap().len(), desk.holds.status(order)), (calls, S::Paying));
    })
    .await;
}

#[test]
fn what_happens_to_paid_orders_is_counted() {
    let counted = counted(|| async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.pay(order, 1).await;
        desk.until(order, S::Confirmed).await;
        desk.rest().await;
    });
    let of = |name: &str| counted.get(name).copied();
    assert_eq!(of("stampede_hold_changes_total change=pay outcome=changed"), Some(1), "{counted:?}");
    assert_eq!(of("stampede_hold_changes_total change=captured outcome=changed"), Some(1));
    assert_eq!(of("stampede_payment_calls_total call=create outcome=answered"), Some(1));
    assert_eq!(of("stampede_payment_calls_total call=capture outcome=answered"), Some(1));
    assert_eq!(of("stampede_time_to_pay_seconds count"), Some(1));
    assert_eq!(of("stampede_tickets_sold_total"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn no_publish_carries_more_wishes_than_are_set_and_no_pull_either() {
    on_stage(async {
        let settings = ActorSettings { till_batch_size: 4, checkout_batch_size: 3, ..ActorSettings::default() };
        let mut desk = Desk::till_only(settings);
        desk.lane.publish_takes_ms.store(10, Ordering::Relaxed);
        let orders: Vec<_> = (0..10).map(|_| desk.reserve()).collect();
        let wishes = orders.iter().map(|order| desk.wish(*order, Wish::Cancel));
        futures_util::future::join_all(wishes).await;
        let published = desk.lane.published.lock().unwrap().clone();
        assert!(published.iter().sum::<usize>() == 10 && published.iter().all(|size| *size <= 4), "{published:?}");
        desk.open_back_office();
        for order in orders {
            desk.until(order, S::Cancelled).await;
        }
        let pulled = desk.lane.pulled.lock().unwrap().clone();
        assert!(pulled.iter().sum::<usize>() == 10 && pulled.iter().all(|size| *size <= 3), "{pulled:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn orders_are_looked_after_as_often_as_is_set() {
    on_stage(async {
        for (every, is_over_after) in [(50, 60), (1_000, 1_010)] {
            let settings =
                ActorSettings { reconciler_interval: Duration::from_millis(every), ..ActorSettings::default() };
            let mut desk = Desk::till_only(settings);
            desk.open_back_office();
            let order = desk.reserve();
            pass(HELD_FOR - Duration::from_millis(1)).await;
            assert_eq!(desk.holds.status(order), S::Reserved);
            pass(Duration::from_millis(is_over_after)).await;
            assert_eq!(desk.holds.status(order), S::Expired, "every {every} ms");
        }
    })
    .await;
}
