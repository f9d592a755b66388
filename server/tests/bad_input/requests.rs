//! Methods, addresses, headers and time.

use super::{Answer, BUY, FORM, JSON, PATIENCE, URLENCODED, Victim, support::key};
use std::{
    io::Write,
    net::{Shutdown, TcpStream},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_address_answers_its_own_methods_and_names_them() {
    let victim = Victim::open().await;
    let order = key();
    let reads = [
        "/".to_owned(),
        "/en".to_owned(),
        "/de/events/frequency-festival".to_owned(),
        format!("/en/orders/{order}"),
        "/events/frequency-festival".to_owned(),
        "/my".to_owned(),
        "/en/my/orders".to_owned(),
        "/en/my/orders?k=AAAA".to_owned(),
        "/favicon.ico".to_owned(),
        "/static/site.css".to_owned(),
        "/api/tickets/availability".to_owned(),
        format!("/api/orders/{order}"),
        "/api/v1/events".to_owned(),
        "/api/v1/events/frequency-festival".to_owned(),
        "/api/v1/events/frequency-festival/availability".to_owned(),
        "/api/v1/events/frequency-festival/availability/stream".to_owned(),
        format!("/api/v1/orders/{order}"),
        "/api/openapi.json".to_owned(),
        "/api/docs".to_owned(),
        "/api/docs/".to_owned(),
    ];
    for path in &reads {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECTED"] {
            refused(&victim.ask(method, path, &[], b""), "GET, HEAD", path);
        }
        let head = victim.ask("HEAD", path, &[], b"");
        assert!(head.body.is_empty(), "HEAD {path}");
        if !path.ends_with("stream") {
            assert_eq!(head.status, victim.get(path).status, "HEAD {path}");
        }
    }
    for path in [BUY, "/api/v1/events/frequency-festival/orders"] {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECTED"] {
            refused(&victim.ask(method, path, &[], b""), "POST", path);
        }
    }
    assert_eq!(victim.get(FORM).header("location"), Some("/en/events/frequency-festival"));
    refused(&victim.ask("DELETE", FORM, &[], b""), "GET, HEAD, POST", FORM);
    refused(&victim.ask("DELETE", "/en/my", &[], b""), "GET, HEAD, POST", "/en/my");
    victim.stands().await;
}

fn refused(answer: &Answer, allow: &str, path: &str) {
    assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{path}: {answer:?}");
    match path.starts_with("/api/") {
        // HEAD has no body to look at.
        true if answer.body.is_empty() => {}
        true => assert_eq!(answer.problem()["code"], "method_not_allowed"),
        false => assert!(answer.page().contains("405")),
    }
}

