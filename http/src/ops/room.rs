//! The control room: the last minutes of this process, what limits the sale now, what to change about it.

use super::{
    ControlRoom,
    advisor::{Limit, advise, limit, notes},
    chronicle::{KEPT, Look},
    gauges, journal, page, paid,
    situation::{Situation, Stock, Writers, situation},
    wants_html,
};
use crate::error::Problem;
use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::Serialize;
use stampede_actors::{
    cache_sync::{LookAround, Surroundings},
    shelf::TypeOnSale,
};
use stampede_domain::{Millis, TicketType, laws::Law, sale::SaleState};
use stampede_web::{
    AdviceRow, CountRow, Headline, LagRow, PoolRow, RoomPage, SteeredEvent, Steering, Tone, TroubleRow, Units,
};
use std::time::Duration;

/// How long the surroundings are waited for: the page comes again in a second.
const PATIENCE: Duration = Duration::from_secs(1);
/// Seconds that are called "now": shorter than an operator's patience, longer than a hiccup.
pub(super) const LATELY: usize = 30;

/// What was sent to steer the sale, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempt {
    pub(super) wrong: Option<String>,
    pub(super) who: String,
    pub(super) why: String,
}

/// The same for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoomJson<'a> {
    at: String,
    node: &'a str,
    tone: Tone,
    says: &'a str,
    limited_by: &'a str,
    limit: &'a str,
    advice: &'a [AdviceRow],
    notes: &'a [String],
    payments: &'a [LagRow],
    promised_per_second: f64,
}

/// Shows the room.
pub(super) async fn show(room: Data<ControlRoom>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let seen = See::now(&room).await;
    let shown = seen.page(&room, Attempt::default());
    if wants_html(&request) {
        return page(room.faces.ops_room(&shown));
    }
    Ok(HttpResponse::Ok().json(RoomJson {
        at: seen.now.rfc3339(),
        node: &room.node.name,
        tone: shown.headline.tone,
        says: &shown.headline.says,
        limited_by: seen.limited_by(),
        limit: &shown.headline.limit,
        advice: &shown.advice,
        notes: &shown.notes,
        payments: &shown.payments,
        promised_per_second: seen.situation.promised,
    }))
}

/// Shows it again after an attempt to steer that failed.
pub(super) async fn show_again(room: &ControlRoom, attempt: Attempt) -> Result<HttpResponse, Problem> {
    page(room.faces.ops_room(&See::now(room).await.page(room, attempt)))
}

/// Everything that is looked at for one page.
struct See {
    now: Millis,
    around: Option<Surroundings>,
    situation: Situation,
}

impl See {
    async fn now(room: &ControlRoom) -> Self {
        let around = room.around.ask_within(PATIENCE, LookAround).await.ok().flatten();
        let situation = situation(room, around.as_ref(), &room.chronicle.look());
        Self { now: room.clock.now(), around, situation }
    }

    fn page(&self, room: &ControlRoom, attempt: Attempt) -> RoomPage {
        let look = room.chronicle.look();
        let laws = laws(&look);
        RoomPage {
            now_ms: self.now.0,
            node: room.node.name.clone(),
            role: room.node.role.clone(),
            headline: self.headline(room, &look, &laws),
            pools: self.types().map(pool).collect(),
            charts: gauges::charts(&look, room.node.settings.max_backlog, KEPT),
            mailboxes: gauges::mailboxes(&room.cast, &look, &room.node.settings),
            lags: self.lags(room, &look),
            advice: advise(&self.situation).into_iter().map(advice).collect(),
            notes: notes(&self.situation),
            payments: paid::lines(&look),
            laws,
            troubles: room.journal.latest().into_iter().map(trouble).collect(),
            steering: self.steering(room, attempt),
        }
    }

    /// For programs: a port by its own name.
    fn limited_by(&self) -> &str {
        match limit(&self.situation) {
            Limit::Port => self.situation.failing.as_deref().unwrap_or("port"),
            limit => limit.name(),
        }
    }

    fn types(&self) -> impl Iterator<Item = (&str, &TicketType, &TypeOnSale)> {
        let events = self.around.iter().flat_map(|around| &around.shelf.events);
        events.flat_map(|event| {
            let described = &event.listing.event;
            described
                .ticket_types
                .iter()
                .zip(&event.types)
                .map(|(kind, on_sale)| (described.name.as_str(), kind, on_sale))
        })
    }

