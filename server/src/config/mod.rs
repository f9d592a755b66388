//! Every setting, in one place: a doc comment, a default that runs on a laptop, a range. The reference in
//! `ops/CONFIGURATION.md` and `.env.example` are generated from here.

mod door;
mod mails;
mod payments;
mod servers;

pub use door::{Door, TrustedHeader};
pub use mails::Mails;
pub use payments::Payments;
pub use servers::{Role, Servers};

use clap::{Arg, Args, Command, CommandFactory, FromArgMatches, builder::RangedU64ValueParser};
use stampede_actors::settings::ActorSettings;
use stampede_http::ticket;
use std::{error::Error, net::SocketAddr, path::PathBuf, time::Duration};

/// The shop's settings. Each is an environment variable; none has to be set.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Address of the shop.
    #[arg(long, env = "STAMPEDE_HTTP_ADDR", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub http_addr: SocketAddr,
    /// Address for operators: metrics, health, laws, actors. Keep it private.
    #[arg(long, env = "STAMPEDE_OPS_ADDR", default_value = "127.0.0.1:9464", value_name = "ADDRESS")]
    pub ops_addr: SocketAddr,
    /// Whoever knows it may pause and resume the sale in the control room, at least 16 characters; nobody may when absent.
    #[arg(long, env = "STAMPEDE_OPS_TOKEN", hide_env_values = true, value_name = "SECRET", value_parser = secret)]
    pub ops_token: Option<String>,
    /// Where an embedded shop keeps everything.
    #[arg(long, env = "STAMPEDE_DATA_DIR", default_value = "./data", value_name = "DIRECTORY")]
    pub data_dir: PathBuf,
    /// The address that shoppers know, e.g. <https://tickets.example.org>; with https, cookies need TLS.
    #[arg(long, env = "STAMPEDE_PUBLIC_URL", value_name = "URL", value_parser = url)]
    pub public_url: Option<String>,
    /// Signs links and cookies, at least 16 characters; embedded, it is made and kept in the data directory when absent.
    #[arg(long, env = "STAMPEDE_SECRET", hide_env_values = true, value_name = "SECRET", value_parser = secret)]
    pub secret: Option<String>,
    /// Signs tickets, 64 hexadecimal digits (openssl rand -hex 32); embedded, it is made and kept in the data directory when absent.
    #[arg(long, env = "STAMPEDE_TICKET_KEY", hide_env_values = true, value_name = "SECRET", value_parser = ticket_key)]
    pub ticket_key: Option<String>,
    /// Threads that serve HTTP, each with its Inventory; 0: one a core.
    #[arg(long, env = "STAMPEDE_HTTP_WORKERS", default_value = "0", value_name = "0..256", value_parser = RangedU64ValueParser::<usize>::new().range(0..=256))]
    pub http_workers: usize,
    /// Streams of live numbers at a time; further visitors poll.
    #[arg(long, env = "STAMPEDE_MAX_WATCHERS", default_value = "10000", value_name = "0..1000000", value_parser = RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub max_watchers: usize,
    /// How long closing down may take before it is cut short.
    #[arg(long, env = "STAMPEDE_SHUTDOWN_LIMIT", default_value = "20s", value_name = "DURATION", value_parser = duration)]
    pub shutdown_limit: Duration,

    /// What is logged, e.g. info or stampede_actors=debug.
    #[arg(long, env = "STAMPEDE_LOG", default_value = "info,actix_server=warn,actix_http=off", value_name = "FILTER")]
    pub log: String,
    /// How it is logged: human or json.
    #[arg(long, env = "STAMPEDE_LOG_FORMAT", default_value = "human", value_name = "human|json", value_enum)]
    pub log_format: LogFormat,
    /// Where traces go (OTLP over HTTP), e.g. <http://127.0.0.1:4318>; no traces when absent.
    #[arg(long, env = "STAMPEDE_OTLP_ENDPOINT", hide_env_values = true, value_name = "URL", value_parser = url)]
    pub otlp_endpoint: Option<String>,

    /// Sell the demo festival when the shop is empty.
    #[arg(long, env = "STAMPEDE_DEMO", default_value = "on", value_name = "on|off", value_parser = switch, action = clap::ArgAction::Set)]
    pub demo: bool,
    /// Tickets of the demo festival.
    #[arg(long, env = "STAMPEDE_DEMO_CAPACITY", default_value = "1000000", value_name = "1..100000000", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub demo_capacity: u32,
    /// When its sale opens, counted from the first start; 0s: at once.
    #[arg(long, env = "STAMPEDE_DEMO_OPENS_IN", default_value = "60s", value_name = "DURATION", value_parser = duration)]
    pub demo_opens_in: Duration,
    /// VIP passes of the demo festival, which are paid online; 0: none. A shop on servers has none without Stripe.
    #[arg(long, env = "STAMPEDE_DEMO_VIP_CAPACITY", default_value = "5000", value_name = "0..100000000", value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub demo_vip_capacity: u32,
    /// Tickets a buyer may have; 0: no limit.
    #[arg(long, env = "STAMPEDE_DEMO_LIMIT_PER_BUYER", default_value = "6", value_name = "0..100000000", value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    pub demo_limit_per_buyer: u32,
    /// Buyers a second that the process sends through its own HTTP port, so that a lone visitor sees a living sale; 0: none.
    #[arg(long, env = "STAMPEDE_DEMO_CROWD", default_value = "0", value_name = "0..10000", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub demo_crowd: u32,

    /// Claims in one call to the ledger.
    #[arg(long, env = "STAMPEDE_INVENTORY_BATCH_SIZE", default_value = "500", value_name = "1..500", value_parser = RangedU64ValueParser::<usize>::new().range(1..=500))]
    pub inventory_batch_size: usize,
    /// Messages one Inventory may have.
    #[arg(long, env = "STAMPEDE_INVENTORY_MAILBOX_CAPACITY", default_value = "20000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub inventory_mailbox_capacity: u32,
    /// Intents in one publish.
    #[arg(long, env = "STAMPEDE_PUBLISHER_BATCH_SIZE", default_value = "1000", value_name = "1..10000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub publisher_batch_size: usize,
    /// Groups of intents the Publisher may have.
    #[arg(long, env = "STAMPEDE_PUBLISHER_MAILBOX_CAPACITY", default_value = "1000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub publisher_mailbox_capacity: u32,
    /// Orders in one transaction.
    #[arg(long, env = "STAMPEDE_ORDER_WRITER_BATCH_SIZE", default_value = "1000", value_name = "1..10000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub order_writer_batch_size: usize,
    /// How long a batch waits to be filled.
    #[arg(long, env = "STAMPEDE_ORDER_WRITER_BATCH_LINGER_MS", default_value = "5", value_name = "0..1000", value_parser = clap::value_parser!(u64).range(0..=1_000))]
    pub order_writer_batch_linger_ms: u64,
    /// Writers. SQLite takes one at a time.
    #[arg(long, env = "STAMPEDE_ORDER_WRITER_WRITERS", default_value = "1", value_name = "1..64", value_parser = RangedU64ValueParser::<usize>::new().range(1..=64))]
    pub order_writer_writers: usize,
    /// Orders the OrderWriter may hold.
    #[arg(long, env = "STAMPEDE_ORDER_WRITER_MAILBOX_CAPACITY", default_value = "20000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub order_writer_mailbox_capacity: u32,
    /// Orders at which it stops pulling and new orders are put off; at most the capacity.
    #[arg(long, env = "STAMPEDE_ORDER_WRITER_HIGH_WATER", default_value = "10000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub order_writer_high_water: u32,
    /// How often CacheSync looks at the ledger for everybody.
    #[arg(long, env = "STAMPEDE_CACHE_SYNC_INTERVAL_MS", default_value = "100", value_name = "10..10000", value_parser = clap::value_parser!(u64).range(10..=10_000))]
    pub cache_sync_interval_ms: u64,
    /// Messages CacheSync may have.
    #[arg(long, env = "STAMPEDE_CACHE_SYNC_MAILBOX_CAPACITY", default_value = "1000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub cache_sync_mailbox_capacity: u32,
    /// Age of the oldest unwritten order above which new ones are put off.
    #[arg(long, env = "STAMPEDE_MAX_BACKLOG_SECONDS", default_value = "5", value_name = "1..600", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub max_backlog_seconds: u64,

    /// Who may come in, and how often.
    #[command(flatten)]
    pub door: Door,

    /// How tickets are paid online.
    #[command(flatten)]
    pub payments: Payments,

    /// How buyers are written to.
    #[command(flatten)]
    pub mails: Mails,

    /// A shop on servers.
    #[command(flatten)]
    pub servers: Servers,
}

