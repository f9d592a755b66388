//! The pages of paid orders without storage: the checkout, the held order, its buttons.

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use actix_web::test::TestRequest;
use stampede_actors::{facts::PutOff, lane::Wish, till::TillAnswer};
use stampede_domain::{Decline, Hold, HoldRefused, Millis, OrderStatus, PaymentId, hold::Payment};
use stampede_http::{ShopOptions, paying::Paying};
use support::{Answer, NOW, Says, Script, hold, k, key, paying, shown_with_vip};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const BANK: &str = "/bank/payments/pay_1";

fn selling() -> Script {
    let script = Script::new();
    script.show(Says::Answer(Ok(shown_with_vip())));
    script
}

fn order(fields: &str) -> TestRequest {
    TestRequest::post().uri("/en/events/festival/orders").insert_header(FORM).set_payload(fields.to_owned())
}

async fn shown(script: &Script, query: &str) -> Answer {
    script.ask(TestRequest::get().uri(&format!("/en/orders/{}{query}", key()))).await
}

async fn press(script: &Script, what: &str, query: &str, fields: &str) -> Answer {
    let uri = format!("/en/orders/{}/{what}{query}", key());
    script.ask(TestRequest::post().uri(&uri).insert_header(FORM).set_payload(fields.to_owned())).await
}

fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
    rest.and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("no {name} in {page}"))
}

fn at(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status.as_u16(), answer.header("location"))
}

#[actix_web::test]
async fn what_is_paid_online_is_ordered_at_the_checkout_and_nowhere_else() {
    let script = selling();
    let blank = script.ask(order(&format!("key={}&ticketTypeId=vip&quantity=2", key()))).await;
    assert_eq!(at(&blank), (303, Some("/en/events/festival/checkout?type=vip&quantity=2")));
    let typed = format!("key={}&ticketTypeId=vip&quantity=2&name=Zo%C3%AB&email=zoe%40example.org", key());
    let page = script.ask(order(&typed)).await;
    assert_eq!(page.status, 200, "what was typed is in no address");
    assert_eq!(field(&page.text(), "key"), key().to_string(), "and it is still the same order");
    assert!(page.text().contains("Zoë") && page.text().contains("zoe@example.org"));
    let mistaken = script.ask(order("key=x&ticketTypeId=vip&quantity=many")).await;
    assert_eq!(mistaken.status, 422);
    assert!(script.asked().is_empty(), "nothing is held before the checkout");
    let at_gate = format!("key={}&ticketTypeId=general&quantity=1&name=Eva", key());
    assert_eq!(script.ask(order(&at_gate)).await.status, 303);
    assert_eq!(script.asked().len(), 1, "and what is paid at the gate needs none");
}

#[actix_web::test]
async fn the_checkout_says_what_it_costs_and_how_long_it_is_held() {
    let script = selling();
    let get = |uri: &str| script.ask(TestRequest::get().uri(uri));
    let answer = get("/en/events/festival/checkout?type=vip&quantity=2").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, Some("private, no-store")));
    let page = answer.text();
    for words in ["€1,002.00", "€4.00", "€115.27", "13", "10\u{a0}minutes", "VIP Pass"] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    assert!(page.contains("href=\"/de/events/festival/checkout?type=vip"), "the same in German: {page}");
    assert!(stampede_domain::key::order_id(field(&page, "key"), NOW).is_ok(), "it brings a fresh key");
    assert_eq!((field(&page, "quantity"), field(&page, "ticketTypeId")), ("2", "vip"));
    for (typed, meant) in [("0", "1"), ("-3", "1"), ("x", "1"), ("", "1"), ("99", "6")] {
        let page = get(&format!("/en/events/festival/checkout?type=vip&quantity={typed}")).await;
        assert_eq!(field(&page.text(), "quantity"), meant, "{typed}");
    }
    for elsewhere in ["?type=general", "?type=none", ""] {
        let answer = get(&format!("/de/events/festival/checkout{elsewhere}")).await;
        assert_eq!(at(&answer), (303, Some("/de/events/festival")), "{elsewhere}");
    }
    assert_eq!(get("/en/events/other/checkout?type=vip").await.status, 404);
}

