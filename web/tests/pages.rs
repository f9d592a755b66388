//! Every sample of every page, rendered in both languages by the strict engine, and what must be true of all of them.

use stampede_web::{
    ActorsPage, AuditPage, BankCardPage, BankStepPage, CheckoutPage, ErrorPage, EventPage, Faces, FindOrdersPage,
    KEY_SLOT, Lang, LinkSentPage, MyOrdersPage, OrderPage, RefusedPage, RoomPage, TicketsPage, XrayPage, asset,
    asset_url,
};

struct Rendered {
    name: String,
    html: String,
    /// The buy form of the event, which is rendered once for everyone.
    has_form: bool,
}

fn faces() -> Faces {
    Faces::new().expect("because the templates compile")
}

fn everything() -> Vec<Rendered> {
    let faces = faces();
    let mut pages = Vec::new();
    let mut add = |name: String, html: Result<String, stampede_web::FaceError>, has_form: bool| {
        let html = html.unwrap_or_else(|error| panic!("{name}: {error}"));
        pages.push(Rendered { name, html, has_form });
    };
    for lang in Lang::ALL {
        let tag = lang.tag();
        for (name, page) in EventPage::samples(lang) {
            let has_form = page.ticket_types.iter().any(|ticket| ticket.state.has_form());
            add(format!("{tag} event {name}"), faces.event(lang, &page), has_form);
        }
        for (name, page) in RefusedPage::samples(lang) {
            let has_form = page.event.ticket_types.iter().any(|ticket| ticket.state.has_form());
            add(format!("{tag} refused {name}"), faces.refused(lang, &page), has_form);
        }
        for (name, page) in OrderPage::samples(lang) {
            add(format!("{tag} order {name}"), faces.order(lang, &page), false);
        }
        for (name, page) in TicketsPage::samples(lang) {
            add(format!("{tag} tickets {name}"), faces.tickets(lang, &page), false);
        }
        for (name, page) in ErrorPage::samples(lang) {
            add(format!("{tag} error {name}"), faces.error(lang, &page), false);
        }
        for (name, page) in CheckoutPage::samples(lang) {
            add(format!("{tag} checkout {name}"), faces.checkout(lang, &page), false);
        }
        for (name, page) in BankCardPage::samples(lang) {
            add(format!("{tag} bank {name}"), faces.bank_card(lang, &page), false);
        }
        for (name, page) in BankStepPage::samples(lang) {
            add(format!("{tag} bank {name}"), faces.bank_step(lang, &page), false);
        }
        for (name, page) in FindOrdersPage::samples(lang) {
            add(format!("{tag} my {name}"), faces.find_orders(lang, &page), false);
        }
        for (name, page) in LinkSentPage::samples(lang) {
            add(format!("{tag} my {name}"), faces.link_sent(lang, &page), false);
        }
        for (name, page) in MyOrdersPage::samples(lang) {
            add(format!("{tag} my {name}"), faces.my_orders(lang, &page), false);
        }
    }
    for (name, page) in ActorsPage::samples() {
        add(format!("ops actors {name}"), faces.ops_actors(&page), false);
    }
    for (name, page) in AuditPage::samples() {
        add(format!("ops audit {name}"), faces.ops_audit(&page), false);
    }
    for (name, page) in XrayPage::samples() {
        add(format!("ops xray {name}"), faces.ops_xray(&page), false);
    }
    for (name, page) in RoomPage::samples() {
        add(format!("ops room {name}"), faces.ops_room(&page), false);
    }
    pages
}

fn static_file(name: &str) -> String {
    let url = asset_url(name).expect("because the file is in the folder");
    let file = asset(url.trim_start_matches("/static/")).expect("because it was just named");
    String::from_utf8(file.bytes.to_vec()).expect("because static files are text")
}

/// Each tag with its attributes, `<` and `>` cut off.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').skip(1).filter_map(|rest| rest.split('>').next())
}

