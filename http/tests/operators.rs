//! The operators' port without storage: health, laws, cast, control room, X-ray, steering.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::{App, body::to_bytes, middleware::from_fn, test::TestRequest, web::Data};
use stampede_actors::{
    audit::{AuditReport, LawFound},
    cache_sync::{OrderSeen, Surroundings},
    gate::Gate,
    ports::{OrderRecord, PortFailure},
    settings::ActorSettings,
    shelf::{Pressure, Shelf},
};
use stampede_domain::{
    BuyerId, Contact, Decision, Fingerprint, Millis, OrderId, OrderStatus, PoolId, WriterReport,
    laws::Law,
    ledger::{Known, Noted},
    sale::SaleState,
};
use stampede_http::ops::{Cast, ControlRoom, Node};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use support::{Answer, NOW, Says, clock, key, shown, stub};
use tokio::time::Instant;

struct Behind {
    ready: Says<bool>,
    audit: Says<Result<AuditReport, PortFailure>>,
    around: Says<Option<Surroundings>>,
    xray: Says<OrderSeen>,
    steer: Option<Says<Result<bool, PortFailure>>>,
    token: Option<String>,
    admitting: bool,
}

fn report(breaches: Vec<String>) -> AuditReport {
    let laws = Law::ALL.into_iter().map(|law| LawFound {
        law,
        breaches: if law == Law::NeverOversold { breaches.clone() } else { Vec::new() },
        judged: true,
        looked_at: "3 orders".into(),
    });
    AuditReport { at: NOW, pools: Vec::new(), laws: laws.collect(), waiting: Some(1), dead_letters: 2 }
}

fn surroundings(state: SaleState, pressure: Pressure) -> Surroundings {
    let mut event = (*shown(1, 3).event).clone();
    event.types[0].state = state;
    let shelf = Shelf { filled_at: Instant::now(), events: vec![Arc::new(event)], pressure };
    Surroundings { shelf: Arc::new(shelf), report: WriterReport::default(), heard_at: NOW, now: NOW }
}

fn around(state: SaleState, pressure: Pressure) -> Behind {
    Behind { around: Says::Answer(Some(surroundings(state, pressure))), ..Behind::sound() }
}

impl Behind {
    fn sound() -> Self {
        Self {
            ready: Says::Answer(true),
            audit: Says::Answer(Ok(report(Vec::new()))),
            around: Says::Answer(Some(surroundings(SaleState::OnSale, Pressure::Calm))),
            xray: Says::Answer(OrderSeen { ledger: Ok(Some(Known::Nothing)), row: Ok(None) }),
            steer: Some(Says::Answer(Ok(true))),
            token: Some("a token of the test".into()),
            admitting: true,
        }
    }

    async fn ask(self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    /// As a browser asks.
    async fn page(self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path).insert_header(("Accept", "text/html"))).await
    }

    async fn steer(self, form: &str) -> Answer {
        let kind = ("Content-Type", "application/x-www-form-urlencoded");
        self.send(TestRequest::post().uri("/ops/sale").insert_header(kind).set_payload(form.to_owned())).await
    }

    async fn send(self, request: TestRequest) -> Answer {
        let cast = Arc::new(Cast::default());
        let gate = Gate::new("inventory", 7);
        cast.enter(Arc::clone(&gate));
        let _inside = gate.enter(2).unwrap();
        let (ready, audit, around, xray, steer) = (self.ready, self.audit, self.around, self.xray, self.steer);
        let room = Data::new(ControlRoom {
            faces: ControlRoom::faces().unwrap(),
            clock: clock(),
            metrics: Arc::new(|| "stampede_orders_total 7\n".to_owned()),
            cast,
            ready: stub(8, move |_| ready.clone()),
            audit: stub(8, move |_| audit.clone()),
            around: stub(8, move |_| around.clone()),
            xray: stub(8, move |_| xray.clone()),
            steer: steer.map(|steer| stub(8, move |_| steer.clone())),
            chronicle: Arc::default(),
            journal: Arc::default(),
            node: Node {
                name: "test/1".into(),
                role: "web and writer, in a test".into(),
                embedded: true,
                settings: ActorSettings::default(),
                token: self.token,
            },
            guesses: tokio::sync::Mutex::default(),
            admitting: Arc::new(AtomicBool::new(self.admitting)),
        });
        assert_eq!(room.admitting.load(Ordering::Relaxed), self.admitting);
        let app = App::new()
            .wrap(from_fn(stampede_http::ops::serve))
            .configure(|routes| stampede_http::ops::routes(routes, room));
        let app = actix_web::test::init_service(app).await;
        let response = actix_web::test::call_service(&app, request.to_request()).await;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body()).await.map(|body| body.to_vec()).unwrap_or_default();
        Answer::new(status, headers, body)
    }
}