#[actix_web::test]
async fn the_checkouts_form_orders_with_name_and_email_and_keeps_what_was_typed() {
    let script = selling();
    let with = |rest: &str| order(&format!("checkout=yes&key={}&ticketTypeId=vip&quantity=2&{rest}", key()));
    for (rest, code) in [("name=Zoe", "email"), ("email=zoe%40example.org", "name"), ("name=Zoe&email=zoe", "email")] {
        let answer = script.ask(with(rest)).await;
        assert_eq!(answer.status, 422, "{rest}");
        let page = answer.text();
        assert!(page.contains(&format!("id=\"{code}-error\"")), "{rest}: {page}");
        assert_ne!(field(&page, "key"), key().to_string(), "the next try is a new order");
    }
    assert!(script.asked().is_empty());
    let answer = script.ask(with("name=Zoe&email=zoe%40example.org")).await;
    assert_eq!(at(&answer), (303, Some(&*format!("/en/orders/{}?k={}", key(), k().await))));
    let [placed] = script.asked().try_into().unwrap();
    assert_eq!((placed.order, placed.quantity, placed.ticket_type.as_deref()), (key(), 2, Some("vip")));
    let gone = stampede_domain::OrderRefused::SoldOut { free: 1, in_flight: 3 };
    let refusing = Script::placing(Says::Answer(stampede_actors::inventory::Placed::Refused(gone)));
    refusing.show(Says::Answer(Ok(shown_with_vip())));
    let answer = refusing.ask(with("name=Zoe&email=zoe%40example.org")).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("zoe@example.org") && answer.text().contains("name=\"checkout\""));
}

#[actix_web::test]
async fn a_held_order_has_a_clock_by_the_servers_time_and_its_buttons() {
    let (script, query) = (Script::holding([hold(OrderStatus::Reserved)]), format!("?k={}", k().await));
    let answer = shown(&script, &query).await;
    let page = answer.text();
    assert!(page.contains(&format!("data-until=\"{}\" data-server-now=\"{}\"", NOW.0 + 600_000, NOW.0)), "{page}");
    for what in ["pay", "extend", "cancel"] {
        let address = format!("/en/orders/{}/{what}{query}", key());
        assert!(page.contains(&format!("action=\"{address}\"")), "{address} is not in {page}");
    }
    assert_eq!(field(&page, "attempt"), "1");
    assert!(page.contains("€1,002.00"), "the sum that was agreed");
    assert!(page.contains(&format!("data-poll=\"/api/orders/{}{query}\"", key())));
    assert!(!page.contains("no-referrer"), "or a browser would not say where its form comes from");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self';"), "{policy}");
    for query in ["", "?k=AAAA"] {
        let page = shown(&script, query).await.text();
        assert!(page.contains("data-status=\"reserved\"") && !page.contains("/pay"), "a stranger has no buttons");
        assert!(!page.contains("data-until") && !page.contains("1,002"));
    }
    let options = ShopOptions {
        paying: Paying { pay_origin: Some("https://pay.example".into()), ..Paying::default() },
        max_watchers: 1,
        ..ShopOptions::default()
    };
    let answer = shown(&Script { options, ..script }, &query).await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self' https://pay.example;"), "{policy}");
}

