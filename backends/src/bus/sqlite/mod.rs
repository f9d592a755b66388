//! A durable queue in a file of its own, `queue.db`.
//!
//! | part | job |
//! |---|---|
//! | [`scribe`] | the one task that writes: everything that waits goes into one transaction, one fsync |
//! | [`shelf`] | what is ready and what is leased, in memory; pure, no IO |
//! | [`table`] | the statements |
//! | [`letters`] | dead letters, and how they come back |
//!
//! A message goes from its commit straight to the shelf; the table is read only by a start, or when the shelf was full.
//! Leases are in memory, because this process is the only consumer: after a crash everything unacknowledged comes again.
//! Absent: an order across publishers, consumers in other processes.

#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod letters;
mod scribe;
mod shelf;
mod table;

use crate::sqlite::{OpenError, Sizes, SqliteFile, Trouble, Writer};
use async_trait::async_trait;
use letters::Returner;
use scribe::{Scribe, Task};
use shelf::Shelf;
use sqlx::SqlitePool;
use stampede_actors::{
    clock::SharedClock,
    ports::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing, PortFailure, PortResult},
};
use stampede_domain::Millis;
use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::Instant,
};

/// The orders' file in the data directory.
const FILE: &str = "queue.db";
/// Callers that may wait for the scribe; a publisher has one batch under way, so more means that the disk stands still.
const TASKS_WAITING: usize = 1024;
/// Everything happens at one end of the file, and most of it is deleted before it is copied out of the log (16 MiB).
const SIZES: Sizes = Sizes { writer_cache_kib: 6 * 1024, reader_cache_kib: 1024, readers: 2, log_pages: 4096 };

/// What an operator or a test may choose.
#[derive(Clone, Copy, Debug)]
pub struct QueueOptions {
    /// How long a delivered message is left alone before it comes again.
    pub lease: Duration,
    /// Most messages kept ready in memory; the rest of a backlog stays in the file.
    pub window: usize,
}

impl Default for QueueOptions {
    fn default() -> Self {
        // Short, because it is how long orders wait whose holder died; a holder that lives extends it.
        Self { lease: Duration::from_secs(6), window: 16_384 }
    }
}

/// A [`Bus`] on SQLite, for one process.
pub struct SqliteBus {
    shared: Arc<Shared>,
    tasks: mpsc::Sender<Task>,
    readers: SqlitePool,
    /// For what needs no number of its own.
    writer: Writer,
    clock: SharedClock,
    /// Whether this process takes messages, and so puts dead letters back.
    takes: AtomicBool,
    /// One refill at a time, or two pulls would read the same rows.
    refilling: tokio::sync::Mutex<()>,
}

/// What the port and the scribe both touch.
struct Shared {
    /// The file's name, as it stands in messages.
    file: &'static str,
    shelf: Mutex<Shelf>,
    /// Something is ready to be pulled, or the bus has closed.
    ready: Notify,
    /// Dead letters are wanted back.
    wanted: Notify,
    /// Acknowledgements wait to be written.
    acknowledged: Notify,
    closed: AtomicBool,
}

impl Shared {
    /// The shelf. Its poison is ignored: every message is also in the table, and comes again after a restart at the latest.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteBus {
    /// Opens or creates `queue.db` in a directory and delivers what it holds.
    ///
    /// # Errors
    /// [`OpenError`] with the file and the way out.
    pub async fn open(directory: &Path, clock: SharedClock, options: QueueOptions) -> Result<Self, OpenError> {
        Self::open_named(directory, FILE, clock, options).await
    }

    /// Opens or creates a queue in a file of another name: a lane of its own, which no flood on another one delays.
    ///
    /// # Errors
    /// [`OpenError`] with the file and the way out.
    pub async fn open_named(
        directory: &Path,
        name: &'static str,
        clock: SharedClock,
        options: QueueOptions,
    ) -> Result<Self, OpenError> {
        let path = directory.join(name);
        let file = SqliteFile::open(path.clone(), &sqlx::migrate!("../migrations/sqlite/queue"), SIZES).await?;
        let unusable = |error: sqlx::Error| OpenError::Unusable { file: path.clone(), cause: error.to_string() };
        let readers = file.readers().await?;
        let writer = Writer::open(file).await.map_err(unusable)?;
        let found = table::found(&readers).await.map_err(unusable)?;
        Ok(Self::start(name, writer, readers, clock, Shelf::new(options.window, options.lease, found)))
    }

    fn start(file: &'static str, writer: Writer, readers: SqlitePool, clock: SharedClock, shelf: Shelf) -> Self {
        let shared = Arc::new(Shared {
            file,
            shelf: Mutex::new(shelf),
            ready: Notify::new(),
            wanted: Notify::new(),
            acknowledged: Notify::new(),
            closed: AtomicBool::new(false),
        });
        let (tasks, waiting) = mpsc::channel(TASKS_WAITING);
        let scribe = Scribe::new(writer.clone(), Arc::clone(&shared), Arc::clone(&clock), waiting);
        tokio::spawn(scribe.run());
        let (takes, refilling) = (AtomicBool::new(false), tokio::sync::Mutex::new(()));
        Self { shared, tasks, readers, writer, clock, takes, refilling }
    }

    /// Puts letters back from now on, once for all pulls.
    fn begin_to_take(&self) {
        if !self.takes.swap(true, Ordering::Relaxed) {
            let (shared, tasks) = (Arc::downgrade(&self.shared), self.tasks.downgrade());
            tokio::spawn(Returner { shared, tasks, readers: self.readers.clone() }.run());
        }
    }

