//! Pages without storage: what people get, and what a form becomes.

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::test::TestRequest;
use flate2::read::GzDecoder;
use stampede_actors::inventory::{EventNotShown, OrderFound, OrderNotShown, Placed};
use stampede_domain::{BuyerId, OrderRefused, OrderStatus};
use stampede_http::ShopOptions;
use std::io::Read;
use support::{NOW, Says, Script, ask, key};

const FORM: &str = "/en/events/festival/orders";

fn form(fields: &str) -> TestRequest {
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    TestRequest::post().uri(FORM).insert_header(kind).set_payload(fields.to_owned())
}

fn good() -> TestRequest {
    form(&format!("key={}&ticketTypeId=general&quantity=2&name=Eva&email=Eva%40example.org", key()))
}

fn keys_in(page: &str) -> Vec<String> {
    let fields = page.split("name=\"key\"").skip(1).filter_map(|rest| rest.split("value=\"").nth(1));
    fields.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

#[actix_web::test]
async fn each_page_brings_a_key_of_its_own() {
    let desk = Script::new().desk();
    let mut keys = Vec::new();
    for path in ["/en", "/en", "/de", "/en/events/festival"] {
        let page = ask(&desk, TestRequest::get().uri(path)).await;
        assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, Some("private, no-store")), "{path}");
        assert!(page.header("content-security-policy").is_some_and(|policy| !policy.contains("unsafe")));
        keys.extend(keys_in(&page.text()));
    }
    assert_eq!(keys.len(), 4, "{keys:?}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 4, "two tabs are two orders");
    assert!(keys.iter().all(|key| stampede_domain::key::order_id(key, NOW).is_ok()), "{keys:?}");
}

#[actix_web::test]
async fn a_browser_that_takes_gzip_gets_the_same_page_in_fewer_bytes() {
    let desk = Script::new().desk();
    let plain = ask(&desk, TestRequest::get().uri("/en")).await;
    let small = ask(&desk, TestRequest::get().uri("/en").insert_header(("accept-encoding", "gzip, br"))).await;
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    assert!(small.header("vary").is_some_and(|vary| vary.contains("Accept-Encoding")));
    assert!(small.body.len() * 2 < plain.body.len(), "{} of {} bytes", small.body.len(), plain.body.len());
    let mut page = String::new();
    GzDecoder::new(small.body.as_slice()).read_to_string(&mut page).unwrap();
    let ([here], [there]) = (keys_in(&page).try_into().unwrap(), keys_in(&plain.text()).try_into().unwrap());
    let (here, there): (String, String) = (here, there);
    assert_eq!(page.replace(&here, &there), plain.text());
    assert_ne!(here, there);
}

#[actix_web::test]
async fn a_form_becomes_an_order_and_leads_to_its_page() {
    let script = Script::new();
    let answer = script.ask(good()).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.header("location").unwrap();
    assert!(location.starts_with(&format!("/en/orders/{}?k=", key())), "{location}");
    assert!(
        answer
            .header("set-cookie")
            .is_some_and(|cookie| cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"))
    );
    let [order] = script.asked().try_into().unwrap();
    assert_eq!((order.order, order.quantity, order.ticket_type.as_deref()), (key(), 2, Some("general")));
    assert_eq!(order.buyer, BuyerId::from_email("eva@example.org"), "an e-mail is one buyer however it is typed");
    assert_eq!(order.event.as_ref().map(|slug| slug.as_str()), Some("festival"));
}

#[actix_web::test]
async fn behind_tls_cookies_are_bound_to_this_host() {
    let options = ShopOptions {
        public_url: Some("https://tickets.example.org".into()),
        max_watchers: 1,
        ..ShopOptions::default()
    };
    let script = Script { options, ..Script::new() };
    let answer = script.ask(good().insert_header(("Origin", "https://tickets.example.org"))).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("Secure") && cookie.contains("Path=/"), "{cookie}");
}

#[actix_web::test]
async fn a_refused_form_keeps_the_input_and_gets_a_fresh_key() {
    let refusals = [
        (OrderRefused::SoldOut { free: 1, in_flight: 3 }, 409),
        (OrderRefused::LimitReached { limit: 6, taken: 6 }, 409),
        (OrderRefused::SaleOver, 409),
        (OrderRefused::KeyReused, 422),
        (OrderRefused::TooManyAtOnce { max: 6 }, 422),
    ];
    for (refused, status) in refusals {
        let answer = Script::placing(Says::Answer(Placed::Refused(refused))).ask(good()).await;
        assert_eq!(answer.status, status, "{refused:?}");
        let page = answer.text();
        assert!(page.contains("Eva@example.org"), "{refused:?}: the input is kept");
        // Pages without a form have nothing to put a key into.
        assert!(keys_in(&page).iter().all(|fresh| *fresh != key().to_string()), "{refused:?}");
    }
}

