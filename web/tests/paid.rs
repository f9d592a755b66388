//! The pages of what is paid online: what each state must say, offer, and never say.

use stampede_web::{
    BankCardPage, BankStepPage, CheckoutPage, Faces, FindOrdersPage, KEY_SLOT, Lang, LinkSentPage, MyOrdersPage,
    OrderPage, OrderStatusView, RefusedPage,
};

fn faces() -> Faces {
    Faces::new().expect("because the templates compile")
}

fn named<P>(samples: Vec<(&'static str, P)>, name: &str) -> P {
    let found = samples.into_iter().find(|(sample, _)| *sample == name);
    found.unwrap_or_else(|| panic!("no sample is called {name}")).1
}

fn order(lang: Lang, name: &str) -> String {
    faces().order(lang, &named(OrderPage::samples(lang), name)).expect("because it renders")
}

fn checkout(lang: Lang, name: &str) -> String {
    faces().checkout(lang, &named(CheckoutPage::samples(lang), name)).expect("because it renders")
}

fn bank(lang: Lang, name: &str) -> String {
    faces().bank_card(lang, &named(BankCardPage::samples(lang), name)).expect("because it renders")
}

/// Each tag with its attributes, `<` and `>` cut off.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split('>').next())
}

fn place(html: &str, what: &str) -> usize {
    html.find(what).unwrap_or_else(|| panic!("{what} is missing"))
}

#[test]
fn the_button_says_that_it_costs_money_and_the_price_stands_right_above_it() {
    for (lang, words, total) in [
        (Lang::De, ">zahlungspflichtig bestellen</button>", "€\u{a0}1.002,00"),
        (Lang::En, ">Order with obligation to pay</button>", "€1,002.00"),
    ] {
        let html = checkout(lang, "blank");
        assert!(place(&html, "name=\"email\"") < place(&html, total), "who buys is asked before the price");
        assert!(place(&html, total) < place(&html, words));
        assert!(html.contains("115") && html.contains("13"), "the VAT and its rate are said");
        assert!(html.contains("10\u{a0}Minuten") || html.contains("10\u{a0}minutes"), "how long it is held is said");
    }
}

#[test]
fn the_checkout_asks_for_both_name_and_address_and_sends_key_type_and_number() {
    let html = checkout(Lang::En, "kept");
    let inputs: Vec<&str> = tags(&html).filter(|tag| tag.starts_with("input ")).collect();
    let input = |name: &str| {
        let found = inputs.iter().find(|tag| tag.contains(&format!(" name=\"{name}\"")));
        found.unwrap_or_else(|| panic!("{name} is missing"))
    };
    assert!(input("name").contains(" required") && input("email").contains(" required"));
    assert!(input("key").contains("value=\"0199b0df-1f02-7b44-8a0e-b0de99317c40\""));
    assert!(input("quantity").contains("value=\"2\"") && input("ticketTypeId").contains("type=\"hidden\""));
    assert!(input("name").contains("value=\"Zoë &quot;&lt;script&gt;&quot; Ångström\""));
    assert!(html.contains("href=\"/en/events/frequency-festival\">Change<"));
}

#[test]
fn a_mistake_at_the_checkout_is_said_beside_the_field_and_in_the_summary() {
    let html = checkout(Lang::De, "mistakes");
    for field in ["name", "email"] {
        assert!(html.contains(&format!("<a href=\"#{field}\">")) && html.contains(&format!("id=\"{field}-error\"")));
    }
    assert_eq!(html.matches("aria-invalid=\"true\"").count(), 2);
    assert!(!html.contains("oder lass das Feld leer"), "the address is not optional here");
    assert!(checkout(Lang::En, "mistakes-otherwise").contains("How many: choose 1 to 6."));
}

#[test]
fn a_checkout_of_what_is_gone_has_no_form() {
    let html = checkout(Lang::En, "sold-out");
    assert!(!html.contains("<form") && html.contains("All tickets are taken."));
}

