//! Finding one's orders again, without storage: the form, its one answer, the link.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::{http::header, test::TestRequest};
use stampede_actors::{
    doorkeeper::{Admit, Verdict},
    facts::PutOff,
    ports::Composer,
};
use stampede_domain::{Millis, OrderStatus};
use stampede_http::{DoorRules, ShopOptions};
use std::{sync::Arc, time::Duration};
use support::{Answer, NOW, Says, Script, clock_at, composer, hold, k, key, row, shown_with_vip};

const HOUR_MS: i64 = 3_600_000;

fn form(fields: &str) -> TestRequest {
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    TestRequest::post().uri("/en/my").insert_header(kind).set_payload(fields.to_owned())
}

/// The path of the link that is mailed to an address.
fn link(address: &str, sent_at: Millis) -> String {
    let letter = composer(clock_at(sent_at)).orders_link(address, None).unwrap();
    let address = letter.text.split("https://tickets.example.org").nth(1).unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

async fn open(script: &Script, path: &str) -> Answer {
    script.ask(TestRequest::get().uri(path)).await
}

fn owning(status: OrderStatus) -> Script {
    let script = Script { owned: Says::Answer(Ok(vec![(row(status), Some(hold(status)))])), ..Script::new() };
    script.show(Says::Answer(Ok(shown_with_vip())));
    script
}

#[actix_web::test]
async fn the_form_asks_for_an_address_and_is_linked_from_every_page() {
    let script = Script::new();
    let page = open(&script, "/de/my").await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, Some("private, no-store")));
    assert!(page.text().contains("action=\"/de/my\"") && page.text().contains("name=\"email\""));
    assert!(open(&script, "/de").await.text().contains("href=\"/de/my\""));
    assert!(open(&script, "/en/nothing").await.text().contains("href=\"/en/my\""));
    let neutral = TestRequest::get().uri("/my").insert_header(("Accept-Language", "de-AT"));
    let neutral = script.ask(neutral).await;
    assert_eq!((neutral.status.as_u16(), neutral.header("location")), (303, Some("/de/my")));
}

#[actix_web::test]
async fn every_address_gets_the_same_answer_and_only_the_mailroom_knows_more() {
    let script = Script::new();
    let known = script.ask(form("email=+eva%40example.org+")).await;
    let unknown = script.ask(form("email=nobody%40example.org")).await;
    assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (200, 200));
    assert_eq!(known.text().replace("eva@", "nobody@"), unknown.text());
    assert_eq!(known.header("cache-control"), Some("private, no-store"));
    let asked: Vec<_> =
        script.links.lock().unwrap().iter().map(|link| (link.address.clone(), link.language.clone())).collect();
    let en = || Some("en".to_owned());
    assert_eq!(asked, [("eva@example.org".to_owned(), en()), ("nobody@example.org".to_owned(), en())]);
    assert!(script.sought.lock().unwrap().is_empty(), "nothing is looked up for the answer");
}

