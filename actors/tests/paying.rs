//! Orders that are paid online, from the reservation to the ticket or to the last cent given back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use stampede_actors::lane::Wish;
use stampede_domain::{Decline, HoldRefused, OrderStatus};
use std::{sync::atomic::Ordering, time::Duration};
use support::{
    bank::{Buyer, CancelFinds, Fault},
    desk::{Desk, HELD_FOR, PRICE},
    on_stage, pass, until,
};

use OrderStatus as S;

#[tokio::test(start_paused = true)]
async fn who_pays_in_time_gets_tickets() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.pay(order, 1).await;
        until("there is a page to pay at", || desk.holds.row(order).page.is_some()).await;
        assert_eq!(desk.holds.status(order), S::Paying);
        desk.until(order, S::Confirmed).await;
        desk.rest().await;
        desk.assert_money_adds();
        assert_eq!((desk.bank.count("create"), desk.bank.count("capture")), (1, 1));
        let numbers = desk.holds.numbers();
        assert_eq!((numbers.held, numbers.sold), (0, 2));
        assert_eq!(desk.heard.0.borrow().last().unwrap().numbers, numbers, "the ledger is told");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_declined_keeps_the_hold_and_may_try_again() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.bank.next_buyer(Buyer::IsDeclined(Decline::InsufficientFunds));
        desk.pay(order, 1).await;
        until("it is declined", || desk.holds.row(order).decline == Some(Decline::InsufficientFunds)).await;
        assert_eq!(desk.holds.status(order), S::Reserved);
        desk.pay(order, 2).await;
        desk.until(order, S::Confirmed).await;
        desk.rest().await;
        desk.assert_money_adds();
        assert_eq!(desk.holds.row(order).payments.len(), 2);
    })
    .await;
}

async fn out_of_time_while_paying(finds: Option<CancelFinds>) -> (Desk, stampede_domain::OrderId) {
    let desk = Desk::open();
    let order = desk.reserve();
    desk.bank.next_buyer(Buyer::Sleeps);
    *desk.bank.cancel_finds.lock().unwrap() = finds;
    pass(HELD_FOR - Duration::from_secs(30)).await;
    desk.pay(order, 1).await;
    desk.until(order, S::Paying).await;
    until("its end", || !desk.holds.status(order).is_held()).await;
    assert!(desk.bank.count("cancel") > 0);
    desk.rest().await;
    desk.assert_money_adds();
    (desk, order)
}