#[test]
fn every_refusal_can_be_told_at_the_checkout() {
    for lang in Lang::ALL {
        for (name, refused) in RefusedPage::samples(lang) {
            let page = CheckoutPage {
                refusal: Some(refused.refusal),
                form: refused.event.form,
                ..named(CheckoutPage::samples(lang), "blank")
            };
            let html = faces().checkout(lang, &page).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(html.contains("id=\"notice-title\"") && html.contains("name=\"key\""), "{name}");
        }
    }
}

#[test]
fn the_slot_of_the_key_may_be_filled_in_later() {
    let page = CheckoutPage { key: KEY_SLOT.into(), ..named(CheckoutPage::samples(Lang::En), "blank") };
    let html = faces().checkout(Lang::En, &page).expect("because it renders");
    assert_eq!(html.matches(KEY_SLOT).count(), 1);
}

#[test]
fn a_held_order_says_until_when_and_offers_to_pay_and_to_give_back() {
    let html = order(Lang::De, "reserved");
    assert!(html.contains("18:14:08\u{a0}Uhr"), "the moment itself");
    assert!(html.contains("<noscript><p>Das war in 9\u{a0}Minuten 51\u{a0}Sekunden"), "in words, without a script");
    assert!(html.contains("role=\"timer\"") && html.contains(">Jetzt €\u{a0}1.002,00 bezahlen</button>"));
    assert!(html.contains("action=\"/en/orders/0199b0df-1f02-7b44-8a0e-b0de99317c40/pay\""));
    assert!(html.contains("name=\"attempt\" value=\"1\""));
    assert!(html.contains("formaction=\"/en/orders/0199b0df-1f02-7b44-8a0e-b0de99317c40/cancel\""));
    assert!(html.contains("http-equiv=\"refresh\" content=\"593\""), "without a script it is renewed when time is up");
}

#[test]
fn more_time_is_offered_to_everyone_while_it_is_allowed() {
    let extend = "formaction=\"/en/orders/0199b0df-1f02-7b44-8a0e-b0de99317c40/extend\"";
    // Behind the last minute's warning, and in a <noscript> for those whose page cannot warn.
    assert_eq!(order(Lang::En, "reserved").matches(extend).count(), 2);
    assert_eq!(order(Lang::En, "reserved-last-minute").matches(extend).count(), 1);
    assert_eq!(order(Lang::En, "reserved-extended").matches(extend).count(), 0);
    assert!(order(Lang::En, "reserved").contains("data-late hidden>"));
    assert!(order(Lang::En, "reserved-last-minute").contains("data-late>"));
}

#[test]
fn nobody_is_asked_to_pay_when_paying_is_over_or_must_not_happen() {
    for lang in Lang::ALL {
        for name in
            ["reserved-out-of-time", "checking", "checking-out-of-time", "unpaid", "paid-late", "paid", "refunded"]
        {
            let html = order(lang, name);
            assert!(!html.contains("/pay\"") && !html.contains("data-continue"), "{name}");
        }
    }
    assert!(order(Lang::De, "checking").contains("Bezahl nicht noch einmal."));
    assert!(order(Lang::En, "checking").contains("Do not pay again."));
    assert!(order(Lang::En, "checking").contains("you can pay again while time remains"));
    assert!(order(Lang::En, "checking-out-of-time").contains("the tickets then go to others"));
}

#[test]
fn every_decline_is_told_in_words_and_says_that_nothing_was_charged() {
    let mut told: Vec<String> = OrderPage::samples(Lang::En)
        .iter()
        .filter(|(name, _)| name.starts_with("declined"))
        .map(|(_, page)| faces().order(Lang::En, page).expect("because it renders"))
        .map(|html| {
            assert!(html.contains("Nothing was charged.") && html.contains("name=\"attempt\" value=\"2\""));
            html.split("<p class=\"lead\">").nth(1).and_then(|rest| rest.split("</p>").next()).map(String::from)
        })
        .map(|lead| lead.expect("because every page has its lead"))
        .collect();
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!((told.len(), count), (6, 6));
    assert!(!order(Lang::En, "declined-otherwise").contains("stolen"), "a thief is told no more than others");
}

