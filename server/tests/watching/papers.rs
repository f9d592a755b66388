//! The rules without a shop: `promtool` finds them sound, each alert has its runbook and each runbook its alert.

use crate::dashboards::{ROOT, rules};
use std::{collections::BTreeSet, fs, process::Command};

fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool").args(arguments).current_dir(ROOT).output();
    let output = output.expect("promtool is there: run ops/setup, which installs Debian's package prometheus");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "promtool {}: {said}", arguments.join(" "));
}

#[test]
fn the_shipped_configuration_and_its_rules_are_sound() {
    promtool(&["check", "config", "ops/prometheus/prometheus.yml"]);
}

#[test]
fn every_rule_does_what_its_tests_say() {
    promtool(&["test", "rules", "ops/prometheus/rules/recording_test.yml", "ops/prometheus/rules/alerts_test.yml"]);
}

/// `LawBroken` as `law-broken`.
fn file_of(alert: &str) -> String {
    let mut name = String::new();
    for letter in alert.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[test]
fn each_alert_has_a_runbook_and_a_test_and_each_runbook_an_alert() {
    let alerts = fs::read_to_string(format!("{ROOT}/ops/prometheus/rules/alerts.yml")).unwrap();
    let tests = fs::read_to_string(format!("{ROOT}/ops/prometheus/rules/alerts_test.yml")).unwrap();
    let named: BTreeSet<_> = rules("alerts.yml").iter().map(|(alert, _)| file_of(alert)).collect();
    let runbook = |entry: fs::DirEntry| entry.file_name().to_string_lossy().trim_end_matches(".md").to_owned();
    let there = fs::read_dir(format!("{ROOT}/ops/runbooks")).unwrap().map(|entry| runbook(entry.unwrap()));
    assert_eq!(there.collect::<BTreeSet<_>>(), named);
    for (alert, _) in rules("alerts.yml") {
        let runbook = format!("ops/runbooks/{}.md", file_of(&alert));
        assert_eq!(alerts.matches(&format!("runbook: {runbook}\n")).count(), 1, "{alert} names its runbook");
        assert!(tests.contains(&format!("alertname: {alert}\n        exp_alerts:")), "{alert} is shown to fire");
        assert!(tests.contains(&format!("alertname: {alert} }}")), "{alert} is shown to be quiet");
        let text = fs::read_to_string(format!("{ROOT}/{runbook}")).unwrap();
        for part in ["What it means.", "What a buyer sees.", "Look at", "Do", "Verify.", "Followed once."] {
            assert!(text.contains(&format!("**{part}**")), "{runbook} says nothing under {part}");
        }
    }
}

#[test]
fn what_is_recorded_is_asked_for() {
    let mut asked =
        rules("alerts.yml").into_iter().chain(rules("recording.yml")).map(|(_, query)| query).collect::<String>();
    for panel in crate::dashboards::panels() {
        asked.extend(panel.queries);
    }
    for (record, _) in rules("recording.yml") {
        assert!(asked.contains(&record), "nobody asks for {record}");
    }
}
