//! What an operator gets from batch size, linger and writers: the table that the control room's advisor is checked against.
//!
//! Each combination is a shop of its own under the same closed loop; rounds go through all of them in turn. Beside the figures stands
//! what the shop itself advises at the end of the load.

use super::{Plan, lag};
use crate::{
    load::get,
    report::spread,
    servers::{Cluster, Kind, Setting, Settings, Shop},
};
use serde::Serialize;
use std::{net::SocketAddr, time::Duration};

const BATCHES: [u32; 4] = [50, 200, 1_000, 5_000];
const LINGERS_MS: [u32; 3] = [0, 5, 25];
/// SQLite takes one at a time.
const WRITERS_EMBEDDED: [u32; 1] = [1];
const WRITERS_ON_SERVERS: [u32; 3] = [1, 2, 4];
/// The control room reads once a second. It is asked so long before the end of the load: later it would see the rest after it.
const BEFORE_THE_END: Duration = Duration::from_millis(200);

/// A combination, and what was seen of it, a value a round.
#[derive(Debug, Serialize)]
pub(crate) struct Tuned {
    batch: u32,
    linger_ms: u32,
    writers: u32,
    orders_per_second: Vec<f64>,
    /// From the 202 to the commit, 99 of 100, in milliseconds.
    lag_ms: Vec<f64>,
    /// From asking to the 202, 99 of 100, in milliseconds.
    answer_ms: Vec<f64>,
    /// Variables that the control room advised to change in the last round, as `NAME=value`.
    advice: Vec<String>,
}

/// The table, of a shop on files or on servers.
pub(crate) async fn table(plan: &Plan, on_servers: bool) -> anyhow::Result<Vec<Tuned>> {
    let writers = if on_servers { &WRITERS_ON_SERVERS[..] } else { &WRITERS_EMBEDDED[..] };
    let mut table: Vec<_> = combinations(writers).collect();
    for round in 1..=plan.rounds {
        for tuned in &mut table {
            if on_servers {
                tuned.measure_on_servers(plan).await?;
            } else {
                tuned.measure_embedded(plan).await?;
            }
            say!("tuning {round}: {}", tuned.line());
        }
    }
    Ok(table)
}

/// As Markdown.
pub(crate) fn markdown(table: &[Tuned]) -> String {
    let head = "| batch | linger | writers | orders/s | 202 to commit, p99 | answer, p99 | it advises |\n|--:|--:|--:|--:|--:|--:|---|\n";
    table.iter().fold(head.to_owned(), |text, tuned| text + &tuned.line() + "\n")
}

fn combinations(writers: &[u32]) -> impl Iterator<Item = Tuned> {
    let with = |writers, batch| {
        LINGERS_MS.into_iter().map(move |linger_ms| Tuned {
            batch,
            linger_ms,
            writers,
            orders_per_second: Vec::new(),
            lag_ms: Vec::new(),
            answer_ms: Vec::new(),
            advice: Vec::new(),
        })
    };
    writers.iter().flat_map(move |writers| BATCHES.into_iter().flat_map(move |batch| with(*writers, batch)))
}

impl Tuned {
    fn settings(&self) -> [Setting; 3] {
        let set = |name: &str, value: u32| (format!("STAMPEDE_ORDER_WRITER_{name}"), value.to_string());
        [set("BATCH_SIZE", self.batch), set("BATCH_LINGER_MS", self.linger_ms), set("WRITERS", self.writers)]
    }

    async fn measure_embedded(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let shop = Shop::start_with(Settings::endless(Kind::Shop), &self.settings()).await?;
        self.measure(plan, &shop, shop.ops).await
    }

    async fn measure_on_servers(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let cluster = Cluster::start(Settings::endless(Kind::Shop), &self.settings()).await?;
        self.measure(plan, &cluster.web, cluster.writer_ops).await
    }

    async fn measure(&mut self, plan: &Plan, shop: &Shop, writer: SocketAddr) -> anyhow::Result<()> {
        let asking = async {
            tokio::time::sleep(plan.time.saturating_sub(BEFORE_THE_END)).await;
            advised(writer).await
        };
        let (sampled, advice) = tokio::join!(lag::sample(plan, shop), asking);
        let ((lags, outcome), advice) = (sampled?, advice?);
        let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
        self.orders_per_second.push(outcome.count(202) as f64 / outcome.elapsed.as_secs_f64());
        self.lag_ms.push(millis(lags.quantile(0.99)));
        self.answer_ms.push(millis(outcome.quantile(202, 0.99)));
        self.advice = advice;
        Ok(())
    }

    fn line(&self) -> String {
        let Self { batch, linger_ms, writers, orders_per_second, lag_ms, answer_ms, advice } = self;
        let advice = if advice.is_empty() { "-".to_owned() } else { advice.join(", ") };
        format!(
            "| {batch} | {linger_ms} ms | {writers} | {} | {} ms | {} ms | {advice} |",
            spread(orders_per_second),
            spread(lag_ms),
            spread(answer_ms)
        )
    }
}

/// What the control room of a process advises.
async fn advised(ops: SocketAddr) -> anyhow::Result<Vec<String>> {
    let (_, body) = get(ops, "/ops").await?;
    let room: serde_json::Value = serde_json::from_slice(&body)?;
    let advice = room["advice"].as_array().cloned().unwrap_or_default();
    let text = |one: &serde_json::Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    Ok(advice.iter().map(|one| format!("`{}={}`", text(one, "variable"), text(one, "to"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_there_once() {
        let mut all: Vec<_> =
            combinations(&WRITERS_ON_SERVERS).map(|tuned| (tuned.batch, tuned.linger_ms, tuned.writers)).collect();
        assert_eq!(all.len(), 36);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 36);
    }

    #[test]
    fn a_line_has_a_cell_for_each_heading() {
        let table: Vec<_> = combinations(&WRITERS_EMBEDDED).collect();
        let bars: Vec<_> = markdown(&table).lines().map(|line| line.matches('|').count()).collect();
        assert!(bars.windows(2).all(|pair| pair[0] == pair[1]), "{bars:?}");
    }
}
