//! The two pools, and the only ways to use them.

use super::{
    OpenPostgresError, PostgresOptions,
    error::{commit_failure, commit_too_late, failure, is_broken, reading, too_late},
    open::{connect, name_of},
    schema::{self, MigrateReport},
    session::{Session, Silence},
};
use crate::sql::Stop;
use sqlx::{
    Connection, PgConnection, PgPool, Row,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow},
};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{pin::Pin, time::Duration};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

/// How long one waits for a connection: longer than a connection takes to be made, shorter than a buyer waits.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(3);
/// What an answer may take beyond the time that the server gives the question.
const ON_THE_WIRE: Duration = Duration::from_secs(1);
/// What a transaction that reads every row may take beyond the ordinary.
const LONG: Duration = Duration::from_secs(60);
/// How long the answer to a commit is waited for, whatever time was left: giving up early makes the outcome unknown.
const COMMIT_PATIENCE: Duration = Duration::from_secs(5);

/// What a transaction does between its beginning and its end.
pub(crate) type Work<'c, T> = Pin<Box<dyn Future<Output = Result<T, Stop>> + Send + 'c>>;

/// How a transaction ends that did not fail.
pub(crate) enum End<T> {
    /// What it did is to stay.
    Commit(T),
    /// It did nothing, or what it did is to go.
    RollBack(T),
}

/// How long a transaction may take.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// A few statements of milliseconds.
    Ordinary,
    /// It may read every row.
    Long,
}

/// Where a read may look.
///
/// A replica lags. What the protocol is driven by must not: numbers, fates and settlements that are a moment old would drive the
/// ledger backwards or release a claim that was decided. So only what is shown to people comes from [`Source::Replica`].
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// The server that decides.
    Primary,
    /// The replica, when there is one.
    Replica,
}

/// The connections of a pool at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Of which pool: `primary` decides, `readers` show.
    pub pool: &'static str,
    /// In use, or being made.
    pub busy: u32,
    /// Open and waiting for work.
    pub idle: u32,
    /// At most so many of both together.
    pub most: u32,
}

/// A Postgres database, reached. Cheap to clone: all clones share the pools.
///
/// Everything runs in tasks of the runtime that [`Database::connect`] was called on, because that is where the sockets live:
/// callers may come from any thread, and may give up waiting without leaving anything half done.
#[derive(Clone)]
pub struct Database {
    primary: PgPool,
    readers: PgPool,
    home: Handle,
    statement_timeout: Duration,
    ordinary: Duration,
    silence: Silence,
}

impl Database {
    /// Reaches the database. A server that cannot be reached is waited for, at most `connect_patience`; a mistake is told at
    /// once.
    ///
    /// # Errors
    /// [`OpenPostgresError`] with the way out, also when the schema is behind this program or newer.
    pub async fn connect(options: &PostgresOptions) -> Result<Self, OpenPostgresError> {
        let (primary, readers) = (options.primary()?, options.readers()?);
        let server = name_of(&primary);
        let mut first = connect(&primary, options.connect_patience).await?;
        let checked = schema::check(&mut first, &server).await;
        drop(first.close().await);
        checked?;
        if options.read_url.is_some() {
            // A wrong password of the replica is a mistake to be told now, too.
            drop(connect(&readers, options.connect_patience).await?.close().await);
        }
        let silence = Silence::default();
        Ok(Self {
            primary: pool(options.connections, primary, &silence),
            readers: pool(options.read_connections, readers, &silence),
            home: Handle::current(),
            statement_timeout: options.statement_timeout,
            // The server gives up a lock and a statement before we do, unless it is not heard any more.
            ordinary: CONNECTION_PATIENCE + options.lock_timeout + options.statement_timeout,
            silence,
        })
    }

    /// Brings the database to this program's schema, under a lock that lets two at once be fine.
    ///
    /// # Errors
    /// [`OpenPostgresError`] with the way out.
    pub async fn migrate(options: &PostgresOptions) -> Result<MigrateReport, OpenPostgresError> {
        schema::migrate(options).await
    }

