//! The settings of a shop on servers: Postgres, Redis and Google Pub/Sub. All three of them, or none.

use clap::{Args, builder::RangedU64ValueParser};
use std::time::Duration;

/// Which part of the shop a process plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Everything.
    #[default]
    All,
    /// Takes orders; its database user may only read.
    Web,
    /// Writes orders, and keeps the ledger true.
    Writer,
}

impl Role {
    /// Whether it serves shoppers.
    #[must_use]
    pub fn takes_orders(self) -> bool {
        self != Self::Writer
    }

    /// Whether it writes to the order store.
    #[must_use]
    pub fn writes(self) -> bool {
        self != Self::Web
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Web => "web",
            Self::Writer => "writer",
        }
    }
}

/// Where the servers are, and how long they are waited for.
#[derive(Args, Clone, Debug)]
pub struct Servers {
    /// Which part of the shop this process plays. Web and writer need Postgres, Redis and Pub/Sub.
    #[arg(long, env = "STAMPEDE_ROLE", default_value = "all", value_name = "all|web|writer", value_enum)]
    pub role: Role,

    /// Where Postgres is. With REDIS_URL and STAMPEDE_PUBSUB_PROJECT the shop runs on servers; without all three, embedded.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
    /// A replica of Postgres for what may be a little old: order pages, exports, audits; DATABASE_URL when absent.
    #[arg(long, env = "STAMPEDE_READ_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub read_database_url: Option<String>,
    /// Connections of a process to Postgres; 0: by role (web 4, writer one each writer and 4, all both).
    #[arg(long, env = "STAMPEDE_DATABASE_CONNECTIONS", default_value = "0", value_name = "0..1000", value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub database_connections: u32,
    /// Connections of a process for reads that a replica may answer.
    #[arg(long, env = "STAMPEDE_READ_DATABASE_CONNECTIONS", default_value = "8", value_name = "1..1000", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub read_database_connections: u32,
    /// How long a statement may take.
    #[arg(long, env = "STAMPEDE_DATABASE_STATEMENT_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = super::duration)]
    pub database_statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    #[arg(long, env = "STAMPEDE_DATABASE_LOCK_TIMEOUT", default_value = "5s", value_name = "DURATION", value_parser = super::duration)]
    pub database_lock_timeout: Duration,
    /// How long a transaction may do nothing, so that a frozen process holds nobody up.
    #[arg(long, env = "STAMPEDE_DATABASE_IDLE_TIMEOUT", default_value = "5s", value_name = "DURATION", value_parser = super::duration)]
    pub database_idle_timeout: Duration,

    /// Where Redis is.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<String>,
    /// The beginning of every key, for shops that share a Redis.
    #[arg(long, env = "STAMPEDE_REDIS_PREFIX", default_value = "stampede", value_name = "NAME", value_parser = name)]
    pub redis_prefix: String,
    /// How long an answer of Redis is waited for.
    #[arg(long, env = "STAMPEDE_REDIS_TIMEOUT_MS", default_value = "1000", value_name = "10..60000", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub redis_timeout_ms: u64,

