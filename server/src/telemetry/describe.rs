//! Every metric of the shop: its kind, its unit, what it says. What stands here exists, and nothing else does: a test reads
//! the sources of all crates.

use Kind::{Counter, Gauge, Histogram};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};
use stampede_domain::laws::Law;

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Only rises.
    Counter,
    /// Is what it is now.
    Gauge,
    /// Durations or sizes, in buckets.
    Histogram,
}

const COUNT: Unit = Unit::Count;
const SECONDS: Unit = Unit::Seconds;

/// Kind, name, unit, meaning.
#[rustfmt::skip]
const METRICS: [(Kind, &str, Unit, &str); 62] = [
    (Gauge, "stampede_build_info", COUNT, "1, with the version, what the process runs on (mode) and its role"),
    (Counter, "stampede_http_requests_total", COUNT, "Requests answered, by route, method and status"),
    (Histogram, "stampede_http_request_duration_seconds", SECONDS, "From the head of a request to its answer, by route"),
    (Counter, "stampede_turned_away_total", COUNT, "Requests of those who ask too often, by limit: reads, orders (of an address), buyer, everyone"),
    (Counter, "stampede_limits_not_shared_total", COUNT, "Rounds in which the counts of all processes could not be had, so that each judged alone"),

    (Gauge, "stampede_mailbox_depth", COUNT, "Messages in the mailboxes of an actor, those in work included"),
    (Gauge, "stampede_mailbox_capacity", COUNT, "Most messages that the mailboxes of an actor take"),
    (Counter, "stampede_mailbox_handled_total", COUNT, "Messages that are done"),
    (Counter, "stampede_mailbox_refused_total", COUNT, "Messages that found a full mailbox"),
    (Histogram, "stampede_message_wait_seconds", SECONDS, "From sending a message to its handler"),
    (Histogram, "stampede_message_work_seconds", SECONDS, "From the handler of a message to its answer"),
    (Counter, "stampede_actor_restarts_total", COUNT, "Actors that died and were replaced"),
    (Histogram, "stampede_batch_size", COUNT, "Messages in a batch"),
    (Histogram, "stampede_batch_flush_seconds", SECONDS, "From closing a batch to its end"),
    (Counter, "stampede_batch_flushes_total", COUNT, "Batches, by why they were closed: full, ready (the one before was done), linger"),
    (Histogram, "stampede_port_seconds", SECONDS, "Calls to a port, by operation and outcome: ok, unavailable (nothing happened), unknown (it may have), impossible"),

    (Counter, "stampede_orders_total", COUNT, "Orders, by what became of them: promised, replayed, refused (by reason), ended (a repeated request of an order that came to nothing), put off (by reason), too_often, unknown; confirmed, rejected, expired, failed"),
    (Histogram, "stampede_order_lag_seconds", SECONDS, "From asking for an order to its row, whatever that says; the 202 lies in between. By the shop's clock"),
    (Counter, "stampede_tickets_sold_total", COUNT, "Units of confirmed orders"),
    (Counter, "stampede_hold_changes_total", COUNT, "Changes of orders that are paid online, by what was wanted (pay, captured, failed, run_out and so on) and what came of it: changed, unchanged, refused, unknown"),
    (Counter, "stampede_payment_calls_total", COUNT, "Calls to the payment provider, by call and outcome"),
    (Gauge, "stampede_payment_provider_left_in_peace", COUNT, "1 while the payment provider failed too often and is not called"),
    (Counter, "stampede_payment_notices_total", COUNT, "Notices of the payment provider, by what became of them"),
    (Counter, "stampede_mails_total", COUNT, "Mails, by occasion (confirmed, expired, refunded, link) and what became of them: sent, put_off, given_up; of links also failed, too_often, no_orders, no_address"),
    (Histogram, "stampede_time_to_pay_seconds", SECONDS, "From asking for an order to its payment"),
    (Counter, "stampede_laws_broken_total", COUNT, "Times a law was found broken. Must be 0"),
    (Counter, "stampede_promises_broken_total", COUNT, "Orders told 202 that got no tickets, by cause. Must be 0 on one machine"),

    (Gauge, "stampede_pool_info", COUNT, "1, with the event and the ticket type that a pool's units are of"),
    (Gauge, "stampede_pool_units", COUNT, "Units of a pool: free, claimed (in flight), held, sold; together its capacity"),
    (Gauge, "stampede_pool_promised_units", COUNT, "Units in flight whose buyers may have been told 202: promised and not decided yet"),
    (Gauge, "stampede_pool_epoch", COUNT, "Number of the opening of a pool in the ledger; it rises when a lost ledger is made again"),
    (Gauge, "stampede_ticket_price_minor_units", COUNT, "Price of a unit of a pool, in cents or whatever the currency's smallest unit is"),
    (Gauge, "stampede_sale_state", COUNT, "1 for the state that a pool's sale is in: not_open, on_sale, nearly_gone, all_in_flight, sold_out, paused, over, unknown"),
    (Gauge, "stampede_sale_opens_timestamp_seconds", SECONDS, "When a pool's sale opens or opened, since 1970"),
    (Gauge, "stampede_sale_closes_timestamp_seconds", SECONDS, "When a pool's sale closes or closed, since 1970"),
    (Gauge, "stampede_pools_closed", COUNT, "Pools for sale that the ledger has not open: their orders are put off"),
    (Gauge, "stampede_shelf_age_seconds", SECONDS, "Since this process last saw the ledger; before it first did, since the process began"),
    (Gauge, "stampede_pressure", COUNT, "1 for how this process finds the writers: calm, behind, silent. Above calm it puts new orders off"),

    (Gauge, "stampede_holds", COUNT, "Orders that are paid online, by status: reserved, paying, expiring (its time is up, and how its payment stands is not known), confirmed, expired, cancelled, refunded"),
    (Gauge, "stampede_held_money_minor_units", COUNT, "Money of orders that are paid online, by kind: captured, refunded, earned (what confirmed orders cost), owed (still to be given back); of all currencies together"),
    (Gauge, "stampede_money_unaccounted_minor_units", COUNT, "Money that is neither given back nor earned nor owed, or is missing. Must be 0"),
    (Gauge, "stampede_oldest_payment_seconds", SECONDS, "Since the oldest payment under way has been one; 0 while there is none"),
    (Gauge, "stampede_holds_overdue_seconds", SECONDS, "Since the most overdue hold should have been let go; 0 while none is overdue"),

    (Gauge, "stampede_mails_waiting", COUNT, "Mails that are owed to buyers and not given up"),
    (Gauge, "stampede_mails_oldest_seconds", SECONDS, "Since the oldest of them is owed; 0 while none is"),
    (Gauge, "stampede_mails_given_up", COUNT, "Mails that nobody tries to send any more"),

    (Gauge, "stampede_writers_depth_messages", COUNT, "Orders that the writers of all processes hold, as last heard through the ledger"),
    (Gauge, "stampede_writers_high_water_messages", COUNT, "Orders at which they stop pulling and new ones are put off"),
    (Gauge, "stampede_writers_oldest_message_seconds", SECONDS, "Age of the oldest order that the writers hold"),
    (Gauge, "stampede_writers_silence_seconds", SECONDS, "Since a writer was last heard of; they report four times a second"),
    (Gauge, "stampede_writers_processes", COUNT, "Processes whose writers have been heard of lately"),

    (Gauge, "stampede_bus_backlog_messages", COUNT, "Messages that are not acknowledged; absent where the bus cannot tell (Pub/Sub)"),
    (Gauge, "stampede_bus_oldest_message_seconds", SECONDS, "Age of the oldest of them"),
    (Gauge, "stampede_lane_backlog_messages", COUNT, "Wishes about payments that are not acknowledged; absent where the bus cannot tell (Pub/Sub)"),
    (Gauge, "stampede_lane_oldest_message_seconds", SECONDS, "Age of the oldest of them"),
    (Gauge, "stampede_dead_letters", COUNT, "Dead letters that have not ended, by bus: orders, payments"),
    (Counter, "stampede_messages_set_aside_total", COUNT, "Messages set aside since the start"),
    (Counter, "stampede_messages_redelivered_total", COUNT, "Messages that came again"),
    (Counter, "stampede_settlements_dropped_total", COUNT, "Settlements that found no room and were left to the sweep"),

    (Gauge, "stampede_store_connections", COUNT, "This process's connections to Postgres, by pool (primary, readers) and state: busy, idle; absent on files"),
    (Gauge, "stampede_store_connections_limit", COUNT, "Most that a pool of them may have"),

    // What measuring costs.
    (Histogram, "stampede_render_seconds", SECONDS, "How long writing out all metrics takes"),
];