#[tokio::test(start_paused = true)]
async fn out_of_time_while_paying_and_the_provider_cancels_gives_the_units_back() {
    on_stage(async {
        let (desk, order) = out_of_time_while_paying(None).await;
        assert_eq!((desk.holds.status(order), desk.holds.row(order).decline), (S::Expired, Some(Decline::Cancelled)));
        assert_eq!(desk.holds.numbers().held, 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn out_of_time_while_paying_and_the_money_was_faster_gives_tickets() {
    on_stage(async {
        let (desk, order) = out_of_time_while_paying(Some(CancelFinds::Money)).await;
        assert_eq!(desk.holds.status(order), S::Confirmed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn out_of_time_while_paying_and_the_provider_knows_nothing_gives_the_units_back() {
    on_stage(async {
        let (desk, order) = out_of_time_while_paying(Some(CancelFinds::Nothing)).await;
        assert_eq!((desk.holds.status(order), desk.holds.row(order).decline), (S::Expired, Some(Decline::Lost)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn late_money_is_given_back_once() {
    on_stage(async {
        let (desk, order) = out_of_time_while_paying(None).await;
        desk.bank.takes_money(&desk.bank.payments()[0].id);
        desk.notice(order).await.unwrap();
        desk.notice(order).await.unwrap();
        until("it is noted", || desk.holds.row(order).payments[0].captured == PRICE).await;
        desk.rest().await;
        assert_eq!(desk.holds.status(order), S::Expired);
        assert_eq!(desk.bank.count("refund"), 1);
        desk.assert_money_adds();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn money_of_an_earlier_attempt_is_given_back_and_the_later_one_pays() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.bank.next_buyer(Buyer::IsDeclined(Decline::Declined));
        desk.pay(order, 1).await;
        until("it is declined", || desk.holds.row(order).decline.is_some()).await;
        desk.bank.takes_money(&desk.bank.payments()[0].id);
        desk.notice(order).await.unwrap();
        desk.pay(order, 2).await;
        desk.until(order, S::Confirmed).await;
        desk.rest().await;
        desk.assert_money_adds();
        assert_eq!(desk.holds.row(order).payments.iter().map(|payment| payment.refunded).sum::<i64>(), PRICE);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_notice_may_come_twice_first_or_never() {
    on_stage(async {
        let desk = Desk::open();
        let orders = [desk.reserve(), desk.reserve()];
        for order in orders {
            desk.bank.next_buyer(Buyer::HasPaid);
            desk.bank.next_fault("capture", Fault::Unavailable);
            desk.pay(order, 1).await;
            until("it is made", || desk.bank.payments().iter().any(|payment| payment.order == order)).await;
        }
        // Of the first one two come, before anybody has asked; of the second none.
        desk.notice(orders[0]).await.unwrap();
        desk.notice(orders[0]).await.unwrap();
        for order in orders {
            desk.until(order, S::Confirmed).await;
        }
        desk.rest().await;
        desk.notice(orders[1]).await.unwrap();
        desk.rest().await;
        desk.assert_money_adds();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_the_provider_forgets_leaves_the_hold_and_another_try() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.bank.next_buyer(Buyer::Sleeps);
        desk.pay(order, 1).await;
        until("it is made", || desk.holds.row(order).payment_under_way().is_some()).await;
        desk.bank.forgets(&desk.bank.payments()[0].id);
        until("it is lost", || desk.holds.row(order).decline == Some(Decline::Lost)).await;
        assert_eq!(desk.holds.status(order), S::Reserved);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_organizer_gives_money_and_units_back() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.pay(order, 1).await;
        desk.until(order, S::Confirmed).await;
        desk.wish(order, Wish::Refund { reason: "moved".into() }).await;
        desk.until(order, S::Refunded).await;
        desk.rest().await;
        desk.assert_money_adds();
        assert_eq!((desk.holds.numbers().sold, desk.bank.payments()[0].refunded), (0, PRICE));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_the_provider_refuses_is_not_forgotten() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.pay(order, 1).await;
        desk.until(order, S::Confirmed).await;
        desk.bank.next_fault("refund", Fault::Impossible);
        desk.wish(order, Wish::Refund { reason: "moved".into() }).await;
        desk.until(order, S::Refunded).await;
        pass(Duration::from_secs(9 * 60)).await;
        assert_eq!((desk.bank.count("refund"), desk.holds.row(order).owed_minor()), (1, PRICE));
        pass(Duration::from_secs(12 * 60)).await;
        desk.rest().await;
        desk.assert_money_adds();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn three_thousand_holds_that_run_out_go_back_in_one_or_two_transactions_within_a_second() {
    on_stage(async {
        let desk = Desk::open();
        for _ in 0..3_000 {
            desk.reserve();
        }
        pass(HELD_FOR - Duration::from_millis(1)).await;
        assert_eq!((desk.holds.numbers().held, desk.holds.changed.lock().unwrap().len()), (6_000, 0), "never early");
        pass(Duration::from_millis(1_001)).await;
        assert_eq!(desk.holds.numbers().held, 0);
        assert!(desk.holds.changed.lock().unwrap().len() <= 2, "{:?}", desk.holds.changed.lock().unwrap().len());
        assert!(desk.bank.calls.lock().unwrap().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_the_provider_is_down_holds_keep_nothing_fails_and_it_is_left_in_peace() {
    on_stage(async {
        let desk = Desk::open();
        let orders: Vec<_> = (0..50).map(|_| desk.reserve()).collect();
        desk.bank.down.store(true, Ordering::Relaxed);
        for order in &orders {
            desk.pay(*order, 1).await;
        }
        pass(Duration::from_secs(60)).await;
        assert!(
            orders
                .iter()
                .all(|order| desk.holds.status(*order) == S::Paying && desk.holds.row(*order).decline.is_none())
        );
        let calls = desk.bank.calls.lock().unwrap().len();
        assert!((5..60).contains(&calls), "{calls} calls in a minute");
        desk.bank.down.store(false, Ordering::Relaxed);
        for order in orders {
            desk.until(order, S::Confirmed).await;
        }
        desk.rest().await;
        desk.assert_money_adds();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_provider_is_not_called_faster_than_its_pace() {
    on_stage(async {
        let desk = Desk::open();
        let orders: Vec<_> = (0..200).map(|_| desk.reserve()).collect();
        for order in &orders {
            desk.pay(*order, 1).await;
        }
        for order in orders {
            desk.until(order, S::Confirmed).await;
        }
        let calls: Vec<_> = desk.bank.calls.lock().unwrap().iter().map(|(_, at)| *at).collect();
        let per_second = |from: &tokio::time::Instant| {
            calls.iter().filter(|at| *at >= from && at.duration_since(*from) < Duration::from_secs(1)).count()
        };
        let most = calls.iter().map(per_second).max().unwrap();
        assert!(most <= 92, "{most} calls in a second");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_that_comes_too_late_changes_nothing() {
    on_stage(async {
        let mut desk = Desk::till_only(stampede_actors::settings::ActorSettings::default());
        let order = desk.reserve();
        desk.pay(order, 1).await;
        pass(HELD_FOR).await;
        desk.open_back_office();
        desk.until(order, S::Expired).await;
        desk.rest().await;
        assert!(desk.bank.calls.lock().unwrap().is_empty());
        let answer = desk.wish(order, Wish::Pay { attempt: 1 }).await;
        assert_eq!(answer, stampede_actors::till::TillAnswer::Refused(HoldRefused::Ended(S::Expired)));
    })
    .await;
}
