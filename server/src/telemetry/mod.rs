//! Logs, metrics and traces of the process.

mod describe;
mod logs;

use crate::config::Config;
use anyhow::Context;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use stampede_actors::{gate::Gate, ports::Bus};
use stampede_http::ops::{Cast, RenderMetrics};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How often histograms are folded and gauges read: a busy second leaves a few megabytes of raw samples.
const EVERY: Duration = Duration::from_secs(1);

/// Upper bounds in seconds, closest where the goals are: a claim takes microseconds, a commit milliseconds, a stuck disk
/// seconds.
const SECONDS: [f64; 16] =
    [0.000_025, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of batches.
const SIZES: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0];

/// What was begun and has to be ended.
pub(crate) struct Telemetry {
    prometheus: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
}

/// Begins to log only: for commands whose deeds are to be found again among the lines of the shop.
pub(crate) fn log(config: &Config) -> anyhow::Result<()> {
    logs::begin(config).map(drop)
}

impl Telemetry {
    /// Begins to log, count and trace.
    pub(crate) fn begin(config: &Config) -> anyhow::Result<Self> {
        let traces = logs::begin(config)?;
        let prometheus = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Full("stampede_batch_size".into()), &SIZES)?
            .install_recorder()
            .context("metrics were installed before")?;
        describe::all();
        Ok(Self { prometheus, traces })
    }

    /// Renders the metrics of now.
    pub(crate) fn render(&self) -> RenderMetrics {
        let prometheus = self.prometheus.clone();
        let process = Collector::default();
        process.describe();
        let upkeep = self.prometheus.clone();
        actix::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                every.tick().await;
                upkeep.run_upkeep();
            }
        });
        Arc::new(move || {
            process.collect();
            prometheus.render()
        })
    }

    /// Sends the last traces.
    pub(crate) fn end(&self) {
        if let Some(traces) = &self.traces
            && let Err(error) = traces.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Reads what nobody announces: depths and backlogs.
pub(crate) async fn sample(cast: Arc<Cast>, bus: Arc<dyn Bus>) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        sample_mailboxes(&cast.gates());
        match bus.backlog().await {
            Ok(backlog) => {
                let now = stampede_actors::clock::Clock::now(&stampede_actors::clock::SystemClock);
                if let Some(messages) = backlog.messages {
                    let oldest = backlog.oldest.map(|oldest| now.since(oldest)).unwrap_or_default();
                    gauge!("stampede_bus_backlog_messages").set(count(messages));
                    gauge!("stampede_bus_oldest_message_seconds").set(oldest);
                }
                gauge!("stampede_dead_letters").set(count(backlog.dead_letters));
            }
            Err(failure) => tracing::debug!(%failure, "the backlog could not be read"),
        }
    }
}

/// Summed over the instances of an actor.
fn sample_mailboxes(gates: &[Arc<Gate>]) {
    #[derive(Default)]
    struct Sum {
        depth: u64,
        capacity: u64,
        refused: u64,
        restarts: u64,
    }
    let mut sums: BTreeMap<&'static str, Sum> = BTreeMap::new();
    for gate in gates {
        let sum = sums.entry(gate.actor()).or_default();
        sum.depth += u64::from(gate.depth());
        sum.capacity += u64::from(gate.capacity());
        sum.refused += gate.refused();
        sum.restarts += gate.restarts();
    }
    for (actor, sum) in sums {
        gauge!("stampede_mailbox_depth", "actor" => actor).set(count(sum.depth));
        gauge!("stampede_mailbox_capacity", "actor" => actor).set(count(sum.capacity));
        metrics::counter!("stampede_mailbox_refused_total", "actor" => actor).absolute(sum.refused);
        metrics::counter!("stampede_actor_restarts_total", "actor" => actor).absolute(sum.restarts);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}
