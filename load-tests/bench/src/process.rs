//! What the kernel says of a process: CPU time, memory, open files.

use anyhow::Context;
use std::{fs, time::Duration};

/// `/proc` counts CPU time in hundredths of a second, on every Linux.
const TICKS_PER_SECOND: u64 = 100;

/// User and system time of all threads of a process.
pub(crate) fn cpu(process: u32) -> anyhow::Result<Duration> {
    times(process, 2)
}

/// The same of a process and its children, those included that have ended (Postgres has one for each connection).
pub(crate) fn family_cpu(process: u32) -> anyhow::Result<Duration> {
    // A child may end between being listed and being read; its parent's figure has it then, or the next reading.
    let living = children(process).filter_map(|child| cpu(child).ok()).sum::<Duration>();
    Ok(times(process, 4)? + living)
}

/// The first so many of: user and system time, then those of children that have ended.
fn times(process: u32, how_many: usize) -> anyhow::Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).context("the process is gone")?;
    // The second field is a name in brackets that may hold anything; utime and stime are the 14th and 15th.
    let (_, fields) = text.rsplit_once(')').context("a strange /proc/…/stat")?;
    let times = fields.split_ascii_whitespace().skip(11).take(how_many).filter_map(|ticks| ticks.parse::<u64>().ok());
    Ok(Duration::from_millis(times.sum::<u64>() * 1_000 / TICKS_PER_SECOND))
}

/// The same of this process; zero where `/proc` is missing.
pub(crate) fn own_cpu() -> Duration {
    cpu(std::process::id()).unwrap_or_default()
}

/// Resident memory in bytes: all of it, and the part that is not mapped from files (the program itself is).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resident {
    pub(crate) all: u64,
    pub(crate) own: u64,
}

/// Resident memory of a process.
pub(crate) fn resident(process: u32) -> anyhow::Result<Resident> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).context("the process is gone")?;
    let bytes = |name: &str| -> anyhow::Result<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).context("a strange /proc/…/status")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    };
    Ok(Resident { all: bytes("VmRSS:")?, own: bytes("RssAnon:")? })
}

/// Open files, sockets included.
pub(crate) fn files(process: u32) -> anyhow::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

/// The first child of a process.
pub(crate) fn child_of(process: u32) -> Option<u32> {
    children(process).next()
}

fn children(process: u32) -> impl Iterator<Item = u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let numbers: Vec<_> = text.split_ascii_whitespace().filter_map(|number| number.parse().ok()).collect();
    numbers.into_iter()
}
