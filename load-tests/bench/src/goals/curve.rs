//! The sale of a million seen second by second: warm-up, pre-sale, the opening, the rush, sold out, cool-down, as an open loop
//! against the embedded shop, and a picture of it.
//!
//! Most arrivals only look at what is available, one in some wants to buy. The sale opens with the third phase and has tickets for
//! nine tenths of the buyers of the third and fourth.

use super::{
    Plan,
    distributed::unlimited,
    watch::{Look, Watched},
    whole,
};
use crate::{
    load::{BUY, OpenLoop, Outcome, Phase, Requests, Second, Timeline},
    picture::{Band, Hue, Line, Panel, Picture},
    report::{Figure, Goal, number},
    servers::{Kind, Settings, Shop, workplace},
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

const AVAILABILITY: &str = "/api/tickets/availability";
const CONNECTIONS: usize = 1_024;
/// The sale of the issue: name, requests a second, seconds.
const PHASES: [(&str, f64, f64); 6] = [
    ("warm-up", 1_000.0, 120.0),
    ("pre-sale", 10_000.0, 120.0),
    ("opening", 50_000.0, 180.0),
    ("sustained", 50_000.0, 300.0),
    ("sold out", 20_000.0, 120.0),
    ("cool-down", 1_000.0, 60.0),
];
/// The phase that the sale opens with.
const OPENING: usize = 2;
/// The phases in which tickets are bought.
const BUYING: std::ops::Range<usize> = 2..4;
/// Tickets for so many of those buyers.
const ENOUGH_FOR: f64 = 0.9;
/// From starting the server to the first arrival: connections are opened meanwhile.
const HEAD_START: Duration = Duration::from_secs(3);

/// How the sale is scaled.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Requests a second, as a share of the sale's.
    pub(crate) rate_scale: f64,
    /// Time, as a share of the sale's.
    pub(crate) time_scale: f64,
    /// One arrival in so many wants to buy.
    pub(crate) buyer_in: usize,
    /// Where the picture goes, besides `target/bench`.
    pub(crate) picture: Option<PathBuf>,
}

impl Curve {
    fn phases(&self) -> Vec<Phase> {
        let phase = |(_, rate, seconds): &(_, f64, f64)| Phase {
            rate: rate * self.rate_scale,
            time: Duration::from_secs_f64(seconds * self.time_scale),
        };
        PHASES.iter().map(phase).collect()
    }

    fn tickets(&self) -> u32 {
        let buyers = |phase: &Phase| phase.rate * phase.time.as_secs_f64() / self.buyer_in as f64;
        whole(self.phases()[BUYING].iter().map(buyers).sum::<f64>() * ENOUGH_FOR)
    }

    fn opens_after(&self) -> Duration {
        self.phases()[..OPENING].iter().map(|phase| phase.time).sum()
    }
}

/// Drives it once and draws it.
pub(super) async fn draw(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let curve = &plan.curve;
    let opens_in =
        ("STAMPEDE_DEMO_OPENS_IN".to_owned(), format!("{}ms", (HEAD_START + curve.opens_after()).as_millis()));
    let began = Instant::now();
    let settings = Settings { capacity: curve.tickets(), ..Settings::endless(Kind::Shop) };
    let shop = Shop::start_with(settings, &[&unlimited()[..], &[opens_in]].concat()).await?;
    tokio::time::sleep(HEAD_START.saturating_sub(began.elapsed())).await;
    let mut turns = vec![Requests::read(AVAILABILITY, ""); curve.buyer_in.max(1)];
    turns[0] = Requests::buy(BUY);
    let watch = Watched::alone(&shop).begin();
    let load = OpenLoop { phases: curve.phases(), ..OpenLoop::steady(shop.http, CONNECTIONS, 0.0, Duration::ZERO) };
    let (outcome, timeline) = load.run_mixed(&turns).await?;
    shop.note(&outcome);
    shop.settled().await?;
    let looks = watch.end().await?;
    shop.check().await?;
    say!("curve: {outcome}");
    let svg = picture(curve, &outcome, &timeline, &looks).svg();
    let mut places = vec![workplace()?.join("spike-curve.svg")];
    places.extend(curve.picture.clone());
    for place in &places {
        std::fs::write(place, &svg)?;
    }
    Ok(vec![figure(curve, &outcome, &timeline, &places)])
}

fn figure(curve: &Curve, outcome: &Outcome, timeline: &Timeline, places: &[PathBuf]) -> Figure {
    let most = PHASES.iter().map(|(_, rate, _)| rate * curve.rate_scale).fold(0.0, f64::max);
    let mut figure = Figure::new(
        "curve",
        format!("spike curve, {most:.0}/s at its height: p99 of an order's answer"),
        " ms",
        Goal::Open,
    );
    let mut orders = crate::load::Histogram::default();
    timeline.seconds.iter().for_each(|second| orders.add(&second.orders));
    figure.seen.push(orders.quantile(0.99).as_secs_f64() * 1_000.0);
    figure.made_of.push(format!("{} of {} tickets were sold", outcome.count(202), curve.tickets()));
    figure.made_of.push(outcome.to_string());
    if outcome.is_saturated() || outcome.dropped > 0 {
        figure.made_of.push("the generator was saturated: the height is not what it says".to_owned());
    }
    let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    figure.made_of.push(format!("drawn in {}", places.join(", ")));
    figure
}

