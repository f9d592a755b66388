//! What every order store must do. A technology's tests call `order_store_contract!` with a function that makes a [`StoreRig`].

pub(crate) mod holds;
pub(crate) mod mails;

use super::rig::{NOW, Shop, StoreRig, assert_sound, day, entry, fair, id, night};
use crate::flaky::{Fault, Flaky, Script};
use stampede_actors::ports::{Entry, Judgement, OrderStore, PortFailure};
use stampede_domain::{BuyerId, Contact, Decision, Fingerprint, OrderStatus, PoolId, RejectReason, decide::Want};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::timeout;

/// One list of all clauses; a technology cannot leave one out.
macro_rules! order_store_contract {
    ($make:expr) => {
        crate::order_store::contract::order_store_contract!($make;
            the_first_decision_is_the_only_one,
            an_id_twice_in_a_batch_is_one_order,
            two_buyers_never_get_the_last_ticket,
            entries_keep_their_order_whatever_their_ids,
            a_limit_counts_all_orders_of_a_buyer,
            an_id_offered_for_two_pools_is_one_order,
            a_judgement_is_one_snapshot_with_known_and_new,
            what_cannot_be_stored_is_impossible_and_nothing_of_its_batch_is_stored,
            a_pool_nobody_knows_is_impossible,
            what_can_never_be_stored_is_named_and_the_rest_is_taken,
            extreme_numbers_and_strange_names_come_back_as_they_were,
            ten_thousand_orders_in_one_batch_are_judged,
            a_decide_that_is_dropped_is_whole_or_not_at_all_and_blocks_nobody,
            a_decision_whose_answer_was_lost_is_found_by_asking_again,
            decisions_survive_a_crash,
            two_stores_at_once_never_oversell,
            an_expiry_is_fenced_by_a_newer_opening,
            an_expiry_and_a_failure_take_no_units,
            two_openers_of_an_epoch_one_wins,
            an_opening_tells_numbers_buyers_and_whether_anything_happened,
            settlements_are_of_decided_orders_only,
            a_sweep_tells_every_buyer_and_never_half_a_version,
            fates_and_rows_are_found_by_id,
            an_export_reads_every_row_once_in_order,
            an_audit_of_a_sound_store_finds_nothing,
            random_batches_are_judged_as_the_model_judges_them,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::order_store::contract::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use holds::hold_store_contract;
pub(crate) use mails::outbox_contract;
pub(crate) use order_store_contract;

fn of(buyer: i64, mut entry: Entry) -> Entry {
    entry.intent.buyer = BuyerId(buyer);
    entry
}

fn expiring(epoch: u64, mut entry: Entry) -> Entry {
    entry.want = Want::Expire { epoch };
    entry
}

async fn opened(rig: &impl StoreRig, capacities: [u32; 2], limits: [Option<u32>; 2]) -> Shop {
    let shop = rig.open().await;
    assert!(!shop.catalogue.apply(&fair(capacities, limits)).await.unwrap());
    shop
}

async fn decide(shop: &Shop, entries: &[Entry]) -> Vec<Judgement> {
    shop.store.decide(NOW, entries).await.unwrap()
}

const SOLD_OUT: Decision = Decision::Rejected(RejectReason::SoldOut);
const LIMIT: Decision = Decision::Rejected(RejectReason::LimitReached);

pub(crate) async fn the_first_decision_is_the_only_one(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let first = decide(&shop, &[entry(1, 2)]).await;
    assert_eq!(first[0].fresh, [(id(1), 2, Decision::Confirmed)]);
    let mut other_body = entry(1, 5);
    other_body.intent.fingerprint = Fingerprint(-1);
    for again in [entry(1, 2), other_body, expiring(0, entry(1, 2))] {
        let judgements = decide(&shop, &[again]).await;
        assert_eq!(judgements[0].settlement, first[0].settlement);
        assert_eq!(judgements[0].fresh, []);
    }
    assert_sound(&shop).await;
}

pub(crate) async fn an_id_twice_in_a_batch_is_one_order(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let judgements = decide(&shop, &[entry(1, 2), entry(1, 2), entry(2, 1)]).await;
    assert_eq!(judgements[0].settlement.numbers.sold, 3);
    assert_eq!((judgements[0].settlement.decided.len(), judgements[0].fresh.len()), (2, 2));
    assert_sound(&shop).await;
}

pub(crate) async fn two_buyers_never_get_the_last_ticket(rig: &impl StoreRig) {
    let shop = opened(rig, [1, 1], [None; 2]).await;
    let fresh = decide(&shop, &[entry(1, 1), entry(2, 1)]).await.remove(0).fresh;
    assert_eq!(fresh, [(id(1), 1, Decision::Confirmed), (id(2), 1, SOLD_OUT)]);
    assert_sound(&shop).await;
}

pub(crate) async fn entries_keep_their_order_whatever_their_ids(rig: &impl StoreRig) {
    let shop = opened(rig, [3, 1], [None; 2]).await;
    let fresh = decide(&shop, &[entry(9, 2), entry(1, 2), entry(5, 1)]).await.remove(0).fresh;
    assert_eq!(fresh, [(id(9), 2, Decision::Confirmed), (id(1), 2, SOLD_OUT), (id(5), 1, Decision::Confirmed)]);
}

pub(crate) async fn a_limit_counts_all_orders_of_a_buyer(rig: &impl StoreRig) {
    let shop = opened(rig, [100, 100], [Some(3), None]).await;
    let fresh = decide(&shop, &[of(1, entry(1, 2)), of(1, entry(2, 2)), of(2, entry(3, 3))]).await.remove(0).fresh;
    assert_eq!(
        fresh.iter().map(|(_, _, decision)| *decision).collect::<Vec<_>>(),
        [Decision::Confirmed, LIMIT, Decision::Confirmed]
    );
    let later = decide(&shop, &[of(1, entry(4, 1)), of(1, entry(5, 1)), of(4, entry(6, 4))]).await.remove(0);
    assert_eq!(
        later.fresh.iter().map(|(_, _, decision)| *decision).collect::<Vec<_>>(),
        [Decision::Confirmed, LIMIT, LIMIT]
    );
    assert_eq!(later.settlement.buyers, [(BuyerId(1), 3), (BuyerId(4), 0)]);
    assert_sound(&shop).await;
}

pub(crate) async fn an_id_offered_for_two_pools_is_one_order(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let mut other = entry(1, 1);
    other.intent.pool = night();
    other.intent.fingerprint = Fingerprint(99);
    let judgements = decide(&shop, &[entry(1, 2), other.clone()]).await;
    assert_eq!(judgements[1].fresh, []);
    assert_eq!(judgements[1].settlement.decided[0].fingerprint, Fingerprint(1));
    assert_eq!(judgements[1].settlement.numbers.sold, 0);
    assert_eq!(decide(&shop, &[other]).await[0].fresh, []);
    assert_sound(&shop).await;
}

pub(crate) async fn a_judgement_is_one_snapshot_with_known_and_new(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [Some(9), None]).await;
    decide(&shop, &[of(1, entry(1, 2))]).await;
    let judgement = decide(&shop, &[of(1, entry(1, 2)), of(1, entry(2, 3))]).await.remove(0);
    let decided: Vec<_> = judgement.settlement.decided.iter().map(|decided| decided.order).collect();
    assert_eq!(decided, [id(1), id(2)]);
    assert_eq!(judgement.fresh, [(id(2), 3, Decision::Confirmed)]);
    assert_eq!((judgement.settlement.numbers.sold, judgement.settlement.buyers), (5, vec![(BuyerId(1), 5)]));
    let (_, numbers) = shop.store.pool(day()).await.unwrap();
    assert_eq!(numbers, judgement.settlement.numbers);
}

pub(crate) async fn what_cannot_be_stored_is_impossible_and_nothing_of_its_batch_is_stored(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let failure = shop.store.decide(NOW, &[entry(1, 1), entry(2, 0), entry(3, 1)]).await.unwrap_err();
    assert!(matches!(failure, PortFailure::Impossible(_)), "{failure:?}");
    assert_eq!(shop.store.fates(&[id(1), id(2), id(3)]).await.unwrap(), []);
    decide(&shop, &[entry(1, 1), entry(3, 1)]).await;
    assert_sound(&shop).await;
}

pub(crate) async fn what_can_never_be_stored_is_named_and_the_rest_is_taken(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    // The same id is good and bad: what is named are places, not orders.
    let mut entries = vec![entry(1, 1), entry(2, 0), entry(3, 1), entry(3, 2), entry(4, 1)];
    entries[2].intent.pool = PoolId(1);
    assert!(matches!(shop.store.decide(NOW, &entries).await, Err(PortFailure::Impossible(_))));
    let named = shop.store.unstorable(&entries).await.unwrap();
    assert_eq!(named.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [1, 2]);
    assert!(named[0].1.contains("asks for nothing") && named[1].1.contains("is not in"), "{named:?}");
    entries.drain(1..3);
    assert_eq!(shop.store.unstorable(&entries).await, Ok(Vec::new()));
    assert_eq!(decide(&shop, &entries).await[0].fresh.len(), 3);
    assert_sound(&shop).await;
}

pub(crate) async fn a_pool_nobody_knows_is_impossible(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let mut lost = entry(2, 1);
    lost.intent.pool = PoolId(1);
    let failure = shop.store.decide(NOW, &[entry(1, 1), lost]).await.unwrap_err();
    assert!(matches!(failure, PortFailure::Impossible(_)), "{failure:?}");
    assert_eq!(shop.store.find(id(1)).await.unwrap(), None);
    assert!(matches!(shop.store.pool(PoolId(1)).await, Err(PortFailure::Impossible(_))));
    assert!(matches!(shop.store.open_pool(PoolId(1), 0).await, Err(PortFailure::Impossible(_))));
}

pub(crate) async fn extreme_numbers_and_strange_names_come_back_as_they_were(rig: &impl StoreRig) {
    let shop = opened(rig, [100_000_000, 10], [Some(100_000_000), None]).await;
    let strange = Contact {
        user_id: Some("\"'],[\\ \u{1}\t\0 {}".into()),
        name: Some("Zoë \u{202e}مرحبا 🎪\n".into()),
        email: Some(String::new()),
        language: Some("“de”".into()),
    };
    let extremes = [i64::MIN, i64::MAX, -1, 0];
    for (number, extreme) in (1..).zip(extremes) {
        let mut entry = of(extreme, entry(number, 25_000_000));
        entry.intent.fingerprint = Fingerprint(extreme);
        entry.intent.contact = strange.clone();
        let judgement = decide(&shop, &[entry.clone()]).await.remove(0);
        assert_eq!(judgement.settlement.buyers, [(BuyerId(extreme), 25_000_000)]);
        let record = shop.store.find(id(number)).await.unwrap().unwrap();
        assert_eq!((record.buyer, record.fingerprint), (BuyerId(extreme), Fingerprint(extreme)));
        assert_eq!((record.contact, record.quantity), (strange.clone(), 25_000_000));
    }
    assert_sound(&shop).await;
}

pub(crate) async fn ten_thousand_orders_in_one_batch_are_judged(rig: &impl StoreRig) {
    let shop = opened(rig, [9_000, 10], [Some(2_000), None]).await;
    let entries: Vec<_> = (0..10_000).map(|number| entry(number, 1)).collect();
    let judgement = decide(&shop, &entries).await.remove(0);
    assert_eq!((judgement.settlement.numbers.sold, judgement.fresh.len()), (9_000, 10_000));
    assert_eq!(decide(&shop, &entries).await[0].fresh, []);
    assert_sound(&shop).await;
}

pub(crate) async fn a_decide_that_is_dropped_is_whole_or_not_at_all_and_blocks_nobody(rig: &impl StoreRig) {
    let shop = opened(rig, [100_000, 10], [Some(100_000), None]).await;
    for part in 0..40 {
        let entries: Vec<_> = (part * 100..part * 100 + 100).map(|number| entry(number, 1)).collect();
        let _ = timeout(Duration::from_micros(u64::from(part) * 50), shop.store.decide(NOW, &entries)).await;
    }
    decide(&shop, &[entry(99_999, 1)]).await;
    for part in 0..40 {
        let orders: Vec<_> = (part * 100..part * 100 + 100).map(id).collect();
        let rows = shop.store.fates(&orders).await.unwrap().len();
        assert!(rows == 0 || rows == 100, "{rows} rows of batch {part}");
    }
    assert_sound(&shop).await;
}

pub(crate) async fn a_decision_whose_answer_was_lost_is_found_by_asking_again(rig: &impl StoreRig) {
    let shop = opened(rig, [3, 10], [None; 2]).await;
    let script = Script::default();
    let flaky = Flaky::new(Arc::clone(&shop.store), script.clone());
    script.on("decide", 1, Fault::LoseAnswer);
    let entries = [entry(1, 2), entry(2, 2)];
    assert!(matches!(flaky.decide(NOW, &entries).await, Err(PortFailure::Unknown(_))));
    let found = flaky.decide(NOW, &entries).await.unwrap().remove(0);
    assert_eq!((found.settlement.decided.len(), found.fresh.len(), found.settlement.numbers.sold), (2, 0, 2));
    assert_sound(&shop).await;
}

pub(crate) async fn decisions_survive_a_crash(rig: &impl StoreRig) {
    let shop = opened(rig, [3, 10], [None; 2]).await;
    let before = decide(&shop, &[entry(1, 2), entry(2, 2)]).await;
    drop(shop);
    let shop = rig.open().await;
    let after = decide(&shop, &[entry(1, 2), entry(2, 2)]).await;
    assert_eq!((&after[0].settlement, after[0].fresh.len()), (&before[0].settlement, 0));
    assert_sound(&shop).await;
}

pub(crate) async fn two_stores_at_once_never_oversell(rig: &impl StoreRig) {
    let shop = opened(rig, [500, 10], [Some(100), None]).await;
    let mut writers = Vec::new();
    for writer in 0..4_u32 {
        let store = if writer % 2 == 0 { Arc::clone(&shop.store) } else { rig.open().await.store };
        writers.push(tokio::spawn(async move {
            let mut confirmed = 0;
            for round in 0..20_u32 {
                // Every id is offered by two of the four.
                let first = (writer / 2) * 10_000 + round * 20;
                let entries: Vec<_> = (first..first + 20).map(|number| entry(number, 1)).collect();
                for judgement in store.decide(NOW, &entries).await.unwrap() {
                    confirmed += judgement.fresh.iter().filter(|(_, _, made)| *made == Decision::Confirmed).count();
                }
            }
            confirmed
        }));
    }
    let mut confirmed = 0;
    for writer in writers {
        confirmed += writer.await.unwrap();
    }
    assert_eq!(confirmed, 500);
    assert_sound(&shop).await;
}

pub(crate) async fn an_expiry_is_fenced_by_a_newer_opening(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let epoch = shop.store.open_pool(day(), 0).await.unwrap().unwrap().epoch;
    let newer = shop.store.open_pool(day(), epoch).await.unwrap().unwrap().epoch;
    assert_eq!(decide(&shop, &[expiring(epoch, entry(1, 1))]).await, []);
    assert_eq!(shop.store.find(id(1)).await.unwrap(), None);
    let judgement = decide(&shop, &[expiring(epoch, entry(1, 1)), expiring(newer, entry(2, 1))]).await.remove(0);
    assert_eq!(judgement.fresh, [(id(2), 1, Decision::Expired)]);
    assert_eq!(judgement.settlement.decided.len(), 1, "a fenced entry is in no judgement");
}

pub(crate) async fn an_expiry_and_a_failure_take_no_units(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [Some(5), None]).await;
    let failing = Entry { want: Want::Fail { epoch: 0 }, ..entry(2, 1) };
    let judgement = decide(&shop, &[expiring(0, entry(1, 1)), failing]).await.remove(0);
    let made: Vec<_> = judgement.fresh.iter().map(|(_, _, decision)| *decision).collect();
    assert_eq!((made, judgement.settlement.numbers.sold), (vec![Decision::Expired, Decision::Failed], 0));
    let late = decide(&shop, &[entry(1, 1)]).await.remove(0);
    assert_eq!((late.settlement.decided[0].decision, late.fresh.len()), (Decision::Expired, 0));
    assert_eq!(shop.store.find(id(2)).await.unwrap().unwrap().status, OrderStatus::Failed);
    assert_sound(&shop).await;
}

pub(crate) async fn two_openers_of_an_epoch_one_wins(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [None; 2]).await;
    let (one, other) = (Arc::clone(&shop.store), rig.open().await.store);
    let (one, other) = (
        tokio::spawn(async move { one.open_pool(day(), 0).await.unwrap() }),
        tokio::spawn(async move { other.open_pool(day(), 0).await.unwrap() }),
    );
    let won = [one.await.unwrap(), other.await.unwrap()];
    assert_eq!(won.iter().flatten().count(), 1, "{won:?}");
    assert_eq!(shop.store.pool(day()).await.unwrap().0, 1);
}