#[test]
fn every_sample_renders_and_declares_its_language() {
    for Rendered { name, html, .. } in everything() {
        let tag = if name.starts_with("de") { "de" } else { "en" };
        assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{name}");
        assert!(html.trim_end().ends_with("</html>"), "{name}");
    }
}

#[test]
fn the_slot_is_there_once_where_a_form_is_and_nowhere_else() {
    for Rendered { name, html, has_form } in everything() {
        assert_eq!(html.matches(KEY_SLOT).count(), usize::from(has_form), "{name}");
        assert_eq!(
            html.contains("<form class=\"buy\" method=\"post\" action=\"/") && html.contains("data-sale"),
            has_form,
            "{name}"
        );
    }
}

#[test]
fn a_strict_content_policy_finds_nothing_inline() {
    for Rendered { name, html, .. } in everything() {
        for tag in tags(&html) {
            let element = tag.split_whitespace().next().unwrap_or_default();
            assert_ne!(element, "style", "{name}");
            assert!(element != "script" || tag.contains(" src=\"/static/"), "{name}: <{tag}>");
            assert!(!tag.contains(" style="), "{name}: <{tag}>");
            assert!(!tag.contains("javascript:"), "{name}: <{tag}>");
            let handler = tag.split_whitespace().skip(1).find(|part| part.starts_with("on") && part.contains('='));
            assert_eq!(handler, None, "{name}: <{tag}>");
        }
    }
}

#[test]
fn a_page_with_everything_stays_under_60_kilobytes() {
    let fixed: usize = ["site.css", "site.js", "icon.svg"].iter().map(|name| static_file(name).len()).sum();
    for Rendered { name, html, .. } in everything() {
        assert!(html.len() + fixed < 60 * 1024, "{name}: {} + {fixed}", html.len());
    }
}

#[test]
fn what_people_type_is_text_and_never_markup() {
    for Rendered { name, html, .. } in everything() {
        assert!(!html.contains("<script>"), "{name}");
        assert!(!html.contains("7\"><b>") && !html.contains("<none>") && !html.contains("<i>"), "{name}");
    }
    let (_, page) = OrderPage::samples(Lang::De).swap_remove(0);
    let html = faces().order(Lang::De, &page).expect("because it renders");
    assert!(html.contains("Zoë &lt;script&gt;alert(1)&lt;/script&gt; مرحبا 🎧"));
}

#[test]
fn every_id_is_given_once_and_every_reference_leads_somewhere() {
    for Rendered { name, html, .. } in everything() {
        let values = |attribute: &str| -> Vec<String> {
            tags(&html)
                .flat_map(|tag| tag.split(&format!(" {attribute}=\"")).skip(1).collect::<Vec<_>>())
                .filter_map(|rest| rest.split('"').next())
                .flat_map(str::split_whitespace)
                .map(String::from)
                .collect()
        };
        let mut ids = values("id");
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: an id is given twice");
        let fragments = values("href").into_iter().filter_map(|href| href.strip_prefix('#').map(String::from));
        let referenced = ["for", "aria-labelledby", "aria-describedby"].into_iter().flat_map(values);
        for id in referenced.chain(fragments) {
            assert!(ids.binary_search(&id).is_ok(), "{name}: nothing is called {id}");
        }
    }
}

#[test]
fn every_input_has_a_label_and_keeps_what_was_typed() {
    let (_, page) = RefusedPage::samples(Lang::En).into_iter().find(|(name, _)| *name == "sold-out").expect("because");
    let html = faces().refused(Lang::En, &page).expect("because it renders");
    assert!(html.contains("value=\"Zoë &quot;&lt;script&gt;&quot; Ångström\""));
    assert!(html.contains("value=\"zoe@example.org\""));
    assert!(html.contains("name=\"quantity\" value=\"4\" checked"));
    assert!(html.contains("<label for=\"name\">") && html.contains("<label for=\"email\">"));
}