#[actix_web::test]
async fn readiness_says_no_before_opening_and_while_closing() {
    assert_eq!(Behind::sound().ask("/livez").await.status, 200);
    assert_eq!(Behind::sound().ask("/readyz").await.status, 200);
    let closed = Behind { ready: Says::Answer(false), ..Behind::sound() };
    let dead = Behind { ready: Says::Dies, ..Behind::sound() };
    let leaving = Behind { admitting: false, ..Behind::sound() };
    for behind in [closed, dead, leaving] {
        assert_eq!(behind.ask("/readyz").await.status, 503);
    }
    let leaving = Behind { admitting: false, ..Behind::sound() };
    assert_eq!(leaving.ask("/livez").await.status, 200, "who closes down lives");
}

#[actix_web::test]
async fn a_broken_law_is_a_failed_audit() {
    let sound = Behind::sound().ask("/audit").await;
    assert_eq!(sound.status, 200, "{}", sound.text());
    assert_eq!((sound.json()["holds"].as_bool(), sound.json()["laws"].as_array().map(Vec::len)), (Some(true), Some(8)));
    let broken = Says::Answer(Ok(report(vec!["12 of 10 sold".into()])));
    let broken = Behind { audit: broken, ..Behind::sound() }.ask("/audit").await;
    assert_eq!(broken.status, 500);
    assert!(broken.text().contains("12 of 10 sold"));
    for audit in [Says::Dies, Says::Answer(Err(PortFailure::Unavailable("down".into())))] {
        let unknown = Behind { audit, ..Behind::sound() }.ask("/audit").await;
        assert_eq!(unknown.status, 503, "not knowing is neither sound nor broken");
    }
}

#[actix_web::test]
async fn the_cast_and_the_metrics_are_shown() {
    let cast = Behind::sound().ask("/actors").await.json();
    assert_eq!(
        (cast[0]["name"].as_str(), cast[0]["depth"].as_u64(), cast[0]["capacity"].as_u64()),
        (Some("inventory"), Some(2), Some(7))
    );
    let metrics = Behind::sound().ask("/metrics").await;
    assert_eq!(metrics.text(), "stampede_orders_total 7\n");
    assert!(metrics.header("content-type").is_some_and(|kind| kind.contains("version=0.0.4")));
}

#[actix_web::test]
async fn the_control_room_says_what_limits_the_sale() {
    let cases = [
        (around(SaleState::OnSale, Pressure::Calm), "nobody", "Open, and nobody is buying here."),
        (around(SaleState::SoldOut, Pressure::Calm), "stock", "Sold out."),
        (around(SaleState::Paused, Pressure::Calm), "sale", "Nothing is sold: the sale is paused."),
        (around(SaleState::Unknown, Pressure::Calm), "ledger", "Nothing can be sold."),
        (around(SaleState::OnSale, Pressure::Silent), "writer", "New orders are put off: 0 orders a second."),
        (Behind { around: Says::Answer(None), ..Behind::sound() }, "ledger", "Nothing can be sold."),
        (Behind { around: Says::Dies, ..Behind::sound() }, "ledger", "Nothing can be sold."),
        (Behind { admitting: false, ..Behind::sound() }, "nobody", "Closing down: no new orders."),
    ];
    for (behind, limited_by, says) in cases {
        let room = behind.ask("/ops").await.json();
        assert_eq!((room["limitedBy"].as_str(), room["says"].as_str()), (Some(limited_by), Some(says)));
    }
}

#[actix_web::test]
async fn a_browser_gets_the_room_as_a_page_that_no_script_of_others_gets_into() {
    for path in ["/", "/ops"] {
        let page = Behind::sound().page(path).await;
        assert_eq!(page.status, 200);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let text = page.text();
        for wanted in ["Open, and nobody is buying here.", "test/1", "General", "inventory", "EveryPromiseDecided"] {
            assert!(text.contains(wanted), "{path}: {wanted}");
        }
        assert!(!text.contains("a token of the test"));
    }
}

/// The code of a problem. On this port there are no request ids.
fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    answer.json()["code"].as_str().unwrap().to_owned()
}

fn pausing(token: &str) -> String {
    format!("event=festival&paused=true&who=Eva&why=The+gate+is+stuck&token={token}")
}

