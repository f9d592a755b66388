//! What every outbox must do. A technology's tests call `outbox_contract!` beside `order_store_contract!`.

use super::{Shop, StoreRig, decide};
use crate::order_store::rig::{NOW, assert_sound, day, entry, fair, from, id, mailed, night, paid_fair};
use stampede_actors::ports::{Entry, MailSums, Occasion, Outbox, Owed, PortFailure};
use stampede_domain::{HoldChange, Millis, OrderId, PaymentId, decide::Want};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// One list of all clauses; a technology cannot leave one out.
macro_rules! outbox_contract {
    ($make:expr) => {
        crate::order_store::contract::outbox_contract!($make;
            a_confirmed_order_owes_its_buyer_one_mail_however_often_it_is_decided,
            an_order_without_an_address_owes_nothing,
            what_was_not_stored_owes_nothing,
            a_mail_is_taken_with_a_lease_and_comes_again_when_it_runs_out,
            whoever_dies_between_taking_and_sending_leaves_the_mail_due,
            two_takers_never_get_the_same_mail,
            the_longest_due_is_taken_first_and_no_more_than_wanted,
            a_mail_that_was_put_off_comes_then_and_not_before,
            a_mail_that_was_given_up_is_kept_and_never_taken,
            a_mail_that_was_sent_after_all_counts_as_sent,
            a_paid_order_owes_a_mail_when_it_is_paid_and_when_it_is_refunded,
            a_hold_that_runs_out_owes_a_mail_and_so_does_money_that_comes_late,
            a_change_that_is_asked_for_twice_owes_one_mail,
            an_address_finds_its_orders_newest_first_however_it_was_typed,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::order_store::contract::mails::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use outbox_contract;

const LEASE: Duration = Duration::from_secs(60);
const UNTIL: Millis = Millis(NOW.0 + 600_000);
/// What an order of one unit costs that is paid online.
const ONE: i64 = 110;
const PAY: HoldChange = HoldChange::Pay { attempt: 1 };

async fn opened(rig: &impl StoreRig) -> Shop {
    let shop = rig.open().await;
    shop.catalogue.apply(&fair([1000, 1000], [None; 2])).await.unwrap();
    shop
}

/// With some orders that are reserved.
async fn reserved(rig: &impl StoreRig, entries: &[Entry]) -> Shop {
    let shop = rig.open().await;
    shop.catalogue.apply(&paid_fair([1000, 1000], [None; 2])).await.unwrap();
    decide(&shop, entries).await;
    shop
}

async fn take(shop: &Shop, now: Millis) -> Vec<(OrderId, Occasion, u32)> {
    let taken = shop.outbox.take(now, LEASE, 1000).await.unwrap();
    taken.into_iter().map(|Owed { order, occasion, attempts }| (order, occasion, attempts)).collect()
}

async fn change(shop: &Shop, now: Millis, number: u32, change: HoldChange) {
    shop.holds.change(now, &[(id(number), change)]).await.unwrap();
}

fn captured(minor: i64) -> HoldChange {
    HoldChange::Captured { attempt: 1, payment: PaymentId::new("pay_1").unwrap(), minor }
}

fn later(seconds: i64) -> Millis {
    Millis(NOW.0 + seconds * 1000)
}

async fn sums(shop: &Shop) -> (u64, Option<Millis>, u64) {
    let MailSums { waiting, oldest, given_up } = shop.outbox.mail_sums().await.unwrap();
    (waiting, oldest, given_up)
}

pub(crate) async fn a_confirmed_order_owes_its_buyer_one_mail_however_often_it_is_decided(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[mailed(1), mailed(1), entry(2, 1)]).await;
    decide(&shop, &[mailed(1), mailed(3)]).await;
    assert_eq!(sums(&shop).await, (2, Some(NOW), 0));
    let taken: HashSet<_> = take(&shop, NOW).await.into_iter().collect();
    assert_eq!(taken, [(id(1), Occasion::Confirmed, 1), (id(3), Occasion::Confirmed, 1)].into());
    shop.outbox.sent(&[(id(1), Occasion::Confirmed), (id(3), Occasion::Confirmed)], NOW).await.unwrap();
    decide(&shop, &[mailed(1)]).await;
    assert_eq!((take(&shop, later(99_999)).await, sums(&shop).await), (vec![], (0, None, 0)));
    assert_sound(&shop).await;
}

pub(crate) async fn an_order_without_an_address_owes_nothing(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[entry(1, 1), from("", 2), from(" nobody ", 3), from("a@b\0c", 4)]).await;
    let refused = Entry { want: Want::Expire { epoch: 0 }, ..mailed(5) };
    decide(&shop, &[refused]).await;
    assert_eq!(shop.store.rows_after(None, 9).await.unwrap().len(), 5);
    assert_eq!((sums(&shop).await, take(&shop, later(1)).await), ((0, None, 0), vec![]));
}

pub(crate) async fn what_was_not_stored_owes_nothing(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    let mut impossible = mailed(2);
    impossible.intent.quantity = 0;
    let failure = shop.store.decide(NOW, &[mailed(1), impossible]).await;
    assert!(matches!(failure, Err(PortFailure::Impossible(_))), "{failure:?}");
    assert_eq!(sums(&shop).await, (0, None, 0));
    assert_eq!(shop.outbox.orders_of("eva@example.org", 9).await.unwrap(), []);
}

pub(crate) async fn a_mail_is_taken_with_a_lease_and_comes_again_when_it_runs_out(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[mailed(1)]).await;
    assert_eq!(take(&shop, Millis(NOW.0 - 1)).await, [], "not due yet");
    assert_eq!(take(&shop, NOW).await, [(id(1), Occasion::Confirmed, 1)]);
    assert_eq!(take(&shop, later(59)).await, []);
    assert_eq!(sums(&shop).await, (1, Some(NOW), 0), "it waits for as long as nobody has sent it");
    assert_eq!(take(&shop, later(60)).await, [(id(1), Occasion::Confirmed, 2)]);
}