#[test]
fn a_wrong_field_says_so_beside_itself_and_in_the_summary() {
    let (_, page) = RefusedPage::samples(Lang::De).into_iter().find(|(name, _)| *name == "invalid").expect("because");
    let html = faces().refused(Lang::De, &page).expect("because it renders");
    for field in ["quantity", "name", "email"] {
        assert!(html.contains(&format!("<a href=\"#{field}\">")), "{field} is in the summary");
        assert!(html.contains(&format!("id=\"{field}-error\"")), "{field} has its error beside it");
    }
    assert_eq!(html.matches("aria-invalid=\"true\"").count(), 2, "a group of radio buttons has no such state");
    assert!(html.contains("tabindex=\"-1\" autofocus"), "the summary takes the focus");
}

#[test]
fn before_the_sale_the_form_waits_in_the_page_with_its_button_off() {
    let (_, page) = EventPage::samples(Lang::De).swap_remove(0);
    let html = faces().event(Lang::De, &page).expect("because it renders");
    assert!(html.contains(" disabled>Tickets bestellen</button>"));
    assert!(html.contains("role=\"timer\"") && html.contains("43\u{a0}Sekunden"));
}

#[test]
fn what_is_gone_cannot_be_chosen_and_what_is_paid_online_leads_to_the_checkout() {
    let html = |name: &str| {
        let (_, page) =
            EventPage::samples(Lang::En).into_iter().find(|one| one.0 == name).expect("because it is there");
        faces().event(Lang::En, &page).expect("because it renders")
    };
    let radio = |html: &str, id: &str| -> String {
        let mut radios = tags(html).filter(|tag| tag.contains("type=\"radio\"") && tag.contains(id));
        radios.next().expect("because each type has one").to_owned()
    };
    let (gate, vip) = ("-000000000001", "-000000000003");
    let (both, one_gone, paid) = (html("two-types"), html("two-types-one-gone"), html("paid-online"));
    assert!(radio(&both, gate).contains(" checked") && !radio(&both, vip).contains(" checked"));
    assert!(both.contains("class=\"at-gate\">Order tickets") && both.contains("class=\"online\">On to checkout"));
    assert!(radio(&one_gone, gate).contains(" disabled") && radio(&one_gone, vip).contains(" checked"));
    assert!(one_gone.contains("data-busy=\"Sending …\"><span"), "the button works for what is left");
    assert!(paid.contains(">On to checkout</button>") && paid.contains("You pay online."));
}

#[test]
fn the_state_that_is_shown_is_the_only_one_shown() {
    for lang in Lang::ALL {
        for (name, page) in EventPage::samples(lang) {
            let html = faces().event(lang, &page).expect("because it renders");
            let state = page.ticket_types[page.selected].state.tag();
            for tag in tags(&html).filter(|tag| tag.contains("data-when=")) {
                assert_eq!(
                    tag.contains(" hidden"),
                    !tag.contains(&format!("data-when=\"{state}\"")),
                    "{name}: <{tag}>"
                );
            }
        }
    }
}

#[test]
fn a_stranger_sees_the_status_and_nothing_of_the_buyer() {
    let (_, mut page) = OrderPage::samples(Lang::En).swap_remove(1);
    (page.details, page.signed_url, page.tickets_url) = (None, None, None);
    let html = faces().order(Lang::En, &page).expect("because it renders");
    assert!(html.contains("You are in.") && !html.contains("zoe@") && !html.contains("?k="));
}

#[test]
fn every_refusal_reads_differently() {
    for lang in Lang::ALL {
        let mut told: Vec<String> = RefusedPage::samples(lang)
            .iter()
            .map(|(_, page)| faces().refused(lang, page).expect("because it renders"))
            .map(|html| {
                html.split("class=\"notice\"").nth(1).and_then(|rest| rest.split("</section>").next()).map(String::from)
            })
            .map(|notice| notice.expect("because every refusal has a notice"))
            .collect();
        let count = told.len();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), count);
        assert!(told.iter().all(|notice| !notice.contains('{')), "a value was not filled in");
    }
}

#[test]
fn the_script_draws_the_wave_with_the_same_numbers_as_the_server() {
    let script = static_file("site.js");
    assert!(script.contains("[4, 5, 6, 8, 10, 12, 15, 20, 24, 30]"));
    assert!(script.contains("Math.round(36 * "));
    assert!(script.contains("`q${half}-${swing} ${step} 0q-${half} ${swing}-${step} 0m${step} 0`"));
}

