//! The one connection that writes a file, and the only way to use it: a whole transaction.

use super::{
    error::{code, commit_failure, failure, primary_code},
    file::{SqliteFile, checkpoint},
};
use crate::sql::Stop;
use sqlx::{Connection, SqliteConnection};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{mem, pin::Pin, sync::Arc};
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
    file: SqliteFile,
    place: Arc<Mutex<Place>>,
}

enum Place {
    Ready(SqliteConnection),
    /// Being used, or its state is in doubt: the next one opens another.
    Empty,
    Closed,
}

impl Writer {
    pub(crate) async fn open(file: SqliteFile) -> sqlx::Result<Self> {
        let connection = file.writer().await?;
        Ok(Self { file, place: Arc::new(Mutex::new(Place::Ready(connection))) })
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
            Err(_) => Err(PortFailure::Unknown(format!("{}: the transaction was cut off", self.name()))),
        }
    }

    async fn run<T, F>(&self, work: F) -> PortResult<T>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> Work<'c, T>,
    {
        let mut place = self.place.lock().await;
        let mut connection = match mem::replace(&mut *place, Place::Empty) {
            Place::Ready(connection) => connection,
            Place::Empty => self.file.writer().await.map_err(|error| failure(error.into(), &self.name()))?,
            Place::Closed => {
                *place = Place::Closed;
                return Err(PortFailure::Unavailable(format!("{} is closed", self.name())));
            }
        };
        if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await {
            if primary_code(&error) == Some(code::BUSY) {
                *place = Place::Ready(connection);
            }
            return Err(PortFailure::Unavailable(format!("{}: {error}", self.name())));
        }
        match work(&mut connection).await {
            Ok(answer) => match sqlx::query("COMMIT").execute(&mut connection).await {
                Ok(_) => {
                    *place = Place::Ready(connection);
                    Ok(answer)
                }
                // The connection is dropped, which rolls back what SQLite has not rolled back itself. It is not tried again:
                // an fsync that failed once may answer "done" the second time without having done it.
                Err(error) => Err(commit_failure(&error, &self.name())),
            },
            Err(stop) => {
                if sqlx::query("ROLLBACK").execute(&mut connection).await.is_ok() {
                    *place = Place::Ready(connection);
                }
                Err(failure(stop, &self.name()))
            }
        }
    }

    /// Copies the log into the file and lets go of it. Transactions under way come to their end first.
    pub(crate) async fn close(&self) {
        let mut place = self.place.lock().await;
        if let Place::Ready(mut connection) = mem::replace(&mut *place, Place::Closed) {
            if let Err(error) = checkpoint(&mut connection).await {
                tracing::warn!(file = %self.name(), %error, "the log stays for the next start to copy");
            }
            if let Err(error) = connection.close().await {
                tracing::warn!(file = %self.name(), %error, "the file did not close cleanly");
            }
        }
    }

    fn name(&self) -> String {
        self.file.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