/// How lines are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Human,
    /// For programs.
    Json,
}

impl Config {
    /// The settings of a command line without a command, for tests and benches: `--data-dir X --demo-capacity 5`.
    ///
    /// # Errors
    /// What clap says of the first mistake.
    pub fn of<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Self, clap::Error> {
        let command = Self::augment_args(Command::new("stampede").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    /// What one setting alone cannot show to be wrong.
    #[must_use]
    pub fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.order_writer_high_water > self.order_writer_mailbox_capacity {
            found.push(format!(
                "STAMPEDE_ORDER_WRITER_HIGH_WATER ({}) is above STAMPEDE_ORDER_WRITER_MAILBOX_CAPACITY ({}): it would never be reached.",
                self.order_writer_high_water, self.order_writer_mailbox_capacity
            ));
        }
        found.extend(self.door.contradictions());
        found.extend(self.payments.contradictions());
        if self.payments.stripe_secret_key.is_some() && self.public_url.is_none() {
            found.push(
                "STAMPEDE_STRIPE_SECRET_KEY is set, but STAMPEDE_PUBLIC_URL is missing: buyers come back to it.".into(),
            );
        }
        found.extend(self.mails.contradictions(self.public_url.as_deref()));
        found.extend(self.servers.contradictions());
        found
    }

    /// The same settings, with nothing in them that must not be shown.
    #[must_use]
    pub fn hidden(&self) -> Self {
        let secret = self.secret.as_ref().map(|_| "(hidden)".to_owned());
        let ticket_key = self.ticket_key.as_ref().map(|_| "(hidden)".to_owned());
        let ops_token = self.ops_token.as_ref().map(|_| "(hidden)".to_owned());
        let otlp_endpoint = self.otlp_endpoint.as_deref().map(without_login);
        let (payments, mails, servers) = (self.payments.hidden(), self.mails.hidden(), self.servers.hidden());
        Self { secret, ticket_key, ops_token, otlp_endpoint, payments, mails, servers, ..self.clone() }
    }

    /// The actors' part.
    #[must_use]
    pub fn actors(&self) -> ActorSettings {
        ActorSettings {
            inventory_batch_size: self.inventory_batch_size,
            inventory_mailbox_capacity: self.inventory_mailbox_capacity,
            publisher_batch_size: self.publisher_batch_size,
            publisher_mailbox_capacity: self.publisher_mailbox_capacity,
            order_writer_batch_size: self.order_writer_batch_size,
            order_writer_batch_linger: Duration::from_millis(self.order_writer_batch_linger_ms),
            order_writers: self.order_writer_writers,
            order_writer_mailbox_capacity: self.order_writer_mailbox_capacity,
            order_writer_high_water: self.order_writer_high_water,
            cache_sync_interval: Duration::from_millis(self.cache_sync_interval_ms),
            cache_sync_mailbox_capacity: self.cache_sync_mailbox_capacity,
            max_backlog: Duration::from_secs(self.max_backlog_seconds),
            mailroom_interval: Duration::from_millis(self.mails.mailroom_interval_ms),
            mailroom_batch_size: self.mails.mailroom_batch_size,
            ..self.payments.actors(ActorSettings::default())
        }
    }
}

/// An address as it may be shown.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // The last one: a password may hold anything.
    rest.rfind('@').map_or_else(|| url.to_owned(), |at| format!("{scheme}://(hidden){}", &rest[at..]))
}

