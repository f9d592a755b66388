//! The door: networks, proxies, TLS, other sites' scripts, and how often.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its part")]
mod support;

use actix_web::{http::Method, test::TestRequest};
use serde_json::json;
use stampede_actors::{
    doorkeeper::{Admit, Standing, Verdict},
    inventory::OrderFound,
    ports::{Limit, Quota},
};
use stampede_domain::OrderStatus;
use stampede_http::{
    DoorRules, ShopOptions,
    door::{Proxies, ProxyHeader},
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{Answer, Says, Script, key};

const PEER: &str = "198.51.100.7:4711";
const QUOTA: Quota = Quota { burst: 20, per_second: 10 };

fn peer() -> SocketAddr {
    PEER.parse().unwrap()
}

fn with(door: DoorRules) -> Script {
    Script { options: ShopOptions { max_watchers: 1, door, ..ShopOptions::default() }, ..Script::new() }
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path).peer_addr(peer())
}

fn buy() -> TestRequest {
    TestRequest::post()
        .uri("/api/tickets/buy")
        .peer_addr(peer())
        .insert_header(("Idempotency-Key", key().to_string()))
        .set_json(json!({"userId": "eva", "quantity": 2}))
}

/// A doorkeeper who notes who asks and says this.
fn asked(script: &mut Script, says: impl Fn(Admit) -> Verdict + Send + Sync + 'static) -> Arc<Mutex<Vec<String>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    script.admits = Arc::new(move |who| {
        noted.lock().unwrap().push(format!("{who:?}"));
        Says::Answer(says(who))
    });
    asked
}

fn standing(limit: Limit, remaining: u32, retry_after: Option<Duration>) -> Verdict {
    Verdict { standing: Some(Standing { limit, quota: QUOTA, remaining }), retry_after }
}

fn limited() -> DoorRules {
    DoorRules { limits_addresses: true, exempt: "127.0.0.0/8".parse().unwrap(), ..DoorRules::default() }
}

#[actix_web::test]
async fn reads_and_orders_are_counted_apart_and_everybody_is_told_how_they_stand() {
    let mut script = with(limited());
    let who = asked(&mut script, |who| match who {
        Admit::Orderer(_) => standing(Limit::Orders, 19, None),
        _ => standing(Limit::Reads, 7, None),
    });
    let answer = script.ask(buy()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("ratelimit-policy"), Some("\"orders\";q=20;w=2"));
    assert_eq!(answer.header("ratelimit"), Some("\"orders\";r=19;t=1"));
    assert_eq!(script.ask(get("/en")).await.header("ratelimit"), Some("\"reads\";r=7;t=2"));
    assert_eq!(script.ask(get("/api/nope")).await.header("ratelimit"), Some("\"reads\";r=7;t=2"));
    let who = who.lock().unwrap().clone();
    assert_eq!(who, ["Orderer(198.51.100.7)", "Reader(198.51.100.7)", "Reader(198.51.100.7)"]);
}

#[actix_web::test]
async fn who_asks_too_often_is_told_when_to_come_back_as_a_problem_and_as_a_page() {
    let mut script = with(limited());
    asked(&mut script, |_| standing(Limit::Reads, 0, Some(Duration::from_millis(2_500))));
    for request in [get("/api/tickets/availability"), buy()] {
        let answer = script.ask(request).await;
        assert_eq!(answer.problem(429), "too_many_requests");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((3..=5).contains(&wait), "{wait}: what is left, spread");
        assert_eq!(answer.header("ratelimit"), Some("\"reads\";r=0;t=2"));
    }
    assert!(script.asked().is_empty(), "nobody had work with it");
    let page = script.ask(get("/de")).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (429, Some("text/html; charset=utf-8")));
    assert!(page.header("retry-after").is_some());
}

#[actix_web::test]
async fn exempt_networks_are_not_asked_about_and_a_doorkeeper_who_does_not_answer_lets_in() {
    let mut script = with(limited());
    let who = asked(&mut script, |_| standing(Limit::Reads, 0, Some(Duration::from_secs(1))));
    for peer in ["127.0.0.1:1", "127.1.2.3:1", "[::ffff:127.0.0.1]:1"] {
        let answer = script.ask(TestRequest::get().uri("/en").peer_addr(peer.parse().unwrap())).await;
        assert_eq!((answer.status.as_u16(), answer.header("ratelimit")), (200, None), "{peer}");
    }
    assert!(who.lock().unwrap().is_empty());
    for says in [Says::Dies, Says::Full] {
        script.admits = Arc::new(move |_| says.clone());
        assert_eq!(script.ask(get("/en")).await.status, 200);
    }
}

