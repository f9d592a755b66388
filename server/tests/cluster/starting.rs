//! Processes that cannot begin: each ends with code 2 in bounded time, and with one sentence that says what to do and
//! betrays no password.

use crate::harness::{
    BINARY, Grounds,
    node::Settings,
    servers::{run, said},
};
use std::{process::Command, time::Duration};
use tokio::time::Instant;

const PASSWORD: &str = "a-password-that-nobody-may-read";
/// The shop's own patience with servers that may be starting too is 10 s; a loaded machine adds to it.
const BOUND: Duration = Duration::from_secs(20);

/// Settings that are set otherwise, or (empty) not at all.
type Changes = Vec<(&'static str, String)>;

/// Starts a process with these settings, in which `changes` are made (an empty value: not set). It must refuse, in a sentence
/// with these words. Otherwise: what is wrong.
#[expect(clippy::print_stdout, reason = "the sentences are there to be read")]
async fn refuses(settings: &Settings, changes: &[(&'static str, String)], words: &[&str]) -> Result<String, String> {
    let mut command = Command::new(BINARY);
    command.env_clear().envs(settings).env("STAMPEDE_LOG", "warn");
    for (name, value) in changes {
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    let began = Instant::now();
    let output = tokio::time::timeout(BOUND, run(command)).await;
    let output = output.map_err(|_| format!("neither began nor ended within {BOUND:?}: {changes:?}"))?;
    let said = String::from_utf8(output.stderr).unwrap();
    println!("{:>6.1?} {}", began.elapsed(), said.trim());
    let lines: Vec<_> = said.lines().filter(|line| line.starts_with("stampede: ")).collect();
    let silent = words.iter().find(|word| !said.contains(**word));
    match (output.status.code(), &lines[..], silent) {
        _ if said.contains(PASSWORD) => Err(format!("betrays the password: {said}")),
        (Some(2), [sentence], None) => Ok((*sentence).to_owned()),
        (Some(2), [_], Some(word)) => Err(format!("says nothing of {word}: {said}")),
        (Some(2), ..) => Err(format!("says more or less than a sentence: {said}")),
        (code, ..) => Err(format!("ended with {code:?}: {said}")),
    }
}

/// A port where nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_cannot_begin_ends_with_a_sentence_that_helps() {
    let grounds = Grounds::open().await;
    let settings = &grounds.settings;
    let nowhere = nowhere();
    let database = &grounds.writer_database;
    let place = database.rsplit_once('@').unwrap().1;
    let user = database.trim_start_matches("postgres://").split_once(':').unwrap().0;
    let redis = settings["REDIS_URL"].trim_start_matches("redis://").to_owned();

    let wrong_password = format!("postgres://{user}:{PASSWORD}@{place}");
    let no_postgres = format!("postgres://shop:{PASSWORD}@{nowhere}/shop");
    let no_database = database.replace(place, &place.replace("shop_", "no_shop_"));
    let no_url = format!("post-gres:/{PASSWORD}");
    let no_redis = format!("redis://shop:{PASSWORD}@{nowhere}");
    let locked_redis = format!("redis://shop:{PASSWORD}@{redis}");
    let no_pubsub = format!("http://{nowhere}");
    let set = |name: &'static str, value: &str| vec![(name, value.to_owned())];
    let unset = |names: &[&'static str]| names.iter().map(|name| (*name, String::new())).collect::<Vec<_>>();
    let web_without_secret = vec![("STAMPEDE_SECRET", String::new()), ("STAMPEDE_ROLE", "web".to_owned())];
    let web_without_ticket_key = vec![("STAMPEDE_TICKET_KEY", String::new()), ("STAMPEDE_ROLE", "web".to_owned())];
    let cases: Vec<(Changes, &[&str])> = vec![
        (set("DATABASE_URL", &wrong_password), &["DATABASE_URL", "password"]),
        (set("DATABASE_URL", &no_postgres), &["DATABASE_URL"]),
        (set("DATABASE_URL", &no_database), &["DATABASE_URL"]),
        (set("DATABASE_URL", &no_url), &["DATABASE_URL"]),
        (set("REDIS_URL", &no_redis), &["REDIS_URL"]),
        (set("REDIS_URL", &locked_redis), &["REDIS_URL"]),
        (set("REDIS_URL", &no_url), &["REDIS_URL"]),
        (set("STAMPEDE_PUBSUB_ENDPOINT", &no_pubsub), &["STAMPEDE_PUBSUB_", "does not answer"]),
        (set("STAMPEDE_PUBSUB_TOPIC", "nobodys-orders"), &["nobodys-orders", "stampede pubsub bootstrap"]),
        (set("STAMPEDE_PUBSUB_PROJECT", "nobodys-project"), &["nobodys-project", "stampede pubsub bootstrap"]),
        (unset(&["DATABASE_URL"]), &["DATABASE_URL is missing"]),
        (unset(&["REDIS_URL"]), &["REDIS_URL is missing"]),
        (unset(&["STAMPEDE_PUBSUB_PROJECT"]), &["STAMPEDE_PUBSUB_PROJECT is missing"]),
        (unset(&["DATABASE_URL", "REDIS_URL"]), &["DATABASE_URL and REDIS_URL are missing"]),
        (web_without_secret, &["STAMPEDE_SECRET"]),
        (web_without_ticket_key, &["STAMPEDE_TICKET_KEY"]),
    ];
    // Beside each other: those that wait for a server wait for it together.
    let mut all = tokio::task::JoinSet::new();
    for (changes, words) in cases {
        let settings = settings.clone();
        all.spawn(async move { refuses(&settings, &changes, words).await });
    }
    let wrong: Vec<_> = all.join_all().await.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_does_not_begin_on_a_schema_that_is_not_its_own() {
    let grounds = Grounds::open().await;
    let (behind, last) = (&["stampede migrate"], "version = (SELECT max(version) FROM _sqlx_migrations)");
    let keep = format!("CREATE TABLE kept AS SELECT * FROM _sqlx_migrations WHERE {last}");
    grounds.sql(&[&keep, &format!("DELETE FROM _sqlx_migrations WHERE {last}")]).await;
    let web = [("DATABASE_URL", grounds.web_database.clone()), ("STAMPEDE_ROLE", "web".to_owned())];
    refuses(&grounds.settings, &[], behind).await.unwrap();
    refuses(&grounds.settings, &web, behind).await.unwrap();

    // A newer program has been here.
    let newer = "UPDATE kept SET version = version + 1";
    let back = "INSERT INTO _sqlx_migrations SELECT * FROM kept";
    grounds.sql(&[back, newer, back]).await;
    refuses(&grounds.settings, &[], &["newer"]).await.unwrap();

    // Nobody has ever migrated this one.
    let empty = said(run(empty_database(&grounds)).await, "an empty database is made");
    refuses(&grounds.settings, &[("DATABASE_URL", empty)], behind).await.unwrap();
}

fn empty_database(grounds: &Grounds) -> Command {
    let mut command = Command::new(format!("{}/postgres", crate::harness::servers::SCRIPTS));
    command.arg("shop").arg(grounds.postgres.directory()).arg("empty");
    command
}