#[test]
fn money_that_moved_is_said_to_the_cent() {
    let paid = order(Lang::De, "paid");
    assert!(paid.contains("€\u{a0}115,27 (13\u{a0}%)") && paid.contains("20XX-004217") && paid.contains("•••• 4242"));
    let late = order(Lang::En, "paid-late");
    assert!(late.contains("€1,002.00") && late.contains("On its way."));
    assert!(order(Lang::En, "refunded").contains("Sent on Mon 18 May 2026, 17:24:17"));
    assert!(order(Lang::En, "refund-on-its-way").contains("back to what it was paid with"));
    assert!(order(Lang::En, "unpaid").contains("Nothing was charged."));
}

#[test]
fn an_undecided_order_looks_again_with_and_without_a_script() {
    for (name, page) in OrderPage::samples(Lang::En) {
        let html = faces().order(Lang::En, &page).expect("because it renders");
        let refreshes = html.contains("<noscript><meta http-equiv=\"refresh\" content=\"");
        assert_eq!(refreshes, !page.status.is_final(), "{name}");
        assert_eq!(html.contains("data-poll="), !page.status.is_final(), "{name}");
        assert!(html.contains(&format!("data-status=\"{}\"", page.status.name())), "{name}");
    }
    for name in ["pending", "unknown", "paying-opening"] {
        assert!(order(Lang::En, name).contains("content=\"2\""), "{name}");
    }
}

#[test]
fn a_stranger_is_offered_nothing_and_told_no_money() {
    for (name, page) in OrderPage::samples(Lang::En).into_iter().filter(|(name, _)| name.starts_with("stranger")) {
        let html = faces().order(Lang::En, &page).expect("because it renders");
        for secret in ["<form", "€", "zoe@", "?k=", "data-continue", "4242"] {
            assert!(!html.contains(secret), "{name}: {secret}");
        }
    }
}

#[test]
fn a_reserved_order_without_its_hold_is_still_watched() {
    let status = OrderStatusView::Reserved { hold: None };
    assert!(!status.is_final());
    assert_eq!((status.name(), status.payment()), ("reserved", None));
    let checking = OrderStatusView::Checking { out_of_time: true, bank_is_silent: false };
    assert_eq!((checking.name(), checking.payment()), ("expiring", Some("checking")));
}

#[test]
fn the_bank_never_shows_a_card_again_and_never_hides_that_it_is_a_rehearsal() {
    for lang in Lang::ALL {
        for (name, page) in BankCardPage::samples(lang) {
            let html = faces().bank_card(lang, &page).expect("because it renders");
            for tag in tags(&html).filter(|tag| tag.starts_with("input ")) {
                assert!(!tag.contains(" value="), "{name}: <{tag}>");
                assert!(tag.contains("autocomplete=\"off\"") && tag.contains("inputmode=\"numeric\""), "{name}");
            }
            assert!(
                html.contains("class=\"rehearsal\"") && html.contains("4242 4242") == (name != "card-foreign"),
                "{name}"
            );
            assert!(!html.contains("site.css") && !html.contains("<script>") && !html.contains("<b>"), "{name}");
        }
        let step = named(BankStepPage::samples(lang), "step");
        let html = faces().bank_step(lang, &step).expect("because it renders");
        assert!(html.contains("•••• 3184") && html.contains("class=\"rehearsal\""));
        assert!(html.contains("/approve\"") && html.contains("/refuse\""));
    }
    let declined = bank(Lang::En, "card-declined");
    assert!(declined.contains("There is not enough money") && declined.contains("tabindex=\"-1\" autofocus"));
    assert!(bank(Lang::En, "card-odd").contains("this is not a test card. We have not kept it"));
    assert!(bank(Lang::En, "card-mistakes").contains("Expires: write it as MM/YY"));
}

