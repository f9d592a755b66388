//! The API without storage: every outcome has its status, its code and its headers, and the description knows them all.

mod support;

use actix_web::{http::Method, test::TestRequest};
use serde_json::{Value, json};
use stampede_actors::{
    doorkeeper::Verdict,
    facts::PutOff,
    inventory::{EventNotShown, OrderFound, OrderNotShown, Placed},
    ports::OrderRecord,
};
use stampede_domain::{BuyerId, Contact, Fingerprint, Millis, OrderRefused, OrderStatus, RejectReason};
use stampede_http::{DoorRules, ShopOptions};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use support::{NOW, Says, Script, ask, key, shown};

const BUY: [&str; 2] = ["/api/tickets/buy", "/api/v1/events/festival/orders"];
const FIND: [&str; 2] = ["/api/orders/", "/api/v1/orders/"];

fn buy(path: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("Idempotency-Key", key().to_string()))
        .set_json(json!({"userId": "eva", "quantity": 2}))
}

fn wait(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What was said, and its status, code, least and most seconds to wait.
type No = (Placed, u16, &'static str, Option<(u64, u64)>);

/// Every way in which an order is not taken.
fn noes() -> Vec<No> {
    let refused = Placed::Refused;
    let put_off = |why, ms| Placed::PutOff { why, retry_after: wait(ms) };
    vec![
        (refused(OrderRefused::NotOpen { opens_at: Millis(NOW.0 + 90_000) }), 425, "not_open", Some((90, 92))),
        (refused(OrderRefused::NotOpen { opens_at: Millis(NOW.0 - 1) }), 425, "not_open", Some((1, 2))),
        (refused(OrderRefused::Paused), 503, "paused", Some((30, 60))),
        (refused(OrderRefused::SaleOver), 409, "sale_over", None),
        (refused(OrderRefused::SoldOut { free: 0, in_flight: 0 }), 409, "sold_out", None),
        (refused(OrderRefused::SoldOut { free: 1, in_flight: 3 }), 409, "sold_out", None),
        (refused(OrderRefused::TooManyAtOnce { max: 6 }), 422, "too_many_at_once", None),
        (refused(OrderRefused::LimitReached { limit: 6, taken: 5 }), 409, "limit", None),
        (refused(OrderRefused::KeyReused), 422, "key_reused", None),
        (refused(OrderRefused::Ended(OrderStatus::Expired)), 409, "expired", None),
        (refused(OrderRefused::Ended(OrderStatus::Failed)), 409, "failed", None),
        (refused(OrderRefused::Ended(OrderStatus::Rejected)), 409, "rejected", None),
        (refused(OrderRefused::Ended(OrderStatus::Cancelled)), 409, "cancelled", None),
        (refused(OrderRefused::Ended(OrderStatus::Refunded)), 409, "refunded", None),
        (put_off(PutOff::Behind, 1_200), 503, "writers_behind", Some((2, 2))),
        (put_off(PutOff::Silent, 7_000), 503, "writers_silent", Some((7, 7))),
        (put_off(PutOff::Full, 100), 503, "mailbox_full", Some((1, 1))),
        (put_off(PutOff::Closed, 1_000), 503, "ledger_closed", Some((1, 1))),
        (put_off(PutOff::Broken, 1_001), 503, "port_failed", Some((2, 2))),
        (put_off(PutOff::Leaving, 2_000), 503, "shutting_down", Some((2, 2))),
        (Placed::TooOften { retry_after: wait(1_500) }, 429, "too_often", Some((2, 2))),
        (Placed::Unknown { retry_after: wait(1_500) }, 503, "unknown", Some((2, 3))),
        (Placed::NotForSale, 404, "not_for_sale", None),
    ]
}

#[actix_web::test]
async fn an_order_that_is_taken_says_where_it_can_be_asked_for() {
    for path in BUY {
        for (status, replayed) in [("pending", false), ("pending", true), ("confirmed", true), ("confirmed", false)] {
            let stands = if status == "pending" { OrderStatus::Pending } else { OrderStatus::Confirmed };
            let script = Script::placing(Says::Answer(Placed::Accepted { status: stands, replayed }));
            let answer = script.ask(buy(path)).await;
            assert_eq!(answer.status, 202, "{}", answer.text());
            let url = format!("/api/orders/{}", key());
            assert_eq!(answer.header("location"), Some(url.as_str()));
            assert_eq!(answer.header("idempotent-replayed"), replayed.then_some("true"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let tickets = answer.json()["ticketsUrl"].as_str().unwrap().to_owned();
            let signed = tickets.strip_prefix(&format!("/api/v1/orders/{}/tickets?k=", key()));
            assert_eq!(signed.map(str::len), Some(22), "{tickets}");
            let expected = json!({"orderId": key().to_string(), "status": status, "statusUrl": url, "ticketsUrl": tickets, "quantity": 2,
                "serverTime": "2027-06-01T10:00:00.000Z"});
            assert_eq!(answer.json(), expected);
        }
    }
}

#[actix_web::test]
async fn every_no_has_its_status_its_code_and_its_wait() {
    for path in BUY {
        for (placed, status, code, waits) in noes() {
            let answer = Script::placing(Says::Answer(placed)).ask(buy(path)).await;
            assert_eq!(answer.problem(status), code, "{placed:?}");
            let seconds = answer.header("retry-after").map(|wait| wait.parse::<u64>().unwrap());
            match waits {
                None => assert_eq!(seconds, None, "{placed:?}: waiting does not help"),
                Some((least, most)) => {
                    assert!(seconds.is_some_and(|wait| (least..=most).contains(&wait)), "{placed:?}: {seconds:?}");
                }
            }
            let body = answer.json();
            let may_exist = matches!(placed, Placed::Unknown { .. });
            assert_eq!(body.get("statusUrl").is_some(), may_exist, "{placed:?}");
            assert_eq!(answer.header("location"), None);
            if code == "key_reused" {
                assert!(!answer.text().contains(&key().to_string()), "nothing of the other order is revealed");
            }
            assert_eq!(body["fields"][0]["field"] == "quantity", code == "too_many_at_once", "{body}");
        }
    }
}

#[actix_web::test]
async fn an_actor_that_does_not_answer_leaves_the_outcome_open() {
    for path in BUY {
        let full = Script::placing(Says::Full).ask(buy(path)).await;
        assert_eq!(full.problem(503), "mailbox_full");
        assert!(full.header("retry-after").is_some() && full.json().get("statusUrl").is_none(), "it was never sent");
        let dead = Script::placing(Says::Dies).ask(buy(path)).await;
        assert_eq!(dead.problem(503), "unknown");
        assert_eq!(dead.json()["statusUrl"], format!("/api/orders/{}", key()));
        assert!(dead.header("retry-after").is_some());
    }
}

#[actix_web::test]
async fn nobody_waits_for_ever() {
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let answer = Script::placing(Says::Hangs).ask(buy(BUY[0])).await;
    assert_eq!(answer.problem(503), "unknown");
    assert!(began.elapsed() <= Duration::from_secs(11), "{:?}", began.elapsed());
    let found = Script::finding(Says::Hangs).ask(TestRequest::get().uri(&format!("/api/orders/{}", key()))).await;
    assert_eq!(found.problem(503), "busy");
}

#[actix_web::test]
async fn what_was_sent_is_what_is_asked_for() {
    let script = Script::new();
    for (path, event) in BUY.into_iter().zip([None, Some("festival")]) {
        script.asked.lock().unwrap().clear();
        let full = json!({"userId": "eva", "quantity": 3, "ticketTypeId": "general", "name": "Zoë 🎪 אבא",
            "email": "eva@example.org"});
        let request = || TestRequest::post().uri(path);
        assert_eq!(script.ask(buy(path).set_json(full)).await.status, 202);
        assert_eq!(script.ask(request().set_json(json!({"userId": "eva"}))).await.status, 202);
        let charset = ("Content-Type", "Application/JSON; charset=utf-8");
        let again = request().set_payload(r#"{"userId":"ivo"}"#).insert_header(charset);
        assert_eq!(script.ask(again).await.status, 202);
        let [full, short, ivo] = script.asked().try_into().unwrap();
        assert_eq!(full.order, key());
        assert_eq!(full.event.as_ref().map(|slug| slug.as_str()), event);
        assert_eq!((full.quantity, full.ticket_type.as_deref()), (3, Some("general")));
        assert_eq!(full.buyer, BuyerId::from_user_id("eva"));
        assert_eq!(full.contact.name.as_deref(), Some("Zoë 🎪 אבא"));
        assert_eq!(full.contact.email.as_deref(), Some("eva@example.org"));
        assert_eq!((short.quantity, short.ticket_type, short.buyer), (1, None, full.buyer), "one ticket when absent");
        assert_ne!(short.order, ivo.order, "without a key each request is an order of its own");
        assert_eq!(stampede_domain::key::order_id(&short.order.to_string(), NOW), Ok(short.order));
    }
}

#[actix_web::test]
async fn bad_input_gets_its_own_answer_and_reaches_nobody() {
    let script = Script::new();
    let long = "x".repeat(20_000);
    let json = "application/json";
    let bodies: Vec<(&str, Vec<u8>, u16)> = vec![
        (json, b"".to_vec(), 400),
        (json, b"{".to_vec(), 400),
        (json, b"not json".to_vec(), 400),
        (json, b"{\"userId\":\"\xff\"}".to_vec(), 400),
        (json, b"[]".to_vec(), 422),
        (json, b"null".to_vec(), 422),
        (json, b"{}".to_vec(), 422),
        (json, br#"{"userId":""}"#.to_vec(), 422),
        (json, br#"{"userId":7}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","extra":1}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","userId":"ivo"}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":0}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":-1}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":101}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":4294967297}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":1e99}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":1.5}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":"2"}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","quantity":null}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","name":"a\u0000b"}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","name":""}"#.to_vec(), 422),
        (json, br#"{"userId":"eva","email":"nobody"}"#.to_vec(), 422),
        (json, format!(r#"{{"userId":"{}"}}"#, "x".repeat(129)).into_bytes(), 422),
        (json, format!(r#"{{"userId":"eva","name":"{long}"}}"#).into_bytes(), 413),
        ("text/plain", br#"{"userId":"eva"}"#.to_vec(), 415),
        ("", br#"{"userId":"eva"}"#.to_vec(), 415),
        ("application/x-www-form-urlencoded", b"userId=eva".to_vec(), 415),
    ];
    for path in BUY {
        for (kind, body, status) in &bodies {
            let mut request = TestRequest::post().uri(path).set_payload(body.clone());
            if !kind.is_empty() {
                request = request.insert_header(("Content-Type", *kind));
            }
            let answer = script.ask(request).await;
            let sent = String::from_utf8_lossy(&body[..body.len().min(60)]);
            assert_eq!(answer.status, *status, "{sent}: {}", answer.text());
            answer.problem(*status);
            assert!(answer.body.len() < 2_000, "what was sent is not sent back: {sent}");
        }
    }
    assert!(script.asked().is_empty());
}

#[actix_web::test]
async fn only_a_fresh_uuid_v7_is_a_key() {
    let script = Script::new();
    let of_ms = |ms: i64| uuid::Uuid::from_u128(u128::try_from(ms).unwrap() << 80 | 7 << 76 | 2 << 62).to_string();
    let wrong = [
        String::new(),
        "1".into(),
        "c0ffee00-0000-4000-8000-000000000000".into(),
        of_ms(NOW.0 - 24 * 3_600_000 - 1),
        of_ms(NOW.0 + 120_001),
    ];
    for wrong in wrong {
        let answer = script.ask(buy(BUY[0]).insert_header(("Idempotency-Key", wrong.clone()))).await;
        assert_eq!(answer.problem(422), "key_invalid", "{wrong}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("UUIDv7") && detail.contains("2027-06-01T10:00:00.000Z"), "{detail}");
    }
    assert!(script.asked().is_empty());
    for right in [of_ms(NOW.0 - 24 * 3_600_000), of_ms(NOW.0 + 120_000)] {
        assert_eq!(script.ask(buy(BUY[0]).insert_header(("Idempotency-Key", right))).await.status, 202);
    }
}

fn found(status: OrderStatus, reason: Option<RejectReason>) -> Says<Result<OrderFound, OrderNotShown>> {
    Says::Answer(Ok(OrderFound { status, reason, record: None }))
}

#[actix_web::test]
async fn where_an_order_stands_is_told_in_its_words() {
    for path in FIND {
        let url = format!("{path}{}", key());
        for status in OrderStatus::ALL {
            let reason = (status == OrderStatus::Rejected).then_some(RejectReason::SoldOut);
            let answer = Script::finding(found(status, reason)).ask(TestRequest::get().uri(&url)).await;
            assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("no-store")));
            let body = answer.json();
            assert_eq!(
                (body["orderId"].as_str(), body["status"].as_str()),
                (Some(&*key().to_string()), Some(status.as_str()))
            );
            assert_eq!(body.get("reason").and_then(Value::as_str), reason.map(RejectReason::as_str));
        }
        let not_found = Script::finding(Says::Answer(Err(OrderNotShown::NotFound)));
        assert_eq!(not_found.ask(TestRequest::get().uri(&url)).await.problem(404), "not_found");
        let later = Says::Answer(Err(OrderNotShown::NotKnownYet { retry_after: wait(1_700) }));
        let answer = Script::finding(later).ask(TestRequest::get().uri(&url)).await;
        assert_eq!((answer.problem(503).as_str(), answer.header("retry-after")), ("not_known_yet", Some("2")));
        for none in [Says::Full, Says::Dies] {
            let answer = Script::finding(none).ask(TestRequest::get().uri(&url)).await;
            assert_eq!(answer.problem(503), "busy");
            assert!(answer.header("retry-after").is_some());
        }
        for odd in ["x", "1234", "00000000-0000-0000-0000-00000000000g"] {
            let answer = Script::new().ask(TestRequest::get().uri(&format!("{path}{odd}"))).await;
            assert_eq!(answer.problem(422), "invalid", "{odd}");
        }
    }
}

#[actix_web::test]
async fn numbers_have_an_etag_that_changes_with_them() {
    for path in ["/api/tickets/availability", "/api/v1/events/festival/availability"] {
        let script = Script::new();
        let desk = script.desk();
        let get = || TestRequest::get().uri(path);
        let first = ask(&desk, get()).await;
        assert_eq!((first.status.as_u16(), first.header("cache-control")), (200, Some("no-cache")));
        assert_eq!(first.header("warning"), None);
        let etag = first.header("etag").unwrap().to_owned();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            let answer = ask(&desk, get().insert_header(("If-None-Match", known.clone()))).await;
            assert_eq!((answer.status.as_u16(), answer.header("etag")), (304, Some(etag.as_str())), "{known}");
            assert!(answer.body.is_empty());
        }
        let other = ask(&desk, get().insert_header(("If-None-Match", "\"other\""))).await;
        assert_eq!(other.status, 200);
        script.show(Says::Answer(Ok(shown(2, 5))));
        let moved = ask(&desk, get().insert_header(("If-None-Match", etag.clone()))).await;
        assert_eq!(moved.status, 200, "{path}");
        assert_ne!(moved.header("etag"), Some(etag.as_str()));
        script.show(Says::Answer(Ok(stampede_actors::inventory::EventShown { stale: true, ..shown(2, 5) })));
        let stale = ask(&desk, get()).await;
        assert!(stale.header("warning").is_some_and(|warning| warning.starts_with("110")));
        script.show(Says::Answer(Err(EventNotShown::NotReady)));
        let answer = ask(&desk, get()).await;
        assert_eq!(answer.problem(503), "ledger_closed");
        assert!(answer.header("retry-after").is_some());
    }
}

#[actix_web::test]
async fn the_numbers_are_those_of_the_shelf() {
    let script = Script::new();
    script.show(Says::Answer(Ok(shown(9, 40))));
    let short = script.ask(TestRequest::get().uri("/api/tickets/availability")).await.json();
    assert_eq!(short, json!({"available": 57, "total": 100}));
    let all = script.ask(TestRequest::get().uri("/api/v1/events/festival/availability")).await.json();
    let general = &all["ticketTypes"][0];
    assert_eq!(
        (general["available"].as_u64(), general["inFlight"].as_u64(), general["sold"].as_u64()),
        (Some(57), Some(3), Some(40))
    );
    assert_eq!((general["state"].as_str(), all["stale"].as_bool()), (Some("on_sale"), Some(false)));
    let events = script.ask(TestRequest::get().uri("/api/v1/events")).await.json();
    assert_eq!(events["events"][0]["slug"], "festival");
    let event = script.ask(TestRequest::get().uri("/api/v1/events/festival")).await.json();
    assert_eq!(event["ticketTypes"][0]["priceMinor"], 19_900);
    for path in ["/api/v1/events/other", "/api/v1/events/NO", "/api/v1/events/other/availability"] {
        assert_eq!(script.ask(TestRequest::get().uri(path)).await.problem(404), "not_found", "{path}");
    }
}

#[actix_web::test]
async fn a_method_that_is_not_there_and_an_address_that_is_not_there_say_so() {
    let script = Script::new();
    let reads = [
        "/api/tickets/availability",
        "/api/orders/x",
        "/api/v1/events",
        "/api/v1/events/festival",
        "/api/openapi.json",
    ];
    for (paths, allowed) in [(&reads[..], "GET, HEAD"), (&BUY[..], "POST")] {
        for path in paths {
            for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
                if allowed.contains(method.as_str()) {
                    continue;
                }
                let answer = script.ask(TestRequest::with_uri(path).method(method.clone())).await;
                assert_eq!(answer.problem(405), "method_not_allowed", "{method} {path}");
                assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
            }
        }
    }
    for path in ["/api/nothing", "/api/v2/events", "/api/"] {
        assert_eq!(script.ask(TestRequest::get().uri(path)).await.problem(404), "not_found", "{path}");
    }
    let page = script.ask(TestRequest::get().uri("/nothing")).await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")), "people get a page");
    assert!(script.asked().is_empty());
}

#[actix_web::test]
async fn a_request_id_is_kept_when_it_is_harmless() {
    let script = Script::new();
    let with = |id: &str| TestRequest::get().uri("/api/nothing").insert_header(("X-Request-Id", id.to_owned()));
    assert_eq!(script.ask(with("abc-123")).await.header("x-request-id"), Some("abc-123"));
    let too_long = "x".repeat(65);
    for odd in ["", "with space", too_long.as_str()] {
        let answer = script.ask(with(odd)).await;
        let id = answer.header("x-request-id").unwrap();
        assert!(id.len() == 16 && id != odd, "{odd}: {id}");
    }
}

/// Everything that the tests above got is described, and what is described can be got.
fn refusing_everybody() -> Script {
    let door = DoorRules { allow: "10.0.0.0/8".parse().expect("a network"), ..DoorRules::default() };
    Script { options: ShopOptions { door, max_watchers: 1, ..ShopOptions::default() }, ..Script::new() }
}

fn too_often_for_anybody() -> Script {
    let door = DoorRules { limits_addresses: true, ..DoorRules::default() };
    let verdict = Verdict { standing: None, retry_after: Some(wait(1_000)) };
    let admits = std::sync::Arc::new(move |_| Says::Answer(verdict));
    Script { options: ShopOptions { door, max_watchers: 1, ..ShopOptions::default() }, admits, ..Script::new() }
}

#[actix_web::test]
async fn the_description_lists_every_route_with_every_status_it_gives() {
    type Seen = BTreeMap<(String, String), BTreeSet<String>>;
    let mut seen = Seen::new();
    let mut see = |method: &str, route: &str, status: u16| {
        seen.entry((route.to_owned(), method.to_owned())).or_default().insert(status.to_string());
    };
    let routes = ["/api/tickets/buy", "/api/v1/events/{slug}/orders"];
    for (path, route) in BUY.into_iter().zip(routes) {
        for (placed, status, ..) in noes() {
            let answer = Script::placing(Says::Answer(placed)).ask(buy(path)).await;
            assert_eq!(answer.status, status);
            see("post", route, status);
        }
        let script = Script::new();
        let post = || TestRequest::post().uri(path);
        let kind = ("Content-Type", "application/json");
        see("post", route, script.ask(buy(path)).await.status.as_u16());
        see("post", route, script.ask(post().insert_header(kind).set_payload("{")).await.status.as_u16());
        see(
            "post",
            route,
            script.ask(post().insert_header(kind).set_payload("x".repeat(20_000))).await.status.as_u16(),
        );
        see("post", route, script.ask(post()).await.status.as_u16());
    }
    for (path, route) in FIND.into_iter().zip(["/api/orders/{order}", "/api/v1/orders/{order}"]) {
        let get = |id: String| TestRequest::get().uri(&format!("{path}{id}"));
        let key = || key().to_string();
        see("get", route, Script::finding(found(OrderStatus::Pending, None)).ask(get(key())).await.status.as_u16());
        see("get", route, Script::new().ask(get(key())).await.status.as_u16());
        see("get", route, Script::new().ask(get("x".into())).await.status.as_u16());
        see("get", route, Script::finding(Says::Full).ask(get(key())).await.status.as_u16());
    }
    let route = "/api/v1/orders/{order}/tickets";
    let order = key();
    let taken = Script::new().ask(buy(BUY[0])).await.json();
    let tickets = taken["ticketsUrl"].as_str().unwrap();
    let row = OrderRecord {
        order,
        pool: shown(1, 0).event.types[0].pool,
        quantity: 1,
        buyer: BuyerId(9),
        fingerprint: Fingerprint(1),
        contact: Contact::default(),
        status: OrderStatus::Confirmed,
        reason: None,
        asked_at: NOW,
        decided_at: NOW,
        version: 1,
    };
    let with_row = OrderFound { status: OrderStatus::Confirmed, reason: None, record: Some(row) };
    for (script, path) in [
        (Script::finding(Says::Answer(Ok(with_row))), tickets),
        (Script::finding(found(OrderStatus::Pending, None)), tickets),
        (Script::new(), tickets),
        (Script::finding(Says::Full), tickets),
        (Script::new(), "/api/v1/orders/x/tickets"),
        (Script::new(), &*format!("/api/v1/orders/{order}/tickets")),
    ] {
        see("get", route, script.ask(TestRequest::get().uri(path)).await.status.as_u16());
    }
    for route in
        ["/api/tickets/availability", "/api/v1/events", "/api/v1/events/{slug}", "/api/v1/events/{slug}/availability"]
    {
        let ready = Script::new();
        let path = route.replace("{slug}", "festival");
        let get = |path: &str| TestRequest::get().uri(path);
        see("get", route, ready.ask(get(&path)).await.status.as_u16());
        let known = ready.ask(get(&path).insert_header(("If-None-Match", "*"))).await;
        see("get", route, known.status.as_u16());
        if route.contains("{slug}") {
            see("get", route, ready.ask(get(&route.replace("{slug}", "other"))).await.status.as_u16());
        }
        let closed = Script::new();
        closed.show(Says::Answer(Err(EventNotShown::NotReady)));
        see("get", route, closed.ask(get(&path)).await.status.as_u16());
    }
    let stream = "/api/v1/events/{slug}/availability/stream";
    for (slug, says) in
        [("festival", Ok(shown(1, 0))), ("other", Ok(shown(1, 0))), ("festival", Err(EventNotShown::NotReady))]
    {
        let script = Script::new();
        script.show(Says::Answer(says));
        // Without its body, which has no end.
        let request = TestRequest::with_uri(&stream.replace("{slug}", slug)).method(Method::HEAD);
        see("get", stream, script.ask(request).await.status.as_u16());
    }

    let answer = Script::new().ask(TestRequest::get().uri("/api/openapi.json")).await;
    let api = answer.json();
    assert!(api["openapi"].as_str().is_some_and(|version| version >= "3.1"));
    let mut described = Seen::new();
    for (route, operations) in api["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let statuses = operation["responses"].as_object().unwrap().keys().cloned();
            described.insert((route.clone(), method.clone()), statuses.collect());
        }
    }
    // The door stands before every route.
    for ((route, method), statuses) in &mut seen {
        let path = route.replace("{slug}", "festival").replace("{order}", &key().to_string());
        for (script, status) in [(refusing_everybody(), 403), (too_often_for_anybody(), 429)] {
            let request = TestRequest::with_uri(&path).peer_addr("192.0.2.1:1".parse().unwrap());
            let request = if method == "post" { request.method(Method::POST) } else { request };
            assert_eq!(script.ask(request).await.status, status);
            statuses.insert(status.to_string());
        }
    }
    for (operation, statuses) in &mut described {
        if operation.1 == "post" {
            assert!(statuses.remove("408"), "a body that does not arrive, which needs a socket to be tried");
        }
    }
    assert_eq!(seen, described);
}
