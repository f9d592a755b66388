//! What a keeper remembers of others, in its own memory, where no loss of the ledger wipes it.

use crate::ports::PoolSnapshot;
use stampede_domain::{PoolId, ledger::BACKLOG_LIFE};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::time::Instant;

/// How long an opening is left to whoever raised the epoch: loading a million buyers takes a second or two.
const LEFT_TO_OTHERS: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Witness {
    /// Processes whose writers were heard in the last lease: what one of them held and did not settle comes again within it.
    writers: HashMap<u64, Instant>,
    /// The epoch of each pool in the store when it was last looked at.
    epochs: HashMap<PoolId, u64>,
    /// Pools that somebody else is opening.
    with_others: HashMap<PoolId, Instant>,
    /// The opening of each pool's book, and since when it has been seen.
    books: HashMap<PoolId, (u64, Instant)>,
}

impl Witness {
    pub(super) fn hears(&mut self, writers: &[u64]) {
        let now = Instant::now();
        self.writers.extend(writers.iter().map(|writer| (*writer, now)));
        self.writers.retain(|_, heard| now.duration_since(*heard) < BACKLOG_LIFE);
    }

    /// Whether everybody who has written lately is among these.
    pub(super) fn has_all_in(&self, writers: &[u64]) -> bool {
        let now = Instant::now();
        let lately = self.writers.iter().filter(|(_, heard)| now.duration_since(**heard) < BACKLOG_LIFE);
        lately.into_iter().all(|(writer, _)| writers.contains(writer))
    }

    /// Whether a pool is somebody else's to open: its book is missing, and they have raised its epoch.
    pub(super) fn leaves(&mut self, pool: PoolId, epoch: u64, is_open: bool) -> bool {
        let before = self.epochs.insert(pool, epoch);
        if is_open {
            self.with_others.remove(&pool);
            return false;
        }
        if before.is_some_and(|before| before < epoch) {
            self.leave(pool);
        }
        self.with_others.get(&pool).is_some_and(|since| since.elapsed() < LEFT_TO_OTHERS)
    }

    /// Somebody else was faster.
    pub(super) fn leave(&mut self, pool: PoolId) {
        self.with_others.insert(pool, Instant::now());
    }

    /// This keeper has raised the epoch, or not: nobody told. If it has, nobody else will open the pool, so it looks again as
    /// if for the first time; raising it twice does no harm.
    pub(super) fn may_have_raised(&mut self, pool: PoolId) {
        self.epochs.remove(&pool);
    }

    /// This keeper has raised the epoch.
    pub(super) fn raised(&mut self, pool: PoolId, epoch: u64) {
        self.epochs.insert(pool, epoch);
    }

    pub(super) fn sees(&mut self, open: &[PoolSnapshot]) {
        let now = Instant::now();
        for open in open {
            let epoch = open.numbers.epoch;
            let seen = self.books.entry(open.pool).or_insert((epoch, now));
            if seen.0 != epoch {
                *seen = (epoch, now);
            }
        }
        let open: HashSet<_> = open.iter().map(|open| open.pool).collect();
        self.books.retain(|pool, _| open.contains(pool));
    }

    /// Whether a book has been open for so long that nothing from before its opening can be under way.
    pub(super) fn has_seen_for_a_lease(&self, pool: PoolId) -> bool {
        self.books.get(&pool).is_some_and(|(_, since)| since.elapsed() >= BACKLOG_LIFE)
    }
}