fn picture(curve: &Curve, outcome: &Outcome, timeline: &Timeline, looks: &[Look]) -> Picture {
    let bands = PHASES.iter().zip(curve.phases()).map(|((name, ..), phase)| Band {
        name: (*name).to_owned(),
        about: format!("{}/s", thousands(phase.rate)),
        seconds: phase.time.as_secs_f64(),
    });
    let height = curve.phases().iter().map(|phase| phase.rate).fold(0.0, f64::max);
    let tickets = thousands(f64::from(curve.tickets()));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    Picture {
        title: format!("{tickets} tickets, {} requests a second", thousands(height)),
        caption: format!(
            "embedded shop and generator on {cores} cores, which took {} % of one; one request in {} is a buy; {} dropped, {} broken",
            number(outcome.generator_share() * 100.0),
            curve.buyer_in,
            outcome.dropped,
            outcome.broken
        ),
        bands: bands.collect(),
        panels: panels(timeline, looks),
    }
}

fn panels(timeline: &Timeline, looks: &[Look]) -> Vec<Panel> {
    // A second is drawn in its middle. The last one may be a short one.
    let line = |name, hue, value: &dyn Fn(&Second) -> f64| Line {
        name,
        hue,
        points: timeline.seconds.iter().enumerate().map(|(at, second)| (at as f64 + 0.5, value(second))).collect(),
    };
    let answers = |name, hue, status: u16| {
        let count = |second: &Second| second.answers.get(&status).copied().unwrap_or(0) as f64;
        let Line { points, .. } = line(name, hue, &count);
        Line { name, hue, points: without_nothing(&points) }
    };
    let millis = |of: fn(&Second) -> &crate::load::Histogram, share: f64| {
        move |second: &Second| match of(second).count() {
            0 => f64::NAN,
            _ => of(second).quantile(share).as_secs_f64() * 1_000.0,
        }
    };
    let looked = |name, hue, value: &dyn Fn(&Look) -> f64| Line {
        name,
        hue,
        points: looks
            .iter()
            .map(|look| (look.at.saturating_duration_since(timeline.began()).as_secs_f64(), value(look)))
            .collect(),
    };
    let panel = |title: &str, tenfold, lines| Panel { title: title.to_owned(), tenfold, lines };
    vec![
        panel(
            "Requests a second",
            false,
            vec![
                line("asked", Hue::Grey, &|second| second.asked as f64),
                line("answered", Hue::Blue, &|second| second.answers.values().sum::<u64>() as f64),
            ],
        ),
        panel(
            "Orders a second, by answer",
            false,
            vec![
                answers("425 not open yet", Hue::Grey, 425),
                answers("202 promised", Hue::Blue, 202),
                answers("409 sold out", Hue::Orange, 409),
                answers("503 put off", Hue::Purple, 503),
            ],
        ),
        panel(
            "Latency in milliseconds, from the moment they meant to ask",
            true,
            vec![
                line("looks p99", Hue::Grey, &millis(|second| &second.looks, 0.99)),
                line("orders p50", Hue::Blue, &millis(|second| &second.orders, 0.5)),
                line("orders p99", Hue::Orange, &millis(|second| &second.orders, 0.99)),
            ],
        ),
        panel(
            "Orders on their way",
            false,
            vec![
                looked("claimed, not yet settled", Hue::Blue, &|look| look.numbers.in_flight as f64),
                looked("in the writer's mailbox", Hue::Orange, &|look| look.depth as f64),
            ],
        ),
        panel("Tickets written and settled", false, vec![looked("sold", Hue::Green, &|look| look.numbers.sold as f64)]),
    ]
}

/// Lines that lie on the axis would hide each other: nothing beside nothing is not drawn.
fn without_nothing(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let nothing = |at: Option<usize>| at.and_then(|at| points.get(at)).is_none_or(|(_, value)| *value == 0.0);
    let drawn = |(at, (second, value)): (usize, &(f64, f64))| {
        let alone = *value == 0.0 && nothing(at.checked_sub(1)) && nothing(Some(at + 1));
        (*second, if alone { f64::NAN } else { *value })
    };
    points.iter().enumerate().map(drawn).collect()
}

/// `400,000`.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sale_scales_in_rate_and_time_and_sells_out_in_its_fourth_phase() {
        let curve = Curve { rate_scale: 0.5, time_scale: 0.1, buyer_in: 5, picture: None };
        let phases = curve.phases();
        assert_eq!((phases[2].rate, phases[2].time), (25_000.0, Duration::from_secs(18)));
        assert_eq!(curve.opens_after(), Duration::from_secs(24));
        // 25,000/s for 48 s, one in five buys, nine in ten find one.
        assert_eq!(curve.tickets(), 216_000);
    }

    #[test]
    fn a_line_leaves_the_axis_only_for_something() {
        let points: Vec<_> =
            [0.0, 0.0, 5.0, 0.0, 0.0, 0.0].into_iter().enumerate().map(|(at, value)| (at as f64, value)).collect();
        let drawn: Vec<_> = without_nothing(&points).iter().map(|(_, value)| value.is_finite()).collect();
        assert_eq!(drawn, [false, true, true, true, false, false]);
    }

    #[test]
    fn numbers_are_read_in_threes() {
        assert_eq!(
            [1.0, 999.0, 1_000.0, 450_000.0, 1_234_567.0].map(thousands),
            ["1", "999", "1,000", "450,000", "1,234,567"]
        );
    }
}