    /// The Google Cloud project of Pub/Sub.
    #[arg(long, env = "STAMPEDE_PUBSUB_PROJECT", value_name = "PROJECT")]
    pub pubsub_project: Option<String>,
    /// Another Pub/Sub than Google's, e.g. <http://127.0.0.1:8085>, used without credentials; PUBSUB_EMULATOR_HOST does the same.
    #[arg(long, env = "STAMPEDE_PUBSUB_ENDPOINT", hide_env_values = true, value_name = "URL", value_parser = super::url)]
    pub pubsub_endpoint: Option<String>,
    /// What Google's own tools set for an emulator.
    #[arg(long, env = "PUBSUB_EMULATOR_HOST", value_name = "HOST:PORT")]
    pub pubsub_emulator_host: Option<String>,
    /// The topic of orders. Its subscription, and the topic and subscription of dead letters, are named after it.
    #[arg(long, env = "STAMPEDE_PUBSUB_TOPIC", default_value = "stampede-orders", value_name = "NAME", value_parser = name)]
    pub pubsub_topic: String,
    /// How long a publish may take before its outcome is unknown.
    #[arg(long, env = "STAMPEDE_PUBSUB_PUBLISH_DEADLINE", default_value = "5s", value_name = "DURATION", value_parser = super::duration)]
    pub pubsub_publish_deadline: Duration,
    /// Orders a process may have on their way to Pub/Sub; further ones are put off.
    #[arg(long, env = "STAMPEDE_PUBSUB_MAX_PUBLISHING", default_value = "20000", value_name = "1..1000000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub pubsub_max_publishing: usize,
    /// Streams that a writer pulls by.
    #[arg(long, env = "STAMPEDE_PUBSUB_STREAMS", default_value = "2", value_name = "1..64", value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub pubsub_streams: usize,
}

impl Servers {
    /// Whether the shop runs on servers.
    #[must_use]
    pub fn are_set(&self) -> bool {
        self.urls().iter().all(|(_, set)| *set)
    }

    fn urls(&self) -> [(&'static str, bool); 3] {
        [
            ("DATABASE_URL", self.database_url.is_some()),
            ("REDIS_URL", self.redis_url.is_some()),
            ("STAMPEDE_PUBSUB_PROJECT", self.pubsub_project.is_some()),
        ]
    }

    /// What one setting alone cannot show to be wrong.
    pub(super) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let names = |wanted: bool| {
            let names: Vec<_> =
                self.urls().into_iter().filter(|(_, set)| *set == wanted).map(|(name, _)| name).collect();
            (names.join(" and "), if names.len() == 1 { "is" } else { "are" })
        };
        if self.urls().iter().any(|(_, set)| *set) && !self.are_set() {
            let ((set, is_set), (missing, is_missing)) = (names(true), names(false));
            found.push(format!(
                "{set} {is_set} set, but {missing} {is_missing} missing. Set all three to run on Postgres, Redis and Pub/Sub, or none to run embedded."
            ));
        }
        if self.role != Role::All && self.urls().iter().all(|(_, set)| !set) {
            found.push(format!(
                "STAMPEDE_ROLE is {}, but an embedded shop is one process that does everything. Set DATABASE_URL, REDIS_URL and STAMPEDE_PUBSUB_PROJECT, or leave the role away.",
                self.role.as_str()
            ));
        }
        if self.read_database_url.is_some() && self.database_url.is_none() {
            found.push("STAMPEDE_READ_DATABASE_URL is set, but DATABASE_URL is missing.".into());
        }
        found
    }

    /// The same, with nothing in it that must not be shown.
    pub(super) fn hidden(&self) -> Self {
        let hide = |url: &Option<String>| url.as_ref().map(|_| "(hidden)".to_owned());
        Self {
            database_url: hide(&self.database_url),
            read_database_url: hide(&self.read_database_url),
            redis_url: hide(&self.redis_url),
            pubsub_endpoint: self.pubsub_endpoint.as_deref().map(super::without_login),
            ..self.clone()
        }
    }

    /// The Pub/Sub that is not Google's.
    #[must_use]
    pub fn endpoint(&self) -> Option<String> {
        let emulator = || self.pubsub_emulator_host.as_ref().map(|host| format!("http://{host}"));
        self.pubsub_endpoint.clone().or_else(emulator)
    }
}

/// A name as Redis keys and Pub/Sub topics take it (the stricter of the two: topics begin with a letter).
fn name(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if (3..=200).contains(&text.len()) && begins_well && text.chars().all(good) && !text.starts_with("goog") {
        Ok(text.to_owned())
    } else {
        Err("write 3 to 200 letters, digits, “-”, “_” or “.”, a letter first, and not beginning with “goog”".into())
    }
}
