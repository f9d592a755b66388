//! What stands beside a SQLite file.

use crate::bytes::{Bytes, turned};
use flate2::Crc;
use stampede_backends::fuzz::{self, Log};
use std::{fs, path::PathBuf};

/// Bytes before the pages' sums.
const HEAD: usize = 36;
/// Page sizes that SQLite has.
const PAGE_SIZES: [u32; 4] = [512, 1024, 4096, 65_536];

/// A `-sums` file: read and written it is the same; no turned bit and no cut goes unnoticed.
pub fn sums(data: &[u8]) {
    if let Some(written) = fuzz::sums(data) {
        assert_eq!(written, data, "two ways to write the same sums");
    }
    let mut bytes = Bytes(data);
    let (page_size, rest) = (PAGE_SIZES[bytes.below(PAGE_SIZES.len())], bytes.take(12));
    let (bit, cut, is_odd, odd) = (bytes.below(1 << 16), bytes.below(1 << 16), bytes.byte() < 16, bytes.array::<4>());
    let pages = bytes.take(4 * 256);
    let pages = &pages[..pages.len() / 4 * 4];
    let mut file = b"stampede sums 1\n".to_vec();
    file.extend(if is_odd { odd } else { page_size.to_le_bytes() });
    file.extend(rest.iter().copied().chain(std::iter::repeat(0)).take(12));
    file.extend(u32::try_from(pages.len() / 4).unwrap_or_default().to_le_bytes());
    file.extend(pages);
    assert_eq!(file.len(), HEAD + pages.len());
    let mut sum = Crc::new();
    sum.update(&file);
    file.extend(sum.sum().to_le_bytes());
    let is_fine = !is_odd || (odd.iter().any(|byte| *byte != 0) && is_page_size(u32::from_le_bytes(odd)));
    assert_eq!(fuzz::sums(&file), is_fine.then(|| file.clone()), "a page of {} bytes", u32::from_le_bytes(odd));
    assert_eq!(fuzz::sums(&turned(&file, bit % (file.len() * 8))), None, "bit {bit}");
    assert_eq!(fuzz::sums(&file[..cut % file.len()]), None, "{cut} bytes");
}

fn is_page_size(size: u32) -> bool {
    size.is_power_of_two() && (512..=65_536).contains(&size)
}

/// A write-ahead log: whole, it holds what was committed; cut, what was whole; damage is told and nothing is made up.
pub fn write_ahead_log(data: &[u8]) {
    // As it came: whatever it says, it is read in bounded memory.
    drop(read(data));
    let mut bytes = Bytes(data);
    let (bit, cut, commits) = (bytes.below(1 << 16), bytes.below(1 << 16), bytes.array::<1>()[0]);
    let frames = bytes.below(7);
    let log = Written::new(frames, commits, &mut bytes);
    assert_eq!(log.read_up_to(log.bytes.len()), log.expected(log.bytes.len()), "whole");
    let cut = cut % log.bytes.len();
    assert_eq!(log.read_up_to(cut), log.expected(cut), "cut after {cut} bytes");
    let damaged = turned(&log.bytes, bit % (log.bytes.len() * 8));
    if frames > 0 {
        assert!(matches!(read(&damaged), Log::Damaged(_)), "bit {bit} turned unnoticed");
    }
}

/// A log with everything that was written to it.
struct Written {
    bytes: Vec<u8>,
    /// For each frame, whether it ends a transaction.
    ends: Vec<bool>,
    pages: Vec<u32>,
}

const WAL_HEADER: usize = 32;
const WAL_FRAME: usize = 24;
const PAGE: usize = 512;

impl Written {
    fn new(frames: usize, commits: u8, with: &mut Bytes<'_>) -> Self {
        let salts = *b"a pinch.";
        let mut bytes: Vec<u8> =
            [0x377f_0683, 3_007_000, 512, 0].iter().flat_map(|word: &u32| word.to_be_bytes()).collect();
        bytes.extend(salts);
        let mut sum = (0, 0);
        add(&mut sum, &bytes);
        bytes.extend([sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat());
        let (mut ends, mut pages) = (Vec::new(), Vec::new());
        for frame in 0..frames {
            let start = bytes.len();
            let (page, is_end) = (1 + u32::from(with.byte()), commits >> frame & 1 == 1);
            bytes.extend(page.to_be_bytes());
            bytes.extend(u32::from(is_end).to_be_bytes());
            let seed = with.byte();
            let content: Vec<u8> = (0..=u8::MAX).cycle().take(PAGE).map(|at| at.wrapping_mul(seed | 1)).collect();
            add(&mut sum, &bytes[start..]);
            add(&mut sum, &content);
            bytes.extend(salts);
            bytes.extend([sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat());
            bytes.extend(content);
            ends.push(is_end);
            pages.push(page);
        }
        Self { bytes, ends, pages }
    }

    fn expected(&self, length: usize) -> Log {
        if length < WAL_HEADER + WAL_FRAME {
            return Log::Empty;
        }
        let whole = (length - WAL_HEADER) / (WAL_FRAME + PAGE);
        let frames = self.ends[..whole].iter().rposition(|is_end| *is_end).map_or(0, |last| last + 1);
        let mut pages = self.pages[..frames].to_vec();
        pages.sort_unstable();
        pages.dedup();
        Log::Holds { frames: u32::try_from(frames).unwrap_or_default(), pages: pages.len() }
    }

    fn read_up_to(&self, length: usize) -> Log {
        read(&self.bytes[..length])
    }
}

/// SQLite's checksum, big-endian.
fn add((one, two): &mut (u32, u32), bytes: &[u8]) {
    for pair in bytes.as_chunks::<8>().0 {
        let [a, b, c, d, e, f, g, h] = *pair;
        *one = one.wrapping_add(u32::from_be_bytes([a, b, c, d])).wrapping_add(*two);
        *two = two.wrapping_add(u32::from_be_bytes([e, f, g, h])).wrapping_add(*one);
    }
}

thread_local! {
    /// A file a thread: where whoever runs this says so and tidies up after a crash, or in memory where there is such a place.
    static FILE: PathBuf = {
        let memory = PathBuf::from("/dev/shm");
        let is_told = std::env::var_os("TMPDIR").is_some();
        let directory = if memory.is_dir() && !is_told { memory } else { std::env::temp_dir() };
        directory.join(format!("stampede-fuzz-{}-{:?}", std::process::id(), std::thread::current().id()))
    };
}

fn read(bytes: &[u8]) -> Log {
    FILE.with(|path| {
        fs::write(path, bytes).expect("because a small file can be written");
        let log = fuzz::log(path).expect("because it was just written");
        fs::remove_file(path).expect("because it was just written");
        log
    })
}