#[test]
fn the_scripts_stay_a_few_kilobytes() {
    assert!(static_file("site.js").len() < 14 * 1024);
    assert!(static_file("ops.js").len() < 4_000);
}

#[test]
fn the_control_room_says_first_how_it_is_and_draws_what_it_knows() {
    let room = |name: &str| {
        let (_, page) =
            RoomPage::samples().into_iter().find(|(sample, _)| *sample == name).expect("because it is there");
        faces().ops_room(&page).expect("because it renders")
    };
    let (calm, behind, new) = (room("calm"), room("behind"), room("new"));
    let place = |html: &str, what: &str| html.find(what).unwrap_or_else(|| panic!("{what} is missing"));
    assert!(place(&behind, "New orders are put off") < place(&behind, "STAMPEDE_ORDER_WRITER_BATCH_SIZE"));
    assert!(behind.contains("is-alarm") && behind.contains("BROKEN 1 times"));
    assert!(!calm.contains("BROKEN") && !calm.contains("What to change"));
    assert_eq!(calm.matches("<path class=\"curve").count(), 7);
    assert!(!new.contains("<path class=\"curve") && new.contains("Set STAMPEDE_OPS_TOKEN"));
    assert!(calm.contains("action=\"/ops/sale\"") && !new.contains("action=\"/ops/sale\""));
}

fn event_page(lang: Lang, name: &str) -> String {
    let (_, page) =
        EventPage::samples(lang).into_iter().find(|(sample, _)| *sample == name).expect("because it is one");
    faces().event(lang, &page).expect("because it renders")
}

#[test]
fn no_more_is_offered_than_one_may_have_of_the_type_that_is_chosen() {
    let two = event_page(Lang::En, "two-types");
    let most = |id: &str| {
        tags(&two)
            .find(|tag| tag.contains("ticketTypeId") && tag.contains(id))
            .and_then(|tag| tag.split("data-most=\"").nth(1))
    };
    assert!(most("000000000001").is_some_and(|rest| rest.starts_with('6')));
    assert!(most("000000000003").is_some_and(|rest| rest.starts_with('4')));
    assert!(two.contains("At most 6 per person.") && two.contains("At most 4 per person."), "each type says so");
    let css = static_file("site.css");
    for most in 1..8 {
        // Without a script the style alone hides what is too many.
        let rule = format!(".buy:has([data-most=\"{most}\"]:checked) .chips label:nth-child(n+{})", most + 1);
        assert!(css.contains(&rule), "{rule}");
    }
    let passes = event_page(Lang::En, "paid-online");
    assert!(passes.contains("name=\"quantity\" value=\"4\"") && !passes.contains("name=\"quantity\" value=\"5\""));
    let gone = event_page(Lang::En, "two-types-one-gone");
    assert_eq!(tags(&gone).filter(|tag| tag.contains("name=\"quantity\"") && tag.contains(" checked")).count(), 1);
}

/// A browser does not send a form whose required field is hidden, and says nothing.
#[test]
fn a_name_is_required_only_where_nobody_can_choose_to_pay_online() {
    let requires_name = |html: &str| tags(html).any(|tag| tag.contains(" name=\"name\"") && tag.contains(" required"));
    assert!(requires_name(&event_page(Lang::De, "on-sale")));
    assert!(!requires_name(&event_page(Lang::De, "two-types")));
    assert!(!event_page(Lang::De, "paid-online").contains(" name=\"name\""), "the checkout asks for it");
}

#[test]
fn every_page_for_buyers_leads_to_their_orders() {
    for Rendered { name, html, .. } in everything() {
        let tag = &name[..2];
        let is_buyers = ["de", "en"].contains(&tag) && !name[3..].starts_with("bank");
        assert_eq!(html.contains(&format!("<a href=\"/{tag}/my\">")), is_buyers, "{name}");
    }
}
