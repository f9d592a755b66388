//! The API of paid orders without storage: who may, every no with its status, what is told, and the provider's notices.

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::test::TestRequest;
use bytes::Bytes;
use serde_json::json;
use stampede_actors::{
    doorkeeper::{Standing, Verdict},
    facts::PutOff,
    inventory::{OrderFound, OrderNotShown},
    lane::Wish,
    ports::{BadNotice, Limit, PaymentNotice, PortFailure, Quota},
    till::TillAnswer,
};
use stampede_domain::{Decline, Hold, HoldRefused, Millis, OrderStatus, PaymentId};
use stampede_http::{
    DoorRules, ShopOptions,
    paying::{OrganizerToken, Paying},
};
use std::{sync::Arc, time::Duration};
use support::{Answer, Says, Script, hold, k, key, paying, row, shown_with_vip};

const BANK: &str = "/bank/payments/pay_1";

fn post(what: &str, query: &str) -> TestRequest {
    TestRequest::post().uri(&format!("/api/v1/orders/{}/{what}{query}", key()))
}

async fn find(script: &Script, query: &str) -> Answer {
    script.ask(TestRequest::get().uri(&format!("/api/v1/orders/{}{query}", key()))).await
}

fn with(paying: Paying, script: Script) -> Script {
    Script { options: ShopOptions { paying, max_watchers: 1, ..ShopOptions::default() }, ..script }
}

fn organized(script: Script) -> Script {
    with(Paying { organizer: Some(OrganizerToken::new("the-token")), ..Paying::default() }, script)
}

fn refund() -> TestRequest {
    post("refund", "").insert_header(("Authorization", "Bearer the-token")).set_json(json!({"reason": "Called off"}))
}

#[actix_web::test]
async fn paying_begins_and_says_where() {
    let query = format!("?k={}", k().await);
    let script = Script::holding([hold(OrderStatus::Reserved), paying(None), paying(Some(BANK))]);
    let answer = script.ask(post("payment", &query).set_json(json!({"attempt": 1}))).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let status_url = format!("/api/v1/orders/{}{query}", key());
    assert_eq!((answer.header("location"), answer.header("cache-control")), (Some(&*status_url), Some("no-store")));
    let told = answer.json();
    assert_eq!(
        told,
        json!({"orderId": key().to_string(), "status": "paying", "payment": "open", "attempt": 1, "payUrl": BANK,
            "holdUntil": "2027-06-01T10:10:00.000Z", "statusUrl": status_url, "serverTime": "2027-06-01T10:00:00.000Z"})
    );
    assert_eq!(script.wished(), [Wish::Pay { attempt: 1 }]);
}

/// Nobody keeps a list of keys for this: the number of the attempt is the key.
#[actix_web::test]
async fn the_same_attempt_is_the_same_payment_however_it_is_named() {
    let query = format!("?k={}", k().await);
    let declined = Hold { attempt: 1, decline: Some(Decline::Declined), ..hold(OrderStatus::Reserved) };
    let under_way = paying(Some(BANK));
    let named = |hold: &Hold, request: TestRequest| {
        let script = Script::holding([hold.clone()]);
        async move {
            let status = script.ask(request).await.status.as_u16();
            (status, script.wished().pop())
        }
    };
    let pay = |attempt| (202, Some(Wish::Pay { attempt }));
    let to = || post("payment", &query);
    assert_eq!(named(&under_way, to().set_json(json!({"attempt": 1}))).await, pay(1));
    assert_eq!(named(&under_way, to().insert_header(("Idempotency-Key", "1"))).await, pay(1));
    assert_eq!(
        named(&under_way, to().insert_header(("Idempotency-Key", "\"1\"")).set_json(json!({"attempt": 1}))).await,
        pay(1)
    );
    assert_eq!(named(&under_way, to()).await, pay(1), "none named: the one under way");
    assert_eq!(named(&under_way, to().set_json(json!({}))).await, pay(1));
    assert_eq!(named(&declined, to()).await, pay(2), "or the next one");
    for odd in ["0", "11", "one", "018bcfe5-6807-7000-8000-000000000000", "2"] {
        let request = to().insert_header(("Idempotency-Key", odd)).set_json(json!({"attempt": 1}));
        assert_eq!(named(&under_way, request).await, (422, None), "{odd}");
    }
    for odd in
        [json!({"attempt": 0}), json!({"attempt": 11}), json!({"attempt": "1"}), json!({"card": "4242"}), json!([1])]
    {
        assert_eq!(named(&under_way, to().set_json(&odd)).await, (422, None), "{odd}");
    }
}

