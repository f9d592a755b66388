//! What operators ask `CacheSync`, and what they tell it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use stampede_actors::{
    cache_sync::{LookAround, OrderSeen, SteerSale, Surroundings, XrayOrder},
    flight::{self, Step},
    inventory::Placed,
};
use stampede_domain::{Decision, OrderId, OrderRefused, OrderStatus, ledger::Known, sale::SaleState};
use std::{sync::atomic::Ordering, time::Duration};
use support::{Play, Wishes, on_stage, pass, until};

async fn steer(play: &Play, event: &str, paused: bool) -> bool {
    play.steer.ask(SteerSale { event: event.parse().unwrap(), paused }).await.unwrap().unwrap()
}

async fn around(play: &Play) -> Surroundings {
    play.around.ask(LookAround).await.unwrap().unwrap()
}

async fn xray(play: &Play, order: OrderId) -> OrderSeen {
    play.xray.ask(XrayOrder(order)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_paused_sale_refuses_and_a_resumed_one_sells_again() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        assert!(steer(&play, "festival", true).await);
        let (_, placed) = play.buy(1).await;
        assert_eq!(placed, Placed::Refused(OrderRefused::Paused), "in force when it was answered");
        assert!(steer(&play, "festival", false).await);
        let (_, placed) = play.buy(1).await;
        assert_eq!(placed, Placed::Accepted { status: OrderStatus::Pending, replayed: false });
        assert!(!steer(&play, "no-such-event", true).await);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_looks_around_sees_what_is_for_sale_and_how_the_writers_are() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 10, ..Wishes::default() }).await;
        play.buy(2).await;
        pass(Duration::from_secs(1)).await;
        let seen = around(&play).await;
        assert_eq!(seen.shelf.events[0].types[0].state, SaleState::OnSale);
        assert!(seen.report.high_water > 0, "a writer was heard of");
        assert!(seen.now >= seen.heard_at);
    })
    .await;
}

/// The ledger is lost between the bus and the promise: the buyer is not told 202, so no step may say so.
#[tokio::test(start_paused = true)]
async fn a_promise_that_was_refused_is_no_step() {
    flight::install();
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        play.ledger.promise_takes_ms.store(50, Ordering::Relaxed);
        let order = play.fresh();
        let answer = tokio::task::spawn_local(play.ask_for_it(play.order(order, 2)));
        until("the bus has it", || flight::find(order).iter().any(|noted| noted.step == Step::Published)).await;
        play.ledger.lose();
        assert!(matches!(answer.await.unwrap().unwrap(), Placed::Unknown { .. }));
        assert!(!flight::find(order).iter().any(|noted| noted.step == Step::Promised), "it was refused");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_order_is_seen_by_the_ledger_and_by_the_store_and_its_steps_are_remembered() {
    flight::install();
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        let (order, _) = play.buy(2).await;
        until("the order is decided", || play.ground.store.status(order).is_some()).await;
        play.rest().await;
        let OrderSeen { ledger, row } = xray(&play, order).await;
        assert!(matches!(ledger, Ok(Some(Known::Noted(noted))) if noted.decision == Decision::Confirmed), "{ledger:?}");
        assert_eq!(row.unwrap().unwrap().quantity, 2);
        let mut steps: Vec<_> = flight::find(order).into_iter().map(|noted| noted.step).collect();
        steps.sort_unstable();
        assert_eq!(steps, Step::ALL);
        let nobody = xray(&play, play.fresh()).await;
        assert_eq!((nobody.ledger, nobody.row), (Ok(Some(Known::Nothing)), Ok(None)));
    })
    .await;
}
