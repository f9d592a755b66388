//! What every catalogue must do, together with the order store it sells from.

use crate::order_store::rig::{NOW, Shop, StoreRig, assert_sound, day, entry, fair, id, night, paid_fair};
use stampede_actors::ports::{PortFailure, PortResult};
use stampede_domain::{BuyerId, Decision, EventSlug, OnlinePayment, Payment, RejectReason};

/// One list of all clauses; a technology cannot leave one out.
macro_rules! catalogue_contract {
    ($make:expr) => {
        crate::catalogue::contract::catalogue_contract!($make;
            an_empty_catalogue_lists_nothing,
            the_first_event_applied_is_the_featured_one,
            the_same_event_applied_again_changes_nothing,
            each_ticket_type_gets_a_pool,
            texts_and_dates_come_into_force_at_once,
            more_capacity_comes_into_force_at_once_and_raises_the_version,
            less_capacity_waits_until_it_is_applied,
            capacity_is_never_cut_below_what_is_sold,
            a_waiting_cut_is_refused_when_more_was_sold_meanwhile,
            a_wider_limit_holds_at_once_and_a_tighter_one_waits,
            a_limit_introduced_later_counts_what_was_bought_before,
            a_limit_taken_away_holds_at_once,
            what_comes_into_force_after_waiting_puts_every_book_behind,
            what_waits_goes_on_waiting_when_the_catalogue_has_changed,
            what_waits_is_withdrawn_by_applying_what_holds,
            a_ticket_type_with_orders_cannot_be_removed,
            a_ticket_type_without_orders_is_removed_when_nothing_is_in_flight,
            an_event_with_mistakes_is_impossible,
            a_pause_is_seen_by_everyone_and_survives_a_change,
            what_is_applied_survives_a_crash,
            another_price_or_time_is_for_later_orders,
            how_a_ticket_is_paid_cannot_change_once_it_has_orders,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::catalogue::contract::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use catalogue_contract;

async fn opened(rig: &impl StoreRig, capacity: u32, limit: Option<u32>) -> Shop {
    let shop = rig.open().await;
    assert_eq!(shop.catalogue.apply(&fair([capacity, 5], [limit, None])).await, Ok(false));
    shop
}

/// What waits comes into force, whatever has changed before.
async fn come_into_force(shop: &Shop, slug: &EventSlug) -> PortResult<()> {
    let revision = shop.catalogue.revision().await?;
    shop.catalogue.apply_waiting(slug, revision).await
}

/// Orders of one unit each, all by one buyer; how many were confirmed.
async fn buy(shop: &Shop, buyer: i64, numbers: std::ops::Range<u32>) -> usize {
    let entries: Vec<_> = numbers
        .map(|number| {
            let mut entry = entry(number, 1);
            entry.intent.buyer = BuyerId(buyer);
            entry
        })
        .collect();
    let judgements = shop.store.decide(NOW, &entries).await.unwrap();
    judgements[0].fresh.iter().filter(|(_, _, decision)| *decision == Decision::Confirmed).count()
}

async fn capacity(shop: &Shop) -> u32 {
    shop.store.pool(day()).await.unwrap().1.capacity
}

fn is_impossible<T: std::fmt::Debug>(answer: Result<T, PortFailure>) -> bool {
    matches!(answer, Err(PortFailure::Impossible(_)))
}

pub(crate) async fn an_empty_catalogue_lists_nothing(rig: &impl StoreRig) {
    let shop = rig.open().await;
    assert!(shop.catalogue.snapshot().await.unwrap().listings.is_empty());
    assert!(!shop.catalogue.set_paused(&"fair".parse().unwrap(), true).await.unwrap());
    assert_eq!(come_into_force(&shop, &"fair".parse().unwrap()).await, Ok(()));
}

pub(crate) async fn the_first_event_applied_is_the_featured_one(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let mut earlier_by_name = fair([1, 1], [None; 2]);
    earlier_by_name.slug = "a-fair".parse().unwrap();
    shop.catalogue.apply(&earlier_by_name).await.unwrap();
    shop.catalogue.apply(&fair([11, 5], [None; 2])).await.unwrap();
    let listings = shop.catalogue.snapshot().await.unwrap().listings;
    let slugs: Vec<_> = listings.iter().map(|listing| listing.event.slug.as_str()).collect();
    assert_eq!(slugs, ["fair", "a-fair"]);
}

pub(crate) async fn the_same_event_applied_again_changes_nothing(rig: &impl StoreRig) {
    let shop = opened(rig, 10, Some(4)).await;
    let before = shop.catalogue.snapshot().await.unwrap();
    let pool = shop.store.pool(day()).await.unwrap();
    assert_eq!(shop.catalogue.apply(&before.listings[0].event).await, Ok(false));
    assert_eq!(shop.catalogue.snapshot().await.unwrap(), before);
    assert_eq!(shop.store.pool(day()).await.unwrap(), pool);
}

pub(crate) async fn each_ticket_type_gets_a_pool(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    assert_eq!(shop.store.pool(day()).await.unwrap().1.capacity, 10);
    assert_eq!(shop.store.pool(night()).await.unwrap().1.capacity, 5);
}

pub(crate) async fn texts_and_dates_come_into_force_at_once(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let before = shop.catalogue.revision().await.unwrap();
    let mut event = fair([10, 5], [None; 2]);
    event.name = "Another fair".into();
    event.ticket_types[0].sale.opens_at = "2026-02-01T00:00:00Z".parse().unwrap();
    assert_eq!(shop.catalogue.apply(&event).await, Ok(false));
    let snapshot = rig.open().await.catalogue.snapshot().await.unwrap();
    assert_eq!((&snapshot.listings[0].event, snapshot.listings[0].waiting.is_none()), (&event, true));
    assert!(snapshot.revision > before);
}

pub(crate) async fn more_capacity_comes_into_force_at_once_and_raises_the_version(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    assert_eq!(buy(&shop, 1, 0..12).await, 10);
    let before = shop.store.pool(day()).await.unwrap().1;
    assert_eq!(shop.catalogue.apply(&fair([15, 5], [None; 2])).await, Ok(false));
    let after = shop.store.pool(day()).await.unwrap().1;
    assert!(after.capacity == 15 && after.version > before.version && after.sold == 10, "{after:?}");
    assert_eq!(buy(&shop, 1, 20..30).await, 5);
    assert_sound(&shop).await;
}

pub(crate) async fn less_capacity_waits_until_it_is_applied(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let mut smaller = fair([6, 5], [None; 2]);
    smaller.name = "A smaller fair".into();
    for _ in 0..2 {
        assert_eq!(shop.catalogue.apply(&smaller).await, Ok(true));
    }
    let listing = shop.catalogue.snapshot().await.unwrap().listings.remove(0);
    assert_eq!((listing.event.ticket_types[0].capacity, capacity(&shop).await), (10, 10));
    assert_eq!((listing.event.name.as_str(), listing.waiting.as_ref()), ("A smaller fair", Some(&smaller)));
    come_into_force(&shop, &smaller.slug).await.unwrap();
    let listing = shop.catalogue.snapshot().await.unwrap().listings.remove(0);
    assert_eq!((listing.event, listing.waiting, capacity(&shop).await), (smaller, None, 6));
    assert_sound(&shop).await;
}

pub(crate) async fn capacity_is_never_cut_below_what_is_sold(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    buy(&shop, 1, 0..8).await;
    assert!(is_impossible(shop.catalogue.apply(&fair([7, 5], [None; 2])).await));
    assert_eq!(shop.catalogue.apply(&fair([8, 5], [None; 2])).await, Ok(true));
}

pub(crate) async fn a_waiting_cut_is_refused_when_more_was_sold_meanwhile(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let smaller = fair([6, 5], [None; 2]);
    shop.catalogue.apply(&smaller).await.unwrap();
    buy(&shop, 1, 0..7).await;
    assert!(is_impossible(come_into_force(&shop, &smaller.slug).await));
    assert_eq!(capacity(&shop).await, 10);
    assert_sound(&shop).await;
}

pub(crate) async fn a_wider_limit_holds_at_once_and_a_tighter_one_waits(rig: &impl StoreRig) {
    let shop = opened(rig, 100, Some(3)).await;
    assert_eq!(buy(&shop, 1, 0..10).await, 3);
    assert_eq!(shop.catalogue.apply(&fair([100, 5], [Some(5), None])).await, Ok(false));
    assert_eq!(buy(&shop, 1, 10..20).await, 2);
    assert_eq!(shop.catalogue.apply(&fair([100, 5], [Some(2), None])).await, Ok(true));
    assert_eq!(buy(&shop, 2, 20..30).await, 5);
    come_into_force(&shop, &"fair".parse().unwrap()).await.unwrap();
    assert_eq!(buy(&shop, 3, 30..40).await, 2);
}

pub(crate) async fn a_limit_introduced_later_counts_what_was_bought_before(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    assert_eq!((buy(&shop, 1, 0..3).await, buy(&shop, 2, 3..5).await), (3, 2));
    let limited = fair([10, 5], [Some(4), None]);
    assert_eq!(shop.catalogue.apply(&limited).await, Ok(true));
    come_into_force(&shop, &limited.slug).await.unwrap();
    let epoch = shop.store.pool(day()).await.unwrap().0;
    let opening = shop.store.open_pool(day(), epoch).await.unwrap().unwrap();
    let mut buyers = opening.buyers.clone();
    buyers.sort_unstable();
    assert_eq!(buyers, [(BuyerId(1), 3), (BuyerId(2), 2)]);
    assert_eq!((buy(&shop, 1, 10..13).await, buy(&shop, 2, 13..16).await), (1, 2));
    let told = shop.store.changed_since(day(), opening.numbers.version).await.unwrap().0.buyers;
    assert_eq!(told.len(), 2);
    assert_sound(&shop).await;
}

pub(crate) async fn a_limit_taken_away_holds_at_once(rig: &impl StoreRig) {
    let shop = opened(rig, 10, Some(1)).await;
    assert_eq!(buy(&shop, 1, 0..3).await, 1);
    assert_eq!(shop.catalogue.apply(&fair([10, 5], [None; 2])).await, Ok(false));
    assert_eq!(buy(&shop, 1, 10..13).await, 3);
    let judgement = shop.store.decide(NOW, &[entry(20, 1)]).await.unwrap().remove(0);
    assert!(judgement.settlement.buyers.is_empty());
    assert_sound(&shop).await;
}

pub(crate) async fn what_waits_goes_on_waiting_when_the_catalogue_has_changed(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let smaller = fair([6, 5], [None; 2]);
    shop.catalogue.apply(&smaller).await.unwrap();
    shop.catalogue.set_paused(&smaller.slug, true).await.unwrap();
    let seen = shop.catalogue.revision().await.unwrap();
    let before = shop.store.pool(day()).await.unwrap();
    shop.catalogue.set_paused(&smaller.slug, false).await.unwrap();
    shop.catalogue.apply_waiting(&smaller.slug, seen).await.unwrap();
    assert_eq!(shop.store.pool(day()).await.unwrap(), before, "it was resumed, and sells what it promised");
    come_into_force(&shop, &smaller.slug).await.unwrap();
    assert_eq!(capacity(&shop).await, 6);
}

pub(crate) async fn what_comes_into_force_after_waiting_puts_every_book_behind(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let slug = "fair".parse().unwrap();
    let (before, night_before) = (shop.store.pool(day()).await.unwrap(), shop.store.pool(night()).await.unwrap());
    come_into_force(&shop, &slug).await.unwrap();
    shop.catalogue.apply(&fair([6, 5], [None; 2])).await.unwrap();
    assert_eq!(shop.store.pool(day()).await.unwrap(), before, "nothing is in force yet");
    come_into_force(&shop, &slug).await.unwrap();
    let (after, night_after) = (shop.store.pool(day()).await.unwrap(), shop.store.pool(night()).await.unwrap());
    assert!(after.0 > before.0 && after.1.version > before.1.version, "{before:?} {after:?}");
    assert!(night_after.0 > night_before.0 && night_after.1.version > night_before.1.version, "{night_after:?}");
    let expired = stampede_actors::ports::Entry {
        want: stampede_domain::decide::Want::Expire { epoch: before.0 },
        ..entry(1, 1)
    };
    assert_eq!(shop.store.decide(NOW, &[expired]).await.unwrap(), [], "what an old book picked is fenced");
    come_into_force(&shop, &slug).await.unwrap();
    assert_eq!(shop.store.pool(day()).await.unwrap(), after, "nothing waits any more");
    assert_sound(&shop).await;
}

pub(crate) async fn what_waits_is_withdrawn_by_applying_what_holds(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    shop.catalogue.apply(&fair([6, 5], [None; 2])).await.unwrap();
    assert_eq!(shop.catalogue.apply(&fair([10, 5], [None; 2])).await, Ok(false));
    assert_eq!(shop.catalogue.snapshot().await.unwrap().listings[0].waiting, None);
}

pub(crate) async fn a_ticket_type_with_orders_cannot_be_removed(rig: &impl StoreRig) {
    let shop = opened(rig, 1, None).await;
    let mut without_day = fair([1, 5], [None; 2]);
    without_day.ticket_types.remove(0);
    shop.catalogue.apply(&without_day).await.unwrap();
    let expired =
        stampede_actors::ports::Entry { want: stampede_domain::decide::Want::Expire { epoch: 0 }, ..entry(1, 1) };
    shop.store.decide(NOW, &[expired]).await.unwrap();
    assert!(is_impossible(shop.catalogue.apply(&without_day).await));
    assert!(is_impossible(come_into_force(&shop, &without_day.slug).await));
    assert_eq!(capacity(&shop).await, 1);
}

pub(crate) async fn a_ticket_type_without_orders_is_removed_when_nothing_is_in_flight(rig: &impl StoreRig) {
    let shop = opened(rig, 1, Some(1)).await;
    let mut without_day = fair([1, 5], [None; 2]);
    without_day.ticket_types.remove(0);
    assert_eq!(shop.catalogue.apply(&without_day).await, Ok(true));
    assert_eq!(capacity(&shop).await, 1, "orders in flight can still be decided");
    come_into_force(&shop, &without_day.slug).await.unwrap();
    assert!(is_impossible(shop.store.pool(day()).await));
    assert_eq!(shop.catalogue.snapshot().await.unwrap().listings[0].event, without_day);
}

pub(crate) async fn an_event_with_mistakes_is_impossible(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let mut wrong = fair([0, 5], [None; 2]);
    wrong.time_zone = "Nowhere".into();
    let Err(PortFailure::Impossible(why)) = shop.catalogue.apply(&wrong).await else { panic!("taken") };
    assert!(why.contains("capacity") && why.contains("time_zone"), "{why}");
}

pub(crate) async fn a_pause_is_seen_by_everyone_and_survives_a_change(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    let (other, slug) = (rig.open().await, "fair".parse().unwrap());
    let before = other.catalogue.revision().await.unwrap();
    for _ in 0..2 {
        assert_eq!(shop.catalogue.set_paused(&slug, true).await, Ok(true));
        assert_eq!(other.catalogue.revision().await.unwrap(), before + 1, "the same again changes nothing");
    }
    shop.catalogue.apply(&fair([12, 5], [None; 2])).await.unwrap();
    assert!(other.catalogue.snapshot().await.unwrap().listings[0].paused);
    assert_eq!(shop.catalogue.set_paused(&slug, false).await, Ok(true));
    assert!(!other.catalogue.snapshot().await.unwrap().listings[0].paused);
    // The judge does not know pauses: what was promised before is decided.
    shop.catalogue.set_paused(&slug, true).await.unwrap();
    assert_eq!(buy(&shop, 1, 0..1).await, 1);
}

pub(crate) async fn what_is_applied_survives_a_crash(rig: &impl StoreRig) {
    let shop = opened(rig, 3, Some(9)).await;
    shop.catalogue.apply(&fair([2, 5], [Some(9), None])).await.unwrap();
    let before = shop.catalogue.snapshot().await.unwrap();
    drop(shop);
    let shop = rig.open().await;
    assert_eq!(shop.catalogue.snapshot().await.unwrap(), before);
    let fresh = shop.store.decide(NOW, &[entry(1, 3), entry(2, 1)]).await.unwrap().remove(0).fresh;
    assert_eq!(fresh[1].2, Decision::Rejected(RejectReason::SoldOut));
}

pub(crate) async fn another_price_or_time_is_for_later_orders(rig: &impl StoreRig) {
    let shop = rig.open().await;
    let mut event = paid_fair([10, 5], [None; 2]);
    shop.catalogue.apply(&event).await.unwrap();
    shop.store.decide(NOW, &[entry(1, 2)]).await.unwrap();
    let before = shop.store.pool(day()).await.unwrap().1;
    let later = OnlinePayment { hold_minutes: 1, fee_minor: 0, vat_basis_points: 0 };
    (event.ticket_types[0].payment, event.ticket_types[0].price.minor) = (Payment::Online(later), 500);
    assert_eq!(shop.catalogue.apply(&event).await, Ok(false));
    assert!(shop.store.pool(day()).await.unwrap().1.version > before.version);
    shop.store.decide(NOW, &[entry(2, 2)]).await.unwrap();
    let mut kept = Vec::new();
    for number in [1, 2] {
        let hold = shop.holds.hold(id(number)).await.unwrap().unwrap();
        kept.push((hold.amount.minor, hold.hold_until.since(NOW).as_secs()));
    }
    assert_eq!(kept, [(220, 600), (1000, 60)]);
    assert_sound(&shop).await;
}

pub(crate) async fn how_a_ticket_is_paid_cannot_change_once_it_has_orders(rig: &impl StoreRig) {
    let shop = opened(rig, 10, Some(9)).await;
    let (at_the_gate, online) = (fair([10, 5], [Some(9), None]), paid_fair([10, 5], [Some(9), None]));
    assert_eq!(shop.catalogue.apply(&online).await, Ok(false), "it has none yet");
    shop.store.decide(NOW, &[entry(1, 2)]).await.unwrap();
    let Err(PortFailure::Impossible(why)) = shop.catalogue.apply(&at_the_gate).await else { panic!("taken") };
    assert!(why.contains("“day” has orders"), "{why}");
    assert_eq!(shop.catalogue.snapshot().await.unwrap().listings[0].event, online);
    let mut unlimited = online.clone();
    unlimited.ticket_types[0].limit_per_buyer = None;
    shop.catalogue.apply(&unlimited).await.unwrap();
    shop.catalogue.apply(&online).await.unwrap();
    come_into_force(&shop, &online.slug).await.unwrap();
    assert_sound(&shop).await;
}