    fn headline(&self, room: &ControlRoom, look: &Look<'_>, laws: &[CountRow]) -> Headline {
        let (tone, says, limit) = if let Some(broken) = laws.iter().find(|law| law.broken > 0) {
            (
                Tone::Alarm,
                format!("{} was broken.", broken.name),
                "Pause the sale, read the audit, follow the runbook.".into(),
            )
        } else if !room.is_admitting() {
            (Tone::Watch, "Closing down: no new orders.".into(), "What is held is written first.".into())
        } else {
            self.sale_in_words(look, room.node.settings.max_backlog)
        };
        Headline { tone, says, limit }
    }

    fn sale_in_words(&self, look: &Look<'_>, max_backlog: Duration) -> (Tone, String, String) {
        let now = &self.situation;
        let put_off = now.behind + now.silent + now.full + now.broken;
        match limit(now) {
            Limit::Ledger => (Tone::Alarm, "Nothing can be sold.".into(), self.ledger_in_words()),
            Limit::Stock if now.stock == Stock::SoldOut => {
                (Tone::Calm, "Sold out.".into(), "There is nothing left to sell.".into())
            }
            Limit::Stock => {
                (Tone::Calm, "Everything is sold or in flight.".into(), "What comes back is sold again.".into())
            }
            Limit::Sale => {
                let tone = if now.stock == Stock::Paused { Tone::Watch } else { Tone::Calm };
                (tone, format!("Nothing is sold: {}.", now.stock.in_words()), "That is as it was set.".into())
            }
            Limit::Writer => {
                (Tone::Alarm, rate("New orders are put off:", put_off), self.writer_in_words(look, max_backlog))
            }
            Limit::Mailbox => {
                let whose = now.fullest.as_deref().unwrap_or("an actor");
                (Tone::Watch, rate("Some orders are put off:", put_off), format!("The mailbox of {whose} is full."))
            }
            Limit::Port => {
                let port = now.failing.as_deref().unwrap_or("bus");
                (Tone::Alarm, rate("Orders fail:", put_off + now.unknown), format!("Calls to the {port} fail."))
            }
            Limit::Nothing | Limit::Nobody if now.provider.is_some_and(|provider| provider.is_left_in_peace) => (
                Tone::Watch,
                "The payment provider does not answer.".into(),
                "What is paid online waits for it; what is paid at the gate is sold.".into(),
            ),
            Limit::Nothing => (
                Tone::Calm,
                rate("Selling:", now.promised),
                "Nothing limits the sale but the number of those who come.".into(),
            ),
            Limit::Nobody => (Tone::Calm, "Open, and nobody is buying here.".into(), "Nothing limits the sale.".into()),
        }
    }

    fn ledger_in_words(&self) -> String {
        match &self.around {
            None => "This process has not seen the ledger yet: it was just started, or cannot reach it.".into(),
            Some(_) => "The ledger is not open for a ticket type; a writer opens it within seconds.".into(),
        }
    }

    fn writer_in_words(&self, look: &Look<'_>, max_backlog: Duration) -> String {
        let age = self.oldest(look).map_or_else(|| "old".to_owned(), in_words);
        match self.situation.writers {
            Writers::Silent => "No writer has been heard of, and promised orders wait. Is one running?".into(),
            Writers::Behind => {
                format!(
                    "The writer is behind: the oldest unwritten order is {age}, too old is {}.",
                    in_words(max_backlog)
                )
            }
            Writers::Calm => "The writer was behind a moment ago.".into(),
        }
    }

    /// The age of the oldest order that is promised and not written: as the bus says it, or the writers.
    fn oldest(&self, look: &Look<'_>) -> Option<Duration> {
        let by_the_bus = look.now("stampede_bus_oldest_message_seconds", &[]).filter(|age| age.is_finite());
        let by_the_bus = by_the_bus.and_then(|age| Duration::try_from_secs_f64(age).ok());
        let around = self.around.as_ref();
        by_the_bus
            .or_else(|| around.map(|around| around.report.oldest.map_or(Duration::ZERO, |at| around.now.since(at))))
    }

    fn lags(&self, room: &ControlRoom, look: &Look<'_>) -> Vec<LagRow> {
        const FRESH: Duration = Duration::from_secs(1);
        let limit = room.node.settings.max_backlog;
        let around = self.around.as_ref();
        let heard = around.map(|around| around.now.since(around.heard_at));
        let shown = around.map(|around| around.shelf.filled_at.elapsed());
        let dead = look.now("stampede_dead_letters", &[]);
        let port = |port, operation| {
            let mean = look.mean("stampede_port_seconds", &[("port", port), ("operation", operation)], LATELY);
            mean.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        };
        vec![
            lag("Oldest unwritten order", self.oldest(look), limit),
            lag("Last word of the writers", heard, limit),
            lag("Numbers shown to buyers", shown, FRESH),
            lag("A call for claims", port("ledger", "claim"), FRESH),
            lag("A publish", port("bus", "publish"), FRESH),
            lag("A commit", port("order_store", "decide"), limit),
            LagRow {
                name: "Dead letters".into(),
                value: dead.map(|dead| format!("{dead:.0}")),
                limit: "should be none".into(),
                tone: if dead.unwrap_or(0.0) > 0.0 { Tone::Watch } else { Tone::Calm },
            },
        ]
    }

