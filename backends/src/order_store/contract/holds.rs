//! What every keeper of orders that are paid online must do. A technology's tests call `hold_store_contract!` beside
//! `order_store_contract!`.

use super::{Shop, StoreRig, decide};
use crate::order_store::{
    hold_model,
    rig::{NOW, assert_sound, day, entry, id, night, paid_fair},
};
use stampede_actors::ports::{HoldsChanged, PortFailure};
use stampede_domain::{
    BuyerId, Decision, Decline, Fingerprint, Hold, HoldAnswer, HoldChange, HoldRefused, Millis, OrderId,
    OrderStatus as S, PaymentId, RejectReason, hold::Need, laws::Law,
};
use std::{sync::Arc, time::Duration};

/// One list of all clauses; a technology cannot leave one out.
macro_rules! hold_store_contract {
    ($make:expr) => {
        crate::order_store::contract::hold_store_contract!($make;
            what_is_paid_online_is_reserved_once_and_what_is_held_is_not_sold,
            a_reserved_order_is_paid_and_its_units_are_sold,
            a_reserved_order_that_runs_out_gives_its_units_back,
            the_same_order_twice_in_a_batch_is_changed_in_order,
            a_batch_tells_each_change_its_own_answer,
            units_given_back_may_be_bought_under_the_limit,
            who_is_due_is_told_longest_first_and_no_more_than_wanted,
            money_of_several_payments_adds_up,
            a_payment_pays_for_one_order,
            what_was_changed_survives_a_crash,
            a_change_that_moves_nothing_leaves_the_pool_alone,
            two_who_change_an_order_at_once_change_it_once,
            sellers_and_payers_at_once_keep_the_sums,
            random_changes_are_made_as_the_model_makes_them,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::order_store::contract::holds::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use hold_model::random_changes_are_made_as_the_model_makes_them;
pub(crate) use hold_store_contract;

/// The hold of the fair is ten minutes.
const UNTIL: Millis = Millis(NOW.0 + 600_000);
/// What an order of two units costs: 2 × (€ 1 + 10 cents).
const TWO: i64 = 220;
const RUN_OUT: HoldChange = HoldChange::RunOut;
const PAY: HoldChange = HoldChange::Pay { attempt: 1 };

async fn opened(rig: &impl StoreRig, capacity: u32, limit: Option<u32>) -> Shop {
    let shop = rig.open().await;
    shop.catalogue.apply(&paid_fair([capacity, 10], [limit, None])).await.unwrap();
    shop
}

/// So many orders of two units.
async fn reserved(shop: &Shop, numbers: std::ops::Range<u32>) {
    decide(shop, &numbers.map(|number| entry(number, 2)).collect::<Vec<_>>()).await;
}

async fn change(shop: &Shop, now: Millis, wanted: &[(u32, HoldChange)]) -> HoldsChanged {
    let wanted: Vec<_> = wanted.iter().map(|(number, change)| (id(*number), change.clone())).collect();
    shop.holds.change(now, &wanted).await.unwrap()
}

fn answers(changed: &HoldsChanged) -> Vec<Option<HoldAnswer>> {
    changed.answers.iter().map(|answer| answer.as_ref().map(|(answer, _)| *answer)).collect()
}

fn payment(name: &str) -> PaymentId {
    PaymentId::new(name).unwrap()
}

fn captured(attempt: u32, name: &str, minor: i64) -> HoldChange {
    HoldChange::Captured { attempt, payment: payment(name), minor }
}

async fn numbers(shop: &Shop) -> (u32, u32, u64) {
    let numbers = shop.store.pool(day()).await.unwrap().1;
    (numbers.held, numbers.sold, numbers.version)
}

pub(crate) async fn what_is_paid_online_is_reserved_once_and_what_is_held_is_not_sold(rig: &impl StoreRig) {
    let shop = opened(rig, 3, None).await;
    let first = decide(&shop, &[entry(1, 2), entry(2, 2)]).await;
    let sold_out = Decision::Rejected(RejectReason::SoldOut);
    assert_eq!(first[0].fresh, [(id(1), 2, Decision::Reserved), (id(2), 2, sold_out)]);
    assert_eq!((first[0].settlement.numbers.held, first[0].settlement.numbers.sold), (2, 0));
    change(&shop, NOW, &[(1, PAY), (1, captured(1, "pay_1", TWO))]).await;
    let again = decide(&shop, &[entry(1, 2)]).await;
    assert_eq!((again[0].fresh.len(), again[0].settlement.decided[0].decision), (0, Decision::Reserved));
    assert_eq!(shop.store.fates(&[id(1)]).await.unwrap(), [(id(1), Fingerprint(1), Decision::Reserved)]);
    assert_eq!(shop.holds.hold(id(2)).await.unwrap(), None, "a rejected order is no hold");
    assert_sound(&shop).await;
}

pub(crate) async fn a_reserved_order_is_paid_and_its_units_are_sold(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    reserved(&shop, 1..2).await;
    let hold = shop.holds.hold(id(1)).await.unwrap().unwrap();
    assert_eq!((hold.status, hold.hold_until, hold.amount.minor, hold.quantity), (S::Reserved, UNTIL, TWO, 2));
    let page = Some("/bank/pay_1".to_owned());
    let steps = [PAY, HoldChange::Opened { attempt: 1, payment: payment("pay_1"), page: page.clone() }];
    for step in steps {
        assert_eq!(answers(&change(&shop, NOW, &[(1, step)]).await), [Some(HoldAnswer::Changed)]);
    }
    let paying = shop.holds.hold(id(1)).await.unwrap().unwrap();
    assert_eq!((paying.status, paying.page.as_ref(), paying.paying_at), (S::Paying, page.as_ref(), NOW));
    let before = numbers(&shop).await;
    let paid = change(&shop, UNTIL, &[(1, captured(1, "pay_1", TWO))]).await;
    assert_eq!(numbers(&shop).await, (0, 2, before.2 + 1));
    let settlement = &paid.settlements[0];
    assert_eq!((settlement.pool, settlement.decided.len(), settlement.numbers.sold), (day(), 0, 2));
    let row = shop.store.find(id(1)).await.unwrap().unwrap();
    assert_eq!((row.status, row.reason), (S::Confirmed, None));
    assert_eq!(shop.store.rows_after(None, 10).await.unwrap(), [row]);
    let kept = shop.holds.hold(id(1)).await.unwrap();
    assert_eq!(kept.as_ref(), paid.answers[0].as_ref().map(|(_, hold)| hold));
    assert_sound(&shop).await;
}

pub(crate) async fn a_reserved_order_that_runs_out_gives_its_units_back(rig: &impl StoreRig) {
    let shop = opened(rig, 4, None).await;
    reserved(&shop, 1..3).await;
    let early = change(&shop, Millis(UNTIL.0 - 1), &[(1, RUN_OUT)]).await;
    assert_eq!(answers(&early), [Some(HoldAnswer::Refused(HoldRefused::TooEarly))]);
    assert_eq!(early.settlements, []);
    change(&shop, UNTIL, &[(1, RUN_OUT), (2, RUN_OUT)]).await;
    assert_eq!((numbers(&shop).await.0, shop.store.find(id(1)).await.unwrap().unwrap().status), (0, S::Expired));
    assert_eq!(decide(&shop, &[entry(3, 2), entry(4, 2)]).await[0].fresh.len(), 2, "all of it can be bought again");
    assert_sound(&shop).await;
}

pub(crate) async fn the_same_order_twice_in_a_batch_is_changed_in_order(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    reserved(&shop, 1..3).await;
    let before = numbers(&shop).await;
    let wanted = [
        (1, PAY),
        (2, HoldChange::Cancel),
        (1, captured(1, "pay_1", TWO)),
        (1, PAY),
        (1, HoldChange::Refund),
        (2, HoldChange::Cancel),
    ];
    let changed = change(&shop, NOW, &wanted).await;
    let (done, already) = (Some(HoldAnswer::Changed), Some(HoldAnswer::Unchanged));
    assert_eq!(answers(&changed), [done, done, done, already, done, already]);
    let status = |place: usize| changed.answers[place].as_ref().unwrap().1.status;
    assert_eq!((status(0), status(2), status(4)), (S::Paying, S::Confirmed, S::Refunded));
    assert_eq!(changed.settlements.len(), 1);
    assert_eq!(numbers(&shop).await, (0, 0, before.2 + 1), "the version rises once a batch");
    assert_sound(&shop).await;
}

pub(crate) async fn a_batch_tells_each_change_its_own_answer(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    reserved(&shop, 1..3).await;
    let mut by_night = entry(3, 1);
    by_night.intent.pool = night();
    decide(&shop, &[by_night]).await;
    let changed = change(&shop, NOW, &[(9, PAY), (1, RUN_OUT), (3, PAY), (2, PAY)]).await;
    let early = HoldAnswer::Refused(HoldRefused::TooEarly);
    assert_eq!(answers(&changed), [None, Some(early), None, Some(HoldAnswer::Changed)]);
    assert_eq!(shop.holds.change(NOW, &[]).await.unwrap(), HoldsChanged::default());
    assert_sound(&shop).await;
}

pub(crate) async fn units_given_back_may_be_bought_under_the_limit(rig: &impl StoreRig) {
    let shop = opened(rig, 10, Some(3)).await;
    let of = |buyer, mut entry: stampede_actors::ports::Entry| {
        entry.intent.buyer = BuyerId(buyer);
        entry
    };
    decide(&shop, &[of(1, entry(1, 2)), of(2, entry(2, 2))]).await;
    let limit = Decision::Rejected(RejectReason::LimitReached);
    assert_eq!(decide(&shop, &[of(1, entry(3, 2))]).await[0].fresh[0].2, limit);
    let version = numbers(&shop).await.2;
    let changed = change(&shop, UNTIL, &[(1, RUN_OUT)]).await;
    assert_eq!(changed.settlements[0].buyers, [(BuyerId(1), 0)]);
    let swept = shop.store.changed_since(day(), version).await.unwrap();
    assert_eq!(swept.0.buyers, [(BuyerId(1), 0)], "the sweep tells it too");
    assert_sound(&shop).await;
    assert_eq!(decide(&shop, &[of(1, entry(4, 3))]).await[0].fresh[0].2, Decision::Reserved);
    let opening = shop.store.open_pool(day(), 0).await.unwrap().unwrap();
    let mut buyers = opening.buyers;
    buyers.sort_unstable();
    assert_eq!(buyers, [(BuyerId(1), 3), (BuyerId(2), 2)]);
    assert_sound(&shop).await;
}

pub(crate) async fn who_is_due_is_told_longest_first_and_no_more_than_wanted(rig: &impl StoreRig) {
    let shop = opened(rig, 20, None).await;
    reserved(&shop, 1..6).await;
    let look = |at: i64| HoldChange::LookAgain { at: Millis(NOW.0 + at) };
    change(&shop, NOW, &[(3, PAY), (2, PAY), (3, look(50)), (2, look(40)), (4, HoldChange::Cancel)]).await;
    let due = async |now: Millis, limit| -> Vec<OrderId> {
        shop.holds.due(now, limit).await.unwrap().iter().map(|hold| hold.order).collect()
    };
    assert_eq!(due(Millis(NOW.0 + 39), 9).await, []);
    assert_eq!(due(Millis(NOW.0 + 50), 9).await, [id(2), id(3)]);
    assert_eq!(due(UNTIL, 9).await, [id(2), id(3), id(1), id(5)]);
    assert_eq!(due(UNTIL, 3).await, [id(2), id(3), id(1)]);
    let sums = shop.holds.hold_sums(UNTIL).await.unwrap();
    assert_eq!((sums.oldest_payment, sums.most_overdue), (Some(NOW), Some(UNTIL)));
    assert_eq!(sums.by_status, [(S::Reserved, 2, 4, 2 * TWO), (S::Paying, 2, 4, 2 * TWO), (S::Cancelled, 1, 2, TWO)]);
}

pub(crate) async fn money_of_several_payments_adds_up(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    reserved(&shop, 1..3).await;
    let declined = HoldChange::Failed { attempt: 1, why: Decline::InsufficientFunds };
    let wanted = [
        (1, PAY),
        (1, HoldChange::Opened { attempt: 1, payment: payment("pay_1a"), page: None }),
        (1, declined),
        (1, HoldChange::Pay { attempt: 2 }),
        (1, captured(2, "pay_1b", TWO)),
        (2, PAY),
    ];
    change(&shop, NOW, &wanted).await;
    change(&shop, NOW, &[(1, captured(1, "pay_1a", TWO))]).await;
    let sums = shop.holds.hold_sums(NOW).await.unwrap();
    assert_eq!((sums.captured, sums.refunded, sums.earned, sums.owed), (2 * TWO, 0, TWO, TWO));
    assert_eq!((sums.unaccounted(), sums.unfair), (0, 0));
    let hold = shop.holds.hold(id(1)).await.unwrap().unwrap();
    assert_eq!(hold.needs(NOW), [Need::Repayment { payment: payment("pay_1a"), minor: TWO }]);
    assert_eq!(shop.holds.due(NOW, 9).await.unwrap(), [hold]);
    change(&shop, NOW, &[(1, HoldChange::Repaid { payment: payment("pay_1a"), minor: TWO })]).await;
    let booked = shop.holds.payments_after(None, 1).await.unwrap();
    assert_eq!((&booked[0].payment, booked[0].order), (&payment("pay_1a"), id(1)));
    assert_eq!((booked[0].captured, booked[0].refunded), (TWO, TWO));
    let rest = shop.holds.payments_after(Some(&booked[0].payment), 9).await.unwrap();
    assert_eq!(rest.iter().map(|booked| &booked.payment).collect::<Vec<_>>(), [&payment("pay_1b")]);
    assert_sound(&shop).await;
}

pub(crate) async fn a_payment_pays_for_one_order(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    reserved(&shop, 1..3).await;
    change(&shop, NOW, &[(1, PAY), (2, PAY), (1, captured(1, "pay_1", TWO))]).await;
    let wanted = [(id(2), captured(1, "pay_1", TWO))];
    assert!(matches!(shop.holds.change(NOW, &wanted).await, Err(PortFailure::Impossible(_))));
    let kept: Vec<Hold> = shop.holds.due(UNTIL, 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].status, numbers(&shop).await.1), (1, S::Paying, 2));
    assert_sound(&shop).await;
}

pub(crate) async fn what_was_changed_survives_a_crash(rig: &impl StoreRig) {
    let shop = opened(rig, 10, Some(9)).await;
    reserved(&shop, 1..4).await;
    let failed = HoldChange::Failed { attempt: 1, why: Decline::CardExpired };
    let wanted = [
        (1, HoldChange::Extend),
        (1, PAY),
        (1, captured(1, "pay_1", 7)),
        (2, PAY),
        (2, failed),
        (3, HoldChange::Cancel),
    ];
    let changed = change(&shop, NOW, &wanted).await;
    let before = numbers(&shop).await;
    drop(shop);
    let shop = rig.open().await;
    for place in [2, 4, 5] {
        let (_, hold) = changed.answers[place].clone().unwrap();
        assert_eq!(shop.holds.hold(hold.order).await.unwrap(), Some(hold));
    }
    assert_eq!(numbers(&shop).await, before);
    assert_sound(&shop).await;
}

pub(crate) async fn a_change_that_moves_nothing_leaves_the_pool_alone(rig: &impl StoreRig) {
    let shop = opened(rig, 10, None).await;
    reserved(&shop, 1..2).await;
    let before = numbers(&shop).await;
    let changed = change(&shop, NOW, &[(1, PAY), (1, HoldChange::LookAgain { at: UNTIL })]).await;
    assert_eq!((numbers(&shop).await, changed.settlements), (before, vec![]));
}

pub(crate) async fn two_who_change_an_order_at_once_change_it_once(rig: &impl StoreRig) {
    let shop = opened(rig, 200, None).await;
    let orders = 0..40_u32;
    reserved(&shop, orders.clone()).await;
    let mut changing = Vec::new();
    for who in 0..4 {
        let holds = if who % 2 == 0 { Arc::clone(&shop.holds) } else { rig.open().await.holds };
        // Each goes its own way through the orders: rows are locked in one order all the same.
        let mut wanted: Vec<_> = orders.clone().map(|number| (id(number), RUN_OUT)).collect();
        wanted.rotate_left(who * 10);
        changing.push(tokio::spawn(async move { holds.change(UNTIL, &wanted).await.unwrap() }));
    }
    let mut changed = 0;
    for who in changing {
        let answers = who.await.unwrap().answers;
        changed += answers.iter().flatten().filter(|(answer, _)| *answer == HoldAnswer::Changed).count();
    }
    assert_eq!((changed, numbers(&shop).await.0), (40, 0));
    assert_sound(&shop).await;
}

pub(crate) async fn sellers_and_payers_at_once_keep_the_sums(rig: &impl StoreRig) {
    let shop = opened(rig, 1000, Some(200)).await;
    reserved(&shop, 0..100).await;
    let selling = {
        let store = rig.open().await.store;
        tokio::spawn(async move {
            for number in 100..160 {
                store.decide(NOW, &[entry(number, 2)]).await.unwrap();
            }
        })
    };
    for first in (0..100).step_by(10) {
        let wanted: Vec<_> = (first..first + 10).map(|number| (number, RUN_OUT)).collect();
        change(&shop, UNTIL, &wanted).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    selling.await.unwrap();
    assert_eq!(numbers(&shop).await.0, 120);
    assert_sound(&shop).await;
}

/// Orders 0 to 4 of one unit each: paid; refunded and still owed; being cancelled out of time; run out; reserved.
pub(crate) async fn lived(shop: &Shop) {
    decide(shop, &(0..5).map(|number| entry(number, 1)).collect::<Vec<_>>()).await;
    let wanted = [
        (0, PAY),
        (0, captured(1, "pay_0", TWO / 2)),
        (1, PAY),
        (1, captured(1, "pay_1", TWO / 2)),
        (1, HoldChange::Refund),
        (2, PAY),
    ];
    change(shop, NOW, &wanted).await;
    change(shop, UNTIL, &[(2, RUN_OUT), (3, RUN_OUT)]).await;
    assert_sound(shop).await;
}

/// What may be done by hand to the rows of [`lived`], under a limit of three, and the law that it breaks.
pub(crate) const SABOTAGE: [(Law, &str); 21] = [
    (Law::MoneyAdds, "UPDATE payments SET captured = captured + 1 WHERE id = 'pay_0'"),
    (Law::MoneyAdds, "UPDATE payments SET captured = CASE id WHEN 'pay_0' THEN 109 ELSE 111 END"),
    (Law::MoneyAdds, "UPDATE payments SET refunded = 1 WHERE id = 'pay_1'"),
    (Law::MoneyAdds, "DELETE FROM payments WHERE id = 'pay_0'"),
    (Law::MoneyAdds, "DELETE FROM holds WHERE status = 4"),
    (Law::MoneyAdds, "UPDATE payments SET refunded = captured; DELETE FROM holds; DELETE FROM orders"),
    (Law::MoneyAdds, "UPDATE holds SET owed = 0 WHERE status = 6"),
    (Law::MoneyAdds, "UPDATE holds SET amount = 1 WHERE status = 4"),
    (Law::MoneyAdds, "UPDATE holds SET status = 8 WHERE status = 4"),
    (Law::HoldsAreFair, "UPDATE holds SET hold_until = hold_until + 1 WHERE status = 8"),
    (Law::HoldsAreFair, "UPDATE holds SET changed_at = hold_until - 1 WHERE status = 3"),
    (Law::HoldsAreFair, "UPDATE holds SET paying_at = hold_until WHERE status = 4"),
    (Law::HoldsAreFair, "UPDATE pools SET hold_seconds = NULL, unit_minor = NULL, currency = NULL"),
    (Law::OneFate, "UPDATE holds SET due_at = NULL WHERE status = 1"),
    (Law::OneFate, "UPDATE holds SET status = 7 WHERE status = 8"),
    (Law::OneFate, "UPDATE holds SET quantity = 2 WHERE status = 8"),
    (Law::OneFate, "DELETE FROM holds WHERE status = 8"),
    (Law::OneFate, "DELETE FROM orders"),
    (Law::NeverOversold, "UPDATE holds SET status = 8 WHERE status = 1"),
    (Law::NeverOversold, "UPDATE holds SET status = 4 WHERE status = 1"),
    (Law::LimitsHold, "UPDATE holds SET status = 8 WHERE status = 1"),
];
