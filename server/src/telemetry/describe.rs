//! What each metric says, with its unit.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};
use stampede_domain::laws::Law;

/// Describes every metric of the shop.
pub(super) fn all() {
    describe_counter!("stampede_http_requests_total", Unit::Count, "Requests answered, by route, method and status");
    describe_histogram!(
        "stampede_http_request_duration_seconds",
        Unit::Seconds,
        "From the head of a request to its answer, by route"
    );
    describe_gauge!(
        "stampede_mailbox_depth",
        Unit::Count,
        "Messages in the mailboxes of an actor, those in work included"
    );
    describe_gauge!("stampede_mailbox_capacity", Unit::Count, "Most messages that the mailboxes of an actor take");
    describe_counter!("stampede_mailbox_refused_total", Unit::Count, "Messages that found a full mailbox");
    describe_histogram!("stampede_message_wait_seconds", Unit::Seconds, "From sending a message to its handler");
    describe_histogram!("stampede_message_work_seconds", Unit::Seconds, "From the handler of a message to its answer");
    describe_counter!("stampede_actor_restarts_total", Unit::Count, "Actors that died and were replaced");
    describe_histogram!("stampede_batch_size", Unit::Count, "Messages in a batch");
    describe_histogram!("stampede_batch_flush_seconds", Unit::Seconds, "From closing a batch to its end");
    describe_counter!(
        "stampede_batch_flushes_total",
        Unit::Count,
        "Batches, by why they were closed: full, ready (the one before was done), linger"
    );
    describe_histogram!("stampede_port_seconds", Unit::Seconds, "Calls to a port, by operation and outcome");
    describe_counter!(
        "stampede_orders_total",
        Unit::Count,
        "Orders, by what became of them: promised, replayed, refused (by reason), ended (a repeated request of an order that came to nothing), put off (by reason), too_often, unknown; confirmed, rejected, expired, failed"
    );
    describe_counter!("stampede_tickets_sold_total", Unit::Count, "Units of confirmed orders");
    describe_gauge!("stampede_pool_units", Unit::Count, "Units of a pool: free, claimed (in flight), held, sold");
    describe_gauge!("stampede_bus_backlog_messages", Unit::Count, "Messages that are not acknowledged");
    describe_gauge!("stampede_bus_oldest_message_seconds", Unit::Seconds, "Age of the oldest of them");
    describe_gauge!("stampede_dead_letters", Unit::Count, "Dead letters that have not ended");
    describe_counter!("stampede_messages_set_aside_total", Unit::Count, "Messages set aside since the start");
    describe_counter!("stampede_messages_redelivered_total", Unit::Count, "Messages that came again");
    describe_counter!(
        "stampede_settlements_dropped_total",
        Unit::Count,
        "Settlements that found no room and were left to the sweep"
    );
    describe_counter!(
        "stampede_turned_away_total",
        Unit::Count,
        "Requests of those who ask too often, by limit: reads, orders (of an address), buyer, everyone"
    );
    describe_counter!(
        "stampede_limits_not_shared_total",
        Unit::Count,
        "Rounds in which the counts of all processes could not be had, so that each judged alone"
    );
    describe_counter!("stampede_laws_broken_total", Unit::Count, "Laws found broken. Must be 0");
    describe_counter!(
        "stampede_promises_broken_total",
        Unit::Count,
        "Orders told 202 that got no tickets. Must be 0 on one machine"
    );
    begin_at_zero();
}

/// What must stay 0 is there from the start: an alert on what was never counted would never see it rise.
fn begin_at_zero() {
    for law in Law::ALL {
        counter!("stampede_laws_broken_total", "law" => law.name()).absolute(0);
    }
    for cause in ["decided_otherwise", "ledger_lost"] {
        counter!("stampede_promises_broken_total", "cause" => cause).absolute(0);
    }
    counter!("stampede_messages_set_aside_total").absolute(0);
    counter!("stampede_settlements_dropped_total").absolute(0);
}
