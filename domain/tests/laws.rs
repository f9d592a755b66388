//! Each law's check, against sums that are made from rows and then falsified one by one.

use proptest::prelude::*;
use stampede_domain::{
    PoolId, PoolNumbers,
    laws::{self, BusSums, DECIDED_WITHIN, Law, PoolSums},
    ledger::BookNumbers,
};
use std::{collections::BTreeSet, time::Duration};

const POOL: PoolId = PoolId(7);

/// Sums as honest rows would make them.
fn honest(units: &[u32], spare: u32) -> PoolSums {
    let sold: u32 = units.iter().sum();
    let orders = units.len() as u64;
    PoolSums {
        numbers: PoolNumbers { capacity: sold + spare, held: 0, sold, version: orders },
        orders,
        distinct_orders: orders,
        live_units: u64::from(sold),
        ..PoolSums::default()
    }
}

type Fault = fn(&mut PoolSums);

const FAULTS: [(Law, Fault); 19] = [
    (Law::NeverOversold, |sums| sums.live_units = u64::from(sums.numbers.capacity) + 1),
    (Law::NeverOversold, |sums| sums.live_units += 1),
    (Law::NeverOversold, |sums| sums.numbers.sold += 1),
    (Law::NeverOversold, |sums| sums.numbers.sold = sums.numbers.capacity + 1),
    (Law::NeverOversold, |sums| sums.held_units = 1),
    (Law::OneFate, |sums| sums.orders += 1),
    (Law::OneFate, |sums| sums.unreadable_rows = 1),
    (Law::OneFate, |sums| sums.rows_from_the_future = 1),
    (Law::LimitsHold, |sums| sums.buyers_over_limit = 1),
    (Law::LimitsHold, |sums| sums.buyers_miscounted = 1),
    (Law::MoneyAdds, |sums| sums.captured += 1),
    (Law::MoneyAdds, |sums| sums.refunded += 1),
    (Law::MoneyAdds, |sums| sums.payments_of_no_order = 1),
    (Law::MoneyAdds, |sums| sums.owed = i64::MAX),
    (Law::MoneyAdds, |sums| sums.out_of_balance = 1),
    (Law::HoldsAreFair, |sums| sums.unfair_holds = 1),
    (Law::HoldsAreFair, |sums| sums.holds = 1),
    (Law::HoldsAreFair, |sums| sums.numbers.held = 1),
    (Law::HoldsAreFair, |sums| sums.held_units = 1),
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_rows_break_no_law_and_every_fault_breaks_its_own(
        units in prop::collection::vec(1..7_u32, 1..50),
        spare in 1..100_u32,
    ) {
        let sums = honest(&units, spare);
        prop_assert_eq!(laws::check_store(POOL, &sums), vec![]);
        for (number, (law, fault)) in FAULTS.into_iter().enumerate() {
            let mut sums = sums.clone();
            fault(&mut sums);
            let breaches = laws::check_store(POOL, &sums);
            prop_assert!(breaches.iter().any(|breach| breach.law == law), "fault {number} against {law}: {breaches:?}");
            prop_assert!(breaches.iter().all(|breach| breach.how.contains(&POOL.to_string())), "{breaches:?}");
        }
    }

    #[test]
    fn a_pool_at_rest_is_the_stores(sold in 0..50_u32, spare in 0..50_u32, claimed in 0..5_u32, off in -3..4_i64) {
        let store = PoolNumbers { capacity: sold + spare, held: 0, sold, version: 9 };
        let shown = u32::try_from((i64::from(sold) + off).max(0)).unwrap_or_default();
        let settled = PoolNumbers { sold: shown, ..store };
        let book = BookNumbers { settled, claimed, promised: 0, claims: claimed, epoch: 1 };
        let sound = claimed == 0 && book.free() == store.unsold();
        prop_assert_eq!(laws::check_quiet(POOL, &book, &store).is_empty(), sound);
    }
}

#[test]
fn a_promise_may_wait_as_long_as_the_protocol_says_and_no_longer() {
    let waiting = |oldest, waiting| BusSums { waiting, oldest };
    let late = DECIDED_WITHIN + Duration::from_millis(1);
    assert_eq!(laws::check_bus(POOL, &waiting(DECIDED_WITHIN, 1), true), []);
    assert_eq!(laws::check_bus(POOL, &waiting(late, 0), true), []);
    assert_eq!(laws::check_bus(POOL, &waiting(late, 1), false), []);
    let breaches = laws::check_bus(POOL, &waiting(late, 1), true);
    assert_eq!(breaches.iter().map(|breach| breach.law).collect::<Vec<_>>(), [Law::EveryPromiseDecided]);
}

#[test]
fn every_law_has_a_name_a_sentence_and_a_place_where_it_is_judged() {
    let names: BTreeSet<_> = Law::ALL.iter().map(|law| law.name()).collect();
    let sentences: BTreeSet<_> = Law::ALL.iter().map(|law| law.says()).collect();
    assert_eq!((names.len(), sentences.len()), (Law::ALL.len(), Law::ALL.len()));
    // `KeyIsOrder` is judged with `OneFate` in the store (one row an id, with its fingerprint) and by the random shops of
    // `ledger/tests.rs`, for what a key was answered is in no row.
    let by_sums: BTreeSet<_> = FAULTS.iter().map(|(law, _)| *law).collect();
    let elsewhere = [Law::EveryPromiseDecided, Law::KeyIsOrder, Law::NothingLeaks];
    assert!(Law::ALL.iter().all(|law| by_sums.contains(law) || elsewhere.contains(law)));
}

/// Rows and pool row are two witnesses: one of them is enough.
#[test]
fn a_pool_is_oversold_by_its_rows_or_by_its_own_number() {
    let oversold = |fault: Fault| {
        let mut sums = honest(&[2, 3], 1);
        fault(&mut sums);
        let breaches = laws::check_store(POOL, &sums);
        breaches.iter().any(|breach| breach.law == Law::NeverOversold && breach.how.contains("capacity 6"))
    };
    assert!(oversold(|sums| sums.live_units = 7));
    assert!(oversold(|sums| sums.numbers.sold = 7));
    assert!(!oversold(|sums| sums.live_units = 4), "that is another breach: the witnesses differ");
}

#[test]
fn claims_in_flight_are_counted_by_units_and_by_number() {
    let store = PoolNumbers { capacity: 5, held: 0, sold: 2, version: 9 };
    let quiet = BookNumbers { settled: store, claimed: 0, promised: 0, claims: 0, epoch: 1 };
    for (claimed, claims) in [(1, 0), (0, 1), (1, 1)] {
        let breaches = laws::check_quiet(POOL, &BookNumbers { claimed, claims, ..quiet }, &store);
        let how = format!("{POOL}: {claimed} units of {claims} claims are still in flight");
        assert!(breaches.iter().any(|breach| breach.how == how), "{breaches:?}");
    }
}
