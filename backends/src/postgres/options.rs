//! How the server is reached, and what every connection is told at its start.

use super::OpenPostgresError;
use sqlx::{ConnectOptions, postgres::PgConnectOptions};
use std::{str::FromStr, time::Duration};

/// How the server is reached.
#[derive(Clone)]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?sslmode=…`.
    pub url: String,
    /// A replica, for what may be a moment old; without one, the primary is read.
    pub read_url: Option<String>,
    /// At most so many connections for transactions and for reads that must not be old.
    pub connections: u32,
    /// At most so many for reads that may be.
    pub read_connections: u32,
    /// The server gives up a statement after this time. Audits and changes of the catalogue read every row, and may take a
    /// minute more.
    pub statement_timeout: Duration,
    /// The server gives up waiting for a lock after this time.
    pub lock_timeout: Duration,
    /// The server ends a connection that has left a transaction idle for so long: what a frozen process holds is free again.
    pub idle_timeout: Duration,
    /// How long the first connection waits for a server that cannot be reached.
    pub connect_patience: Duration,
    /// Our name in the server's list of connections.
    pub application: String,
}

impl PostgresOptions {
    /// The options of every connection to the primary.
    pub(super) fn primary(&self) -> Result<PgConnectOptions, OpenPostgresError> {
        self.to(&self.url)
    }

    /// The options of every connection to the replica, or else to the primary.
    pub(super) fn readers(&self) -> Result<PgConnectOptions, OpenPostgresError> {
        self.to(self.read_url.as_ref().unwrap_or(&self.url))
    }

    fn to(&self, url: &str) -> Result<PgConnectOptions, OpenPostgresError> {
        // The driver would take any scheme.
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(OpenPostgresError::BadUrl { why: "it does not begin with “postgres://”".into() });
        }
        let options =
            PgConnectOptions::from_str(url).map_err(|error| OpenPostgresError::BadUrl { why: error.to_string() })?;
        Ok(options
            .application_name(&self.application)
            .options([
                ("statement_timeout", milliseconds(self.statement_timeout).as_str()),
                ("lock_timeout", milliseconds(self.lock_timeout).as_str()),
                ("idle_in_transaction_session_timeout", milliseconds(self.idle_timeout).as_str()),
                // A decision survives a power cut, whatever the server does for others.
                ("synchronous_commit", "on"),
                // A plan made while a table was small would be kept while it grows to millions.
                ("plan_cache_mode", "force_custom_plan"),
            ])
            .disable_statement_logging())
    }
}

/// As Postgres takes it. Zero would mean “for ever”.
fn milliseconds(duration: Duration) -> String {
    duration.as_millis().clamp(1, 2_147_483_647).to_string()
}