#[actix_web::test]
async fn more_time_and_giving_up_are_told_as_they_are_then() {
    let query = format!("?k={}", k().await);
    let until = Millis(hold(OrderStatus::Reserved).hold_until.0 + 300_000);
    let longer = Hold { extended: true, hold_until: until, ..hold(OrderStatus::Reserved) };
    let script = Script::holding([hold(OrderStatus::Reserved), longer]);
    let answer = script.ask(post("extend", &query)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["holdUntil"]), (202, &json!("2027-06-01T10:15:00.000Z")));
    assert_eq!(script.wished(), [Wish::Extend]);
    let script = Script::holding([hold(OrderStatus::Reserved), hold(OrderStatus::Cancelled)]);
    let answer = script.ask(post("cancel", &query)).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (202, &json!("cancelled")));
    let again = Script::holding([hold(OrderStatus::Cancelled)]).ask(post("cancel", &query)).await;
    assert_eq!((again.status.as_u16(), &again.json()["status"]), (202, &json!("cancelled")), "twice is once");
}

#[actix_web::test]
async fn every_no_has_its_status_and_a_sentence_that_helps() {
    let query = format!("?k={}", k().await);
    let noes = [
        (HoldRefused::OutOfTime, 410, "out_of_time"),
        (HoldRefused::Ended(OrderStatus::Expired), 410, "expired"),
        (HoldRefused::Ended(OrderStatus::Cancelled), 409, "cancelled"),
        (HoldRefused::Ended(OrderStatus::Refunded), 409, "refunded"),
        (HoldRefused::TooEarly, 409, "too_early"),
        (HoldRefused::PaymentUnderWay, 409, "payment_under_way"),
        (HoldRefused::AlreadyPaid, 409, "already_paid"),
        (HoldRefused::NotPaid, 409, "not_paid"),
        (HoldRefused::TooManyAttempts, 409, "too_many_attempts"),
        (HoldRefused::NotTheNextAttempt { next: 3 }, 409, "not_the_next_attempt"),
        (HoldRefused::AlreadyExtended, 409, "already_extended"),
    ];
    for (no, status, code) in noes {
        let script = organized(Script::holding([hold(OrderStatus::Reserved)]).told(TillAnswer::Refused(no)));
        for request in [post("payment", &query), post("extend", &query), post("cancel", &query), refund()] {
            let answer = script.ask(request).await;
            assert_eq!(answer.problem(status), code, "{no:?}");
            assert_eq!(answer.json()["statusUrl"], format!("/api/orders/{}", key()), "{no:?}");
        }
    }
    let others = [
        (Says::Answer(TillAnswer::NotNow { why: PutOff::Broken }), "port_failed"),
        (Says::Answer(TillAnswer::Unsure), "unknown"),
        (Says::Full, "mailbox_full"),
        (Says::Dies, "unknown"),
    ];
    for (till, code) in others {
        let script = organized(Script { till, ..Script::holding([hold(OrderStatus::Reserved)]) });
        for request in [post("payment", &query), post("extend", &query), post("cancel", &query), refund()] {
            let answer = script.ask(request).await;
            assert_eq!(answer.problem(503), code);
            assert!(answer.header("retry-after").is_some());
        }
    }
    // An attempt that began before the order ended is known, and no payment of it will ever be.
    let over = Script::holding([Hold { attempt: 1, ..hold(OrderStatus::Expired) }]);
    assert_eq!(over.ask(post("payment", &query).set_json(json!({"attempt": 1}))).await.problem(410), "expired");
}