/// Every variable that does not parse, all at once: clap alone would name the first.
#[must_use]
pub fn mistakes_in_environment(command: &Command) -> Vec<String> {
    let settings = command.get_arguments().filter_map(|setting| {
        let value = environment(setting.get_env()?.to_str()?)?;
        mistake(setting, &value)
    });
    settings.collect()
}

/// What is wrong with a variable's value.
pub(crate) fn mistake(setting: &Arg, value: &str) -> Option<String> {
    let name = setting.get_env()?.to_str()?;
    let alone = Command::new("stampede").arg(setting.clone().env(None::<&str>).global(false));
    let flag = format!("--{}={value}", setting.get_long()?);
    let error = alone.try_get_matches_from(["stampede", &flag]).err()?;
    // A value of several lines would push the reason out of the first.
    let odd = value.contains(char::is_control);
    let text = error.to_string();
    let text = if odd { text.replace(value, &value.escape_debug().to_string()) } else { text };
    let reason = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    // clap repeats the value, and this is written into logs.
    let reason = if setting.is_hide_env_values_set() { why(&error) } else { reason.to_owned() };
    Some(format!("{name}: {reason}"))
}

/// Why a value is refused, without the value.
fn why(error: &clap::Error) -> String {
    error.source().map_or_else(|| "it cannot be read".to_owned(), ToString::to_string)
}

