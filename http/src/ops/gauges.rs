//! The curves and bars of the control room.

use super::{Cast, chronicle::Look, room::LATELY};
use stampede_actors::settings::ActorSettings;
use stampede_web::{Chart, Line, MailboxRow, Tone};
use std::time::Duration;

/// How a buyer's order is taken, in the metrics of mailboxes.
const BUY: [(&str, &str); 1] = [("message", "place_order")];

/// The last minutes in curves; `room` readings fill their width.
pub(super) fn charts(look: &Look<'_>, max_backlog: Duration, room: usize) -> Vec<Chart> {
    let chart = |title: &str, unit: &str, limit, lines: Vec<(&str, Tone, Vec<f64>)>| Chart {
        title: title.to_owned(),
        unit: unit.to_owned(),
        room,
        limit,
        lines: lines.into_iter().map(|(name, tone, values)| Line { name: name.to_owned(), tone, values }).collect(),
    };
    let orders = |outcome| look.rate_curve("stampede_orders_total", &[("outcome", outcome)]);
    let answer = |q| millis(look.quantile_curve("stampede_message_work_seconds", &BUY, q));
    let writer = [("actor", "order_writer")];
    vec![
        chart(
            "Orders",
            "a second",
            None,
            vec![
                ("promised", Tone::Calm, orders("promised")),
                ("confirmed", Tone::Calm, orders("confirmed")),
                ("put off", Tone::Alarm, put_off(look)),
            ],
        ),
        chart(
            "Answer to a buyer",
            "ms",
            None,
            vec![("half", Tone::Calm, answer(0.5)), ("99 of 100", Tone::Watch, answer(0.99))],
        ),
        chart(
            "Promised, not written",
            "orders",
            None,
            vec![
                ("on the bus", Tone::Calm, look.gauge_curve("stampede_bus_backlog_messages", &[])),
                ("order writer", Tone::Watch, look.gauge_curve("stampede_mailbox_depth", &writer)),
            ],
        ),
        chart(
            "Oldest of them",
            "s",
            Some(max_backlog.as_secs_f64()),
            vec![("age", Tone::Calm, look.gauge_curve("stampede_bus_oldest_message_seconds", &[]))],
        ),
    ]
}

/// Orders that were told to come back, a second.
fn put_off(look: &Look<'_>) -> Vec<f64> {
    let reasons = ["writers_behind", "writers_silent", "mailbox_full", "port_failed", "ledger_closed", "shutting_down"];
    let curves = reasons.map(|reason| look.rate_curve("stampede_orders_total", &[("outcome", reason)]));
    (0..curves[0].len()).map(|second| curves.iter().map(|curve| curve[second]).sum()).collect()
}

fn millis(seconds: Vec<f64>) -> Vec<f64> {
    seconds.into_iter().map(|seconds| seconds * 1_000.0).collect()
}

/// Every actor's mailbox, summed over its instances, in the order that an order meets them.
pub(super) fn mailboxes(cast: &Cast, look: &Look<'_>, settings: &ActorSettings) -> Vec<MailboxRow> {
    const WAY: [&str; 9] = [
        "doorkeeper",
        "inventory",
        "publisher",
        "order_writer",
        "writer",
        "cache_sync",
        "till",
        "checkout",
        "hold_writer",
    ];
    let mut rows = super::actors::rows(cast);
    rows.sort_by_key(|row| WAY.iter().position(|actor| *actor == row.name).unwrap_or(WAY.len()));
    rows.into_iter().map(|row| mailbox(row, look, settings)).collect()
}

fn mailbox(row: stampede_web::ActorRow, look: &Look<'_>, settings: &ActorSettings) -> MailboxRow {
    let of = [("actor", row.name.as_str())];
    let writes = row.name == "order_writer";
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rise is not negative")]
    let refused = look.rise("stampede_mailbox_refused_total", &of, LATELY) as u64;
    MailboxRow {
        depth: row.depth,
        capacity: row.capacity,
        mark: writes.then_some(u64::from(settings.order_writer_high_water)),
        per_second: look.rate("stampede_mailbox_handled_total", &of, LATELY),
        wait_ms: look.mean("stampede_message_wait_seconds", &of, LATELY).map(|seconds| seconds * 1_000.0),
        batch: look.mean("stampede_batch_size", &of, LATELY),
        batch_limit: batch_limit(&row.name, settings).map(|limit| limit as u64),
        closed_by: closed_by(look, of[0].1),
        refused,
        restarts: row.restarts,
        name: row.name,
    }
}

fn batch_limit(actor: &str, settings: &ActorSettings) -> Option<usize> {
    match actor {
        "inventory" => Some(settings.inventory_batch_size),
        "publisher" => Some(settings.publisher_batch_size),
        "order_writer" => Some(settings.order_writer_batch_size),
        "hold_writer" => Some(settings.hold_writer_batch_size),
        "till" => Some(settings.till_batch_size),
        _ => None,
    }
}

/// Why most batches were closed lately.
fn closed_by(look: &Look<'_>, actor: &str) -> Option<String> {
    let closed =
        |reason: &str| look.rise("stampede_batch_flushes_total", &[("actor", actor), ("reason", reason)], LATELY);
    let reasons = [("full", "full"), ("ready", "the one before is done"), ("linger", "it has waited enough")];
    let counted = reasons.into_iter().map(|(reason, words)| (closed(reason), words));
    let (count, words) = counted.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (count > 0.0).then(|| words.to_owned())
}
