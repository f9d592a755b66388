//! The goals of the performance budget, one group a file. Each returns figures; none returns before the laws were checked.

/// A line while it runs, beside the table that is the answer.
macro_rules! say {
    ($($words:tt)*) => { crate::goals::say_line(format_args!($($words)*)) };
}

mod beside;
mod curve;
mod distributed;
mod fsyncs;
mod growth;
mod lag;
mod million;
mod orders;
mod overload;
mod programs;
mod reads;
mod reference;
mod sold_out;
pub(crate) mod tuning;
mod watch;

pub(crate) use curve::Curve;

use crate::report::Figure;
use std::time::Duration;

/// How much is measured.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Goals to measure; all when empty.
    pub(crate) only: Vec<String>,
    /// Rounds, each of A and B.
    pub(crate) rounds: usize,
    /// Rounds of whole sales.
    pub(crate) sales: usize,
    /// Time of one load.
    pub(crate) time: Duration,
    /// Tickets of a whole sale.
    pub(crate) tickets: u32,
    /// Arrivals a second where the loop is open.
    pub(crate) rate: f64,
    /// Idle connections.
    pub(crate) idle: usize,
    /// Rows of a store that has sold much.
    pub(crate) rows: u32,
    /// How long an overload lasts.
    pub(crate) overload: Duration,
    /// Orders a second that the store writes meanwhile, if not the usual number.
    pub(crate) slowed_to: Option<u32>,
    /// The sale that is drawn.
    pub(crate) curve: Curve,
}

/// Figures, and what went wrong on the way.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) figures: Vec<Figure>,
    pub(crate) faults: Vec<String>,
}

impl Plan {
    /// Whether a goal is to be measured.
    pub(crate) fn wants(&self, goal: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only.eq_ignore_ascii_case(goal))
    }

    fn wants_any(&self, goals: &[&str]) -> bool {
        goals.iter().any(|goal| self.wants(goal))
    }

    /// Measures everything that is wanted. A group that fails is a fault, and the others go on.
    pub(crate) async fn measure(&self) -> Taken {
        let mut taken = Taken::default();
        if self.wants("P1") {
            taken.add("P1", reads::availability(self).await);
        }
        if self.wants_any(&["P2", "P3"]) {
            taken.add("P2, P3", orders::cost_and_rate(self).await);
        }
        if self.wants("P4") {
            taken.add("P4", million::whole_sale(self).await);
        }
        if self.wants("P5") {
            taken.add("P5", lag::lag(self).await);
        }
        if self.wants("P6") {
            taken.add("P6", fsyncs::orders_per_fsync(self).await);
        }
        if self.wants("P9") {
            taken.add("P9", reference::embedded(self).await);
        }
        if self.wants("P10") {
            taken.add("P10", reads::page(self).await);
        }
        if self.wants_any(&["P11", "P14"]) {
            taken.add("P11, P14", million::memory_and_start(self).await);
        }
        if self.wants("P12") {
            taken.add("P12", growth::cost_by_rows(self).await);
        }
        if self.wants("P13") {
            taken.add("P13", overload::embedded(self).await);
        }
        if self.wants("P15") {
            taken.add("P15", sold_out::embedded(self).await);
        }
        if self.wants("idle") {
            taken.add("idle", beside::bystanders(self).await);
        }
        if self.wants("curve") {
            taken.add("curve", curve::draw(self).await);
        }
        taken
    }

    /// Measures everything that is wanted of a shop on servers.
    pub(crate) async fn measure_distributed(&self) -> Taken {
        let mut taken = Taken::default();
        if self.wants("P1") {
            taken.add("P1", distributed::availability(self).await);
        }
        if self.wants_any(&["P3", "P8"]) {
            taken.add("P3, P8", distributed::cost_and_rate(self).await);
        }
        if self.wants("P4") {
            taken.add("P4", distributed::whole_sale(self).await);
        }
        if self.wants("P7") {
            taken.add("P7", programs::store_against_raw_loop());
        }
        if self.wants("P9") {
            taken.add("P9", reference::on_servers(self).await);
        }
        if self.wants("P13") {
            taken.add("P13", overload::on_servers(self).await);
        }
        if self.wants("P15") {
            taken.add("P15", sold_out::on_servers(self).await);
        }
        taken
    }
}

impl Taken {
    fn add(&mut self, goals: &str, group: anyhow::Result<Vec<Figure>>) {
        match group {
            Ok(figures) => self.figures.extend(figures),
            Err(error) => {
                say!("{goals}: {error:#}");
                self.faults.push(format!("{goals}: {error:#}"));
            }
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress, for whoever waits")]
pub(crate) fn say_line(line: std::fmt::Arguments<'_>) {
    eprintln!("{line}");
}

/// A count from a product of measures.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a count can be")]
fn whole(number: f64) -> u32 {
    number.round().clamp(1.0, f64::from(u32::MAX)) as u32
}