#[actix_web::test]
async fn behind_a_proxy_the_visitor_is_counted_and_not_the_proxy() {
    let proxies = Proxies { hops: 1, ..Proxies::default() };
    let mut script = with(DoorRules { proxies, ..limited() });
    let who = asked(&mut script, |_| standing(Limit::Reads, 1, None));
    script.ask(get("/en").insert_header(("x-forwarded-for", "127.0.0.1, 203.0.113.5"))).await;
    script.ask(get("/en").insert_header(("forwarded", "for=127.0.0.1"))).await;
    assert_eq!(*who.lock().unwrap(), ["Reader(203.0.113.5)", "Reader(198.51.100.7)"]);
}

#[actix_web::test]
async fn a_buyer_who_asks_too_often_is_counted_wherever_they_come_from() {
    let rules = DoorRules { limits_buyers: true, ..limited() };
    for (repeats, seconds) in [(None, 2..=5), (Some(Duration::from_secs(1)), 2..=5)] {
        let mut script = with(rules.clone());
        let who = asked(&mut script, move |who| match who {
            Admit::Buyer(_) => standing(Limit::Buyer, 0, Some(Duration::from_millis(500))),
            Admit::Repeater(_) => Verdict { retry_after: repeats, ..Verdict::default() },
            _ => Verdict::default(),
        });
        let answer = script.ask(buy().peer_addr("127.0.0.1:1".parse().unwrap())).await;
        assert_eq!(answer.problem(429), "too_often");
        assert_eq!(answer.header("ratelimit"), Some("\"buyer\";r=0;t=2"));
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds.contains(&wait), "{wait}");
        assert!(script.asked().is_empty(), "no new order is taken");
        assert_eq!(who.lock().unwrap().len(), 2);
    }
}

#[actix_web::test]
async fn networks_are_allowed_and_denied() {
    let networks = |allow: &str, deny: &str| {
        let rules = DoorRules { allow: allow.parse().unwrap(), deny: deny.parse().unwrap(), ..DoorRules::default() };
        with(rules)
    };
    for (allow, deny, comes_in) in [
        ("198.51.100.0/24", "", true),
        ("192.0.2.0/24", "", false),
        ("", "198.51.100.7", false),
        ("198.51.100.0/24", "198.51.100.0/28", false),
        ("", "192.0.2.0/24", true),
    ] {
        let script = networks(allow, deny);
        let (api, page) = (script.ask(buy()).await, script.ask(get("/en")).await);
        if comes_in {
            assert_eq!((api.status.as_u16(), page.status.as_u16()), (202, 200), "{allow} {deny}");
        } else {
            assert_eq!(api.problem(403), "network_refused");
            assert_eq!((page.status.as_u16(), script.asked().len()), (403, 0), "{allow} {deny}");
            assert!(page.text().contains("Your network is not let in here."), "{}", page.text());
        }
    }
}

fn only_by_tls() -> Script {
    let proxies = Proxies { hops: 1, header: ProxyHeader::XForwardedFor, ..Proxies::default() };
    with(DoorRules { proxies, requires_https: true, ..DoorRules::default() })
}

fn came_by(request: TestRequest, scheme: &'static str) -> TestRequest {
    let request = request.insert_header(("host", "tickets.example.org"));
    request.insert_header(("x-forwarded-for", "203.0.113.5")).insert_header(("x-forwarded-proto", scheme))
}

