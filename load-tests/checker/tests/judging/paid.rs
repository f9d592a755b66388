//! A sale of what is paid online that went well, and everything that can be falsified in it.

use stampede_checker::paid::{Account, HeldOrder, Noted, PaidBooks, PaidReport, Stories, Told, judge_paid};
use stampede_domain::{BuyerId, Millis, OrderId, OrderStatus, laws::Law};

const UNIT: i64 = 50_100;
const UNTIL: Millis = Millis(12_000);

fn order(number: u8) -> OrderId {
    OrderId::from([number; 16])
}

fn held(number: u8, quantity: u32, status: OrderStatus) -> HeldOrder {
    let (buyer, amount) = (BuyerId(number.into()), UNIT * i64::from(quantity));
    let changed_at = if status == OrderStatus::Expired { Millis(12_400) } else { Millis(3_000) };
    HeldOrder { order: order(number), buyer, quantity, amount, status, hold_until: UNTIL, changed_at, owed: 0 }
}

fn account(number: u8, attempt: u32, amount: i64, captured: i64, refunded: i64) -> Account {
    let id = format!("cs_{number}_{attempt}");
    Account { id, order: order(number), attempt, amount, captured, refunded, is_open: false }
}

fn told(number: u8, at: i64, status: OrderStatus) -> Told {
    let hold_until = (status == OrderStatus::Reserved).then_some(UNTIL);
    Told { order: order(number), at: Millis(at), status, hold_until }
}

/// Six units: order 1 is two that are paid with the second card, 2 is four that are paid at once, 3 is never paid, 4 is paid too
/// late and the money given back.
struct Sale {
    books: PaidBooks,
    stories: Stories,
}

impl Sale {
    fn that_went_well() -> Self {
        use OrderStatus::{Confirmed, Expired, Reserved};
        let provider = vec![
            account(1, 1, 2 * UNIT, 0, 0),
            account(1, 2, 2 * UNIT, 2 * UNIT, 0),
            account(2, 1, 4 * UNIT, 4 * UNIT, 0),
            account(4, 1, UNIT, UNIT, UNIT),
        ];
        let note = |account: &Account| {
            let Account { id, order, captured, refunded, .. } = account.clone();
            Noted { id, order, captured, refunded }
        };
        let books = PaidBooks {
            capacity: 6,
            limit: Some(4),
            held: 0,
            sold: 6,
            holds: vec![held(1, 2, Confirmed), held(2, 4, Confirmed), held(3, 1, Expired), held(4, 1, Expired)],
            noted: provider.iter().map(note).collect(),
            provider,
            waiting: 0,
            dead_letters: 0,
        };
        let told = [1, 2, 3, 4].map(|number| told(number, 100, Reserved));
        let mut stories = Stories { told: told.into(), ..Stories::default() };
        stories.told.extend([self::told(1, 3_100, Confirmed), self::told(3, 12_500, Expired)]);
        stories.tickets.insert(order(1), vec!["A".into(), "B".into()]);
        Self { books, stories }
    }

    fn judged(&self) -> PaidReport {
        judge_paid(&self.books, &self.stories)
    }
}

/// What is said of the sale once this was done to it.
#[track_caller]
fn noticed(law: Law, falsify: impl Fn(&mut Sale)) {
    let mut sale = Sale::that_went_well();
    falsify(&mut sale);
    let report = sale.judged().report;
    assert!(report.of(law).next().is_some(), "{law:?} was not noticed: {report}");
}

#[test]
fn a_sale_that_went_well_is_clean_and_counted() {
    let PaidReport { report, counts } = Sale::that_went_well().judged();
    assert!(report.is_clean(), "{report}");
    assert_eq!((counts.orders, counts.confirmed, counts.expired, counts.sold), (4, 2, 2, 6));
    assert_eq!((counts.captured, counts.refunded, counts.earned), (7 * UNIT, UNIT, 6 * UNIT));
    assert_eq!((counts.payments, counts.paid_again, counts.given_back), (4, 1, 1));
    assert_eq!((counts.told_confirmed, counts.told_expired, counts.tickets), (1, 1, 2));
}

#[test]
fn units_that_are_sold_twice_or_lost_are_noticed() {
    noticed(Law::NeverOversold, |sale| sale.books.capacity = 5);
    noticed(Law::NothingLeaks, |sale| sale.books.held = 1);
    noticed(Law::NothingLeaks, |sale| sale.books.sold = 5);
    noticed(Law::NothingLeaks, |sale| sale.books.holds[2].status = OrderStatus::Paying);
    noticed(Law::NothingLeaks, |sale| sale.books.waiting = 1);
    noticed(Law::NothingLeaks, |sale| sale.books.dead_letters = 1);
    noticed(Law::NothingLeaks, |sale| sale.books.provider[3].is_open = true);
}

