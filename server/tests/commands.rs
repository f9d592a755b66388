//! The small commands beside a running shop.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::{fs, time::Duration};
use support::{Shop, json, key};
use tokio::time::Instant;

/// What a command changes is in force in the running shop this soon.
const IN_FORCE: Duration = Duration::from_secs(1);

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn code_of_a_buy(shop: &Shop) -> String {
    let answer = shop.buy(&key(), "eva", 1).await.unwrap();
    json(answer).await["code"].as_str().unwrap_or("taken").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_reaches_the_running_shop_within_a_second_and_so_does_the_end_of_it() {
    let shop = Shop::selling(100).await;
    assert_eq!(code_of_a_buy(&shop).await, "taken");
    for (command, code) in [("pause", "paused"), ("resume", "taken")] {
        let output = shop.run(&["sale", command]);
        assert!(output.status.success(), "{}", said(&output));
        let since = Instant::now();
        shop.until("the command is in force", async || code_of_a_buy(&shop).await == code).await;
        assert!(since.elapsed() < IN_FORCE, "{command} took {:?}", since.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_added_and_changed_beside_a_running_shop() {
    let shop = Shop::selling(100).await;
    let festival = include_str!("../demo/frequency-festival.toml");
    let event = |capacity: u32| {
        festival
            .replace("frequency-festival", "second-festival")
            .replace("capacity = 1000000", &format!("capacity = {capacity}"))
            .replace("2027-01-15T09:00:00Z", "2026-01-15T09:00:00Z")
    };
    let file = shop.directory().join("event.toml");
    for capacity in [5, 8] {
        fs::write(&file, event(capacity)).unwrap();
        let output = shop.run(&["event", "apply", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
        shop.until("the event is for sale", async || {
            let answer = shop.get("/api/v1/events/second-festival/availability").await;
            answer.status().is_success() && json(answer).await["ticketTypes"][0]["available"] == capacity
        })
        .await;
    }
    let page = shop.get("/de/events/second-festival").await;
    assert!(page.status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_capacity_waits_until_the_sale_is_paused_and_quiet() {
    let shop = Shop::selling(100).await;
    assert!(shop.buy(&key(), "eva", 5).await.unwrap().status().is_success());
    let festival = include_str!("../demo/frequency-festival.toml");
    let smaller = festival.replace("capacity = 1000000", "capacity = 50").replace("limit_per_buyer = 6\n", "");
    let file = shop.directory().join("event.toml");
    fs::write(&file, smaller.replace("2027-01-15T09:00:00Z", "2026-01-15T09:00:00Z")).unwrap();
    let output = shop.run(&["event", "apply", file.to_str().unwrap()]);
    assert!(said(&output).contains("waits until the sale is paused"), "{}", said(&output));
    shop.until_numbers((95, 0, 5)).await;

    assert!(shop.run(&["sale", "pause"]).status.success());
    shop.until("the smaller capacity is in force", async || shop.numbers().await.0 == 45).await;
    assert!(shop.run(&["sale", "resume"]).status.success());
    shop.until("the sale goes on", async || code_of_a_buy(&shop).await == "taken").await;
    shop.audit();
}

#[test]
fn a_file_with_mistakes_is_refused_with_every_mistake() {
    let shop = Shop::closed(&[]);
    let festival = include_str!("../demo/frequency-festival.toml");
    let wrong = festival.replace("Europe/Vienna", "Mars/Olympus").replace("capacity = 1000000", "capacity = 0");
    let file = shop.directory().join("event.toml");
    fs::write(&file, wrong).unwrap();
    let output = shop.run(&["event", "apply", file.to_str().unwrap()]);
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("Mars/Olympus") && said.contains("capacity"), "{said}");

    fs::write(&file, festival.replace("place = ", "palce = ")).unwrap();
    let output = shop.run(&["event", "apply", file.to_str().unwrap()]);
    let said = self::said(&output);
    assert!(said.contains("palce"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_reset_beside_a_running_shop() {
    let shop = Shop::selling(100).await;
    let order = key();
    assert!(shop.buy(&order, "eva", 5).await.unwrap().status().is_success());
    shop.until_quiet().await;
    let output = shop.run(&["demo", "reset"]);
    assert!(output.status.success(), "{}", said(&output));
    shop.until("everything is for sale again", async || shop.numbers().await == (100, 0, 0)).await;
    shop.until("the order is forgotten", async || shop.status(&order).await.as_deref() == Some("not found")).await;
    assert!(shop.buy(&key(), "eva", 1).await.unwrap().status().is_success());
    shop.until_quiet().await;
    shop.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_is_exported_and_no_name_is_a_formula() {
    let shop = Shop::selling(100).await;
    let body = r#"{"userId":"=1+1","quantity":3,"name":"Zoë, \"die Große\"","email":"zoe@example.org"}"#;
    let request = shop.client.post(shop.url("/api/tickets/buy")).header("content-type", "application/json").body(body);
    let order = json(request.send().await.unwrap()).await["orderId"].as_str().unwrap().to_owned();
    shop.until_quiet().await;
    let output = shop.run(&["orders", "export"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let line =
        text.lines().find(|line| line.starts_with(&order)).unwrap_or_else(|| panic!("{order} is missing in:\n{text}"));
    assert!(line.contains("confirmed") && line.contains("'=1+1") && line.contains(r#""Zoë, ""die Große""""#), "{line}");
}
