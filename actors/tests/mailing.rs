//! How what is owed reaches buyers, and what the mailroom does when it cannot.

mod support;

use stampede_actors::{
    facts::PutOff,
    mailroom::{Drain, LETTERS_AT_ONCE, OrdersOf, SendLink},
    ports::PortFailure,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use support::{
    counters::counted,
    mails::{MailDesk, Stands},
    on_stage, pass, until,
};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

fn unavailable() -> PortFailure {
    PortFailure::Unavailable("on purpose".into())
}

fn link(address: &str) -> SendLink {
    SendLink { address: address.into(), language: Some("de".into()) }
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_is_sent_once_and_noted() {
    on_stage(async {
        let desk = MailDesk::open();
        let orders = desk.buys(0..3).await;
        pass(5 * SECOND).await;
        assert!(orders.iter().all(|order| desk.post.stands(*order) == Stands::Sent));
        let mut carried = desk.post.carried.lock().unwrap().clone();
        carried.sort();
        assert_eq!(carried, orders.iter().map(|order| format!("{order}.confirmed")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn much_is_sent_at_once_batch_after_batch_and_few_letters_are_on_their_way() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.takes_ms.store(10, Ordering::Relaxed);
        pass(SECOND / 2).await;
        desk.buys(0..1000).await;
        let began = Instant::now();
        until("all are sent", || desk.post.carried() == 1000).await;
        assert!(began.elapsed() < 3 * SECOND, "{:?}: it waited between batches", began.elapsed());
        assert_eq!(desk.post.most_on_their_way.load(Ordering::Relaxed), LETTERS_AT_ONCE as u64);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_mailroom_of_a_web_process_sends_links_and_nothing_that_is_owed() {
    on_stage(async {
        let desk = MailDesk::open();
        let web = MailDesk::on(desk.ground.clone(), Arc::default(), false);
        web.buys(0..1).await;
        web.send_link.ask(link(" EVA@example.org")).await.unwrap();
        pass(10 * SECOND).await;
        assert_eq!(*web.post.carried.lock().unwrap(), ["link.de"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_is_down_is_left_in_peace_and_everything_comes_when_it_is_back() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.buys(0..300).await;
        *desk.post.always.lock().unwrap() = Some(unavailable());
        pass(30 * SECOND).await;
        let tried = desk.post.given.lock().unwrap().len();
        assert!((100..=160).contains(&tried), "{tried} letters in half a minute");
        assert!(desk.post.takes.lock().unwrap().iter().skip(2).all(|most| *most <= 5));
        *desk.post.always.lock().unwrap() = None;
        until("all are sent", || desk.post.carried() == 300).await;
        pass(SECOND).await;
        assert!(desk.post.outbox.lock().unwrap().values().all(|stands| *stands == Stands::Sent));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_a_mail_that_nobody_takes_is_given_up_after_a_day() {
    on_stage(async {
        let desk = MailDesk::open();
        let order = desk.buys(0..1).await[0];
        *desk.post.always.lock().unwrap() = Some(PortFailure::Unknown("hung up".into()));
        pass(120 * SECOND).await;
        let first = desk.post.given.lock().unwrap().len();
        assert!((5..=8).contains(&first), "{first} times in two minutes");
        pass(40 * 3600 * SECOND).await;
        assert_eq!(desk.post.given.lock().unwrap().len(), 31);
        assert_eq!(desk.post.stands(order), Stands::GivenUp("outcome unknown: hung up".into()));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_none_is_given_up_at_once_and_keeps_nobody_waiting() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.next.lock().unwrap().push_back(Err(PortFailure::Impossible("smtp: 550".into())));
        let orders = desk.buys(0..2).await;
        pass(5 * SECOND).await;
        assert_eq!(desk.post.stands(orders[0]), Stands::GivenUp("smtp: 550".into()));
        assert_eq!(desk.post.stands(orders[1]), Stands::Sent);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_cannot_be_written_today_is_written_tomorrow() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.speechless.store(true, Ordering::Relaxed);
        let order = desk.buys(0..1).await[0];
        pass(60 * SECOND).await;
        assert!(matches!(desk.post.stands(order), Stands::Due(_, 3..=7)), "{:?}", desk.post.stands(order));
        desk.post.speechless.store(false, Ordering::Relaxed);
        pass(180 * SECOND).await;
        assert_eq!(desk.post.stands(order), Stands::Sent);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_with_letters_on_their_way_sends_them_again_under_the_same_id() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.takes_ms.store(10_000, Ordering::Relaxed);
        let order = desk.buys(0..1).await[0];
        pass(2 * SECOND).await;
        desk.tasks.abort_all();
        let heir = MailDesk::on(desk.ground.clone(), Arc::clone(&desk.post), true);
        pass(100 * SECOND).await;
        assert_eq!(heir.post.carried(), 0, "the lease is the dead one's");
        pass(40 * SECOND).await;
        let id = format!("{order}.confirmed");
        assert_eq!(*heir.post.given.lock().unwrap(), [id.clone(), id]);
        assert_eq!(heir.post.stands(order), Stands::Sent);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_and_not_noted_is_noted_by_asking_again() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.notes_lost.store(2, Ordering::Relaxed);
        let order = desk.buys(0..1).await[0];
        pass(10 * SECOND).await;
        assert_eq!((desk.post.stands(order), desk.post.carried()), (Stands::Sent, 1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_never_answers_has_its_time() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.takes_ms.store(3_600_000, Ordering::Relaxed);
        let order = desk.buys(0..1).await[0];
        pass(21 * SECOND).await;
        assert!(matches!(desk.post.stands(order), Stands::Due(_, 1)));
        desk.post.takes_ms.store(0, Ordering::Relaxed);
        pass(10 * SECOND).await;
        assert_eq!(desk.post.stands(order), Stands::Sent);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_link_is_answered_at_once_for_everybody_and_sent_to_those_who_have_orders() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.takes_ms.store(5_000, Ordering::Relaxed);
        desk.buys(0..1).await;
        let began = Instant::now();
        for address in ["eva@example.org", "nobody@example.org", "no address"] {
            desk.send_link.ask(link(address)).await.unwrap();
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        pass(20 * SECOND).await;
        let links = desk.post.given.lock().unwrap().iter().filter(|id| id.starts_with("link")).count();
        assert_eq!(links, 1);
    })
    .await;
}

#[test]
fn one_address_gets_one_link_a_minute_and_what_came_of_each_is_counted() {
    let counted = counted(|| async {
        let desk = MailDesk::open();
        desk.buys(0..1).await;
        for address in ["eva@example.org", "Eva@Example.org", "nobody@example.org", "none"] {
            desk.send_link.ask(link(address)).await.unwrap();
        }
        pass(2 * SECOND).await;
    });
    let of = |of: &str| counted.get(&format!("stampede_mails_total {of}")).copied();
    for outcome in ["sent", "too_often", "no_orders", "no_address"] {
        assert_eq!(of(&format!("occasion=link outcome={outcome}")), Some(1), "{outcome}: {counted:?}");
    }
    assert_eq!(of("occasion=confirmed outcome=sent"), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_link_survives_a_carrier_that_is_away_for_a_moment() {
    on_stage(async {
        let desk = MailDesk::on(MailDesk::open().ground, Arc::default(), false);
        desk.buys(0..1).await;
        desk.post.next.lock().unwrap().extend([Err(unavailable()), Err(unavailable())]);
        desk.send_link.ask(link("eva@example.org")).await.unwrap();
        pass(30 * SECOND).await;
        assert_eq!(desk.post.carried(), 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_orders_of_an_address_are_told_newest_first_and_no_more_than_fifty() {
    on_stage(async {
        let desk = MailDesk::open();
        let orders = desk.buys(0..60).await;
        let ask = async |address: &str| desk.orders_of.ask(OrdersOf { address: address.into() }).await.unwrap();
        let found: Vec<_> = ask("EVA@example.org").await.unwrap().iter().map(|(row, _)| row.order).collect();
        assert_eq!(found, orders.iter().rev().take(50).copied().collect::<Vec<_>>());
        assert_eq!(ask("nobody@example.org").await, Ok(Vec::new()));
        desk.post.down.store(true, Ordering::Relaxed);
        assert_eq!(ask("eva@example.org").await, Err(PutOff::Broken));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_letters_on_their_way_arrive_and_hands_the_rest_back() {
    on_stage(async {
        let desk = MailDesk::open();
        desk.post.takes_ms.store(3_000, Ordering::Relaxed);
        desk.buys(0..50).await;
        pass(SECOND).await;
        desk.drain.ask(Drain).await.unwrap();
        assert_eq!(desk.post.carried(), LETTERS_AT_ONCE);
        let now = stampede_actors::clock::Clock::now(&*desk.ground.clock);
        let outbox = desk.post.outbox.lock().unwrap();
        let (sent, due): (Vec<_>, Vec<_>) = outbox.values().partition(|stands| **stands == Stands::Sent);
        assert_eq!(sent.len(), LETTERS_AT_ONCE, "noted before the answer");
        assert!(
            due.iter().all(|stands| matches!(stands, Stands::Due(at, 1) if *at <= now)),
            "others take them at once"
        );
    })
    .await;
}
