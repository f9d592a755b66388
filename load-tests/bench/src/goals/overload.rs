//! P13: three times as many buyers as orders can be written.
//!
//! The store is slowed down (`servers/slow_store.rs`), because no generator on the same machine could come with three times what
//! the real one writes. First buyers come a little faster than it writes: that is the peak. Then they come three times as fast.
//! Who is refused comes back when told to, with the same order, again and again; new buyers only fill the rate up. Some hang up.
//! When no new ones come any more, those who were sent away are still served.

use super::{
    Plan,
    distributed::unlimited,
    watch::{Look, Watched, sold_per_second},
};
use crate::{
    load::{BUY, OpenLoop, Outcome, Phase, Requests, Timeline},
    report::{Figure, Goal, median, spread},
    servers::{Cluster, Kind, Setting, Settings, Shop, slowed_to},
};
use anyhow::ensure;
use std::time::{Duration, Instant};

const CONNECTIONS: usize = 1_024;
const TIMES: f64 = 3.0;
/// So much faster than the store writes come those who show its peak.
const FASTER: f64 = 1.2;
/// Orders a second that the slow store writes: what the generator can come with three times while the shop refuses two thirds.
const EMBEDDED: u32 = 8_000;
/// The same where Postgres, Redis and Pub/Sub share the machine.
const ON_SERVERS: u32 = 1_500;
/// Share of the slow store's rate below which something else was slower.
const STORE_BOUND: f64 = 0.85;
/// One in so many buyers hangs up before the answer.
const HANG_UP_EVERY: u32 = 50;
/// How long those who were sent away may need until everyone is served.
const AFTERWARDS: Duration = Duration::from_mins(1);
/// Until a load is what it is going to be: mailboxes are full, and those who came first are back.
const SETTLING: Duration = Duration::from_secs(3);
const MIB: f64 = 1024.0 * 1024.0;

/// What the rounds saw.
struct Seen {
    goodput: Figure,
    refused: Figure,
    memory: Figure,
    recovery: Figure,
    waves: Figure,
    peaks: Vec<f64>,
    goods: Vec<f64>,
    after: Vec<f64>,
    depths: Vec<f64>,
    all: Outcome,
}

/// The embedded shop.
pub(super) async fn embedded(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let (mut seen, rate) = (Seen::new(""), plan.slowed_to.unwrap_or(EMBEDDED));
    for round in 1..=plan.sales {
        let shop = Shop::start_with(slow(), &[&unlimited()[..], &[slowed_to(rate)]].concat()).await?;
        seen.round(round, plan, &shop, &Watched::alone(&shop), rate).await?;
    }
    Ok(seen.figures(plan, rate))
}

/// Web node and writer, the store of the writer slowed down.
pub(super) async fn on_servers(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let (mut seen, rate) = (Seen::new(", on servers"), plan.slowed_to.unwrap_or(ON_SERVERS));
    for round in 1..=plan.sales {
        let further: Vec<Setting> = [&unlimited()[..], &[slowed_to(rate)]].concat();
        let cluster = Cluster::start(slow(), &further).await?;
        seen.round(round, plan, &cluster.web, &Watched::cluster(&cluster), rate).await?;
    }
    Ok(seen.figures(plan, rate))
}

fn slow() -> Settings {
    Settings::endless(Kind::Slow)
}

impl Seen {
    fn new(place: &str) -> Self {
        let figure = |name: &str, unit, goal| Figure::new("P13", format!("{name}{place}"), unit, goal);
        Self {
            goodput: figure("overload: written a second / at the peak", "x", Goal::AtLeast(0.90)),
            refused: figure("overload: p99 of refusals", " ms", Goal::AtMost(50.0)),
            // A leak of 50 bytes a refused request would be more.
            memory: figure("overload: memory of its last third over its second", " MiB", Goal::AtMost(32.0)),
            // A fault's end is noticed within 5 s (PROTOCOL, liveness); the end of a crowd should be as well.
            recovery: figure(
                "last refusal after the crowd, over the time to write its orders",
                " s",
                Goal::AtMost(5.0),
            ),
            waves: figure("overload: those sent back, busiest second / mean", "x", Goal::AtMost(2.0)),
            peaks: Vec::new(),
            goods: Vec::new(),
            after: Vec::new(),
            depths: Vec::new(),
            all: Outcome::default(),
        }
    }

