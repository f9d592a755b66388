//! For the fuzz targets: the sums and the log as bytes.

use super::{sums::Sums, wal::Wal};
use std::{io, path::Path};

/// Reads sums and writes them again; `None` when they are refused.
#[must_use]
pub fn sums(bytes: &[u8]) -> Option<Vec<u8>> {
    Sums::decode(bytes).map(|sums| sums.encode())
}

/// What a log is said to hold.
#[derive(Debug, PartialEq, Eq)]
pub enum Log {
    /// Nothing that was ever acknowledged.
    Empty,
    /// So many frames, and so many pages in them.
    Holds {
        /// Up to the end of the last transaction.
        frames: u32,
        /// Different ones.
        pages: usize,
    },
    /// Not what was written.
    Damaged(String),
}

/// Reads a log as a start would.
///
/// # Errors
/// When the file cannot be read.
pub fn log(path: &Path) -> io::Result<Log> {
    Ok(match Wal::read(path)? {
        Wal::Empty => Log::Empty,
        Wal::Holds(log) => Log::Holds { frames: log.frames, pages: log.pages.len() },
        Wal::Damaged(how) => Log::Damaged(how),
    })
}
