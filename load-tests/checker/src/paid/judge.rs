//! The rules, one function each.

use super::{Account, HeldOrder, PaidBooks, PaidCounts, PaidReport, Stories};
use crate::Report;
use stampede_domain::{BuyerId, Millis, OrderId, OrderStatus, laws::Law};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Judges a sale that has come to rest.
#[must_use]
pub fn judge_paid(books: &PaidBooks, stories: &Stories) -> PaidReport {
    let mut report = Report::default();
    let holds: HashMap<OrderId, &HeldOrder> = books.holds.iter().map(|hold| (hold.order, hold)).collect();
    let mut accounts: HashMap<OrderId, Vec<&Account>> = HashMap::new();
    books.provider.iter().for_each(|account| accounts.entry(account.order).or_default().push(account));
    units(books, &mut report);
    buyers(books, &mut report);
    for hold in &books.holds {
        let of_it = accounts.get(&hold.order).map(Vec::as_slice).unwrap_or_default();
        at_rest(hold, of_it, &mut report);
        money(hold, of_it, &mut report);
    }
    payments(books, &holds, &mut report);
    fairness(books, stories, &mut report);
    promises(stories, &holds, &mut report);
    PaidReport { report, counts: count(books, &accounts, stories) }
}

fn is_paid(hold: &&HeldOrder) -> bool {
    hold.status == OrderStatus::Confirmed
}

/// Units of paid orders, the pool, what is left on the way.
fn units(books: &PaidBooks, report: &mut Report) {
    let sold: u32 = books.holds.iter().filter(is_paid).map(|hold| hold.quantity).sum();
    if sold > books.capacity {
        report.breach(Law::NeverOversold, format!("{sold} units of {} are paid", books.capacity), []);
    }
    if (books.held, books.sold) != (0, sold) {
        let how = format!("{sold} units are paid, and the pool has {} held and {} sold", books.held, books.sold);
        report.breach(Law::NothingLeaks, how, []);
    }
    if books.waiting + books.dead_letters > 0 {
        let how = format!("{} messages wait, {} were set aside", books.waiting, books.dead_letters);
        report.breach(Law::NothingLeaks, how, []);
    }
}

/// How much each buyer has, and of how many orders.
fn buyers(books: &PaidBooks, report: &mut Report) {
    let mut of: BTreeMap<i64, (BuyerId, Vec<&HeldOrder>)> = BTreeMap::new();
    for hold in books.holds.iter().filter(is_paid) {
        of.entry(hold.buyer.0).or_insert_with(|| (hold.buyer, Vec::new())).1.push(hold);
    }
    for (buyer, orders) in of.into_values() {
        let units: u32 = orders.iter().map(|hold| hold.quantity).sum();
        let ids = || orders.iter().map(|hold| hold.order);
        if books.limit.is_some_and(|limit| units > limit) {
            report.breach(Law::LimitsHold, format!("{buyer:?} has {units} units"), ids());
        }
        if orders.len() > 1 {
            report.breach(Law::OneFate, format!("{buyer:?} wanted one order and pays for {}", orders.len()), ids());
        }
    }
}

/// Nothing is under way any more, here or there.
fn at_rest(hold: &HeldOrder, accounts: &[&Account], report: &mut Report) {
    let is_live = matches!(
        hold.status,
        OrderStatus::Pending | OrderStatus::Reserved | OrderStatus::Paying | OrderStatus::Expiring
    );
    if is_live {
        report.breach(Law::NothingLeaks, format!("it is {} for ever", hold.status.as_str()), [hold.order]);
    }
    if let Some(open) = accounts.iter().find(|account| account.is_open) {
        let how = format!("it is {}, and {} can still be paid", hold.status.as_str(), open.id);
        report.breach(Law::NothingLeaks, how, [hold.order]);
    }
}

/// What the provider kept for an order is what the order earned, by one payment, of the right sum.
fn money(hold: &HeldOrder, accounts: &[&Account], report: &mut Report) {
    let mut object = |how: String| report.breach(Law::MoneyAdds, how, [hold.order]);
    let kept: Vec<i64> = accounts.iter().map(|one| one.captured - one.refunded).filter(|kept| *kept != 0).collect();
    let earned = if is_paid(&hold) { hold.amount } else { 0 };
    let sum: i64 = kept.iter().sum();
    if sum != earned {
        object(format!("it is {} and earned {earned}, and the provider kept {sum}", hold.status.as_str()));
    }
    if kept.len() > 1 {
        object(format!("it was charged {} times: {kept:?}", kept.len()));
    }
    if hold.owed != 0 {
        object(format!("{} are still owed", hold.owed));
    }
    for account in accounts.iter().filter(|account| account.amount != hold.amount) {
        object(format!("{} is about {} instead of {}", account.id, account.amount, hold.amount));
    }
    let attempts: HashSet<u32> = accounts.iter().map(|account| account.attempt).collect();
    if attempts.len() < accounts.len() {
        object(format!("{} payments were made for {} attempts", accounts.len(), attempts.len()));
    }
}

