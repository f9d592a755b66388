//! The sums of a file's pages, in a file beside it: SQLite itself does not notice a bit that turns in a page.
//!
//! The main file changes only when the log is copied into it, so that is when its sums change. They are written after the copy
//! and before anybody can begin the log anew: until then each page that was copied is also in the log, and what the main file
//! says of it does not count. So the sums may be older than the file at any moment, and never wrong about what counts.

use super::wal::{Committed, Salts, Wal};
use std::{
    collections::HashMap,
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 16] = b"stampede sums 1\n";
/// Bytes before the pages' sums: magic, page size, salts, frames, number of pages.
const HEAD: usize = 16 + 4 + 8 + 4 + 4;
/// Bytes read from a file at once, in whole pages.
const AT_ONCE: usize = 1 << 20;
/// Frames begin with this many bytes, behind a header of as many and 8 more.
const FRAME: u64 = 24;
/// Bytes of the log's header.
const LOG_HEADER: u64 = 32;

/// CRC-32 of every page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    page_size: u32,
    /// The log that was copied last, and how many of its frames were.
    log: (Salts, u32),
    /// 0: nobody knows the page.
    pages: Vec<u32>,
}

/// `shop.db-sums` for `shop.db`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

impl Sums {
    /// Reads the sums of `main`; `None` when there are none.
    ///
    /// # Errors
    /// `InvalidData` when they are damaged themselves.
    pub(super) fn load(main: &Path) -> io::Result<Option<Self>> {
        let bytes = match fs::read(beside(main, "-sums")) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the sums are damaged");
        Self::decode(&bytes).ok_or_else(damaged).map(Some)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, sum) = bytes.split_last_chunk::<4>()?;
        if u32::from_le_bytes(*sum) != crc32fast::hash(content) || content.first_chunk() != Some(MAGIC) {
            return None;
        }
        let number = |at: usize| content.get(at..)?.first_chunk().copied().map(u32::from_le_bytes);
        let salts = *content.get(20..)?.first_chunk()?;
        let (words, rest) = content.get(HEAD..)?.as_chunks::<4>();
        let pages: Vec<_> = words.iter().copied().map(u32::from_le_bytes).collect();
        let page_size = number(16)?;
        let is_whole = rest.is_empty() && number(32)? as usize == pages.len() && is_page_size(page_size);
        is_whole.then_some(Self { page_size, log: (salts, number(28)?), pages })
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.pages.len() * 4 + 4);
        bytes.extend(MAGIC);
        bytes.extend(self.page_size.to_le_bytes());
        bytes.extend(self.log.0);
        bytes.extend(self.log.1.to_le_bytes());
        bytes.extend(u32::try_from(self.pages.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(self.pages.iter().flat_map(|sum| sum.to_le_bytes()));
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    /// Writes them whole, so that a power cut leaves these or those before.
    pub(super) fn save(&self, main: &Path) -> io::Result<()> {
        let (path, new) = (beside(main, "-sums"), beside(main, "-sums.new"));
        let mut file = File::create(&new)?;
        file.write_all(&self.encode())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }

    /// The sums of a file as it is, on trust, while its log holds nothing that is not in it.
    pub(super) fn of(main: &File) -> io::Result<Self> {
        let mut field = [0; 2];
        main.read_exact_at(&mut field, 16)?;
        // 65,536 does not fit and is written as 1.
        let page_size = match u16::from_be_bytes(field) {
            1 => 65_536,
            size => u32::from(size),
        };
        let mut pages = Vec::new();
        each_page(main, page_size, |_, page| {
            pages.push(sum_of(page));
            true
        })?;
        Ok(Self { page_size, log: (Salts::default(), 0), pages })
    }

    /// Takes in what has been copied out of the first `frames` frames of the log; whether that is news.
    pub(super) fn copied(&mut self, log: &File, frames: u32) -> io::Result<bool> {
        let mut salts = Salts::default();
        log.read_exact_at(&mut salts, 16)?;
        if frames == 0 || self.log == (salts, frames) {
            return Ok(false);
        }
        let step = FRAME + u64::from(self.page_size);
        let at = |frame: u32| LOG_HEADER + u64::from(frame) * step;
        let (mut latest, mut header) = (HashMap::new(), [0; 24]);
        let mut size = 0;
        for frame in 0..frames {
            log.read_exact_at(&mut header, at(frame))?;
            let [page, after] =
                [0, 4].map(|at| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
            latest.insert(page, frame);
            if after > 0 {
                size = after;
            }
        }
        self.pages.resize(size as usize, 0);
        let mut page = vec![0; self.page_size as usize];
        for (number, frame) in latest {
            log.read_exact_at(&mut page, at(frame) + FRAME)?;
            if let Some(sum) = (number as usize).checked_sub(1).and_then(|place| self.pages.get_mut(place)) {
                *sum = sum_of(&page);
            }
        }
        self.log = (salts, frames);
        Ok(true)
    }

    /// What is wrong with a file and its log, if anything is.
    pub(super) fn find_damage(&self, main: &File, log: &Wal) -> io::Result<Option<Damage>> {
        let nothing = Committed { salts: Salts::default(), frames: 0, pages: Default::default() };
        let log = match log {
            Wal::Damaged(how) => return Ok(Some(Damage::Log(how.clone()))),
            Wal::Holds(log) => log,
            Wal::Empty => &nothing,
        };
        if log.salts == self.log.0 && log.frames < self.log.1 {
            let (frames, copied) = (log.frames, self.log.1);
            return Ok(Some(Damage::Log(format!(
                "it ends after frame {frames}, and {copied} have been copied out of it"
            ))));
        }
        let (mut seen, mut damaged) = (0, None);
        each_page(main, self.page_size, |number, page| {
            seen = number;
            let sum = self.pages.get(number as usize - 1).copied().unwrap_or(0);
            if sum != 0 && sum != sum_of(page) && !log.pages.contains(&number) {
                damaged = Some(Damage::Page(number));
            }
            damaged.is_none() && (number as usize) < self.pages.len()
        })?;
        let missing = (seen + 1..=u32::try_from(self.pages.len()).unwrap_or(u32::MAX)).find(|number| {
            self.pages.get(*number as usize - 1).is_some_and(|sum| *sum != 0) && !log.pages.contains(number)
        });
        Ok(damaged.or(missing.map(Damage::Page)))
    }
}

/// Whether SQLite has pages of so many bytes. Memory is taken by this number, so it is not believed.
pub(super) fn is_page_size(bytes: u32) -> bool {
    bytes.is_power_of_two() && (512..=65_536).contains(&bytes)
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// This page is not what was written.
    Page(u32),
    /// The log is not what was written.
    Log(String),
}

fn sum_of(page: &[u8]) -> u32 {
    crc32fast::hash(page).max(1)
}

/// Shows whole pages with their numbers, from 1 on, for as long as they are wanted.
fn each_page(file: &File, page_size: u32, mut wants_more: impl FnMut(u32, &[u8]) -> bool) -> io::Result<()> {
    let page_size = (page_size as usize).max(512);
    let mut buffer = vec![0; AT_ONCE.max(page_size) / page_size * page_size];
    let (mut number, mut at) = (0, 0);
    loop {
        let read = read_up_to(file, &mut buffer, at)?;
        for page in buffer[..read].chunks_exact(page_size) {
            number += 1;
            if !wants_more(number, page) {
                return Ok(());
            }
        }
        if read < buffer.len() {
            return Ok(());
        }
        at += read as u64;
    }
}

fn read_up_to(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
