//! That this process has a file: who looks whether it is damaged, who keeps its sums, and that SQLite does nothing to it on
//! its own.
//!
//! * Whoever is the first to hold a file (no other process has its `flock`) compares it with its sums, before SQLite sees it.
//! * The log is copied into the file by [`Hold::settle`] alone. SQLite would also do it when the last connection of all goes,
//!   and nobody would know which pages that changed. So one connection, the anchor, goes only by [`Hold::close`]: who drops a
//!   file without closing it leaves it as a crash would.
//! * A file that is open is not opened by anything but SQLite: closing any descriptor of it would end SQLite's own locks.

use super::{
    OpenError,
    error::{code, primary_code},
    sums::{Damage, Sums, beside},
    wal::Wal,
};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    collections::HashMap,
    fs::{self, File, TryLockError},
    io, mem,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak},
};
use tokio::{sync::Mutex as AsyncMutex, task::spawn_blocking};

/// Files that this process holds; `None` for those that were dropped without being closed.
static HELD: LazyLock<Mutex<HashMap<PathBuf, Option<Weak<Hold>>>>> = LazyLock::new(Mutex::default);
/// One file is taken or let go of at a time.
static TURN: AsyncMutex<()> = AsyncMutex::const_new(());

fn held() -> MutexGuard<'static, HashMap<PathBuf, Option<Weak<Hold>>>> {
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that this process holds.
#[derive(Debug)]
pub(super) struct Hold {
    path: PathBuf,
    name: PathBuf,
    main: Mutex<Option<Arc<File>>>,
    anchor: AsyncMutex<Option<SqliteConnection>>,
}

/// What is known of a file that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its pages are what was written, or somebody has it who found them so.
    Sound,
    /// There was none.
    New,
    /// It was there and has no sums: an earlier version's, or one that somebody vouches for.
    Unsummed,
}

impl Hold {
    /// Takes a file. Nobody in this process may have opened it in another way.
    pub(super) async fn take(path: &Path, options: &SqliteConnectOptions) -> Result<(Arc<Self>, Standing), OpenError> {
        let _turn = TURN.lock().await;
        let name = full_name(path);
        let known = held().get(&name).cloned();
        if let Some(hold) = known.as_ref().and_then(Option::as_ref).and_then(Weak::upgrade) {
            return Ok((hold, Standing::Sound));
        }
        let unusable = |cause: String| OpenError::Unusable { file: path.to_owned(), cause };
        let (looked_at, is_first) = (path.to_owned(), known.is_none());
        let looked = spawn_blocking(move || look(&looked_at, is_first)).await;
        let (main, standing) = looked.map_err(|error| unusable(error.to_string()))??;
        let anchor = options.connect().await.map_err(|error| opening(path, &error))?;
        let main = match main {
            Some(main) => main,
            None => lock(File::open(path).map_err(|error| unusable(error.to_string()))?),
        };
        let (main, anchor) = (Mutex::new(Some(Arc::new(main))), AsyncMutex::new(Some(anchor)));
        let hold = Arc::new(Self { path: path.to_owned(), name: name.clone(), main, anchor });
        held().insert(name, Some(Arc::downgrade(&hold)));
        Ok((hold, standing))
    }

    /// Copies the log into the file, syncs that, and writes down the sums of what was copied. `false`: somebody who reads kept
    /// a part of it from being copied; SQLite keeps the log until it is.
    pub(super) async fn settle(&self, connection: &mut SqliteConnection) -> sqlx::Result<bool> {
        let mut anchor = self.anchor.lock().await;
        let Some(anchor) = anchor.as_mut() else { return Ok(false) };
        // Nobody writes, in whatever process, between the copy and the sums.
        match sqlx::query("BEGIN IMMEDIATE").execute(&mut *anchor).await {
            Err(error) if primary_code(&error) == Some(code::BUSY) => return Ok(false),
            other => other?,
        };
        let settled = self.settle_alone(connection).await;
        sqlx::query("ROLLBACK").execute(anchor).await?;
        settled
    }

    async fn settle_alone(&self, connection: &mut SqliteConnection) -> sqlx::Result<bool> {
        let copied = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(connection).await?;
        let (log, done) = (copied.try_get::<i64, _>(1)?, copied.try_get::<i64, _>(2)?);
        if log != done {
            return Ok(false);
        }
        let main = self.main.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(main) = main else { return Ok(false) };
        let path = self.path.clone();
        let frames = u32::try_from(done).unwrap_or(0);
        let summed = spawn_blocking(move || sum_up(&path, &main, frames)).await;
        summed.map_err(io::Error::other).flatten().map_err(sqlx::Error::Io)?;
        Ok(true)
    }

