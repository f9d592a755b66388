//! A buyer with an address: the tickets come by mail, and so does the link to everything that was ordered with it. Through the built
//! binary, also when it dies in between.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::StatusCode;
use std::{fs, os::unix::fs::PermissionsExt};
use support::{Shop, json, key};

const EVA: &str = "Eva@Example.org";

async fn buy(shop: &Shop, key: &str, email: Option<&str>) -> String {
    let wanted = serde_json::json!({ "userId": "eva", "name": "Eva", "quantity": 2, "email": email });
    let request = shop.client.post(shop.url("/api/tickets/buy")).header("accept-language", "de-AT,de;q=0.9");
    let taken = json(request.header("idempotency-key", key).json(&wanted).send().await.unwrap()).await;
    let order = taken["orderId"].as_str().unwrap_or_else(|| panic!("{taken}")).to_owned();
    shop.until("it is confirmed", async || shop.status(&order).await.as_deref() == Some("confirmed")).await;
    order
}

/// The mails whose name begins so, with soft line breaks undone.
fn mails(shop: &Shop, beginning: &str) -> Vec<String> {
    let Ok(files) = fs::read_dir(shop.data().join("mails")) else { return Vec::new() };
    let named = files.map(|file| file.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(beginning) && name.ends_with(".eml")
    });
    named.map(|path| fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=")).collect()
}

async fn mail(shop: &Shop, beginning: &str) -> String {
    shop.until("the mail is there", async || !mails(shop, beginning).is_empty()).await;
    mails(shop, beginning).remove(0)
}

async fn ask_for_link(shop: &Shop, address: &str) -> StatusCode {
    let asked = shop.client.post(shop.url("/de/my")).header("origin", shop.url("")).form(&[("email", address)]);
    asked.send().await.unwrap().status()
}

/// What follows the shop's address in the first link to such a page.
fn link(mail: &str, page: &str) -> String {
    let at = mail.find(page).unwrap_or_else(|| panic!("no {page} in {mail}"));
    mail[at..].split(char::is_whitespace).next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tickets_come_by_mail_and_the_link_in_it_opens_them() {
    let shop = Shop::selling(10).await;
    let order = buy(&shop, &key(), Some(EVA)).await;
    let mail = mail(&shop, &order).await;
    assert!(mail.contains(&format!("To: {EVA}")) && mail.contains("Frequency Festival"), "{mail}");
    assert!(mail.contains("application/pdf") && mail.contains(&BASE64_STANDARD.encode("%PDF-1.7\n")[..8]), "{mail}");
    assert!(mail.contains("text/calendar"));
    let tickets = link(&mail, &format!("/de/orders/{order}/tickets?k="));
    assert_eq!(shop.get(&tickets).await.status(), StatusCode::OK, "{tickets}");
    let rights = fs::metadata(shop.data().join("mails")).unwrap().permissions().mode();
    assert_eq!(rights & 0o777, 0o700, "mails name people");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_finds_its_orders_by_a_link_and_nobody_learns_who_has_some() {
    let shop = Shop::selling(100).await;
    let orders = [buy(&shop, &key(), Some(EVA)).await, buy(&shop, &key(), Some("eva@EXAMPLE.org")).await];
    let anonymous = buy(&shop, &key(), None).await;
    assert_eq!(ask_for_link(&shop, "nobody@example.org").await, ask_for_link(&shop, "eva@example.org").await);
    let mail = mail(&shop, "link.").await;
    let page = shop.get(&link(&mail, "/de/my/orders?k=")).await;
    assert!(page.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    let page = page.text().await.unwrap();
    assert!(orders.iter().all(|order| page.contains(order.as_str())) && !page.contains(&anonymous), "{page}");
    assert_eq!(mails(&shop, "link.").len(), 1, "who has no orders is sent nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_was_owed_when_the_process_died_is_sent_by_the_next_one_and_only_once() {
    let mut shop = Shop::closed(&[("STAMPEDE_DEMO_OPENS_IN", "0s")]);
    // Nothing can be put there.
    fs::create_dir_all(shop.data()).unwrap();
    fs::write(shop.data().join("mails"), b"").unwrap();
    shop.start().await;
    let order = buy(&shop, &key(), Some(EVA)).await;
    let is_put_off =
        async || shop.metric("stampede_mails_total", r#"occasion="confirmed",outcome="put_off""#).await > 0.0;
    shop.until("somebody tried", is_put_off).await;
    shop.kill();
    fs::remove_file(shop.data().join("mails")).unwrap();
    shop.start().await;
    mail(&shop, &order).await;
    let waiting = async || shop.metric("stampede_mails_waiting", "").await == 0.0;
    shop.until("none waits", waiting).await;
    assert_eq!(mails(&shop, "").len(), 1);
    assert!(shop.stop().success());
}
