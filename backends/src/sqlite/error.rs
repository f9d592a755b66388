//! What an error of SQLite means for what was asked.

use crate::sql::Stop;
use stampede_actors::ports::PortFailure;

/// The failure of a transaction that was rolled back: a broken constraint will be broken again, anything else may pass.
pub(crate) fn failure(stop: Stop, file: &str) -> PortFailure {
    match stop {
        Stop::Said(failure) => failure,
        // A row that cannot be read will not be readable the next time.
        Stop::Failed(error @ (sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. })) => {
            PortFailure::Impossible(format!("{file}: {error}"))
        }
        Stop::Failed(error) => match primary_code(&error) {
            Some(code::CONSTRAINT | code::TOO_BIG | code::MISMATCH) => {
                PortFailure::Impossible(format!("{file}: {error}"))
            }
            _ => PortFailure::Unavailable(format!("{file}: {error}")),
        },
    }
}

/// The failure of a `COMMIT`.
///
/// `FULL` and `BUSY` are proofs that nothing happened: the commit record was not written whole (a WAL frame that is cut short
/// fails its checksum for ever), or not at all. Everything else may have left a valid commit record in the file, even if this
/// process does not see it: a failed fsync above all, after which the kernel may have dropped the pages or kept them.
pub(crate) fn commit_failure(error: &sqlx::Error, file: &str) -> PortFailure {
    match primary_code(error) {
        Some(code::FULL | code::BUSY) => PortFailure::Unavailable(format!("{file}: {error}")),
        _ => PortFailure::Unknown(format!("{file}: the commit failed: {error}")),
    }
}

/// The failure of a read: nothing was to happen.
pub(crate) fn reading(file: &'static str) -> impl Fn(sqlx::Error) -> PortFailure {
    move |error| PortFailure::Unavailable(format!("{file}: {error}"))
}

/// SQLite's primary result codes, <https://www.sqlite.org/rescode.html>.
pub(crate) mod code {
    pub(crate) const BUSY: i32 = 5;
    pub(crate) const IO: i32 = 10;
    pub(crate) const CORRUPT: i32 = 11;
    pub(crate) const FULL: i32 = 13;
    pub(crate) const TOO_BIG: i32 = 18;
    pub(crate) const CONSTRAINT: i32 = 19;
    pub(crate) const MISMATCH: i32 = 20;
    pub(crate) const NOT_A_DATABASE: i32 = 26;
}

/// The low byte of the extended code, which is what sqlx reports.
pub(crate) fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}