    async fn round(
        &mut self,
        round: usize,
        plan: &Plan,
        shop: &Shop,
        watched: &Watched,
        rate: u32,
    ) -> anyhow::Result<()> {
        let peak = peak(plan, shop, watched, rate).await?;
        let watch = watched.begin();
        let phases = vec![Phase { rate: f64::from(rate) * TIMES, time: plan.overload }];
        let (connections, hang_up_every) = (CONNECTIONS, HANG_UP_EVERY);
        let crowd = OpenLoop { to: shop.http, connections, phases, hang_up_every, come_back_for: AFTERWARDS };
        let (outcome, timeline) = crowd.run_mixed(&[Requests::buy(BUY)]).await?;
        shop.note(&outcome);
        shop.settled().await?;
        let looks = watch.end().await?;
        shop.check().await?;
        say!("P13 {round}: peak {peak:.0}/s; {outcome}");
        self.judge(plan, peak, &timeline, &looks, &outcome)
    }

    fn judge(
        &mut self,
        plan: &Plan,
        peak: f64,
        timeline: &Timeline,
        looks: &[Look],
        outcome: &Outcome,
    ) -> anyhow::Result<()> {
        ensure!(outcome.count(503) > 0, "nobody was refused: this was no overload");
        let (began, length) = (timeline.began(), plan.overload);
        let (second, third, end) = (began + length / 3, began + length * 2 / 3, began + length);
        let good = sold_per_second(looks, began + SETTLING, end);
        self.goodput.seen.push(good / peak);
        self.refused.seen.push(outcome.quantile(503, 0.99).as_secs_f64() * 1_000.0);
        let most = |from: Instant, to: Instant| {
            let within = looks.iter().filter(|look| look.at >= from && look.at < to);
            within.map(|look| look.resident).max().unwrap_or(0) as f64 / MIB
        };
        self.memory.seen.push(most(third, end) - most(second, third));
        // Orders that were taken or asked for when the last new buyer came had to be written at the peak's rate first.
        let sold_at = |moment: Instant| {
            let look = looks.iter().rev().find(|look| look.at <= moment);
            look.map_or(0, |look| look.numbers.sold)
        };
        let owed = sold_at(began + Duration::from_hours(1)) - sold_at(end);
        let last = timeline.last(503).map_or(0.0, |second| second as f64 + 1.0) - length.as_secs_f64();
        self.recovery.seen.push((last - owed as f64 / peak).max(0.0));
        let seconds = usize::try_from(length.as_secs())?;
        self.waves.seen.extend(timeline.peak_of_returns(seconds / 2, seconds));
        self.after.extend(timeline.peak_of_returns(seconds, seconds + 5));
        self.peaks.push(peak);
        self.goods.push(good);
        self.depths.push(looks.iter().map(|look| look.depth).max().unwrap_or(0) as f64);
        super::reads::add(&mut self.all, outcome);
        Ok(())
    }

    fn figures(mut self, plan: &Plan, rate: u32) -> Vec<Figure> {
        let (arrivals, seconds) = (f64::from(rate) * TIMES, plan.overload.as_secs());
        self.goodput.made_of.push(format!(
            "peak {}/s, overload {}/s written, of a store slowed to {rate}/s; {arrivals:.0} arrivals a second for {seconds} s",
            spread(&self.peaks),
            spread(&self.goods)
        ));
        self.goodput.made_of.push(self.all.to_string());
        if median(&self.peaks) < f64::from(rate) * STORE_BOUND {
            let sentence =
                "the store was not what limited the peak: the machine was, and this was no overload of the store";
            self.goodput.made_of.push(sentence.to_owned());
        }
        if self.all.is_saturated() || self.all.dropped * 100 > self.all.all() {
            let sentence = "the generator was saturated, or more than 1 % of the arrivals found no connection: these are not three times the peak";
            self.goodput.made_of.push(sentence.to_owned());
        }
        self.memory.made_of.push(format!("at most {} orders in the writer's mailbox", spread(&self.depths)));
        self.waves.made_of.push(format!("in the five seconds after the overload {}", spread(&self.after)));
        vec![self.goodput, self.refused, self.memory, self.recovery, self.waves]
    }
}

/// What the store writes a second when a little more is asked for.
async fn peak(plan: &Plan, shop: &Shop, watched: &Watched, rate: u32) -> anyhow::Result<f64> {
    let watch = watched.begin();
    let began = Instant::now();
    let time = SETTLING + plan.overload / 6;
    let crowd = OpenLoop::steady(shop.http, CONNECTIONS, f64::from(rate) * FASTER, time);
    let outcome = crowd.run(&Requests::buy(BUY)).await?;
    let looks = {
        shop.note(&outcome);
        shop.settled().await?;
        watch.end().await?
    };
    Ok(sold_per_second(&looks, began + SETTLING, began + time))
}