#[test]
fn money_that_is_not_where_it_belongs_is_noticed() {
    // Confirmed without money, and money for nothing.
    noticed(Law::MoneyAdds, |sale| (sale.books.provider[2].captured, sale.books.noted[2].captured) = (0, 0));
    noticed(Law::MoneyAdds, |sale| (sale.books.provider[3].refunded, sale.books.noted[3].refunded) = (0, 0));
    // A cent too little.
    noticed(Law::MoneyAdds, |sale| {
        (sale.books.provider[3].refunded, sale.books.noted[3].refunded) = (UNIT - 1, UNIT - 1);
    });
    // Charged twice, though the sum of all is right because another one paid nothing.
    noticed(Law::MoneyAdds, |sale| {
        (sale.books.provider[0].captured, sale.books.noted[0].captured) = (2 * UNIT, 2 * UNIT);
        (sale.books.provider[2].captured, sale.books.noted[2].captured) = (2 * UNIT, 2 * UNIT);
    });
    // Half by each of two payments: charged twice, and the sum of the order is right.
    noticed(Law::MoneyAdds, |sale| {
        for at in [0, 1] {
            (sale.books.provider[at].captured, sale.books.noted[at].captured) = (UNIT, UNIT);
        }
    });
    noticed(Law::MoneyAdds, |sale| sale.books.holds[3].owed = 1);
    noticed(Law::MoneyAdds, |sale| sale.books.provider[0].attempt = 2);
    noticed(Law::MoneyAdds, |sale| sale.books.provider[0].amount = UNIT);
}

#[test]
fn books_that_differ_by_one_payment_are_noticed() {
    noticed(Law::MoneyAdds, |sale| sale.books.noted[1].captured -= 1);
    noticed(Law::MoneyAdds, |sale| sale.books.noted[3].refunded = 0);
    noticed(Law::MoneyAdds, |sale| drop(sale.books.noted.remove(1)));
    noticed(Law::MoneyAdds, |sale| drop(sale.books.provider.remove(0)));
    noticed(Law::MoneyAdds, |sale| sale.books.noted[1].order = order(3));
    noticed(Law::MoneyAdds, |sale| sale.books.provider.push(account(9, 1, UNIT, 0, 0)));
}

#[test]
fn a_hold_that_ended_early_is_noticed_by_its_row_and_by_its_buyer() {
    noticed(Law::HoldsAreFair, |sale| sale.books.holds[2].changed_at = Millis(11_999));
    noticed(Law::HoldsAreFair, |sale| sale.stories.told.push(told(3, 11_999, OrderStatus::Expired)));
}

#[test]
fn a_buyer_who_was_told_something_else_is_noticed() {
    noticed(Law::OneFate, |sale| sale.stories.told.push(told(3, 13_000, OrderStatus::Confirmed)));
    noticed(Law::OneFate, |sale| sale.stories.told.push(told(1, 13_000, OrderStatus::Expired)));
    // The organizer was told that the money goes back, and it did not; it went back, and nobody was told.
    noticed(Law::OneFate, |sale| sale.stories.told.push(told(1, 13_000, OrderStatus::Refunded)));
    noticed(Law::OneFate, |sale| sale.books.holds[0].status = OrderStatus::Refunded);
    // Who was told "confirmed" and got no tickets, one too few, or somebody else's.
    noticed(Law::OneFate, |sale| sale.stories.tickets.clear());
    noticed(Law::OneFate, |sale| sale.stories.tickets.get_mut(&order(1)).unwrap().truncate(1));
    noticed(Law::OneFate, |sale| drop(sale.stories.tickets.insert(order(2), vec!["A".into()])));
}

#[test]
fn a_buyer_with_two_orders_or_too_much_is_noticed() {
    noticed(Law::OneFate, |sale| sale.books.holds[1].buyer = BuyerId(1));
    noticed(Law::LimitsHold, |sale| sale.books.limit = Some(3));
}

#[test]
fn money_that_the_organizer_gave_back_is_no_breach() {
    let mut sale = Sale::that_went_well();
    sale.books.holds[0].status = OrderStatus::Refunded;
    (sale.books.provider[1].refunded, sale.books.noted[1].refunded) = (2 * UNIT, 2 * UNIT);
    sale.books.sold = 4;
    sale.stories.told.push(told(1, 4_000, OrderStatus::Refunded));
    let PaidReport { report, counts } = sale.judged();
    assert!(report.is_clean(), "{report}");
    assert_eq!((counts.refunded_orders, counts.refunded, counts.earned), (1, 3 * UNIT, 4 * UNIT));
}

#[test]
fn too_little_is_said() {
    let mut report = Sale::that_went_well().judged();
    report.wants("nodes killed", 3, 3);
    assert!(report.report.is_clean());
    report.wants("nodes killed", 2, 3);
    assert_eq!(report.report.too_little, ["nodes killed: 2, 3 are wanted"]);
}
