//! What no browser sends: too much of everything, two lengths for one body, garbage behind a request, other protocols. Whatever
//! it is, it is refused or answered, never by a 5xx, and never does a request hide in another one's body.

use super::{
    raw::{Answer, ask, send, send_all},
    support::{Shop, key},
};
use std::fmt::Write;

const HOST: &str = "host: shop\r\n";
const BUY: &str = "POST /api/tickets/buy HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n";
/// Would be an order, if somebody took it for a request.
const HIDDEN: &str = "POST /api/tickets/buy HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 16\r\n\r\n{\"userId\":\"evil\"}";

struct Victim {
    shop: Shop,
    address: String,
}

impl Victim {
    async fn open() -> Self {
        let mut shop = Shop::closed(&[]);
        shop.start().await;
        let address = shop.address();
        Self { shop, address }
    }

    /// Nothing failed, nobody died, nobody bought but the last one.
    async fn stands(self) {
        assert_eq!(self.shop.metric("stampede_http_requests_total", "status=\"5").await, 0.0);
        let actors = self.shop.ops_json("/actors").await;
        assert!(actors.as_array().unwrap().iter().all(|actor| actor["restarts"] == 0), "{actors}");
        assert_eq!(self.shop.numbers().await.1 + self.shop.numbers().await.2, 0, "something was bought");
        assert_eq!(self.shop.buy(&key(), "eva", 1).await.unwrap().status().as_u16(), 202);
        self.shop.until_quiet().await;
        self.shop.audit();
    }
}

/// How many answers these bytes hold.
fn answers(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).matches("HTTP/1.1 ").count()
}

