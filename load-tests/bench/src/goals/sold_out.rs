//! P15: a refusal is no slower than a sale.

use super::{Plan, reads::add, whole};
use crate::{
    load::{BUY, OpenLoop, Outcome, Requests},
    report::{Figure, Goal, spread},
    servers::{Kind, Settings, Shop},
};

const CONNECTIONS: usize = 256;

/// The p99 of 409s after the last ticket against that of 202s before it, at one arrival rate: a shop with tickets for half of
/// those who come.
pub(super) async fn refusals(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let name = format!("p99 of 409s / p99 of 202s, {:.0} arrivals a second", plan.rate);
    let mut figure = Figure::new("P15", name, "x", Goal::AtMost(1.0));
    let (mut sold, mut refused, mut all) = (Vec::new(), Vec::new(), Outcome::default());
    for round in 1..=plan.rounds {
        let capacity = whole(plan.time.as_secs_f64() * plan.rate);
        let shop = Shop::start(Settings { capacity, ..Settings::endless(Kind::Shop) }).await?;
        let load = OpenLoop { to: shop.http, connections: CONNECTIONS, rate: plan.rate, time: plan.time * 2 };
        let outcome = load.run(&Requests::buy(BUY)).await?;
        shop.note(&outcome);
        shop.settled().await?;
        shop.check().await?;
        say!("P15 {round}: {outcome}");
        let p99 = |status| outcome.quantile(status, 0.99).as_secs_f64() * 1_000.0;
        figure.seen.push(p99(409) / p99(202));
        sold.push(p99(202));
        refused.push(p99(409));
        add(&mut all, &outcome);
    }
    figure.made_of.push(format!("p99 of 202s {} ms, of 409s {} ms", spread(&sold), spread(&refused)));
    figure.made_of.push(all.to_string());
    Ok(vec![figure])
}
