//! P12: an order costs no more because many were sold before it.

use super::{Plan, reads::add};
use crate::{
    load::{BUY, Outcome, Requests},
    report::{Figure, Goal, spread},
    servers::{Kind, Measured, Settings, Shop, filled},
};
use std::rc::Rc;

const CONNECTIONS: usize = 256;
/// What a shop is that has hardly sold anything.
const FEW: u32 = 10_000;

/// CPU an order over a store of many rows against one of few, keys by time. A fresh server each time; the one of few starts over a
/// fresh directory too, or it would soon be one of many.
pub(super) async fn cost_by_rows(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    say!("P12: filling a store with {} orders, unless it is there", plan.rows);
    let many = filled(plan.rows)?;
    let name = format!("durable buy over {} rows / over {FEW}, CPU, 256 connections", plan.rows);
    let mut figure = Figure::new("P12", name, "x", Goal::AtMost(1.2));
    let (mut ours, mut theirs, mut all) = (Vec::new(), Vec::new(), Outcome::default());
    let (mut sold, mut grown) = (u64::from(plan.rows), Vec::new());
    for round in 1..=plan.rounds {
        let large = Shop::start_over(Settings::endless(Kind::Shop), Rc::clone(&many), sold).await?;
        let a = buy(plan, &large).await?;
        sold = large.promised();
        large.stop().await?;
        let small = Shop::start_over(Settings::endless(Kind::Shop), filled(FEW)?, u64::from(FEW)).await?;
        let b = buy(plan, &small).await?;
        grown.push(small.promised() as f64);
        say!("P12 {round}: over {sold} rows {:.2} µs, over {FEW} {:.2} µs; {}", a.cpu_us(), b.cpu_us(), a.outcome);
        figure.seen.push(a.cpu_us() / b.cpu_us());
        ours.push(a.cpu_us());
        theirs.push(b.cpu_us());
        add(&mut all, &a.outcome);
    }
    figure.made_of.push(format!(
        "{} µs an order over {} rows, {} µs over {FEW}",
        spread(&ours),
        plan.rows,
        spread(&theirs)
    ));
    figure.made_of.push(format!("while it was measured, the small one grew to {} rows", spread(&grown)));
    figure.made_of.push(all.to_string());
    Ok(vec![figure])
}

/// Half the usual time, so that few rows stay few.
async fn buy(plan: &Plan, shop: &Shop) -> anyhow::Result<Measured> {
    let order = Requests::buy(BUY);
    shop.loaded_unchecked(CONNECTIONS, crate::load::Until::Elapsed(plan.time / 8), &order).await?;
    shop.closed(CONNECTIONS, plan.time / 2, &order).await
}