fn beginning(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

/// Refused, once, and nothing behind it is read.
fn is_refused(victim: &Victim, sent: &[u8]) {
    let bytes = send_all(&victim.address, sent);
    // A connection that is closed without a word is refused as well.
    if let Some(answer) = Answer::first(&bytes) {
        assert!((400..500).contains(&answer.status), "{:?}: {answer:?}", beginning(sent));
    }
    assert!(answers(&bytes) <= 1, "{:?} was taken for several: {}", beginning(sent), String::from_utf8_lossy(&bytes));
}

/// Answered or refused, but by no 5xx.
fn is_harmless(victim: &Victim, sent: &[u8]) {
    let bytes = send_all(&victim.address, sent);
    if let Some(answer) = Answer::first(&bytes) {
        assert!(answer.status < 500 || answer.status == 503, "{:?}: {answer:?}", beginning(sent));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_two_lengths_is_refused_and_hides_no_request() {
    let victim = Victim::open().await;
    let framings = [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        "content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "content-length: 0\r\ncontent-length: 44\r\n\r\n",
        "content-length: 2, 2\r\n\r\n{}",
        "content-length: +2\r\n\r\n{}",
        "content-length: -1\r\n\r\n{}",
        "content-length: 0x2\r\n\r\n{}",
        "content-length: 2 2\r\n\r\n{}",
        "content-length: 99999999999999999999999\r\n\r\n{}",
        "content-length:\r\n\r\n{}",
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: gzip, chunked, x\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2\r\n{}zz0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n2\n{}\n0\n\n",
    ];
    for framing in framings {
        is_refused(&victim, format!("{BUY}{framing}{HIDDEN}").as_bytes());
    }
    // HTTP/1.0 knows no chunks: a proxy that speaks it would see another end of the body.
    let old = BUY.replace("HTTP/1.1", "HTTP/1.0");
    is_refused(&victim, format!("{old}transfer-encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}").as_bytes());
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_none_is_refused() {
    let victim = Victim::open().await;
    let heads = [
        "GET /en HTTP/1.1\r\n\r\n".to_owned(),
        format!("GET /en HTTP/1.1\r\n{HOST}no colon\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}: no name\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}a b: c\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}a\0b: c\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}a: b\0c\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}a: b\rc\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}a: b\r\n folded: c\r\n\r\n"),
        format!("GET /e n HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET /\0 HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET /en HTTP/1.1 x\r\n{HOST}\r\n"),
        format!("GET /en HTTP/9.9\r\n{HOST}\r\n"),
        format!("GET /en HTTP/2.0\r\n{HOST}\r\n"),
        format!("GET /en http/1.1\r\n{HOST}\r\n"),
        format!("G=T /en HTTP/1.1\r\n{HOST}\r\n"),
        format!(" GET /en HTTP/1.1\r\n{HOST}\r\n"),
        "GET /en\r\n\r\n".to_owned(),
        "garbage\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".to_owned(),
        "\0".repeat(10_000),
        "\r\n".repeat(10_000),
        "{}".to_owned(),
        "USER anonymous\r\nPASS x\r\n".to_owned(),
        "EHLO shop\r\n".to_owned(),
    ];
    for head in heads {
        is_refused(&victim, head.as_bytes());
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_odd_and_allowed_is_answered() {
    let victim = Victim::open().await;
    let odd = [
        format!("GET http://evil.example/en HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET http://evil.example:99999/en HTTP/1.1\r\n{HOST}\r\n"),
        format!("CONNECT evil.example:443 HTTP/1.1\r\n{HOST}\r\n"),
        format!("OPTIONS * HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET /en?{} HTTP/1.1\r\n{HOST}\r\n", "a=b&".repeat(5_000)),
        format!("GET /en HTTP/1.1\r\n{HOST}{HOST}\r\n"),
        "GET /en HTTP/1.1\r\nhost: \r\n\r\n".to_owned(),
        "GET /en HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(),
        "GET /en HTTP/1.1\r\nhost: shop:99999999\r\n\r\n".to_owned(),
        "GET /en HTTP/1.1\r\nhost: \u{ff}\r\n\r\n".to_owned(),
        "GET /en HTTP/1.1\nhost: shop\n\n".to_owned(),
        format!("\r\n\r\nGET /en HTTP/1.1\r\n{HOST}\r\n"),
        "GET /en HTTP/1.0\r\n\r\n".to_owned(),
        format!("GET /en HTTP/1.1\r\n{HOST}connection: upgrade\r\nupgrade: websocket\r\n\r\n"),
        format!(
            "GET /en HTTP/1.1\r\n{HOST}connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n"
        ),
        format!("GET /en HTTP/1.1\r\n{HOST}expect: 100-continue\r\n\r\n"),
        format!("{BUY}expect: 200-maybe\r\ncontent-length: 2\r\n\r\n{{}}"),
        format!("GET /en HTTP/1.1\r\n{HOST}range: bytes=0-1,5-9,-1\r\n\r\n"),
        format!("GET /en HTTP/1.1\r\n{HOST}content-length: 5\r\n\r\nhello"),
        format!("GET /en HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        format!("{BUY}transfer-encoding: chunked\r\n\r\n2;{}\r\n{{}}\r\n0\r\nx: y\r\n\r\n", "e".repeat(5_000)),
        format!("{BUY}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}"),
    ];
    for request in odd {
        is_harmless(&victim, request.as_bytes());
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_behind_requests_ends_the_connection_and_nothing_else() {
    let victim = Victim::open().await;
    let one = format!("GET /api/tickets/availability HTTP/1.1\r\n{HOST}\r\n");
    for garbage in ["garbage\r\n\r\n", "\0\0\0\0\r\n\r\n", "{\"userId\":\"x\"}\r\n\r\n", "GET\r\n\r\n"] {
        let bytes = send_all(&victim.address, format!("{}{garbage}{HIDDEN}", one.repeat(50)).as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("HTTP/1.1 200").count(), 50, "{garbage:?}");
        assert!(answers(&bytes) <= 51, "{garbage:?}: nothing behind it is read");
        assert!(!text.contains("HTTP/1.1 5") && !text.contains("HTTP/1.1 2020"), "{garbage:?}");
    }
    // More of them than anybody reads the answers of.
    let bytes = send(
        &victim.address,
        format!("{}{}", one.repeat(5_000), one.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n")).as_bytes(),
    );
    assert!(answers(&bytes) >= 1, "the shop says nothing to a pipeline");
    assert!(!String::from_utf8_lossy(&bytes).contains("HTTP/1.1 5"));
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_much_of_anything_is_refused_before_it_is_kept() {
    let victim = Victim::open().await;
    let before = victim.shop.metric("process_resident_memory_bytes", "").await;
    let head = format!("GET /en HTTP/1.1\r\n{HOST}");
    let many = |count: usize| {
        (0..count).fold(String::new(), |mut headers, number| {
            write!(headers, "x-{number}: y\r\n").unwrap();
            headers
        })
    };
    for sent in [
        format!("{head}x: {}\r\n\r\n", "a".repeat(1_000_000)),
        format!("{head}{}: y\r\n\r\n", "x".repeat(500_000)),
        format!("{head}cookie: {}\r\n\r\n", "a=b; ".repeat(100_000)),
        format!("{head}{}\r\n", many(5_000)),
        format!("{head}{}\r\n", many(200)),
        format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "a".repeat(1_000_000)),
        format!("GET /en?{} HTTP/1.1\r\n{HOST}\r\n", "a=b&".repeat(100_000)),
        format!("{} /en HTTP/1.1\r\n{HOST}\r\n", "A".repeat(200_000)),
        format!("{BUY}content-length: 100000000\r\n\r\n{}", "a".repeat(200_000)),
        format!(
            "{BUY}transfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
            "1000\r\n".to_owned() + &"a".repeat(4096) + "\r\n"
        ),
    ] {
        is_refused(&victim, sent.as_bytes());
    }
    // A body without an end, in chunks: the answer comes long before.
    let chunk = format!("8000\r\n{}\r\n", "a".repeat(0x8000));
    let endless = format!("{BUY}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(600));
    let bytes = send(&victim.address, endless.as_bytes());
    assert!(Answer::first(&bytes).is_none_or(|answer| answer.status == 413), "{}", beginning(&bytes));

    let form = "/en/events/frequency-festival/orders";
    for (path, kind, body) in [
        (form, "application/x-www-form-urlencoded", "name=a&".repeat(2_300)),
        (form, "application/x-www-form-urlencoded", "a=b&".repeat(50_000)),
        (form, "application/x-www-form-urlencoded", "%00".repeat(5_000)),
        (form, "multipart/form-data; boundary=x", "--x\r\n\r\n".repeat(10_000)),
        ("/api/tickets/buy", "application/json", format!("{{\"userId\":\"{}\"}}", "é".repeat(8_000))),
        ("/api/tickets/buy", "application/json", "[".repeat(16_000)),
        ("/api/tickets/buy", "application/json", format!("{{{}", "\"a\":{".repeat(3_000))),
        ("/api/tickets/buy", "application/json", format!("{{\"quantity\":{}}}", "9".repeat(16_000))),
    ] {
        let answer = ask(&victim.address, "POST", path, &[("content-type", kind)], &body);
        assert!((400..500).contains(&answer.status), "{kind}: {}", answer.head);
    }
    let after = victim.shop.metric("process_resident_memory_bytes", "").await;
    assert!(after > 0.0 && after - before < 200e6, "{} MB more are held than before", (after - before) / 1e6);
    victim.stands().await;
}
