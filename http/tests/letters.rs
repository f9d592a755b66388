//! Letters without a mailbox: what stands in them, where they lead, and that none is untrue when it is written.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its share")]
mod support;

use stampede_actors::ports::{Composer, Letter, Occasion, OrderRecord};
use stampede_domain::{Contact, Event, Hold, Money, OrderStatus, Payment, PaymentId, hold};
use support::{clock, composer, hold as held, k, key, row, shown, shown_with_vip};

fn event() -> Event {
    shown_with_vip().event.listing.event.clone()
}

fn paid(status: OrderStatus, captured: &[i64]) -> Hold {
    let id = |number: usize| PaymentId::new(format!("pay_{number}")).unwrap();
    let payments = captured.iter().enumerate().map(|(at, captured)| hold::Payment {
        id: id(at),
        attempt: u32::try_from(at).unwrap() + 1,
        captured: *captured,
        refunded: 0,
    });
    let paid_by = (status == OrderStatus::Confirmed).then(|| id(0));
    Hold { paid_by, payments: payments.collect(), ..held(status) }
}

fn write(occasion: Occasion, hold: &Hold) -> Result<Letter, String> {
    composer(clock()).about_order(occasion, &row(hold.status), Some(hold), &event())
}

fn in_german(record: OrderRecord) -> OrderRecord {
    OrderRecord { contact: Contact { language: Some("de".into()), ..record.contact.clone() }, ..record }
}

/// Its record, with General Admission of the same event.
fn at_gate() -> OrderRecord {
    let event = event();
    OrderRecord { pool: event.ticket_types[0].pool(&event.slug), ..row(OrderStatus::Confirmed) }
}

#[tokio::test]
async fn a_confirmation_brings_the_tickets_and_the_links_that_open_them() {
    let letter = write(Occasion::Confirmed, &paid(OrderStatus::Confirmed, &[100_200])).unwrap();
    assert_eq!((letter.to.as_str(), letter.id), ("eva@example.org", format!("{}.confirmed", key())));
    assert_eq!(letter.subject, "Your tickets: Festival");
    let order = format!("https://tickets.example.org/en/orders/{}", key());
    let query = format!("?k={}", k().await);
    for part in [&letter.text, &letter.html] {
        for words in [&format!("{order}{query}"), &format!("{order}/tickets{query}"), "€1,002.00", "€4.00", "card"]
        {
            assert!(part.contains(words), "{words} is not in {part}");
        }
    }
    assert!(letter.text.starts_with("Hello Eva Müller!"), "{}", letter.text);
    let [paper, calendar] = letter.attachments.try_into().unwrap();
    let name = |ending: &str| format!("tickets-{}.{ending}", &key().to_string()[24..]);
    assert_eq!((paper.name, paper.media_type), (name("pdf"), "application/pdf"));
    assert!(paper.bytes.starts_with(b"%PDF-"));
    assert_eq!((calendar.name, calendar.media_type), (name("ics"), "text/calendar; charset=utf-8"));
    let entry = String::from_utf8(calendar.bytes).unwrap().replace("\r\n ", "");
    assert!(entry.contains("https://tickets.example.org/en/events/festival"), "{entry}");
}

#[test]
fn a_letter_is_in_the_language_that_its_buyer_read() {
    let composer = composer(clock());
    let hold = paid(OrderStatus::Confirmed, &[100_200]);
    let letter =
        composer.about_order(Occasion::Confirmed, &in_german(row(hold.status)), Some(&hold), &event()).unwrap();
    assert_eq!(letter.subject, "Deine Tickets: Festival");
    assert!(letter.text.contains("https://tickets.example.org/de/orders/") && letter.html.contains("lang=\"de\""));
    let link = composer.orders_link("eva@example.org", Some("de")).unwrap();
    assert!(link.text.contains("https://tickets.example.org/de/my/orders?k="), "{}", link.text);
}

#[test]
fn what_is_paid_at_the_gate_is_confirmed_without_a_receipt() {
    let letter = composer(clock()).about_order(Occasion::Confirmed, &at_gate(), None, &event()).unwrap();
    assert!(letter.text.contains("€398.00, to pay at the gate"), "{}", letter.text);
    assert!(!letter.text.contains("Receipt") && !letter.text.contains("VAT"), "the gate's matter: {}", letter.text);
    assert_eq!(letter.attachments.len(), 2);
}

