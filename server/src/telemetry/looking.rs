//! Looks once a second at what nobody announces: depths, backlogs, the ledger, the shelf.
//!
//! Each look has a rhythm of its own: a database that does not answer must not stop the clock of the mailboxes, which are
//! looked at most closely just then.

use super::{EVERY, holds::look_at_holds, mails::look_at_mails};
use crate::wiring::{Ports, Stage};
use metrics::{counter, gauge};
use stampede_actors::{
    clock::SharedClock,
    gate::Gate,
    ports::{Bus, Ledger, LedgerSnapshot},
    shelf::{EventOnSale, Pressure, Shelf},
};
use stampede_backends::{Connections, Database};
use stampede_domain::{PoolId, sale::SaleState};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};
use tokio::time::{Instant, Interval, MissedTickBehavior};

const STATES: [(SaleState, &str); 8] = [
    (SaleState::NotOpen, "not_open"),
    (SaleState::OnSale, "on_sale"),
    (SaleState::NearlyGone, "nearly_gone"),
    (SaleState::AllInFlight, "all_in_flight"),
    (SaleState::SoldOut, "sold_out"),
    (SaleState::Paused, "paused"),
    (SaleState::Over, "over"),
    (SaleState::Unknown, "unknown"),
];

/// Looks until it is dropped. `writes`: whether this process is one of those that write, and so has the store to look at.
pub(crate) async fn look(stage: Arc<Stage>, ports: Ports, database: Option<Database>, writes: bool) {
    let Ports { bus, lane, ledger, holds, outbox, clock, .. } = ports;
    let look_at_what_is_paid = async {
        if writes {
            let mails = look_at_mails(outbox.as_ref(), Arc::clone(&clock));
            tokio::join!(look_at_holds(holds.as_ref(), Arc::clone(&clock)), mails);
        }
    };
    tokio::join!(
        look_around(&stage, database.as_ref()),
        look_at_bus(bus.as_ref(), Arc::clone(&clock)),
        look_at_lane(lane.as_ref(), Arc::clone(&clock)),
        look_at_ledger(ledger.as_ref()),
        look_at_what_is_paid
    );
}

fn every_second() -> Interval {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every
}

/// What is in this process's own memory.
async fn look_around(stage: &Stage, database: Option<&Database>) {
    let (mut every, began, mut seen) = (every_second(), Instant::now(), HashSet::new());
    loop {
        every.tick().await;
        show_mailboxes(&stage.cast.gates());
        show_shelf(stage.board.latest().as_deref(), began, &mut seen);
        database.into_iter().flat_map(Database::connections).for_each(show_connections);
    }
}

async fn look_at_bus(bus: &dyn Bus, clock: SharedClock) {
    let mut every = every_second();
    loop {
        every.tick().await;
        match bus.backlog().await {
            Ok(backlog) => {
                if let Some(messages) = backlog.messages {
                    let oldest = backlog.oldest.map(|oldest| clock.now().since(oldest)).unwrap_or_default();
                    gauge!("stampede_bus_backlog_messages").set(count(messages));
                    gauge!("stampede_bus_oldest_message_seconds").set(oldest);
                }
                gauge!("stampede_dead_letters", "bus" => "orders").set(count(backlog.dead_letters));
            }
            Err(failure) => tracing::debug!(%failure, "the backlog could not be read"),
        }
    }
}

/// The bus of payments: small as it is, what waits there is somebody at a till.
async fn look_at_lane(lane: &dyn Bus, clock: SharedClock) {
    let mut every = every_second();
    loop {
        every.tick().await;
        match lane.backlog().await {
            Ok(backlog) => {
                if let Some(messages) = backlog.messages {
                    let oldest = backlog.oldest.map(|oldest| clock.now().since(oldest)).unwrap_or_default();
                    gauge!("stampede_lane_backlog_messages").set(count(messages));
                    gauge!("stampede_lane_oldest_message_seconds").set(oldest);
                }
                gauge!("stampede_dead_letters", "bus" => "payments").set(count(backlog.dead_letters));
            }
            Err(failure) => tracing::debug!(%failure, "the backlog of payments could not be read"),
        }
    }
}

