//! Tickets: bought, fetched in every form, judged by a gate that has a public key and nothing else.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use aws_lc_rs::hmac;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Client, StatusCode, redirect::Policy};
use serde_json::Value;
use stampede_actors::wire;
use stampede_domain::{BuyerId, Contact, Event, Fingerprint, Intent, OrderId};
use stampede_server::{config::Role, wiring::Ports};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
};
use support::{Shop, json, key, servers};

/// An order that was bought and confirmed: its id, and where a program finds its tickets.
struct Bought {
    order: String,
    tickets_url: String,
}

impl Bought {
    /// What follows the `?` of its links.
    fn k(&self) -> &str {
        self.tickets_url.split_once('?').unwrap().1
    }

    fn page(&self, ending: &str) -> String {
        format!("/de/orders/{}/tickets{ending}?{}", self.order, self.k())
    }
}

async fn buy(shop: &Shop, name: &str, quantity: u32) -> Bought {
    let body = format!(r#"{{"userId":"eva","name":"{name}","quantity":{quantity}}}"#);
    let request = shop.client.post(shop.url("/api/tickets/buy")).header("content-type", "application/json");
    let taken = json(request.header("idempotency-key", key()).body(body).send().await.unwrap()).await;
    let text = |name: &str| taken[name].as_str().unwrap_or_else(|| panic!("{taken}")).to_owned();
    let bought = Bought { order: text("orderId"), tickets_url: text("ticketsUrl") };
    shop.until("it is confirmed", async || shop.status(&bought.order).await.as_deref() == Some("confirmed")).await;
    bought
}

async fn tickets(shop: &Shop, bought: &Bought) -> Value {
    let mut told = Value::Null;
    // On servers a replica may lag; there it is 503 for a moment.
    shop.until("its tickets are given out", async || {
        let answer = shop.get(&bought.tickets_url).await;
        let given = answer.status() == StatusCode::OK;
        told = json(answer).await;
        given
    })
    .await;
    told
}

fn codes(told: &Value) -> Vec<String> {
    told["tickets"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

/// The binary at a gate: no settings, no data, only what it is told.
fn gate(arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampede"));
    let nowhere = tempfile::tempdir().unwrap();
    command.args(arguments).env_clear().current_dir(nowhere.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_judges_the_tickets_of_an_order_offline() {
    let shop = Shop::selling(10).await;
    let bought = buy(&shop, "Eva", 2).await;
    let told = tickets(&shop, &bought).await;
    let (codes, public) = (codes(&told), told["publicKey"].as_str().unwrap());
    assert_eq!((codes.len(), &told["orderId"]), (2, &Value::from(bought.order.as_str())));

    let [first, second] = codes.as_slice() else { panic!("{told}") };
    let judged = gate(&["ticket", "verify", "--key", public, first, second], "");
    assert!(judged.status.success(), "{}", said(&judged));
    let key_id = told["keyId"].as_str().unwrap();
    for (line, number) in said(&judged).lines().zip(1..) {
        assert!(line.starts_with(&format!("valid: ticket {number} of 2, order {}", bought.order)), "{line}");
        assert!(line.ends_with(&format!("key {key_id}")), "{line}");
    }
    // As a scanner types them.
    let lines = format!("{first}\r\n{second}\n");
    let here = ["--for", "frequency-festival/general-admission"];
    let judged = gate(&[&["ticket", "verify", "--key", public, "-"], &here[..]].concat(), &lines);
    assert!(judged.status.success() && said(&judged).lines().count() == 2, "{}", said(&judged));

    let other = if second.ends_with('A') { "B" } else { "A" };
    let changed = format!("{}{other}", &second[..second.len() - 1]);
    let stranger = "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c";
    for (arguments, why) in [
        (vec!["--key", public, &changed], "NOT VALID: not signed by"),
        (vec!["--key", public, first, &changed], "NOT VALID: not signed by"),
        (vec!["--key", public, &first[1..]], "NOT VALID: this is no ticket code"),
        (vec!["--key", stranger, first], "not among those given"),
        (vec!["--key", public, "--for", "frequency-festival/vip", first], "for another ticket type"),
    ] {
        let judged = gate(&[&["ticket", "verify"], arguments.as_slice()].concat(), "");
        assert_eq!(judged.status.code(), Some(1), "{}", said(&judged));
        assert!(said(&judged).contains(why), "{}", said(&judged));
    }
    for (arguments, why) in [
        (&["ticket", "verify", first][..], "no ticket key here"),
        (&["ticket", "verify", "--key", public, "-"], "no code came"),
        (&["ticket", "key"], "no ticket key here"),
    ] {
        let judged = gate(arguments, "");
        assert_eq!(judged.status.code(), Some(2), "{}", said(&judged));
        assert!(said(&judged).contains(why), "{}", said(&judged));
    }

    // Beside the shop no key has to be named, and that is the key for the gates.
    assert_eq!(said(&shop.run(&["ticket", "key"])).trim(), public);
    assert!(shop.run(&["ticket", "verify", first, second]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_order_has_the_same_tickets_after_a_restart_and_on_every_node() {
    let mut shop = Shop::selling(10).await;
    let bought = buy(&shop, "Eva", 3).await;
    let before = codes(&tickets(&shop, &bought).await);
    shop.kill();
    shop.start().await;
    assert_eq!(codes(&tickets(&shop, &bought).await), before);
    if servers::are_wanted() {
        let other = shop.another_web_node().await;
        assert_eq!(codes(&tickets(&other, &bought).await), before);
    } else {
        let kept = fs::metadata(shop.data().join("ticket.key")).unwrap();
        assert_eq!((kept.permissions().mode() & 0o777, kept.len()), (0o600, 32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_paper_and_calendar_say_what_was_bought() {
    let shop = Shop::selling(10).await;
    let bought = buy(&shop, "Zoë Größenwahn", 2).await;
    let codes = codes(&tickets(&shop, &bought).await);

    let order = shop.get(&format!("/de/orders/{}?{}", bought.order, bought.k())).await.text().await.unwrap();
    assert!(order.contains(&format!("href=\"{}\"", bought.page(""))), "the order's page leads to its tickets");

    let page = shop.get(&bought.page("")).await;
    assert_eq!(page.headers()["cache-control"], "private, no-store");
    let page = page.text().await.unwrap();
    for words in
        [codes[0].as_str(), &codes[1], "Zoë Größenwahn", "Ticket 2 von 2", &bought.page(".pdf"), &bought.page(".ics")]
    {
        assert!(page.contains(words), "{words} is not on {page}");
    }

    let paper = shop.get(&bought.page(".pdf")).await;
    assert_eq!(paper.headers()["content-type"], "application/pdf");
    let paper = lopdf::Document::load_mem(&paper.bytes().await.unwrap()).unwrap();
    let text = paper.extract_text(&[1, 2]).unwrap().replace(char::is_whitespace, "");
    assert_eq!(paper.get_pages().len(), 2);
    assert!(codes.iter().all(|code| text.contains(code)) && text.contains("ZoëGrößenwahn"), "{text}");

    let calendar = shop.get(&bought.page(".ics")).await;
    assert_eq!(calendar.headers()["content-type"], "text/calendar; charset=utf-8");
    assert!(calendar.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=\"tickets-"));
    let calendar = calendar.text().await.unwrap();
    assert!(calendar.contains(&format!("\r\nUID:{}\r\n", bought.order)), "{calendar}");
    assert!(calendar.contains("\r\nLOCATION:Green Park\\, St. Pölten"), "{calendar}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_no_ticket() {
    let shop = Shop::selling(10).await;
    let (bought, other) = (buy(&shop, "Eva Musterfrau", 1).await, buy(&shop, "Ben", 1).await);
    let told = tickets(&shop, &bought).await;
    let direct = Client::builder().redirect(Policy::none()).build().unwrap();
    for query in ["", "?k=", "?k=AAAAAAAAAAAAAAAAAAAAAA", &format!("?{}", other.k()), &format!("?x{}", bought.k())] {
        let answer = shop.get(&format!("/api/v1/orders/{}/tickets{query}", bought.order)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(json(answer).await["code"], "not_yours");
        for ending in ["", ".pdf", ".ics"] {
            let path = format!("/en/orders/{}/tickets{ending}{query}", bought.order);
            let answer = direct.get(shop.url(&path)).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
            assert_eq!(answer.headers()["location"], format!("/en/orders/{}", bought.order).as_str());
            let page = shop.get(&path).await.text().await.unwrap();
            assert!(!page.contains("Eva Musterfrau") && !page.contains(&codes(&told)[0]), "{page}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_rejected_has_no_tickets() {
    let mut shop = Shop::selling(10).await;
    let bought = buy(&shop, "Eva", 1).await;
    assert!(shop.stop().success());
    let festival: Event = toml::from_str(include_str!("../demo/frequency-festival.toml")).unwrap();
    let order: OrderId = key().parse().unwrap();
    let intent = Intent {
        order,
        pool: festival.ticket_types[0].pool(&festival.slug),
        quantity: 11,
        buyer: BuyerId(9),
        fingerprint: Fingerprint(4),
        asked_at: order.time(),
        contact: Contact::default(),
        trace: None,
    };
    let mut config = shop.config();
    config.servers.role = Role::Web;
    let (ports, books) = Ports::open(&config).await.unwrap();
    assert!(ports.bus.publish(vec![wire::outgoing(&intent)]).await.iter().all(Result::is_ok));
    ports.close().await;
    books.close().await;
    shop.start().await;
    shop.until("it is rejected", async || shop.status(&order.to_string()).await.as_deref() == Some("rejected")).await;

    let key = order_key(&shop, order);
    let answer = shop.get(&format!("/api/v1/orders/{order}/tickets?k={key}")).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let problem = json(answer).await;
    assert_eq!(problem["code"], "no_tickets");
    assert!(problem["detail"].as_str().unwrap().contains("rejected"), "{problem}");
    let page = shop.get(&format!("/en/orders/{order}/tickets?k={key}")).await;
    assert!(page.url().path().ends_with(&order.to_string()), "{}", page.url());
    assert_eq!(codes(&tickets(&shop, &bought).await).len(), 1, "the other one still has its ticket");
}

/// The `k` of an order that nobody was told of, as the shop makes it with its secret.
fn order_key(shop: &Shop, order: OrderId) -> String {
    let secret = if servers::are_wanted() {
        shop.setting("STAMPEDE_SECRET").as_bytes().to_vec()
    } else {
        fs::read(shop.data().join("secret.key")).unwrap()
    };
    let signed =
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), &[b"order\0", order.bytes().as_slice()].concat());
    BASE64_URL_SAFE_NO_PAD.encode(&signed.as_ref()[..16])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_key_that_is_damaged_is_not_replaced() {
    let mut shop = Shop::closed(&[]);
    if servers::are_wanted() {
        // There it is a setting, which `configuration.rs` damages.
        shop = Shop::closed(&[("STAMPEDE_TICKET_KEY", "short")]);
    } else {
        fs::create_dir_all(shop.data()).unwrap();
        fs::write(shop.data().join("ticket.key"), b"short").unwrap();
    }
    let output = shop.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("ticket.key is damaged") || said(&output).contains("STAMPEDE_TICKET_KEY"));
    if !servers::are_wanted() {
        assert!(said(&output).contains("restore it from a backup"), "{}", said(&output));
        assert_eq!(fs::read(shop.data().join("ticket.key")).unwrap(), b"short");
        assert!(said(&shop.run(&["ticket", "key"])).contains("is damaged"));
    }
}
