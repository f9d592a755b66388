//! Postgres, Redis and Google Pub/Sub: any number of processes, each with its role.

use super::{Books, Payments, Ports};
use crate::config::{Config, Role, Servers};
use anyhow::Context;
use rand::{TryRngCore, rngs::OsRng};
use stampede_actors::{clock::SharedClock, ports::Bus};
use stampede_backends::{
    Database, MigrateReport, PostgresCatalogue, PostgresDeadLetters, PostgresOptions, PostgresOrderStore, PubSubBus,
    PubSubOptions, RedisLedger, RedisOptions, RedisRateLimits,
};
use std::{sync::Arc, time::Duration};

/// How long a server that cannot be reached is waited for at the start: it may be starting too.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections of a process that only reads, and those of a writer besides its writers': look-ups, sweeps, the catalogue.
const LOOKING: u32 = 4;
/// The shortest lease that Pub/Sub gives: what a dead writer held comes again after it.
const LEASE: Duration = Duration::from_secs(10);
/// Wishes about payments that a process has from the lane at a time: as many as it works on, and some.
const PAYMENTS_READY: usize = 1_000;

pub(super) async fn open(config: &Config) -> anyhow::Result<(Ports, Books)> {
    let role = config.servers.role;
    let database = connect(config).await?;
    if role == Role::Web && database.may_write().await? {
        tracing::warn!(
            "this web node's database user may write orders, which no web node does; give it a user in the role stampede_web"
        );
    }
    let ledger = Arc::new(RedisLedger::connect(redis(&config.servers)?).await?);
    let clock = ledger.clock();
    let bus = bus(pubsub(config)?, &clock, PostgresDeadLetters::new(&database)).await?;
    let lane = bus_of_payments(config, &clock, &database).await?;
    let store = Arc::new(PostgresOrderStore::new(&database));
    let ports = Ports {
        holds: Arc::clone(&store) as _,
        outbox: Arc::clone(&store) as _,
        store,
        catalogue: Arc::new(PostgresCatalogue::new(&database)),
        limits: Some(Arc::new(RedisRateLimits::beside(Arc::clone(&ledger)))),
        ledger,
        bus,
        lane,
        payments: Arc::new(Payments::none()),
        clock,
    };
    Ok((ports.timed(), Books::Postgres(database)))
}

async fn bus(
    options: PubSubOptions,
    clock: &SharedClock,
    dead_letters: PostgresDeadLetters,
) -> anyhow::Result<Arc<dyn Bus>> {
    let bus = PubSubBus::connect(options, Arc::clone(clock), Arc::new(dead_letters)).await;
    Ok(Arc::new(bus.context("STAMPEDE_PUBSUB_PROJECT")?))
}

async fn bus_of_payments(config: &Config, clock: &SharedClock, database: &Database) -> anyhow::Result<Arc<dyn Bus>> {
    bus(pubsub_of_payments(config)?, clock, PostgresDeadLetters::of_payments(database)).await
}

pub(super) async fn books(config: &Config) -> anyhow::Result<Books> {
    Ok(Books::Postgres(connect(config).await?))
}

/// Brings Postgres to this program's schema; several at once do it one after the other.
///
/// # Errors
/// With what stands in the way.
pub async fn migrate(config: &Config) -> anyhow::Result<MigrateReport> {
    Database::migrate(&postgres(config)?).await.context("DATABASE_URL")
}

/// Makes the topics and subscriptions that are missing. One line each of what was made or found.
///
/// # Errors
/// With what stands in the way.
pub async fn bootstrap(config: &Config) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    for options in [pubsub(config)?, pubsub_of_payments(config)?] {
        told.extend(stampede_backends::bootstrap(&options).await.context("STAMPEDE_PUBSUB_PROJECT")?);
    }
    Ok(told)
}

/// What goes wrong names the setting first: whoever reads it may have three of them.
async fn connect(config: &Config) -> anyhow::Result<Database> {
    Database::connect(&postgres(config)?).await.context("DATABASE_URL")
}

fn postgres(config: &Config) -> anyhow::Result<PostgresOptions> {
    let servers = &config.servers;
    let writers = u32::try_from(config.order_writer_writers).unwrap_or(u32::MAX);
    let by_role = match servers.role {
        Role::Web => LOOKING,
        Role::Writer => writers + LOOKING,
        Role::All => writers + 2 * LOOKING,
    };
    Ok(PostgresOptions {
        url: servers.database_url.clone().context("DATABASE_URL is missing")?,
        read_url: servers.read_database_url.clone(),
        connections: if servers.database_connections == 0 { by_role } else { servers.database_connections },
        read_connections: servers.read_database_connections,
        statement_timeout: servers.database_statement_timeout,
        lock_timeout: servers.database_lock_timeout,
        idle_timeout: servers.database_idle_timeout,
        connect_patience: PATIENCE,
        application: format!("stampede {}", servers.role.as_str()),
    })
}

fn redis(servers: &Servers) -> anyhow::Result<RedisOptions> {
    Ok(RedisOptions {
        url: servers.redis_url.clone().context("REDIS_URL is missing")?,
        prefix: servers.redis_prefix.clone(),
        response_timeout: Duration::from_millis(servers.redis_timeout_ms),
        connect_patience: PATIENCE,
        process: OsRng.try_next_u64().context("no randomness to be had")?,
    })
}

fn pubsub(config: &Config) -> anyhow::Result<PubSubOptions> {
    topic(config, &config.servers.pubsub_topic)
}

/// The lane: few messages, which must not stand behind orders, so one stream and a small window.
fn pubsub_of_payments(config: &Config) -> anyhow::Result<PubSubOptions> {
    let options = topic(config, &format!("{}-payments", config.servers.pubsub_topic))?;
    Ok(PubSubOptions { streams: 1, ready: options.ready.min(PAYMENTS_READY), ..options })
}

fn topic(config: &Config, topic: &str) -> anyhow::Result<PubSubOptions> {
    let servers = &config.servers;
    Ok(PubSubOptions {
        project: servers.pubsub_project.clone().context("STAMPEDE_PUBSUB_PROJECT is missing")?,
        topic: topic.to_owned(),
        subscription: format!("{topic}-writers"),
        dead_letter_topic: format!("{topic}-dead"),
        dead_letter_subscription: format!("{topic}-dead-keepers"),
        endpoint: servers.endpoint(),
        publish_deadline: servers.pubsub_publish_deadline,
        max_publishing: servers.pubsub_max_publishing,
        streams: servers.pubsub_streams,
        lease: LEASE,
        ready: config.order_writer_high_water as usize,
        pulls: servers.role.writes(),
    })
}
