//! What a storm shows: a line a kind, and one line for programs.

use super::Size;
use crate::harness::record::Record;
use stampede_checker::Report;
use std::{collections::BTreeMap, time::Duration};

/// One fault.
pub(super) struct Row {
    pub(super) name: &'static str,
    /// Milliseconds since the record began.
    pub(super) began: u64,
    pub(super) in_flight: u64,
    pub(super) lasted: Duration,
    /// Until 202s flowed again.
    pub(super) recovered: Option<Duration>,
    pub(super) effect: Option<String>,
    /// Units claimed in a ledger that was lost by it.
    pub(super) lost_units: Option<u64>,
    /// How much longer the shop may be closed after it.
    pub(super) grace: Duration,
}

impl Row {
    #[expect(clippy::print_stdout, reason = "who waits for minutes wants to see what is going on")]
    pub(super) fn print(&self) {
        let (took, effect) = (self.lasted.as_secs_f64(), self.effect.as_deref().unwrap_or("NO EFFECT"));
        let back = self.recovered.map_or("never".to_owned(), |time| format!("{:.2} s", time.as_secs_f64()));
        let Self { name, began, in_flight, .. } = self;
        println!("{began:>7} ms  {name:<48} {in_flight:>5} in flight, took {took:.2} s, back {back}: {effect}");
    }
}

#[expect(clippy::print_stdout, reason = "the table is what it was run for")]
pub(super) fn print(rows: &[Row], report: &Report, record: &Record, size: Size, seed: u64) {
    let mut kinds: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    rows.iter().for_each(|row| kinds.entry(row.name).or_default().push(row));
    println!("\n{:<48} {:>5} {:>9} {:>7} {:>7}  effect, such as", "fault", "times", "in flight", "took s", "back s");
    for (name, rows) in kinds {
        let longest = |of: fn(&Row) -> Option<Duration>| {
            rows.iter().map(|row| of(row).map_or(f64::INFINITY, |time| time.as_secs_f64())).fold(0.0, f64::max)
        };
        let least = rows.iter().map(|row| row.in_flight).min().unwrap_or(0);
        let effect = rows.iter().find_map(|row| row.effect.as_deref()).unwrap_or("NONE");
        let (lasted, back) = (longest(|row| Some(row.lasted)), longest(|row| row.recovered));
        println!("{name:<48} {:>5} {least:>9} {lasted:>7.2} {back:>7.2}  {effect}", rows.len());
    }
    let counts = &report.counts;
    println!("{}", record.in_words());
    println!("{counts:?}");
    println!(
        "PROOF {{\"part\":\"storm\",\"short\":{},\"seed\":{seed},\"faults\":{},\"kinds\":{},\"buys\":{},\"orders\":{},\"capacity\":{},\
         \"sold\":{},\"in_flight_at_fault\":{},\"unknown\":{},\"replays\":{},\"looks\":{},\"oversold\":{},\"lost\":{},\"double\":{},\
         \"leaked\":{},\"promises_broken\":{},\"may_break\":{},\"slowest_recovery_ms\":{},\"decided_after_ms\":{},\"breaches\":{},\
         \"too_little\":{}}}",
        size.is_short,
        counts.effective_faults,
        counts.kinds,
        counts.buys,
        counts.orders,
        size.capacity,
        counts.sold,
        counts.in_flight,
        counts.unknown,
        counts.replays,
        counts.looks,
        counts.oversold,
        counts.lost,
        counts.double,
        counts.leaked,
        counts.broken_promises,
        counts.may_break,
        counts.slowest_recovery_ms,
        counts.decided_after_ms,
        report.breaches.len(),
        report.too_little.len()
    );
}
