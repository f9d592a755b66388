//! Coming to a Redis, and whether it is one that a ledger may live in.

use super::fault::kind_of;
use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, sleep};

/// Why a Redis cannot be used, with the way out. Never says the URL: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenRedisError {
    /// The URL itself.
    #[error("REDIS_URL is no Redis URL: {0}. It looks like redis://user:password@host:6379/0, or rediss:// for TLS")]
    BadUrl(String),
    /// Nobody there, or nobody who speaks Redis.
    #[error(
        "Redis could not be reached within {patience:?}: {cause}. Check host and port in REDIS_URL, and that it runs"
    )]
    Unreachable {
        /// How long was tried.
        patience: Duration,
        /// What the last attempt met.
        cause: String,
    },
    /// Somebody there, who does not let us in.
    #[error("Redis refuses the user or password in REDIS_URL. Check both, and that special characters are %-encoded")]
    WrongPassword,
    /// Scripts need what version 7 brought.
    #[error(
        "this is Redis {0}; version 7.0 or newer is needed, for scripts that are refused as a whole when memory is short"
    )]
    TooOld(String),
    /// It would forget claims without a word.
    #[error(
        "Redis throws keys away when memory is short (maxmemory-policy {0}); it would forget claims without a word. Set `maxmemory-policy noeviction`"
    )]
    Evicts(String),
    /// Slots on several servers.
    #[error(
        "this is a Redis Cluster; one primary (with replicas, if you like) is needed. The ledger of a large sale fits into one"
    )]
    Cluster,
}

/// What a server says of itself.
pub(super) struct Server(HashMap<String, String>);

impl Server {
    async fn ask(connection: &mut MultiplexedConnection) -> Result<Self, RedisError> {
        let told: String = redis::cmd("INFO").query_async(connection).await?;
        let pairs = told.lines().filter_map(|line| line.split_once(':'));
        Ok(Self(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()))
    }

    fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Why it does not serve now, if so.
    fn is_not_ready(&self) -> Option<&'static str> {
        match (self.of("loading"), self.of("role")) {
            ("1", _) => Some("it is still loading its data"),
            (_, "slave") => Some("it is a read-only replica"),
            _ => None,
        }
    }

    fn check(&self) -> Result<(), OpenRedisError> {
        let version = self.of("redis_version");
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        if major.is_none_or(|major| major < 7) {
            return Err(OpenRedisError::TooOld(version.to_owned()));
        }
        if self.of("cluster_enabled") == "1" {
            return Err(OpenRedisError::Cluster);
        }
        let policy = self.of("maxmemory_policy");
        if self.of("maxmemory") != "0" && policy != "noeviction" {
            return Err(OpenRedisError::Evicts(policy.to_owned()));
        }
        Ok(())
    }
}

/// What went wrong with one attempt.
pub(super) enum Attempt {
    /// It may be better soon.
    NotNow(String),
    /// It will not.
    Never(OpenRedisError),
}

/// A client of a URL.
pub(super) fn client(url: &str) -> Result<Client, OpenRedisError> {
    Client::open(url).map_err(|error| OpenRedisError::BadUrl(error.category().to_owned()))
}

/// One attempt: a connection to a server that serves, or why not.
pub(super) async fn attempt(client: &Client, timeout: Duration) -> Result<MultiplexedConnection, Attempt> {
    let judge = |error: RedisError| {
        let refused = matches!(error.code(), Some("WRONGPASS" | "NOAUTH"));
        match error.kind() {
            redis::ErrorKind::AuthenticationFailed => Attempt::Never(OpenRedisError::WrongPassword),
            redis::ErrorKind::InvalidClientConfig => {
                Attempt::Never(OpenRedisError::BadUrl(error.category().to_owned()))
            }
            _ if refused => Attempt::Never(OpenRedisError::WrongPassword),
            _ => Attempt::NotNow(kind_of(&error)),
        }
    };
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeout))
        .set_response_timeout(Some(timeout))
        // As many batches as may be under way at once; more would wait for room while their time runs.
        .set_pipeline_buffer_size(1_000);
    let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await.map_err(judge)?;
    let server = Server::ask(&mut connection).await.map_err(judge)?;
    if let Some(why) = server.is_not_ready() {
        return Err(Attempt::NotNow(why.to_owned()));
    }
    server.check().map_err(Attempt::Never)?;
    Ok(connection)
}

/// Attempts until one succeeds, one shows that none will, or patience ends.
pub(super) async fn patiently(
    client: &Client,
    timeout: Duration,
    patience: Duration,
) -> Result<MultiplexedConnection, OpenRedisError> {
    let until = Instant::now() + patience;
    loop {
        let cause = match tokio::time::timeout_at(until, attempt(client, timeout)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(Attempt::Never(error))) => return Err(error),
            Ok(Err(Attempt::NotNow(cause))) => cause,
            Err(_) => "it is silent".to_owned(),
        };
        if Instant::now() + super::link::PROBE_EVERY >= until {
            return Err(OpenRedisError::Unreachable { patience, cause });
        }
        sleep(super::link::PROBE_EVERY).await;
    }
}
