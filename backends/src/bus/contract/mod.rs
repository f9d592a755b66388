//! What every bus must do. A technology's tests call `bus_contract!` with a function that makes a [`BusRig`].
//!
//! A bus promises its messages "at least once, in about their order". So nothing here relies on more: what came is compared
//! as a set, and a technology that keeps the order says so in its own tests.

mod dying;
mod handing_over;
mod holding;
mod surviving;

pub(crate) use dying::*;
pub(crate) use handing_over::*;
pub(crate) use holding::*;
pub(crate) use surviving::*;

use bytes::Bytes;
use stampede_actors::{
    label::Label,
    ports::{Bus, Delivery, DeliveryId, Outgoing},
};
use stampede_domain::{BuyerId, Fingerprint, OrderId, PoolId};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::timeout;

/// One list of all clauses; a technology cannot leave one out.
macro_rules! bus_contract {
    ($make:expr) => {
        crate::bus::contract::bus_contract!($make;
            what_is_published_is_pulled_with_its_bytes,
            a_batch_is_answered_message_by_message,
            a_strange_payload_does_not_hurt_its_neighbours,
            many_publish_at_once_and_nothing_is_lost,
            a_pull_waits_for_the_next_message,
            a_pull_takes_no_more_than_its_limit,
            a_pull_that_is_dropped_loses_nothing,
            a_publish_that_is_dropped_is_whole_or_not_at_all,
            what_is_acknowledged_never_comes_again,
            what_is_acknowledged_twice_or_unknown_is_no_error,
            a_lease_that_runs_out_comes_again_with_its_attempt_counted,
            a_lease_that_is_extended_does_not_run_out,
            an_acknowledgement_after_the_lease_still_counts,
            what_is_released_comes_again_at_once,
            what_is_set_aside_is_a_dead_letter_and_nothing_else,
            after_a_crash_all_that_was_not_acknowledged_comes_again,
            after_a_close_nothing_acknowledged_comes_again,
            attempts_survive_a_crash_once_they_are_written,
            dead_letters_survive_a_crash,
            a_replayed_letter_comes_again_and_stays_a_dead_letter_until_it_ends,
            what_ended_is_not_listed_not_counted_not_replayed_and_then_forgotten,
            a_replay_survives_a_crash,
            a_backlog_larger_than_memory_loses_nothing,
            the_backlog_is_counted_and_knows_its_oldest,
            the_unconsumed_are_all_that_is_neither_acknowledged_nor_dead,
            a_closed_bus_says_so,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                crate::bus::contract::$clause(&$make).await;
            }
        )*
    };
}
pub(crate) use bus_contract;

/// Opens the same bus again and again. Dropping one without closing it is a crash.
pub(crate) trait BusRig: Sync {
    /// With leases of `lease`, and at most about `ready` messages in memory. Messages that are not acknowledged may count.
    async fn open(&self, lease: Duration, ready: usize) -> Arc<dyn Bus>;

    /// A lease long enough for a message to be taken and acknowledged, and short enough to wait for its end.
    fn short_lease(&self) -> Duration {
        Duration::from_millis(30)
    }

    /// What is not there after this long does not come: longer than a short lease. Only used to show an absence.
    fn a_while(&self) -> Duration {
        Duration::from_millis(80)
    }

    /// Whether what was acknowledged stays so, however soon the process dies after that. Else it may come once more.
    fn acknowledges_at_once(&self) -> bool {
        true
    }

    /// What is a large number of messages for it.
    fn many(&self) -> u32 {
        100_000
    }
}

/// Does not run out while a clause runs.
const LONG: Duration = Duration::from_secs(600);
const READY: usize = 1000;
/// Many of Pub/Sub's leases: what was on the wire to a bus that is gone comes again after one of ten seconds, on a loaded machine
/// perhaps to a stream that is just ending, and so once more.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

fn outgoing(numbers: std::ops::Range<u32>) -> Vec<Outgoing> {
    numbers.map(outgoing_number).collect()
}

/// Every other one has a label.
fn outgoing_number(number: u32) -> Outgoing {
    let label = number.is_multiple_of(2).then(|| label(number));
    Outgoing { payload: Bytes::from(format!(r#"{{"v":1,"number":{number}}}"#)), label }
}

/// The label of a message.
pub(crate) fn label(number: u32) -> Label {
    let order = OrderId::from([u8::try_from(number % 251).unwrap_or(0); 16]);
    Label { order, pool: PoolId(-1), quantity: number, buyer: BuyerId(i64::MIN), fingerprint: Fingerprint(i64::MAX) }
}

fn number(delivery: &Delivery) -> u32 {
    let text = std::str::from_utf8(&delivery.payload).unwrap();
    text.trim_start_matches(r#"{"v":1,"number":"#).trim_end_matches('}').parse().unwrap()
}

fn numbers(deliveries: &[Delivery]) -> BTreeSet<u32> {
    deliveries.iter().map(number).collect()
}

fn ids(deliveries: &[Delivery]) -> Vec<DeliveryId> {
    deliveries.iter().map(|delivery| delivery.id).collect()
}

async fn publish(bus: &Arc<dyn Bus>, numbers: std::ops::Range<u32>) {
    for outcome in bus.publish(outgoing(numbers)).await {
        outcome.unwrap();
    }
}

/// Pulls exactly so many.
async fn pull(bus: &Arc<dyn Bus>, count: usize) -> Vec<Delivery> {
    let mut pulled = Vec::new();
    while pulled.len() < count {
        let more = timeout(PATIENCE, bus.pull(count - pulled.len())).await.expect("messages are there").unwrap();
        pulled.extend(more);
    }
    pulled
}

/// Pulls and acknowledges until all of these have come, and says what else did.
async fn consume(bus: &Arc<dyn Bus>, mut expected: BTreeSet<u32>) -> BTreeSet<u32> {
    let mut others = BTreeSet::new();
    while !expected.is_empty() {
        let pulled = timeout(PATIENCE, bus.pull(500)).await;
        let pulled = pulled.unwrap_or_else(|_| panic!("{} never came: {expected:?}", expected.len())).unwrap();
        bus.acknowledge(&ids(&pulled)).await.unwrap();
        others.extend(pulled.iter().map(number).filter(|number| !expected.remove(number)));
    }
    others
}

/// Pulls and acknowledges until nothing comes any more.
async fn consume_all(rig: &impl BusRig, bus: &Arc<dyn Bus>) -> Vec<u32> {
    let mut seen = Vec::new();
    while let Ok(pulled) = timeout(rig.a_while(), bus.pull(500)).await {
        let pulled = pulled.unwrap();
        bus.acknowledge(&ids(&pulled)).await.unwrap();
        seen.extend(pulled.iter().map(number));
    }
    seen
}

async fn nothing_comes(rig: &impl BusRig, bus: &Arc<dyn Bus>) {
    let pulled = timeout(rig.a_while(), bus.pull(10)).await;
    assert!(pulled.is_err(), "{pulled:?}");
}

/// So many wait, if the bus can tell.
async fn assert_waiting(bus: &Arc<dyn Bus>, messages: u64) {
    let told = bus.backlog().await.unwrap().messages;
    assert!(told.is_none_or(|told| told == messages), "{told:?}, not {messages}");
}
