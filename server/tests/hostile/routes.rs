//! Every route of both ports, walked by the table that serves them: whatever it answers, it answers with what protects whoever
//! reads it. A route that is added is walked too; a parameter that this test does not know stops it.

use super::{
    raw::{Answer, ask},
    support::{Shop, key},
};
use serde_json::Value;
use stampede_http::routes::{Address, Visitors, addresses};

const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "STAMPEDE"];
/// How a browser is told to come by TLS, when a proxy speaks it.
const BY_TLS: [(&str, &str); 2] = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")];

/// A shop, and where its ports are.
struct Walked {
    shop: Shop,
    public: String,
    private: String,
    /// A file that is there.
    file: String,
    by_tls: bool,
}

impl Walked {
    async fn open(by_tls: bool) -> Self {
        let settings = if by_tls {
            vec![("STAMPEDE_REQUIRE_HTTPS", "on"), ("STAMPEDE_TRUSTED_PROXY_HOPS", "1")]
        } else {
            Vec::new()
        };
        let mut shop = Shop::closed(&settings);
        shop.start().await;
        let (public, private) = (shop.address(), shop.ops_address());
        let mut walked = Self { shop, public, private, file: String::new(), by_tls };
        let page = walked.ask("GET", "/en", &[], "");
        let after = page.body.split("/static/").nth(1).expect("the page has files");
        walked.file = after.split(['"', '\'', ')']).next().unwrap().to_owned();
        walked
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let proxy = if self.by_tls { &BY_TLS[..] } else { &[] };
        ask(&self.public, method, path, &[proxy, headers].concat(), body)
    }

    fn ask_at(&self, address: &Address, method: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let path = self.path(address);
        match address.visitors {
            Visitors::Operators => ask(&self.private, method, &path, headers, body),
            _ => self.ask(method, &path, headers, body),
        }
    }

    /// The address with something in the place of its parameters.
    fn path(&self, address: &Address) -> String {
        let mut path = String::new();
        let mut rest = address.path;
        while let Some((before, after)) = rest.split_once('{') {
            let (parameter, after) = after.split_once('}').unwrap();
            path += before;
            path += match parameter {
                "slug" => "frequency-festival",
                "order" => "01981a2b-3c4d-7e5f-8a9b-0c1d2e3f4a5b",
                "lang:de|en" => "en",
                "payment" => "pay_01981a2b3c4d7e5f8a9b0c1d2e3f4a5b_1",
                "name" => &self.file,
                "file:.*" => "index.html",
                unknown => panic!("{}: what is {unknown}? Say it here, so that the route is walked", address.path),
            };
            rest = after;
        }
        path + rest
    }
}

/// What every answer has, whoever asks for whatever.
fn is_protected(walked: &Walked, address: &Address, method: &str, answer: &Answer) {
    let at = format!("{method} {}: {}", address.path, answer.head);
    assert!(answer.status < 500 || answer.status == 503, "{at}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{at}");
    let caching = answer.header("cache-control").unwrap_or_else(|| panic!("who may keep it? {at}"));
    let operators = address.visitors == Visitors::Operators;
    assert!(operators || answer.header("x-request-id").is_some(), "{at}");
    assert_eq!(answer.header("access-control-allow-origin"), None, "{at}");
    assert_eq!(answer.header("server"), None, "nobody need know what serves: {at}");
    if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{at}"));
        for word in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"] {
            assert!(policy.contains(word), "{word}: {at}");
        }
        assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe-inline'"), "{at}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{at}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{at}");
    }
    for cookie in answer.headers("set-cookie") {
        for word in ["HttpOnly", "SameSite=Lax", "Path=/"] {
            assert!(cookie.contains(word), "{word}: {at}");
        }
        assert_eq!(cookie.contains("Secure"), walked.by_tls, "{at}");
        assert_eq!(cookie.starts_with("__Host-"), walked.by_tls, "{at}");
        assert!(!cookie.contains("Domain"), "{at}");
        assert!(caching.contains("no-store"), "a cookie must not be kept for others: {at}");
    }
    let strict = answer.header("strict-transport-security").is_some();
    assert_eq!(strict, walked.by_tls && !operators, "{at}");
}