async fn look_at_ledger(ledger: &dyn Ledger) {
    let mut every = every_second();
    loop {
        every.tick().await;
        match ledger.snapshot().await {
            Ok(snapshot) => show_ledger(&snapshot),
            Err(failure) => tracing::debug!(%failure, "the ledger could not be looked at"),
        }
    }
}

/// The writers of all processes as everybody hears of them, and what is promised.
fn show_ledger(ledger: &LedgerSnapshot) {
    let report = &ledger.report;
    gauge!("stampede_writers_depth_messages").set(report.depth);
    gauge!("stampede_writers_high_water_messages").set(report.high_water);
    let oldest = report.oldest.map(|oldest| ledger.now.since(oldest)).unwrap_or_default();
    gauge!("stampede_writers_oldest_message_seconds").set(oldest);
    gauge!("stampede_writers_silence_seconds").set(ledger.now.since(ledger.heard_at));
    gauge!("stampede_writers_processes").set(count(ledger.writers.len() as u64));
    for open in &ledger.pools {
        let pool = open.pool.to_string();
        gauge!("stampede_pool_promised_units", "pool" => pool.clone()).set(open.numbers.promised);
        gauge!("stampede_pool_epoch", "pool" => pool).set(count(open.numbers.epoch));
    }
}

/// What this process shows to shoppers. `seen`: what it showed before and may be gone.
fn show_shelf(shelf: Option<&Shelf>, began: Instant, seen: &mut HashSet<PoolId>) {
    let filled_at = shelf.map_or(began, |shelf| shelf.filled_at);
    gauge!("stampede_shelf_age_seconds").set(filled_at.elapsed());
    let Some(shelf) = shelf else { return };
    for (pressure, name) in [
        ("calm", matches!(shelf.pressure, Pressure::Calm)),
        ("behind", matches!(shelf.pressure, Pressure::Behind(_))),
        ("silent", matches!(shelf.pressure, Pressure::Silent)),
    ] {
        gauge!("stampede_pressure", "state" => pressure).set(truth(name));
    }
    let types = || shelf.events.iter().flat_map(|event| &event.types);
    gauge!("stampede_pools_closed").set(count(types().filter(|one| one.numbers.is_none()).count() as u64));
    for event in &shelf.events {
        show_sale(event);
    }
    let now: HashSet<_> = types().map(|one| one.pool).collect();
    for gone in seen.difference(&now) {
        show_state(*gone, None);
    }
    *seen = now;
}

fn show_sale(event: &EventOnSale) {
    let described = &event.listing.event;
    for (ticket_type, on_sale) in described.ticket_types.iter().zip(&event.types) {
        let pool = on_sale.pool.to_string();
        let labels = [
            ("pool", pool.clone()),
            ("event", described.slug.as_str().to_owned()),
            ("ticket_type", ticket_type.id.as_str().to_owned()),
        ];
        gauge!("stampede_pool_info", &labels).set(1.0);
        let price = ticket_type.price;
        let labels = [("pool", pool.clone()), ("currency", price.currency.code().to_owned())];
        gauge!("stampede_ticket_price_minor_units", &labels).set(amount(price.minor));
        let terms = &on_sale.terms;
        gauge!("stampede_sale_opens_timestamp_seconds", "pool" => pool.clone()).set(amount(terms.opens_at.0) / 1_000.0);
        gauge!("stampede_sale_closes_timestamp_seconds", "pool" => pool).set(amount(terms.closes_at.0) / 1_000.0);
        show_state(on_sale.pool, Some(on_sale.state));
    }
}

fn show_state(pool: PoolId, now: Option<SaleState>) {
    for (state, name) in STATES {
        gauge!("stampede_sale_state", "pool" => pool.to_string(), "state" => name).set(truth(now == Some(state)));
    }
}

fn show_connections(Connections { pool, busy, idle, most }: Connections) {
    for (state, connections) in [("busy", busy), ("idle", idle)] {
        gauge!("stampede_store_connections", "pool" => pool, "state" => state).set(connections);
    }
    gauge!("stampede_store_connections_limit", "pool" => pool).set(most);
}

