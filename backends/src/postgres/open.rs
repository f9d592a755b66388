//! The first connection: patience with a server that is starting, none with a mistake.

use super::error::{code_of, is_of, state};
use sqlx::{ConnectOptions, PgConnection, postgres::PgConnectOptions};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// Why the database cannot be used, with the way out. No text shows a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenPostgresError {
    /// Not the URL of a Postgres database.
    #[error(
        "the database's URL cannot be used: {why}. It looks like postgres://user:password@host:5432/stampede?sslmode=require"
    )]
    BadUrl {
        /// What is wrong with it.
        why: String,
    },
    /// Nobody answers, or not yet.
    #[error(
        "{server} could not be reached in {waited:?}: {cause}. Check that Postgres runs there, accepts connections from here, and has some left"
    )]
    Unreachable {
        /// Host, port and database.
        server: String,
        /// How long it was tried.
        waited: Duration,
        /// What came of the last attempt.
        cause: String,
    },
    /// The password is wrong, or the user is not let in.
    #[error(
        "{server} does not let user “{user}” in: {cause}. Check user and password in the URL, and the server's pg_hba.conf"
    )]
    Refused {
        /// Host, port and database.
        server: String,
        /// As whom.
        user: String,
        /// What the server said.
        cause: String,
    },
    /// The server has no such database.
    #[error("{server} does not exist. Make it (“createdb”), then run `stampede migrate`")]
    NoDatabase {
        /// Host, port and database.
        server: String,
    },
    /// The schema is older than this program.
    #[error("the schema of {server} is behind this program ({missing} to apply): run `stampede migrate`")]
    SchemaBehind {
        /// Host, port and database.
        server: String,
        /// The steps that are missing.
        missing: String,
    },
    /// The schema is newer than this program, or another one's.
    #[error(
        "{server} was written by another version of stampede (schema {schema} is not known here). Run that version or a newer one, or another database"
    )]
    OtherSchema {
        /// Host, port and database.
        server: String,
        /// The step this program does not know, or knows differently.
        schema: i64,
    },
    /// Anything else: TLS, a missing right, a migration that failed.
    #[error("{server} cannot be used: {cause}")]
    Unusable {
        /// Host, port and database.
        server: String,
        /// What the driver or the server said.
        cause: String,
    },
}

/// Host, port and database, for messages.
pub(super) fn name_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    format!("the database “{database}” at {}:{}", options.get_host(), options.get_port())
}

/// What the server said, with its hint: a sentence of ours in migrations.
pub(super) fn unusable(server: &str, error: &sqlx::Error) -> OpenPostgresError {
    let hint = error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>())
        .and_then(|error| error.hint());
    let cause = match (hint, code_of(error)) {
        (Some(hint), _) => format!("{error}. {hint}"),
        (None, Some(code)) => format!("{error} (SQLSTATE {code})"),
        (None, None) => error.to_string(),
    };
    OpenPostgresError::Unusable { server: server.to_owned(), cause }
}

/// Connects, waiting at most `patience` for a server that cannot be reached.
pub(super) async fn connect(options: &PgConnectOptions, patience: Duration) -> Result<PgConnection, OpenPostgresError> {
    let server = name_of(options);
    let deadline = Instant::now() + patience;
    let mut last = "no answer".to_owned();
    loop {
        match timeout_at(deadline, options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) if may_pass(&error) => last = error.to_string(),
            Ok(Err(error)) => return Err(refused(server, options, &error)),
            Err(_) => return Err(OpenPostgresError::Unreachable { server, waited: patience, cause: last }),
        }
        if Instant::now() + PAUSE >= deadline {
            return Err(OpenPostgresError::Unreachable { server, waited: patience, cause: last });
        }
        sleep(PAUSE).await;
    }
}

/// Nobody listens there yet, the server is starting, or it is full.
fn may_pass(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_)) || is_of(error, &[state::STARTING_UP, state::TOO_MANY_CONNECTIONS])
}

fn refused(server: String, options: &PgConnectOptions, error: &sqlx::Error) -> OpenPostgresError {
    if is_of(error, &[state::DATABASE_UNKNOWN]) {
        return OpenPostgresError::NoDatabase { server };
    }
    if is_of(error, &[state::class::WHO_ARE_YOU, state::NOT_ALLOWED]) {
        let user = options.get_username().to_owned();
        return OpenPostgresError::Refused { server, user, cause: error.to_string() };
    }
    unusable(&server, error)
}
