//! The simulation's own proof: with a deliberate fault in the shop it must find something, and soon.

use crate::{
    history::happen,
    paid::{PaidPlan, race},
    plan::{Mode, Plan},
};
use stampede_domain::sabotage::{Sabotage, turn_on};

/// How a deliberate fault was noticed.
#[derive(Clone, Debug)]
pub struct Caught {
    /// By which history.
    pub seed: u64,
    /// How many histories it took.
    pub histories: u64,
    /// Which way it was noticed.
    pub breach: String,
}

/// Runs histories from `first` on with a fault in the shop, at most `histories`, until one of them notices.
#[must_use]
pub fn catch(sabotage: Sabotage, first: u64, histories: u64, orders: u32) -> Option<Caught> {
    let breaches = |seed| {
        if is_about_paying(sabotage) {
            race(&PaidPlan::drawn(seed)).breaches
        } else {
            happen(&fitting(sabotage, Plan::drawn(seed, orders))).breaches
        }
    };
    turn_on(Some(sabotage));
    let caught = (first..first + histories).find_map(|seed| {
        let breach = breaches(seed).into_iter().next()?;
        // What is found without the fault too shows nothing about it.
        turn_on(None);
        let is_clean = breaches(seed).is_empty();
        turn_on(Some(sabotage));
        if !is_clean {
            return None;
        }
        Some(Caught { seed, histories: seed - first + 1, breach })
    });
    turn_on(None);
    caught
}

/// Faults in what becomes of an order after it was reserved; the others are in how it comes to that.
fn is_about_paying(sabotage: Sabotage) -> bool {
    matches!(
        sabotage,
        Sabotage::PaysTooLate
            | Sabotage::RunsOutEarly
            | Sabotage::ExpiresWhilePaying
            | Sabotage::ConfirmsLateMoney
            | Sabotage::TakesUnknownPaymentForFailed
            | Sabotage::PaysUnderFreshKeys
            | Sabotage::RepaysUnderFreshKeys
            | Sabotage::ForgetsToRepay
            | Sabotage::LooksAfterNobody
    )
}

/// Some faults need circumstances that few seeds draw.
fn fitting(sabotage: Sabotage, plan: Plan) -> Plan {
    match sabotage {
        Sabotage::SkipsTheLimit | Sabotage::ForgetsTheBuyers => {
            Plan { limit: Some(2), buyers: plan.orders / 6 + 1, capacity: plan.orders * 3, ..plan }
        }
        Sabotage::ForgetsTheQueue => Plan { mode: Mode::Embedded, ..plan },
        Sabotage::TrustsAnOldLedger | Sabotage::TakesClosedForFull => {
            let mut plan = Plan { mode: Mode::Distributed, ..plan };
            plan.mixture.ledger_losses = 2;
            plan.mixture.older_copies = true;
            plan
        }
        _ => plan,
    }
}
