//! P5: how long after its 202 an order is persisted, at full load.
//!
//! Some further buyers each take an order and, once they have their 202, ask for its status every millisecond until it is
//! `confirmed`, which the shop says only after the commit and its settlement. The lag seen this way includes the last question's
//! own way through the loaded shop: it is an upper bound.

use super::Plan;
use crate::{
    load::{BUY, ClosedLoop, Connection, Histogram, Outcome, Requests, Until},
    report::{Figure, Goal},
    servers::{Kind, Settings, Shop},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const CONNECTIONS: usize = 256;
const SAMPLERS: usize = 24;
/// The pause between two questions.
const ASK_EVERY: Duration = Duration::from_millis(1);

/// Without and with a limit per buyer, whose index is in random order.
pub(super) async fn lag(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (limit, keys, goal) in [(0, "time-ordered", 100.0), (6, "random", 1_000.0)] {
        let shop = Shop::start(Settings { limit, ..Settings::endless(Kind::Shop) }).await?;
        let name = format!("202 to persisted, p99, {keys} keys, 256 connections");
        let mut figure = Figure::new("P5", name, " ms", Goal::AtMost(goal));
        let mut all = Histogram::default();
        shop.closed(CONNECTIONS, plan.time / 4, &Requests::buy(BUY)).await?;
        for round in 1..=plan.rounds {
            let (lags, outcome) = sample(plan, &shop).await?;
            say!("P5 {keys} {round}: {} samples beside {outcome}", lags.count());
            figure.seen.push(lags.quantile(0.99).as_secs_f64() * 1_000.0);
            all.add(&lags);
        }
        let millis = |share| all.quantile(share).as_secs_f64() * 1_000.0;
        figure.made_of.push(format!(
            "{} samples: p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            all.count(),
            millis(0.5),
            millis(0.99),
            millis(1.0)
        ));
        figures.push(figure);
    }
    Ok(figures)
}

/// So much load on a shop, and how late its orders were meanwhile.
pub(super) async fn sample(plan: &Plan, shop: &Shop) -> anyhow::Result<(Histogram, Outcome)> {
    let mut samplers = JoinSet::new();
    let ends = Instant::now() + plan.time;
    for _ in 0..SAMPLERS {
        samplers.spawn_local(watch_orders(shop.http, ends));
    }
    let until = Until::Elapsed(plan.time);
    let load = ClosedLoop { to: shop.http, connections: CONNECTIONS, until, hang_up_every: 0 };
    let mut outcome = load.run(&Requests::buy(BUY)).await?;
    let mut lags = Histogram::default();
    while let Some(sampler) = samplers.join_next().await {
        let (seen, taken) = sampler??;
        lags.add(&seen);
        super::reads::add(&mut outcome, &taken);
    }
    shop.note(&outcome);
    shop.settled().await?;
    shop.check().await?;
    Ok((lags, outcome))
}

async fn watch_orders(to: SocketAddr, ends: Instant) -> std::io::Result<(Histogram, Outcome)> {
    let (mut lags, mut taken) = (Histogram::default(), Outcome::default());
    let mut requests = Requests::buy(BUY);
    let mut connection = Connection::open(to).await?;
    while Instant::now() < ends {
        let began = Instant::now();
        let status = connection.exchange(requests.next()).await?;
        let heard = Instant::now();
        taken.answered(status, heard - began);
        if status != 202 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let key = requests.key().unwrap_or_default();
        let question = format!("GET /api/orders/{key} HTTP/1.1\r\nHost: {to}\r\n\r\n");
        while !is_confirmed(&mut connection, question.as_bytes()).await? {
            tokio::time::sleep(ASK_EVERY).await;
        }
        lags.record(heard.elapsed());
    }
    Ok((lags, taken))
}

async fn is_confirmed(connection: &mut Connection, question: &[u8]) -> std::io::Result<bool> {
    let status = connection.exchange(question).await?;
    let wanted = br#""status":"confirmed""#;
    Ok(status == 200 && connection.body().windows(wanted.len()).any(|window| window == wanted))
}
