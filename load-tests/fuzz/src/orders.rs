//! Orders as people and programs send them, and the page that opens to one buyer only.

use crate::{
    requests::{judge, put_key},
    shop::{Answer, Open, with_shop},
};
use actix_web::{http::header::HeaderValue, rt::time::sleep, test::TestRequest};
use serde_json::Value;
use std::{cell::RefCell, time::Duration};

const FORM: &str = "/en/events/frequency-festival/orders";
/// A name that nobody else has.
const NAME: &str = "Xaveria Geheimnis";

/// A body as JSON: what is taken is what was meant; the same key is the same order, and no other body's.
pub fn buy_json(data: &[u8]) {
    with_shop(async |open| {
        let key = open.key().to_string();
        let first = buy(open, &key, data).await;
        judge(data, &first, false);
        assert!([202, 400, 404, 409, 413, 422, 503].contains(&first.status.as_u16()), "{}", first.status);
        if !first.is(202) {
            return;
        }
        open.note_order();
        let sent: Value = serde_json::from_slice(data).expect("because it was taken");
        let user = sent["userId"].as_str().expect("because it was taken");
        assert!((1..=128).contains(&user.chars().count()) && !user.trim().is_empty());
        let taken: Value = serde_json::from_slice(&first.body).expect("because it is JSON");
        let meant = sent.get("quantity").map_or(1, |quantity| quantity.as_u64().expect("because it was taken"));
        assert_eq!((taken["orderId"].as_str(), taken["quantity"].as_u64()), (Some(key.as_str()), Some(meant)));
        assert!((1..=6).contains(&meant));
        let again = buy(open, &key, data).await;
        if again.is(202) {
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
            let again: Value = serde_json::from_slice(&again.body).expect("because it is JSON");
            assert_eq!(again["orderId"], taken["orderId"]);
        } else {
            assert!(again.is(503), "{}", again.status);
        }
        let other = buy(open, &key, br#"{"userId":"somebody else altogether"}"#).await;
        assert!(other.is(422) || other.is(503) || user == "somebody else altogether", "{}", other.status);
        let found = open.ask(TestRequest::get().uri(&format!("/api/orders/{key}"))).await;
        assert!(found.is(200) || found.is(503), "{}", found.status);
    });
}

async fn buy(open: &Open, key: &str, body: &[u8]) -> Answer {
    let request = TestRequest::post().uri("/api/tickets/buy").insert_header(("content-type", "application/json"));
    open.ask(request.insert_header(("idempotency-key", key)).set_payload(body.to_vec())).await
}

/// A form: an order that its buyer can open, and nobody else; or the page again.
pub fn buy_form(data: &[u8]) {
    with_shop(async |open| {
        let key = open.key().to_string();
        let body = put_key(data, &key);
        let answer = send_form(open, &body).await;
        judge(&body, &answer, false);
        assert!([303, 400, 403, 404, 409, 413, 422, 503].contains(&answer.status.as_u16()), "{}", answer.status);
        if !answer.is(303) {
            return;
        }
        open.note_order();
        let location = answer.header("location").expect("because it leads somewhere");
        let (path, _) = location.split_once('?').expect("because it is signed");
        let sealed = answer.header("set-cookie").and_then(|cookie| cookie.split(';').next()).expect("it is remembered");
        let opened = open.ask(TestRequest::get().uri(location)).await;
        let remembered = open.ask(TestRequest::get().uri(path).insert_header(("cookie", sealed))).await;
        for page in [&opened, &remembered] {
            judge(&body, page, false);
            assert!(page.is(200) || page.is(503), "{}", page.status);
        }
    });
}

async fn send_form(open: &Open, body: &[u8]) -> Answer {
    let kind = ("content-type", "application/x-www-form-urlencoded");
    open.ask(TestRequest::post().uri(FORM).insert_header(kind).set_payload(body.to_vec())).await
}

thread_local! {
    static PRIVATE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// An order's page: whoever has neither its link nor its cookie does not learn whose it is. A line is the `k` of a link, the
/// next one a header of cookies.
pub fn order_page(data: &[u8]) {
    let address = PRIVATE.with_borrow_mut(|address| address.get_or_insert_with(private_order).clone());
    let text = String::from_utf8_lossy(data);
    let (key, cookies) = text.split_once('\n').unwrap_or((&text, ""));
    let key: String = key
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_&=+".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    with_shop(async |open| {
        let mut request = TestRequest::get().uri(&format!("{address}?k={key}"));
        for cookie in [cookies.to_owned(), format!("stampede_orders={cookies}")] {
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                request = request.append_header(("cookie", cookie));
            }
        }
        let page = open.ask(request).await;
        judge(data, &page, false);
        assert!(page.is(200) || page.is(503), "{}", page.status);
        assert!(!String::from_utf8_lossy(&page.body).contains(NAME), "opened by {text:?}");
    });
}

/// Places an order, sees that its link opens it, and gives its address without the key.
fn private_order() -> String {
    with_shop(async |open| {
        let key = open.key().to_string();
        let form = format!("key={key}&ticketTypeId=general-admission&quantity=1&name={}", NAME.replace(' ', "+"));
        let answer = send_form(open, form.as_bytes()).await;
        let location = answer.header("location").expect("because the form has no mistake").to_owned();
        open.note_order();
        loop {
            let page = open.ask(TestRequest::get().uri(&location)).await;
            if String::from_utf8_lossy(&page.body).contains(NAME) {
                break;
            }
            sleep(Duration::from_millis(2)).await;
        }
        location.split('?').next().unwrap_or_default().to_owned()
    })
}