pub(crate) async fn an_opening_tells_numbers_buyers_and_whether_anything_happened(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [Some(5), None]).await;
    let first = shop.store.open_pool(day(), 0).await.unwrap().unwrap();
    assert!(first.virgin && first.buyers.is_empty() && first.epoch == 1, "{first:?}");
    decide(&shop, &[of(1, entry(1, 2)), of(2, entry(2, 1)), of(3, entry(3, 6))]).await;
    let second = shop.store.open_pool(day(), 1).await.unwrap().unwrap();
    let buyers: HashSet<_> = second.buyers.iter().copied().collect();
    assert_eq!(buyers, HashSet::from([(BuyerId(1), 2), (BuyerId(2), 1)]));
    assert!(!second.virgin && second.numbers.sold == 3, "{second:?}");
    assert!(second.numbers.version > first.numbers.version, "every change of the row raises its version");
    assert_eq!(shop.store.pool(day()).await.unwrap(), (2, second.numbers));
}

pub(crate) async fn settlements_are_of_decided_orders_only(rig: &impl StoreRig) {
    let shop = opened(rig, [10, 10], [Some(5), None]).await;
    let mut other = entry(2, 1);
    other.intent.pool = night();
    let judgements = decide(&shop, &[of(1, entry(1, 2)), other]).await;
    let mut settlements = shop.store.settlements(&[id(1), id(2), id(3)]).await.unwrap();
    settlements.sort_by_key(|settlement| settlement.pool != day());
    assert_eq!(settlements.len(), 2);
    assert_eq!((&settlements[0], &settlements[1]), (&judgements[0].settlement, &judgements[1].settlement));
    assert_eq!(shop.store.settlements(&[id(3)]).await.unwrap(), []);
}

