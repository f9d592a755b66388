//! What all rate limits must do. A technology's tests call `rate_limits_contract!` with a function that makes an empty one
//! and the time that it goes by.

use stampede_actors::ports::{Limit, LimitKey, Quota, RateLimits, Take, Taken};
use std::{sync::Arc, time::Duration};

/// Time that tests let pass.
pub(crate) trait Time {
    /// `by` later.
    async fn pass(&self, by: Duration);
}

/// One list of all clauses; a technology cannot leave one out.
macro_rules! rate_limits_contract {
    ($make:expr) => {
        crate::rate_limits::contract::rate_limits_contract!($make;
            a_burst_is_given_at_once_and_no_more,
            units_come_back_one_by_one,
            as_many_are_given_as_there_are,
            keys_and_limits_do_not_share,
            a_wait_that_is_told_is_long_enough_and_not_too_long,
            what_was_never_used_does_not_grow_beyond_the_burst,
            a_batch_is_answered_in_order_also_for_the_same_key,
            more_than_a_burst_at_once_is_never_given_and_the_wait_is_a_bursts,
            over_a_long_time_no_more_is_given_than_comes_back,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                let (time, limits) = ($make)().await;
                crate::rate_limits::contract::$clause(&time, limits).await;
            }
        )*
    };
}
pub(crate) use rate_limits_contract;

/// Ten at once, of which one comes back every half a second.
const QUOTA: Quota = Quota { burst: 10, per_second: 2 };
const EVA: u128 = 7;

fn of(of: u128, units: u32) -> Take {
    Take { key: LimitKey { limit: Limit::Reads, of }, quota: QUOTA, units }
}

async fn take(limits: &Arc<impl RateLimits>, asked: Take) -> Taken {
    limits.take(&[asked]).await.unwrap()[0]
}

pub(crate) async fn a_burst_is_given_at_once_and_no_more(_: &impl Time, limits: Arc<impl RateLimits>) {
    for left in (0..10).rev() {
        let taken = take(&limits, of(EVA, 1)).await;
        assert_eq!(taken, Taken { granted: 1, remaining: left, retry_after: Duration::ZERO });
    }
    let refused = take(&limits, of(EVA, 1)).await;
    assert_eq!((refused.granted, refused.remaining), (0, 0));
    assert!(!refused.retry_after.is_zero());
}

pub(crate) async fn units_come_back_one_by_one(time: &impl Time, limits: Arc<impl RateLimits>) {
    assert_eq!(take(&limits, of(EVA, 10)).await.granted, 10);
    time.pass(Duration::from_millis(499)).await;
    assert_eq!(take(&limits, of(EVA, 1)).await.granted, 0, "not before half a second");
    time.pass(Duration::from_millis(1)).await;
    assert_eq!(take(&limits, of(EVA, 2)).await.granted, 1);
    time.pass(Duration::from_secs(2)).await;
    assert_eq!(take(&limits, of(EVA, 10)).await.granted, 4);
}

pub(crate) async fn as_many_are_given_as_there_are(_: &impl Time, limits: Arc<impl RateLimits>) {
    assert_eq!(take(&limits, of(EVA, 7)).await.remaining, 3);
    let rest = take(&limits, of(EVA, 7)).await;
    assert_eq!((rest.granted, rest.remaining), (3, 0));
}

pub(crate) async fn keys_and_limits_do_not_share(_: &impl Time, limits: Arc<impl RateLimits>) {
    assert_eq!(take(&limits, of(EVA, 10)).await.granted, 10);
    assert_eq!(take(&limits, of(EVA + 1, 10)).await.granted, 10);
    let orders = Take { key: LimitKey { limit: Limit::Orders, of: EVA }, quota: QUOTA, units: 10 };
    assert_eq!(take(&limits, orders).await.granted, 10);
}

pub(crate) async fn a_wait_that_is_told_is_long_enough_and_not_too_long(
    time: &impl Time,
    limits: Arc<impl RateLimits>,
) {
    take(&limits, of(EVA, 10)).await;
    let wait = take(&limits, of(EVA, 3)).await.retry_after;
    let near = |wait: Duration| (Duration::from_millis(1_480)..=Duration::from_millis(1_501)).contains(&wait);
    assert!(near(wait), "{wait:?} for three units, of which two come a second");
    time.pass(wait + Duration::from_millis(1)).await;
    assert_eq!(take(&limits, of(EVA, 3)).await.granted, 3);
}

pub(crate) async fn what_was_never_used_does_not_grow_beyond_the_burst(time: &impl Time, limits: Arc<impl RateLimits>) {
    take(&limits, of(EVA, 1)).await;
    time.pass(Duration::from_secs(1_000)).await;
    assert_eq!(take(&limits, of(EVA, 11)).await.granted, 10);
}

pub(crate) async fn a_batch_is_answered_in_order_also_for_the_same_key(_: &impl Time, limits: Arc<impl RateLimits>) {
    let batch: Vec<_> = (0..500).flat_map(|stranger| [of(EVA, 1), of(100 + stranger, 3)]).collect();
    let taken = limits.take(&batch).await.unwrap();
    assert_eq!(taken.len(), 1_000);
    let evas: u32 = taken.iter().step_by(2).map(|taken| taken.granted).sum();
    // A unit may have come back while the batch was worked off.
    assert!((10..=12).contains(&evas), "{evas}");
    assert!(taken.iter().skip(1).step_by(2).all(|taken| (taken.granted, taken.remaining) == (3, 7)));
}

pub(crate) async fn more_than_a_burst_at_once_is_never_given_and_the_wait_is_a_bursts(
    _: &impl Time,
    limits: Arc<impl RateLimits>,
) {
    let taken = take(&limits, of(EVA, 1_000_000)).await;
    assert_eq!((taken.granted, taken.remaining), (10, 0));
    assert!((4_900..=5_010).contains(&taken.retry_after.as_millis()), "{:?}", taken.retry_after);
}

pub(crate) async fn over_a_long_time_no_more_is_given_than_comes_back(time: &impl Time, limits: Arc<impl RateLimits>) {
    let mut granted = 0;
    for step in 0..200 {
        granted += take(&limits, of(EVA, step % 5)).await.granted;
        time.pass(Duration::from_millis(137)).await;
    }
    // 27.4 s at two a second, and the burst.
    assert!((62..=65).contains(&granted), "{granted}");
}
