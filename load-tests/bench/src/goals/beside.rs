//! A sale beside ten thousand idle connections and five thousand readers of live numbers.

use super::{Plan, reads::add};
use crate::{
    bystanders::Bystanders,
    load::{BUY, OpenLoop, Outcome, Requests},
    report::{Figure, Goal, spread},
    servers::{Kind, Settings, Shop},
};

const CONNECTIONS: usize = 256;
/// A rate that leaves the machine room: the readers alone are sent 20,000 messages a second.
const SHARE: f64 = 0.5;

/// The p99 of a buy with them there over the p99 without, at one arrival rate, in turns.
pub(super) async fn bystanders(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let rate = plan.rate * SHARE;
    let (idle, watchers) = (plan.idle, plan.idle / 2);
    let name = format!("p99 of 202s beside {idle} idle and {watchers} watching / without, {rate:.0}/s");
    let mut figure = Figure::new("idle", name, "x", Goal::AtMost(1.5));
    let (mut with, mut without, mut messages) = (Vec::new(), Vec::new(), Vec::new());
    let mut loads = [Outcome::default(), Outcome::default()];
    let shop = Shop::start(Settings::endless(Kind::Shop)).await?;
    for round in 1..=plan.rounds {
        let alone = buy(plan, &shop, rate).await?;
        let present = Bystanders::at(shop.http, idle, watchers).come()?;
        let beside = buy(plan, &shop, rate).await?;
        messages.push(present.leave()? as f64);
        let p99 = |outcome: &Outcome| outcome.quantile(202, 0.99).as_secs_f64() * 1_000.0;
        say!("idle {round}: p99 {:.2} ms alone, {:.2} ms beside them; {beside}", p99(&alone), p99(&beside));
        figure.seen.push(p99(&beside) / p99(&alone));
        without.push(p99(&alone));
        with.push(p99(&beside));
        add(&mut loads[0], &alone);
        add(&mut loads[1], &beside);
    }
    figure.made_of.push(format!("p99 {} ms without, {} ms beside them", spread(&without), spread(&with)));
    figure.made_of.push(format!("{} messages were read by the watchers in a round", spread(&messages)));
    figure.made_of.push(format!("without: {}", loads[0]));
    figure.made_of.push(format!("beside them: {}", loads[1]));
    Ok(vec![figure])
}

async fn buy(plan: &Plan, shop: &Shop, rate: f64) -> anyhow::Result<Outcome> {
    let outcome = OpenLoop::steady(shop.http, CONNECTIONS, rate, plan.time).run(&Requests::buy(BUY)).await?;
    shop.note(&outcome);
    shop.settled().await?;
    shop.check().await?;
    Ok(outcome)
}
