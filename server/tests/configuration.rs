//! Settings: what is written down about them is true, and every mistake is told at once.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use std::{fs, path::Path};
use support::Shop;

fn generated(arguments: &[&str], file: &str) {
    let shop = Shop::closed(&[]);
    let output = shop.run(arguments);
    assert!(output.status.success());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let written = fs::read_to_string(path).unwrap_or_default();
    let now = String::from_utf8(output.stdout).unwrap();
    assert_eq!(written, now, "{file} is stale: make generated");
}

#[test]
fn the_reference_says_what_the_program_takes() {
    generated(&["config", "--reference"], "ops/CONFIGURATION.md");
}

#[test]
fn the_example_says_what_the_program_takes() {
    generated(&["config", "--env-example"], ".env.example");
}

#[test]
fn every_mistake_is_told_at_once() {
    let shop = Shop::closed(&[
        ("STAMPEDE_HTTP_ADDR", "nowhere"),
        ("STAMPEDE_DEMO_OPENS_IN", "soon"),
        ("STAMPEDE_ORDER_WRITER_BATCH_SIZE", "0"),
    ]);
    let output = shop.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    for name in ["STAMPEDE_HTTP_ADDR", "STAMPEDE_DEMO_OPENS_IN", "STAMPEDE_ORDER_WRITER_BATCH_SIZE"] {
        assert!(said.contains(name), "{name} is missing in:\n{said}");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let settings = [("STAMPEDE_ORDER_WRITER_HIGH_WATER", "30000"), ("DATABASE_URL", "postgres://somewhere")];
    let shop = Shop::closed(&settings);
    let output = shop.run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("STAMPEDE_ORDER_WRITER_HIGH_WATER") && said.contains("DATABASE_URL"), "{said}");
    assert!(!said.contains("postgres://"), "a connection string may hold a password: {said}");
}

#[test]
fn a_secret_that_is_refused_is_not_told() {
    let said = refused(&[("STAMPEDE_SECRET", "horse battery")]);
    assert!(said.contains("STAMPEDE_SECRET") && said.contains("16 characters") && !said.contains("horse"), "{said}");
}

#[test]
fn a_ticket_key_is_64_hexadecimal_digits_and_never_told() {
    for wrong in ["horse", &"horse".repeat(13)[..64], &"ab".repeat(33)] {
        let said = refused(&[("STAMPEDE_TICKET_KEY", wrong)]);
        assert!(said.contains("STAMPEDE_TICKET_KEY") && said.contains("64 hexadecimal digits"), "{said}");
        assert!(!said.contains("horse") && !said.contains("abab"), "{said}");
    }
}

#[test]
fn what_would_be_waited_for_longer_than_a_year_is_refused() {
    let said = refused(&[("STAMPEDE_SHUTDOWN_LIMIT", "500000000years")]);
    assert!(said.contains("STAMPEDE_SHUTDOWN_LIMIT") && said.contains("year"), "{said}");
}

#[test]
fn an_address_that_could_not_stand_in_a_header_is_refused() {
    for odd in ["https://tickets.example/ x", "https://t\u{fc}ckets.example", "https://a\nb"] {
        let said = refused(&[("STAMPEDE_PUBLIC_URL", odd)]);
        assert!(said.contains("STAMPEDE_PUBLIC_URL") && said.contains("ASCII"), "{said}");
    }
}

#[test]
fn secrets_are_hidden() {
    for (variable, value) in [
        ("STAMPEDE_SECRET", "correct horse battery staple"),
        ("STAMPEDE_TICKET_KEY", &"0123456789abcdef".repeat(4)),
        ("STAMPEDE_OTLP_ENDPOINT", "http://shop:horse@127.0.0.1:4318/v1"),
        ("STAMPEDE_PUBSUB_ENDPOINT", "http://shop:horse@127.0.0.1:8085"),
    ] {
        let output = Shop::closed(&[(variable, value)]).run(&["config"]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains("(hidden)") && !said.contains("horse") && !said.contains("cdef0123"), "{said}");
    }
    let said = refused(&[("STAMPEDE_OTLP_ENDPOINT", "https:/shop:horse@127.0.0.1")]);
    assert!(said.contains("STAMPEDE_OTLP_ENDPOINT") && !said.contains("horse"), "{said}");
}