pub(crate) async fn whoever_dies_between_taking_and_sending_leaves_the_mail_due(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[mailed(1), mailed(2)]).await;
    assert_eq!(take(&shop, NOW).await.len(), 2);
    shop.outbox.sent(&[(id(1), Occasion::Confirmed)], NOW).await.unwrap();
    drop(shop);
    let shop = rig.open().await;
    assert_eq!(take(&shop, later(60)).await, [(id(2), Occasion::Confirmed, 2)]);
    assert_eq!(shop.outbox.orders_of("eva@example.org", 9).await.unwrap(), [id(2), id(1)]);
}

pub(crate) async fn two_takers_never_get_the_same_mail(rig: &impl StoreRig) {
    let (shop, other) = (opened(rig).await, rig.open().await);
    decide(&shop, &(0..300).map(mailed).collect::<Vec<_>>()).await;
    let takers = [shop.outbox, other.outbox].map(|outbox: Arc<dyn Outbox>| {
        tokio::spawn(async move {
            let mut taken = Vec::new();
            loop {
                match outbox.take(NOW, LEASE, 20).await.unwrap() {
                    found if found.is_empty() => return taken,
                    found => taken.extend(found.into_iter().map(|owed| owed.order)),
                }
            }
        })
    });
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.unwrap());
    }
    // Whoever finds nothing may have met the other's locks.
    taken.extend(rig.open().await.outbox.take(NOW, LEASE, 1000).await.unwrap().into_iter().map(|owed| owed.order));
    assert_eq!((taken.len(), taken.into_iter().collect::<HashSet<_>>().len()), (300, 300));
}

pub(crate) async fn the_longest_due_is_taken_first_and_no_more_than_wanted(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    for (number, at) in [(3, 0), (1, 1), (2, 2)] {
        shop.store.decide(later(at), &[mailed(number)]).await.unwrap();
    }
    let first: Vec<_> =
        shop.outbox.take(later(5), LEASE, 2).await.unwrap().into_iter().map(|owed| owed.order).collect();
    assert_eq!(first, [id(3), id(1)]);
    assert_eq!(take(&shop, later(5)).await, [(id(2), Occasion::Confirmed, 1)]);
    assert_eq!(shop.outbox.take(later(500), LEASE, 0).await.unwrap(), []);
}

pub(crate) async fn a_mail_that_was_put_off_comes_then_and_not_before(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[mailed(1)]).await;
    take(&shop, NOW).await;
    shop.outbox.put_off((id(1), Occasion::Confirmed), later(300)).await.unwrap();
    assert_eq!(take(&shop, later(299)).await, []);
    assert_eq!(take(&shop, later(300)).await, [(id(1), Occasion::Confirmed, 2)]);
    shop.outbox.put_off((id(9), Occasion::Confirmed), later(1)).await.unwrap();
    assert_eq!(sums(&shop).await, (1, Some(NOW), 0), "what is not owed cannot be put off");
}

pub(crate) async fn a_mail_that_was_given_up_is_kept_and_never_taken(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[mailed(1), mailed(2)]).await;
    take(&shop, NOW).await;
    let mail = (id(1), Occasion::Confirmed);
    shop.outbox.give_up(mail, later(1), "550 \0 no such \u{202e}mailbox").await.unwrap();
    shop.outbox.put_off(mail, later(2)).await.unwrap();
    assert_eq!(sums(&shop).await, (1, Some(NOW), 1));
    assert_eq!(take(&shop, later(60)).await, [(id(2), Occasion::Confirmed, 2)]);
    decide(&shop, &[mailed(1)]).await;
    assert_eq!(sums(&shop).await, (1, Some(NOW), 1), "deciding it again owes it no second time");
}

