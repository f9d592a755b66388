//! `stampede payments reconcile`: the books against the provider's, beside a running shop.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use serde_json::Value;
use stampede_actors::{clock::SystemClock, ports::WantedPayment};
use stampede_domain::{Money, OrderId, PaymentId};
use stampede_server::wiring::Payments;
use std::{fs, process::Output, sync::Arc, time::Duration};
use support::{Shop, key, passes::Pass, servers};

/// Declines, and a minute later the money comes all the same.
const AFTER_ALL: &str = "4000009900000111";

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs the command with these words, which must end with this code.
fn reconcile(shop: &Shop, words: &[&str], code: i32) -> String {
    let output = shop.run(&[&["payments", "reconcile"], words].concat());
    assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
    said(&output)
}

fn reconciled(shop: &Shop, code: i32) -> Value {
    serde_json::from_str(&reconcile(shop, &["--json"], code)).unwrap()
}

/// A shop of files; `None` where shops run on servers, whose provider is Stripe.
async fn shop() -> Option<Shop> {
    if servers::are_wanted() {
        return None;
    }
    Some(Shop::selling(100).await)
}

/// The bank's own desk, where somebody does what the shop is not told.
async fn at_the_desk(shop: &Shop, work: impl AsyncFnOnce(&Payments)) {
    let payments = Payments::beside(&shop.config(), Arc::new(SystemClock)).await.unwrap();
    work(&payments).await;
    payments.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn books_and_bank_are_the_same_while_the_shop_runs_and_somebody_pays() {
    let Some(shop) = shop().await else { return };
    assert!(reconcile(&shop, &[], 0).contains("They are the same."));
    let paid = Pass::paid(&shop).await;
    let under_way = Pass::reserved(&shop).await;
    under_way.pay(1, "4000000000000002").await;
    under_way.until("it is declined", |order| order["declined"] == "declined").await;
    let found = reconciled(&shop, 0);
    assert_eq!((&found["equal"], &found["providerName"]), (&true.into(), &"simulated".into()));
    assert_eq!(found["provider"], found["books"]);
    assert_eq!(found["books"]["payments"], 2);
    assert!(found["books"]["captured"].as_i64() > Some(0), "{} is paid: {found}", paid.order);
    assert!(reconcile(&shop, &["--days", "1"], 0).contains("They are the same."));
    shop.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_at_the_bank_alone_is_told_and_nothing_is_changed() {
    let Some(mut shop) = shop().await else { return };
    let order = Pass::paid(&shop).await.order;
    // A running shop may be told of something else just now, and look.
    assert!(shop.stop().success());
    let payment = PaymentId::new(format!("pay_{}_1", order.replace('-', ""))).unwrap();
    let (order, nobodys): (OrderId, OrderId) = (order.parse().unwrap(), key().parse().unwrap());
    at_the_desk(&shop, async |bank| {
        let amount: Money = bank.gateway.find(&payment).await.unwrap().unwrap().amount;
        let stray = WantedPayment { order: nobodys, attempt: 1, amount, what_for: "nobody's".into() };
        bank.gateway.create(&stray).await.unwrap();
        bank.gateway.refund(&payment, order, 100).await.unwrap();
    })
    .await;
    for _ in 0..2 {
        let found = reconciled(&shop, 1);
        let mut told: Vec<_> = found["differences"].as_array().unwrap().clone();
        told.sort_by_key(|one| one["what"].to_string());
        assert_eq!(told.len(), 2, "{found}");
        assert_eq!((&told[0]["what"], &told[0]["books"]), (&"of_no_order".into(), &Value::Null));
        assert_eq!(told[0]["provider"]["orderId"], nobodys.to_string());
        assert_eq!((&told[1]["what"], &told[1]["payment"]), (&"other_refunded".into(), &payment.as_str().into()));
        assert_eq!((&told[1]["provider"]["refunded"], &told[1]["books"]["refunded"]), (&100.into(), &0.into()));
    }
    let text = reconcile(&shop, &[], 1);
    assert!(text.contains("2 payments differ") && text.contains("at the provider's desk"), "{text}");
    shop.audit();
}

/// The hold ends before the money comes of which the bank had said that it never would. It takes longer than a minute: the shortest
/// hold is one.
#[tokio::test(flavor = "multi_thread")]
async fn money_that_comes_after_the_hold_has_ended_is_given_back_once_and_the_buyer_reads_so() {
    let Some(shop) = shop().await else { return };
    let festival = include_str!("../demo/frequency-festival.toml").replace("hold_minutes = 10", "hold_minutes = 1");
    let file = shop.directory().join("event.toml");
    fs::write(&file, festival.replace("2027-01-15T09:00:00Z", "2026-01-15T09:00:00Z")).unwrap();
    let output = shop.run(&["event", "apply", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", said(&output));
    let pass = Pass::reserved(&shop).await;
    pass.pay(1, AFTER_ALL).await;
    pass.until("it is declined", |order| order["declined"] == "declined" && order["status"] == "reserved").await;
    // All waiting in tests ends after half a minute, and this hold lasts two of them.
    for _ in 0..2 {
        let half = Duration::from_secs(29);
        let _ =
            tokio::time::timeout(half, pass.until("its hold has ended", |order| order["status"] == "expired")).await;
    }
    pass.until("its hold has ended", |order| order["status"] == "expired").await;
    shop.until("the money is given back, and its buyer reads so", async || pass.page().await.contains("Sent on")).await;
    let found = reconciled(&shop, 0);
    let sums = &found["books"];
    assert!(sums["captured"] == sums["refunded"] && sums["captured"].as_i64() > Some(0), "{found}");
    let refunds = shop.metric("stampede_payment_calls_total", "call=\"refund\"").await;
    assert!((refunds - 1.0).abs() < 0.5, "{refunds} refunds were asked for");
    shop.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_not_called_equal() {
    if servers::are_wanted() {
        let shop = Shop::closed(&[]);
        assert!(shop.run(&["migrate"]).status.success());
        assert!(reconcile(&shop, &[], 2).contains("STAMPEDE_STRIPE_SECRET_KEY"));
        return;
    }
    let mut shop = Shop::closed(&[]);
    assert!(reconcile(&shop, &[], 2).contains("there is no shop"));
    shop.start().await;
    assert!(shop.stop().success());
    for beside in ["bank.db-wal", "bank.db-shm"] {
        fs::remove_file(shop.data().join(beside)).unwrap_or_default();
    }
    fs::write(shop.data().join("bank.db"), "this is no database, and was none".repeat(1_000)).unwrap();
    assert!(reconcile(&shop, &[], 2).contains("bank"));
    assert!(reconcile(&shop, &["--days", "0"], 2).contains("--days"));
}
