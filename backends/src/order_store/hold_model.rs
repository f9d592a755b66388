//! A naive keeper of orders that are paid online, and the proof that a real one changes them as it does.

use super::rig::{NOW, StoreRig, assert_sound, day, entry, id, paid_fair};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use stampede_domain::{
    BuyerId, Decline, Hold, HoldAnswer, HoldChange, Millis, OrderId, PaymentId,
    decide::PoolRow,
    hold::{Payment, move_units},
};
use std::collections::{BTreeMap, HashMap};

/// Rounds, of some changes each, on one store.
const ROUNDS: usize = 60;
const ORDERS: u32 = 30;
/// What a unit costs.
const UNIT: i64 = 110;

struct Model {
    row: PoolRow,
    units: HashMap<BuyerId, u32>,
    holds: BTreeMap<OrderId, Hold>,
}

impl Model {
    /// Changes one order after the other.
    fn change(&mut self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> Vec<Option<(HoldAnswer, Hold)>> {
        let mut moved = false;
        let one = |(order, change): &(OrderId, HoldChange)| {
            let hold = self.holds.get_mut(order)?;
            let before = hold.status;
            let answer = hold.change(now, change);
            moved |= move_units(&mut self.row, &mut self.units, (hold.buyer, hold.quantity), (before, hold.status));
            Some((answer, hold.clone()))
        };
        let answers = wanted.iter().map(one).collect();
        self.row.numbers.version += u64::from(moved);
        answers
    }
}

/// Any change of any order, at any time; nothing is given back that was never taken.
fn any_change() -> impl Strategy<Value = (u32, HoldChange)> {
    let order = 0..ORDERS + 2;
    let kind = (0..10_u32, 1..4_u32, 0..3_usize, 0..5_i64);
    (order, kind).prop_map(|(number, (kind, attempt, name, soon))| {
        let payment = PaymentId::new(format!("pay_{number}_{}", ["a", "b", "c"][name])).unwrap();
        let change = match kind {
            0 | 1 => HoldChange::Pay { attempt },
            2 => HoldChange::Extend,
            3 => HoldChange::Cancel,
            4 => HoldChange::Refund,
            5 => HoldChange::RunOut,
            6 => HoldChange::Opened { attempt, payment, page: Some(format!("/bank/“{soon}”")) },
            7 => {
                let quantity = i64::from(1 + number % 3);
                HoldChange::Captured { attempt, payment, minor: quantity * UNIT - i64::from(soon == 0) }
            }
            8 => HoldChange::Failed { attempt, why: Decline::ALL[name] },
            _ => HoldChange::LookAgain { at: Millis(NOW.0 + soon * 250_000) },
        };
        (number, change)
    })
}

pub(crate) async fn random_changes_are_made_as_the_model_makes_them(rig: &impl StoreRig) {
    let shop = rig.open().await;
    let event = paid_fair([200, 10], [Some(60), None]);
    shop.catalogue.apply(&event).await.unwrap();
    let entries: Vec<_> = (0..ORDERS).map(|number| entry(number, 1 + number % 3)).collect();
    let settlement = shop.store.decide(NOW, &entries).await.unwrap().remove(0).settlement;
    let row = PoolRow {
        numbers: settlement.numbers,
        epoch: 0,
        limit_per_buyer: Some(60),
        hold: event.ticket_types[0].hold(),
    };
    let mut model = Model { row, units: settlement.buyers.into_iter().collect(), holds: BTreeMap::new() };
    for hold in shop.holds.due(Millis(i64::MAX), ORDERS).await.unwrap() {
        model.holds.insert(hold.order, hold);
    }
    assert_eq!(model.holds.len(), ORDERS as usize);

    let mut random = TestRunner::new(Config::default());
    for round in 0..ROUNDS {
        let now = Millis(NOW.0 + i64::try_from(round).unwrap() * 15_000);
        let chosen = prop::collection::vec(any_change(), 0..25).new_tree(&mut random).unwrap().current();
        let mut wanted: Vec<_> = chosen.into_iter().map(|(number, change)| (id(number), change)).collect();
        // What is owed is given back now and then.
        if round % 7 == 6 {
            let owed = model
                .holds
                .values()
                .flat_map(|hold| hold.owed().map(|(payment, owed)| (hold.order, repaid(payment, owed))));
            wanted = owed.collect();
        }
        let changed = shop.holds.change(now, &wanted).await.unwrap();
        assert_eq!(changed.answers, model.change(now, &wanted), "round {round}: {wanted:?}");
        let numbers = shop.store.pool(day()).await.unwrap().1;
        assert_eq!(numbers, model.row.numbers, "round {round}: {wanted:?}");
        for settlement in changed.settlements {
            assert_eq!((settlement.pool, settlement.numbers), (day(), numbers));
            assert!(settlement.buyers.iter().all(|(buyer, units)| model.units[buyer] == *units), "round {round}");
        }
    }

    for (order, hold) in &model.holds {
        assert_eq!(shop.holds.hold(*order).await.unwrap().as_ref(), Some(hold));
        assert_eq!(shop.store.find(*order).await.unwrap().unwrap().status, hold.status);
    }
    let sums = shop.holds.hold_sums(NOW).await.unwrap();
    assert_eq!((sums.unaccounted(), sums.unfair), (0, 0));
    assert!(sums.captured > 0 && sums.refunded > 0, "{sums:?}: nothing was paid");
    assert_sound(&shop).await;
}

fn repaid(payment: &Payment, owed: i64) -> HoldChange {
    HoldChange::Repaid { payment: payment.id.clone(), minor: payment.refunded + owed }
}