    /// Whether this user may insert orders: a web process had better not.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn may_write(&self) -> PortResult<bool> {
        self.read(Source::Primary, |connection| {
            Box::pin(async move {
                let may = sqlx::query("SELECT has_table_privilege(current_user, 'orders', 'INSERT')");
                Ok(may.fetch_one(connection).await?.try_get(0)?)
            })
        })
        .await
    }

    /// How both pools are used. Asks no server.
    #[must_use]
    pub fn connections(&self) -> [Connections; 2] {
        [("primary", &self.primary), ("readers", &self.readers)].map(|(name, pool)| {
            let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
            let busy = pool.size().saturating_sub(idle);
            Connections { pool: name, busy, idle, most: pool.options().get_max_connections() }
        })
    }

    /// Lets go of all connections. Transactions under way come to their end first.
    pub async fn close(&self) {
        self.primary.close().await;
        self.readers.close().await;
    }

    fn deadline(&self, patience: Patience) -> Instant {
        Instant::now()
            + match patience {
                Patience::Ordinary => self.ordinary,
                Patience::Long => self.ordinary + LONG,
            }
    }

    /// How long the answer to a transaction's beginning may take: its statements have this long at the server.
    fn beginning_takes(&self, patience: Patience) -> Duration {
        let longer = match patience {
            Patience::Ordinary => Duration::ZERO,
            Patience::Long => LONG,
        };
        self.statement_timeout + longer + ON_THE_WIRE
    }

    /// `BEGIN`, with the time its statements get.
    fn beginning(&self, patience: Patience, mode: &str) -> String {
        let begin = format!("BEGIN ISOLATION LEVEL {mode};");
        match patience {
            Patience::Ordinary => begin,
            Patience::Long => {
                let milliseconds = (self.statement_timeout + LONG).as_millis();
                format!("{begin}SET LOCAL statement_timeout = {milliseconds};")
            }
        }
    }

    /// Runs `work` in one durable transaction. `locks` are statements that run with its beginning, in the same round trip; `work`
    /// is given their rows. Every statement of `work` sees what was committed before *it* began (READ COMMITTED), so what is
    /// read after the locks were had is the newest there is.
    pub(crate) async fn transaction<T, F>(&self, patience: Patience, locks: &str, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection, Vec<PgRow>) -> Work<'c, End<T>> + Send + 'static,
    {
        // Not READ WRITE: a server that was made read-only by its default is to be believed.
        let first = self.beginning(patience, "READ COMMITTED") + locks;
        let (pool, deadline) = (self.primary.clone(), self.deadline(patience));
        let (begins, silence) = (self.beginning_takes(patience), self.silence.clone());
        let running = self.home.spawn(async move {
            let begun = Session::begin(&pool, &first, begins, &silence);
            let begun = timeout_at(deadline, begun).await.map_err(|_| too_late())?;
            let (mut session, rows) = begun.map_err(|error| failure(error.into()))?;
            match timeout_at(deadline, work(session.connection(), rows)).await {
                Ok(Ok(End::Commit(answer))) => commit(session, deadline, &silence).await.map(|()| answer),
                Ok(Ok(End::RollBack(answer))) => {
                    session.roll_back().await;
                    Ok(answer)
                }
                Ok(Err(stop)) => {
                    match &stop {
                        Stop::Said(_) => session.roll_back().await,
                        Stop::Failed(error) => session.roll_back_after(error).await,
                    }
                    Err(failure(stop))
                }
                // The session is cut, and the server rolls back as soon as it notices.
                Err(_) => Err(unheard(&silence)),
            }
        });
        running.await.unwrap_or_else(|_| Err(PortFailure::Unknown("postgres: the transaction was cut off".into())))
    }

    /// Runs `work` in a read-only transaction: everything read in it is of one moment.
    pub(crate) async fn snapshot<T, F>(&self, source: Source, patience: Patience, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    {
        let first = self.beginning(patience, "REPEATABLE READ READ ONLY");
        let (pool, deadline) = (self.pool(source), self.deadline(patience));
        let (begins, silence) = (self.beginning_takes(patience), self.silence.clone());
        let running = self.home.spawn(async move {
            let begun = Session::begin(&pool, &first, begins, &silence);
            let begun = timeout_at(deadline, begun).await.map_err(|_| too_late())?;
            let (mut session, _) = begun.map_err(|error| reading(&error))?;
            let read = timeout_at(deadline, work(session.connection())).await.map_err(|_| unheard(&silence))?;
            session.roll_back().await;
            read.map_err(unread)
        });
        running.await.unwrap_or_else(|_| Err(too_late()))
    }

    /// Runs `work`, which reads by one statement. It may be run again when the connection turns out to be broken.
    pub(crate) async fn read<T, F>(&self, source: Source, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: for<'c> Fn(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    {
        let (pool, deadline) = (self.pool(source), self.deadline(Patience::Ordinary));
        let silence = self.silence.clone();
        let running = self.home.spawn(async move {
            let mut broken = 0;
            loop {
                let taken = timeout_at(deadline, Session::plain(&pool)).await.map_err(|_| too_late())?;
                let mut session = taken.map_err(|error| reading(&error))?;
                match timeout_at(deadline, work(session.connection())).await.map_err(|_| unheard(&silence))? {
                    Ok(answer) => {
                        session.give_back();
                        return Ok(answer);
                    }
                    Err(Stop::Failed(error)) if is_broken(&error) && broken < pool.options().get_max_connections() => {
                        broken += 1;
                    }
                    // Cut: reads hardly ever fail, and then it is better to begin anew.
                    Err(stop) => return Err(unread(stop)),
                }
            }
        });
        running.await.unwrap_or_else(|_| Err(too_late()))
    }

    fn pool(&self, source: Source) -> PgPool {
        match source {
            Source::Primary => self.primary.clone(),
            Source::Replica => self.readers.clone(),
        }
    }
}

/// A read that failed was not to do anything.
fn unread(stop: Stop) -> PortFailure {
    match stop {
        Stop::Said(failure) => failure,
        Stop::Failed(error) => reading(&error),
    }
}

/// Nothing came back in time on a connection that we had.
fn unheard(silence: &Silence) -> PortFailure {
    silence.noticed();
    too_late()
}

async fn commit(mut session: Session, deadline: Instant, silence: &Silence) -> PortResult<()> {
    let deadline = deadline.max(Instant::now() + COMMIT_PATIENCE);
    let commit = sqlx::raw_sql("COMMIT").execute(session.connection());
    match timeout_at(deadline, commit).await {
        Ok(Ok(_)) => {
            session.give_back();
            Ok(())
        }
        Ok(Err(error)) => Err(commit_failure(&error)),
        Err(_) => {
            silence.noticed();
            Err(commit_too_late())
        }
    }
}

fn pool(connections: u32, options: PgConnectOptions, silence: &Silence) -> PgPool {
    let silence = silence.clone();
    PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .acquire_timeout(CONNECTION_PATIENCE)
        // A connection that broke meanwhile is noticed by its first statement, and one whose wire died in silence by the first
        // one of them that is waited for in vain.
        .test_before_acquire(false)
        .before_acquire(move |_, known| {
            let keeps = !silence.is_older_than(known.idle_for);
            Box::pin(async move { Ok(keeps) })
        })
        .connect_lazy_with(options)
}
