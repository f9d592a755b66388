//! A shelf in memory, for the tests of buses that need one.

use super::{DeadLetterShelf, NewDeadLetter, letter_id};
use crate::bus::process;
use async_trait::async_trait;
use stampede_actors::ports::{DeadLetter, DeliveryId, PortResult};
use stampede_domain::Millis;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Forgets everything with the process. Letters are kept with the key of their message, in their order.
#[derive(Default)]
pub(crate) struct MemoryDeadLetters(Mutex<Vec<(String, DeadLetter)>>);

impl MemoryDeadLetters {
    fn kept(&self) -> MutexGuard<'_, Vec<(String, DeadLetter)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to an open letter.
    fn with(&self, id: DeliveryId, change: impl Fn(&mut DeadLetter)) {
        let mut kept = self.kept();
        let open = kept.iter_mut().map(|(_, letter)| letter);
        open.filter(|letter| letter.id == id && letter.ended_at.is_none()).for_each(change);
    }
}

#[async_trait]
impl DeadLetterShelf for MemoryDeadLetters {
    async fn put(&self, letters: &[NewDeadLetter]) -> PortResult<()> {
        let mut kept = self.kept();
        for letter in letters {
            if kept.iter().all(|(key, _)| *key != letter.message_key) {
                kept.push((letter.message_key.clone(), shown(letter)));
            }
        }
        kept.sort_by(|(one, a), (other, b)| (a.dead_since, one).cmp(&(b.dead_since, other)));
        Ok(())
    }

    async fn list(&self, limit: usize) -> PortResult<Vec<DeadLetter>> {
        let kept = self.kept();
        let open = kept.iter().map(|(_, letter)| letter).filter(|letter| letter.ended_at.is_none());
        Ok(open.take(limit).cloned().collect())
    }

    async fn count(&self) -> PortResult<u64> {
        Ok(self.list(usize::MAX).await?.len() as u64)
    }

    async fn find(&self, ids: &[DeliveryId]) -> PortResult<Vec<DeadLetter>> {
        Ok(self.kept().iter().map(|(_, letter)| letter).filter(|letter| ids.contains(&letter.id)).cloned().collect())
    }

    async fn replayed(&self, ids: &[DeliveryId], at: Millis, why: &str) -> PortResult<()> {
        for id in ids {
            self.with(*id, |letter| (letter.replayed_at, letter.last_word) = (Some(at), why.to_owned()));
        }
        Ok(())
    }

    async fn end(&self, ends: &[(DeliveryId, String)], at: Millis) -> PortResult<()> {
        for (id, how) in ends {
            self.with(*id, |letter| (letter.ended_at, letter.last_word) = (Some(at), how.clone()));
        }
        Ok(())
    }

    async fn forget(&self, ended_before: Millis) -> PortResult<u64> {
        let gone = |letter: &DeadLetter| letter.ended_at.is_some_and(|ended| ended < ended_before);
        Ok(self.kept().extract_if(.., |(_, letter)| gone(letter)).count() as u64)
    }
}

fn shown(letter: &NewDeadLetter) -> DeadLetter {
    DeadLetter {
        id: letter_id(&letter.message_key),
        payload: letter.payload.clone(),
        label: letter.label,
        reason: letter.reason.clone(),
        attempts: letter.attempts,
        dead_since: letter.dead_since,
        set_aside_by: process().to_owned(),
        replayed_at: None,
        ended_at: None,
        last_word: String::new(),
    }
}
