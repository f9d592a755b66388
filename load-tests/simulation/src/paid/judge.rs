//! The verdict at rest: no hold is left over, units are where they belong, and provider and shop agree to the cent.

use super::{
    bank::Account,
    outcomes::Outcomes,
    plan::PaidPlan,
    shop::{Shop, pool},
};
use stampede_actors::{clock::Clock, ports::HoldStore};
use stampede_domain::{BuyerId, Hold, Millis, OrderStatus, laws::check_store};
use std::collections::BTreeMap;

/// All holds of a history.
pub(crate) async fn holds(shop: &Shop, plan: &PaidPlan) -> Vec<Hold> {
    let mut holds = Vec::new();
    for customer in &plan.customers {
        holds.extend(shop.witness.hold(customer.order).await.ok().flatten());
    }
    holds
}

/// Whether nobody has anything to do any more.
pub(crate) async fn is_at_rest(shop: &Shop, plan: &PaidPlan) -> bool {
    let is_over = |hold: &Hold| hold.due_at().is_none();
    shop.lane.waiting() == 0
        && shop.untold() == 0
        && shop.bank.is_quiet_at() <= shop.at_ms()
        && holds(shop, plan).await.iter().all(is_over)
}

/// What keeps the shop from its rest, in words.
pub(crate) async fn leftovers(shop: &Shop, plan: &PaidPlan) -> String {
    let holds = holds(shop, plan).await;
    let left = holds.iter().filter(|hold| hold.due_at().is_some());
    let left: Vec<_> = left.map(|hold| format!("{} is {}", hold.order, hold.status.as_str())).collect();
    format!("{left:?}, {} wishes on the lane, {} notices not taken", shop.lane.waiting(), shop.untold())
}

/// Holds whose time has been up for `grace_ms` and that nobody has begun to end.
pub(crate) async fn overdue(shop: &Shop, plan: &PaidPlan, grace_ms: i64) -> Vec<String> {
    let now = shop.clock.now();
    let is_overdue = |hold: &&Hold| {
        matches!(hold.status, OrderStatus::Reserved | OrderStatus::Paying)
            && Millis(hold.hold_until.0 + grace_ms) <= now
    };
    let say = |hold: &Hold| {
        let late = now.0 - hold.hold_until.0;
        format!("NothingLeaks: {} is still {} {late} ms after its time", hold.order, hold.status.as_str())
    };
    holds(shop, plan).await.iter().filter(is_overdue).map(say).collect()
}

/// Everything that must not be, and what happened.
pub(crate) async fn judge(shop: &Shop, plan: &PaidPlan) -> (Vec<String>, Outcomes) {
    let holds = holds(shop, plan).await;
    let moments = shop.witness.moments();
    let (mut breaches, mut outcomes) = (shop.witness.objections(), Outcomes::default());
    for hold in &holds {
        let accounts = shop.bank.of(hold.order);
        breaches.extend(wrong_books(hold, &accounts));
        outcomes.count(hold, &moments.get(&hold.order).cloned().unwrap_or_default(), &accounts);
    }
    breaches.extend(shop.bank.all().iter().filter_map(wrong_payment));
    breaches.extend(wrong_sums(shop).await);
    breaches.extend(wrong_units(shop, &holds).await);
    (breaches, outcomes)
}

/// What is wrong between an order and its payments.
fn wrong_books(hold: &Hold, accounts: &[Account]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut object = |what: String| wrong.push(format!("{}, {}: {what}", hold.order, hold.status.as_str()));
    let kept: i64 = accounts.iter().map(|account| account.payment.captured - account.payment.refunded).sum();
    let earned = if hold.status == OrderStatus::Confirmed { hold.amount.minor } else { 0 };
    if kept != earned {
        object(format!("MoneyAdds: the provider kept {kept} for it, and it earned {earned}"));
    }
    let mut attempts: BTreeMap<u32, u32> = BTreeMap::new();
    for account in accounts {
        *attempts.entry(account.payment.attempt).or_default() += 1;
        let ours = hold.payments.iter().find(|ours| ours.id == account.payment.id);
        let ours = ours.map_or((0, 0), |ours| (ours.captured, ours.refunded));
        let theirs = (account.payment.captured, account.payment.refunded);
        if ours != theirs {
            object(format!("MoneyAdds: {} is {ours:?} with us and {theirs:?} there", account.payment.id));
        }
        if account.payment.amount != hold.amount {
            object(format!("MoneyAdds: {:?} was asked for instead of {:?}", account.payment.amount, hold.amount));
        }
        if account.may_pay() && account.payment.captured == 0 && !account.is_unreliable() {
            object(format!("HoldsAreFair: it can still be paid: {:?}", account.payment.state));
        }
    }
    if attempts.iter().any(|(attempt, payments)| *payments > 1 || *attempt > hold.attempt) {
        object(format!("MoneyAdds: attempts and their payments: {attempts:?}, of {} attempts", hold.attempt));
    }
    wrong
}

fn wrong_payment(account: &Account) -> Option<String> {
    let payment = &account.payment;
    let is_wrong = account.refunds > 1 || payment.refunded > payment.captured;
    is_wrong.then(|| {
        let times = account.refunds;
        format!("MoneyAdds: {}: {} of {} given back in {times} times", payment.id, payment.refunded, payment.captured)
    })
}

/// What the store adds up, against the provider's books.
async fn wrong_sums(shop: &Shop) -> Option<String> {
    let accounts = shop.bank.all();
    let captured: i64 = accounts.iter().map(|account| account.payment.captured).sum();
    let refunded: i64 = accounts.iter().map(|account| account.payment.refunded).sum();
    match shop.witness.hold_sums(shop.clock.now()).await {
        Ok(sums)
            if (sums.captured, sums.refunded, sums.owed, sums.unaccounted(), sums.unfair)
                == (captured, refunded, 0, 0, 0) =>
        {
            None
        }
        sums => Some(format!("MoneyAdds: {captured} and {refunded} at the provider, and with us {sums:?}")),
    }
}

/// What the pool says against its rows.
async fn wrong_units(shop: &Shop, holds: &[Hold]) -> Vec<String> {
    let mut wrong = Vec::new();
    let units =
        |is_so: &dyn Fn(&Hold) -> bool| holds.iter().filter(|hold| is_so(hold)).map(|hold| hold.quantity).sum::<u32>();
    let sold = units(&|hold| hold.status == OrderStatus::Confirmed);
    match shop.orders.pool(pool()).await {
        Ok((_, numbers)) if (numbers.held, numbers.sold) == (0, sold) => {}
        numbers => wrong.push(format!("NothingLeaks: {sold} units are paid, and the pool says {numbers:?}")),
    }
    let mut kept: BTreeMap<BuyerId, u32> = BTreeMap::new();
    if let Ok((settlement, _)) = shop.orders.changed_since(pool(), 0).await {
        kept.extend(settlement.buyers);
    }
    for buyer in holds.iter().map(|hold| hold.buyer).collect::<std::collections::BTreeSet<_>>() {
        let has = units(&|hold| hold.buyer == buyer && hold.status == OrderStatus::Confirmed);
        let counted = kept.get(&buyer).copied().unwrap_or_default();
        if has != counted {
            wrong.push(format!("LimitsHold: {buyer:?} has {has} units, and {counted} are counted"));
        }
    }
    let audits = shop.orders.audit().await.unwrap_or_default();
    let breaches = audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums));
    wrong.extend(breaches.map(|breach| format!("the shop's own audit: {breach:?}")));
    wrong
}