pub(crate) async fn a_sweep_tells_every_buyer_and_never_half_a_version(rig: &impl StoreRig) {
    let shop = opened(rig, [1_000_000, 10], [Some(5), None]).await;
    for (batch, buyers) in [0..4000, 4000..19_000, 19_000..19_001].into_iter().enumerate() {
        let first = u32::try_from(batch).unwrap() * 100_000;
        let entries: Vec<_> = (first..).zip(buyers).map(|(number, buyer)| of(buyer, entry(number, 1))).collect();
        decide(&shop, &entries).await;
    }
    let (mut told, mut after, mut sweeps) = (HashSet::new(), 0, 0);
    let newest = shop.store.pool(day()).await.unwrap().1;
    while after < newest.version {
        let (settlement, swept) = shop.store.changed_since(day(), after).await.unwrap();
        assert!(swept > after && settlement.numbers == newest, "{swept} after {after}");
        assert!(settlement.buyers.iter().all(|(_, units)| *units == 1));
        told.extend(settlement.buyers.iter().map(|(buyer, _)| *buyer));
        (after, sweeps) = (swept, sweeps + 1);
    }
    assert_eq!(told.len(), 19_001);
    assert!(sweeps > 1, "the sweep is bounded");
    let (settlement, swept) = shop.store.changed_since(day(), newest.version).await.unwrap();
    assert_eq!((settlement.buyers.len(), swept), (0, newest.version));
}

