//! Telling all processes what one has let in, a little later.
//!
//! A request waits for nobody: the counts of its own process judge it. What was let in is owed to the counts of all, and paid
//! twenty times a second, everybody's together in one call. A key that cannot pay is closed here until it has. So a limit
//! holds over all processes together, but for what comes within one such round; and when the shared counts do not answer,
//! each process goes on with its own.

use super::Doorkeeper;
use crate::{
    facts::{Fact, announce},
    ports::{LimitKey, Quota, RateLimits, Take},
};
use std::{collections::HashMap, rc::Rc, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How often it is paid: what slips through in between is a twentieth of a second's worth.
const PAY_EVERY: Duration = Duration::from_millis(50);
/// Who asks less in a second than this share of what comes back in it is not told of. So the many who ask now and then cost
/// the shared counts nothing, and up to 64 workers together let slip what one address may have anyway.
const WORTH_TELLING: u32 = 64;
/// How long small debts are kept before they are forgotten.
const KEPT: Duration = Duration::from_secs(1);
/// Keys with debts: a second's addresses of a busy worker, about 8 MB. Who does not fit in is judged by this process alone.
const MOST_ACCOUNTS: usize = 100_000;
/// How long an answer may take: a round that is late is a round with more in it.
const PATIENCE: Duration = Duration::from_millis(500);

/// Who owes what.
#[derive(Default)]
pub(super) struct Accounts {
    by_key: HashMap<LimitKey, Account>,
    paying: bool,
}

struct Account {
    quota: Quota,
    /// Units let in and not paid.
    owed: u32,
    since: Instant,
    /// While it owes what could not be paid.
    closed_until: Option<Instant>,
}

impl Account {
    fn is_due(&self, now: Instant) -> bool {
        match self.closed_until {
            Some(until) => until <= now,
            None => self.owed > self.quota.per_second / WORTH_TELLING,
        }
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        self.closed_until.is_none() && !self.is_due(now) && now.duration_since(self.since) >= KEPT
    }
}

impl Doorkeeper {
    /// How long a key has to wait for its debts.
    pub(super) fn closed_for(&self, key: LimitKey) -> Option<Duration> {
        let until = self.accounts.borrow().by_key.get(&key)?.closed_until?;
        // Open again at the next round, not before: until then nobody knows whether the debt can be paid.
        Some((until - Instant::now()).max(PAY_EVERY))
    }

    /// One more that was let in.
    pub(super) fn note(self: &Rc<Self>, key: LimitKey, quota: Quota) {
        let Some(far) = &self.parts.far else { return };
        let mut accounts = self.accounts.borrow_mut();
        if accounts.by_key.len() >= MOST_ACCOUNTS && !accounts.by_key.contains_key(&key) {
            return;
        }
        let fresh = || Account { quota, owed: 0, since: Instant::now(), closed_until: None };
        let account = accounts.by_key.entry(key).or_insert_with(fresh);
        // Nobody is closed for longer than a whole burst takes to come back.
        account.owed = account.owed.saturating_add(1).min(quota.burst.max(1));
        if !std::mem::replace(&mut accounts.paying, true) {
            self.tasks.spawn(Rc::clone(self).pay(Arc::clone(far)));
        }
    }

    /// Rounds, until nobody owes anything.
    async fn pay(self: Rc<Self>, far: Arc<dyn RateLimits>) {
        loop {
            sleep(PAY_EVERY).await;
            let due = self.due();
            if !due.is_empty() {
                self.pay_round(far.as_ref(), &due).await;
            }
            let mut accounts = self.accounts.borrow_mut();
            if accounts.by_key.is_empty() {
                accounts.paying = false;
                return;
            }
        }
    }

    fn due(&self) -> Vec<Take> {
        let now = Instant::now();
        let mut accounts = self.accounts.borrow_mut();
        accounts.by_key.retain(|_, account| !account.is_forgotten(now));
        let due = accounts.by_key.iter().filter(|(_, account)| account.is_due(now));
        due.map(|(key, account)| Take { key: *key, quota: account.quota, units: account.owed }).collect()
    }

    async fn pay_round(&self, far: &dyn RateLimits, due: &[Take]) {
        let Ok(Ok(answers)) = timeout(PATIENCE, far.take(due)).await else {
            // Each process for itself until they answer: debts are forgiven, or all keys would be closed in the end.
            announce(Fact::LimitsNotShared);
            self.accounts.borrow_mut().by_key.clear();
            return;
        };
        let now = Instant::now();
        let mut accounts = self.accounts.borrow_mut();
        for (take, taken) in due.iter().zip(answers) {
            let Some(account) = accounts.by_key.get_mut(&take.key) else { continue };
            account.owed = account.owed.saturating_sub(taken.granted);
            if taken.granted < take.units {
                account.closed_until = Some(now + taken.retry_after);
            } else if account.owed == 0 {
                accounts.by_key.remove(&take.key);
            } else {
                // Let in while it was being paid for.
                account.closed_until = None;
            }
        }
    }
}
