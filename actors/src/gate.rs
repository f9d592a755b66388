//! The bound of a mailbox: permits that travel inside the messages.
//!
//! actix's own capacity bounds nothing (a cloned address always gets one more in, and its depth cannot be asked), so every
//! message carries a [`Permit`]. It returns when the message is done or dropped, wherever it is then: hence the bound is
//! hard and the depth exact.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
use tokio::sync::Notify;

/// Counts the messages of one actor, or of several of one kind.
#[derive(Debug)]
pub struct Gate {
    actor: &'static str,
    capacity: u32,
    depth: AtomicU32,
    handled: AtomicU64,
    refused: AtomicU64,
    restarts: AtomicU64,
    batches: AtomicU64,
    batched: AtomicU64,
    /// Who waits for room; so that a permit that nobody waits for costs one load more and no lock.
    waiting: AtomicU32,
    left: Notify,
}

/// The mailbox is full: the message was never sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mailbox is full")]
pub struct Full;

impl Gate {
    /// A gate that lets `capacity` messages in at a time.
    #[must_use]
    pub fn new(actor: &'static str, capacity: u32) -> Arc<Self> {
        Arc::new(Self {
            actor,
            capacity,
            depth: AtomicU32::new(0),
            handled: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            batched: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            left: Notify::new(),
        })
    }

    /// Lets `weight` messages in, or none.
    ///
    /// # Errors
    /// [`Full`] when they do not all fit.
    pub fn enter(self: &Arc<Self>, weight: u32) -> Result<Permit, Full> {
        // Not added first and taken back: for that moment others would be refused, and who waits for room could see a depth
        // that nobody tells it the end of.
        let fits = |depth: u32| depth.checked_add(weight).filter(|depth| *depth <= self.capacity);
        if self.depth.fetch_update(Ordering::SeqCst, Ordering::Relaxed, fits).is_err() {
            self.refused.fetch_add(u64::from(weight), Ordering::Relaxed);
            return Err(Full);
        }
        Ok(Permit { gate: Arc::clone(self), weight })
    }

    /// Waits until fewer than `mark` messages are in.
    pub async fn below(&self, mark: u32) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let waiting = Waiting(&self.waiting);
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            left.as_mut().enable();
            if self.depth.load(Ordering::SeqCst) < mark {
                break;
            }
            left.await;
        }
        drop(waiting);
    }

    /// Messages in the mailbox or in work.
    #[must_use]
    pub fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
    }

    /// Most messages at a time.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Whose mailbox it is.
    #[must_use]
    pub fn actor(&self) -> &'static str {
        self.actor
    }

    /// Messages that are done.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Messages that did not get in.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How often the actor behind it was replaced.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// How many batches the actor behind it made, and of how many messages.
    #[must_use]
    pub fn batches(&self) -> (u64, u64) {
        (self.batches.load(Ordering::Relaxed), self.batched.load(Ordering::Relaxed))
    }

    pub(crate) fn count_batch(&self, size: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.batched.fetch_add(size as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

/// The right of some messages to be in a mailbox.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    weight: u32,
}

impl Permit {
    /// One right for each of the messages. Rights not taken return with the iterator.
    pub fn one_by_one(self) -> impl Iterator<Item = Self> {
        let mut left = Some(self);
        std::iter::from_fn(move || {
            let permit = left.as_mut()?;
            if permit.weight < 2 {
                return left.take().filter(|last| last.weight == 1);
            }
            permit.weight -= 1;
            Some(Self { gate: Arc::clone(&permit.gate), weight: 1 })
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.handled.fetch_add(u64::from(self.weight), Ordering::Relaxed);
        self.gate.depth.fetch_sub(self.weight, Ordering::SeqCst);
        if self.gate.waiting.load(Ordering::SeqCst) > 0 {
            self.gate.left.notify_waiters();
        }
    }
}

/// One who waits, until dropped.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_refuses_and_a_permit_that_is_dropped_makes_room() {
        let gate = Gate::new("test", 2);
        let first = gate.enter(1).unwrap();
        let _second = gate.enter(1).unwrap();
        assert_eq!(gate.enter(1).unwrap_err(), Full);
        assert_eq!((gate.depth(), gate.refused()), (2, 1));
        drop(first);
        assert!(gate.enter(1).is_ok());
    }

    #[test]
    fn several_messages_enter_together_or_not_at_all() {
        let gate = Gate::new("test", 3);
        let permit = gate.enter(3).unwrap();
        assert_eq!(gate.enter(1).unwrap_err(), Full);
        let mut singles = permit.one_by_one();
        drop(singles.next());
        assert_eq!(gate.depth(), 2);
        assert_eq!(gate.enter(2).unwrap_err(), Full);
        assert_eq!(singles.by_ref().count(), 2);
        assert_eq!((gate.depth(), gate.handled()), (0, 3));
    }

    #[test]
    fn who_is_refused_is_in_nobodys_way() {
        let gate = Gate::new("test", 2);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(gate.enter(3).unwrap_err(), Full);
                }
            });
            let refused = (0..100_000).filter(|_| gate.enter(1).is_err()).count();
            done.store(true, Ordering::Relaxed);
            assert_eq!((refused, gate.depth()), (0, 0));
        });
    }

    #[tokio::test]
    async fn who_waits_for_room_is_woken() {
        let gate = Gate::new("test", 1);
        let permit = gate.enter(1).unwrap();
        let (waiting, ()) = tokio::join!(gate.below(1), async { drop(permit) });
        assert_eq!(waiting, ());
    }

    #[test]
    fn a_gate_says_whose_it_is_and_what_went_through_it() {
        let gate = Gate::new("test", 3);
        assert_eq!((gate.actor(), gate.capacity()), ("test", 3));
        assert_eq!((gate.refused(), gate.restarts(), gate.batches()), (0, 0, (0, 0)));
        drop(gate.enter(2).unwrap());
        gate.enter(4).unwrap_err();
        gate.count_restart();
        gate.count_restart();
        gate.count_batch(2);
        gate.count_batch(5);
        assert_eq!((gate.handled(), gate.refused(), gate.restarts(), gate.batches()), (2, 4, 2, (2, 7)));
    }
}