/// An address and the status it gets; a page where people look, a problem where programs do.
#[rustfmt::skip]
const ADDRESSES: &[(&str, u16)] = &[
    ("/nope", 404), ("//", 404), ("//en", 404), ("/en//events/frequency-festival", 404), ("//example.org/", 404),
    ("/en/events/nope", 404), ("/en/events/%00", 404), ("/en/events/%ff%fe", 404), ("/en/events/%0d%0aset-cookie:%20x", 404),
    ("/en/events/%zz", 404), ("/en/events/%", 404), ("/fr", 404), ("/xx/events/frequency-festival", 404), ("/EN", 404),
    ("/en/orders/nope", 404), ("/en/orders/%00", 404), ("/en/orders/00000000-0000-7000-8000-000000000000", 404),
    ("/en/orders/00000000-0000-7000-8000-000000000000?k=x&k=y&k=%ff", 404),
    ("/static/..%2f..%2fCargo.toml", 404), ("/static/../../etc/passwd", 404), ("/static/%00", 404),
    ("/api", 404), ("/api/", 404), ("/api/nope", 404), ("/api//v1/events", 404), ("/api/v1/events/", 404),
    ("/api/v1/events/nope", 404), ("/api/v1/events/%ff", 404), ("/api/v1/events/%00/availability", 404),
    ("/api/v1/events/nope/availability/stream", 404), ("/api/docs/nope", 404), ("/api/docs/../../nope", 404),
    ("/api/orders/nope", 422), ("/api/orders/%ff", 422), ("/api/v1/orders/1", 422), ("/api/orders/%0a", 422),
    ("/api/orders/00000000-0000-7000-8000-000000000000", 404),
    ("/en?k=%ff&%00", 200), ("/events/%0d%0aset-cookie:%20x", 303), ("/de/", 303),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_odd_address_is_answered_in_the_language_of_who_asked() {
    let victim = Victim::open().await;
    let long = format!("/{}", "a".repeat(5_000));
    for (path, status) in ADDRESSES.iter().copied().chain([(long.as_str(), 404)]) {
        let answer = victim.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(answer.header("set-cookie").filter(|cookie| cookie.starts_with('x')), None, "{path}");
        match status {
            200 | 303 => {}
            _ if path == "/api" || path.starts_with("/api/") => drop(answer.problem()),
            _ => assert!(answer.page().contains("404")),
        }
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_headers_change_nothing() {
    let victim = Victim::open().await;
    let long = "a=b;".repeat(2_000);
    let headers: &[(&str, &[u8])] = &[
        ("accept-language", b"\xff\xfe"),
        ("accept-language", b"de;q=abc, ;;;,,, en;q=1e999"),
        ("accept-language", b"*"),
        ("cookie", b"\xff\xfe=\x80; stampede_buyer=%ff; stampede_orders=AAAA"),
        ("cookie", b"=;;;=="),
        ("cookie", long.as_bytes()),
        ("x-request-id", b"<script>"),
        ("x-request-id", long.as_bytes()),
        ("if-none-match", b"\xff"),
        ("traceparent", b"00-zz-zz-zz"),
        ("accept", b"\xff"),
    ];
    for header in headers {
        for path in ["/en", "/api/tickets/availability", "/api/v1/events/frequency-festival/availability"] {
            assert_eq!(victim.ask("GET", path, &[*header], b"").status, 200, "{header:?}");
        }
        let answer = victim.ask("GET", "/nope", &[*header], b"");
        assert_eq!(answer.status, 404, "{header:?}");
        assert!(!answer.page().contains("<script>"), "{header:?}");
    }
    // What the parser refuses never reaches a route; it only has to answer.
    let huge = format!("GET /en HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(300_000));
    let far = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let parser: [&[u8]; 7] = [
        huge.as_bytes(),
        far.as_bytes(),
        b"garbage\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /api/tickets/buy HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /api/tickets/buy HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    for bytes in parser {
        let answer = victim.raw(bytes);
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_slowly_or_not_at_all_is_let_go() {
    let victim = Victim::open().await;
    let buy = format!("POST {BUY} HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: 100\r\n\r\n{{");
    let form =
        format!("POST {FORM} HTTP/1.1\r\nhost: x\r\ncontent-type: {URLENCODED}\r\ncontent-length: 100\r\n\r\nname=");
    let open = |bytes: &str| {
        let mut stream = TcpStream::connect(&victim.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        stream
    };
    // All wait at the same time; none may be held for longer than the shop's patience.
    let [never, form_never, nothing, head, half] =
        [open(&buy), open(&form), open(""), open("GET /en HTTP/1.1\r\nho"), open(&buy)];
    half.shutdown(Shutdown::Write).unwrap();
    assert_eq!(Answer::read(half).problem()["code"], "malformed");
    assert_eq!((Answer::read(nothing).status, Answer::read(head).status), (408, 408));
    assert_eq!(Answer::read(never).problem()["code"], "too_slow");
    assert!(Answer::read(form_never).page().contains("408"));
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn availability_is_not_sent_twice_to_who_has_it() {
    let victim = Victim::open().await;
    for path in ["/api/tickets/availability", "/api/v1/events/frequency-festival/availability"] {
        // An order moves the tag twice: when it is taken, and when it is written.
        victim.shop.until_quiet().await;
        let tag = victim.get(path).header("etag").unwrap().to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            for method in ["GET", "HEAD"] {
                let answer = victim.ask(method, path, &[("if-none-match", known.as_bytes())], b"");
                assert_eq!((answer.status, answer.body.as_str()), (304, ""), "{known}");
                assert_eq!(answer.header("etag"), Some(tag.as_str()));
            }
        }
        assert_eq!(victim.ask("GET", path, &[("if-none-match", b"\"x\"")], b"").status, 200);
        assert_eq!(victim.shop.buy(&key(), path, 1).await.unwrap().status().as_u16(), 202);
        victim.shop.until("the tag moves", async || victim.get(path).header("etag").unwrap() != tag).await;
    }
    victim.stands().await;
}
