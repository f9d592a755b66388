//! From the request to the promise: `Inventory` and `Publisher`.

mod support;

use stampede_actors::{
    facts::PutOff,
    gate::Gate,
    inventory::{
        EventNotShown, FindEvent, FindOrder, ListEvents, OrderNotShown, PlaceOrder, Placed, RepeatOrder, WatchShelf,
    },
    mailbox::NoAnswer,
    ports::PortFailure,
    publisher::{Publish, Publisher},
    settings::ActorSettings,
    shelf::Pressure,
};
use stampede_domain::{
    BuyerId, Contact, Fingerprint, Intent, Millis, OrderId, OrderRefused, OrderStatus, ledger::Known,
};
use std::{sync::atomic::Ordering, time::Duration};
use support::{Ground, Play, Wishes, bus::PublishFault, on_stage, pass, pool, request, until};
use uuid::Uuid;

const PENDING: Placed = Placed::Accepted { status: OrderStatus::Pending, replayed: false };
const PENDING_AGAIN: Placed = Placed::Accepted { status: OrderStatus::Pending, replayed: true };
const CONFIRMED_AGAIN: Placed = Placed::Accepted { status: OrderStatus::Confirmed, replayed: true };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn put_off(placed: Placed) -> PutOff {
    match placed {
        Placed::PutOff { why, retry_after } => {
            assert!(retry_after >= Duration::from_secs(1) && retry_after <= Duration::from_mins(1), "{retry_after:?}");
            why
        }
        other => panic!("put off, not {other:?}"),
    }
}

fn is_unknown(placed: Placed) -> bool {
    matches!(placed, Placed::Unknown { retry_after } if retry_after >= Duration::from_secs(1))
}

async fn without_writers(wishes: Wishes) -> Play {
    Play::without_writers(Ground::new(wishes)).await
}

