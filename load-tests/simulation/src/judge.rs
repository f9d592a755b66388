//! The verdict: the same checker that judges real processes, over what the servers in memory hold; and the shop's own audit.

use crate::{buyers::pool, plan::Plan, world::World};
use stampede_actors::cache_sync::AuditLaws;
use stampede_checker::{
    Books, Bus as BusBook, Expectations, LedgerBook, Outcome, Pool, PoolTerms, Row, What, judge as check,
};
use stampede_domain::{PoolNumbers, Settlement};
use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

/// How long a claim may hide its units: an intent's life, the reaper's and a lease.
const CLAIM_LIFE_MS: u64 = 120_000;

/// Every breach; how many orders were told 202; how many promises were broken as a ledger loss allows.
pub(crate) async fn judge(world: &Rc<World>, plan: &Plan) -> (Vec<String>, u64, u64) {
    let terms = PoolTerms {
        pool: pool(),
        capacity: world.capacity(),
        at_first: plan.capacity,
        limit: plan.limit,
        max_per_order: Some(6),
        sells_out: true,
        open_throughout: true,
    };
    let mut expected = Expectations::of(terms);
    expected.claim_life_ms = CLAIM_LIFE_MS;
    // The ledger is out of reach, behind and lost all the time.
    expected.steady_readers = false;
    // Settlements are lost, and the next sweep waits for a port to come back.
    expected.hidden_twice_ms = CLAIM_LIFE_MS;
    let report = check(&world.recorder.history(), &books(world).await, &expected);
    let mut breaches: Vec<_> = report.breaches.iter().map(ToString::to_string).collect();
    let audit = world.with_a_keeper(|node| node.audit.ask(AuditLaws));
    match audit {
        Some(audit) => match audit.await {
            Ok(Ok(audit)) => breaches.extend(audit.laws.iter().flat_map(|law| {
                law.breaches.iter().map(|breach| format!("the shop's own audit: {}: {breach}", law.law))
            })),
            failed => breaches.push(format!("the shop's own audit failed: {failed:?}")),
        },
        None => breaches.push("nobody is there to audit the shop".into()),
    }
    (breaches, report.counts.accepted, report.counts.broken_promises)
}

/// Everything that store, ledger and bus hold.
async fn books(world: &World) -> Books {
    let rows = world.store.rows_after(None, u32::MAX).await.unwrap_or_default();
    // The units of buyers that the store would tell a sweep.
    let (swept, _) = world.store.changed_since(pool(), 0).await.unwrap_or_else(|_| (nothing(), 0));
    let numbers = numbers(world).await;
    let book =
        world.ledger().await.pools.iter().find(|open| open.pool == pool()).map(|open| LedgerBook::from(&open.numbers));
    let backlog = waiting(world).await;
    Books {
        rows: rows
            .into_iter()
            .map(|row| Row {
                order: row.order,
                pool: row.pool,
                quantity: row.quantity,
                buyer: row.buyer,
                fingerprint: row.fingerprint,
                status: row.status,
                decided_at: row.decided_at,
                version: row.version,
            })
            .collect(),
        pools: vec![Pool { pool: pool(), store: numbers, buyers: swept.buyers, ledger: book }],
        bus: BusBook { waiting: backlog, dead_letters: 0 },
    }
}

fn nothing() -> Settlement {
    Settlement { pool: pool(), numbers: PoolNumbers::default(), decided: Vec::new(), buyers: Vec::new() }
}

async fn numbers(world: &World) -> PoolNumbers {
    world.store.pool(pool()).await.map(|(_, numbers)| numbers).unwrap_or_default()
}

/// Messages on the bus, which the servers in memory can always count.
async fn waiting(world: &World) -> u64 {
    world.bus.waiting()
}

/// Orders told 202 that have no row yet.
pub(crate) async fn undecided(world: &World) -> usize {
    let history = world.recorder.history();
    let mut orders = BTreeMap::new();
    let mut told = BTreeSet::new();
    for event in &history.events {
        match &event.what {
            What::Asked { call, ask: stampede_checker::Ask::Buy { order, .. } } => {
                orders.insert(*call, *order);
            }
            What::Answered { call, outcome: Outcome::Accepted { .. } } => {
                told.extend(orders.get(call));
            }
            _ => {}
        }
    }
    let told: Vec<_> = told.into_iter().collect();
    let mut undecided = told.len();
    for some in told.chunks(1_000) {
        undecided -= world.store.fates(some).await.map(|fates| fates.len()).unwrap_or_default();
    }
    undecided
}

/// Nothing is in flight, and the ledger says what the store says.
pub(crate) async fn is_at_rest(world: &World) -> bool {
    let (ledger, store) = (world.ledger().await, numbers(world).await);
    waiting(world).await == 0
        && ledger
            .pools
            .iter()
            .any(|open| open.pool == pool() && open.numbers.claims == 0 && open.numbers.settled == store)
}

/// What keeps the shop from its rest, in words.
pub(crate) async fn leftovers(world: &World) -> String {
    let ledger = world.ledger().await;
    let books: Vec<_> = ledger.pools.iter().map(|open| open.numbers).collect();
    format!("{books:?}, {:?} in the store, {} messages wait", numbers(world).await, waiting(world).await)
}

/// Units that can be bought, by the store.
pub(crate) async fn free(world: &World) -> u32 {
    numbers(world).await.unsold()
}