#[expect(clippy::disallowed_methods, reason = "this is the module that reads the environment for everybody else")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One setting as the reference shows it.
pub struct Setting {
    /// The variable.
    pub name: String,
    /// What it does.
    pub help: String,
    /// The default, or nothing.
    pub default: String,
    /// What it may be.
    pub range: String,
}

/// Every setting, in the order of the struct.
#[must_use]
pub fn settings() -> Vec<Setting> {
    let command = Config::augment_args(Command::new("stampede"));
    let described = command.get_arguments().filter_map(|setting| {
        Some(Setting {
            name: setting.get_env()?.to_string_lossy().into_owned(),
            help: setting.get_help().map(ToString::to_string).unwrap_or_default(),
            default: setting.get_default_values().iter().map(|value| value.to_string_lossy()).collect(),
            range: setting.get_value_names().unwrap_or_default().iter().map(|name| name.as_str()).collect(),
        })
    });
    described.collect()
}

/// The command line as clap sees it, for checks and help.
#[must_use]
pub fn command() -> Command {
    crate::cli::Cli::command()
}

/// Longest wait that can be set: clocks and timers add to it.
const LONGEST: Duration = Duration::from_hours(24 * 365);

fn duration(text: &str) -> Result<Duration, String> {
    let read = humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 60s or 5m"))?;
    if read <= LONGEST { Ok(read) } else { Err("write a year (365days) at most".into()) }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err("write on or off".into()),
    }
}

fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        // It is written into headers and links as it is.
        Some(host)
            if !host.starts_with('/') && !host.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("write it with http:// or https:// and a host, in ASCII and without blanks".into()),
    }
}

fn ticket_key(text: &str) -> Result<String, String> {
    ticket::key_bytes(text).map(|_| text.to_owned()).map_err(|wrong| wrong.to_string())
}

fn secret(text: &str) -> Result<String, String> {
    if text.len() >= 16 { Ok(text.to_owned()) } else { Err("it must have at least 16 characters".into()) }
}
