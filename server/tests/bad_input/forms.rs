//! What people send: the form, from our own pages, and the links to what came of it.

use super::{FORM, URLENCODED, Victim, support::key};

fn order_form(changes: &[(&str, &str)]) -> String {
    let fresh = key();
    let mut fields =
        vec![("key", fresh.as_str()), ("ticketTypeId", ""), ("quantity", "1"), ("name", "Eva"), ("email", "")];
    for (name, value) in changes {
        fields.retain(|(other, _)| other != name);
        fields.push((name, value));
    }
    fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_the_form_keeps_the_form() {
    let victim = Victim::open().await;
    let (long, endless) = ("a".repeat(201), "a".repeat(17_000));
    let kept: &[(&str, &str)] = &[
        ("quantity", "0"),
        ("quantity", "-1"),
        ("quantity", "7"),
        ("quantity", "101"),
        ("quantity", "1.5"),
        ("quantity", "many"),
        ("quantity", ""),
        ("quantity", "99999999999999999999"),
        ("name", ""),
        ("name", "%20%20"),
        ("name", "%E2%80%8B%C2%A0"),
        ("name", "a%00b"),
        ("name", "a%0D%0Ab"),
        ("name", "%ff%fe"),
        ("name", &long),
        ("email", "nobody"),
        ("email", "a%00@example.org"),
        ("key", ""),
        ("key", "hello"),
        ("key", "018bcfe5-6807-7000-8000-000000000000"),
    ];
    for (field, value) in kept {
        let answer = victim.post(FORM, URLENCODED, order_form(&[(field, value)]).as_bytes());
        assert_eq!(answer.status, 422, "{field}={value}");
        let page = answer.page();
        assert!(page.contains("name=\"key\"") && page.contains("class=\"notice\""), "{page}");
    }
    for (body, status) in [
        (format!("{}&price=0", order_form(&[])), 400),
        (format!("{}&name=x", order_form(&[])), 400),
        (order_form(&[("name", &endless)]), 413),
        (order_form(&[("ticketTypeId", "backstage")]), 404),
    ] {
        let answer = victim.post(FORM, URLENCODED, body.as_bytes());
        assert_eq!(answer.status, status, "{answer:?}");
        answer.page();
    }
    victim.post("/en/events/nope/orders", URLENCODED, order_form(&[]).as_bytes()).page();
    assert_eq!(victim.shop.numbers().await.0, 1000, "nothing was ordered");
    for name in ["%F0%9F%8E%AA", "%D9%84%D9%8A%D9%84%D8%A9", "O%27Brien"] {
        assert_eq!(victim.post(FORM, URLENCODED, order_form(&[("name", name)]).as_bytes()).status, 303, "{name}");
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_taken_from_our_own_pages_only() {
    let victim = Victim::open().await;
    let own = format!("http://{}", victim.address);
    let send = |header: (&str, &[u8])| {
        let headers = [("content-type", URLENCODED.as_bytes()), header];
        victim.ask("POST", FORM, &headers, order_form(&[]).as_bytes())
    };
    let foreign: &[(&str, &[u8])] = &[
        ("origin", b"null"),
        ("origin", b""),
        ("origin", b"https://example.org"),
        ("origin", b"\xff"),
        ("sec-fetch-site", b"cross-site"),
        ("sec-fetch-site", b"same-site"),
        ("sec-fetch-site", b"\xff"),
    ];
    for header in foreign {
        let answer = send(*header);
        assert_eq!(answer.status, 403, "{header:?}");
        answer.page();
    }
    assert_eq!(send(("origin", format!("{own}.example.org").as_bytes())).status, 403);
    assert_eq!(victim.shop.numbers().await.0, 1000, "nothing was ordered");
    for header in [("origin", own.as_bytes()), ("sec-fetch-site", b"same-origin"), ("sec-fetch-site", b"none")] {
        assert_eq!(send(header).status, 303, "{header:?}");
    }
    victim.stands().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_link_opens_an_order() {
    let victim = Victim::open().await;
    let place = |name: &str| {
        let answer = victim.post(FORM, URLENCODED, order_form(&[("name", name)]).as_bytes());
        answer.header("location").unwrap().to_owned()
    };
    let (mine, other) = (place("Secret"), place("Other"));
    let ((order, signature), (_, others)) = (mine.split_once("?k=").unwrap(), other.split_once("?k=").unwrap());
    victim.shop.until("the order is written", async || victim.get(&mine).body.contains("Secret")).await;
    let turned: String = signature.chars().rev().collect();
    let forged = [
        String::new(),
        "?k=".to_owned(),
        format!("?k={others}"),
        format!("?k={turned}"),
        format!("?k={}", &signature[1..]),
        format!("?k={signature}A"),
        format!("?k={signature}=="),
        "?k=%ff%00".to_owned(),
        format!("?k={}", "A".repeat(9_000)),
    ];
    for query in &forged {
        let answer = victim.get(&format!("{order}{query}"));
        assert_eq!(answer.status, 200, "{query}");
        assert!(!answer.page().contains("Secret"), "{query} opens the order");
    }
    // Mail programs add to links.
    for query in [format!("?k=x&k={signature}"), format!("?utm_source=mail&k={signature}&x=%ff")] {
        assert!(victim.get(&format!("{order}{query}")).page().contains("Secret"), "{query}");
    }
    victim.stands().await;
}
