//! A sale that went well, of which tests falsify one thing each.

use stampede_checker::{
    Ask, Body, Books, Bus, Event, Expectations, Fault, History, LedgerBook, Outcome, Pool, PoolTerms, Recorder,
    Refusal, Report, Row, What, judge,
};
use stampede_domain::{BuyerId, Fingerprint, Millis, OrderId, OrderStatus, PoolId, PoolNumbers};

/// The pool, and how many units it has.
pub(crate) const POOL: PoolId = PoolId(7);
pub(crate) const CAPACITY: u32 = 10;
/// Most units of one buyer.
pub(crate) const LIMIT: u32 = 4;

/// A run that can be falsified.
pub(crate) struct Sale {
    pub(crate) history: History,
    pub(crate) books: Books,
    pub(crate) expected: Expectations,
}

pub(crate) fn order(number: u8) -> OrderId {
    OrderId::from([number; 16])
}

pub(crate) fn body(buyer: i64, quantity: u32) -> Body {
    Body { pool: POOL, buyer: BuyerId(buyer), quantity, fingerprint: Fingerprint(buyer * 100 + i64::from(quantity)) }
}

pub(crate) fn promised(quantity: u32) -> Outcome {
    Outcome::Accepted { status: OrderStatus::Pending, replayed: false, quantity }
}

pub(crate) fn replayed(quantity: u32) -> Outcome {
    Outcome::Accepted { status: OrderStatus::Confirmed, replayed: true, quantity }
}

pub(crate) fn fault(began_ms: u64, over_ms: u64) -> Fault {
    Fault {
        kind: "a writer is killed".into(),
        began_ms,
        over_ms,
        effect: Some("dead".into()),
        lost_units: None,
        grace_ms: 0,
    }
}

/// Something asked and at once answered, behind everything else.
pub(crate) fn then(history: &mut History, ask: Ask, outcome: Outcome) {
    let at_ms = history.events.last().map_or(0, |event| event.at_ms) + 1;
    let call = 1_000 + history.events.len() as u64;
    history.events.push(Event { at_ms, what: What::Asked { call, ask } });
    history.events.push(Event { at_ms: at_ms + 1, what: What::Answered { call, outcome } });
}

impl Sale {
    /// Ten units: orders 1 to 4 of two units each and 5 of two; 6 is unknown at first and then refused; 7 is unknown and expires;
    /// 8 is put off and never comes again; 9 finds nothing left. Order 1 is asked for twice, order 2 looked up.
    pub(crate) fn that_went_well() -> Self {
        let recorder = Recorder::default();
        let buy = |at: u64, number: u8, quantity: u32, outcome: Outcome| {
            let ask = Ask::Buy { order: order(number), body: body(number.into(), quantity) };
            let call = recorder.asked(at, ask);
            recorder.answered(at + 3, call, outcome);
        };
        for number in 1..=4 {
            buy(u64::from(number) * 10, number, 2, promised(2));
        }
        buy(50, 1, 2, replayed(2));
        buy(60, 7, 1, Outcome::Unknown);
        buy(70, 8, 1, Outcome::PutOff);
        recorder.note(80, What::Fault(fault(75, 80)));
        buy(90, 5, 2, Outcome::Unknown);
        buy(95, 5, 2, promised(2));
        buy(100, 6, 1, Outcome::Unknown);
        buy(110, 6, 1, Outcome::Refused(Refusal::Ended(OrderStatus::Expired)));
        buy(120, 9, 1, Outcome::Refused(Refusal::SoldOut { finally: false }));
        let look = recorder.asked(130, Ask::Look { order: order(2) });
        recorder.answered(131, look, Outcome::Told { status: OrderStatus::Confirmed });
        buy(140, 9, 1, Outcome::Refused(Refusal::SoldOut { finally: true }));
        recorder.note(150, What::AllDecided {});
        let rows = [(1, 2), (2, 2), (3, 2), (4, 2), (5, 2), (6, 1), (7, 1)];
        let rows = rows.map(|(number, quantity)| row(number, quantity)).into();
        Self { history: recorder.history(), books: books(rows), expected: expectations() }
    }

