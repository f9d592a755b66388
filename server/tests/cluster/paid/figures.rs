//! What a sale comes to: for people, and one line for programs.

use super::Happened;
use serde_json::{Map, Value, json};
use stampede_checker::{Report, paid::PaidReport};
use std::{collections::BTreeSet, time::Duration};

/// Of one sale.
pub(crate) struct Figures {
    figures: Map<String, Value>,
    accidents: Map<String, Value>,
    wrongs: Map<String, Value>,
    report: Report,
}

impl Figures {
    pub(super) fn of(
        judged: &PaidReport,
        happened: &Happened,
        accidents: &Happened,
        wrongs: &Happened,
        took: Duration,
    ) -> Self {
        let counts = &judged.counts;
        let Value::Object(mut figures) = serde_json::to_value(counts).unwrap() else { unreachable!("it is a struct") };
        let of = |what: &str| happened.get(what).copied().unwrap_or(0);
        for (name, what) in [
            ("buyers", "came"),
            ("came_back", "came back"),
            ("never_paid", "never pays"),
            ("declined", "declined"),
            ("ran_out_of_time_while_paying", "ran out of time"),
            ("found_everything_sold", "found everything sold"),
            ("lost_patience", "lost patience"),
            ("kept_waiting", "kept waiting"),
            ("too_late_at_the_bank", "too late at the bank"),
        ] {
            figures.insert(name.into(), of(what).into());
        }
        figures.insert("kept".into(), (counts.captured - counts.refunded).into());
        figures.insert("took_seconds".into(), took.as_secs().into());
        figures.insert("breaches".into(), judged.report.breaches.len().into());
        figures.insert("too_little".into(), judged.report.too_little.len().into());
        let map =
            |happened: &Happened| happened.iter().map(|(what, times)| ((*what).to_owned(), json!(times))).collect();
        Self { figures, accidents: map(accidents), wrongs: map(wrongs), report: judged.report.clone() }
    }
}

/// Says what sales came to, by their modes, and stops the test when something must not be.
#[expect(clippy::print_stdout, reason = "the figures are what it was run for")]
pub(crate) fn print(modes: &[(&str, Figures)], seed: u64, is_short: bool) {
    let table = |of: fn(&Figures) -> &Map<String, Value>| {
        let names: BTreeSet<&String> = modes.iter().flat_map(|(_, figures)| of(figures).keys()).collect();
        let row = |name: &String| {
            let cell = |(mode, figures): &(&str, Figures)| Some(((*mode).to_owned(), of(figures).get(name)?.clone()));
            (name.clone(), Value::Object(modes.iter().filter_map(cell).collect()))
        };
        Value::Object(names.into_iter().map(row).collect())
    };
    let accidents = table(|figures| &figures.accidents);
    let (wrongs, figures) = (table(|figures| &figures.wrongs), table(|figures| &figures.figures));
    for table in [&figures, &accidents, &wrongs] {
        for (name, cells) in table.as_object().expect("it is a table") {
            println!("{name:<40} {cells}");
        }
    }
    let figures = json!({ "part": "paid", "short": is_short, "seed": seed, "figures": figures, "processes_and_servers": accidents,
        "the_provider": wrongs });
    println!("PROOF {figures}");
    for (mode, figures) in modes {
        assert!(figures.report.is_clean(), "{mode}, seed {seed}: {}", figures.report);
    }
}