/// Page and script must be told the same, or a page would load itself in circles.
#[actix_web::test]
async fn every_state_has_its_face_and_its_script_is_told_the_same() {
    let paid = Payment { id: PaymentId::new("pay_1").unwrap(), attempt: 1, captured: 100_200, refunded: 0 };
    let given_back = Payment { refunded: 100_200, ..paid.clone() };
    let with = |status, payment: &Payment| Hold {
        attempt: 1,
        payments: vec![payment.clone()],
        paid_by: Some(payment.id.clone()),
        ..hold(status)
    };
    let declined = Hold { attempt: 1, decline: Some(Decline::CardExpired), ..hold(OrderStatus::Reserved) };
    let used_up = Hold { attempt: 10, ..declined.clone() };
    let late = Hold { hold_until: Millis(NOW.0 - 1), ..hold(OrderStatus::Reserved) };
    let states = [
        (hold(OrderStatus::Reserved), "", "Held for you"),
        (Hold { extended: true, ..hold(OrderStatus::Reserved) }, "", "Held for you"),
        (late, "", "Time is up"),
        (declined, "", "The card has expired"),
        (used_up, "", "Too many payments"),
        (paying(None), "", "Opening the payment"),
        (paying(Some("ftp://odd")), "", "Opening the payment"),
        (paying(Some(BANK)), "", "Pay at the bank"),
        (paying(Some(BANK)), "&bank=done", "Do not pay again"),
        (Hold { status: OrderStatus::Expiring, ..paying(Some(BANK)) }, "", "We are checking"),
        (with(OrderStatus::Confirmed, &paid), "", "Paid. You are in"),
        (hold(OrderStatus::Expired), "", "were not paid in time"),
        (with(OrderStatus::Expired, &paid), "", "Your money came too late"),
        (hold(OrderStatus::Cancelled), "", "Given back"),
        (with(OrderStatus::Cancelled, &paid), "", "Your money came too late"),
        (with(OrderStatus::Refunded, &paid), "", "On its way"),
        (with(OrderStatus::Refunded, &given_back), "", "Sent on"),
    ];
    let query = format!("?k={}", k().await);
    for (hold, back, words) in states {
        let (status, script) = (hold.status, Script::holding([hold]));
        let page = shown(&script, &format!("{query}{back}")).await;
        assert_eq!(page.status, 200, "{words}");
        let page = page.text();
        assert!(page.contains(words), "{words} is not in {page}");
        assert_eq!(page.contains("/tickets?k="), status == OrderStatus::Confirmed, "{words}");
        let Some(poll) = page.split("data-poll=\"").nth(1).and_then(|rest| rest.split('"').next()) else {
            assert!(!status.is_held(), "{words}: nobody would hear of the end");
            continue;
        };
        let told = script.ask(TestRequest::get().uri(&poll.replace("&#38;", "&").replace("&amp;", "&"))).await.json();
        assert!(page.contains(&format!("data-status=\"{}\"", told["status"].as_str().unwrap())), "{words}: {told}");
        let of_page = page.split("data-payment=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert_eq!(of_page, told["payment"].as_str(), "{words}");
    }
}

#[actix_web::test]
async fn whoever_paid_twice_is_told_that_the_second_money_goes_back_and_no_false_time_of_the_first() {
    let payment = |id: &str| Payment { id: PaymentId::new(id).unwrap(), attempt: 1, captured: 100_200, refunded: 0 };
    let once =
        Hold { paid_by: Some(payment("pay_1").id), payments: vec![payment("pay_1")], ..hold(OrderStatus::Confirmed) };
    let twice = Hold { payments: vec![payment("pay_1"), payment("pay_2")], ..once.clone() };
    let query = format!("?k={}", k().await);
    for (hold, is_twice) in [(once, false), (twice, true)] {
        let page = shown(&Script::holding([hold]), &query).await.text();
        assert!(page.contains("Paid. You are in"), "{page}");
        assert_eq!(page.contains("More money came for this order"), is_twice, "{page}");
        assert_eq!(page.contains("On its way"), is_twice, "{page}");
        assert_eq!(page.contains("Paid on"), !is_twice, "{page}");
    }
}

#[actix_web::test]
async fn who_presses_pay_is_taken_to_the_bank_as_soon_as_it_is_open() {
    let (k, reserved) = (k().await, hold(OrderStatus::Reserved));
    let query = format!("?k={k}");
    let script = Script::holding([reserved.clone(), paying(None), paying(Some(BANK))]);
    let answer = press(&script, "pay", &query, "attempt=1").await;
    assert_eq!(at(&answer), (303, Some(&*format!("/en{BANK}?k={k}"))));
    assert_eq!(script.wished(), [Wish::Pay { attempt: 1 }]);
    let page = shown(&Script::holding([paying(Some(BANK))]), &query).await.text();
    assert!(page.contains(&format!("href=\"/en{BANK}?k={k}\"")), "who has no script and comes later: {page}");
    // Another house: a form may lead there only if it was named, the page's link always.
    let there = "https://pay.example/c/1";
    let script = Script::holding([reserved, paying(Some(there))]);
    let back = format!("/en/orders/{}{query}", key());
    assert_eq!(at(&press(&script, "pay", &query, "attempt=1").await), (303, Some(&*back)));
    assert!(shown(&script, &query).await.text().contains(&format!("href=\"{there}\"")));
    let options = ShopOptions {
        paying: Paying { pay_origin: Some("https://pay.example".into()), ..Paying::default() },
        max_watchers: 1,
        ..ShopOptions::default()
    };
    let script = Script { options, ..Script::holding([paying(Some(there))]) };
    assert_eq!(at(&press(&script, "pay", &query, "attempt=1").await), (303, Some(there)));
}

#[actix_web::test]
async fn two_clicks_are_one_payment_and_lead_to_the_same_page() {
    let query = format!("?k={}", k().await);
    let script = Script::holding([paying(Some(BANK))]);
    let (first, second) =
        (press(&script, "pay", &query, "attempt=1").await, press(&script, "pay", &query, "attempt=1").await);
    assert_eq!(at(&first), at(&second));
    assert_eq!(
        script.wished(),
        [Wish::Pay { attempt: 1 }, Wish::Pay { attempt: 1 }],
        "the same attempt is the same payment"
    );
}

#[actix_web::test]
async fn more_time_and_giving_back_lead_back_to_the_order() {
    let query = format!("?k={}", k().await);
    let back = format!("/en/orders/{}{query}", key());
    let longer = Hold { extended: true, ..hold(OrderStatus::Reserved) };
    let script = Script::holding([hold(OrderStatus::Reserved), longer]);
    assert_eq!(at(&press(&script, "extend", &query, "attempt=1").await), (303, Some(&*back)));
    assert_eq!(script.wished(), [Wish::Extend]);
    let script = Script::holding([hold(OrderStatus::Reserved), hold(OrderStatus::Cancelled)]);
    assert_eq!(at(&press(&script, "cancel", &query, "attempt=1").await), (303, Some(&*back)));
    assert_eq!(script.wished(), [Wish::Cancel]);
    let looked = script.ask(TestRequest::get().uri(&format!("/en/orders/{}/pay{query}", key()))).await;
    assert_eq!(at(&looked), (303, Some(&*back)), "who presses Enter in the address bar");
}

/// The page knows better than a message why not.
#[actix_web::test]
async fn a_no_leads_back_to_the_order_which_says_why() {
    let query = format!("?k={}", k().await);
    let back = format!("/en/orders/{}{query}", key());
    let noes = [
        HoldRefused::OutOfTime,
        HoldRefused::PaymentUnderWay,
        HoldRefused::AlreadyPaid,
        HoldRefused::TooManyAttempts,
        HoldRefused::NotTheNextAttempt { next: 2 },
        HoldRefused::AlreadyExtended,
        HoldRefused::Ended(OrderStatus::Cancelled),
    ];
    for what in ["pay", "extend", "cancel"] {
        for no in noes {
            let script = Script::holding([hold(OrderStatus::Reserved)]).told(TillAnswer::Refused(no));
            assert_eq!(at(&press(&script, what, &query, "attempt=1").await), (303, Some(&*back)), "{what} {no:?}");
        }
        let unsure = Script::holding([hold(OrderStatus::Reserved)]).told(TillAnswer::Unsure);
        assert_eq!(
            at(&press(&unsure, what, &query, "attempt=1").await),
            (303, Some(&*back)),
            "{what}: look at the order"
        );
        let not_now = Script::holding([hold(OrderStatus::Reserved)]).told(TillAnswer::NotNow { why: PutOff::Broken });
        let answer = press(&not_now, what, &query, "attempt=1").await;
        assert_eq!((answer.status.as_u16(), answer.header("retry-after").is_some()), (503, true), "{what}");
        assert_eq!(press(&Script::new(), what, &query, "attempt=1").await.status, 404, "{what}: no such order");
    }
}

#[actix_web::test]
async fn only_the_buyer_from_our_own_pages_moves_an_order() {
    let query = format!("?k={}", k().await);
    let script = Script::holding([hold(OrderStatus::Reserved)]);
    for what in ["pay", "extend", "cancel"] {
        for stranger in ["", "?k=AAAA"] {
            assert_eq!(press(&script, what, stranger, "attempt=1").await.status, 403, "{what}{stranger}");
        }
        let uri = format!("/en/orders/{}/{what}{query}", key());
        for header in [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null")] {
            let request =
                TestRequest::post().uri(&uri).insert_header(FORM).insert_header(header).set_payload("attempt=1");
            assert_eq!(script.ask(request).await.status, 403, "{what} {header:?}");
        }
    }
    for odd in ["", "attempt=", "attempt=0", "attempt=x"] {
        assert_eq!(press(&script, "pay", &query, odd).await.status, 400, "{odd}");
    }
    assert!(script.wished().is_empty());
    let missing = TestRequest::post().uri("/en/orders/x/pay").insert_header(FORM).set_payload("attempt=1");
    assert_eq!(script.ask(missing).await.status, 404);
}

#[actix_web::test]
async fn the_browser_that_ordered_needs_no_link() {
    let taken = selling()
        .ask(order(&format!("checkout=yes&key={}&ticketTypeId=vip&quantity=2&name=Zoe&email=zoe%40example.org", key())))
        .await;
    let cookie = taken.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let script = Script::holding([paying(Some(BANK))]);
    let uri = format!("/de/orders/{}/pay", key());
    let request = TestRequest::post().uri(&uri).insert_header(FORM).insert_header(("Cookie", cookie.as_str()));
    let answer = script.ask(request.set_payload("attempt=1")).await;
    assert_eq!(at(&answer), (303, Some(&*format!("/de{BANK}?k={}", k().await))));
}

/// The page says "a moment". After a minute it says what is so, and offers no second payment.
#[actix_web::test]
async fn a_bank_that_does_not_open_a_payment_for_a_minute_is_waited_for_and_not_paid_again() {
    let query = format!("?k={}", k().await);
    let begun = |ms: i64, page: Option<&str>| Hold { paying_at: Millis(NOW.0 - ms), ..paying(page) };
    let page = |hold: Hold| {
        let (script, query) = (Script::holding([hold]), query.clone());
        async move { shown(&script, &query).await.text() }
    };
    let opening = page(begun(60_000, None)).await;
    assert!(opening.contains("data-payment=\"opening\""), "{opening}");
    let silent = page(begun(60_001, None)).await;
    for words in ["data-payment=\"checking\"", "Do not pay again.", "The bank is taking longer than usual."] {
        assert!(silent.contains(words), "{words} is not in {silent}");
    }
    assert!(!silent.contains("/pay?k="));
    let open = page(begun(600_000, Some(BANK))).await;
    assert!(open.contains("data-payment=\"open\""), "whose turn it is to give a card takes their time: {open}");
    let told = Script::holding([begun(60_001, None)]);
    let told = told.ask(TestRequest::get().uri(&format!("/api/v1/orders/{}{query}", key()))).await.json();
    assert_eq!(told["payment"], "checking", "the page's script hears the same");
}
