//! The last warnings, errors and deeds of operators in this process. Lines of the log, which hold no names and addresses of buyers.

use stampede_domain::Millis;
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

/// Lines that are kept: what fits a screen, for the log has the rest.
const KEPT: usize = 40;
/// Longest line; what is cut is in the log.
const LONGEST: usize = 300;

/// How loud a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loudness {
    /// Something that an operator did.
    Deed,
    /// Something is not as it should be.
    Warning,
    /// Something has to be done.
    Error,
}

/// A line, and how often it was said since `since`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Millis,
    pub(super) loudness: Loudness,
    pub(super) says: String,
    pub(super) times: u32,
}

/// Keeps the lines.
#[derive(Debug, Default)]
pub struct Journal(Mutex<VecDeque<Line>>);

impl Journal {
    /// Keeps a line. The same again only counts: one that comes a thousand times a second must not push the others out.
    pub fn write(&self, at: Millis, loudness: Loudness, says: &str) {
        let says: String = says.chars().take(LONGEST).collect();
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = lines.iter().position(|line| line.loudness == loudness && line.says == says);
        let times = same.and_then(|at| lines.remove(at)).map_or(0, |line| line.times);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(Line { at, loudness, says, times: times.saturating_add(1) });
    }

    /// What the lines say, the latest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.latest().into_iter().map(|line| line.says).collect()
    }

    /// The lines, the latest first.
    pub(super) fn latest(&self) -> Vec<Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_come_first_and_what_is_said_again_is_counted() {
        let journal = Journal::default();
        journal.write(Millis(1), Loudness::Warning, "slow");
        journal.write(Millis(2), Loudness::Error, "broken");
        journal.write(Millis(3), Loudness::Warning, "slow");
        let said: Vec<_> = journal.latest().into_iter().map(|line| (line.at.0, line.says, line.times)).collect();
        assert_eq!(said, [(3, "slow".to_owned(), 2), (2, "broken".to_owned(), 1)]);
    }

    #[test]
    fn only_the_last_lines_are_kept_and_none_is_endless() {
        let journal = Journal::default();
        (0..100).for_each(|number| journal.write(Millis(number), Loudness::Deed, &format!("{number}")));
        journal.write(Millis(100), Loudness::Deed, &"ä".repeat(1_000));
        let lines = journal.latest();
        assert_eq!((lines.len(), lines[0].says.chars().count(), lines[1].says.as_str()), (KEPT, LONGEST, "99"));
    }
}
