//! P15: a refusal is no slower than a sale.

use super::{Plan, distributed::unlimited, reads::add, whole};
use crate::{
    load::{BUY, OpenLoop, Outcome, Requests},
    report::{Figure, Goal, spread},
    servers::{Cluster, Kind, Settings, Shop},
};

const CONNECTIONS: usize = 256;

/// What the rounds saw.
struct Seen {
    figure: Figure,
    sold: Vec<f64>,
    refused: Vec<f64>,
    all: Outcome,
}

/// The p99 of 409s after the last ticket against that of 202s before it, at one arrival rate: a shop with tickets for half of
/// those who come.
pub(super) async fn embedded(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut seen = Seen::new(plan, "");
    for round in 1..=plan.rounds {
        let shop = Shop::start(for_half(plan)).await?;
        seen.round(round, plan, &shop).await?;
    }
    Ok(seen.figures())
}

/// The same at a web node.
pub(super) async fn on_servers(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut seen = Seen::new(plan, ", on servers");
    for round in 1..=plan.rounds {
        let cluster = Cluster::start(for_half(plan), &unlimited()).await?;
        seen.round(round, plan, &cluster.web).await?;
    }
    Ok(seen.figures())
}

fn for_half(plan: &Plan) -> Settings {
    Settings { capacity: whole(plan.time.as_secs_f64() * plan.rate), ..Settings::endless(Kind::Shop) }
}

impl Seen {
    fn new(plan: &Plan, place: &str) -> Self {
        let name = format!("p99 of 409s / p99 of 202s, {:.0} arrivals a second{place}", plan.rate);
        let figure = Figure::new("P15", name, "x", Goal::AtMost(1.0));
        Self { figure, sold: Vec::new(), refused: Vec::new(), all: Outcome::default() }
    }

    async fn round(&mut self, round: usize, plan: &Plan, shop: &Shop) -> anyhow::Result<()> {
        let load = OpenLoop::steady(shop.http, CONNECTIONS, plan.rate, plan.time * 2);
        let outcome = load.run(&Requests::buy(BUY)).await?;
        shop.note(&outcome);
        shop.settled().await?;
        shop.check().await?;
        say!("P15 {round}: {outcome}");
        let p99 = |status| outcome.quantile(status, 0.99).as_secs_f64() * 1_000.0;
        self.figure.seen.push(p99(409) / p99(202));
        self.sold.push(p99(202));
        self.refused.push(p99(409));
        add(&mut self.all, &outcome);
        Ok(())
    }

    fn figures(mut self) -> Vec<Figure> {
        let (sold, refused) = (spread(&self.sold), spread(&self.refused));
        self.figure.made_of.push(format!("p99 of 202s {sold} ms, of 409s {refused} ms"));
        self.figure.made_of.push(self.all.to_string());
        vec![self.figure]
    }
}
