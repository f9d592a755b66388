//! k6, which sends Prometheus what it sees.

use crate::{dashboards::ROOT, prometheus::Prometheus, shops::Shops};
use std::process::{Child, Command, Stdio};

/// Kills it when it is dropped.
pub(crate) struct Running(Child);

/// Begins a run of a minute.
pub(crate) fn start(shops: &Shops, prometheus: &Prometheus) -> Running {
    let mut command = Command::new(format!("{ROOT}/.tools/venv-k6/bin/k6"));
    command.args(["run", "--quiet", "--no-summary", "--tag", "testid=watching", "--out", "experimental-prometheus-rw"]);
    command.arg(format!("{ROOT}/server/tests/watching/k6.js"));
    command.env("BASE_URL", format!("http://{}", shops.cluster.door.proxy())).env("K6_NO_USAGE_REPORT", "true");
    command.env("K6_PROMETHEUS_RW_SERVER_URL", prometheus.remote_write());
    // As ops/load has it, but sooner.
    command
        .env("K6_PROMETHEUS_RW_TREND_STATS", "p(50),p(95),p(99),max,count")
        .env("K6_PROMETHEUS_RW_PUSH_INTERVAL", "1s");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Running(child.expect("k6 is there: run ops/setup, which installs it"))
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}