#[test]
fn known_and_unknown_addresses_get_the_same_answer() {
    let sent = |email: &str| {
        let page = LinkSentPage { email: email.into(), ..named(LinkSentPage::samples(Lang::En), "sent") };
        faces().link_sent(Lang::En, &page).expect("because it renders").replace(email, "?")
    };
    assert_eq!(sent("zoe@example.org"), sent("nobody@example.net"));
    assert!(sent("zoe@example.org").contains("If there are orders with this address, a link is on its way."));
}

#[test]
fn my_orders_name_every_state_and_link_to_each_order() {
    let page = named(MyOrdersPage::samples(Lang::De), "orders");
    let html = faces().my_orders(Lang::De, &page).expect("because it renders");
    for row in &page.orders {
        assert!(html.contains(&format!("href=\"{}\"", row.url)), "{}", row.status);
    }
    assert!(
        html.contains("reserviert bis 18:14:08\u{a0}Uhr")
            && html.contains("href=\"/de/orders/0199b0df-1f02-7b44-8a0e-b0de99317c42/tickets?k=")
    );
    let none = faces().my_orders(Lang::De, &named(MyOrdersPage::samples(Lang::De), "none"));
    assert!(none.expect("because it renders").contains("Mit dieser Adresse gibt es keine Bestellung."));
}

#[test]
fn a_wrong_address_is_kept_and_explained() {
    let page = named(FindOrdersPage::samples(Lang::En), "mistake");
    let html = faces().find_orders(Lang::En, &page).expect("because it renders");
    assert!(html.contains("value=\"&quot;&gt;&lt;script&gt;zoe@\"") && html.contains("<a href=\"#email\">"));
    assert_eq!(html.matches("aria-invalid=\"true\"").count(), 1);
}

#[test]
fn who_may_not_try_again_is_not_told_to_and_can_give_the_tickets_back() {
    let html = order(Lang::En, "attempts-used-up");
    assert!(html.contains("Too many payments of this order were declined."), "{html}");
    assert!(!html.contains("you can try again") && !html.contains("name=\"attempt\""));
    assert!(html.contains("/cancel\"") && !html.contains("/pay\""));
}

/// A browser sends `Origin: null` with the forms of a page that forbids referrers, and no such form is taken.
#[test]
fn pages_with_forms_say_where_their_forms_come_from() {
    for html in [order(Lang::En, "reserved"), checkout(Lang::En, "blank"), bank(Lang::En, "card")] {
        assert!(html.contains("<form") && !html.contains("no-referrer"));
    }
}

#[test]
fn tickets_are_sent_only_where_there_is_an_address() {
    let mut page = named(OrderPage::samples(Lang::En), "paid");
    let render = |page: &OrderPage| faces().order(Lang::En, page).expect("because it renders");
    assert!(render(&page).contains("We are sending the tickets to zoe@example.org, too."));
    assert!(render(&page).contains("If it is gone, we send you a new one: <a href=\"/en/my\">"));
    page.details.as_mut().expect("because the viewer may see them").email = String::new();
    assert!(!render(&page).contains("We are sending") && !render(&page).contains("If it is gone"));
    assert!(!order(Lang::En, "reserved").contains("We are sending"), "there are none yet");
}

#[test]
fn a_receipt_always_says_how_it_was_paid() {
    for (sample, words) in [("paid", "Visa •••• 4242"), ("paid-somehow", "card")] {
        assert!(order(Lang::En, sample).contains(&format!("<dt>Paid by</dt><dd>{words}</dd>")), "{sample}");
    }
}

#[test]
fn a_bank_that_takes_longer_than_a_moment_is_said_to() {
    let silent = order(Lang::En, "checking-bank-silent");
    assert!(silent.contains("Do not pay again.") && silent.contains("The bank is taking longer than usual."));
    assert!(!silent.contains("/pay\"") && !order(Lang::En, "checking").contains("taking longer"));
}