/// What a start with these settings says, which must be a refusal.
fn refused(settings: &[(&'static str, &str)]) -> String {
    let output = Shop::closed(settings).run(&["serve"]);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://shop:horse@127.0.0.1:1/shop");
const REDIS: (&str, &str) = ("REDIS_URL", "redis://:horse@127.0.0.1:1");
const PUBSUB: (&str, &str) = ("STAMPEDE_PUBSUB_PROJECT", "festival");

#[test]
fn a_mixture_of_backends_is_refused_with_what_is_missing() {
    for (set, missing) in [
        (vec![POSTGRES], vec!["REDIS_URL", "STAMPEDE_PUBSUB_PROJECT"]),
        (vec![REDIS, PUBSUB], vec!["DATABASE_URL"]),
        (vec![POSTGRES, REDIS], vec!["STAMPEDE_PUBSUB_PROJECT"]),
    ] {
        let said = refused(&set);
        let (before, after) = said.split_once("but").unwrap();
        assert!(set.iter().all(|(name, _)| before.contains(name)), "{said}");
        assert!(missing.iter().all(|name| after.contains(name)), "{said}");
        assert!(!said.contains("horse"), "{said}");
    }
}

#[test]
fn a_role_without_servers_is_refused() {
    for role in ["web", "writer"] {
        let said = refused(&[("STAMPEDE_ROLE", role)]);
        assert!(said.contains("STAMPEDE_ROLE") && said.contains("DATABASE_URL"), "{said}");
    }
}

#[test]
fn nodes_that_take_orders_need_the_secret_they_share() {
    let said = refused(&[POSTGRES, REDIS, PUBSUB]);
    assert!(said.contains("STAMPEDE_SECRET") && !said.contains("horse"), "{said}");
    let said = refused(&[POSTGRES, REDIS, PUBSUB, ("STAMPEDE_SECRET", "correct horse battery staple")]);
    assert!(said.contains("STAMPEDE_TICKET_KEY") && said.contains("openssl rand -hex 32"), "{said}");
    assert!(!said.contains("horse"), "{said}");
}

#[test]
fn no_address_of_a_server_is_shown() {
    let replica = ("STAMPEDE_READ_DATABASE_URL", POSTGRES.1);
    let output = Shop::closed(&[POSTGRES, replica, REDIS, PUBSUB]).run(&["config"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!said.contains("horse") && said.contains("festival"), "{said}");
}

#[test]
fn mails_to_strangers_need_an_address_to_lead_to_and_one_to_come_from() {
    const SMTP: (&str, &str) = ("STAMPEDE_SMTP_URL", "smtps://shop:horse@mail.example.org");
    let said = refused(&[SMTP]);
    assert!(said.contains("STAMPEDE_PUBLIC_URL") && said.contains("STAMPEDE_MAIL_FROM"), "{said}");
    let said = refused(&[("STAMPEDE_SMTP_URL", "mail.example.org:horse")]);
    assert!(said.contains("STAMPEDE_SMTP_URL") && said.contains("smtps://") && !said.contains("horse"), "{said}");
    let said = refused(&[("STAMPEDE_MAIL_FROM", "Stampede")]);
    assert!(said.contains("STAMPEDE_MAIL_FROM") && said.contains("tickets@example.org"), "{said}");
    let others = [("STAMPEDE_PUBLIC_URL", "https://example.org"), ("STAMPEDE_MAIL_FROM", "tickets@example.org")];
    let output = Shop::closed(&[SMTP, others[0], others[1]]).run(&["config"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("mail.example.org") && !said.contains("horse"), "{said}");
}

#[test]
fn what_the_control_room_advises_to_set_can_be_set() {
    let known: Vec<_> = stampede_server::config::settings().into_iter().map(|setting| setting.name).collect();
    for advised in stampede_http::ops::advised_variables() {
        assert!(known.iter().any(|name| name == advised), "{advised}");
    }
}

#[test]
fn the_token_of_the_control_room_is_not_shown() {
    let output = Shop::closed(&[("STAMPEDE_OPS_TOKEN", "three in the morning")]).run(&["config"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("ops_token") && !said.contains("morning"), "{said}");
}
