//! Checks the laws over the whole store, and over the ledger where there is one. The same for the running shop and for the
//! command that audits a store at rest.

use crate::{
    cache_sync::DEAD_LETTER_LIFE,
    ports::{Audit, Backlog, Bus, Ledger, LedgerSnapshot, OrderStore, PortResult},
};
use stampede_domain::{
    Millis,
    laws::{self, Breach, BusSums, Law},
};
use std::time::Duration;

/// The age of a claim that should be gone: an intent lives 30 s, and is reaped and settled within 5 s more.
const LEFT_BEHIND: Duration = Duration::from_mins(1);
/// Old claims looked at.
const LOOKED_AT: usize = 1_000;

/// What an audit found.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// When it began.
    pub at: Millis,
    /// Every pool with its sums.
    pub pools: Vec<Audit>,
    /// Every law, whether it could be judged, and how it is broken.
    pub laws: Vec<LawFound>,
    /// Messages that wait on the bus, and dead letters.
    pub waiting: u64,
    /// Messages set aside.
    pub dead_letters: u64,
}

/// One law in an audit.
#[derive(Clone, Debug)]
pub struct LawFound {
    /// Which.
    pub law: Law,
    /// What was found wrong with it.
    pub breaches: Vec<String>,
    /// False when there was nothing to judge it by.
    pub judged: bool,
    /// What was looked at, or why it could not be judged.
    pub looked_at: String,
}

impl LawFound {
    /// Whether it holds; `None` when it could not be judged.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        self.judged.then_some(self.breaches.is_empty())
    }
}

impl AuditReport {
    /// Whether every law that could be judged holds.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.laws.iter().all(|found| found.breaches.is_empty())
    }
}

/// Audits.
///
/// # Errors
/// `Unavailable` when store or bus cannot be read.
pub async fn audit(
    at: Millis,
    store: &dyn OrderStore,
    bus: &dyn Bus,
    ledger: Option<&dyn Ledger>,
) -> PortResult<AuditReport> {
    let before = match ledger {
        Some(ledger) => Some(ledger.snapshot().await?),
        None => None,
    };
    let pools = store.audit().await?;
    let backlog = bus.backlog().await?;
    let bus_sums = BusSums {
        waiting: backlog.messages,
        oldest: backlog.oldest.map(|oldest| at.since(oldest)).unwrap_or_default(),
    };
    let mut breaches = Vec::new();
    for pool in &pools {
        breaches.extend(laws::check_store(pool.pool, &pool.sums));
        breaches.extend(laws::check_bus(pool.pool, &bus_sums, ledger.is_some()));
    }
    if let (Some(ledger), Some(before)) = (ledger, &before) {
        breaches.extend(left_behind(before, &backlog, store, ledger).await?);
    }
    let quiet_pools = check_quiet(before.as_ref(), &pools, &mut breaches);
    let orders: u64 = pools.iter().map(|pool| pool.sums.orders).sum();
    let laws = Law::ALL.into_iter().map(|law| LawFound {
        law,
        breaches: breaches.iter().filter(|breach| breach.law == law).map(|breach| breach.how.clone()).collect(),
        judged: law != Law::NothingLeaks || quiet_pools > 0 || breaches.iter().any(|breach| breach.law == law),
        looked_at: looked_at(law, orders, backlog.messages, quiet_pools),
    });
    Ok(AuditReport { at, laws: laws.collect(), pools, waiting: backlog.messages, dead_letters: backlog.dead_letters })
}

/// Claims that nobody will ever decide: old, undecided, and no message is left that could decide them. The bus was read before
/// the claims are, and the store is read after them, so nothing that is being written or settled now is among them.
async fn left_behind(
    before: &LedgerSnapshot,
    backlog: &Backlog,
    store: &dyn OrderStore,
    ledger: &dyn Ledger,
) -> PortResult<Vec<Breach>> {
    let mut breaches = Vec::new();
    if backlog.messages > 0 {
        return Ok(breaches);
    }
    let age = if backlog.dead_letters > 0 { DEAD_LETTER_LIFE + LEFT_BEHIND } else { LEFT_BEHIND };
    for book in before.pools.iter().filter(|book| book.numbers.claims > 0) {
        let old = ledger.claims_older_than(book.pool, age, LOOKED_AT).await?;
        let decided = store.fates(&old).await?.len();
        if old.len() > decided {
            let how = format!("{}: {} claims are left that nothing will decide", book.pool, old.len() - decided);
            breaches.push(Breach { law: Law::NothingLeaks, how });
        }
    }
    Ok(breaches)
}

/// Pools at rest are compared with the ledger; how many were.
fn check_quiet(ledger: Option<&LedgerSnapshot>, pools: &[Audit], breaches: &mut Vec<Breach>) -> usize {
    let open = ledger.map(|ledger| ledger.pools.as_slice()).unwrap_or_default();
    let mut quiet = 0;
    for book in open.iter().filter(|book| book.numbers.claims == 0) {
        let same = pools
            .iter()
            .find(|pool| pool.pool == book.pool && pool.sums.numbers.version == book.numbers.settled.version);
        if let Some(pool) = same {
            quiet += 1;
            breaches.extend(laws::check_quiet(book.pool, &book.numbers, &pool.sums.numbers));
        }
    }
    quiet
}

fn looked_at(law: Law, orders: u64, waiting: u64, quiet_pools: usize) -> String {
    match law {
        Law::EveryPromiseDecided => format!("{waiting} messages wait"),
        Law::NothingLeaks if quiet_pools == 0 => {
            "no pool of a running shop is at rest to be compared with the ledger".into()
        }
        Law::NothingLeaks => format!("pools at rest against the ledger: {quiet_pools}"),
        Law::MoneyAdds | Law::HoldsAreFair => {
            format!("{orders} orders; nothing is paid online yet, so nothing may be held or paid")
        }
        Law::NeverOversold | Law::OneFate | Law::KeyIsOrder | Law::LimitsHold => format!("{orders} orders"),
    }
}
