//! `PROOF.md` is of the protocol's code as it is now: a proof of other code is none.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, which is what is meant")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn fingerprint() -> String {
    let output = Command::new(root().join("ops/protocol-fingerprint")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What `ops/proof` runs, as it lists them itself.
fn parts() -> Vec<String> {
    let script = fs::read_to_string(root().join("ops/proof")).unwrap();
    let list = script.lines().find_map(|line| line.strip_prefix("all=(")?.strip_suffix(')')).unwrap();
    list.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn each_part_of_the_proof_is_of_the_protocol_as_it_is() {
    let current = fingerprint();
    for part in parts() {
        let kept = root().join(format!("load-tests/proof/{part}.json"));
        let record = fs::read_to_string(&kept).unwrap_or_else(|error| panic!("{part} was never proved: {error}"));
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(record["protocol"], *current, "the protocol has changed since: make proof ONLY={part}");
    }
}

#[test]
fn the_written_proof_is_the_kept_one() {
    let output =
        Command::new(root().join("ops/proof-report")).args(["write", "load-tests/proof"]).current_dir(root()).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written = fs::read_to_string(root().join("PROOF.md")).unwrap();
    assert_eq!(
        written,
        String::from_utf8(output.stdout).unwrap(),
        "ops/proof-report write load-tests/proof > PROOF.md"
    );
}