#[actix_web::test]
async fn an_order_that_is_not_held_says_what_it_is_instead() {
    let query = format!("?k={}", k().await);
    let found = |status| {
        organized(Script::finding(Says::Answer(Ok(OrderFound { status, reason: None, record: Some(row(status)) }))))
    };
    for what in ["payment", "extend", "cancel"] {
        let answer = found(OrderStatus::Pending).ask(post(what, &query)).await;
        assert_eq!(answer.problem(409), "not_reserved_yet", "{what}");
        assert!(answer.header("retry-after").is_some(), "{what}");
        let at_gate = found(OrderStatus::Confirmed).ask(post(what, &query)).await;
        assert_eq!(at_gate.problem(409), "not_paid_online", "{what}");
        assert_eq!(Script::new().ask(post(what, &query)).await.problem(404), "not_found", "{what}");
        let later = OrderNotShown::NotKnownYet { retry_after: std::time::Duration::from_secs(1) };
        let answer = Script::finding(Says::Answer(Err(later))).ask(post(what, &query)).await;
        assert_eq!(answer.problem(503), "not_known_yet", "{what}");
        let odd = TestRequest::post().uri(&format!("/api/v1/orders/x/{what}"));
        assert_eq!(Script::new().ask(odd).await.problem(422), "invalid", "{what}");
    }
    assert_eq!(found(OrderStatus::Confirmed).ask(refund()).await.problem(409), "not_paid_online");
    assert_eq!(organized(Script::new()).ask(refund()).await.problem(404), "not_found");
}

#[actix_web::test]
async fn only_who_has_the_key_changes_an_order() {
    let script = Script::holding([hold(OrderStatus::Reserved)]);
    for what in ["payment", "extend", "cancel"] {
        for query in ["", "?k=", "?k=AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(script.ask(post(what, query)).await.problem(403), "not_yours", "{what}{query}");
        }
    }
    // A browser sends its cookie whoever asks it to; the key is sent by who has it.
    let taken = Script::new()
        .ask(
            TestRequest::post()
                .uri("/en/events/festival/orders")
                .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
                .set_payload(format!("key={}&ticketTypeId=general&quantity=1&name=Eva", key())),
        )
        .await;
    let cookie = ("Cookie", taken.header("set-cookie").unwrap().split(';').next().unwrap().to_owned());
    let foreign = ("Origin", "https://evil.example");
    let answer = script.ask(post("cancel", "").insert_header(cookie.clone()).insert_header(foreign)).await;
    assert_eq!(answer.problem(403), "cross_site");
    assert!(script.wished().is_empty());
    assert_eq!(script.ask(post("cancel", "").insert_header(cookie)).await.status, 202);
    let query = format!("?k={}", k().await);
    assert_eq!(script.ask(post("cancel", &query).insert_header(foreign)).await.status, 202);
}

