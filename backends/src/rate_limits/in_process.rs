//! The counts of one process, in memory: `governor`'s GCRA, a number a key, shared by all threads.

use async_trait::async_trait;
use governor::{
    RateLimiter,
    clock::Clock,
    middleware::{StateInformationMiddleware, StateSnapshot},
    nanos::Nanos,
    state::keyed::DashMapStateStore,
};
use stampede_actors::ports::{LimitKey, PortResult, Quota, RateLimits, Take, Taken};
use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU32,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// Keys of one limit that are counted each for itself, about 25 MB of them. Whoever comes when there are as many shares a
/// count with others: an attacker with a million v6 networks must not cost a gigabyte, and must not shut out everybody else.
const MOST_KEYS: usize = 250_000;
/// Counts that those share.
const SHARED: u64 = 4_096;
/// Takes between two looks at how many keys there are, which has to ask every part of the map.
const LOOK_EVERY: u64 = 64;
/// How often keys that have all their units back are thrown away.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// How often while there are too many.
const TIDY_WHEN_FULL: Duration = Duration::from_secs(1);

/// Time since the limiter was made. It never steps, so nobody is shut out because a clock was set.
#[derive(Clone, Debug)]
struct Elapsed(Instant);

impl Clock for Elapsed {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

type Limiter = RateLimiter<LimitKey, DashMapStateStore<LimitKey>, Elapsed, StateInformationMiddleware>;

/// [`RateLimits`] of one process.
pub struct InProcessRateLimits {
    began: Instant,
    /// One for each quota that was ever asked for: an operator sets a handful.
    limiters: RwLock<Vec<(Quota, Arc<Kept>)>>,
    most_keys: usize,
    folding: RandomState,
}

/// The counts under one quota.
struct Kept {
    limiter: Limiter,
    takes: AtomicU64,
    is_full: AtomicBool,
    /// Nanoseconds since the beginning.
    tidied_at: AtomicU64,
}

impl Default for InProcessRateLimits {
    fn default() -> Self {
        Self::keeping(MOST_KEYS)
    }
}

impl InProcessRateLimits {
    fn keeping(most_keys: usize) -> Self {
        Self { began: Instant::now(), limiters: RwLock::default(), most_keys, folding: RandomState::new() }
    }

    fn take_one(&self, take: &Take) -> Taken {
        let kept = self.kept(take.quota);
        let key = self.counted_as(&kept, take.key);
        let (mut granted, mut last) = (0, None);
        // All that are asked for if there are as many, else the largest powers of two that there are.
        let mut step = take.units;
        while let Some(units) = NonZeroU32::new(step.min(take.units - granted)) {
            match kept.limiter.check_key_n(&key, units) {
                Ok(Ok(state)) => {
                    granted += units.get();
                    last = Some(state);
                }
                Ok(Err(not_yet)) => {
                    if units.get() == 1 {
                        let wait = not_yet.wait_time_from(kept.limiter.clock().now());
                        let others = (take.units - granted).min(take.quota.burst.max(1)) - 1;
                        return Taken { granted, remaining: 0, retry_after: wait + take.quota.time_of(others) };
                    }
                    step = half(units.get());
                }
                Err(_) => step = half(units.get()),
            }
        }
        let remaining = last.map_or(0, |state: StateSnapshot| state.remaining_burst_capacity());
        Taken { granted, remaining, retry_after: Duration::ZERO }
    }

    fn kept(&self, quota: Quota) -> Arc<Kept> {
        let known = |limiters: &[(Quota, Arc<Kept>)]| {
            limiters.iter().find(|(of, _)| *of == quota).map(|(_, kept)| Arc::clone(kept))
        };
        if let Some(kept) = known(&self.limiters.read().unwrap_or_else(PoisonError::into_inner)) {
            return kept;
        }
        let mut limiters = self.limiters.write().unwrap_or_else(PoisonError::into_inner);
        known(&limiters).unwrap_or_else(|| {
            let limiter = Limiter::new(governors(quota), DashMapStateStore::default(), Elapsed(self.began));
            let kept = Arc::new(Kept {
                limiter,
                takes: AtomicU64::new(0),
                is_full: AtomicBool::new(false),
                tidied_at: AtomicU64::new(0),
            });
            limiters.push((quota, Arc::clone(&kept)));
            kept
        })
    }

    /// The key itself, or, when there are too many, one that it shares.
    fn counted_as(&self, kept: &Kept, key: LimitKey) -> LimitKey {
        if kept.takes.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            self.tidy(kept);
        }
        if !kept.is_full.load(Ordering::Relaxed) {
            return key;
        }
        LimitKey { of: u128::MAX - u128::from(self.folding.hash_one(key) % SHARED), ..key }
    }

    fn tidy(&self, kept: &Kept) {
        let is_full = kept.limiter.len() >= self.most_keys;
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let tidied_at = kept.tidied_at.load(Ordering::Relaxed);
        let pause = if is_full { TIDY_WHEN_FULL } else { TIDY_EVERY };
        let is_due = u128::from(now.saturating_sub(tidied_at)) >= pause.as_nanos();
        // One of the threads does it; the others count on.
        if is_due && kept.tidied_at.compare_exchange(tidied_at, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            kept.limiter.retain_recent();
            kept.limiter.shrink_to_fit();
        }
        kept.is_full.store(kept.limiter.len() >= self.most_keys, Ordering::Relaxed);
    }
}

#[async_trait]
impl RateLimits for InProcessRateLimits {
    async fn take(&self, asked: &[Take]) -> PortResult<Vec<Taken>> {
        Ok(asked.iter().map(|take| self.take_one(take)).collect())
    }
}

fn half(units: u32) -> u32 {
    (units / 2).max(1)
}

fn governors(quota: Quota) -> governor::Quota {
    let at_least_one = |units: u32| NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN);
    governor::Quota::per_second(at_least_one(quota.per_second)).allow_burst(at_least_one(quota.burst))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limits::contract::{Time, rate_limits_contract};
    use stampede_actors::ports::Limit;

    struct Paused;

    impl Time for Paused {
        async fn pass(&self, by: Duration) {
            tokio::time::advance(by).await;
        }
    }

    rate_limits_contract!(async || {
        tokio::time::pause();
        (Paused, Arc::new(InProcessRateLimits::default()))
    });

    #[tokio::test(start_paused = true)]
    async fn strangers_beyond_what_is_kept_share_counts_and_memory_is_given_back() {
        let limits = InProcessRateLimits::keeping(100);
        let quota = Quota { burst: 10, per_second: 10 };
        let take = |of: u128| [Take { key: LimitKey { limit: Limit::Reads, of }, quota, units: 1 }];
        for of in 0..100_000 {
            limits.take(&take(of)).await.unwrap();
        }
        let kept = limits.kept(quota);
        let most = 100 + usize::try_from(SHARED + LOOK_EVERY).unwrap();
        assert!(kept.limiter.len() <= most, "{}", kept.limiter.len());
        let shared = limits.take(&take(200_000)).await.unwrap();
        assert_eq!(shared[0].granted, 0, "a newcomer shares what others have used up");
        tokio::time::advance(Duration::from_secs(20)).await;
        for of in 0..u128::from(LOOK_EVERY) {
            limits.take(&take(of)).await.unwrap();
        }
        assert_eq!(limits.take(&take(300_000)).await.unwrap()[0].remaining, 9);
        assert!(
            kept.limiter.len() <= 1 + usize::try_from(LOOK_EVERY).unwrap(),
            "{} keys are kept of those who have gone",
            kept.limiter.len()
        );
    }
}
