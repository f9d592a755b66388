//! The one connection that writes a file, and the only way to use it: a whole transaction.

use super::{
    error::{code, commit_failure, failure, primary_code},
    file::SqliteFile,
    gauge::Gauge,
    trouble::Trouble,
};
use crate::sql::Stop;
use futures_util::TryStreamExt as _;
use sqlx::{Connection, Executor as _, SqliteConnection};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{pin::Pin, sync::Arc};
use tokio::sync::Mutex;

/// What a transaction does between `BEGIN` and `COMMIT`.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'c>>;

/// Runs transactions one after the other.
///
/// A transaction runs in a task of its own that has taken the connection out of its place: when the caller is gone it still
/// comes to its end, and when it panics the connection goes with it (which rolls back) and the next transaction opens another.
/// So nobody ever finds a connection in the middle of somebody else's transaction.
#[derive(Clone)]
pub(crate) struct Writer {
    place: Arc<Mutex<Place>>,
    name: Arc<str>,
    trouble: Trouble,
}

struct Place {
    /// `None`: closed.
    open: Option<Open>,
    /// `None`: being used, or its state is in doubt, and the next one opens another.
    connection: Option<SqliteConnection>,
}

/// The file, and how long its log is.
struct Open {
    file: SqliteFile,
    gauge: Gauge,
    /// What the next commit ends with, after it was made: for tests.
    #[cfg(test)]
    fails: Option<sqlx::Error>,
}

impl Writer {
    pub(crate) async fn open(file: SqliteFile) -> sqlx::Result<Self> {
        let connection = file.writer().await?;
        let name = file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let gauge = Gauge::new(file.path(), file.log_pages());
        let open = Open {
            file,
            gauge,
            #[cfg(test)]
            fails: None,
        };
        let place = Place { open: Some(open), connection: Some(connection) };
        Ok(Self { place: Arc::new(Mutex::new(place)), name: name.as_str().into(), trouble: Trouble::of(name) })
    }

    /// Whether the file can still be written.
    pub(crate) fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    /// Runs `work` in one durable transaction: when it returns `Ok`, the changes survive a power cut.
    pub(crate) async fn transaction<T, F>(&self, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T> + Send + 'static,
    {
        let writer = self.clone();
        match tokio::spawn(async move { writer.run(work).await }).await {
            Ok(answer) => answer,
            Err(_) => Err(PortFailure::Unknown(format!("{}: the transaction was cut off", self.name))),
        }
    }

    async fn run<T, F>(&self, work: F) -> PortResult<T>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
    {
        let mut place = self.place.lock().await;
        if let Some(sentence) = self.trouble.now() {
            return Err(PortFailure::Unavailable(sentence));
        }
        let Place { open, connection: kept } = &mut *place;
        let Some(open) = open else { return Err(PortFailure::Unavailable(format!("{} is closed", self.name))) };
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => open.file.writer().await.map_err(|error| self.failed(error.into()))?,
        };
        if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await {
            self.trouble.notice(&error);
            if primary_code(&error) == Some(code::BUSY) {
                *kept = Some(connection);
            }
            return Err(PortFailure::Unavailable(format!("{}: {error}", self.name)));
        }
        match work(&mut connection).await {
            Ok(answer) => match commit(&mut connection, open).await {
                Ok(()) => {
                    if open.gauge.is_full() {
                        self.settle(open, &mut connection).await;
                    }
                    *kept = Some(connection);
                    Ok(answer)
                }
                // The connection is dropped, which rolls back what SQLite has not rolled back itself. It is not tried again:
                // an fsync that failed once may answer "done" the second time without having done it.
                Err(error) => {
                    self.trouble.notice(&error);
                    Err(commit_failure(&error, &self.name))
                }
            },
            Err(stop) => {
                let failure = self.failed(stop);
                if sqlx::query("ROLLBACK").execute(&mut connection).await.is_ok() {
                    *kept = Some(connection);
                }
                Err(failure)
            }
        }
    }

    /// Copies a log that has grown long. What was committed stands, whatever comes of it.
    async fn settle(&self, open: &mut Open, connection: &mut SqliteConnection) {
        if let Err(error) = open.file.settle(connection).await {
            tracing::error!(file = %self.name, %error, "the log could not be copied into the file");
            self.trouble.notice(&error);
        }
        open.gauge.copied();
    }

    /// Copies the log into the file and lets go of it. Transactions under way come to their end first.
    pub(crate) async fn close(&self) {
        let mut place = self.place.lock().await;
        let (open, connection) = (place.open.take(), place.connection.take());
        let Some(Open { file, .. }) = open else { return };
        if self.trouble.now().is_some() {
            // Left as it is, as after a crash.
            return;
        }
        if let Some(mut connection) = connection {
            if let Err(error) = file.settle(&mut connection).await {
                tracing::warn!(file = %self.name, %error, "the log stays for the next start to copy");
                // As after a crash: without sums SQLite must not copy it either.
                return;
            }
            if let Err(error) = connection.close().await {
                tracing::warn!(file = %self.name, %error, "the file did not close cleanly");
            }
            if let Err(error) = file.close().await {
                tracing::warn!(file = %self.name, %error, "the file did not close cleanly");
            }
        }
    }

    fn failed(&self, stop: Stop) -> PortFailure {
        if let Stop::Failed(error) = &stop {
            self.trouble.notice(error);
        }
        failure(stop, &self.name)
    }
}

async fn commit(connection: &mut SqliteConnection, open: &mut Open) -> sqlx::Result<()> {
    // Not `execute`, which takes the silence of a thread that has died for a statement that changed nothing.
    let done = connection.fetch_many(sqlx::query("COMMIT")).try_next().await;
    let committed = done.and_then(|done| done.map(drop).ok_or(sqlx::Error::WorkerCrashed));
    #[cfg(test)]
    if let Some(error) = open.fails.take() {
        return Err(error);
    }
    #[cfg(not(test))]
    let _ = open;
    committed
}

#[cfg(test)]
impl Writer {
    /// The next commit answers as if its fsync had failed.
    pub(super) async fn fail_the_next_commit(&self) {
        if let Some(open) = &mut self.place.lock().await.open {
            open.fails = Some(sqlx::Error::Database(Box::new(super::tests::Said("1034"))));
        }
    }

    pub(super) async fn settle_at(&self, frames: u32) {
        if let Some(open) = &mut self.place.lock().await.open {
            open.gauge = Gauge::new(open.file.path(), frames);
        }
    }

    pub(super) async fn settle_now(&self) {
        let place = &mut *self.place.lock().await;
        if let (Some(open), Some(connection)) = (&mut place.open, &mut place.connection) {
            self.settle(open, connection).await;
        }
    }
}
