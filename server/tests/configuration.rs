//! Settings: what is written down about them is true, and every mistake is told at once.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::{fs, path::Path};
use support::Shop;

fn generated(arguments: &[&str], file: &str) {
    let shop = Shop::closed(&[]);
    let output = shop.run(arguments);
    assert!(output.status.success());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let written = fs::read_to_string(path).unwrap_or_default();
    let now = String::from_utf8(output.stdout).unwrap();
    assert_eq!(written, now, "{file} is stale: make generated");
}

#[test]
fn the_reference_says_what_the_program_takes() {
    generated(&["config", "--reference"], "ops/CONFIGURATION.md");
}

#[test]
fn the_example_says_what_the_program_takes() {
    generated(&["config", "--env-example"], ".env.example");
}

#[test]
fn every_mistake_is_told_at_once() {
    let shop = Shop::closed(&[
        ("STAMPEDE_HTTP_ADDR", "nowhere"),
        ("STAMPEDE_DEMO_OPENS_IN", "soon"),
        ("STAMPEDE_ORDER_WRITER_BATCH_SIZE", "0"),
    ]);
    let output = shop.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    for name in ["STAMPEDE_HTTP_ADDR", "STAMPEDE_DEMO_OPENS_IN", "STAMPEDE_ORDER_WRITER_BATCH_SIZE"] {
        assert!(said.contains(name), "{name} is missing in:\n{said}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let shop = Shop::closed(&[("STAMPEDE_ORDER_WRITER_HIGH_WATER", "30000"), ("DATABASE_URL", "postgres://somewhere")]);
    let output = shop.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("STAMPEDE_ORDER_WRITER_HIGH_WATER") && said.contains("DATABASE_URL"), "{said}");
    assert!(!said.contains("postgres://"), "a connection string may hold a password: {said}");
}

#[test]
fn secrets_are_hidden() {
    let shop = Shop::closed(&[("STAMPEDE_SECRET", "correct horse battery staple")]);
    let output = shop.run(&["config"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("(hidden)") && !said.contains("horse"), "{said}");
}
