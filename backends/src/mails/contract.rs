//! What all mailers must do. A technology's tests call `mailer_contract!` with a function that makes a rig: a mailer, and what
//! arrived.

use super::Sender;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::join_all;
use stampede_actors::ports::{Attachment, Letter, Mailer, PortFailure};
use std::collections::BTreeSet;

/// A mailer with nothing carried yet, and what only its tests can see.
pub(crate) trait Rig {
    fn mailer(&self) -> &dyn Mailer;
    async fn received(&self) -> Vec<Received>;
}

/// A mail as it arrived.
#[derive(Debug)]
pub(crate) struct Received {
    /// Lines of the head, each header in one.
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn of(mail: &str) -> Self {
        let (head, body) = mail.split_once("\r\n\r\n").expect("because a mail has a head and a body");
        let head = head.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n").map(str::to_owned).collect();
        Self { head, body: body.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        let mut named = self.head.iter().filter_map(|line| line.strip_prefix(&format!("{name}: ")));
        let found = named.next().unwrap_or_else(|| panic!("{name} is missing: {:?}", self.head));
        assert_eq!(named.next(), None, "{name} is there twice");
        found
    }
}

/// One list of all clauses; a technology cannot leave one out.
macro_rules! mailer_contract {
    ($make:expr) => {
        crate::mails::contract::mailer_contract!($make;
            a_letter_arrives_with_all_its_parts,
            the_same_letter_has_the_same_id_each_time,
            letters_at_once_all_arrive,
            no_text_breaks_out_of_its_header,
            text_in_any_script_and_of_any_length_arrives,
            an_address_or_an_id_that_is_none_is_impossible_and_nothing_is_sent,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                let rig = $make().await;
                crate::mails::contract::$clause(&rig).await;
            }
        )*
    };
}
pub(crate) use mailer_contract;

const PDF: &[u8] = b"%PDF-1.7\r\n.\r\n\0\xff";

pub(crate) fn sender() -> Sender {
    "Stampede <tickets@shop.example>".parse().unwrap()
}

pub(crate) fn letter(id: &str) -> Letter {
    Letter {
        id: id.into(),
        to: "eva@example.org".into(),
        subject: "Your tickets".into(),
        text: "Hello\n.\nthe plain part\n".into(),
        html: "<p>the other part</p>".into(),
        attachments: vec![
            Attachment { name: "tickets.pdf".into(), media_type: "application/pdf", bytes: PDF.into() },
            Attachment {
                name: "festival.ics".into(),
                media_type: "text/calendar; charset=utf-8",
                bytes: b"BEGIN".into(),
            },
        ],
    }
}

async fn only(rig: &impl Rig) -> Received {
    let mut received = rig.received().await;
    assert_eq!(received.len(), 1, "{received:?}");
    received.remove(0)
}

pub(crate) async fn a_letter_arrives_with_all_its_parts(rig: &impl Rig) {
    rig.mailer().send(&letter("018bcfe5.confirmed")).await.unwrap();
    let mail = only(rig).await;
    for (name, value) in [
        ("To", "eva@example.org"),
        ("From", "Stampede <tickets@shop.example>"),
        ("Subject", "Your tickets"),
        ("Message-ID", "<018bcfe5.confirmed@shop.example>"),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.header(name).trim_matches('"'), value, "{name}");
    }
    assert!(mail.header("Date").ends_with("0000") && mail.header("Content-Type").starts_with("multipart/mixed"));
    let pdf = BASE64_STANDARD.encode(PDF);
    let parts = [
        "multipart/alternative",
        "Hello\r\n.\r\nthe plain part",
        "text/html",
        "<p>the other part</p>",
        "application/pdf",
        "filename=\"tickets.pdf\"",
        &pdf,
        "text/calendar",
        "filename=\"festival.ics\"",
    ];
    for part in parts {
        assert!(mail.body.contains(part), "{part} is missing:\n{}", mail.body);
    }
    let place = |part| mail.body.find(part);
    assert!(place("text/plain") < place("text/html"), "the better one last (RFC 2046, 5.1.4)");
}

pub(crate) async fn the_same_letter_has_the_same_id_each_time(rig: &impl Rig) {
    for _ in 0..2 {
        rig.mailer().send(&letter("one")).await.unwrap();
    }
    rig.mailer().send(&letter("two")).await.unwrap();
    let ids: BTreeSet<_> = rig.received().await.iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["<one@shop.example>", "<two@shop.example>"]);
}

pub(crate) async fn letters_at_once_all_arrive(rig: &impl Rig) {
    let letters: Vec<_> = (0..30).map(|number| letter(&format!("letter-{number}"))).collect();
    let sent = join_all(letters.iter().map(|letter| rig.mailer().send(letter))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!(rig.received().await.len(), 30);
}

pub(crate) async fn no_text_breaks_out_of_its_header(rig: &impl Rig) {
    let mut hostile = letter("hostile");
    hostile.subject = "Hi\r\nBcc: all@example.org\r\n\r\nBuy\0 here".into();
    hostile.attachments[0].name = "a\"; x=\r\nBcc: all@example.org\r\n\r\n.pdf".into();
    rig.mailer().send(&hostile).await.unwrap();
    let mail = only(rig).await;
    assert!(mail.head.iter().all(|line| !line.starts_with("Bcc")), "{:?}", mail.head);
    assert!(!mail.body.lines().any(|line| line.starts_with("Bcc")), "{}", mail.body);
    assert!(mail.header("Subject").contains("Bcc"), "it is only text");
}

pub(crate) async fn text_in_any_script_and_of_any_length_arrives(rig: &impl Rig) {
    let mut long = letter("long");
    long.subject = format!("Bestätigt: {} 🎪", "Ö".repeat(300));
    long.text = format!("{}\n{}\n", "x".repeat(5_000), "مرحبا ".repeat(500));
    long.attachments[0].name = "Größe 🎪.pdf".into();
    rig.mailer().send(&long).await.unwrap();
    let mail = only(rig).await;
    assert!(mail.header("Subject").starts_with("=?utf-8?") && mail.header("Subject").is_ascii());
    assert!(mail.body.is_ascii(), "servers without 8BITMIME take it");
    let longest = mail.body.split("\r\n").map(str::len).max();
    assert!(longest <= Some(998), "a line has {longest:?} bytes (RFC 5322, 2.1.1)");
}

pub(crate) async fn an_address_or_an_id_that_is_none_is_impossible_and_nothing_is_sent(rig: &impl Rig) {
    rig.mailer().send(&letter("sound")).await.unwrap();
    for to in ["", "eva", "eva@", "eva@example.org, bob@example.org", "eva@example.org\r\nRCPT TO:<bob@example.org>"] {
        let refused = rig.mailer().send(&Letter { to: to.into(), ..letter("x") }).await;
        assert!(matches!(refused, Err(PortFailure::Impossible(_))), "{to:?}: {refused:?}");
    }
    for id in ["", "../x", ".x", "a/b", "a b", "a@b", "a>\r\n", &"x".repeat(129)] {
        let refused = rig.mailer().send(&letter(id)).await;
        assert!(matches!(refused, Err(PortFailure::Impossible(_))), "{id:?}: {refused:?}");
    }
    only(rig).await;
}
