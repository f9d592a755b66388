//! The dashboards as they are shipped, and what they ask Prometheus.

use serde_json::Value;
use std::{collections::BTreeSet, path::Path};

/// Where the repository is.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// What a name of another program, or of a recorded rule, begins with or is.
const OTHERS: [&str; 6] = ["redis_", "pg_", "k6_", "process_", "up", "ALERTS"];

/// A panel.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) dashboard: String,
    pub(crate) title: String,
    /// What it asks, with everything chosen and windows of some seconds.
    pub(crate) queries: Vec<String>,
}

/// Every panel of every dashboard.
pub(crate) fn panels() -> Vec<Panel> {
    let mut panels = Vec::new();
    for file in std::fs::read_dir(format!("{ROOT}/grafana/dashboards")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let dashboard: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for panel in dashboard["panels"].as_array().unwrap() {
            let asked = panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap());
            let title = panel["title"].as_str().unwrap().to_owned();
            panels.push(Panel { dashboard: name.clone(), title, queries: asked.map(chosen).collect() });
        }
    }
    panels
}

/// A query as Grafana would send it when nothing is narrowed down.
fn chosen(query: &str) -> String {
    let query = query.replace("$__rate_interval", "8s").replace("$__range", "1m");
    ["$job", "$instance", "$actor", "$testid"].iter().fold(query, |query, name| query.replace(name, ".+"))
}

/// The names of metrics in a query.
pub(crate) fn names(query: &str) -> BTreeSet<String> {
    let mut bare = String::new();
    let (mut braces, mut text) = (0, false);
    // What stands in braces or between quotes is labels; what stands behind `by` is, too, but begins like no metric.
    for letter in query.chars() {
        match letter {
            '"' => text = !text,
            '{' if !text => braces += 1,
            '}' if !text => braces -= 1,
            _ if braces == 0 && !text => bare.push(letter),
            _ => {}
        }
        if braces > 0 || text {
            bare.push(' ');
        }
    }
    let words = bare.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'));
    let is_name = |word: &&str| {
        word.starts_with("stampede_") || word.contains(':') || OTHERS.iter().any(|other| is_of(word, other))
    };
    words.filter(is_name).map(str::to_owned).collect()
}

fn is_of(word: &str, other: &str) -> bool {
    if other.ends_with('_') { word.starts_with(other) } else { word == other }
}

/// The expressions of the rules, recorded or alerting, as `(name, expression)`.
pub(crate) fn rules(file: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(Path::new(ROOT).join("ops/prometheus/rules").join(file)).unwrap();
    let mut rules: Vec<(String, String)> = Vec::new();
    let mut in_expression = false;
    for line in text.lines() {
        let word = line.trim().trim_start_matches("- ");
        if let Some(name) = word.strip_prefix("record: ").or_else(|| word.strip_prefix("alert: ")) {
            rules.push((name.to_owned(), String::new()));
            in_expression = false;
        } else if let Some(expression) = word.strip_prefix("expr: ") {
            rules.last_mut().unwrap().1.push_str(expression.trim_start_matches('|'));
            in_expression = true;
        } else if in_expression && line.starts_with("          ") && !word.starts_with('#') {
            let (_, so_far) = rules.last_mut().unwrap();
            so_far.push(' ');
            so_far.push_str(word);
        } else {
            in_expression = false;
        }
    }
    rules
}

#[test]
fn names_are_found_in_queries() {
    let query = r#"sum by (redis, job) (rate(stampede_orders_total{outcome=~"up|pg_up", job=~".+"}[8s])) / on () a:b_c:rate1m > up"#;
    let found: Vec<_> = names(query).into_iter().collect();
    assert_eq!(found, ["a:b_c:rate1m", "stampede_orders_total", "up"]);
}
