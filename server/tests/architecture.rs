//! The walls of the house (ADR 1): which crate may know which.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// What each crate may know of ours.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("stampede-domain", &[]),
    ("stampede-web", &[]),
    ("stampede-actors", &["stampede-domain"]),
    ("stampede-backends", &["stampede-domain", "stampede-actors"]),
    ("stampede-http", &["stampede-domain", "stampede-actors", "stampede-web"]),
    ("stampede", &["stampede-domain", "stampede-actors", "stampede-backends", "stampede-http", "stampede-web"]),
    ("stampede-bank", &[]),
    ("stampede-bench", &["stampede", "stampede-domain", "stampede-actors", "stampede-http"]),
    ("stampede-checker", &["stampede-domain"]),
    (
        "stampede-fuzz",
        &["stampede", "stampede-domain", "stampede-actors", "stampede-backends", "stampede-http", "stampede-web"],
    ),
    ("stampede-model", &["stampede-domain"]),
    ("stampede-simulation", &["stampede-domain", "stampede-actors", "stampede-backends", "stampede-checker"]),
    ("stampede-proxy", &[]),
];
/// Drivers, and the only crate that may know them.
const DRIVERS: [&str; 4] = ["sqlx", "redis", "google-cloud-pubsub", "rusqlite"];
const TECHNOLOGY: &str = "stampede-backends";
/// What has no place in rules and faces.
const RUNTIMES: [&str; 4] = ["tokio", "actix", "actix-web", "async-trait"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo describes this workspace");
    let packages = metadata.workspace_packages().into_iter().map(|package| {
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        (package.name.to_string(), normal.map(|dependency| dependency.name.clone()).collect())
    });
    packages.collect()
}

#[test]
fn every_arrow_between_our_crates_is_drawn_in_adr_1() {
    let allowed: BTreeMap<_, _> = MAY_KNOW.iter().copied().collect();
    for (package, known) in dependencies() {
        let may_know = allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} is new: ADR 1 must place it"));
        let ours = known.iter().filter(|name| allowed.contains_key(name.as_str()));
        for name in ours {
            assert!(may_know.contains(&name.as_str()), "{package} -> {name} is an arrow that ADR 1 does not draw");
        }
    }
}

#[test]
fn only_backends_knows_a_driver() {
    for (package, known) in dependencies() {
        for driver in DRIVERS {
            let fine = package == TECHNOLOGY || !known.contains(driver);
            assert!(fine, "{package} -> {driver}: drivers live in {TECHNOLOGY} alone (ADR 1)");
        }
    }
}

#[test]
fn rules_and_faces_know_no_runtime() {
    let known = dependencies();
    for package in ["stampede-domain", "stampede-web"] {
        for runtime in RUNTIMES {
            assert!(!known[package].contains(runtime), "{package} -> {runtime}: rules and faces do not wait (ADR 1)");
        }
    }
}

/// The workspace forbids `unsafe`, which no attribute can lift; so every crate of it has to take the workspace's lints.
#[test]
fn no_crate_opts_out_of_the_ban_on_unsafe_code() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo describes this workspace");
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("a manifest can be read");
    let workspace = read(metadata.workspace_root.join("Cargo.toml").as_std_path());
    assert!(workspace.contains("unsafe_code = \"forbid\""), "the workspace no longer forbids unsafe code");
    let packages = metadata.workspace_packages();
    assert!(packages.len() >= 7, "these are not all crates");
    for package in packages {
        let manifest: toml::Table = read(package.manifest_path.as_std_path()).parse().expect("a manifest is TOML");
        let takes = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(takes, Some(true), "{} does not take the workspace's lints", package.name);
    }
}
