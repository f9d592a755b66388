//! What an error of Postgres means for what was asked.

use crate::sql::Stop;
use stampede_actors::ports::PortFailure;

/// The server's name in messages.
const SERVER: &str = "postgres";

/// SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(crate) mod state {
    pub(crate) const COMPLETION_UNKNOWN: &str = "40003";
    pub(crate) const DATABASE_UNKNOWN: &str = "3D000";
    pub(crate) const NO_TABLE: &str = "42P01";
    pub(crate) const NOT_ALLOWED: &str = "42501";
    pub(crate) const STARTING_UP: &str = "57P03";
    pub(crate) const TOO_MANY_CONNECTIONS: &str = "53300";
    /// The classes, which are the first two characters.
    pub(crate) mod class {
        pub(crate) const CONNECTION: &str = "08";
        pub(crate) const FEATURE: &str = "0A";
        pub(crate) const DATA: &str = "22";
        pub(crate) const CONSTRAINT: &str = "23";
        pub(crate) const WHO_ARE_YOU: &str = "28";
        pub(crate) const ROLLED_BACK: &str = "40";
        pub(crate) const OPERATOR: &str = "57P";
        pub(crate) const INTERNAL: &str = "XX";
    }
}
use state::class;

/// The failure of a transaction before its commit: a broken constraint or data that no column takes will be refused again;
/// everything else (read-only, out of connections, a lock not had in time, a deadlock, a restart) may pass.
pub(crate) fn failure(stop: Stop) -> PortFailure {
    match stop {
        Stop::Said(failure) => failure,
        // What cannot be read or written by this program now cannot be the next time either.
        Stop::Failed(error @ (sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Encode(_))) => {
            PortFailure::Impossible(format!("{SERVER}: {error}"))
        }
        Stop::Failed(error) if is_of(&error, &[class::DATA, class::CONSTRAINT]) => {
            PortFailure::Impossible(format!("{SERVER}: {error}"))
        }
        Stop::Failed(error) => reading(&error),
    }
}

/// The failure of a `COMMIT`.
///
/// Only an answer that says so proves that nothing happened: a constraint checked at the end, a serialization failure. A
/// connection that broke proves nothing, nor does a shutdown: the commit record may be on the disk already.
pub(crate) fn commit_failure(error: &sqlx::Error) -> PortFailure {
    if is_of(error, &[class::CONSTRAINT]) {
        return PortFailure::Impossible(format!("{SERVER}: {error}"));
    }
    if is_of(error, &[class::ROLLED_BACK]) && !is_of(error, &[state::COMPLETION_UNKNOWN]) {
        return reading(error);
    }
    PortFailure::Unknown(format!("{SERVER}: the answer to the commit was lost: {error}"))
}

/// The failure of a read, or of anything before it began: nothing was to happen.
pub(crate) fn reading(error: &sqlx::Error) -> PortFailure {
    PortFailure::Unavailable(match error {
        sqlx::Error::PoolTimedOut => {
            format!("{SERVER}: no connection in time: the server is out of reach or full, or all of ours are busy")
        }
        error => match code_of(error) {
            Some(code) => format!("{SERVER}: {error} (SQLSTATE {code})"),
            None => format!("{SERVER}: {error}"),
        },
    })
}

/// Nothing came back in time.
pub(crate) fn too_late() -> PortFailure {
    PortFailure::Unavailable(format!("{SERVER}: no answer in time"))
}

/// The commit was sent, and nothing came back in time.
pub(crate) fn commit_too_late() -> PortFailure {
    PortFailure::Unknown(format!("{SERVER}: no answer to the commit in time"))
}

/// The connection is gone; a new one may work.
pub(crate) fn is_broken(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_))
        || is_of(error, &[class::CONNECTION, class::OPERATOR])
}

/// After this error a connection can be used again, once its transaction is rolled back. Not so after a statement whose plan no
/// longer fits the schema, which would be kept prepared.
pub(crate) fn leaves_usable(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some() && !is_broken(error) && !is_of(error, &[class::FEATURE, class::INTERNAL])
}

/// Whether the server answered with one of these codes or classes.
pub(crate) fn is_of(error: &sqlx::Error, prefixes: &[&str]) -> bool {
    code_of(error).is_some_and(|code| prefixes.iter().any(|prefix| code.starts_with(prefix)))
}

pub(crate) fn code_of(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}
