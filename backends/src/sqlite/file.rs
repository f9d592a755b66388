//! Opening a SQLite file: how it is configured, brought to this program's schema, and what to say when that fails.

use super::hold::{Hold, Standing, opening};
use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection, SqlitePool,
    migrate::{MigrateError, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a writer waits for another process's transaction. The small commands write for milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reader waits for a free connection; longer than any read but an audit.
const READER_PATIENCE: Duration = Duration::from_secs(5);
/// The connection that only keeps the file open looks at a page or two.
const ANCHOR_CACHE_KIB: u32 = 64;
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
    /// It is not what was written, or not all of it.
    #[error("{} is damaged: {how}. Nothing is sold from it. Restore a backup of the whole directory; if another program has changed the file and was meant to, remove {}-sums, and the next start checks the file without them", .file.display(), .file.display().to_string().trim_end_matches("-sums"))]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        how: String,
    },
    /// Transactions that were acknowledged cannot be read.
    #[error("{} is damaged: {how}. Orders that were taken may be missing without it, so nothing is sold. Restore a backup of the whole directory, or set STAMPEDE_DATA_DIR to another directory", .file.display())]
    DamagedLog {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        how: String,
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
    hold: Arc<Hold>,
    /// Whether it was there, of unknown soundness.
    is_on_trust: bool,
}

impl SqliteFile {
    /// Creates the file when it is missing, looks whether it is damaged, and brings it to this program's schema.
    pub(crate) async fn open(path: PathBuf, migrator: &Migrator, sizes: Sizes) -> Result<Self, OpenError> {
        let anchor = writing(options(&path, ANCHOR_CACHE_KIB));
        let (hold, standing) = Hold::take(&path, &anchor).await?;
        let file = Self { path, sizes, hold, is_on_trust: standing == Standing::Unsummed };
        let mut attempt = 1;
        loop {
            match file.prepare(migrator).await {
                Ok(()) => return Ok(file),
                Err(OpenError::Unusable { .. }) if attempt < MIGRATION_ATTEMPTS => attempt += 1,
                Err(error) => {
                    let _ = file.close().await;
                    return Err(error);
                }
            }
        }
    }

    /// Brings the file to the schema and copies its log into it.
    ///
    /// After a failed fsync or a crash, frames may be readable from the kernel's cache that are not on the disk. The copy goes
    /// into the main file and is synced there, so that nothing is built on what a power cut could still take. (A reader of
    /// another process may keep it from finishing; then the next copy does it.)
    async fn prepare(&self, migrator: &Migrator) -> Result<(), OpenError> {
        let failed = |error: sqlx::Error| opening(&self.path, &error);
        let mut connection = self.writer().await.map_err(failed)?;
        let prepared = self.prepare_on(&mut connection, migrator).await;
        let closed = connection.close().await;
        prepared.and(closed.map_err(failed))
    }

    async fn prepare_on(&self, connection: &mut SqliteConnection, migrator: &Migrator) -> Result<(), OpenError> {
        if self.is_on_trust {
            self.check(connection).await?;
        }
        migrator.run_direct(None, &mut *connection, false).await.map_err(|error| match error {
            MigrateError::VersionMissing(schema) | MigrateError::VersionMismatch(schema) => {
                OpenError::OtherSchema { file: self.path.clone(), schema }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => opening(&self.path, &error),
            error => OpenError::Unusable { file: self.path.clone(), cause: error.to_string() },
        })?;
        self.hold.settle(connection).await.map(drop).map_err(|error| opening(&self.path, &error))
    }

    /// What SQLite can say of a file without sums.
    async fn check(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let found = sqlx::query("PRAGMA integrity_check(1)").fetch_one(connection).await;
        let said = found.and_then(|row| row.try_get::<String, _>(0)).map_err(|error| opening(&self.path, &error))?;
        if said == "ok" { Ok(()) } else { Err(OpenError::Damaged { file: self.path.clone(), how: said }) }
    }

    /// Whether the file was there and nobody had written down its sums: what is in it is to be looked at.
    pub(crate) fn is_on_trust(&self) -> bool {
        self.is_on_trust
    }

    /// The name for messages.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Pages in the log before it is copied into the file.
    pub(super) fn log_pages(&self) -> u32 {
        self.sizes.log_pages
    }

    /// A connection that writes. SQLite itself never copies the log: see [`Hold::settle`].
    pub(crate) async fn writer(&self) -> sqlx::Result<SqliteConnection> {
        writing(options(&self.path, self.sizes.writer_cache_kib)).connect().await
    }

    /// Copies the log into the file; `false` when somebody who reads has kept a part of it from being copied.
    pub(super) async fn settle(&self, connection: &mut SqliteConnection) -> sqlx::Result<bool> {
        self.hold.settle(connection).await
    }

    /// Lets go of the file. All connections are closed.
    pub(super) async fn close(self) -> sqlx::Result<()> {
        self.hold.close().await
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
        let options = options(&self.path, self.sizes.reader_cache_kib).read_only(true);
        pool.connect_with(options).await.map_err(|error| opening(&self.path, &error))
    }
}

fn options(path: &Path, cache_kib: u32) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY_TIMEOUT)
        // Negative: KiB rather than pages.
        .pragma("cache_size", format!("-{cache_kib}"))
        // Mapped pages would count as ours, and an IO error in them is a signal instead of an answer.
        .pragma("mmap_size", "0")
        // Else an upsert of a thousand buyers keeps its undo pages in a file of its own: a third of its time.
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

fn writing(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("wal_autocheckpoint", "0")
}