/// Payment by payment, here and there.
fn payments(books: &PaidBooks, holds: &HashMap<OrderId, &HeldOrder>, report: &mut Report) {
    let noted: HashMap<&str, _> = books.noted.iter().map(|noted| (noted.id.as_str(), noted)).collect();
    let there: HashSet<&str> = books.provider.iter().map(|account| account.id.as_str()).collect();
    for account in &books.provider {
        let ours = noted.get(account.id.as_str());
        let of_ours = ours.map_or((0, 0), |ours| (ours.captured, ours.refunded));
        if of_ours != (account.captured, account.refunded) {
            let how =
                format!("{} is {of_ours:?} with us and {:?} there", account.id, (account.captured, account.refunded));
            report.breach(Law::MoneyAdds, how, [account.order]);
        }
        if ours.is_some_and(|ours| ours.order != account.order) || !holds.contains_key(&account.order) {
            report.breach(Law::MoneyAdds, format!("{} is another order's, or nobody's", account.id), [account.order]);
        }
    }
    for unknown in books.noted.iter().filter(|noted| !there.contains(noted.id.as_str())) {
        report.breach(Law::MoneyAdds, format!("the provider has no {}", unknown.id), [unknown.order]);
    }
}

/// By its row and by what its buyer was told, no order ran out before its time.
fn fairness(books: &PaidBooks, stories: &Stories, report: &mut Report) {
    let ran_out = |hold: &&HeldOrder| matches!(hold.status, OrderStatus::Expired | OrderStatus::Expiring);
    for hold in books.holds.iter().filter(ran_out).filter(|hold| hold.changed_at < hold.hold_until) {
        let how = format!("it ran out {} ms early", hold.hold_until.0 - hold.changed_at.0);
        report.breach(Law::HoldsAreFair, how, [hold.order]);
    }
    let mut promised: HashMap<OrderId, Millis> = HashMap::new();
    for told in &stories.told {
        if let Some(until) = told.hold_until {
            let latest = promised.entry(told.order).or_insert(until);
            *latest = (*latest).max(until);
        }
    }
    for told in stories.told.iter().filter(|told| told.status == OrderStatus::Expired) {
        if let Some(until) = promised.get(&told.order).filter(|until| told.at < **until) {
            let how = format!("its buyer was told that it is over {} ms early", until.0 - told.at.0);
            report.breach(Law::HoldsAreFair, how, [told.order]);
        }
    }
}

/// What buyers were told stays true, and they have what they paid for.
fn promises(stories: &Stories, holds: &HashMap<OrderId, &HeldOrder>, report: &mut Report) {
    let mut of_whom: HashMap<&str, OrderId> = HashMap::new();
    let mut told: HashMap<OrderId, HashSet<&str>> = HashMap::new();
    for one in &stories.told {
        told.entry(one.order).or_default().insert(one.status.as_str());
    }
    for (order, statuses) in told {
        let row = holds.get(&order).map_or("nothing", |hold| hold.status.as_str());
        let given_back = OrderStatus::Refunded.as_str();
        for end in [OrderStatus::Confirmed, OrderStatus::Expired, OrderStatus::Refunded].map(OrderStatus::as_str) {
            // Only the organizer changes what was confirmed, and is told so.
            let is_so = row == end || (end == "confirmed" && row == given_back && statuses.contains(given_back));
            if statuses.contains(end) && !is_so {
                report.breach(Law::OneFate, format!("somebody was told that it is {end}, and it is {row}"), [order]);
            }
        }
        let bought = holds.get(&order).map_or(0, |hold| hold.quantity as usize);
        let has = stories.tickets.get(&order).map_or(0, Vec::len);
        if statuses.contains(OrderStatus::Confirmed.as_str()) && has != bought {
            let how = format!("its buyer was told that it is confirmed, and has {has} tickets of {bought}");
            report.breach(Law::OneFate, how, [order]);
        }
    }
    for (order, codes) in &stories.tickets {
        for code in codes {
            if let Some(other) = of_whom.insert(code, *order) {
                report.breach(Law::OneFate, "they have the same ticket".into(), [*order, other]);
            }
        }
    }
}

fn count(books: &PaidBooks, accounts: &HashMap<OrderId, Vec<&Account>>, stories: &Stories) -> PaidCounts {
    let of = |status: OrderStatus| books.holds.iter().filter(move |hold| hold.status == status);
    let told = |status: OrderStatus| {
        let orders = stories.told.iter().filter(|told| told.status == status).map(|told| told.order);
        orders.collect::<HashSet<_>>().len() as u64
    };
    let wished: HashSet<OrderId> = of(OrderStatus::Refunded).map(|hold| hold.order).collect();
    PaidCounts {
        orders: books.holds.len() as u64,
        confirmed: of(OrderStatus::Confirmed).count() as u64,
        expired: of(OrderStatus::Expired).count() as u64,
        refunded_orders: of(OrderStatus::Refunded).count() as u64,
        sold: of(OrderStatus::Confirmed).map(|hold| u64::from(hold.quantity)).sum(),
        payments: books.provider.len() as u64,
        paid_again: accounts.values().filter(|accounts| accounts.len() > 1).count() as u64,
        captured: books.provider.iter().map(|account| account.captured).sum(),
        refunded: books.provider.iter().map(|account| account.refunded).sum(),
        earned: of(OrderStatus::Confirmed).map(|hold| hold.amount).sum(),
        given_back: books.provider.iter().filter(|one| one.refunded > 0 && !wished.contains(&one.order)).count() as u64,
        told_confirmed: told(OrderStatus::Confirmed),
        told_expired: told(OrderStatus::Expired),
        tickets: stories.tickets.values().map(|codes| codes.len() as u64).sum(),
    }
}
