//! A naive order store, and the proof that a real one judges as it does.

use super::rig::{NOW, StoreRig, assert_sound, day, entry, fair, night};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use stampede_actors::ports::{Entry, Judgement};
use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, OrderId, PoolId, PoolNumbers, Settlement,
    decide::{self, Offer, PoolRow, Verdict, Want},
};
use std::collections::{BTreeMap, HashMap};

/// Rounds, of some batches each, on one growing store.
const ROUNDS: usize = 60;

struct Model {
    pools: BTreeMap<PoolId, PoolRow>,
    rows: HashMap<OrderId, (PoolId, u32, BuyerId, Decision, Fingerprint)>,
}

impl Model {
    /// Offers one entry after the other, each as a batch of its own but for the version.
    fn decide(&mut self, entries: &[Entry]) -> Vec<Judgement> {
        let mut pools: Vec<PoolId> = Vec::new();
        for entry in entries {
            if !pools.contains(&entry.intent.pool) {
                pools.push(entry.intent.pool);
            }
        }
        pools.into_iter().filter_map(|pool| self.decide_pool(pool, entries)).collect()
    }

    fn decide_pool(&mut self, pool: PoolId, entries: &[Entry]) -> Option<Judgement> {
        let version = self.pools[&pool].numbers.version;
        let (mut decided, mut fresh, mut buyers): (Vec<Decided>, Vec<_>, Vec<BuyerId>) = Default::default();
        for Entry { intent, want } in entries.iter().filter(|entry| entry.intent.pool == pool) {
            let known = self.rows.iter().map(|(order, row)| (*order, (row.3, row.4))).collect();
            let mut units = HashMap::from([(intent.buyer, self.units(pool, intent.buyer))]);
            let (order, quantity, buyer, fingerprint) =
                (intent.order, intent.quantity, intent.buyer, intent.fingerprint);
            let offer = Offer { order, quantity, buyer, fingerprint, want: *want };
            let row = self.pools.get_mut(&pool).unwrap();
            let (decision, fingerprint) = match decide::decide(row, &mut units, &known, &[offer])[0] {
                Verdict::Fenced => continue,
                Verdict::Known(decision, fingerprint) => (decision, fingerprint),
                Verdict::New(decision) => {
                    self.rows.insert(order, (pool, quantity, buyer, decision, fingerprint));
                    fresh.push((order, quantity, decision));
                    (decision, fingerprint)
                }
            };
            if !decided.iter().any(|earlier| earlier.order == order) {
                decided.push(Decided { order, fingerprint, decision });
            }
            if !buyers.contains(&buyer) {
                buyers.push(buyer);
            }
        }
        let row = self.pools.get_mut(&pool).unwrap();
        row.numbers.version = version + u64::from(!fresh.is_empty());
        let (numbers, limited) = (row.numbers, row.limit_per_buyer.is_some());
        let buyers = buyers.into_iter().filter(|_| limited).map(|buyer| (buyer, self.units(pool, buyer))).collect();
        let settlement = Settlement { pool, numbers, decided, buyers };
        (!settlement.decided.is_empty()).then_some(Judgement { settlement, fresh })
    }

    fn units(&self, pool: PoolId, buyer: BuyerId) -> u32 {
        let mine = self.rows.values().filter(|row| row.0 == pool && row.2 == buyer && row.3 == Decision::Confirmed);
        mine.map(|row| row.1).sum()
    }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let want = prop_oneof![
        8 => Just(Want::Place),
        1 => (0..2_u64).prop_map(|epoch| Want::Expire { epoch }),
        1 => (0..2_u64).prop_map(|epoch| Want::Fail { epoch }),
    ];
    (0..400_u32, 1..4_u32, -3..3_i64, any::<bool>(), want).prop_map(|(number, quantity, buyer, by_night, want)| {
        let mut entry = Entry { want, ..entry(number, quantity) };
        entry.intent.buyer = BuyerId(buyer);
        entry.intent.fingerprint = Fingerprint(buyer * 10 + i64::from(quantity));
        entry.intent.pool = if by_night { night() } else { day() };
        entry
    })
}

pub(crate) async fn random_batches_are_judged_as_the_model_judges_them(rig: &impl StoreRig) {
    let shop = rig.open().await;
    let (capacities, limits) = ([120, 150], [Some(25), None]);
    shop.catalogue.apply(&fair(capacities, limits)).await.unwrap();
    let pools = [day(), night()].into_iter().zip(capacities.into_iter().zip(limits));
    let row = |(capacity, limit_per_buyer)| PoolRow {
        numbers: PoolNumbers { capacity, version: 1, ..PoolNumbers::default() },
        epoch: 0,
        limit_per_buyer,
        hold: None,
    };
    let mut model = Model { pools: pools.map(|(pool, of)| (pool, row(of))).collect(), rows: HashMap::new() };

    // Failing seeds are found by the printed batches; the runner's own shrinking cannot drive a store that grows.
    let mut random = TestRunner::new(Config::default());
    for round in 0..ROUNDS {
        let batch = prop::collection::vec(any_entry(), 0..25).new_tree(&mut random).unwrap().current();
        let judged = shop.store.decide(NOW, &batch).await.unwrap();
        assert_eq!(judged, model.decide(&batch), "round {round}: {batch:?}");
    }

    // Added up anew from the rows, not from what either of them believes.
    let rows = shop.store.rows_after(None, 10_000).await.unwrap();
    assert_eq!(rows.len(), model.rows.len());
    for (pool, row) in &model.pools {
        let live = rows.iter().filter(|record| record.pool == *pool && record.status.is_live());
        let sold: u32 = live.map(|record| record.quantity).sum();
        assert_eq!((sold, shop.store.pool(*pool).await.unwrap().1), (row.numbers.sold, row.numbers));
    }
    assert_sound(&shop).await;
}