#[test]
fn a_price_that_was_changed_since_is_told_as_it_was_paid() {
    let amount = Money { minor: 90_000, currency: "EUR".parse().unwrap() };
    let letter = write(Occasion::Confirmed, &Hold { amount, ..paid(OrderStatus::Confirmed, &[90_000]) }).unwrap();
    assert!(letter.text.contains("€900.00") && !letter.text.contains("€998.00"), "{}", letter.text);
}

#[test]
fn who_did_not_pay_in_time_hears_that_nothing_was_charged() {
    let letter = write(Occasion::Expired, &held(OrderStatus::Expired)).unwrap();
    assert_eq!(letter.id, format!("{}.expired", key()));
    assert!(letter.text.contains("Nothing was charged") && letter.attachments.is_empty());
    assert!(letter.html.contains("href=\"https://tickets.example.org/en/events/festival\""));
}

#[test]
fn money_that_goes_back_is_told_with_its_sum_and_its_reason() {
    for (hold, sum, why) in [
        (paid(OrderStatus::Expired, &[100_200]), "€1,002.00", "came when the tickets were there for everyone again"),
        (paid(OrderStatus::Cancelled, &[100_200]), "€1,002.00", "came when the tickets were there for everyone again"),
        (paid(OrderStatus::Refunded, &[100_200]), "€1,002.00", "no longer valid"),
        (paid(OrderStatus::Confirmed, &[100_200, 70_000]), "€700.00", "nothing changes about the order"),
    ] {
        let letter = write(Occasion::Refunded, &hold).unwrap();
        assert_eq!(letter.id, format!("{}.refunded", key()), "{:?}", hold.status);
        assert!(letter.text.contains(sum) && letter.text.contains(why), "{:?}: {}", hold.status, letter.text);
        assert!(letter.attachments.is_empty());
    }
}

/// It may have waited for hours.
#[test]
fn no_letter_is_written_that_is_not_true_any_more() {
    let late = write(Occasion::Expired, &paid(OrderStatus::Expired, &[100_200])).unwrap();
    assert_eq!(late.id, format!("{}.refunded", key()), "nothing was charged? Something was");
    let refunded = write(Occasion::Confirmed, &paid(OrderStatus::Refunded, &[100_200])).unwrap();
    assert_eq!((refunded.id, refunded.attachments.len()), (format!("{}.refunded", key()), 0), "no tickets any more");
    for (occasion, hold) in [
        (Occasion::Confirmed, held(OrderStatus::Cancelled)),
        (Occasion::Expired, paid(OrderStatus::Confirmed, &[100_200])),
        (Occasion::Refunded, held(OrderStatus::Refunded)),
    ] {
        assert!(write(occasion, &hold).is_err(), "{occasion:?} {:?}", hold.status);
    }
}

#[test]
fn why_there_is_no_letter_names_nobody() {
    let (composer, hold) = (composer(clock()), paid(OrderStatus::Confirmed, &[100_200]));
    let nowhere = OrderRecord {
        contact: Contact { name: Some("Eva".into()), email: Some("  ".into()), ..Contact::default() },
        ..row(OrderStatus::Confirmed)
    };
    let without_vip = shown(1, 0).event.listing.event.clone();
    for why in [
        composer.about_order(Occasion::Confirmed, &nowhere, Some(&hold), &event()),
        composer.about_order(Occasion::Confirmed, &row(hold.status), Some(&hold), &without_vip),
        composer.about_order(Occasion::Confirmed, &row(hold.status), None, &event()),
    ] {
        let why = why.expect_err("there is none");
        assert!(!why.contains("Eva") && !why.contains("eva@"), "{why}");
    }
    assert!(matches!(event().ticket_types[0].payment, Payment::AtTheGate));
}

#[test]
fn each_link_is_a_letter_of_its_own_and_the_same_one_however_often_it_is_sent() {
    let link = |address: &str| composer(clock()).orders_link(address, None).unwrap();
    assert_eq!(link("eva@example.org"), link("eva@example.org"));
    assert_ne!(link("eva@example.org").id, link("adam@example.org").id);
    let later = composer(support::clock_at(stampede_domain::Millis(support::NOW.0 + 1)));
    assert_ne!(later.orders_link("eva@example.org", None).unwrap().id, link("eva@example.org").id);
    let id = link("eva@example.org").id;
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.'), "{id}");
    assert!(link("eva@example.org").text.contains("valid for 1\u{a0}hour"));
}
