//! Cutting one connection at a given byte or message.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// Where a connection is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Counted over all connections, in the direction to the server.
    pub when: When,
    /// On which side of it.
    pub moment: Moment,
}

/// What must have come by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// So many bytes from now on.
    Bytes(u64),
    /// These bytes, for the so many-th time from now on; 1 is the first time.
    Seen {
        /// How the message begins, or any other part of it.
        pattern: Vec<u8>,
        /// Which time.
        times: u32,
    },
}

/// On which side of the message the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The server never gets it: what stood before it in the same read is lost, too.
    Before,
    /// The server got it and answers; the answer is lost, and whoever asked cannot know.
    AfterAnswer,
}

/// The cut that is to be made, if any.
#[derive(Default)]
pub(crate) struct Blade {
    /// Read with every chunk, so that nothing is searched while nothing is to be cut.
    armed: AtomicBool,
    cut: Mutex<Option<Cut>>,
}

impl Blade {
    pub(crate) fn arm(&self, cut: Option<Cut>) {
        let mut armed = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        self.armed.store(cut.is_some(), Ordering::Release);
        *armed = cut;
    }

    /// Looks at a chunk of a connection whose last bytes are in `tail`. Falls at most once.
    pub(crate) fn falls(&self, tail: &mut Vec<u8>, chunk: &[u8]) -> Option<Moment> {
        if !self.armed.load(Ordering::Acquire) {
            tail.clear();
            return None;
        }
        let mut armed = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = armed.as_mut()?;
        let falls = match &mut cut.when {
            When::Bytes(left) => {
                *left = left.saturating_sub(chunk.len() as u64);
                *left == 0
            }
            When::Seen { pattern, times } => {
                let seen = count(tail, chunk, pattern);
                *times = times.saturating_sub(seen);
                *times == 0
            }
        };
        if !falls {
            return None;
        }
        let moment = cut.moment;
        *armed = None;
        self.armed.store(false, Ordering::Release);
        Some(moment)
    }
}

/// How often a pattern ends in the chunk; it may have begun in the one before, whose end is kept in `tail`.
fn count(tail: &mut Vec<u8>, chunk: &[u8], pattern: &[u8]) -> u32 {
    if pattern.is_empty() {
        return 0;
    }
    tail.extend_from_slice(chunk);
    let mut seen = 0;
    let mut from = 0;
    while let Some(at) = tail[from..].windows(pattern.len()).position(|window| window == pattern) {
        seen += 1;
        from += at + pattern.len();
    }
    // Too short to hold one that was counted already.
    let kept = tail.len().saturating_sub(pattern.len() - 1).max(from);
    tail.drain(..kept);
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_found_wherever_it_is_broken() {
        for broken in 1..11 {
            let (blade, mut tail) = (Blade::default(), Vec::new());
            let when = When::Seen { pattern: b"COMMIT".to_vec(), times: 2 };
            blade.arm(Some(Cut { when, moment: Moment::Before }));
            let text = b"..COMMITCOMMIT..";
            let (one, other) = text.split_at(broken);
            assert_eq!(blade.falls(&mut tail, one), None, "{broken}");
            assert_eq!(blade.falls(&mut tail, other), Some(Moment::Before), "{broken}");
            assert_eq!(blade.falls(&mut tail, text), None, "once");
        }
    }
}