/// Describes every metric of the shop.
pub(super) fn all() {
    for (kind, name, unit, meaning) in METRICS {
        match kind {
            Counter => describe_counter!(name, unit, meaning),
            Gauge => describe_gauge!(name, unit, meaning),
            Histogram => describe_histogram!(name, unit, meaning),
        }
    }
    begin_at_zero();
}

/// The names of all metrics of the shop.
pub fn names() -> impl Iterator<Item = &'static str> {
    METRICS.into_iter().map(|(_, name, _, _)| name)
}

/// What must stay 0 is there from the start: an alert on what was never counted would never see it rise.
fn begin_at_zero() {
    for law in Law::ALL {
        counter!("stampede_laws_broken_total", "law" => law.name()).absolute(0);
    }
    for cause in ["decided_otherwise", "ledger_lost"] {
        counter!("stampede_promises_broken_total", "cause" => cause).absolute(0);
    }
    // It is taken off the errors: a first increase that nobody sees would be one of them.
    counter!("stampede_orders_total", "outcome" => "paused").absolute(0);
    counter!("stampede_limits_not_shared_total").absolute(0);
    counter!("stampede_messages_redelivered_total").absolute(0);
    counter!("stampede_messages_set_aside_total").absolute(0);
    counter!("stampede_settlements_dropped_total").absolute(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    /// Adds the names of metrics that a folder's sources ask the recorder for.
    fn measured_in(folder: &Path, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                measured_in(&entry, names);
            } else if entry.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&entry).unwrap();
                for asked in ["counter!(", "gauge!(", "histogram!("].iter().flat_map(|by| text.split(by).skip(1)) {
                    let name = asked.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                    names.extend(name.filter(|name| name.starts_with("stampede_")).map(str::to_owned));
                }
            }
        }
    }

    #[test]
    fn what_is_measured_is_described_and_what_is_described_is_measured() {
        let mut measured = BTreeSet::new();
        for of in ["actors", "backends", "domain", "http", "server", "web"] {
            measured_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src"), &mut measured);
        }
        let described: BTreeSet<_> = names().map(str::to_owned).collect();
        assert_eq!(measured, described);
        assert_eq!(described.len(), METRICS.len(), "one is described twice");
    }

    #[test]
    fn a_name_says_kind_and_unit_as_prometheus_wants_it() {
        for (kind, name, unit, meaning) in METRICS {
            assert_eq!(kind == Counter, name.ends_with("_total"), "{name}");
            assert_eq!(unit == SECONDS, name.trim_end_matches("_total").ends_with("_seconds"), "{name}");
            assert!(meaning.len() > 10 && !meaning.ends_with('.'), "{name}: {meaning}");
        }
    }
}
