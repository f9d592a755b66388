//! P2, P3 and P6: what a durable order costs, how many a second, and how many share an fdatasync.

use super::{Plan, reads::add};
use crate::{
    load::{BUY, Outcome, Requests},
    report::{Figure, Goal, number, spread},
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

/// Counts fsyncs with `strace --seccomp-bpf`, which stops the server at those calls only.
pub(super) async fn per_fsync(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut figure = Figure::new("P6", "orders per fdatasync, 256 connections", "", Goal::AtLeast(30.0));
    let settings = Settings { traced: true, ..Settings::endless(Kind::Shop) };
    if std::process::Command::new("strace").arg("-V").stdout(std::process::Stdio::null()).status().is_err() {
        figure.made_of.push("strace is not here, so fsyncs cannot be counted".to_owned());
        return Ok(vec![figure]);
    }
    let shop = Shop::start(settings).await?;
    let order = Requests::buy(BUY);
    shop.closed(CONNECTIONS, plan.time / 4, &order).await?;
    let mut all = Outcome::default();
    for round in 1..=plan.rounds {
        let before = shop.fsyncs()?;
        let measured = shop.closed(CONNECTIONS, plan.time, &order).await?;
        let fsyncs = shop.fsyncs()? - before;
        say!("P6 {round}: {fsyncs} fsyncs, {}", measured.outcome);
        figure.seen.push(measured.outcome.count(202) as f64 / fsyncs.max(1) as f64);
        add(&mut all, &measured.outcome);
    }
    let means: serde_json::Value = serde_json::from_str(&shop.ops("/actors").await?)?;
    for actor in means.as_array().into_iter().flatten() {
        if let (Some(name), Some(mean)) = (actor["name"].as_str(), actor["meanBatchSize"].as_f64()) {
            figure.made_of.push(format!("{name}: {} a batch", number(mean)));
        }
    }
    figure.made_of.push(format!("under strace: {all}"));
    Ok(vec![figure])
}