#[tokio::test(start_paused = true)]
async fn an_order_is_accepted_only_after_claim_publish_and_promise() {
    on_stage(async {
        let play = without_writers(Wishes::default()).await;
        play.ledger.claim_takes_ms.store(20, Ordering::Relaxed);
        play.ground.bus.publish_takes_ms.store(50, Ordering::Relaxed);
        play.ledger.promise_takes_ms.store(30, Ordering::Relaxed);
        let order = play.fresh();
        let answer = play.ask_for_it(play.order(order, 2));
        let answer = tokio::task::spawn_local(answer);
        let stands = || (play.numbers().claimed, play.ground.bus.waiting(), play.numbers().promised);
        let began = tokio::time::Instant::now();
        for (at, expected) in [(10, (0, 0, 0)), (30, (2, 0, 0)), (60, (2, 0, 0)), (80, (2, 1, 0)), (95, (2, 1, 0))] {
            tokio::time::sleep_until(began + ms(at)).await;
            assert_eq!(stands(), expected, "after {at} ms");
            assert!(!answer.is_finished(), "answered after {at} ms");
        }
        assert_eq!(answer.await.unwrap(), Ok(PENDING));
        assert_eq!(stands(), (2, 1, 2));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_publish_with_unknown_outcome_keeps_its_claim_and_the_same_key_resumes() {
    for fault in [PublishFault::UnknownLanded, PublishFault::UnknownLost] {
        on_stage(async {
            let mut play = without_writers(Wishes::default()).await;
            play.ground.bus.publish_faults.lock().unwrap().push_back(fault);
            let order = play.order(play.fresh(), 3);
            assert!(is_unknown(play.ask(order.clone()).await), "{fault:?}");
            assert_eq!((play.numbers().claimed, play.numbers().promised), (3, 0), "{fault:?}");
            assert_eq!(play.find(order.order).await.unwrap().status, OrderStatus::Pending);
            assert_eq!(play.ask(order.clone()).await, PENDING, "{fault:?}");
            assert_eq!((play.numbers().claimed, play.numbers().promised), (3, 3), "claimed once: {fault:?}");
            assert_eq!(play.ground.bus.waiting(), if fault == PublishFault::UnknownLanded { 2 } else { 1 });
            play.start_writing();
            play.rest().await;
            assert_eq!((play.ground.store.orders(), play.ground.store.numbers().sold), (1, 3), "{fault:?}");
            assert_eq!(play.ask(order).await, CONFIRMED_AGAIN);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_definite_refusal_gives_the_units_back() {
    on_stage(async {
        let play = without_writers(Wishes { capacity: 3, ..Wishes::default() }).await;
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::Refused);
        let order = play.order(play.fresh(), 3);
        assert_eq!(put_off(play.ask(order.clone()).await), PutOff::Broken);
        assert_eq!((play.numbers().claims, play.numbers().free()), (0, 3));
        assert_eq!(play.ask(order).await, PENDING, "the key is unused");
    })
    .await;
}

/// Another request published under this claim and was not heard of: the message may be on the bus.
#[tokio::test(start_paused = true)]
async fn a_claim_that_was_resumed_is_not_given_back_by_a_refusal() {
    on_stage(async {
        let play = without_writers(Wishes::default()).await;
        let faults = [PublishFault::UnknownLanded, PublishFault::Refused];
        play.ground.bus.publish_faults.lock().unwrap().extend(faults);
        let order = play.order(play.fresh(), 2);
        assert!(is_unknown(play.ask(order.clone()).await));
        assert!(is_unknown(play.ask(order.clone()).await), "not “nothing was taken”");
        assert_eq!(play.numbers().claimed, 2);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_is_lost_is_found_by_the_same_key() {
    on_stage(async {
        let play = without_writers(Wishes::default()).await;
        let lost = PortFailure::Unknown("on purpose".into());
        let refused = PortFailure::Unavailable("on purpose".into());
        play.ledger.claim_faults.lock().unwrap().extend([refused, lost]);
        let order = play.order(play.fresh(), 2);
        assert_eq!(put_off(play.ask(order.clone()).await), PutOff::Broken);
        assert_eq!(play.numbers().claimed, 0);
        assert!(is_unknown(play.ask(order.clone()).await));
        assert_eq!((play.numbers().claimed, play.ground.bus.waiting()), (2, 0));
        assert_eq!(play.ask(order).await, PENDING);
        assert_eq!((play.numbers().claimed, play.ground.bus.waiting()), (2, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_same_key_gets_the_same_answer_and_another_body_nothing() {
    on_stage(async {
        let mut play = without_writers(Wishes { capacity: 4, ..Wishes::default() }).await;
        let mine = play.order(play.fresh(), 2);
        let bodies = [
            PlaceOrder { quantity: 3, ..mine.clone() },
            PlaceOrder { buyer: BuyerId(99), ..mine.clone() },
            PlaceOrder { contact: stampede_domain::Contact::default(), ..mine.clone() },
        ];
        assert_eq!(play.ask(mine.clone()).await, PENDING);
        for decided in [false, true] {
            // Nobody asks more often than a person would.
            pass(Duration::from_secs(2)).await;
            if decided {
                play.start_writing();
                play.rest().await;
            }
            assert_eq!(play.ask(mine.clone()).await, if decided { CONFIRMED_AGAIN } else { PENDING_AGAIN });
            for other in &bodies {
                assert_eq!(play.ask(other.clone()).await, Placed::Refused(OrderRefused::KeyReused));
            }
        }
        assert_eq!((play.ground.store.orders(), play.numbers().free()), (1, 2));
        assert_eq!(play.buy(2).await.1, PENDING);
        let sold_out = OrderRefused::SoldOut { free: 0, in_flight: 2 };
        let late = play.order(play.fresh(), 1);
        assert_eq!(play.ask(late.clone()).await, Placed::Refused(sold_out));
        // The organizer finds another row of seats: the refused key is unused.
        play.ground.catalogue.change(|listing| listing.event.ticket_types[0].capacity = 5);
        until("the new unit is shown", || play.numbers().free() == 1).await;
        assert_eq!(play.ask(late).await, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_order_has_ended_says_so() {
    on_stage(async {
        let mut play = without_writers(Wishes::default()).await;
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLost);
        let order = play.order(play.fresh(), 1);
        assert!(is_unknown(play.ask(order.clone()).await));
        play.start_writing();
        until("it is reaped", || play.ground.store.status(order.order) == Some(OrderStatus::Expired)).await;
        play.rest().await;
        assert_eq!(play.ask(order).await, Placed::Refused(OrderRefused::Ended(OrderStatus::Expired)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_buyer_who_hangs_up_loses_nothing() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        play.ledger.claim_takes_ms.store(10, Ordering::Relaxed);
        let (at_once, midway) = (play.order(play.fresh(), 1), play.order(play.fresh(), 2));
        drop(play.ask_for_it(at_once.clone()));
        let asked = tokio::time::timeout(ms(5), play.ask_for_it(midway.clone())).await;
        assert!(asked.is_err(), "hung up before the claim was answered");
        until("both are decided", || play.ground.store.numbers().sold == 3).await;
        play.rest().await;
        for order in [at_once, midway] {
            assert_eq!(play.ground.store.status(order.order), Some(OrderStatus::Confirmed));
            assert_eq!(play.ask(order).await, CONFIRMED_AGAIN);
        }
        assert_eq!(play.inventory.depth(), 0, "no permit is lost");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_old_id_is_looked_up_before_it_is_claimed() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 500, ..Wishes::default() }).await;
        let before = play.order(play.fresh(), 2);
        assert_eq!(play.ask(before.clone()).await, PENDING);
        play.rest().await;
        assert!(
            play.ground.store.fates_asked.lock().unwrap().iter().all(|ids| *ids == 0),
            "a virgin pool forgot nothing"
        );
        let play = Play::on(play.kill()).await;
        play.ground.store.fates_asked.lock().unwrap().clear();
        assert_eq!(play.ask(before.clone()).await, CONFIRMED_AGAIN);
        let other = PlaceOrder { quantity: 1, ..before.clone() };
        assert_eq!(play.ask(other).await, Placed::Refused(OrderRefused::KeyReused));
        assert_eq!(play.numbers().claims, 0, "nothing was claimed for it");
        assert_eq!(play.ledger.known(before.order), Known::Nothing);
        // Everybody's key is old for two minutes: one query a claim batch, and no more.
        play.ground.store.fates_asked.lock().unwrap().clear();
        play.ledger.claim_takes_ms.store(5, Ordering::Relaxed);
        let answers = play.crowd(300).await.unwrap();
        assert!(answers.iter().all(|placed| *placed == PENDING));
        let asked: Vec<_> =
            play.ground.store.fates_asked.lock().unwrap().iter().copied().filter(|ids| *ids > 0).collect();
        assert_eq!(asked.iter().sum::<usize>(), 300);
        assert!(asked.len() <= 3, "{asked:?}");
        pass(Duration::from_mins(3)).await;
        play.ground.store.fates_asked.lock().unwrap().clear();
        assert_eq!(play.buy(1).await.1, PENDING);
        assert!(play.ground.store.fates_asked.lock().unwrap().iter().all(|ids| *ids == 0), "a new id is not looked up");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_old_id_is_not_taken_while_the_store_cannot_be_asked() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        assert_eq!(play.buy(1).await.1, PENDING);
        play.rest().await;
        let play = Play::without_writers(play.kill()).await;
        play.ground.store.down.store(true, Ordering::Relaxed);
        let order = play.order(play.fresh(), 1);
        assert_eq!(put_off(play.ask(order.clone()).await), PutOff::Broken);
        assert_eq!(play.numbers().claims, 0);
        play.ground.store.down.store(false, Ordering::Relaxed);
        assert_eq!(play.ask(order).await, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn batches_form_while_the_one_before_is_in_flight() {
    on_stage(async {
        let play = without_writers(Wishes { capacity: 5_000, ..Wishes::default() }).await;
        play.ledger.claim_takes_ms.store(10, Ordering::Relaxed);
        play.ground.bus.publish_takes_ms.store(25, Ordering::Relaxed);
        let answers = play.crowd(1_700).await.unwrap();
        assert!(answers.iter().all(|placed| *placed == PENDING));
        let claims = play.ledger.claim_batches();
        assert!(claims.len() <= 5 && claims.iter().all(|size| *size <= 500), "{claims:?}");
        assert_eq!(claims[1..4], [500, 500, 500], "what comes while a batch is in flight goes together");
        // Two publishes are under way (the first claims and the next 500); what comes meanwhile waits and goes together.
        let published = play.ground.bus.published.lock().unwrap().clone();
        assert!(published.len() <= 5, "{published:?}");
        assert_eq!(published.iter().sum::<usize>(), 1_700);
        assert_eq!(play.inventory.batches(), (claims.len() as u64, 1_700));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_full_publisher_gives_the_units_back() {
    on_stage(async {
        let settings = ActorSettings { publisher_mailbox_capacity: 2, ..ActorSettings::default() };
        let play = without_writers(Wishes { settings, ..Wishes::default() }).await;
        play.ground.bus.publish_takes_ms.store(10_000, Ordering::Relaxed);
        let mut asked = Vec::new();
        for _ in 0..3 {
            asked.push(tokio::task::spawn_local(play.ask_for_it(play.order(play.fresh(), 1))));
            pass(ms(10)).await;
        }
        assert_eq!(put_off(asked.pop().unwrap().await.unwrap().unwrap()), PutOff::Full);
        assert_eq!(play.numbers().claimed, 2);
        for answer in asked {
            assert_eq!(answer.await.unwrap(), Ok(PENDING));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_full_inventory_refuses_at_once_and_recovers() {
    on_stage(async {
        let settings = ActorSettings { inventory_mailbox_capacity: 3, ..ActorSettings::default() };
        let play = without_writers(Wishes { settings, ..Wishes::default() }).await;
        play.ledger.claim_takes_ms.store(50, Ordering::Relaxed);
        let asked: Vec<_> = (0..3).map(|_| play.ask_for_it(play.order(play.fresh(), 1))).collect();
        let refused = play.ask_for_it(play.order(play.fresh(), 1)).await;
        assert_eq!(refused, Err(NoAnswer::Full));
        for answer in asked {
            assert_eq!(answer.await, Ok(PENDING));
        }
        until("room", || play.inventory.depth() == 0).await;
        assert_eq!(play.buy(1).await.1, PENDING);
    })
    .await;
}

/// The node is frozen between publish and promise: no 202, whatever the writers make of the message.
#[tokio::test(start_paused = true)]
async fn a_promise_that_comes_too_late_is_not_given() {
    on_stage(async {
        let mut play = without_writers(Wishes::default()).await;
        play.ledger.promise_takes_ms.store(45_000, Ordering::Relaxed);
        let order = play.order(play.fresh(), 2);
        // Reaped meanwhile, which the ledger tells by then.
        let ended = Placed::Refused(OrderRefused::Ended(OrderStatus::Expired));
        assert_eq!(play.ask(order.clone()).await, ended);
        play.start_writing();
        play.rest().await;
        assert_eq!(
            play.ground.store.status(order.order),
            Some(OrderStatus::Expired),
            "the late message changes nothing"
        );
        assert_eq!(play.ground.store.numbers().sold, 0);
        assert_eq!(play.ledger.broken.load(Ordering::Relaxed), 0);
    })
    .await;
}

/// The writer may be faster than the promise: then its decision is the answer.
#[tokio::test(start_paused = true)]
async fn a_writer_that_was_faster_than_the_promise_is_believed() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 2, ..Wishes::default() }).await;
        play.ledger.promise_takes_ms.store(1_000, Ordering::Relaxed);
        let (order, placed) = play.buy(2).await;
        assert_eq!(placed, Placed::Accepted { status: OrderStatus::Confirmed, replayed: false });
        assert_eq!(play.ground.store.status(order), Some(OrderStatus::Confirmed));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_no_is_said_by_its_name() {
    on_stage(async {
        let play = without_writers(Wishes { limit: Some(3), ..Wishes::default() }).await;
        let order = |quantity| request(play.fresh(), quantity, BuyerId(1));
        let refused = |why| Placed::Refused(why);
        assert_eq!(play.ask(order(7)).await, refused(OrderRefused::TooManyAtOnce { max: 6 }));
        assert_eq!(play.ask(order(2)).await, PENDING);
        assert_eq!(play.ask(order(2)).await, refused(OrderRefused::LimitReached { limit: 3, taken: 2 }));
        assert_eq!(
            play.ask(PlaceOrder { event: Some("other".parse().unwrap()), ..order(1) }).await,
            Placed::NotForSale
        );
        assert_eq!(play.ask(PlaceOrder { ticket_type: Some("vip".into()), ..order(1) }).await, Placed::NotForSale);

        let in_force = || async { pass(Duration::from_secs(1)).await };
        play.ground.catalogue.change(|listing| listing.paused = true);
        in_force().await;
        assert_eq!(play.ask(order(1)).await, refused(OrderRefused::Paused));
        let opens = "2028-01-01T00:00:00Z".parse().unwrap();
        play.ground.catalogue.change(|listing| {
            listing.paused = false;
            listing.event.ticket_types[0].sale.opens_at = opens;
            listing.event.ticket_types[0].sale.closes_at = "2028-02-01T00:00:00Z".parse().unwrap();
        });
        in_force().await;
        assert_eq!(play.ask(order(1)).await, refused(OrderRefused::NotOpen { opens_at: opens.into() }));
        play.ground.catalogue.change(|listing| {
            listing.event.ticket_types[0].sale.opens_at = "2027-01-01T00:00:00Z".parse().unwrap();
            listing.event.ticket_types[0].sale.closes_at = "2027-02-01T00:00:00Z".parse().unwrap();
        });
        in_force().await;
        assert_eq!(play.ask(order(1)).await, refused(OrderRefused::SaleOver));
        play.admitting.store(false, Ordering::Relaxed);
        assert_eq!(put_off(play.ask(order(1)).await), PutOff::Leaving);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn before_the_pools_are_open_nobody_is_told_sold_out_or_not_found() {
    on_stage(async {
        let ground = Ground::new(Wishes::default());
        ground.store.down.store(true, Ordering::Relaxed);
        let play = Play::unready(ground);
        let order = play.order(play.fresh(), 1);
        assert_eq!(put_off(play.ask(order.clone()).await), PutOff::Closed, "no shelf yet");
        pass(Duration::from_secs(1)).await;
        assert_eq!(put_off(play.ask(order.clone()).await), PutOff::Closed, "a shelf, no pool");
        assert!(matches!(play.find(order.order).await, Err(OrderNotShown::NotKnownYet { .. })));
        play.ground.store.down.store(false, Ordering::Relaxed);
        until("open", || play.ledger.numbers(pool()).is_some()).await;
        assert_eq!(play.ask(order).await, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_the_writers_are_behind_new_orders_are_put_off_with_jitter_and_reads_are_served() {
    on_stage(async {
        let settings = ActorSettings {
            order_writer_batch_size: 10,
            order_writer_high_water: 20,
            order_writer_mailbox_capacity: 40,
            ..ActorSettings::default()
        };
        let play = Play::begin(Wishes { settings, capacity: 1_000, ..Wishes::default() }).await;
        let early = play.order(play.fresh(), 1);
        assert_eq!(play.ask(early.clone()).await, PENDING);
        play.rest().await;
        play.ground.store.decide_takes_ms.store(2_000, Ordering::Relaxed);
        let promised = play.crowd(60).await.unwrap();
        assert!(promised.iter().all(|placed| *placed == PENDING));
        let late = play.order(play.fresh(), 1);
        assert_eq!(play.ask(late.clone()).await, PENDING);
        until("the shelf says so", || matches!(play.pressure(), Pressure::Behind(_))).await;
        let mut waits = Vec::new();
        for _ in 0..20 {
            match play.buy(1).await.1 {
                Placed::PutOff { why: PutOff::Behind, retry_after } => waits.push(retry_after),
                other => panic!("{other:?}"),
            }
        }
        let base = waits.iter().min().copied().unwrap();
        assert!(waits.iter().all(|wait| *wait <= base * 2) && waits.iter().any(|wait| *wait > base), "{waits:?}");
        // Who has an order is not told that nothing was taken.
        assert_eq!(play.ask(early.clone()).await, CONFIRMED_AGAIN);
        assert_eq!(play.ask(late.clone()).await, PENDING_AGAIN, "it is promised");
        let other = PlaceOrder { quantity: 2, ..late.clone() };
        assert_eq!(play.ask(other).await, Placed::Refused(OrderRefused::KeyReused));
        // Reads do not wait for writers.
        let asked = tokio::time::Instant::now();
        let nobody = OrderId(Uuid::from_u128(1));
        assert_eq!(play.find(nobody).await.unwrap_err(), OrderNotShown::NotFound);
        assert!(asked.elapsed() < ms(10));
        // When they are fast again, every promise is decided and the door opens by itself.
        play.ground.store.decide_takes_ms.store(0, Ordering::Relaxed);
        play.rest().await;
        assert_eq!(play.ground.store.numbers().sold, 62);
        until("calm", || play.pressure() == Pressure::Calm).await;
        pass(ms(1)).await;
        assert_eq!(play.buy(1).await.1, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_of_the_writers_puts_orders_off_once_something_is_promised() {
    on_stage(async {
        let mut play = without_writers(Wishes::default()).await;
        pass(Duration::from_secs(30)).await;
        assert_eq!(play.pressure(), Pressure::Calm, "nothing is promised, so nobody needs to be heard");
        let (order, placed) = play.buy(1).await;
        assert_eq!(placed, PENDING, "the first one is taken");
        pass(Duration::from_secs(1)).await;
        assert_eq!(put_off(play.buy(1).await.1), PutOff::Silent);
        assert_eq!(play.find(order).await.unwrap().status, OrderStatus::Pending);
        play.start_writing();
        play.rest().await;
        pass(ms(200)).await;
        assert_eq!(play.buy(1).await.1, PENDING);
    })
    .await;
}

/// A shelf that nobody fills any more says nothing about the writers.
#[tokio::test(start_paused = true)]
async fn orders_are_put_off_when_the_shelf_grows_stale() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        assert_eq!(play.buy(1).await.1, PENDING);
        play.rest().await;
        let order = play.order(play.fresh(), 1);
        // Six seconds that no task was given: the request is there before the next look at the ledger.
        let asked = play.ask_for_it(order.clone());
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(put_off(asked.await.unwrap()), PutOff::Silent);
        pass(ms(200)).await;
        assert_eq!(play.ask(order).await, PENDING);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_neither_leaks_nor_expires_anything_twice() {
    on_stage(async {
        let play = Play::begin(Wishes { capacity: 10, ..Wishes::default() }).await;
        let now = || stampede_actors::clock::Clock::now(&*play.ground.clock);
        play.ground.bus.publish_faults.lock().unwrap().push_back(PublishFault::UnknownLost);
        let (lost, placed) = play.buy(2).await;
        assert!(is_unknown(placed));
        let before = now();
        play.ground.clock.step(-20_000);
        assert!(now() < before);
        let (kept, placed) = play.buy(3).await;
        assert_eq!(placed, PENDING);
        until("reaped", || play.ground.store.status(lost) == Some(OrderStatus::Expired)).await;
        play.rest().await;
        assert_eq!(play.ground.store.status(kept), Some(OrderStatus::Confirmed));
        assert_eq!((play.numbers().free(), play.ledger.broken.load(Ordering::Relaxed)), (7, 0));
        assert!(now() > Millis(before.0 + 10_000), "not before its thirty seconds");
    })
    .await;
}

/// A buyer who asks too often gets nothing new, and the answer of what they have.
#[tokio::test(start_paused = true)]
async fn who_asks_too_often_hears_of_the_order_of_a_known_key_and_gets_no_other() {
    on_stage(async {
        let play = without_writers(Wishes::default()).await;
        let retry_after = Duration::from_secs(3);
        let repeat = async |order: &PlaceOrder| {
            let asked = RepeatOrder { order: order.clone(), retry_after };
            play.repeat_order.ask(asked).await.unwrap()
        };
        let known = request(play.fresh(), 1, BuyerId(1));
        assert_eq!(repeat(&known).await, Placed::TooOften { retry_after });
        assert_eq!(play.numbers().claimed, 0, "asking so takes nothing");
        assert_eq!(play.ask(known.clone()).await, PENDING);
        assert_eq!(repeat(&known).await, PENDING_AGAIN);
        let other = PlaceOrder { quantity: 2, ..known.clone() };
        assert_eq!(repeat(&other).await, Placed::Refused(OrderRefused::KeyReused));
        assert_eq!(repeat(&request(play.fresh(), 1, BuyerId(1))).await, Placed::TooOften { retry_after });
        assert_eq!(play.numbers().claimed, 1);
    })
    .await;
}

/// More than one order may have is refused for new orders only: this one was taken when it was allowed.
#[tokio::test(start_paused = true)]
async fn a_key_whose_order_is_larger_than_what_is_allowed_now_finds_it() {
    on_stage(async {
        let play = without_writers(Wishes::default()).await;
        let order = request(play.fresh(), 5, BuyerId(1));
        assert_eq!(play.ask(order.clone()).await, PENDING);
        play.ground.catalogue.change(|listing| listing.event.ticket_types[0].max_per_order = 4);
        until("the tighter rule is on the shelf", || {
            let shelf = play.board.latest().unwrap();
            shelf.events[0].listing.event.ticket_types[0].max_per_order == 4
        })
        .await;
        assert_eq!(play.ask(order).await, PENDING_AGAIN);
        let fresh = request(play.fresh(), 5, BuyerId(1));
        assert_eq!(play.ask(fresh).await, Placed::Refused(OrderRefused::TooManyAtOnce { max: 4 }));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_noted_order_of_another_body_is_not_told_to_who_asks_too_often() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        let order = request(play.fresh(), 1, BuyerId(1));
        assert_eq!(play.ask(order.clone()).await, PENDING);
        play.rest().await;
        let retry_after = Duration::from_secs(3);
        let repeat = async |order| play.repeat_order.ask(RepeatOrder { order, retry_after }).await.unwrap();
        assert_eq!(repeat(order.clone()).await, CONFIRMED_AGAIN);
        let other = PlaceOrder { quantity: 2, ..order };
        assert_eq!(repeat(other).await, Placed::Refused(OrderRefused::KeyReused));
    })
    .await;
}

/// As many as are allowed is allowed.
#[tokio::test(start_paused = true)]
async fn an_order_may_be_as_large_as_its_ticket_type_allows() {
    on_stage(async {
        let play = without_writers(Wishes::default()).await;
        assert_eq!(play.buy(6).await.1, PENDING);
        assert_eq!(play.buy(7).await.1, Placed::Refused(OrderRefused::TooManyAtOnce { max: 6 }));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_looks_is_shown_the_shelf_and_how_old_it_is() {
    on_stage(async {
        let unready = Play::unready(Ground::new(Wishes::default()));
        let (event, events) = (unready.find_event.ask(FindEvent(None)), unready.list_events.ask(ListEvents));
        assert_eq!(event.await.unwrap().err(), Some(EventNotShown::NotReady));
        assert_eq!(events.await.unwrap().err(), Some(EventNotShown::NotReady));

        let play = without_writers(Wishes::default()).await;
        let find = async |slug: Option<&str>| {
            let slug = slug.map(|slug| slug.parse().unwrap());
            play.find_event.ask(FindEvent(slug)).await.unwrap()
        };
        for slug in [None, Some("festival")] {
            let shown = find(slug).await.unwrap();
            assert_eq!((shown.event.listing.event.name.as_str(), shown.stale), ("Festival", false));
            assert_eq!(shown.event.types[0].numbers.unwrap().free(), 100);
        }
        assert_eq!(find(Some("other")).await.err(), Some(EventNotShown::NotFound));
        let listed = play.list_events.ask(ListEvents).await.unwrap().unwrap();
        assert_eq!(
            listed.iter().map(|shown| shown.event.listing.event.slug.as_str()).collect::<Vec<_>>(),
            ["festival"]
        );

        let mut shelves = play.watch_shelf.ask(WatchShelf).await.unwrap();
        shelves.mark_unchanged();
        assert_eq!(play.buy(1).await.1, PENDING);
        let seen = |shelf: &Option<std::sync::Arc<stampede_actors::shelf::Shelf>>| {
            shelf.as_ref().is_some_and(|shelf| shelf.events[0].types[0].numbers.unwrap().free() == 99)
        };
        tokio::time::timeout(ms(500), shelves.wait_for(seen)).await.expect("told within half a second").unwrap();
        play.kill_cache_sync();
        pass(ms(1_200)).await;
        assert!(find(None).await.unwrap().stale, "nobody fills the shelf any more");
    })
    .await;
}

/// Who may see the row gets it; while the store cannot be asked, what the ledger knows is told.
#[tokio::test(start_paused = true)]
async fn an_order_is_told_with_its_row_to_who_may_see_it() {
    on_stage(async {
        let play = Play::begin(Wishes::default()).await;
        let (order, placed) = play.buy(2).await;
        assert_eq!(placed, PENDING);
        play.rest().await;
        let find = async |details| play.find_order.ask(FindOrder { order, details }).await.unwrap().unwrap();
        let plain = find(false).await;
        assert_eq!((plain.status, plain.record), (OrderStatus::Confirmed, None));
        assert_eq!(play.ground.store.found.load(Ordering::Relaxed), 0, "the ledger knows enough");
        let with_row = find(true).await;
        assert_eq!((with_row.status, with_row.record.map(|row| row.quantity)), (OrderStatus::Confirmed, Some(2)));
        play.ground.store.down.store(true, Ordering::Relaxed);
        let without_row = find(true).await;
        assert_eq!((without_row.status, without_row.record), (OrderStatus::Confirmed, None));
    })
    .await;
}

fn intents(count: usize) -> Publish {
    let intent = Intent {
        order: OrderId(Uuid::from_u128(1)),
        pool: pool(),
        quantity: 1,
        buyer: BuyerId(1),
        fingerprint: Fingerprint(1),
        asked_at: Millis(0),
        contact: Contact::default(),
        trace: None,
    };
    Publish(vec![intent; count])
}

#[tokio::test(start_paused = true)]
async fn two_publishes_are_under_way_and_whole_groups_share_the_next_as_far_as_they_fit() {
    on_stage(async {
        let ground = Ground::new(Wishes::default());
        ground.bus.publish_takes_ms.store(1_000, Ordering::Relaxed);
        let settings = ActorSettings { publisher_batch_size: 5, ..ActorSettings::default() };
        let gate = Gate::new("publisher", 100);
        let publisher = Publisher::new(std::sync::Arc::clone(&ground.bus) as _, &settings, &gate, support::tasks());
        let publish = support::mailbox_of::<_, Publish>(&gate, &publisher);
        let published = || ground.bus.published.lock().unwrap().clone();
        let mut asked = Vec::new();
        for group in [1, 1, 2, 3, 1, 6, 1, 1, 1, 1, 1, 1, 1] {
            asked.push((group, tokio::task::spawn_local(publish.ask(intents(group)))));
            pass(ms(10)).await;
        }
        pass(ms(700)).await;
        assert_eq!(published(), [1, 1], "no third one meanwhile");
        for (group, answer) in asked {
            assert_eq!(answer.await.unwrap().unwrap().len(), group, "an outcome an intent");
        }
        assert_eq!(published(), [1, 1, 5, 1, 6, 5, 2]);
    })
    .await;
}
