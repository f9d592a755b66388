//! Checks the laws over the whole store, and over the ledger where there is one. The same for the running shop and for the
//! command that audits a store at rest.

use crate::{
    cache_sync::DEAD_LETTER_LIFE,
    ports::{Audit, Backlog, Bus, Ledger, LedgerSnapshot, OrderStore, PortResult},
};
use stampede_domain::{
    Millis, PoolId,
    laws::{self, Breach, BusSums, Law, PoolSums},
};
use std::time::Duration;

/// The age of a claim that should be gone: an intent lives 30 s, and is reaped and settled within 5 s more.
const LEFT_BEHIND: Duration = Duration::from_mins(1);
/// Old claims looked at.
const LOOKED_AT: usize = 1_000;
/// The pause before a second look, longer than writers are silent who are there.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// What an audit found.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// When it began.
    pub at: Millis,
    /// Every pool with its sums.
    pub pools: Vec<Audit>,
    /// Every law, whether it could be judged, and how it is broken.
    pub laws: Vec<LawFound>,
    /// Messages that wait on the bus; `None` where the bus cannot tell.
    pub waiting: Option<u64>,
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
    let mut breaches = Vec::new();
    for pool in &pools {
        breaches.extend(laws::check_store(pool.pool, &pool.sums));
        if let Some(waiting) = backlog.messages {
            let oldest = backlog.oldest.map(|oldest| at.since(oldest)).unwrap_or_default();
            breaches.extend(laws::check_bus(pool.pool, &BusSums { waiting, oldest }, ledger.is_some()));
        }
    }
    if let (Some(ledger), Some(before)) = (ledger, &before) {
        breaches.extend(left_behind(before, &backlog, store, ledger).await?);
    }
    let quiet_pools = check_quiet(before.as_ref(), &pools, &mut breaches);
    let nothing_promised =
        before.as_ref().is_some_and(|ledger| ledger.pools.iter().all(|book| book.numbers.promised == 0));
    let laws = Law::ALL.into_iter().map(|law| LawFound {
        law,
        breaches: breaches.iter().filter(|breach| breach.law == law).map(|breach| breach.how.clone()).collect(),
        judged: match law {
            Law::NothingLeaks => quiet_pools > 0,
            Law::EveryPromiseDecided => backlog.messages.is_some() || nothing_promised,
            _ => true,
        } || breaches.iter().any(|breach| breach.law == law),
        looked_at: match (law, backlog.messages) {
            (Law::EveryPromiseDecided, None) if nothing_promised => {
                "no order is promised and undecided, by the ledger".into()
            }
            _ => looked_at(law, &pools, backlog.messages, quiet_pools),
        },
    });
    Ok(AuditReport { at, laws: laws.collect(), pools, waiting: backlog.messages, dead_letters: backlog.dead_letters })
}

/// Claims that nobody will ever decide: old, undecided, and no message is left that could decide them. The bus was read before
/// the claims are, and the store is read after them, so nothing that is being written or settled now is among them. Where the
/// bus cannot tell what waits, writers that are there and idle say that nothing does; twice, for what comes to one of them at
/// this very moment.
async fn left_behind(
    before: &LedgerSnapshot,
    backlog: &Backlog,
    store: &dyn OrderStore,
    ledger: &dyn Ledger,
) -> PortResult<Vec<Breach>> {
    let nothing_waits = backlog.messages.map_or_else(|| writers_are_idle(before), |messages| messages == 0);
    if !nothing_waits {
        return Ok(Vec::new());
    }
    let age = if backlog.dead_letters > 0 { DEAD_LETTER_LIFE + LEFT_BEHIND } else { LEFT_BEHIND };
    let mut left = undecided_for(age, before, store, ledger).await?;
    if !left.is_empty() && backlog.messages.is_none() {
        tokio::time::sleep(SECOND_LOOK).await;
        let again = ledger.snapshot().await?;
        if !writers_are_idle(&again) {
            return Ok(Vec::new());
        }
        left = undecided_for(age, &again, store, ledger).await?;
    }
    let breach = |(pool, claims): (PoolId, usize)| Breach {
        law: Law::NothingLeaks,
        how: format!("{pool}: {claims} claims are left that nothing will decide"),
    };
    Ok(left.into_iter().map(breach).collect())
}

fn writers_are_idle(ledger: &LedgerSnapshot) -> bool {
    ledger.report.depth == 0 && ledger.now.since(ledger.heard_at) < SECOND_LOOK
}

/// How many old claims of each pool have no row.
async fn undecided_for(
    age: Duration,
    ledger_now: &LedgerSnapshot,
    store: &dyn OrderStore,
    ledger: &dyn Ledger,
) -> PortResult<Vec<(PoolId, usize)>> {
    let mut left = Vec::new();
    for book in ledger_now.pools.iter().filter(|book| book.numbers.claims > 0) {
        let old = ledger.claims_older_than(book.pool, age, LOOKED_AT).await?;
        let decided = store.fates(&old).await?.len();
        if old.len() > decided {
            left.push((book.pool, old.len() - decided));
        }
    }
    Ok(left)
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

fn looked_at(law: Law, pools: &[Audit], waiting: Option<u64>, quiet_pools: usize) -> String {
    let orders: u64 = pools.iter().map(|pool| pool.sums.orders).sum();
    let holds: u64 = pools.iter().map(|pool| pool.sums.holds).sum();
    let of = |sum: fn(&PoolSums) -> i64| pools.iter().fold(0_i64, |all, pool| all.saturating_add(sum(&pool.sums)));
    let money = [of(|sums| sums.captured), of(|sums| sums.refunded), of(|sums| sums.owed)];
    match law {
        Law::EveryPromiseDecided => waiting.map_or_else(
            || "orders are promised and undecided; the bus does not tell what waits".into(),
            |waiting| format!("{waiting} messages wait"),
        ),
        Law::NothingLeaks if quiet_pools == 0 => {
            "no pool of a running shop is at rest to be compared with the ledger".into()
        }
        Law::NothingLeaks => format!("pools at rest against the ledger: {quiet_pools}"),
        Law::MoneyAdds => {
            format!("{} taken, {} given back, {} to be given back, in cents", money[0], money[1], money[2])
        }
        Law::HoldsAreFair => format!("{holds} orders that were held"),
        Law::NeverOversold | Law::OneFate | Law::KeyIsOrder | Law::LimitsHold => format!("{orders} orders"),
    }
}
