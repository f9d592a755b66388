//! Orders whose units are held until they are paid: what their buyers are told who ask again.

mod support;

use stampede_actors::inventory::Placed;
use stampede_domain::{OrderRefused, OrderStatus};
use std::sync::atomic::Ordering;
use support::{Ground, Play, Wishes, on_stage, pool, until};

use OrderStatus as S;

async fn begin() -> Play {
    let ground = Ground::new(Wishes::default());
    ground.store.sells_online(pool());
    Play::on(ground).await
}

fn replayed(status: OrderStatus) -> Placed {
    Placed::Accepted { status, replayed: true }
}

fn stands(play: &Play, order: stampede_domain::OrderId, status: OrderStatus) {
    play.ground.store.lives.lock().expect("nobody panicked with it").insert(order, status);
}

#[tokio::test(start_paused = true)]
async fn who_is_promised_after_the_writers_have_reserved_is_told_so() {
    on_stage(async {
        let play = begin().await;
        play.ledger.promise_takes_ms.store(1_000, Ordering::Relaxed);
        assert_eq!(play.buy(1).await.1, Placed::Accepted { status: S::Reserved, replayed: false });
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_again_is_told_where_the_order_stands_by_now() {
    on_stage(async {
        let play = begin().await;
        let order = play.order(play.fresh(), 1);
        play.ask(order.clone()).await;
        play.rest().await;
        assert_eq!(play.ask(order.clone()).await, replayed(S::Reserved));
        for status in [S::Paying, S::Expiring, S::Confirmed] {
            stands(&play, order.order, status);
            assert_eq!(play.ask(order.clone()).await, replayed(status));
        }
        for status in [S::Expired, S::Cancelled, S::Refunded] {
            stands(&play, order.order, status);
            assert_eq!(play.ask(order.clone()).await, Placed::Refused(OrderRefused::Ended(status)));
        }
        play.ground.store.down.store(true, Ordering::Relaxed);
        assert_eq!(play.ask(order).await, replayed(S::Reserved), "as far as anybody knows");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_the_order_sees_its_row_and_not_its_note() {
    on_stage(async {
        let play = begin().await;
        let (order, _) = play.buy(1).await;
        until("it is reserved", || play.ground.store.status(order) == Some(S::Reserved)).await;
        play.rest().await;
        stands(&play, order, S::Confirmed);
        assert_eq!(play.find(order).await.expect("it is there").status, S::Confirmed);
        play.ground.store.down.store(true, Ordering::Relaxed);
        assert_eq!(play.find(order).await.expect("its note is there").status, S::Reserved);
    })
    .await;
}