pub(crate) async fn fates_and_rows_are_found_by_id(rig: &impl StoreRig) {
    let shop = opened(rig, [2, 10], [None; 2]).await;
    decide(&shop, &[entry(1, 2), entry(2, 1)]).await;
    let mut fates = shop.store.fates(&[id(3), id(2), id(1)]).await.unwrap();
    fates.sort_by_key(|(order, _, _)| *order);
    assert_eq!(fates, [(id(1), Fingerprint(1), Decision::Confirmed), (id(2), Fingerprint(2), SOLD_OUT)]);
    let row = shop.store.find(id(2)).await.unwrap().unwrap();
    assert_eq!((row.status, row.reason), (OrderStatus::Rejected, Some(RejectReason::SoldOut)));
    assert_eq!((row.pool, row.asked_at, row.decided_at, row.contact), (day(), NOW, NOW, Contact::default()));
    assert_eq!(shop.store.find(id(3)).await.unwrap(), None);
}

pub(crate) async fn an_export_reads_every_row_once_in_order(rig: &impl StoreRig) {
    let shop = opened(rig, [1000, 10], [None; 2]).await;
    let entries: Vec<_> = (0..250).rev().map(|number| entry(number, 1)).collect();
    decide(&shop, &entries).await;
    let (mut seen, mut last) = (Vec::new(), None);
    loop {
        let page = shop.store.rows_after(last, 100).await.unwrap();
        let Some(row) = page.last() else { break };
        last = Some(row.order);
        assert!(page.len() <= 100);
        seen.extend(page.iter().map(|row| row.order));
    }
    assert_eq!(seen, (0..250).map(id).collect::<Vec<_>>());
}

pub(crate) async fn an_audit_of_a_sound_store_finds_nothing(rig: &impl StoreRig) {
    let shop = opened(rig, [5, 10], [Some(3), None]).await;
    let entries: Vec<_> = (0..20).map(|number| entry(number, 1 + number % 3)).collect();
    decide(&shop, &entries).await;
    assert_sound(&shop).await;
    let audits = shop.store.audit().await.unwrap();
    assert_eq!(audits.len(), 2);
    let audit = audits.iter().find(|audit| audit.pool == day()).unwrap();
    assert_eq!((audit.name.as_str(), audit.sums.orders), ("fair / day", 20));
    let (rows, units) = audit.by_status.iter().fold((0, 0), |(rows, units), (_, r, u)| (rows + r, units + u));
    assert_eq!((rows, units), (20, entries.iter().map(|entry| u64::from(entry.intent.quantity)).sum()));
}

pub(crate) use super::model::random_batches_are_judged_as_the_model_judges_them;
