//! Logs, metrics and traces of the process.

mod describe;
mod holds;
mod journal;
mod logs;
mod looking;
mod mails;

pub use describe::names;
pub(crate) use looking::look;

use crate::config::Config;
use anyhow::Context;
use metrics::{gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use opentelemetry_sdk::trace::SdkTracerProvider;
use stampede_actors::clock::{Clock, SystemClock};
use stampede_http::ops::{Chronicle, Journal, RenderMetrics};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How often histograms are folded and gauges read: a busy second leaves a few megabytes of raw samples.
const EVERY: Duration = Duration::from_secs(1);

/// Upper bounds in seconds, closest where the goals are: a claim takes microseconds, a commit milliseconds, a stuck disk
/// seconds.
const SECONDS: [f64; 16] =
    [0.000_025, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds in seconds from asking for an order to its row: closest around a tenth, which is the goal, and a second, which
/// is too long.
const LAGS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 1.5, 5.0, 15.0];
/// Upper bounds in seconds from asking for an order to its payment: people at their wallets, and the end of a hold.
const PAYING: [f64; 9] = [5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0];
/// Upper bounds of batches.
const SIZES: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 5_000.0];

/// What was begun and has to be ended.
pub(crate) struct Telemetry {
    prometheus: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
    journal: Arc<Journal>,
}

/// Begins to log only: for commands whose deeds are to be found again among the lines of the shop.
pub(crate) fn log(config: &Config) -> anyhow::Result<()> {
    logs::begin(config, Arc::default()).map(drop)
}

impl Telemetry {
    /// Begins to log, count and trace.
    pub(crate) fn begin(config: &Config) -> anyhow::Result<Self> {
        let journal = Arc::default();
        let traces = logs::begin(config, Arc::clone(&journal))?;
        let prometheus = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Full("stampede_order_lag_seconds".into()), &LAGS)?
            .set_buckets_for_metric(Matcher::Full("stampede_time_to_pay_seconds".into()), &PAYING)?
            .set_buckets_for_metric(Matcher::Full("stampede_batch_size".into()), &SIZES)?
            .install_recorder()
            .context("metrics were installed before")?;
        describe::all();
        say_who_we_are(config);
        Ok(Self { prometheus, traces, journal })
    }

    /// The last warnings and errors.
    pub(crate) fn journal(&self) -> Arc<Journal> {
        Arc::clone(&self.journal)
    }

    /// Renders the metrics of now; the chronicle reads them every second.
    pub(crate) fn render(&self, chronicle: Arc<Chronicle>) -> RenderMetrics {
        let prometheus = self.prometheus.clone();
        let process = Collector::default();
        process.describe();
        let upkeep = self.prometheus.clone();
        actix::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                every.tick().await;
                upkeep.run_upkeep();
                chronicle.read(SystemClock.now(), &upkeep.render());
            }
        });
        Arc::new(move || {
            #[expect(
                clippy::disallowed_methods,
                reason = "what measuring costs is real time, whatever a test's clock says"
            )]
            let began = Instant::now();
            process.collect();
            let text = prometheus.render();
            // Seen with the next one.
            histogram!("stampede_render_seconds").record(began.elapsed());
            text
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

/// So that a graph can tell versions and roles apart.
fn say_who_we_are(config: &Config) {
    let mode = if config.servers.are_set() { "distributed" } else { "embedded" };
    let role = config.servers.role.as_str();
    gauge!("stampede_build_info", "version" => env!("CARGO_PKG_VERSION"), "mode" => mode, "role" => role).set(1.0);
}