    /// Lets go of the file, unless somebody else in this process has it too. Every other connection is closed.
    pub(super) async fn close(self: Arc<Self>) -> sqlx::Result<()> {
        let _turn = TURN.lock().await;
        let Some(hold) = Arc::into_inner(self) else { return Ok(()) };
        let anchor = hold.anchor.lock().await.take();
        if let Some(anchor) = anchor {
            anchor.close().await?;
        }
        // Last: it is a descriptor of the file, whose end ends SQLite's locks.
        hold.main.lock().unwrap_or_else(PoisonError::into_inner).take();
        held().remove(&hold.name);
        Ok(())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let main = self.main.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(anchor) = self.anchor.get_mut().take() {
            mem::forget((anchor, main));
            held().insert(self.name.clone(), None);
        }
    }
}

/// The file, locked, if it is there, and what is known of it. Only the first of all who hold it looks.
fn look(path: &Path, is_first: bool) -> Result<(Option<File>, Standing), OpenError> {
    let unusable = |error: io::Error| OpenError::Unusable { file: path.to_owned(), cause: error.to_string() };
    let main = match File::open(path) {
        Ok(main) => main,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return nothing_there(path),
        Err(error) => return Err(unusable(error)),
    };
    let is_alone = match main.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(error)) => return Err(unusable(error)),
    };
    let standing = if is_first && is_alone { examine(path, &main)? } else { Standing::Sound };
    Ok((Some(lock(main)), standing))
}

fn nothing_there(path: &Path) -> Result<(Option<File>, Standing), OpenError> {
    let left = ["-sums", "-wal"]
        .into_iter()
        .map(|suffix| beside(path, suffix))
        .find(|left| fs::metadata(left).is_ok_and(|left| left.len() > 0));
    match left {
        None => Ok((None, Standing::New)),
        Some(left) => {
            let how = format!("it is missing, and {} is there", left.display());
            Err(OpenError::Damaged { file: path.to_owned(), how })
        }
    }
}

/// Compares a file that nobody else has with its sums.
fn examine(path: &Path, main: &File) -> Result<Standing, OpenError> {
    let unusable = |error: io::Error| OpenError::Unusable { file: path.to_owned(), cause: error.to_string() };
    let sums = match Sums::load(path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(OpenError::Damaged { file: beside(path, "-sums"), how: "it is not what was written".into() });
        }
        loaded => loaded.map_err(unusable)?,
    };
    let log = Wal::read(&beside(path, "-wal")).map_err(unusable)?;
    let found = match &sums {
        Some(sums) => sums.find_damage(main, &log).map_err(unusable)?,
        None => match log {
            Wal::Damaged(how) => Some(Damage::Log(how)),
            _ => None,
        },
    };
    match found {
        Some(Damage::Log(how)) => Err(OpenError::DamagedLog { file: beside(path, "-wal"), how }),
        Some(Damage::Page(page)) => {
            Err(OpenError::Damaged { file: path.to_owned(), how: format!("page {page} is not what was written") })
        }
        None if sums.is_some() => Ok(Standing::Sound),
        None if main.metadata().map_err(unusable)?.len() == 0 => Ok(Standing::New),
        None => Ok(Standing::Unsummed),
    }
}

/// A lock that all who hold a file share; whoever wants it alone finds that there is somebody. A file system without locks has
/// nobody else.
fn lock(main: File) -> File {
    if let Err(error) = main.lock_shared() {
        tracing::warn!(%error, "the file system has no locks: use the file from one process only");
    }
    main
}

/// After the log's first `frames` frames were copied, which are all there are.
fn sum_up(path: &Path, main: &File, frames: u32) -> io::Result<()> {
    let (mut sums, are_new) = match Sums::load(path)? {
        Some(sums) => (sums, false),
        // Nothing has been promised of this file yet.
        None => (Sums::of(main)?, true),
    };
    let is_news = frames > 0 && sums.copied(&File::open(beside(path, "-wal"))?, frames)?;
    if are_new || is_news { sums.save(path) } else { Ok(()) }
}

/// The name under which the process knows a file, which need not be there yet.
fn full_name(path: &Path) -> PathBuf {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = fs::canonicalize(directory).unwrap_or_else(|_| directory.to_owned());
    directory.join(path.file_name().unwrap_or_default())
}

/// Why SQLite cannot open a file.
pub(super) fn opening(path: &Path, error: &sqlx::Error) -> OpenError {
    let file = path.to_owned();
    match primary_code(error) {
        Some(code::NOT_A_DATABASE) => OpenError::NotADatabase { file },
        Some(code::CORRUPT) => OpenError::Damaged { file, how: error.to_string() },
        _ => OpenError::Unusable { file, cause: error.to_string() },
    }
}