#[actix_web::test]
async fn what_is_no_address_reaches_nobody_and_is_said_beside_the_field() {
    let script = Script::new();
    let long = format!("email={}%40example.org", "a".repeat(250));
    for fields in [
        "",
        "email=",
        "email=+%09",
        "email=%E2%80%8B",
        "email=nobody",
        "email=a%40b%0Ac%40d",
        "email=%FF%40example.org",
        &long,
    ] {
        let answer = script.ask(form(fields)).await;
        assert_eq!(answer.status, 422, "{fields}");
        assert!(answer.text().contains("id=\"email-error\""), "{fields}");
    }
    assert_eq!(script.ask(form("email=eva%40example.org&more=1")).await.status, 400);
    assert!(script.links.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn nobody_elses_page_asks_for_a_link_and_nobody_asks_too_often() {
    let script = Script::new();
    for foreign in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        assert_eq!(script.ask(form("email=eva%40example.org").insert_header(foreign)).await.status, 403, "{foreign:?}");
    }
    let door = DoorRules { limits_addresses: true, ..DoorRules::default() };
    let admits = |who| {
        let wait = matches!(who, Admit::Orderer(_)).then_some(Duration::from_secs(7));
        Says::Answer(Verdict { retry_after: wait, ..Verdict::default() })
    };
    let limited = Script {
        options: ShopOptions { max_watchers: 1, door, ..ShopOptions::default() },
        admits: Arc::new(admits),
        ..script.clone()
    };
    let answer = limited.ask(form("email=eva%40example.org").peer_addr("203.0.113.7:4711".parse().unwrap())).await;
    assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (429, true));
    assert!(script.links.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_mailroom_that_cannot_take_it_is_no_promise_of_a_mail() {
    for says in [Says::Full, Says::Dies] {
        let answer = Script { mailroom: says, ..Script::new() }.ask(form("email=eva%40example.org")).await;
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    for says in [Says::Full, Says::Dies, Says::Answer(Err(PutOff::Broken))] {
        let script = Script { owned: says, ..Script::new() };
        let answer = open(&script, &link("eva@example.org", NOW)).await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (503, true));
    }
}

#[actix_web::test]
async fn the_link_shows_the_orders_of_its_address_with_the_right_to_see_them() {
    let script = owning(OrderStatus::Confirmed);
    let path = link("eva@example.org", NOW);
    let page = open(&script, &path).await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, Some("private, no-store")));
    assert_eq!(*script.sought.lock().unwrap(), ["eva@example.org"]);
    let (text, query) = (page.text(), format!("?k={}", k().await));
    for words in [
        &format!("/en/orders/{}{query}", key()),
        &format!("/en/orders/{}/tickets{query}", key()),
        "€1,002.00",
        "eva@example.org",
        "name=\"referrer\" content=\"no-referrer\"",
        &path.replace("/en/", "/de/"),
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    let held = owning(OrderStatus::Reserved);
    let text = open(&held, &path).await.text();
    assert!(text.contains("held until") && !text.contains("/tickets?k="), "{text}");
    let none = open(&Script::new(), &path).await;
    assert!(none.status == 200 && none.text().contains("There is no order with this address."));
    // Mail programs add to links.
    assert_eq!(open(&held, &format!("{path}&k=x&utm_source=mail")).await.status, 200);
}

#[actix_web::test]
async fn a_link_that_is_old_or_broken_leads_to_the_form() {
    let script = owning(OrderStatus::Confirmed);
    let (old, fresh) = (link("eva@example.org", Millis(NOW.0 - HOUR_MS)), link("eva@example.org", NOW));
    let nearly = link("eva@example.org", Millis(NOW.0 - HOUR_MS + 1));
    assert_eq!(open(&script, &nearly).await.status, 200);
    script.sought.lock().unwrap().clear();
    for path in [&old, &fresh[..fresh.len() - 1], "/en/my/orders?k=", "/en/my/orders?k=%00", "/en/my/orders?k=AAAA"] {
        let answer = open(&script, path).await;
        assert_eq!(answer.status, 410, "{path}");
        assert!(answer.text().contains("no longer valid") && answer.text().contains("name=\"email\""), "{path}");
        assert!(!answer.text().contains("eva@example.org"), "{path}");
    }
    let bare = open(&script, "/de/my/orders").await;
    assert_eq!((bare.status.as_u16(), bare.header("location")), (303, Some("/de/my")));
    assert!(script.sought.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn whoever_went_to_pay_in_german_comes_back_to_german() {
    let went = Script::holding([hold(OrderStatus::Reserved), support::paying(Some("/bank/payments/pay_1"))]);
    let pay = TestRequest::post().uri(&format!("/de/orders/{}/pay?k={}", key(), k().await));
    let pay = pay.insert_header(("Content-Type", "application/x-www-form-urlencoded")).set_payload("attempt=1");
    let answer = went.ask(pay).await;
    let cookie = answer.header(header::SET_COOKIE.as_str()).unwrap();
    assert!(cookie.starts_with("stampede_language=de;") && cookie.contains("HttpOnly"), "{cookie}");
    let back = TestRequest::get().uri(&format!("/orders/{}?bank=done", key()));
    let back = back.insert_header(("Cookie", "stampede_language=de")).insert_header(("Accept-Language", "en"));
    let answer = went.ask(back).await;
    assert_eq!(answer.header("location"), Some(&*format!("/de/orders/{}?bank=done", key())));
    for odd in ["stampede_language=fr", "stampede_language=../", "other=de"] {
        let front = TestRequest::get().uri("/").insert_header(("Cookie", odd)).insert_header(("Accept-Language", "en"));
        assert_eq!(went.ask(front).await.header("location"), Some("/en"), "{odd}");
    }
}