    fn steering(&self, room: &ControlRoom, attempt: Attempt) -> Steering {
        let Attempt { wrong, who, why } = attempt;
        let listings = self.around.iter().flat_map(|around| &around.shelf.events).map(|event| &event.listing);
        let events = listings.map(|listing| SteeredEvent {
            slug: listing.event.slug.to_string(),
            name: listing.event.name.clone(),
            paused: listing.paused,
        });
        Steering { closed_because: room.steering_is_closed(), events: events.collect(), wrong, who, why }
    }
}

fn laws(look: &Look<'_>) -> Vec<CountRow> {
    let count = |name: &str, labels: &[(&str, &str)]| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter")]
        let broken = look.now(name, labels).unwrap_or(0.0) as u64;
        broken
    };
    let law = |law: Law| CountRow {
        name: law.name().to_owned(),
        says: law.says().to_owned(),
        broken: count("stampede_laws_broken_total", &[("law", law.name())]),
    };
    let promises = CountRow {
        name: "Promises kept".to_owned(),
        says: "No order that was told 202 went without its tickets.".to_owned(),
        broken: count("stampede_promises_broken_total", &[]),
    };
    Law::ALL.into_iter().map(law).chain([promises]).collect()
}

fn pool((event, kind, on_sale): (&str, &TicketType, &TypeOnSale)) -> PoolRow {
    let units = on_sale.numbers.map(|numbers| Units {
        capacity: numbers.settled.capacity,
        free: numbers.free(),
        in_flight: numbers.claimed,
        held: numbers.settled.held,
        sold: numbers.settled.sold,
    });
    let state = match on_sale.state {
        SaleState::OnSale => "on sale",
        SaleState::NearlyGone => "nearly gone",
        other => Stock::of(other).in_words(),
    };
    PoolRow { event: event.to_owned(), ticket_type: kind.name.clone(), state: state.to_owned(), units }
}

pub(super) fn lag(name: &str, age: Option<Duration>, limit: Duration) -> LagRow {
    let tone = match age {
        Some(age) if age > limit => Tone::Alarm,
        Some(age) if age > limit / 2 => Tone::Watch,
        _ => Tone::Calm,
    };
    LagRow { name: name.to_owned(), value: age.map(in_words), limit: format!("too late at {}", in_words(limit)), tone }
}

fn advice(advice: super::advisor::Advice) -> AdviceRow {
    let super::advisor::Advice { variable, from, to, because, expect } = advice;
    AdviceRow { variable: variable.to_owned(), from, to, because, expect }
}

fn trouble(line: journal::Line) -> TroubleRow {
    let tone = match line.loudness {
        journal::Loudness::Deed => Tone::Calm,
        journal::Loudness::Warning => Tone::Watch,
        journal::Loudness::Error => Tone::Alarm,
    };
    let says = if line.times > 1 { format!("{} ({} times)", line.says, line.times) } else { line.says };
    TroubleRow { at_ms: line.at.0, tone, says }
}

/// A rate in a sentence: whole orders, unless they are few.
fn rate(what: &str, per_second: f64) -> String {
    let figure = stampede_web::format::figure(stampede_web::Lang::En, per_second);
    format!("{what} {figure} orders a second.")
}

/// An age as one says it: `18 ms`, `7.3 s`, `4 min`.
pub(super) fn in_words(age: Duration) -> String {
    match age.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1_000.0),
        seconds if seconds < 120.0 => format!("{}{}", format!("{seconds:.1}").trim_end_matches(".0"), " s"),
        seconds => format!("{:.0} min", seconds / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_said_as_one_says_them() {
        let said = [0, 18, 999, 1_000, 7_300, 119_000, 240_000].map(|ms| in_words(Duration::from_millis(ms)));
        assert_eq!(said, ["0 ms", "18 ms", "999 ms", "1 s", "7.3 s", "119 s", "4 min"]);
    }

    #[test]
    fn what_is_late_is_said_louder_the_later_it_is() {
        let tone = |ms| lag("x", Some(Duration::from_millis(ms)), Duration::from_secs(1)).tone;
        assert_eq!([tone(500), tone(501), tone(1_001)], [Tone::Calm, Tone::Watch, Tone::Alarm]);
        assert_eq!(lag("x", None, Duration::from_secs(1)).value, None);
    }
}