#[actix_web::test]
async fn who_has_the_token_pauses_the_sale_and_nobody_else() {
    let right = pausing("a+token+of+the+test");
    let done = Behind::sound().steer(&right).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!((done.json()["event"].as_str(), done.json()["paused"].as_bool()), (Some("festival"), Some(true)));
    let wrong = Behind::sound().steer(&pausing("guessed")).await;
    assert_eq!(refused(&wrong, 403), "wrong_token");
    for closed in [Behind { token: None, ..Behind::sound() }, Behind { steer: None, ..Behind::sound() }] {
        assert_eq!(refused(&closed.steer(&right).await, 403), "steering_closed");
    }
    let missing = Behind { steer: Some(Says::Answer(Ok(false))), ..Behind::sound() };
    assert_eq!(refused(&missing.steer(&right).await, 404), "no_such_event");
    for unknown in [Says::Dies, Says::Answer(Err(PortFailure::Unknown("cut".into())))] {
        let answer = Behind { steer: Some(unknown), ..Behind::sound() }.steer(&right).await;
        assert_eq!(answer.status, 503, "not knowing is no failure: {}", answer.text());
    }
}

#[actix_web::test]
async fn a_form_from_another_site_steers_nothing() {
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    for other in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")] {
        let form = TestRequest::post().uri("/ops/sale").insert_header(kind).insert_header(other);
        let answer = Behind::sound().send(form.set_payload(pausing("a+token+of+the+test"))).await;
        assert_eq!(refused(&answer, 403), "cross_site");
    }
}

#[actix_web::test]
async fn who_steers_says_who_and_why() {
    for (left_out, empty) in [("who=Eva", "who=+"), ("why=The+gate+is+stuck", "why=")] {
        let form = pausing("a+token+of+the+test").replace(left_out, empty);
        assert_eq!(Behind::sound().steer(&form).await.status, 422, "{form}");
    }
    let odd = Behind::sound().steer("paused=perhaps").await;
    assert_eq!(odd.status, 400, "{}", odd.text());
}

fn row(order: OrderId) -> OrderRecord {
    OrderRecord {
        order,
        pool: PoolId(7),
        quantity: 2,
        buyer: BuyerId(9),
        fingerprint: Fingerprint(1),
        contact: Contact {
            user_id: None,
            name: Some("Eva Muster".into()),
            email: Some("eva@example.org".into()),
            language: None,
        },
        status: OrderStatus::Confirmed,
        reason: None,
        asked_at: Millis(NOW.0 - 500),
        decided_at: Millis(NOW.0 - 480),
        version: 4_711,
    }
}

#[actix_web::test]
async fn an_x_ray_shows_the_steps_of_an_order_and_nothing_of_its_buyer() {
    let order = key();
    let noted = Known::Noted(Noted { decision: Decision::Confirmed, fingerprint: Fingerprint(1) });
    let behind = || Behind {
        xray: Says::Answer(OrderSeen { ledger: Ok(Some(noted)), row: Ok(Some(row(order))) }),
        ..Behind::sound()
    };
    let path = format!("/ops/orders/{order}");
    let seen = behind().ask(&path).await.json();
    assert_eq!(seen["stands"], "Decided: confirmed. The ledger knows of the decision.");
    let steps: Vec<_> = seen["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["asked", "claimed", "published", "promised", "taken", "committed", "settled"]);
    assert_eq!(seen["steps"][5]["atMs"].as_i64(), Some(NOW.0 - 480));
    let page = behind().page(&path).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("4711") && !page.text().contains("Eva") && !page.text().contains("eva@"));
}

#[actix_web::test]
async fn an_order_that_nobody_knows_is_not_found_and_one_that_cannot_be_looked_up_is_not_denied() {
    let path = format!("/ops/orders/{}", key());
    assert_eq!(refused(&Behind::sound().ask(&path).await, 404), "no_such_order");
    assert_eq!(Behind::sound().page(&path).await.status, 404);
    let down = || PortFailure::Unavailable("down".into());
    let blind = Says::Answer(OrderSeen { ledger: Err(down()), row: Err(down()) });
    let blind = Behind { xray: blind, ..Behind::sound() }.ask(&path).await;
    assert_eq!(blind.status, 200);
    assert!(blind.text().contains("The store cannot be asked."));
    assert_eq!(refused(&Behind::sound().ask("/ops/orders/nonsense").await, 400), "no_order_id");
    let led = Behind::sound().ask(&format!("/ops/orders?id={}", key())).await;
    assert_eq!(led.status, 303);
}