#[actix_web::test]
async fn who_comes_in_the_clear_is_redirected_and_what_they_send_is_not_taken() {
    let script = only_by_tls();
    for method in [Method::GET, Method::HEAD] {
        let answer = script.ask(came_by(get("/en?k=1").method(method), "http")).await;
        assert_eq!(answer.status, 308);
        assert_eq!(answer.header("location"), Some("https://tickets.example.org/en?k=1"));
        assert_eq!(answer.header("strict-transport-security"), None, "it means nothing in the clear");
    }
    assert_eq!(script.ask(came_by(buy(), "http")).await.problem(403), "https_required");
    assert_eq!(script.ask(buy()).await.problem(403), "https_required");
    assert!(script.asked().is_empty());

    let page = script.ask(came_by(get("/en"), "https")).await;
    assert_eq!((page.status.as_u16(), page.header("strict-transport-security")), (200, Some("max-age=31536000")));
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");
    assert_eq!(script.ask(came_by(buy(), "https")).await.status, 202);
}

fn from(request: TestRequest, origin: &'static str) -> TestRequest {
    request.insert_header(("origin", origin))
}

fn preflight(path: &str, origin: &'static str) -> TestRequest {
    let request = get(path).method(Method::OPTIONS).insert_header(("access-control-request-method", "POST"));
    from(request.insert_header(("access-control-request-headers", "content-type,idempotency-key")), origin)
}

fn says_nothing_of_cors(answer: &Answer) -> bool {
    ["origin", "methods", "headers", "credentials", "max-age"]
        .iter()
        .all(|name| answer.header(&format!("access-control-allow-{name}")).is_none())
}

#[actix_web::test]
async fn only_named_sites_may_use_the_api_and_never_with_cookies() {
    const FRIEND: &str = "https://friend.example";
    let script = with(DoorRules { origins: FRIEND.parse().unwrap(), ..DoorRules::default() });
    let may = script.ask(preflight("/api/tickets/buy", FRIEND)).await;
    assert_eq!((may.status.as_u16(), may.header("access-control-allow-origin")), (204, Some(FRIEND)));
    assert_eq!(may.header("access-control-allow-headers"), Some("content-type, idempotency-key, x-request-id"));
    assert_eq!(may.header("access-control-allow-credentials"), None);
    let answer = script.ask(from(buy(), FRIEND)).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (202, Some(FRIEND)));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("retry-after"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);

    for other in ["https://foe.example", "null", "https://friend.example.foe.example", "http://friend.example"] {
        let refused = script.ask(preflight("/api/tickets/buy", other)).await;
        assert_eq!(refused.status, 405, "{other}");
        assert!(says_nothing_of_cors(&refused), "{other}");
        let answer = script.ask(from(get("/api/v1/events"), other)).await;
        assert!(says_nothing_of_cors(&answer) && answer.header("vary").is_some_and(|vary| vary.contains("origin")));
    }
    for path in ["/en", "/en/events/festival/orders"] {
        assert!(says_nothing_of_cors(&script.ask(preflight(path, FRIEND)).await), "{path} is for people");
        assert!(says_nothing_of_cors(&script.ask(from(get(path), FRIEND)).await), "{path} is for people");
    }
}

#[actix_web::test]
async fn with_nothing_set_no_site_is_told_anything() {
    let script = Script::new();
    for request in [preflight("/api/tickets/buy", "https://friend.example"), from(buy(), "https://friend.example")] {
        assert!(says_nothing_of_cors(&script.ask(request).await));
    }
}

#[actix_web::test]
async fn a_link_is_made_of_what_is_known_and_not_of_what_is_claimed() {
    let pending = OrderFound { status: OrderStatus::Pending, reason: None, record: None };
    let script = Script::finding(Says::Answer(Ok(pending)));
    let form = [("key", key().to_string()), ("quantity", "1".to_owned()), ("name", "Eva".to_owned())];
    let bought = script.ask(TestRequest::post().uri("/en/events/festival/orders").set_form(form)).await;
    let order = bought.header("location").unwrap().to_owned();
    let page = get(&order).insert_header(("host", "tickets.example.org"));
    let page = page.insert_header(("x-forwarded-host", "evil.example")).insert_header(("x-forwarded-proto", "gopher"));
    let answer = script.ask(page.insert_header(("forwarded", "host=evil.example;proto=https"))).await;
    let link = format!("http://tickets.example.org{order}").replace('/', "&#x2f;");
    assert!(answer.text().contains(&link) || answer.text().contains(&link.replace("&#x2f;", "/")), "{}", answer.text());
    assert!(!answer.text().contains("evil.example"), "{}", answer.text());
}
