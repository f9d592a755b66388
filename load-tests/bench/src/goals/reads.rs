//! P1 and P10: what a read costs that is the same for everyone.

use super::Plan;
use crate::{
    load::{Outcome, Requests},
    report::{Figure, Goal, median, spread},
    servers::{Kind, Settings, Shop, bare},
};

const AVAILABILITY: &str = "/api/tickets/availability";
const PAGE: &str = "/de/events/frequency-festival";

/// Availability against the same bytes from a bare handler behind the same middleware, at 64 and 1,000 connections.
pub(super) async fn availability(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let shop = Shop::start(Settings::endless(Kind::Shop)).await?;
    let without_middleware = Shop::start(Settings::endless(Kind::Bare)).await?;
    let (asked, bare) = (Requests::read(AVAILABILITY, ""), Requests::read(bare::READ, ""));
    let mut figures = Vec::new();
    for (connections, goal) in [(64, 1.10), (1_000, 1.30)] {
        let name = format!("availability / bare handler, CPU, {connections} connections");
        let mut figure = Figure::new("P1", name, "x", Goal::AtMost(goal));
        let (mut ours, mut theirs, mut naked, mut loads) = (Vec::new(), Vec::new(), Vec::new(), Outcome::default());
        warm_up(plan, &shop, connections, &[&asked, &bare]).await?;
        warm_up(plan, &without_middleware, connections, &[&bare]).await?;
        for round in 1..=plan.rounds {
            let a = shop.closed(connections, plan.time, &asked).await?;
            let b = shop.closed(connections, plan.time, &bare).await?;
            let c = without_middleware.closed(connections, plan.time, &bare).await?;
            say!("P1 {connections} {round}: availability {}", a.outcome);
            figure.seen.push(a.cpu_us() / b.cpu_us());
            ours.push(a.cpu_us());
            theirs.push(b.cpu_us());
            naked.push(c.cpu_us());
            add(&mut loads, &a.outcome);
        }
        figure.made_of.push(format!(
            "availability {} µs, bare {} µs, of which middleware {:.1} µs",
            spread(&ours),
            spread(&theirs),
            median(&theirs) - median(&naked)
        ));
        figure.made_of.push(loads.to_string());
        figures.push(figure);
    }
    Ok(figures)
}

/// The event's page for somebody who comes for the first time, against the static JSON handler.
pub(super) async fn page(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let shop = Shop::start(Settings::endless(Kind::Shop)).await?;
    let mut figure =
        Figure::new("P10", "event page / static JSON handler, CPU, 64 connections", "x", Goal::AtMost(2.0));
    let (page, bare) = (Requests::read(PAGE, ""), Requests::read(bare::READ, ""));
    let (mut ours, mut theirs, mut loads) = (Vec::new(), Vec::new(), Outcome::default());
    warm_up(plan, &shop, 64, &[&page, &bare]).await?;
    for round in 1..=plan.rounds {
        let a = shop.closed(64, plan.time, &page).await?;
        let b = shop.closed(64, plan.time, &bare).await?;
        say!("P10 {round}: page {}", a.outcome);
        figure.seen.push(a.cpu_us() / b.cpu_us());
        ours.push(a.cpu_us());
        theirs.push(b.cpu_us());
        add(&mut loads, &a.outcome);
    }
    let (_, body) = crate::load::get(shop.http, PAGE).await?;
    figure.made_of.push(format!("page of {} bytes {} µs, bare {} µs", body.len(), spread(&ours), spread(&theirs)));
    figure.made_of.push(loads.to_string());
    Ok(vec![figure])
}

async fn warm_up(plan: &Plan, shop: &Shop, connections: usize, requests: &[&Requests]) -> anyhow::Result<()> {
    for requests in requests {
        shop.closed(connections, plan.time / 4, requests).await?;
    }
    Ok(())
}

/// One outcome of all rounds.
pub(super) fn add(all: &mut Outcome, one: &Outcome) {
    for (status, histogram) in &one.answers {
        all.answers.entry(*status).or_default().add(histogram);
    }
    all.broken += one.broken;
    all.dropped += one.dropped;
    all.hung_up += one.hung_up;
    all.came_back += one.came_back;
    all.never_back += one.never_back;
    all.elapsed += one.elapsed;
    all.own_cpu += one.own_cpu;
}
