//! Opening a SQLite file: how it is configured, brought to this program's schema, and what to say when that fails.

use super::error::{code, primary_code};
use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a writer waits for another process's transaction. The small commands write for milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection; longer than any read but an audit.
const READER_PATIENCE: Duration = Duration::from_secs(5);
/// Several processes may open a new file at the same moment; the later ones find the schema made.
const MIGRATION_ATTEMPTS: u32 = 3;

/// Why a file cannot be opened, with the way out.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Something else is in its place.
    #[error("{} is not an SQLite database, or is damaged. Move it away (keep it!) and restore a backup, or set STAMPEDE_DATA_DIR to another directory", .file.display())]
    NotADatabase {
        /// Which file.
        file: PathBuf,
    },
    /// Written by a program that knows more than this one.
    #[error("{} was written by another version of stampede (schema {schema} is not known here). Run that version or a newer one, or set STAMPEDE_DATA_DIR to another directory", .file.display())]
    OtherSchema {
        /// Which file.
        file: PathBuf,
        /// The step this program does not know, or knows differently.
        schema: i64,
    },
    /// The disk, the permissions, the lock of another process.
    #[error("{} cannot be opened: {cause}. Check that the directory exists, is writable for this user and has free space", .file.display())]
    Unusable {
        /// Which file.
        file: PathBuf,
        /// What the operating system or SQLite said.
        cause: String,
    },
}

/// How much a file may take. Page caches are most of what SQLite keeps in memory; all files together stay under 32 MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) writer_cache_kib: u32,
    pub(crate) reader_cache_kib: u32,
    pub(crate) readers: u32,
    /// Pages (of 4 KiB) in the log before a commit copies them into the main file. SQLite's own 1,000 would sync the main file
    /// several times a second under load; a longer log takes longer to copy at the start after a crash.
    pub(crate) log_pages: u32,
}

/// A file, and how to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    sizes: Sizes,
}

impl SqliteFile {
    /// Creates the file when it is missing and brings it to this program's schema.
    pub(crate) async fn open(path: PathBuf, migrator: &Migrator, sizes: Sizes) -> Result<Self, OpenError> {
        let file = Self { path, sizes };
        let mut attempt = 1;
        loop {
            match file.migrate(migrator).await {
                Ok(()) => return Ok(file),
                Err(OpenError::Unusable { .. }) if attempt < MIGRATION_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn migrate(&self, migrator: &Migrator) -> Result<(), OpenError> {
        let mut connection = self.writer().await.map_err(|error| self.unusable(&error))?;
        let migrated = migrator.run_direct(None, &mut connection, false).await;
        let closed = connection.close().await;
        match migrated {
            Ok(()) => closed.map_err(|error| self.unusable(&error)),
            Err(MigrateError::VersionMissing(schema) | MigrateError::VersionMismatch(schema)) => {
                Err(OpenError::OtherSchema { file: self.path.clone(), schema })
            }
            Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(self.unusable(&error)),
            Err(error) => Err(OpenError::Unusable { file: self.path.clone(), cause: error.to_string() }),
        }
    }

    fn unusable(&self, error: &sqlx::Error) -> OpenError {
        let file = self.path.clone();
        match primary_code(error) {
            Some(code::NOT_A_DATABASE) => OpenError::NotADatabase { file },
            _ => OpenError::Unusable { file, cause: error.to_string() },
        }
    }

    /// The name for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that writes.
    ///
    /// It begins with a checkpoint: after a failed fsync or a crash, frames may be readable from the kernel's cache that are
    /// not on the disk. The checkpoint copies them into the main file and syncs *that*, so that nothing is built on what a
    /// power cut could still take. (A reader of another process may keep it from finishing; then the next one does it.)
    pub(crate) async fn writer(&self) -> sqlx::Result<SqliteConnection> {
        let options = self
            .options(self.sizes.writer_cache_kib)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", self.sizes.log_pages.to_string());
        let mut connection = options.connect().await?;
        checkpoint(&mut connection).await?;
        Ok(connection)
    }

    /// Connections that only read.
    pub(crate) async fn readers(&self) -> Result<SqlitePool, OpenError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(self.sizes.readers)
            .min_connections(0)
            .acquire_timeout(READER_PATIENCE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false);
        let options = self.options(self.sizes.reader_cache_kib).read_only(true);
        pool.connect_with(options).await.map_err(|error| self.unusable(&error))
    }

    fn options(&self, cache_kib: u32) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(BUSY_TIMEOUT)
            // Negative: KiB rather than pages.
            .pragma("cache_size", format!("-{cache_kib}"))
            // Mapped pages would count as ours, and an IO error in them is a signal instead of an answer.
            .pragma("mmap_size", "0")
            // Else an upsert of a thousand buyers keeps its undo pages in a file of its own: a third of its time.
            .pragma("temp_store", "memory")
            .disable_statement_logging()
    }
}

/// Copies the log into the main file and empties it, as far as other connections allow; whether it could.
pub(crate) async fn checkpoint(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    let answer = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    Ok(answer.try_get::<i64, _>(0)? == 0)
}
