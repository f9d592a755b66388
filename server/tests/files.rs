//! The files of an embedded shop: directories and files that cannot be used, and damage done to them.

mod support;

use std::{fs, os::unix::fs::PermissionsExt};
use support::{Shop, key};

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_shop_on_the_same_data_says_who_has_them() {
    let shop = Shop::selling(100).await;
    let output = shop.run(&["serve"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("serves from"), "{}", said(&output));
}

#[test]
fn a_directory_without_a_shop_is_not_audited_as_a_sound_one() {
    let shop = Shop::closed(&[]);
    for command in [["audit"].as_slice(), &["orders", "export"], &["sale", "pause"]] {
        let output = shop.run(command);
        assert!(!output.status.success(), "{command:?}");
        assert!(said(&output).contains("there is no shop in"), "{}", said(&output));
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_named_with_the_way_out() {
    let mut shop = Shop::closed(&[]);
    let file = shop.directory().join("a-file");
    fs::write(&file, "in the way").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    shop.set("STAMPEDE_DATA_DIR", file.to_str().unwrap());
    let output = shop.run(&["serve"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("STAMPEDE_DATA_DIR"), "{}", said(&output));
}

#[test]
fn a_file_that_is_no_database_is_named_with_the_way_out() {
    for name in ["shop.db", "queue.db"] {
        let shop = Shop::closed(&[]);
        fs::create_dir_all(shop.data()).unwrap();
        fs::write(shop.data().join(name), "this is a letter, not a database, and long enough to be looked at twice")
            .unwrap();
        let output = shop.run(&["serve"]);
        assert!(!output.status.success());
        assert!(said(&output).contains(name), "{}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_queue_record_is_set_aside_and_the_rest_flows() {
    let mut shop = Shop::selling(100).await;
    assert!(shop.buy(&key(), "eva", 1).await.unwrap().status().is_success());
    shop.until_quiet().await;
    assert!(shop.stop().success());
    let queue = shop.data().join("queue.db");
    // Python brings its own SQLite: the damage is done by a stranger's hand.
    let damage = "import sqlite3, sys; file = sqlite3.connect(sys.argv[1]); file.execute(sys.argv[2]); file.commit()";
    let rows = "INSERT INTO messages (seq, published_at, payload) VALUES (9000000, 0, x'ff00fe'), (9000001, 0, NULL), \
                (9000002, 0, '{\"v\":9}')";
    let python = std::process::Command::new("python3").args(["-c", damage]).arg(&queue).arg(rows).output().unwrap();
    assert!(python.status.success(), "{}", said(&python));
    let output = shop.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("queue.db-sums, and the next start"), "{}", said(&output));
    fs::remove_file(shop.data().join("queue.db-sums")).unwrap();

    shop.start().await;
    assert!(shop.buy(&key(), "eva", 1).await.unwrap().status().is_success());
    shop.until_quiet().await;
    assert_eq!(shop.ops_json("/audit").await["deadLetters"], 3);
    shop.until_numbers((98, 0, 2)).await;
}
