//! SQLite's write-ahead log as bytes (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
//!
//! SQLite reads the log up to the first frame whose checksum is wrong and takes what comes behind for never written. After a
//! power cut that is so. When a bit has turned in the middle, it silently forgets transactions that were acknowledged. The two
//! can be told apart: a transaction begins only after the one before it was synced, so a sound frame behind the end of a
//! broken transaction was written after that one was acknowledged.

use super::sums::is_page_size;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufReader, Read},
    iter,
    path::Path,
};

/// Bytes of the log's header.
const HEADER: usize = 32;
/// Bytes of a frame's header.
const FRAME: usize = 24;
/// Big-endian; its lowest bit says in which order checksums read their words.
const MAGIC: u32 = 0x377f_0682;
/// What distinguishes a log from the one before it in the same file.
pub(super) type Salts = [u8; 8];

/// What a log holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wal {
    /// Nothing that was ever acknowledged.
    Empty,
    /// Transactions.
    Holds(Committed),
    /// What it is not: as it was written.
    Damaged(String),
}

/// The transactions that SQLite finds in a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Committed {
    pub(super) salts: Salts,
    /// Frames up to the end of the last transaction.
    pub(super) frames: u32,
    /// Pages that are in them: what the main file says of these does not count.
    pub(super) pages: BTreeSet<u32>,
}

impl Wal {
    /// Reads a log as a start would.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Empty),
            Err(error) => return Err(error),
        };
        let length = file.metadata()?.len();
        let mut bytes = BufReader::with_capacity(1 << 20, file);
        let mut header = [0; HEADER];
        if length < (HEADER + FRAME) as u64 {
            return Ok(Self::Empty);
        }
        bytes.read_exact(&mut header)?;
        let Some(log) = Header::of(&header) else {
            // A file that was made longer and never written reads as zeros.
            let was_written = header.iter().any(|byte| *byte != 0);
            return Ok(if was_written {
                Self::Damaged("its header is not as it was written".into())
            } else {
                Self::Empty
            });
        };
        log.read(&mut bytes)
    }
}

/// The header of a log, whose checksum is right.
struct Header {
    page_size: usize,
    salts: Salts,
    sum: Sum,
}

impl Header {
    fn of(bytes: &[u8; HEADER]) -> Option<Self> {
        let magic = word(bytes, 0);
        let mut sum = Sum { big_endian: magic & 1 == 1, at: (0, 0) };
        sum.add(&bytes[..24]);
        let is_sound =
            magic | 1 == MAGIC | 1 && sum.at == (word(bytes, 24), word(bytes, 28)) && is_page_size(word(bytes, 8));
        let mut salts = Salts::default();
        salts.copy_from_slice(&bytes[16..24]);
        is_sound.then(|| Self { page_size: word(bytes, 8) as usize, salts, sum })
    }

    fn read(self, bytes: &mut impl Read) -> io::Result<Wal> {
        let mut committed = Committed { salts: self.salts, frames: 0, pages: BTreeSet::new() };
        let mut open_pages = Vec::new();
        let mut frame = vec![0; FRAME + self.page_size];
        let (mut sum, mut number) = (self.sum, 0_u32);
        while whole(bytes, &mut frame)? {
            number += 1;
            if !self.is_sound(&frame, sum) {
                return Ok(match self.damage(number, &mut frame, sum, bytes)? {
                    Some(damage) => Wal::Damaged(damage),
                    None => Wal::Holds(committed),
                });
            }
            sum = sum.kept(&frame);
            open_pages.push(word(&frame, 0));
            if ends_a_transaction(&frame) {
                committed.frames = number;
                committed.pages.extend(open_pages.drain(..));
            }
        }
        Ok(Wal::Holds(committed))
    }

    fn is_sound(&self, frame: &[u8], before: Sum) -> bool {
        self.is_of_this_log(frame) && word(frame, 0) > 0 && before.of(frame) == before.kept(frame).at
    }

