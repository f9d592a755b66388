//! Tickets without storage: who gets them, what everybody else is told, what is in them.

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::test::TestRequest;
use stampede_actors::{
    inventory::{OrderFound, OrderNotShown},
    ports::OrderRecord,
};
use stampede_domain::{BuyerId, Contact, Fingerprint, Millis, OrderStatus, PoolId};
use stampede_http::ticket::{NotATicket, PublicKey, Ticket, TicketKey};
use std::time::Duration;
use support::{Answer, NOW, Says, Script, k, key, shown};

const PAGES: [&str; 3] = ["", ".pdf", ".ics"];

fn pool() -> PoolId {
    shown(1, 0).event.types[0].pool
}

fn row(quantity: u32) -> OrderRecord {
    OrderRecord {
        order: key(),
        pool: pool(),
        quantity,
        buyer: BuyerId(9),
        fingerprint: Fingerprint(1),
        contact: Contact { name: Some("Eva Müller".into()), ..Contact::default() },
        status: OrderStatus::Confirmed,
        reason: None,
        asked_at: Millis(NOW.0 - 500),
        decided_at: Millis(NOW.0 - 480),
        version: 4_711,
    }
}

fn finding(status: OrderStatus, record: Option<OrderRecord>) -> Script {
    Script::finding(Says::Answer(Ok(OrderFound { status, reason: None, record })))
}

fn confirmed(quantity: u32) -> Script {
    finding(OrderStatus::Confirmed, Some(row(quantity)))
}

async fn api(script: &Script, query: &str) -> Answer {
    script.ask(TestRequest::get().uri(&format!("/api/v1/orders/{}/tickets{query}", key()))).await
}

async fn page(script: &Script, ending: &str, query: &str) -> Answer {
    script.ask(TestRequest::get().uri(&format!("/en/orders/{}/tickets{ending}{query}", key()))).await
}

#[actix_web::test]
async fn an_order_has_a_ticket_a_unit_and_its_key_judges_them() {
    for quantity in [1, 2, 100] {
        let answer = api(&confirmed(quantity), &format!("?k={}", k().await)).await;
        assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("private, no-store")));
        let told = answer.json();
        let public: PublicKey = told["publicKey"].as_str().unwrap().parse().unwrap();
        assert_eq!(public, TicketKey::new(&[7; 32]).public());
        assert_eq!(told["keyId"], public.id().to_string());
        let tickets = told["tickets"].as_array().unwrap();
        assert_eq!(tickets.len(), usize::try_from(quantity).unwrap());
        for (ticket, number) in tickets.iter().zip(1_u8..) {
            let (said, _) = Ticket::verify(ticket["code"].as_str().unwrap(), &[public]).unwrap();
            let of = u8::try_from(quantity).unwrap();
            assert_eq!(said, Ticket { order: key(), pool: pool(), number, of });
            assert_eq!((&ticket["number"], &ticket["of"]), (&number.into(), &of.into()));
        }
    }
}

#[actix_web::test]
async fn who_has_no_key_is_told_nothing_and_nobody_is_asked() {
    // Whoever asked the actor would be answered as if it were there.
    let script = confirmed(2);
    for query in ["", "?k=", "?k=AAAA", "?k=AAAAAAAAAAAAAAAAAAAAAA", "?key=x"] {
        let answer = api(&script, query).await;
        assert_eq!(answer.problem(403), "not_yours", "{query}");
        for ending in PAGES {
            let answer = page(&script, ending, query).await;
            let there = format!("/en/orders/{}", key());
            assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(there.as_str())), "{query}");
        }
    }
    for odd in ["x", "1234"] {
        let answer = script.ask(TestRequest::get().uri(&format!("/api/v1/orders/{odd}/tickets"))).await;
        assert_eq!(answer.problem(422), "invalid", "{odd}");
        let answer = script.ask(TestRequest::get().uri(&format!("/en/orders/{odd}/tickets"))).await;
        assert_eq!(answer.status, 404, "{odd}");
    }
}

