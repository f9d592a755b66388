//! The mails: both parts say the same, nothing is fetched, and nobody's name becomes a header, a link or markup.

use stampede_web::{ConfirmationMail, ExpiryMail, Faces, HeaderText, Lang, Mail, OrdersLinkMail, RefundMail};

fn everything() -> Vec<(String, Mail)> {
    let faces = Faces::new().expect("because the templates compile");
    let rendered = "because a sample renders";
    let mut mails = Vec::new();
    for lang in Lang::ALL {
        let mut add = |name: &str, mail: Mail| mails.push((format!("{} {name}", lang.tag()), mail));
        for (name, mail) in ConfirmationMail::samples(lang) {
            add(name, faces.confirmation_mail(lang, &mail).expect(rendered));
        }
        for (name, mail) in ExpiryMail::samples(lang) {
            add(name, faces.expiry_mail(lang, &mail).expect(rendered));
        }
        for (name, mail) in RefundMail::samples(lang) {
            add(name, faces.refund_mail(lang, &mail).expect(rendered));
        }
        for (name, mail) in OrdersLinkMail::samples(lang) {
            add(name, faces.orders_link_mail(lang, &mail).expect(rendered));
        }
    }
    mails
}

#[test]
fn every_mail_has_a_subject_and_two_parts_in_its_language() {
    for (name, mail) in everything() {
        let tag = if name.starts_with("de") { "de" } else { "en" };
        assert!(!mail.subject.as_str().is_empty() && !mail.subject.as_str().contains('{'), "{name}");
        assert!(mail.html.contains(&format!("<html lang=\"{tag}\">")) && mail.html.ends_with("</html>"), "{name}");
        assert!(mail.text.ends_with('\n') && !mail.text.contains("\n\n\n"), "{name}");
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains("{n}") && !part.contains("{time}") && !part.contains("{at}"), "{name}");
        }
    }
}

#[test]
fn both_parts_lead_to_the_same_places_and_fetch_nothing() {
    for (name, mail) in everything() {
        let links: Vec<&str> = mail.html.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(!links.is_empty(), "{name}");
        for link in links {
            assert!(link.starts_with("https://tickets.example/"), "{name}: {link}");
            assert!(mail.text.contains(link), "{name}: {link} is not in the text");
        }
        for fetched in ["src=", "url(", "<img", "<link", "<script", "@import", "<form"] {
            assert!(!mail.html.contains(fetched), "{name}: {fetched}");
        }
    }
}

#[test]
fn a_hostile_name_breaks_no_header_no_line_and_no_markup() {
    for (name, mail) in everything() {
        let subject = mail.subject.as_str();
        assert!(
            !subject.contains(char::is_control) && subject.chars().count() <= HeaderText::MOST,
            "{name}: {subject}"
        );
        assert!(!mail.text.lines().any(|line| line.trim_start().starts_with("Bcc")), "{name}: a line of their own");
        assert!(!mail.html.contains("<script>"), "{name}");
        for part in [subject, &mail.text, &mail.html] {
            assert!(!part.contains(['\r', '\u{202e}', '\0']), "{name}");
        }
    }
}

#[test]
fn who_orders_for_a_strangers_address_writes_them_no_message() {
    let faces = Faces::new().expect("because the templates compile");
    let (_, mut mail) = ExpiryMail::samples(Lang::En).swap_remove(0);
    let mut greeted = |name: &str| {
        mail.order.name = name.into();
        faces.expiry_mail(Lang::En, &mail).expect("because it renders")
    };
    assert!(greeted("Zoë Ångström").text.starts_with("Hello Zoë Ångström!\n"));
    assert!(greeted("مريم").html.contains("مريم"));
    for name in ["Win at https://evil.example", "evil.example", "<b>Zoë</b>", "You have won a prize, call now", ""] {
        let mail = greeted(name);
        assert!(mail.text.starts_with("Hello!\n"), "{name}");
        assert!(!mail.html.contains("evil") && !mail.html.contains("prize"), "{name}");
    }
}

#[test]
fn the_text_part_is_written_for_reading_and_not_for_browsers() {
    let faces = Faces::new().expect("because the templates compile");
    let (_, mut mail) = ConfirmationMail::samples(Lang::De).swap_remove(0);
    mail.order.event_name = "Rock & Röll <live>".into();
    let mail = faces.confirmation_mail(Lang::De, &mail).expect("because it renders");
    assert!(mail.text.contains("Event: Rock & Röll <live>\n"));
    assert!(mail.html.contains("Rock &amp; Röll &lt;live&gt;"));
    assert_eq!(mail.subject.as_str(), "Deine Tickets: Rock & Röll <live>");
}

#[test]
fn the_confirmation_says_what_was_bought_paid_and_contained() {
    for (name, mail) in everything().into_iter().filter(|(name, _)| name == "de confirmed") {
        for part in [&mail.text, &mail.html] {
            for said in ["€\u{a0}1.002,00", "€\u{a0}115,27", "13\u{a0}%", "20XX-004217", "VIP Pass", "/tickets?k="]
            {
                assert!(part.contains(said), "{name}: {said}");
            }
        }
    }
}