    /// Whether the file can still be written; if not, the process is to end.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.writer.trouble().clone()
    }

    async fn ask<T>(&self, task: impl FnOnce(oneshot::Sender<T>) -> Task) -> PortResult<T> {
        let (reply, answer) = oneshot::channel();
        let file = self.shared.file;
        self.tasks.send(task(reply)).await.map_err(|_| closed(file))?;
        answer.await.map_err(|_| unanswered(file))
    }

    /// Moves the next rows of a backlog from the table to the shelf. Dropped at any point, it has moved all or none.
    async fn refill(&self) -> PortResult<()> {
        let _one_at_a_time = self.refilling.lock().await;
        let Some(gap) = self.shared.shelf().gap() else { return Ok(()) };
        let rows = table::page(&self.readers, gap).await.map_err(self.writer.trouble().reading())?;
        self.shared.shelf().refill(gap, rows);
        Ok(())
    }

    fn still_open(&self) -> PortResult<()> {
        if self.shared.closed.load(Ordering::Acquire) { Err(closed(self.shared.file)) } else { Ok(()) }
    }
}

fn unanswered(file: &str) -> PortFailure {
    PortFailure::Unknown(format!("{file}: the writing task ended before it answered"))
}

fn closed(file: &str) -> PortFailure {
    PortFailure::Unavailable(format!("{file} is closed"))
}

#[async_trait]
impl Bus for SqliteBus {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        let count = batch.len();
        match self.ask(|reply| Task::Publish { batch, reply }).await {
            Ok(outcomes) => outcomes,
            Err(failure) => vec![Err(failure); count],
        }
    }

    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>> {
        self.begin_to_take();
        loop {
            self.still_open()?;
            // Registered before looking, so that nothing can arrive in between unnoticed.
            let mut ready = std::pin::pin!(self.shared.ready.notified());
            ready.as_mut().enable();
            let (deliveries, behind, next_end) = {
                let mut shelf = self.shared.shelf();
                (shelf.take(Instant::now(), limit), shelf.gap().is_some(), shelf.next_end())
            };
            if !deliveries.is_empty() {
                return Ok(deliveries);
            }
            if behind {
                self.refill().await?;
                continue;
            }
            match next_end {
                Some(end) => tokio::select! {
                    () = ready => {}
                    () = tokio::time::sleep_until(end) => {}
                },
                None => ready.await,
            }
        }
    }

    async fn acknowledge(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.still_open()?;
        if self.shared.shelf().acknowledge(ids) {
            self.shared.ready.notify_waiters();
        }
        self.shared.acknowledged.notify_one();
        Ok(())
    }

    async fn release(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.still_open()?;
        self.shared.shelf().release(ids);
        self.shared.ready.notify_waiters();
        Ok(())
    }

    async fn extend(&self, ids: &[DeliveryId]) -> PortResult<()> {
        self.still_open()?;
        self.shared.shelf().extend(Instant::now(), ids);
        Ok(())
    }

    async fn set_aside(&self, letters: &[(DeliveryId, String)]) -> PortResult<()> {
        let letters = letters.to_vec();
        self.ask(|reply| Task::SetAside { letters, reply }).await?
    }

    async fn dead_letters(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        self.still_open()?;
        letters::open(&self.readers, limit).await.map_err(self.writer.trouble().reading())
    }

    async fn dead_letter(&self, id: DeliveryId) -> PortResult<Option<DeadLetter>> {
        self.still_open()?;
        letters::one(&self.readers, id).await.map_err(self.writer.trouble().reading())
    }

    async fn replay(&self, ids: &[DeliveryId], why: &str) -> PortResult<()> {
        let (now, why) = (self.clock.now(), why.to_owned());
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let wanted = self.writer.transaction(move |connection| {
            Box::pin(async move { Ok(letters::want(connection, now, &ids, &why).await?) })
        });
        wanted.await?;
        self.shared.wanted.notify_one();
        Ok(())
    }

    async fn end_dead_letters(&self, ends: &[(DeliveryId, String)]) -> PortResult<()> {
        let (now, ends) = (self.clock.now(), ends.to_vec());
        let ended = self
            .writer
            .transaction(move |connection| Box::pin(async move { Ok(letters::end(connection, now, &ends).await?) }));
        ended.await
    }

    async fn forget_dead_letters(&self, ended_before: Millis) -> PortResult<u64> {
        let forgotten = self.writer.transaction(move |connection| {
            Box::pin(async move { Ok(letters::forget(connection, ended_before).await?) })
        });
        forgotten.await
    }

    async fn unconsumed(&self) -> PortResult<Option<Vec<Outgoing>>> {
        self.ask(|reply| Task::Flush { reply }).await??;
        table::messages(&self.readers).await.map(Some).map_err(self.writer.trouble().reading())
    }

    async fn backlog(&self) -> PortResult<Backlog> {
        self.still_open()?;
        let (mut backlog, gap) = {
            let shelf = self.shared.shelf();
            (shelf.backlog(), shelf.gap_from())
        };
        if let (None, Some(from)) = (backlog.oldest, gap) {
            backlog.oldest = table::published_at(&self.readers, from).await.map_err(self.writer.trouble().reading())?;
        }
        // Another process may have ended some.
        backlog.dead_letters = letters::count(&self.readers).await.map_err(self.writer.trouble().reading())?;
        Ok(backlog)
    }

    async fn close(&self) {
        // Those who read first: who writes lets go of the file. The scribe marks the bus as closed after its last transaction.
        self.readers.close().await;
        let _ = self.ask(|reply| Task::Close { reply }).await;
    }
}

#[cfg(test)]
mod tests;
