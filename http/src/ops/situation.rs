//! How the sale is doing, as far as this process sees: what the advisor judges.

use super::{
    ControlRoom,
    chronicle::Look,
    paid::{Provider, provider},
    room::LATELY,
};
use stampede_actors::{cache_sync::Surroundings, settings::ActorSettings, shelf::Pressure};
use stampede_domain::sale::SaleState;

/// How the sale is doing, over the last half minute.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    /// What is for sale.
    pub(super) stock: Stock,
    /// The writers, as the ledger tells everybody.
    pub(super) writers: Writers,
    /// New orders promised a second.
    pub(super) promised: f64,
    /// Orders put off a second because the writers were behind.
    pub(super) behind: f64,
    /// Because no writer was heard of.
    pub(super) silent: f64,
    /// Because a mailbox was full.
    pub(super) full: f64,
    /// Because a port was out of order.
    pub(super) broken: f64,
    /// Orders a second of which nobody knows.
    pub(super) unknown: f64,
    /// The port whose calls failed most.
    pub(super) failing: Option<String>,
    /// This process's `OrderWriter`, when it has one.
    pub(super) writing: Option<Writing>,
    /// The mean size of the batches of claims.
    pub(super) claims: Option<f64>,
    /// The mean size of the batches of publishes.
    pub(super) publishes: Option<f64>,
    /// The actor whose mailbox refused most in the last half minute.
    pub(super) fullest: Option<String>,
    /// The payment provider, where this process calls it.
    pub(super) provider: Option<Provider>,
    pub(super) settings: ActorSettings,
    /// Files or servers.
    pub(super) embedded: bool,
}

/// The state of what is for sale, the worst of all pools that are not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stock {
    /// The catalogue is empty or not known yet.
    Nothing,
    /// The ledger is not open.
    Closed,
    NotOpen,
    OnSale,
    AllInFlight,
    SoldOut,
    Paused,
    Over,
}

/// Whether the writers keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    Calm,
    Behind,
    Silent,
}

/// How the `OrderWriter` of this process is doing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    /// The share of the time that its writers are at work, 0 to 1.
    pub(super) busy: f64,
    /// Orders in a batch, on average.
    pub(super) batch: f64,
    /// The share of batches closed because they had waited long enough.
    pub(super) lingered: f64,
    /// Seconds that a batch takes, on average.
    pub(super) flush: f64,
}

impl Stock {
    /// What a shopper sees, as far as it limits.
    pub(super) fn of(state: SaleState) -> Self {
        match state {
            SaleState::NotOpen => Self::NotOpen,
            SaleState::OnSale | SaleState::NearlyGone => Self::OnSale,
            SaleState::AllInFlight => Self::AllInFlight,
            SaleState::SoldOut => Self::SoldOut,
            SaleState::Paused => Self::Paused,
            SaleState::Over => Self::Over,
            SaleState::Unknown => Self::Closed,
        }
    }

    /// After “it is …”.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Nothing => "nothing is in the catalogue",
            Self::Closed => "the ledger is not open",
            Self::NotOpen => "the sale opens later",
            Self::OnSale => "on sale",
            Self::AllInFlight => "all in flight",
            Self::SoldOut => "sold out",
            Self::Paused => "the sale is paused",
            Self::Over => "the sale is over",
        }
    }
}

/// How the sale is doing.
pub(super) fn situation(room: &ControlRoom, around: Option<&Surroundings>, look: &Look<'_>) -> Situation {
    let outcome = |outcome| look.rate("stampede_orders_total", &[("outcome", outcome)], LATELY);
    let settings = room.node.settings;
    let batch = |actor| look.mean("stampede_batch_size", &[("actor", actor)], LATELY);
    Situation {
        stock: around.map_or(Stock::Closed, stock),
        writers: around.map_or(Writers::Calm, |around| match around.shelf.pressure {
            Pressure::Calm => Writers::Calm,
            Pressure::Behind(_) => Writers::Behind,
            Pressure::Silent => Writers::Silent,
        }),
        promised: outcome("promised"),
        behind: outcome("writers_behind"),
        silent: outcome("writers_silent"),
        full: outcome("mailbox_full"),
        broken: outcome("port_failed") + outcome("ledger_closed"),
        unknown: outcome("unknown"),
        failing: failing(look),
        writing: batch("order_writer").map(|batch| writing(look, batch, settings.order_writers)),
        claims: batch("inventory"),
        publishes: batch("publisher"),
        fullest: fullest(look),
        provider: provider(look),
        settings,
        embedded: room.node.embedded,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of writers")]
fn writing(look: &Look<'_>, batch: f64, writers: usize) -> Writing {
    let of = [("actor", "order_writer")];
    let closed = |reason| look.rise("stampede_batch_flushes_total", &[of[0], ("reason", reason)], LATELY);
    let all = look.rise("stampede_batch_flushes_total", &of, LATELY);
    Writing {
        busy: look.rate("stampede_batch_flush_seconds_sum", &of, LATELY) / writers.max(1) as f64,
        batch,
        lingered: if all > 0.0 { closed("linger") / all } else { 0.0 },
        flush: look.mean("stampede_batch_flush_seconds", &of, LATELY).unwrap_or(0.0),
    }
}

/// The port whose calls failed most, lately.
fn failing(look: &Look<'_>) -> Option<String> {
    let failed = |port: &str| -> f64 {
        let outcomes = ["unavailable", "unknown"];
        let risen = |outcome| look.rise("stampede_port_seconds_count", &[("port", port), ("outcome", outcome)], LATELY);
        outcomes.into_iter().map(risen).sum()
    };
    let ports = look.values_of("stampede_port_seconds_count", "port").into_iter();
    most(ports.map(|port| (failed(&port), port)))
}

/// The actor whose mailbox refused most, lately.
fn fullest(look: &Look<'_>) -> Option<String> {
    let actors = look.values_of("stampede_mailbox_refused_total", "actor").into_iter();
    most(actors.map(|actor| (look.rise("stampede_mailbox_refused_total", &[("actor", &actor)], LATELY), actor)))
}

fn most(counted: impl Iterator<Item = (f64, String)>) -> Option<String> {
    let some = counted.filter(|(count, _)| *count > 0.0);
    some.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, name)| name)
}

/// The state of everything that is for sale together: what is closed has to be told, and one type on sale is a sale.
fn stock(around: &Surroundings) -> Stock {
    let states: Vec<_> =
        around.shelf.events.iter().flat_map(|event| &event.types).map(|on_sale| Stock::of(on_sale.state)).collect();
    let order =
        [Stock::Closed, Stock::OnSale, Stock::AllInFlight, Stock::Paused, Stock::NotOpen, Stock::SoldOut, Stock::Over];
    order.into_iter().find(|state| states.contains(state)).unwrap_or(Stock::Nothing)
}
