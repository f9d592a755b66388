//! How long a log is. SQLite tells only when it copies it, and the file's length says how long it ever was.

use super::{sums::beside, wal::Salts};
use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Frames more, before a copy that somebody kept from finishing is tried again.
const LATER: u32 = 1024;
/// Bytes of the log's header, and of a frame's.
const HEADER: usize = 32;
const FRAME: u64 = 24;

/// Looks whether a log has grown to so many frames. It may say so a little early, never late.
pub(super) struct Gauge {
    path: PathBuf,
    log: Option<File>,
    /// Frames at which a log is to be copied.
    full_at: u32,
    /// The same for the log that was looked at last.
    next: u32,
    salts: Salts,
}

impl Gauge {
    pub(super) fn new(main: &Path, full_at: u32) -> Self {
        Self { path: beside(main, "-wal"), log: None, full_at, next: full_at, salts: Salts::default() }
    }

    pub(super) fn is_full(&mut self) -> bool {
        if self.log.is_none() {
            self.log = File::open(&self.path).ok();
        }
        self.reaches().unwrap_or(false)
    }

    /// The log has been copied as far as one could. SQLite begins it anew when nobody reads from it, and until then it grows.
    pub(super) fn copied(&mut self) {
        self.next = self.next.saturating_add(LATER);
    }

    /// Whether the frame is there, and of this log rather than of one before it in the same file.
    fn reaches(&mut self) -> Option<bool> {
        let log = self.log.as_ref()?;
        let (mut header, mut of_frame) = ([0; HEADER], Salts::default());
        log.read_exact_at(&mut header, 0).ok()?;
        let salts = Salts::try_from(&header[16..24]).ok()?;
        if salts != self.salts {
            (self.salts, self.next) = (salts, self.full_at);
        }
        let page_size = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        let at = HEADER as u64 + u64::from(self.next.max(1) - 1) * (FRAME + u64::from(page_size));
        log.read_exact_at(&mut of_frame, at + 8).ok()?;
        Some(of_frame == salts)
    }
}
