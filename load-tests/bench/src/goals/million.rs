//! P4, P11 and P14: a whole sale, what it leaves in memory, and how fast a shop begins with it.

use super::{Plan, reads::add};
use crate::{
    load::{BUY, Connection, Outcome, Requests, Until},
    process::{self, Resident},
    report::{Figure, Goal, spread},
    servers::{Kind, Settings, Shop},
};
use anyhow::ensure;
use std::time::Duration;

const CONNECTIONS: usize = 256;
const GIVE_UP: Duration = Duration::from_mins(10);
const MIB: f64 = 1024.0 * 1024.0;

/// A sale from the first request to the settled ledger, against the same door without bus and store.
pub(super) async fn whole_sale(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (limit, keys, goal) in [(0, "time-ordered", 1.6), (6, "random", 1.9)] {
        let name = format!("{} tickets sold and settled / without bus and store, {keys} keys", plan.tickets);
        let mut figure = Figure::new("P4", name, "x", Goal::AtMost(goal));
        let (mut ours, mut theirs, mut all) = (Vec::new(), Vec::new(), Outcome::default());
        for round in 1..=plan.sales {
            let (_, a, outcome) = sell_out(plan, Kind::Shop, limit).await?;
            let (_, b, _) = sell_out(plan, Kind::Door, limit).await?;
            say!("P4 {keys} {round}: {a:.2} s, without bus and store {b:.2} s; {outcome}");
            figure.seen.push(a / b);
            ours.push(a);
            theirs.push(b);
            add(&mut all, &outcome);
        }
        figure.made_of.push(format!("{} s, without bus and store {} s", spread(&ours), spread(&theirs)));
        figure.made_of.push(all.to_string());
        figures.push(figure);
    }
    Ok(figures)
}

async fn sell_out(plan: &Plan, kind: Kind, limit: u32) -> anyhow::Result<(Shop, f64, Outcome)> {
    let shop = Shop::start(Settings { kind, capacity: plan.tickets, limit, traced: false }).await?;
    let measured = shop.loaded(CONNECTIONS, Until::SoldOut(GIVE_UP), &Requests::buy(BUY)).await?;
    let sold = measured.outcome.count(202);
    ensure!(sold == u64::from(plan.tickets), "{sold} of {} tickets were promised", plan.tickets);
    Ok((shop, measured.took.as_secs_f64(), measured.outcome))
}

/// Memory at rest, after a whole sale and per idle connection; and the start over what the sale left.
pub(super) async fn memory_and_start(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    if plan.wants("P11") {
        figures.extend(at_rest_and_idle(plan).await?);
    }
    let (shop, ..) = sell_out(plan, Kind::Product, 0).await?;
    if plan.wants("P11") {
        let name = format!("memory after {} orders", plan.tickets);
        let mut figure = Figure::new("P11", name, " MiB", Goal::AtMost(150.0));
        let resident = process::resident(shop.process())?;
        figure.seen.push(resident.all as f64 / MIB);
        figure.made_of.push(made_of(resident));
        figures.push(figure);
    }
    if plan.wants("P14") {
        figures.extend(starts(plan, shop).await?);
    }
    Ok(figures)
}

async fn at_rest_and_idle(plan: &Plan) -> anyhow::Result<[Figure; 2]> {
    let mut rest = Figure::new("P11", "memory at rest", " MiB", Goal::AtMost(30.0));
    let mut idle =
        Figure::new("P11", format!("memory per idle connection, of {}", plan.idle), " KiB", Goal::AtMost(16.0));
    for _ in 0..plan.rounds {
        let shop = Shop::start(Settings::endless(Kind::Product)).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (before, files) = (process::resident(shop.process())?, process::files(shop.process())?);
        rest.seen.push(before.all as f64 / MIB);
        rest.made_of = vec![made_of(before)];
        // Each has asked once, so that the keep-alive of 15 s holds it and not the shorter patience for a first head.
        let mut connections = Vec::with_capacity(plan.idle);
        for _ in 0..plan.idle {
            let mut connection = Connection::open(shop.http).await?;
            connection.exchange(b"GET /api/tickets/availability HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await?;
            connections.push(connection);
        }
        let open = process::files(shop.process())?.saturating_sub(files);
        ensure!(open * 100 >= plan.idle * 99, "only {open} of {} connections are open", plan.idle);
        let after = process::resident(shop.process())?;
        idle.seen.push(after.all.saturating_sub(before.all) as f64 / 1024.0 / open as f64);
        say!(
            "P11: {:.1} MiB at rest, {:.1} MiB with {open} idle connections",
            before.all as f64 / MIB,
            after.all as f64 / MIB
        );
    }
    Ok([rest, idle])
}

fn made_of(resident: Resident) -> String {
    let (own, mapped) = (resident.own as f64 / MIB, (resident.all - resident.own) as f64 / MIB);
    format!("{own:.1} MiB of its own, {mapped:.1} MiB of the program's file")
}

/// From starting the process to the first availability answered with 200; the page cache is warm.
async fn starts(plan: &Plan, sold: Shop) -> anyhow::Result<[Figure; 2]> {
    let mut empty = Figure::new("P14", "start to first answer, empty directory", " s", Goal::AtMost(0.2));
    let name = format!("start to first answer, {} orders", plan.tickets);
    let mut full = Figure::new("P14", name, " s", Goal::AtMost(1.0));
    let settings = Settings { capacity: plan.tickets, ..Settings::endless(Kind::Product) };
    let mut home = sold.stop().await?;
    for _ in 0..plan.rounds.max(3) {
        let shop = Shop::start(Settings::endless(Kind::Product)).await?;
        empty.seen.push(shop.first_answer.as_secs_f64());
        shop.stop().await?;
        let shop = Shop::start_in(settings, home).await?;
        full.seen.push(shop.first_answer.as_secs_f64());
        home = shop.stop().await?;
    }
    Ok([empty, full])
}