#[actix_web::test]
async fn money_is_given_back_by_the_organizer_alone() {
    let paid = || hold(OrderStatus::Confirmed);
    let script = organized(Script::holding([paid(), hold(OrderStatus::Refunded)]));
    let answer = script.ask(refund()).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (202, &json!("refunded")), "{}", answer.text());
    assert!(!answer.text().contains("?k="), "who gives money back need not see whose it was");
    assert_eq!(script.wished(), [Wish::Refund { reason: "Called off".into() }]);
    let script = organized(Script::holding([paid()]));
    let without = script.ask(post("refund", "").set_json(json!({"reason": "x"}))).await;
    assert_eq!(without.problem(401), "organizers_only");
    assert!(without.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")));
    let buyers = script.ask(post("refund", &format!("?k={}", k().await)).set_json(json!({"reason": "x"}))).await;
    assert_eq!(buyers.problem(401), "organizers_only");
    let other = post("refund", "").insert_header(("Authorization", "Bearer another")).set_json(json!({"reason": "x"}));
    assert_eq!(script.ask(other).await.problem(403), "not_the_organizer");
    let nowhere = Script::holding([paid()]).ask(refund()).await;
    assert_eq!(nowhere.problem(403), "not_the_organizer", "a shop without a token gives nothing back");
    let said = |body| post("refund", "").insert_header(("Authorization", "Bearer the-token")).set_json(body);
    for odd in [json!({}), json!({"reason": ""}), json!({"reason": " "}), json!({"reason": "x".repeat(201)})] {
        assert_eq!(script.ask(said(odd)).await.problem(422), "invalid");
    }
    let empty = post("refund", "").insert_header(("Authorization", "Bearer the-token"));
    assert_eq!(script.ask(empty).await.problem(415), "unsupported_media_type");
    assert!(script.wished().is_empty());
}

#[actix_web::test]
async fn an_order_tells_its_payment_to_who_has_the_key() {
    let query = format!("?k={}", k().await);
    let told = find(&Script::holding([paying(Some(BANK))]), &query).await.json();
    assert_eq!(
        told,
        json!({"orderId": key().to_string(), "status": "paying", "payment": "open", "holdUntil": "2027-06-01T10:10:00.000Z",
            "amountMinor": 100_200, "currency": "EUR", "attempt": 1, "payUrl": BANK, "serverTime": "2027-06-01T10:00:00.000Z"})
    );
    let declined = Hold { attempt: 1, decline: Some(Decline::InsufficientFunds), ..hold(OrderStatus::Reserved) };
    let told = find(&Script::holding([declined]), &query).await.json();
    assert_eq!((&told["status"], &told["declined"]), (&json!("reserved"), &json!("insufficient_funds")));
    assert!(told.get("payment").is_none() && told.get("payUrl").is_none());
    let stranger = find(&Script::holding([paying(Some(BANK))]), "").await.json();
    assert_eq!(stranger.as_object().unwrap().len(), 3, "{stranger}");
    // What was read first may be older than what was read then.
    let mut script = Script::holding([hold(OrderStatus::Confirmed)]);
    script.found = Says::Answer(Ok(OrderFound { status: OrderStatus::Paying, reason: None, record: None }));
    assert_eq!(find(&script, &query).await.json()["status"], "confirmed");
}

#[actix_web::test]
async fn a_ticket_type_tells_how_it_is_paid() {
    let script = Script::new();
    script.show(Says::Answer(Ok(shown_with_vip())));
    let told = script.ask(TestRequest::get().uri("/api/v1/events/festival")).await.json();
    assert_eq!(told["ticketTypes"][0]["payment"], json!({"how": "at_the_gate"}));
    assert_eq!(told["ticketTypes"][1]["payment"], json!({"how": "online", "feeMinor": 200, "holdSeconds": 600}));
}

fn noticing(says: Result<Option<PaymentNotice>, BadNotice>, script: Script) -> Script {
    let read_notice = move |_: Millis, signature: &str, body: &Bytes| {
        assert_eq!(body.as_ref(), b"{\"raw\": 1 }", "the bytes as they came");
        if signature == "good" { says.clone() } else { Err(BadNotice::Forged("no")) }
    };
    let paying =
        Paying { read_notice: Some(Arc::new(read_notice)), signature_header: "Stripe-Signature", ..Paying::default() };
    with(paying, script)
}

fn notify(signature: &'static str) -> TestRequest {
    TestRequest::post()
        .uri("/webhooks/payments")
        .insert_header(("stripe-signature", signature))
        .set_payload("{\"raw\": 1 }")
}

