//! One connection, taken out of its pool.

use super::error::{is_broken, leaves_usable};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgRow};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, timeout};

/// How long a connection may take to roll back before it is given up.
const ROLLBACK_PATIENCE: Duration = Duration::from_secs(1);

/// When an answer last failed to come. Wires die in silence (a router that forgets, a proxy that is replaced), and then often all
/// at once: who has not been heard of since is not waited for a second time.
#[derive(Clone, Default)]
pub(super) struct Silence(Arc<Mutex<Option<Instant>>>);

impl Silence {
    /// An answer did not come.
    pub(super) fn noticed(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection that has lain in its pool for so long was last heard of before the silence.
    pub(super) fn is_older_than(&self, idle_for: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() <= idle_for)
    }
}

/// A connection in use. It goes back to its pool only by [`Session::give_back`]; dropped in any other way (a panic, a deadline, a
/// doubt) it is cut, and the server rolls back whatever was begun. So nobody ever finds a connection in the middle of
/// somebody else's transaction.
pub(super) struct Session(Option<PoolConnection<Postgres>>);

impl Session {
    /// Takes a connection and runs its first statements on it, as one simple query: a whole transaction can begin, and take its
    /// locks, in one round trip.
    ///
    /// A connection that the server has closed meanwhile (a restart, a failover) shows it here, where nothing was asked of it
    /// yet; the next one is tried, until one must have been new. So does one that nobody is at the other end of any more, after
    /// `patience`: the server itself would have given up by then, and said so.
    pub(super) async fn begin(
        pool: &PgPool,
        first: &str,
        patience: Duration,
        silence: &Silence,
    ) -> sqlx::Result<(Self, Vec<PgRow>)> {
        let mut broken = 0;
        loop {
            let mut session = Self(Some(pool.acquire().await?));
            let begun = sqlx::raw_sql(AssertSqlSafe(first)).fetch_all(session.connection());
            let begun = timeout(patience, begun).await.unwrap_or_else(|_| {
                silence.noticed();
                Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()))
            });
            match begun {
                Ok(rows) => return Ok((session, rows)),
                Err(error) if is_broken(&error) && broken < pool.options().get_max_connections() => broken += 1,
                Err(error) => {
                    session.roll_back_after(&error).await;
                    return Err(error);
                }
            }
        }
    }

    /// A connection to read one statement with.
    pub(super) async fn plain(pool: &PgPool) -> sqlx::Result<Self> {
        Ok(Self(Some(pool.acquire().await?)))
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("because only methods that consume the session take the connection out of it")
    }

    /// Back to the pool: nothing is under way.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }

    /// Rolls back, and keeps the connection when that is certain to have worked.
    pub(super) async fn roll_back(mut self) {
        let rollback = sqlx::raw_sql("ROLLBACK").execute(self.connection());
        if matches!(timeout(ROLLBACK_PATIENCE, rollback).await, Ok(Ok(_))) {
            self.give_back();
        }
    }

    pub(super) async fn roll_back_after(self, error: &sqlx::Error) {
        if leaves_usable(error) {
            self.roll_back().await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            // Its place in the pool is free at once; the socket is closed with the value.
            drop(connection.detach());
        }
    }
}
