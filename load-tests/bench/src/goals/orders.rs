//! P2 and P3: what a durable order costs, and how many a second.

use super::{Plan, reads::add};
use crate::{
    load::{BUY, Outcome, Requests},
    report::{Figure, Goal, spread},
    servers::{Kind, Settings, Shop, bare},
};

const CONNECTIONS: usize = 256;

/// The shop against its own door before ports that do nothing, and that door against a bare POST.
pub(super) async fn cost_and_rate(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let shop = Shop::start(Settings::endless(Kind::Shop)).await?;
    let door = Shop::start(Settings::endless(Kind::Door)).await?;
    let (order, bare) = (Requests::buy(BUY), Requests::buy(bare::BUY));
    let mut cost =
        Figure::new("P2", "durable buy / door without bus and store, CPU, 256 connections", "x", Goal::AtMost(1.5));
    let mut door_cost = Figure::new("P2", "that door / bare POST with serde and garde, CPU", "x", Goal::AtMost(1.3));
    let mut rate = Figure::new("P3", "durable 202s per second / that door's", "x", Goal::AtLeast(0.7));
    let (mut micros, mut rates) = ([const { Vec::new() }; 3], [const { Vec::new() }; 2]);
    let (mut ours, mut theirs) = (Outcome::default(), Outcome::default());
    for server in [&shop, &door] {
        server.closed(CONNECTIONS, plan.time / 4, &order).await?;
    }
    for round in 1..=plan.rounds {
        let a = shop.closed(CONNECTIONS, plan.time, &order).await?;
        let b = door.closed(CONNECTIONS, plan.time, &order).await?;
        let c = door.closed(CONNECTIONS, plan.time, &bare).await?;
        say!("P2 {round}: shop {}", a.outcome);
        say!("P2 {round}: door {}", b.outcome);
        let per_second = |outcome: &Outcome| outcome.count(202) as f64 / outcome.elapsed.as_secs_f64();
        cost.seen.push(a.cpu_us() / b.cpu_us());
        door_cost.seen.push(b.cpu_us() / c.cpu_us());
        rate.seen.push(per_second(&a.outcome) / per_second(&b.outcome));
        for (list, measured) in micros.iter_mut().zip([&a, &b, &c]) {
            list.push(measured.cpu_us());
        }
        for (list, measured) in rates.iter_mut().zip([&a, &b]) {
            list.push(per_second(&measured.outcome));
        }
        add(&mut ours, &a.outcome);
        add(&mut theirs, &b.outcome);
    }
    let [durable, null, post] = &micros;
    cost.made_of.push(format!("durable {} µs, door {} µs", spread(durable), spread(null)));
    cost.made_of.push(format!("shop: {ours}"));
    door_cost.made_of.push(format!("bare POST {} µs", spread(post)));
    rate.made_of.push(format!("durable {}/s, door {}/s", spread(&rates[0]), spread(&rates[1])));
    rate.made_of.push(format!("door: {theirs}"));
    if ours.is_saturated() || theirs.is_saturated() {
        rate.made_of.push("the generator was saturated: these are not capacities".to_owned());
    }
    Ok(vec![cost, door_cost, rate])
}