#[actix_web::test]
async fn a_notice_is_answered_only_when_it_is_kept() {
    let notice = PaymentNotice { payment: PaymentId::new("pay_1").unwrap(), order: key(), attempt: 1 };
    let script = noticing(Ok(Some(notice.clone())), Script::new());
    assert_eq!(script.ask(notify("good")).await.status, 204);
    assert_eq!(*script.notices.lock().unwrap(), std::slice::from_ref(&notice));
    let failing = [
        Says::Answer(Err(PortFailure::Unavailable("full".into()))),
        Says::Answer(Err(PortFailure::Unknown("slow".into()))),
        Says::Full,
        Says::Dies,
    ];
    for keeps in failing {
        let script = noticing(Ok(Some(notice.clone())), Script { keeps, ..Script::new() });
        assert_eq!(script.ask(notify("good")).await.problem(503), "not_kept", "the provider sends it again");
    }
    let script = noticing(Ok(None), Script::new());
    assert_eq!(script.ask(notify("good")).await.status, 204, "about nothing of ours");
    assert!(script.notices.lock().unwrap().is_empty());
}

#[actix_web::test]
async fn a_forged_notice_reaches_nobody() {
    let script = noticing(Ok(None), Script::new());
    assert_eq!(script.ask(notify("bad")).await.problem(400), "forged");
    let unsigned = TestRequest::post().uri("/webhooks/payments").set_payload("{\"raw\": 1 }");
    assert_eq!(script.ask(unsigned).await.problem(400), "forged");
    let odd = noticing(Err(BadNotice::Unreadable("no json".into())), Script::new());
    assert_eq!(odd.ask(notify("good")).await.problem(400), "unreadable");
    let large = TestRequest::post().uri("/webhooks/payments").set_payload("x".repeat(70_000));
    assert_eq!(script.ask(large).await.problem(413), "too_large");
    assert!(script.notices.lock().unwrap().is_empty());
    assert_eq!(Script::new().ask(notify("good")).await.problem(404), "not_found", "nobody sends any here");
    assert_eq!(script.ask(TestRequest::get().uri("/webhooks/payments")).await.problem(405), "method_not_allowed");
}

/// A door at which everybody has come too often.
fn crowded(mut script: Script) -> Script {
    script.options.door = DoorRules {
        limits_addresses: true,
        exempt: "127.0.0.0/8".parse().expect("because it is a network"),
        ..DoorRules::default()
    };
    let quota = Quota { burst: 20, per_second: 10 };
    script.admits = Arc::new(move |_| {
        let standing = Standing { limit: Limit::Orders, quota, remaining: 0 };
        Says::Answer(Verdict { standing: Some(standing), retry_after: Some(Duration::from_secs(1)) })
    });
    script
}

#[actix_web::test]
async fn the_providers_notices_are_taken_however_many_come_and_nobody_elses() {
    let from_afar = |request: TestRequest| request.peer_addr("198.51.100.7:4711".parse().unwrap());
    let notice = PaymentNotice { payment: PaymentId::new("pay_1").unwrap(), order: key(), attempt: 1 };
    let script = crowded(noticing(Ok(Some(notice)), Script::new()));
    let answer = script.ask(from_afar(notify("good"))).await;
    assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (204, None));
    assert_eq!(script.notices.lock().unwrap().len(), 1);

    let unsigned = || TestRequest::post().uri("/webhooks/payments").set_payload("{\"raw\": 1 }");
    let large = notify("good").set_payload("x".repeat(70_000));
    let elsewhere = TestRequest::post().uri("/api/tickets/buy").insert_header(("stripe-signature", "good"));
    for request in [notify("bad"), unsigned(), large, elsewhere] {
        let answer = script.ask(from_afar(request)).await;
        assert!(answer.header("retry-after").is_some());
        assert_eq!(answer.problem(429), "too_many_requests");
    }
    let nobody_sends = crowded(Script::new());
    assert_eq!(nobody_sends.ask(from_afar(notify("good"))).await.problem(429), "too_many_requests");
    assert_eq!(script.notices.lock().unwrap().len(), 1);
}
