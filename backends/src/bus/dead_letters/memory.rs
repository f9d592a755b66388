//! A shelf in memory, for the tests of buses that need one.

use super::{DeadLetterShelf, NewDeadLetter, letter_id};
use async_trait::async_trait;
use stampede_actors::ports::{DeadLetter, PortResult};
use std::sync::{Mutex, PoisonError};

/// Forgets everything with the process.
#[derive(Default)]
pub(crate) struct MemoryDeadLetters(Mutex<Vec<NewDeadLetter>>);

#[async_trait]
impl DeadLetterShelf for MemoryDeadLetters {
    async fn put(&self, letters: &[NewDeadLetter]) -> PortResult<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for letter in letters {
            if kept.iter().all(|other| other.message_key != letter.message_key) {
                kept.push(letter.clone());
            }
        }
        kept.sort_by(|one, other| (one.dead_since, &one.message_key).cmp(&(other.dead_since, &other.message_key)));
        Ok(())
    }

    async fn list(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.iter().take(limit).map(shown).collect())
    }

    async fn count(&self) -> PortResult<u64> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }
}

fn shown(letter: &NewDeadLetter) -> DeadLetter {
    DeadLetter {
        id: letter_id(&letter.message_key),
        payload: letter.payload.clone(),
        reason: letter.reason.clone(),
        attempts: letter.attempts,
        dead_since: letter.dead_since,
    }
}
