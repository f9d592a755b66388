//! P6: how many orders share a call that makes them durable.
//!
//! The kernel counts `fsync` and `fdatasync` of the server with `perf stat`, which costs it nothing measurable. Where the kernel
//! does not let us, `strace --seccomp-bpf` counts; it slows the server down several times, and batches are smaller then.

use super::Plan;
use crate::{
    load::{BUY, Outcome, Requests},
    report::{Figure, Goal, number},
    servers::{Kind, Settings, Shop, workplace},
};
use anyhow::Context;
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

const CONNECTIONS: usize = 256;
const CALLS: &str = "syscalls:sys_enter_fsync,syscalls:sys_enter_fdatasync";

/// Orders per `fsync` or `fdatasync`, those of the queue and those of the store together.
pub(super) async fn orders_per_fsync(plan: &Plan) -> anyhow::Result<Vec<Figure>> {
    let mut figure = Figure::new("P6", "orders per fdatasync, 256 connections", "", Goal::AtLeast(30.0));
    let by_perf = runs(Command::new("perf").args(["stat", "-e", CALLS, "true"]));
    if !by_perf && !runs(Command::new("strace").arg("-V")) {
        figure.made_of.push("neither perf nor strace can count fsyncs here".to_owned());
        return Ok(vec![figure]);
    }
    let shop = Shop::start(Settings { traced: !by_perf, ..Settings::endless(Kind::Shop) }).await?;
    let order = Requests::buy(BUY);
    shop.closed(CONNECTIONS, plan.time / 4, &order).await?;
    let mut all = Outcome::default();
    for round in 1..=plan.rounds {
        let counter = Counter::start(by_perf, &shop)?;
        let measured = shop.closed(CONNECTIONS, plan.time, &order).await?;
        let fsyncs = counter.stop(&shop)?;
        say!("P6 {round}: {fsyncs} fsyncs, {}", measured.outcome);
        figure.seen.push(measured.outcome.count(202) as f64 / fsyncs.max(1) as f64);
        super::reads::add(&mut all, &measured.outcome);
    }
    let means: serde_json::Value = serde_json::from_str(&shop.ops("/actors").await?)?;
    let batches =
        means.as_array().into_iter().flatten().filter_map(|actor| {
            Some(format!("{} {}", actor["name"].as_str()?, number(actor["meanBatchSize"].as_f64()?)))
        });
    figure.made_of.push(format!("mean batches: {}", batches.collect::<Vec<_>>().join(", ")));
    figure.made_of.push(format!("counted by {}: {all}", if by_perf { "perf stat" } else { "strace" }));
    Ok(vec![figure])
}

enum Counter {
    Perf { perf: Child, counts: PathBuf },
    Strace { before: u64 },
}

impl Counter {
    fn start(by_perf: bool, shop: &Shop) -> anyhow::Result<Self> {
        if !by_perf {
            return Ok(Self::Strace { before: shop.fsyncs()? });
        }
        let counts = workplace()?.join("fsyncs.csv");
        let mut perf = Command::new("perf");
        perf.args(["stat", "-x", ",", "-e", CALLS, "-p", &shop.process().to_string(), "-o"]).arg(&counts);
        Ok(Self::Perf { perf: perf.spawn().context("perf cannot be started")?, counts })
    }

    fn stop(self, shop: &Shop) -> anyhow::Result<u64> {
        match self {
            Self::Strace { before } => Ok(shop.fsyncs()? - before),
            Self::Perf { mut perf, counts } => {
                // An interrupt, by its own id, is how it is asked for its numbers.
                Command::new("kill").args(["-INT", &perf.id().to_string()]).status()?;
                perf.wait()?;
                let text = std::fs::read_to_string(counts)?;
                let numbers = text.lines().filter_map(|line| line.split(',').next()?.parse::<u64>().ok());
                Ok(numbers.sum())
            }
        }
    }
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