    fn is_of_this_log(&self, frame: &[u8]) -> bool {
        frame[8..16] == self.salts
    }

    /// Whether the frame that is not sound was once acknowledged.
    fn damage(&self, number: u32, frame: &mut [u8], before: Sum, rest: &mut impl Read) -> io::Result<Option<String>> {
        if is_one_bit_off(frame, &self.salts, before) {
            return Ok(Some(format!("a bit of frame {number} has turned")));
        }
        let mut has_ended = self.is_of_this_log(frame) && ends_a_transaction(frame);
        let mut sum = before.kept(frame);
        while whole(rest, frame)? {
            if self.is_sound(frame, sum) && has_ended {
                return Ok(Some(format!(
                    "frame {number} is not as it was written, and later transactions are behind it"
                )));
            }
            has_ended |= self.is_of_this_log(frame) && ends_a_transaction(frame);
            sum = sum.kept(frame);
        }
        Ok(None)
    }
}

/// Reads a whole frame; false at the end, where a part of one may be.
fn whole(bytes: &mut impl Read, frame: &mut [u8]) -> io::Result<bool> {
    match bytes.read_exact(frame) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The size of the database after the transaction, which only its last frame carries.
fn ends_a_transaction(frame: &[u8]) -> bool {
    word(frame, 4) != 0
}

/// The running checksum of a log.
#[derive(Clone, Copy)]
struct Sum {
    big_endian: bool,
    at: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let (mut one, mut two) = self.at;
        for pair in bytes.as_chunks::<8>().0 {
            let (first, second) = self.words(pair);
            one = one.wrapping_add(first).wrapping_add(two);
            two = two.wrapping_add(second).wrapping_add(one);
        }
        self.at = (one, two);
    }

    fn words(&self, pair: &[u8; 8]) -> (u32, u32) {
        let [a, b, c, d, e, f, g, h] = *pair;
        let read = if self.big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        (read([a, b, c, d]), read([e, f, g, h]))
    }

    /// What a frame's checksum has to be after this one.
    fn of(mut self, frame: &[u8]) -> (u32, u32) {
        self.add(&frame[..8]);
        self.add(&frame[FRAME..]);
        self.at
    }

    /// The checksum as the frame has it.
    fn kept(self, frame: &[u8]) -> Self {
        Self { at: (word(frame, 16), word(frame, 20)), ..self }
    }
}