/// A refusal in the words of whoever asks.
fn is_told(address: &Address, method: &str, answer: &Answer) {
    let at = format!("{method} {}: {answer:?}", address.path);
    let kind = answer.header("content-type").unwrap_or_else(|| panic!("{at}"));
    if method == "HEAD" {
        assert!(answer.body.is_empty(), "{at}");
    } else if address.visitors == Visitors::People {
        assert!(kind.starts_with("text/html") && answer.body.contains("</h1>"), "{at}");
    } else {
        assert_eq!(kind, "application/problem+json", "{at}");
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], answer.status, "{at}");
        assert!(problem["code"].is_string() && problem["detail"].is_string(), "{at}");
    }
}

async fn walk(by_tls: bool) {
    let walked = Walked::open(by_tls).await;
    let all = addresses();
    assert!(all.len() >= 29, "only {} routes are in the table", all.len());
    for address in &all {
        let mut answered = 0;
        for method in METHODS {
            // A stream has no end, and HEAD shows its head.
            if method == "GET" && address.path.ends_with("/stream") {
                continue;
            }
            let answer = walked.ask_at(address, method, &[], "");
            is_protected(&walked, address, method, &answer);
            let answers = address.allow.split(", ").any(|one| one == method);
            answered += usize::from(answers);
            assert_eq!(answer.status == 405, !answers, "{method} {}: {}", address.path, answer.head);
            if !answers {
                assert_eq!(answer.header("allow"), Some(address.allow), "{method} {}", address.path);
            }
            if answer.status >= 400 && !(address.visitors == Visitors::Operators && answer.status == 503) {
                is_told(address, method, &answer);
            }
        }
        assert!(answered > 0 || address.path.ends_with("/stream"), "{} answers nothing", address.path);
    }
    // Nothing of all this was an order.
    let audit = walked.shop.ops_json("/audit").await;
    assert_eq!(audit["holds"], true, "{audit}");
    assert_eq!(sold_and_in_flight(&walked), (0, 0));
}

fn sold_and_in_flight(walked: &Walked) -> (u64, u64) {
    let answer = walked.ask("GET", "/api/v1/events/frequency-festival/availability", &[], "");
    let numbers: Value = serde_json::from_str(&answer.body).unwrap();
    let number = |name: &str| numbers["ticketTypes"][0][name].as_u64().unwrap();
    (number("sold"), number("inFlight"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_protects_whoever_reads_its_answer() {
    walk(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_does_so_by_tls_with_cookies_that_need_it() {
    walk(true).await;
}

/// Whatever a browser can be made to send from another site without asking first changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_takes_anything_from_another_sites_form() {
    let walked = Walked::open(false).await;
    let writers: Vec<_> = addresses().into_iter().filter(|address| address.allow.contains("POST")).collect();
    assert!(writers.len() >= 3, "only {} routes write", writers.len());
    let forms = [
        ("application/x-www-form-urlencoded", format!("key={}&quantity=1&name=Eva", key())),
        ("text/plain", r#"{"userId":"eva"}"#.to_owned()),
        (
            "multipart/form-data; boundary=x",
            "--x\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nEva\r\n--x--\r\n".to_owned(),
        ),
        ("", r#"{"userId":"eva"}"#.to_owned()),
    ];
    let own = format!("http://{}", walked.public);
    let sites: [&[(&str, &str)]; 5] = [
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), ("origin", &own)],
        &[("origin", "https://evil.example"), ("cookie", "stampede_buyer=0123456789abcdef0123456789abcdef")],
    ];
    for address in &writers {
        for (kind, body) in &forms {
            for site in sites {
                let headers = [site, &[("content-type", kind)]].concat();
                let answer = walked.ask_at(address, "POST", &headers, body);
                let statuses: &[u16] = match address.path {
                    // Not by a cookie but by the provider's signature; on servers there is none here.
                    "/webhooks/payments" => &[400, 404],
                    // By the organizer's token.
                    path if path.ends_with("/refund") => &[401],
                    // By a cookie too, so that who asks from elsewhere is sent away before the body is looked at.
                    path if path.starts_with("/api/v1/orders/") => &[403],
                    _ if address.visitors == Visitors::Programs => &[415],
                    _ => &[403],
                };
                assert!(statuses.contains(&answer.status), "{kind} from {site:?} at {}: {answer:?}", address.path);
            }
        }
    }
    assert_eq!(sold_and_in_flight(&walked), (0, 0));
    // The same from our own page is taken: it was the site that was wrong.
    let form = writers.iter().find(|address| address.visitors == Visitors::People).unwrap();
    let headers = [("origin", own.as_str()), ("sec-fetch-site", "same-origin"), ("content-type", forms[0].0)];
    assert_eq!(walked.ask_at(form, "POST", &headers, &forms[0].1).status, 303);
}