pub(crate) async fn a_mail_that_was_sent_after_all_counts_as_sent(rig: &impl StoreRig) {
    let shop = opened(rig).await;
    decide(&shop, &[mailed(1)]).await;
    let mail = (id(1), Occasion::Confirmed);
    shop.outbox.give_up(mail, later(1), "nobody answered").await.unwrap();
    for _ in 0..2 {
        shop.outbox.sent(&[mail], later(2)).await.unwrap();
    }
    shop.outbox.give_up(mail, later(3), "too late").await.unwrap();
    assert_eq!((sums(&shop).await, take(&shop, later(99_999)).await), ((0, None, 0), vec![]));
}

pub(crate) async fn a_paid_order_owes_a_mail_when_it_is_paid_and_when_it_is_refunded(rig: &impl StoreRig) {
    let shop = reserved(rig, &[mailed(1), entry(2, 1)]).await;
    assert_eq!(sums(&shop).await, (0, None, 0), "a reserved order is shown, not written about");
    for number in [1, 2] {
        change(&shop, NOW, number, PAY).await;
    }
    change(&shop, later(1), 1, captured(ONE)).await;
    let other = HoldChange::Captured { attempt: 1, payment: PaymentId::new("pay_2").unwrap(), minor: ONE };
    change(&shop, later(1), 2, other).await;
    assert_eq!(take(&shop, later(1)).await, [(id(1), Occasion::Confirmed, 1)], "the other has no address");
    change(&shop, later(2), 1, HoldChange::Refund).await;
    assert_eq!(take(&shop, later(2)).await, [(id(1), Occasion::Refunded, 1)]);
    assert_eq!(sums(&shop).await, (2, Some(later(1)), 0));
    assert_sound(&shop).await;
}

pub(crate) async fn a_hold_that_runs_out_owes_a_mail_and_so_does_money_that_comes_late(rig: &impl StoreRig) {
    let shop = reserved(rig, &[mailed(1), mailed(2), mailed(3)]).await;
    change(&shop, NOW, 1, HoldChange::Cancel).await;
    assert_eq!(sums(&shop).await, (0, None, 0), "who gives it back knows that");
    change(&shop, NOW, 3, PAY).await;
    for number in [2, 3] {
        change(&shop, UNTIL, number, HoldChange::RunOut).await;
    }
    assert_eq!(take(&shop, UNTIL).await, [(id(2), Occasion::Expired, 1)], "the payment of the other is under way");
    let failed = HoldChange::Failed { attempt: 1, why: stampede_domain::Decline::ALL[0] };
    change(&shop, UNTIL, 3, failed).await;
    assert_eq!(take(&shop, UNTIL).await, [(id(3), Occasion::Expired, 1)]);
    for _ in 0..2 {
        change(&shop, Millis(UNTIL.0 + 1), 3, captured(ONE)).await;
    }
    assert_eq!(take(&shop, Millis(UNTIL.0 + 1)).await, [(id(3), Occasion::Refunded, 1)]);
    assert_sound(&shop).await;
}

pub(crate) async fn a_change_that_is_asked_for_twice_owes_one_mail(rig: &impl StoreRig) {
    let shop = reserved(rig, &[mailed(1)]).await;
    let twice = [(id(1), HoldChange::RunOut), (id(1), HoldChange::RunOut)];
    for _ in 0..2 {
        shop.holds.change(UNTIL, &twice).await.unwrap();
    }
    assert_eq!(take(&shop, UNTIL).await, [(id(1), Occasion::Expired, 1)]);
    assert_eq!(take(&shop, UNTIL).await, []);
}

pub(crate) async fn an_address_finds_its_orders_newest_first_however_it_was_typed(rig: &impl StoreRig) {
    let shop = rig.open().await;
    shop.catalogue.apply(&paid_fair([2, 1000], [None; 2])).await.unwrap();
    let mut by_night = mailed(4);
    by_night.intent.pool = night();
    assert_ne!(by_night.intent.pool, day());
    // The third is sold out.
    let batch =
        [from("eva@example.org", 1), from(" EVA@example.ORG", 2), mailed(3), by_night, from("e%a@example.org", 5)];
    decide(&shop, &batch).await;
    let orders = shop.outbox.orders_of("eva@example.org", 9).await.unwrap();
    assert_eq!(orders, [id(4), id(2), id(1)], "reserved or confirmed, and nobody else's");
    assert_eq!(shop.outbox.orders_of("eva@example.org", 1).await.unwrap(), [id(4)]);
    assert_eq!(shop.outbox.orders_of("'; DROP TABLE addresses", 1).await.unwrap(), []);
}
