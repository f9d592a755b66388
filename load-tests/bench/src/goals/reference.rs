//! P9: CPU a request against a ticket shop in Node, as many would build it (`load-tests/peers`).
//!
//! Its buy is answered when Redis has it: not durable. Ours is. CPU is that of the processes one writes oneself: of the embedded
//! shop everything, of a shop on servers web node and writer, of the reference its web processes and its writer.

use super::{Plan, distributed::unlimited, reads::add};
use crate::{
    load::{BUY, Outcome, Requests, Until},
    report::{Figure, Goal, median, spread},
    servers::{Cluster, Kind, Peer, Settings, Shop},
};
use std::time::Duration;

const AVAILABILITY: &str = "/api/tickets/availability";
/// Times swing by a third from run to run; a reference that is slower by more than that is not the one it should be.
const SWING: f64 = 4.0 / 3.0;

/// What is asked of both.
struct Comparison {
    what: &'static str,
    orders: bool,
    connections: usize,
    /// How old an availability the reference may answer with.
    availability_ms: u32,
    /// What is wanted of us, embedded and on servers.
    goals: [Goal; 2],
    /// What the reference was seen to do on such a machine: microseconds of CPU, and requests a second.
    known: Option<(f64, f64)>,
}

const COMPARISONS: [Comparison; 3] = [
    Comparison {
        what: "availability / Node reference that asks Redis",
        orders: false,
        connections: 64,
        availability_ms: 0,
        goals: [Goal::AtMost(1.0 / 5.0), Goal::AtMost(1.0 / 3.0)],
        known: Some((52.0, 23_000.0)),
    },
    // As fresh as ours, whose shelf is as old. The budget knows no figure of it.
    Comparison {
        what: "availability / the same that remembers it for 100 ms",
        orders: false,
        connections: 64,
        availability_ms: 100,
        goals: [Goal::Open, Goal::Open],
        known: None,
    },
    Comparison {
        what: "durable buy / its buy, which is not durable",
        orders: true,
        connections: 256,
        availability_ms: 0,
        goals: [Goal::AtMost(1.0 / 2.5), Goal::AtMost(1.0 / 1.5)],
        known: Some((67.0, 20_000.0)),
    },
];

/// Ours, embedded or on servers.
enum Ours {
    Embedded(Shop),
    OnServers(Cluster),
}

/// The embedded shop against it.
pub(super) async fn embedded(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    if let Some(why) = Peer::missing() {
        return Ok(not_taken(why));
    }
    let ours = Ours::Embedded(Shop::start_with(Settings::endless(Kind::Shop), &unlimited()).await?);
    compare(plan, &ours).await
}

/// Web node and writer against it, on the same Redis and Postgres.
pub(super) async fn on_servers(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    if let Some(why) = Peer::missing() {
        return Ok(not_taken(why));
    }
    let ours = Ours::OnServers(Cluster::start(Settings::endless(Kind::Shop), &unlimited()).await?);
    compare(plan, &ours).await
}

fn not_taken(why: &str) -> Vec<Figure> {
    let mut figures: Vec<_> =
        COMPARISONS.iter().map(|comparison| Figure::new("P9", comparison.what, "x", comparison.goals[0])).collect();
    figures[0].made_of.push(why.to_owned());
    figures
}

async fn compare(plan: &Plan, ours: &Ours) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for comparison in &COMPARISONS {
        figures.extend(comparison.take(plan, ours).await?);
    }
    Ok(figures)
}

impl Ours {
    /// Microseconds of CPU an answer.
    async fn loaded(&self, connections: usize, time: Duration, requests: &Requests) -> anyhow::Result<(f64, Outcome)> {
        match self {
            Self::Embedded(shop) => {
                let measured = shop.closed(connections, time, requests).await?;
                Ok((measured.cpu_us(), measured.outcome))
            }
            Self::OnServers(cluster) => {
                let shared = cluster.loaded(connections, Until::Elapsed(time), requests).await?;
                Ok((shared.ours_us(), shared.at_web.outcome))
            }
        }
    }

    fn place(&self) -> (usize, &'static str) {
        match self {
            Self::Embedded(_) => (0, ""),
            Self::OnServers(_) => (1, ", on servers"),
        }
    }
}

impl Comparison {
    async fn take(&self, plan: &Plan, ours: &Ours) -> anyhow::Result<Vec<Figure>> {
        let peer = Peer::start(self.availability_ms).await?;
        let requests = if self.orders { Requests::buy(BUY) } else { Requests::read(AVAILABILITY, "") };
        let (mode, place) = ours.place();
        let mut figure = Figure::new("P9", format!("{}{place}, CPU", self.what), "x", self.goals[mode]);
        let (mut ours_us, mut theirs_us, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        let mut loads = [Outcome::default(), Outcome::default()];
        ours.loaded(self.connections, plan.time / 4, &requests).await?;
        // A young process of Node runs code that is not compiled yet.
        peer.closed(self.connections, plan.time.max(Duration::from_secs(2)), &requests).await?;
        for round in 1..=plan.rounds {
            let (us, outcome) = ours.loaded(self.connections, plan.time, &requests).await?;
            let theirs = peer.closed(self.connections, plan.time, &requests).await?;
            say!("P9 {round}: ours {us:.1} µs, the reference {:.1} µs; {}", theirs.cpu_us(), theirs.outcome);
            figure.seen.push(us / theirs.cpu_us());
            ours_us.push(us);
            theirs_us.push(theirs.cpu_us());
            rates.push(theirs.outcome.all() as f64 / theirs.outcome.elapsed.as_secs_f64());
            add(&mut loads[0], &outcome);
            add(&mut loads[1], &theirs.outcome);
        }
        figure.made_of.push(format!(
            "ours {} µs, the reference {} µs, {}/s",
            spread(&ours_us),
            spread(&theirs_us),
            spread(&rates)
        ));
        figure.made_of.push(format!("ours: {}", loads[0]));
        figure.made_of.push(format!("the reference: {}", loads[1]));
        let Some((known_us, known_rate)) = self.known else { return Ok(vec![figure]) };
        let name = format!("of it, the reference's own CPU (seen before: {known_us} µs, {known_rate}/s)");
        let mut reference = Figure::new("P9", name, " µs", Goal::AtMost(known_us * SWING));
        reference.seen = theirs_us;
        if !is_itself((known_us, known_rate), (median(&reference.seen), median(&rates))) {
            let sentence = "the reference does not reach its figures here: what is said of it flatters us";
            figure.made_of.push(sentence.to_owned());
        }
        Ok(vec![figure, reference])
    }
}

/// Whether the reference reached its figures, but for the swing.
fn is_itself(known: (f64, f64), seen: (f64, f64)) -> bool {
    seen.0 <= known.0 * SWING && seen.1 >= known.1 / SWING
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_may_swing_but_not_limp() {
        let known = (52.0, 23_000.0);
        assert!(is_itself(known, (60.0, 20_000.0)));
        assert!(!is_itself(known, (75.0, 20_000.0)), "too much CPU");
        assert!(!is_itself(known, (50.0, 12_000.0)), "too few a second");
    }
}