/// Whether a frame is sound but for one bit. What a power cut leaves of a frame is never that near.
fn is_one_bit_off(frame: &[u8], salts: &Salts, before: Sum) -> bool {
    let bits =
        |one: &[u8], other: &[u8]| one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum::<u32>();
    let (is, kept) = (before.of(frame), before.kept(frame).at);
    let off = bits(&frame[8..16], salts) + (is.0 ^ kept.0).count_ones() + (is.1 ^ kept.1).count_ones();
    if off == 1 {
        return true;
    }
    // The sum is linear: a bit shifts both halves by a power of two times what the words behind it make of it, which, seen
    // from the end, is the next pair of Fibonacci's numbers.
    let wanted = (kept.0.wrapping_sub(is.0), kept.1.wrapping_sub(is.1));
    let words = (8 + frame.len() - FRAME) / 4;
    let weights = iter::successors(Some((0_u32, 1_u32)), |(one, two)| Some((*two, one.wrapping_add(*two))));
    let explains = |(one, two): (u32, u32)| {
        let shifts = (0..32).map(|bit| 1_u32 << bit).flat_map(|by| [by, by.wrapping_neg()]);
        shifts.into_iter().any(|by| (one.wrapping_mul(by), two.wrapping_mul(by)) == wanted)
    };
    bits(&frame[8..16], salts) == 0 && weights.take(words).any(explains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    const SALTS: Salts = *b"saltsalt";
    const PAGE: usize = 512;

    fn bytes_of(frames: u32) -> usize {
        HEADER + frames as usize * (FRAME + PAGE)
    }

    /// A log of one transaction a number, of so many frames; each frame is of a page of its own.
    fn log(transactions: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in [MAGIC, 3_007_000, 512, 0] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend(SALTS);
        let mut sum = Sum { big_endian: false, at: (0, 0) };
        sum.add(&bytes);
        bytes.extend([sum.at.0.to_be_bytes(), sum.at.1.to_be_bytes()].concat());
        let mut page = 0;
        for frames in transactions {
            for frame in 1..=*frames {
                page += 1;
                let start = bytes.len();
                bytes.extend(u32::to_be_bytes(page));
                bytes.extend(u32::to_be_bytes(if frame == *frames { page } else { 0 }));
                let content: Vec<u8> = (0..128_u32).flat_map(|at| (at * page * 7919).to_le_bytes()).collect();
                sum.add(&bytes[start..]);
                sum.add(&content);
                bytes.extend(SALTS);
                bytes.extend([sum.at.0.to_be_bytes(), sum.at.1.to_be_bytes()].concat());
                bytes.extend(content);
            }
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Wal {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("wal");
        fs::write(&path, bytes).unwrap();
        Wal::read(&path).unwrap()
    }

    fn holds(frames: u32) -> Wal {
        Wal::Holds(Committed { salts: SALTS, frames, pages: (1..=frames).collect() })
    }

    #[test]
    fn a_log_that_is_cut_anywhere_holds_what_was_whole() {
        let whole = log(&[2, 1, 3]);
        for length in 0..=whole.len() {
            let kept = [6, 3, 2].into_iter().find(|end| bytes_of(*end) <= length).unwrap_or(0);
            let expected = if length < HEADER + FRAME { Wal::Empty } else { holds(kept) };
            assert_eq!(read(&whole[..length]), expected, "{length} bytes");
        }
    }

    #[test]
    fn no_bit_turns_unnoticed() {
        let whole = log(&[1, 2]);
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read(&damaged), Wal::Damaged(_)), "bit {bit}");
        }
    }

    #[test]
    fn many_bits_that_turn_before_the_last_transaction_are_noticed_and_what_a_power_cut_leaves_is_not_damage() {
        let whole = log(&[2, 2, 2]);
        for (number, is_damage) in [(1, true), (2, true), (3, true), (4, true), (5, false), (6, false)] {
            let mut torn = whole.clone();
            torn[bytes_of(number) - 256..bytes_of(number)].fill(0xa5);
            let found = read(&torn);
            assert_eq!(matches!(found, Wal::Damaged(_)), is_damage, "frame {number}: {found:?}");
            assert!(is_damage || found == holds(4), "{found:?}");
        }
    }

    #[test]
    fn pages_of_a_size_that_sqlite_has_not_are_damage_and_no_memory_is_taken_for_them() {
        for size in [0, 3, 511, 768, 131_072, 0xffff_ff00_u32] {
            let mut bytes = log(&[1]);
            bytes[8..12].copy_from_slice(&size.to_be_bytes());
            let mut sum = Sum { big_endian: word(&bytes, 0) & 1 == 1, at: (0, 0) };
            sum.add(&bytes[..24]);
            bytes[24..28].copy_from_slice(&sum.at.0.to_be_bytes());
            bytes[28..32].copy_from_slice(&sum.at.1.to_be_bytes());
            assert!(matches!(read(&bytes), Wal::Damaged(_)), "{size}");
        }
    }

    #[test]
    fn what_an_earlier_log_left_behind_the_end_is_ignored() {
        let mut bytes = log(&[1, 1]);
        let mut earlier = log(&[1, 1, 1, 1]).split_off(bytes.len());
        for frame in earlier.chunks_mut(FRAME + PAGE) {
            frame[8..16].copy_from_slice(b"pepper!!");
        }
        bytes.extend(earlier);
        assert_eq!(read(&bytes), holds(2));
        let mut headless = bytes.clone();
        headless[..HEADER].fill(0);
        assert_eq!(read(&headless), Wal::Empty);
    }
}
