//! What programs send: bodies, their kinds, and idempotency keys.

use super::{
    BUY, FORM, JSON, URLENCODED, Victim,
    support::{Shop, key},
};

/// The bytes of a body in JSON, the status and the code it gets, and a word that has to be in the answer.
type Case = (&'static [u8], u16, &'static str, &'static str);

#[rustfmt::skip]
const BODIES: &[Case] = &[
    (b"", 400, "malformed", "empty"),
    (b"   ", 400, "malformed", "JSON"),
    (b"hello", 400, "malformed", "JSON"),
    (br#"{"userId":"x""#, 400, "malformed", "JSON"),
    (br#"{"userId":"x"} {}"#, 400, "malformed", "trailing"),
    (b"{\"userId\":\"x\xff\xfe\"}", 400, "malformed", "unicode"),
    (b"\xef\xbb\xbf{\"userId\":\"x\"}", 400, "malformed", "JSON"),
    (b"{\"userId\":\"a\0b\"}", 400, "malformed", "control"),
    (br#"{"userId":"\ud800"}"#, 400, "malformed", "hex"),
    (br#"{"userId":"x","quantity":1e999}"#, 400, "malformed", "number"),
    (b"[]", 422, "invalid", "object"),
    (br#"["x",1,null,null,null]"#, 422, "invalid", "object"),
    (b"null", 422, "invalid", "object"),
    (b"5", 422, "invalid", "object"),
    (b"{}", 422, "invalid", "userId"),
    (br#"{"userId":5}"#, 422, "invalid", "string"),
    (br#"{"userId":null}"#, 422, "invalid", "string"),
    (br#"{"userId":""}"#, 422, "invalid", "userId"),
    (br#"{"userId":"   "}"#, 422, "invalid", "blank"),
    (br#"{"userId":"\u200b\u2060"}"#, 422, "invalid", "blank"),
    (br#"{"userId":"a\u0000b"}"#, 422, "invalid", "userId"),
    (br#"{"userId":"x","userId":"y"}"#, 422, "invalid", "duplicate"),
    (br#"{"userId":"x","price":0}"#, 422, "invalid", "price"),
    (br#"{"userId":"x","quantity":"2"}"#, 422, "invalid", "whole number"),
    (br#"{"userId":"x","quantity":null}"#, 422, "invalid", "whole number"),
    (br#"{"userId":"x","quantity":1.5}"#, 422, "invalid", "whole number"),
    (br#"{"userId":"x","quantity":1e-300}"#, 422, "invalid", "whole number"),
    (br#"{"userId":"x","quantity":[1]}"#, 422, "invalid", "whole number"),
    (br#"{"userId":"x","quantity":0}"#, 422, "invalid", "quantity: lower than 1"),
    (br#"{"userId":"x","quantity":-1}"#, 422, "invalid", "quantity: lower than 1"),
    (br#"{"userId":"x","quantity":-9223372036854775808}"#, 422, "invalid", "quantity: lower than 1"),
    (br#"{"userId":"x","quantity":101}"#, 422, "invalid", "quantity: greater than 100"),
    (br#"{"userId":"x","quantity":4294967297}"#, 422, "invalid", "quantity: greater than 100"),
    (br#"{"userId":"x","quantity":18446744073709551615}"#, 422, "invalid", "quantity: greater than 100"),
    (br#"{"userId":"x","quantity":7}"#, 422, "too_many_at_once", "6"),
    (br#"{"userId":"x","ticketTypeId":""}"#, 422, "invalid", "ticketTypeId"),
    (br#"{"userId":"x","ticketTypeId":"a\u0000"}"#, 422, "invalid", "ticketTypeId"),
    (br#"{"userId":"x","ticketTypeId":"backstage"}"#, 404, "not_for_sale", "ticket type"),
    (br#"{"userId":"x","name":""}"#, 422, "invalid", "name"),
    (br#"{"userId":"x","name":"  "}"#, 422, "invalid", "name"),
    (br#"{"userId":"x","email":"nobody"}"#, 422, "invalid", "email"),
    (br#"{"userId":"x","email":""}"#, 422, "invalid", "email"),
    (br#"{"userId":"x","email":"a\u0000@example.org"}"#, 422, "invalid", "email"),
    (br#"{"userId":"","quantity":0,"name":"","email":"x"}"#, 422, "invalid", "quantity"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_body_gets_its_4xx_and_a_word_on_what_is_wrong() {
    let victim = Victim::open().await;
    let endless = |letters: usize| "a".repeat(letters);
    let long = [
        (format!(r#"{{"userId":"{}"}}"#, endless(129)), 422, "userId"),
        (format!(r#"{{"userId":"x","name":"{}"}}"#, endless(201)), 422, "name"),
        (format!(r#"{{"userId":"x","email":"{}@example.org"}}"#, endless(300)), 422, "email"),
        (format!(r#"{{"userId":"x","{}":1}}"#, endless(12_000)), 422, "unknown field"),
        (format!(r#"{{"userId":"{}"}}"#, endless(17_000)), 413, "16384"),
        (format!(r#"{{"userId":"{}"}}"#, endless(1_000_000)), 413, "16384"),
        ("[".repeat(12_000), 422, "object"),
        (format!(r#"{{"userId":{}"#, "[".repeat(12_000)), 422, "string"),
    ];
    for path in [BUY, "/api/v1/events/frequency-festival/orders"] {
        for (body, status, code, word) in BODIES {
            let answer = victim.post(path, JSON, body);
            let (problem, sent) = (answer.problem(), String::from_utf8_lossy(body));
            assert_eq!((answer.status, problem["code"].as_str()), (*status, Some(*code)), "{sent}: {problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{sent}: {problem}");
        }
        for (body, status, word) in &long {
            let answer = victim.post(path, JSON, body.as_bytes());
            let problem = answer.problem();
            assert_eq!(answer.status, *status, "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(word), "{problem}");
        }
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_may_be_called_anything_that_can_be_read() {
    let victim = Victim::open().await;
    for (at, name) in ["👩‍👩‍👧‍👦🎪", "ليلة שלום", "O'Brien-Łukasiewicz", "<b>&amp;", "李", "a\u{301}"].iter().enumerate()
    {
        let body = format!(r#"{{"userId":"{at}","name":"{name}"}}"#);
        assert_eq!(victim.post(BUY, JSON, body.as_bytes()).status, 202, "{name}");
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_kind_is_not_guessed_at() {
    let victim = Victim::open().await;
    let body = br#"{"userId":"x"}"#;
    for kind in ["", "text/plain", URLENCODED, "application/problem+json", "multipart/form-data; boundary=x", "json"] {
        let answer = victim.post(BUY, kind, body);
        assert_eq!((answer.status, answer.problem()["code"].as_str()), (415, Some("unsupported_media_type")), "{kind}");
    }
    assert_eq!(victim.ask("POST", BUY, &[], body).problem()["status"], 415);
    assert_eq!(victim.ask("POST", BUY, &[("content-type", b"\xff\xfe")], body).problem()["status"], 415);
    assert_eq!(victim.post(BUY, "Application/JSON; charset=utf-8", body).status, 202);
    for kind in ["", JSON, "text/plain", "multipart/form-data; boundary=x"] {
        let answer = victim.post(FORM, kind, b"quantity=1");
        assert_eq!(answer.status, 415, "{kind}");
        answer.page();
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_a_uuid_of_version_7_of_today_and_of_one_request() {
    let victim = Victim::open().await;
    let buy = |keys: &[&[u8]], body: &[u8]| {
        let keys = keys.iter().map(|key| ("idempotency-key", *key));
        let headers: Vec<_> = keys.chain([("content-type", JSON.as_bytes())]).collect();
        victim.ask("POST", BUY, &headers, body)
    };
    let fresh = key();
    let of_time = |millis: u64| format!("{:08x}-{:04x}{}", millis >> 16, millis & 0xffff, &fresh[13..]).into_bytes();
    let now = u64::from_str_radix(&fresh.replace('-', "")[..12], 16).unwrap();
    let hour = 3_600_000;
    let bad = [
        b"".to_vec(),
        b"hello".to_vec(),
        b"\xff\xfe".to_vec(),
        vec![b'7'; 5_000],
        b"9b2d6b1e-7c1d-4c5b-9f1a-2f6d1b7e0c11".to_vec(),
        b"00000000-0000-0000-0000-000000000000".to_vec(),
        b"ffffffff-ffff-ffff-ffff-ffffffffffff".to_vec(),
        of_time(now - 365 * 24 * hour),
        of_time(now - 25 * hour),
        of_time(now + hour),
    ];
    for key in &bad {
        let problem = buy(&[key], br#"{"userId":"x"}"#).problem();
        assert_eq!(problem["code"], "key_invalid", "{}", String::from_utf8_lossy(key));
        assert!(problem["detail"].as_str().unwrap().contains("UUIDv7"), "{problem}");
    }
    let two = buy(&[fresh.as_bytes(), key().as_bytes()], br#"{"userId":"x"}"#);
    assert_eq!(two.problem()["code"], "key_invalid");

    let first = buy(&[fresh.as_bytes()], br#"{"userId":"mine"}"#);
    assert_eq!((first.status, first.header("idempotent-replayed")), (202, None));
    let again = buy(&[fresh.as_bytes()], br#"{"userId":"mine"}"#);
    assert_eq!((again.status, again.header("idempotent-replayed")), (202, Some("true")));
    for other in [&br#"{"userId":"mine","quantity":2}"#[..], br#"{"userId":"other"}"#] {
        let answer = buy(&[fresh.as_bytes()], other);
        assert_eq!((answer.status, answer.problem()["code"].as_str()), (422, Some("key_reused")));
        assert!(!answer.body.contains(&fresh), "nothing of the other order is revealed: {}", answer.body);
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_one_may_have_and_more_than_there_are_is_said_with_numbers() {
    let mut shop = Shop::closed(&[("STAMPEDE_DEMO_CAPACITY", "8"), ("STAMPEDE_DEMO_LIMIT_PER_BUYER", "6")]);
    shop.start().await;
    let victim = Victim { address: shop.address(), shop };
    assert_eq!(victim.post(BUY, JSON, br#"{"userId":"a","quantity":6}"#).status, 202);
    let limit = victim.post(BUY, JSON, br#"{"userId":"a","quantity":1}"#).problem();
    assert_eq!((limit["status"].as_u64(), limit["code"].as_str()), (Some(409), Some("limit")));
    assert!(limit["detail"].as_str().unwrap().contains('6'), "{limit}");
    victim.shop.until_numbers((2, 0, 6)).await;
    let over = victim.post(BUY, JSON, br#"{"userId":"b","quantity":3}"#).problem();
    assert_eq!((over["status"].as_u64(), over["code"].as_str()), (Some(409), Some("sold_out")));
    assert!(over["detail"].as_str().unwrap().starts_with("2 tickets are free"), "{over}");
    victim.stands().await;
}
