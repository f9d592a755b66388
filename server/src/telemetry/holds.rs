//! Looks at the orders that are paid online: how they stand, whether the money adds up, who waits for too long.
//!
//! The store is asked, and adds up every such order: seldom, and less often the longer it takes. Only processes that write ask; each
//! sees all orders, so the greatest of their numbers is the number, and the sum would be nonsense.

use super::looking::{amount, count};
use metrics::gauge;
use stampede_actors::{
    clock::SharedClock,
    ports::{HoldStore, HoldSums},
};
use stampede_domain::{Millis, OrderStatus};
use std::time::Duration;
use tokio::time::Instant;

/// The least pause between two looks: what is shown is for people, and an alert on it waits for a minute.
const LEAST_PAUSE: Duration = Duration::from_secs(5);
/// Pauses are so many times as long as the look before: adding up takes a tenth of one reader, however much was sold.
const PAUSES_TO_A_LOOK: u32 = 10;
/// The longest pause: a store that was slow for once must not blind those who wait for an alert.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The states of an order that is paid online.
const STATES: [OrderStatus; 7] = [
    OrderStatus::Reserved,
    OrderStatus::Paying,
    OrderStatus::Expiring,
    OrderStatus::Confirmed,
    OrderStatus::Expired,
    OrderStatus::Cancelled,
    OrderStatus::Refunded,
];

/// Looks until it is dropped.
pub(super) async fn look_at_holds(holds: &dyn HoldStore, clock: SharedClock) {
    loop {
        let (began, now) = (Instant::now(), clock.now());
        match holds.hold_sums(now).await {
            Ok(sums) => show_holds(&sums, now),
            Err(failure) => tracing::debug!(%failure, "the orders that are paid online could not be added up"),
        }
        tokio::time::sleep(pause_after(began.elapsed())).await;
    }
}

pub(super) fn pause_after(look: Duration) -> Duration {
    look.saturating_mul(PAUSES_TO_A_LOOK).clamp(LEAST_PAUSE, LONGEST_PAUSE)
}

fn show_holds(sums: &HoldSums, now: Millis) {
    for state in STATES {
        let orders = sums.by_status.iter().filter(|(status, ..)| *status == state).map(|(_, orders, ..)| orders).sum();
        gauge!("stampede_holds", "status" => state.as_str()).set(count(orders));
    }
    for (kind, minor) in
        [("captured", sums.captured), ("refunded", sums.refunded), ("earned", sums.earned), ("owed", sums.owed)]
    {
        gauge!("stampede_held_money_minor_units", "kind" => kind).set(amount(minor));
    }
    gauge!("stampede_money_unaccounted_minor_units").set(amount(sums.unaccounted()));
    let age = |since: Option<Millis>| since.map(|since| now.since(since)).unwrap_or_default();
    gauge!("stampede_oldest_payment_seconds").set(age(sums.oldest_payment));
    gauge!("stampede_holds_overdue_seconds").set(age(sums.most_overdue));
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn money_that_nobody_can_account_for_is_shown_and_a_state_that_no_order_is_in_any_more_is_0() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let show = |sums: &HoldSums| metrics::with_local_recorder(&recorder, || show_holds(sums, Millis(600_000)));
        let some = HoldSums {
            by_status: vec![(OrderStatus::Paying, 2, 4, 200_400), (OrderStatus::Confirmed, 3, 3, 150_300)],
            captured: 200_400,
            refunded: 50_000,
            earned: 150_300,
            owed: 90,
            unfair: 0,
            oldest_payment: Some(Millis(540_000)),
            most_overdue: Some(Millis(598_500)),
        };
        show(&some);
        let text = recorder.handle().render();
        for line in [
            "stampede_holds{status=\"paying\"} 2",
            "stampede_holds{status=\"confirmed\"} 3",
            "stampede_holds{status=\"refunded\"} 0",
            "stampede_held_money_minor_units{kind=\"captured\"} 200400",
            "stampede_held_money_minor_units{kind=\"owed\"} 90",
            "stampede_money_unaccounted_minor_units 10",
            "stampede_oldest_payment_seconds 60",
            "stampede_holds_overdue_seconds 1.5",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        show(&HoldSums::default());
        let text = recorder.handle().render();
        for line in ["status=\"paying\"} 0", "unaccounted_minor_units 0", "payment_seconds 0", "overdue_seconds 0"] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }

    #[test]
    fn the_longer_adding_up_takes_the_less_often_it_is_done_and_never_is_it_given_up() {
        for (took, pause) in [(3, LEAST_PAUSE), (2_000, Duration::from_secs(20)), (60_000, LONGEST_PAUSE)] {
            assert_eq!(pause_after(Duration::from_millis(took)), pause);
        }
    }
}