#[actix_web::test]
async fn an_order_that_is_not_confirmed_has_none_and_says_why() {
    let query = format!("?k={}", k().await);
    for status in OrderStatus::ALL {
        if status == OrderStatus::Confirmed {
            continue;
        }
        let script = finding(status, Some(OrderRecord { status, ..row(2) }));
        let answer = api(&script, &query).await;
        let (code, no, waits) = match status {
            OrderStatus::Pending => (409, "not_confirmed", true),
            OrderStatus::Reserved => (402, "payment_required", false),
            OrderStatus::Paying | OrderStatus::Expiring => (402, "payment_required", true),
            _ => (409, "no_tickets", false),
        };
        assert_eq!(answer.problem(code), no, "{status:?}");
        assert_eq!(answer.header("retry-after").is_some(), waits, "{status:?}");
        assert_eq!(answer.json()["statusUrl"], format!("/api/orders/{}", key()));
        assert!(!answer.text().contains("Eva"));
        for ending in PAGES {
            let answer = page(&script, ending, &query).await;
            let there = format!("/en/orders/{}{query}", key());
            assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(there.as_str())));
        }
    }
}

#[actix_web::test]
async fn what_cannot_be_told_now_is_not_denied() {
    let query = format!("?k={}", k().await);
    let gone = Script::finding(Says::Answer(Err(OrderNotShown::NotFound)));
    assert_eq!(api(&gone, &query).await.problem(404), "not_found");
    let later = OrderNotShown::NotKnownYet { retry_after: Duration::from_secs(1) };
    for script in [Script::finding(Says::Answer(Err(later))), finding(OrderStatus::Confirmed, None)] {
        let answer = api(&script, &query).await;
        assert_eq!(answer.problem(503), "not_known_yet");
        assert!(answer.header("retry-after").is_some());
        for ending in PAGES {
            assert_eq!(page(&script, ending, &query).await.status, 503);
        }
    }
    // The row is there, its event is not on the shelf.
    let elsewhere = finding(OrderStatus::Confirmed, Some(OrderRecord { pool: PoolId(7), ..row(1) }));
    assert_eq!(page(&elsewhere, "", &query).await.status, 503);
}

#[actix_web::test]
async fn page_paper_and_calendar_are_for_this_order_and_for_nobody_to_keep() {
    let (script, query) = (confirmed(2), format!("?k={}", k().await));
    let shown = page(&script, "", &query).await;
    let text = shown.text();
    assert!(shown.header("content-security-policy").is_some_and(|policy| !policy.contains("unsafe")));
    for words in ["Eva Müller", "Ticket 1 of 2", "Ticket 2 of 2", "General Admission", "€199.00, to pay at the gate"]
    {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    for ending in [".pdf", ".ics"] {
        let address = format!("/en/orders/{}/tickets{ending}{query}", key());
        assert!(text.contains(&format!("href=\"{address}\"")), "{address}");
    }
    let codes: Vec<_> = text.split("<code>").skip(1).map(|rest| rest.split('<').next().unwrap()).collect();
    let public = TicketKey::new(&[7; 32]).public();
    let numbers: Result<Vec<_>, NotATicket> =
        codes.iter().map(|code| Ticket::verify(code, &[public]).map(|(said, _)| said.number)).collect();
    assert_eq!(numbers, Ok(vec![1, 2]));

    for (ending, kind, begins) in
        [(".pdf", "application/pdf", "%PDF-"), (".ics", "text/calendar; charset=utf-8", "BEGIN:VCALENDAR\r\n")]
    {
        let answer = page(&script, ending, &query).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(kind)));
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        let name = format!("attachment; filename=\"tickets-{}{ending}\"", key());
        assert_eq!(answer.header("content-disposition"), Some(name.as_str()));
        assert!(answer.body.starts_with(begins.as_bytes()));
    }
    let typed = script.ask(TestRequest::get().uri(&format!("/orders/{}/tickets{query}", key()))).await;
    assert_eq!(typed.header("location"), Some(format!("/en/orders/{}/tickets{query}", key()).as_str()));
}
