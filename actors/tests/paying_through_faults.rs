//! Each step of a payment may fail, fail in doubt, be taken twice, or be the last thing a process does: the order ends right
//! all the same, and the money adds up.

mod support;

use stampede_actors::lane::Wish;
use stampede_domain::{Decline, OrderId, OrderStatus};
use std::{future::Future, pin::Pin, time::Duration};
use support::{
    bank::{Buyer, Fault},
    desk::{Desk, HELD_FOR},
    on_stage, pass,
    store::CommitFault,
    until,
};

use OrderStatus as S;

/// A story of an order, and how it ends. It only begins it: what follows, follows by itself.
type Story = fn(&Desk, OrderId) -> Pin<Box<dyn Future<Output = ()> + '_>>;

/// Every call to the provider is in one of them.
const STORIES: [(&str, Story, OrderStatus); 4] = [
    ("paid", |desk, order| Box::pin(pays(desk, order)), S::Confirmed),
    ("declined, then paid", |desk, order| Box::pin(is_declined_and_pays(desk, order)), S::Confirmed),
    ("out of time while paying", |desk, order| Box::pin(runs_out(desk, order)), S::Expired),
    ("paid and given back", |desk, order| Box::pin(pays_and_gets_it_back(desk, order)), S::Refunded),
];

async fn pays(desk: &Desk, order: OrderId) {
    desk.pay(order, 1).await;
}

async fn is_declined_and_pays(desk: &Desk, order: OrderId) {
    desk.bank.next_buyer(Buyer::IsDeclined(Decline::Declined));
    desk.pay(order, 1).await;
    until("it is declined", || desk.holds.row(order).decline.is_some()).await;
    desk.pay(order, 2).await;
}

async fn runs_out(desk: &Desk, order: OrderId) {
    desk.bank.next_buyer(Buyer::Sleeps);
    pass(HELD_FOR - Duration::from_secs(8)).await;
    desk.pay(order, 1).await;
}

async fn pays_and_gets_it_back(desk: &Desk, order: OrderId) {
    desk.pay(order, 1).await;
    desk.until(order, S::Confirmed).await;
    desk.wish(order, Wish::Refund { reason: "moved".into() }).await;
}

const CALLS: [&str; 5] = ["create", "find", "capture", "cancel", "refund"];

/// Tells every story with something arranged before, and looks at its end.
async fn tell_all(arrange: impl Fn(&Desk)) {
    for (name, story, end) in STORIES {
        let desk = Desk::open();
        let order = desk.reserve();
        arrange(&desk);
        story(&desk, order).await;
        until(&format!("the end of “{name}”"), || desk.holds.status(order) == end).await;
        desk.rest().await;
        desk.assert_money_adds();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_or_ends_in_doubt_is_made_again() {
    on_stage(async {
        for call in CALLS {
            for fault in [Fault::Unavailable, Fault::UnknownBefore, Fault::UnknownAfter] {
                tell_all(|desk| (0..3).for_each(|_| desk.bank.next_fault(call, fault))).await;
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_answered_is_made_again() {
    on_stage(async {
        for call in CALLS {
            for fault in [Fault::HangsBefore, Fault::HangsAfter] {
                tell_all(|desk| desk.bank.next_fault(call, fault)).await;
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_ends_in_doubt_is_asked_for_again() {
    on_stage(async {
        for fault in [CommitFault::UnknownLost, CommitFault::UnknownCommitted] {
            for number in 0..8 {
                tell_all(|desk| {
                    let mut faults = desk.holds.faults.lock().expect("nobody panicked with it");
                    faults.extend(std::iter::repeat_n(None, number).chain([Some(fault)]));
                })
                .await;
            }
        }
    })
    .await;
}

/// Tells a story until its process hangs, kills it there, and has another one tell the end.
async fn dies_in(story: (&str, Story, OrderStatus), arrange: impl Fn(&Desk), hangs: impl Fn(&Desk) -> bool) {
    let (name, story, end) = story;
    let mut desk = Desk::open();
    let order = desk.reserve();
    arrange(&desk);
    story(&desk, order).await;
    until("it hangs", || hangs(&desk) || desk.holds.status(order) == end).await;
    desk.crash();
    until(&format!("the end of “{name}”"), || desk.holds.status(order) == end).await;
    desk.rest().await;
    desk.assert_money_adds();
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_in_a_call_another_finishes_it() {
    on_stage(async {
        let last_calls = [(0, "create"), (0, "find"), (0, "capture"), (2, "create"), (2, "cancel"), (3, "refund")];
        for (story, call) in last_calls {
            for fault in [Fault::HangsBefore, Fault::HangsAfter] {
                let has_called = |desk: &Desk| desk.bank.count(call) > 0;
                dies_in(STORIES[story], |desk| desk.bank.next_fault(call, fault), has_called).await;
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_after_a_commit_another_goes_on_from_the_row() {
    on_stage(async {
        for story in [STORIES[0], STORIES[2]] {
            for number in 1..7 {
                let mut desk = Desk::open();
                let order = desk.reserve();
                (story.1)(&desk, order).await;
                until("so far", || desk.holds.changed.lock().expect("no panic").len() >= number).await;
                desk.holds.answers_hang.store(1, std::sync::atomic::Ordering::Relaxed);
                let hung = || desk.holds.answers_hang.load(std::sync::atomic::Ordering::Relaxed) == 0;
                until("it hangs", || hung() || desk.holds.status(order) == story.2).await;
                desk.holds.answers_hang.store(0, std::sync::atomic::Ordering::Relaxed);
                desk.crash();
                desk.until(order, story.2).await;
                desk.rest().await;
                desk.assert_money_adds();
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn two_processes_at_the_same_orders_take_each_payment_once() {
    on_stage(async {
        let mut desk = Desk::open();
        let first = desk.back_office.take();
        desk.open_back_office();
        let orders: Vec<_> = (0..20).map(|_| desk.reserve()).collect();
        for order in &orders {
            desk.pay(*order, 1).await;
        }
        for order in orders {
            desk.until(order, S::Confirmed).await;
        }
        desk.rest().await;
        desk.assert_money_adds();
        assert_eq!(desk.bank.payments().len(), 20);
        drop(first);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_store_may_be_away_for_a_while() {
    on_stage(async {
        let desk = Desk::open();
        let order = desk.reserve();
        desk.pay(order, 1).await;
        desk.holds.down.store(true, std::sync::atomic::Ordering::Relaxed);
        pass(Duration::from_secs(40)).await;
        desk.holds.down.store(false, std::sync::atomic::Ordering::Relaxed);
        desk.until(order, S::Confirmed).await;
        desk.rest().await;
        desk.assert_money_adds();
    })
    .await;
}