/// Summed over the instances of an actor.
fn show_mailboxes(gates: &[Arc<Gate>]) {
    #[derive(Default)]
    struct Sum {
        depth: u64,
        capacity: u64,
        handled: u64,
        refused: u64,
        restarts: u64,
    }
    let mut sums: BTreeMap<&'static str, Sum> = BTreeMap::new();
    for gate in gates {
        let sum = sums.entry(gate.actor()).or_default();
        sum.depth += u64::from(gate.depth());
        sum.capacity += u64::from(gate.capacity());
        sum.handled += gate.handled();
        sum.refused += gate.refused();
        sum.restarts += gate.restarts();
    }
    for (actor, sum) in sums {
        gauge!("stampede_mailbox_depth", "actor" => actor).set(count(sum.depth));
        gauge!("stampede_mailbox_capacity", "actor" => actor).set(count(sum.capacity));
        counter!("stampede_mailbox_handled_total", "actor" => actor).absolute(sum.handled);
        counter!("stampede_mailbox_refused_total", "actor" => actor).absolute(sum.refused);
        counter!("stampede_actor_restarts_total", "actor" => actor).absolute(sum.restarts);
    }
}

fn truth(so: bool) -> f64 {
    f64::from(u8::from(so))
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "cents and milliseconds far below 2^52")]
pub(super) fn amount(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;
    use stampede_actors::{ports::Listing, shelf::TypeOnSale};
    use stampede_domain::{Millis, WriterReport};
    use std::time::Duration;

    /// What is given out of what `work` shows.
    fn shown(work: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, work);
        recorder.handle().render()
    }

    fn on_sale(state: SaleState) -> Shelf {
        let event: stampede_domain::Event = toml::from_str(include_str!("../../demo/frequency-festival.toml")).unwrap();
        let ticket_type = &event.ticket_types[0];
        let (pool, terms) = (ticket_type.pool(&event.slug), ticket_type.terms(false));
        let types = vec![TypeOnSale { pool, terms, numbers: None, state }];
        let listing = Arc::new(Listing { event, paused: false, waiting: None });
        let events = vec![Arc::new(EventOnSale { sequence: 1, listing, types })];
        Shelf { filled_at: Instant::now(), events, pressure: Pressure::Behind(Duration::from_secs(1)) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_sale_is_in_one_state_and_one_that_is_gone_in_none() {
        let (shelf, mut seen) = (on_sale(SaleState::Paused), HashSet::new());
        let text = shown(|| show_shelf(Some(&shelf), Instant::now(), &mut seen));
        let ones: Vec<_> = text.lines().filter(|line| line.contains("_state{") && line.ends_with(" 1")).collect();
        assert!(matches!(ones[..], [one] if one.contains("state=\"paused\"")), "{ones:?}");
        for line in ["stampede_pools_closed 1", "currency=\"EUR\"} ", "stampede_pressure{state=\"behind\"} 1"] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        let text = shown(|| show_shelf(Some(&Shelf { events: Vec::new(), ..shelf }), Instant::now(), &mut seen));
        assert_eq!(text.lines().filter(|line| line.contains("_state{") && line.ends_with(" 0")).count(), STATES.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_never_saw_the_ledger_is_as_blind_as_it_is_old() {
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert!(shown(|| show_shelf(None, began, &mut HashSet::new())).contains("stampede_shelf_age_seconds 7"));
    }

    #[test]
    fn a_pool_of_connections_is_shown_by_what_they_do() {
        let text = shown(|| show_connections(Connections { pool: "primary", busy: 3, idle: 2, most: 8 }));
        for line in [
            "connections{pool=\"primary\",state=\"busy\"} 3",
            "connections{pool=\"primary\",state=\"idle\"} 2",
            "connections_limit{pool=\"primary\"} 8",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }

    #[test]
    fn what_the_writers_hold_grows_older_while_nobody_hears_them() {
        let report = WriterReport { depth: 3, high_water: 10, oldest: Some(Millis(1_000)), per_second: 2 };
        let ledger =
            LedgerSnapshot { now: Millis(9_000), report, heard_at: Millis(5_000), ..LedgerSnapshot::default() };
        let text = shown(|| show_ledger(&ledger));
        for line in ["depth_messages 3", "oldest_message_seconds 8", "silence_seconds 4", "writers_processes 0"] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }
}
