//! P1, P3, P4 and P8 of a shop on servers, against the embedded shop in turns. Everything shares the machine: what is compared is
//! mostly the CPU time of our own processes.

use super::{Plan, programs, reads::add};
use crate::{
    load::{BUY, Outcome, Requests, Until},
    report::{Figure, Goal, median, spread},
    servers::{Cluster, Kind, Setting, Settings, Shared, Shop, bare},
};
use anyhow::ensure;
use std::time::Duration;

const AVAILABILITY: &str = "/api/tickets/availability";
const READERS: usize = 64;
const BUYERS: usize = 256;
const GIVE_UP: Duration = Duration::from_mins(5);

/// Both shops take as many orders of a buyer as there are.
pub(super) fn unlimited() -> [Setting; 1] {
    [("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND".to_owned(), "0".to_owned())]
}

async fn both(settings: Settings) -> anyhow::Result<(Cluster, Shop)> {
    let cluster = Cluster::start(settings, &unlimited()).await?;
    Ok((cluster, Shop::start_with(settings, &unlimited()).await?))
}

/// A web node's availability against a bare handler in the same node, and against the embedded shop's.
pub(super) async fn availability(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let (cluster, embedded) = both(Settings::endless(Kind::Shop)).await?;
    let (asked, bare) = (Requests::read(AVAILABILITY, ""), Requests::read(bare::READ, ""));
    let mut to_bare =
        Figure::new("P1", "availability at a web node / bare handler there, CPU, 64 conn.", "x", Goal::AtMost(1.10));
    let mut to_embedded =
        Figure::new("P1", "availability at a web node / embedded shop, CPU, 64 conn.", "x", Goal::Open);
    let (mut ours, mut bares, mut alone, mut loads) = (Vec::new(), Vec::new(), Vec::new(), Outcome::default());
    for requests in [&asked, &bare] {
        cluster.web.closed(READERS, plan.time / 4, requests).await?;
    }
    embedded.closed(READERS, plan.time / 4, &asked).await?;
    for round in 1..=plan.rounds {
        let a = cluster.web.closed(READERS, plan.time, &asked).await?;
        let b = embedded.closed(READERS, plan.time, &asked).await?;
        let c = cluster.web.closed(READERS, plan.time, &bare).await?;
        say!("P1 {round}: web node {}", a.outcome);
        to_bare.seen.push(a.cpu_us() / c.cpu_us());
        to_embedded.seen.push(a.cpu_us() / b.cpu_us());
        ours.push(a.cpu_us());
        alone.push(b.cpu_us());
        bares.push(c.cpu_us());
        add(&mut loads, &a.outcome);
    }
    to_bare.made_of.push(format!("web node {} µs, bare {} µs", spread(&ours), spread(&bares)));
    to_bare.made_of.push(loads.to_string());
    to_embedded.made_of.push(format!("web node {} µs, embedded {} µs", spread(&ours), spread(&alone)));
    Ok(vec![to_bare, to_embedded])
}

/// What a durable order costs our processes, and how many a second.
pub(super) async fn cost_and_rate(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let client = programs::bare_pubsub_client_us()?;
    let (cluster, embedded) = both(Settings::endless(Kind::Shop)).await?;
    let order = Requests::buy(BUY);
    let name = "durable buy, web + writer less a bare Pub/Sub client / embedded, CPU";
    let mut cost = Figure::new("P8", name, "x", Goal::AtMost(1.5));
    let mut rate = Figure::new("P3", "durable 202s per second, on servers / embedded", "x", Goal::Open);
    let (mut ours, mut alone, mut rates) = (Vec::new(), Vec::new(), [const { Vec::new() }; 2]);
    let (mut parts, mut loads) = (Vec::new(), [Outcome::default(), Outcome::default()]);
    cluster.loaded(BUYERS, Until::Elapsed(plan.time / 4), &order).await?;
    embedded.closed(BUYERS, plan.time / 4, &order).await?;
    for round in 1..=plan.rounds {
        let a = cluster.loaded(BUYERS, Until::Elapsed(plan.time), &order).await?;
        let b = embedded.closed(BUYERS, plan.time, &order).await?;
        say!("P8 {round}: on servers {}", a.at_web.outcome);
        say!("P8 {round}: embedded {}", b.outcome);
        cost.seen.push((a.ours_us() - median(&client)) / b.cpu_us());
        ours.push(a.ours_us());
        alone.push(b.cpu_us());
        let seconds = [&a.at_web.outcome, &b.outcome].map(|of| of.count(202) as f64 / of.elapsed.as_secs_f64());
        rate.seen.push(seconds[0] / seconds[1]);
        for (list, seen) in rates.iter_mut().zip(seconds) {
            list.push(seen);
        }
        add(&mut loads[0], &a.at_web.outcome);
        add(&mut loads[1], &b.outcome);
        parts.push(a);
    }
    cost.made_of.push(format!(
        "web + writer {} µs, a bare Pub/Sub client {} µs, embedded {} µs an order",
        spread(&ours),
        spread(&client),
        spread(&alone)
    ));
    cost.made_of.push(format!("of it, and the servers': {}", by_process(&parts)));
    rate.made_of.push(format!("on servers {}/s, embedded {}/s", spread(&rates[0]), spread(&rates[1])));
    rate.made_of.push("all processes share the machine, so this is no capacity of a shop on servers".to_owned());
    rate.made_of.push(format!("on servers: {}", loads[0]));
    rate.made_of.push(format!("embedded: {}", loads[1]));
    Ok(vec![cost, rate])
}

/// Microseconds an order of each process.
fn by_process(rounds: &[Shared]) -> String {
    let Some(first) = rounds.first() else { return String::new() };
    let of = |place: usize| rounds.iter().map(|round| round.each_us[place].1).collect::<Vec<_>>();
    let each = first.each_us.iter().enumerate().map(|(place, (name, _))| format!("{name} {} µs", spread(&of(place))));
    each.collect::<Vec<_>>().join(", ")
}

/// A sale from the first request to the last order persisted and settled.
pub(super) async fn whole_sale(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let name = format!("{} tickets sold and settled, on servers / embedded", plan.tickets);
    let mut figure = Figure::new("P4", name, "x", Goal::Open);
    let (mut ours, mut alone, mut all, mut parts) = (Vec::new(), Vec::new(), Outcome::default(), Vec::new());
    let order = Requests::buy(BUY);
    for round in 1..=plan.sales {
        let (cluster, embedded) = both(Settings { capacity: plan.tickets, ..Settings::endless(Kind::Shop) }).await?;
        let a = cluster.loaded(BUYERS, Until::SoldOut(GIVE_UP), &order).await?;
        let b = embedded.loaded(BUYERS, Until::SoldOut(GIVE_UP), &order).await?;
        for outcome in [&a.at_web.outcome, &b.outcome] {
            let sold = outcome.count(202);
            ensure!(sold == u64::from(plan.tickets), "{sold} of {} tickets were promised", plan.tickets);
        }
        let (took, took_alone) = (a.at_web.took.as_secs_f64(), b.took.as_secs_f64());
        say!("P4 {round}: on servers {took:.2} s, embedded {took_alone:.2} s; {}", a.at_web.outcome);
        figure.seen.push(took / took_alone);
        ours.push(took);
        alone.push(took_alone);
        add(&mut all, &a.at_web.outcome);
        parts.push(a);
    }
    figure.made_of.push(format!("on servers {} s, embedded {} s", spread(&ours), spread(&alone)));
    figure.made_of.push(by_process(&parts));
    figure.made_of.push(all.to_string());
    Ok(vec![figure])
}
