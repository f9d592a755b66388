//! Every labelled step of the protocol as a moment to die at, and every ordered pair of them, with the ledger kept, lost, and
//! brought back as it was earlier.

use crate::{
    harm::{Point, Side},
    history::{Verdict, happen},
    plan::{LedgerFate, Mode, Plan},
};

/// The calls that move an order on, or a pool; each has two sides.
const STEPS: [(&str, &str); 14] = [
    ("inventory", "claim"),
    ("publisher", "publish"),
    ("inventory", "promise"),
    ("order_writer", "pull"),
    ("writer", "decide"),
    ("order_writer", "acknowledge"),
    ("cache_sync", "settle"),
    ("cache_sync", "pick"),
    ("cache_sync", "decide"),
    ("cache_sync", "claims_older_than"),
    ("cache_sync", "settlements"),
    ("cache_sync", "close"),
    ("cache_sync", "open_pool"),
    ("cache_sync", "open"),
];

/// Crowds of buyers that are tried until all deaths of a plan come.
const BUYERS: u64 = 60;

/// All labelled points.
#[must_use]
pub fn points() -> Vec<Point> {
    let sides = [Side::Before, Side::After];
    STEPS.iter().flat_map(|&(actor, operation)| sides.map(|side| Point { actor, operation, side })).collect()
}

/// One history a point, and one an ordered pair of points, each with every fate of the ledger.
#[must_use]
pub fn plans() -> Vec<Plan> {
    let points = points();
    let alone = points.iter().map(|point| vec![*point]);
    let pairs = points.iter().flat_map(|first| points.iter().map(|second| vec![*first, *second]));
    let scripts: Vec<_> = alone.chain(pairs).collect();
    let mut plans = Vec::new();
    for (number, script) in scripts.into_iter().enumerate() {
        for ledger in [LedgerFate::Kept, LedgerFate::Lost, LedgerFate::Older] {
            plans.push(Plan::written(number as u64, Mode::Distributed, script.clone(), ledger));
        }
        // Embedded, the ledger dies with every death, and with one more from outside.
        plans.push(Plan::written(number as u64, Mode::Embedded, script, LedgerFate::Lost));
    }
    plans
}

/// The verdict over a plan with deaths written down. A death that never comes, with whatever buyers, is a breach too: what did
/// not happen was not tested. (But for those that cannot come: nothing is opened anew while a ledger is kept.)
#[must_use]
pub fn judge(plan: &Plan) -> Verdict {
    let mut verdict = happen(plan);
    for other in 1..BUYERS {
        if verdict.still_to_come == 0 || !verdict.breaches.is_empty() || !can_come(plan) {
            return verdict;
        }
        verdict = happen(&Plan { seed: plan.seed + other * 1_000_000, ..plan.clone() });
    }
    if verdict.still_to_come > 0 && can_come(plan) {
        verdict.breaches.push(format!("{} deaths of {:?} never came", verdict.still_to_come, plan.script));
    }
    verdict
}

fn can_come(plan: &Plan) -> bool {
    let needs_a_loss = |point: &Point| ["close", "open_pool", "open"].contains(&point.operation);
    plan.ledger != LedgerFate::Kept || !plan.script.iter().any(needs_a_loss)
}