/// Pressing the button again must ask for the same order.
#[actix_web::test]
async fn while_the_outcome_is_open_the_form_keeps_its_key() {
    let retry_after = std::time::Duration::from_secs(2);
    let open = [
        Says::Answer(Placed::Unknown { retry_after }),
        Says::Answer(Placed::PutOff { why: stampede_actors::facts::PutOff::Behind, retry_after }),
        Says::Dies,
    ];
    for says in open {
        let answer = Script::placing(says).ask(good()).await;
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
        assert_eq!(keys_in(&answer.text()), [key().to_string()]);
    }
}

#[actix_web::test]
async fn a_form_with_mistakes_reaches_nobody_and_names_them() {
    let script = Script::new();
    let mistakes = [
        "quantity=0&name=Eva",
        "quantity=x&name=Eva",
        "quantity=&name=Eva",
        "quantity=101&name=Eva",
        "quantity=1&name=",
        "quantity=1&name=+++",
        "quantity=1&name=%00",
        "quantity=1&name=%FF",
        "quantity=1&name=Eva&email=nobody",
        "",
    ];
    for fields in mistakes {
        let answer = script.ask(form(&format!("key={}&ticketTypeId=general&{fields}", key()))).await;
        assert_eq!(answer.status, 422, "{fields}: {}", answer.text());
        assert!(answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{fields}");
    }
    let stale = form("key=018bcfe5-6807-7000-8000-000000000000&ticketTypeId=general&quantity=1&name=Eva");
    let answer = script.ask(stale).await;
    assert_eq!(answer.status, 422, "a tab older than a day");
    assert!(keys_in(&answer.text()).iter().all(|key| stampede_domain::key::order_id(key, NOW).is_ok()));
    assert!(script.asked().is_empty());
}

#[actix_web::test]
async fn a_form_from_another_site_is_not_taken() {
    let script = Script::new();
    let foreign = [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ];
    for header in foreign {
        let answer = script.ask(good().insert_header(header)).await;
        assert_eq!(answer.status, 403, "{header:?}");
    }
    assert!(script.asked().is_empty());
    for header in [("Sec-Fetch-Site", "same-origin"), ("Origin", "http://localhost:8080")] {
        let answer = script.ask(good().insert_header(("Host", "localhost:8080")).insert_header(header)).await;
        assert_eq!(answer.status, 303, "{header:?}");
    }
}

#[actix_web::test]
async fn an_orders_page_tells_its_state_to_everybody_and_its_details_to_nobody_else() {
    let url = format!("/en/orders/{}", key());
    let answer = |found: Result<OrderFound, OrderNotShown>| {
        let url = url.clone();
        async move { Script::finding(Says::Answer(found)).ask(TestRequest::get().uri(&url)).await }
    };
    for status in OrderStatus::ALL {
        let page = answer(Ok(OrderFound { status, reason: None, record: None })).await;
        assert_eq!(
            (page.status.as_u16(), page.header("cache-control")),
            (200, Some("private, no-store")),
            "{status:?}"
        );
        assert!(!page.text().contains("?k="), "who has no key gets no key");
    }
    assert_eq!(answer(Err(OrderNotShown::NotFound)).await.status, 404);
    let later = answer(Err(OrderNotShown::NotKnownYet { retry_after: std::time::Duration::from_secs(1) })).await;
    assert_ne!(later.status, 404, "what nobody is sure of is not missing");
    let forged = TestRequest::get().uri(&format!("{url}?k=AAAA"));
    let found = Ok(OrderFound { status: OrderStatus::Confirmed, reason: None, record: None });
    assert!(
        !Script::finding(Says::Answer(found)).ask(forged).await.text().contains("?k="),
        "a forged key opens nothing"
    );
}

#[actix_web::test]
async fn people_get_pages_when_something_is_missing_or_closed() {
    let script = Script::new();
    for path in ["/nothing", "/en/events/other", "/en/orders/x", "/static/nothing.css"] {
        let page = script.ask(TestRequest::get().uri(path)).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "{path}");
    }
    script.show(Says::Answer(Err(EventNotShown::NotReady)));
    let closed = script.ask(TestRequest::get().uri("/en")).await;
    assert_eq!(closed.status, 503);
    assert!(closed.header("retry-after").is_some());
    let front = script.ask(TestRequest::get().uri("/").insert_header(("Accept-Language", "de-AT,de;q=0.9"))).await;
    assert_eq!((front.status.as_u16(), front.header("location")), (303, Some("/de")));
}