    pub(crate) fn judge(&self) -> Report {
        judge(&self.history, &self.books, &self.expected)
    }

    pub(crate) fn row(&mut self, number: u8) -> &mut Row {
        self.books.rows.iter_mut().find(|row| row.order == order(number)).unwrap()
    }

    /// The outcome of the `nth` request of an order, counted from 0.
    pub(crate) fn outcome(&mut self, number: u8, nth: usize) -> &mut Outcome {
        let asks_for = |event: &Event| match event.what {
            What::Asked { call, ask: Ask::Buy { order: asked, .. } } if asked == order(number) => Some(call),
            _ => None,
        };
        let wanted = self.history.events.iter().filter_map(asks_for).nth(nth).unwrap();
        let answered = self.history.events.iter_mut().find_map(|event| match &mut event.what {
            What::Answered { call, outcome } if *call == wanted => Some(outcome),
            _ => None,
        });
        answered.unwrap()
    }

    /// As if no such order had ever been asked for.
    pub(crate) fn forget_requests(&mut self, number: u8) {
        let mut calls = Vec::new();
        self.history.events.retain(|event| match event.what {
            What::Asked { call, ask: Ask::Buy { order: asked, .. } } if asked == order(number) => {
                calls.push(call);
                false
            }
            What::Answered { call, .. } => !calls.contains(&call),
            _ => true,
        });
    }

    /// As if the shop had the order, and its numbers knew.
    pub(crate) fn book(&mut self, row: Row) {
        self.books.rows.push(row);
        let buyers = std::mem::take(&mut self.books.rows);
        self.books = books(buyers);
    }

    pub(crate) fn then_buy(&mut self, number: u8, body: Body, outcome: Outcome) {
        then(&mut self.history, Ask::Buy { order: order(number), body }, outcome);
    }

    pub(crate) fn then_look(&mut self, number: u8, outcome: Outcome) {
        then(&mut self.history, Ask::Look { order: order(number) }, outcome);
    }

    pub(crate) fn fault(&mut self) -> &mut Fault {
        let faults = self.history.events.iter_mut().find_map(|event| match &mut event.what {
            What::Fault(fault) => Some(fault),
            _ => None,
        });
        faults.unwrap()
    }
}

pub(crate) fn row(number: u8, quantity: u32) -> Row {
    let Body { pool, buyer, fingerprint, .. } = body(number.into(), quantity);
    let status = if number >= 6 { OrderStatus::Expired } else { OrderStatus::Confirmed };
    let version = number.into();
    Row { order: order(number), pool, quantity, buyer, fingerprint, status, decided_at: Millis(1), version }
}

/// Books whose numbers are those of the rows.
fn books(rows: Vec<Row>) -> Books {
    let live: Vec<_> = rows.iter().filter(|row| row.status.is_live()).collect();
    let sold = live.iter().map(|row| row.quantity).sum();
    let store = PoolNumbers { capacity: CAPACITY, held: 0, sold, version: 20 };
    let mut buyers: Vec<(BuyerId, u32)> = Vec::new();
    for row in live {
        match buyers.iter_mut().find(|(buyer, _)| *buyer == row.buyer) {
            Some((_, units)) => *units += row.quantity,
            None => buyers.push((row.buyer, row.quantity)),
        }
    }
    let ledger = Some(LedgerBook { settled: store, claimed: 0, claims: 0, free: store.unsold() });
    Books { rows, pools: vec![Pool { pool: POOL, store, buyers, ledger }], bus: Bus::default() }
}

fn expectations() -> Expectations {
    let mut expected = Expectations::of(PoolTerms {
        pool: POOL,
        capacity: CAPACITY,
        at_first: CAPACITY,
        limit: Some(LIMIT),
        max_per_order: Some(LIMIT),
        sells_out: true,
        open_throughout: true,
    });
    // Everything that was settled was settled at once.
    expected.hidden_twice_ms = 1;
    (expected.flows_within_ms, expected.decided_within_ms) = (Some(100), Some(1_000));
    expected
}
