//! What cannot be read or written, on its way to the dead letters.
//!
//! A letter is written durably, and nobody waits for it, but everybody waits for the disk. So letters are gathered for a moment:
//! poison seldom comes alone.

use super::{OrderWriter, filling::Unreadable};
use crate::facts::{Fact, announce_many};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

/// How long letters are gathered before they are written together. Their orders are late anyway.
const GATHER: Duration = Duration::from_millis(15);

/// Letters that are not set aside yet. They count in the mailbox until they are.
#[derive(Default)]
pub(super) struct Letters {
    gathered: RefCell<Vec<Unreadable>>,
    /// Somebody writes what is gathered.
    is_writing: Cell<bool>,
}

impl OrderWriter {
    /// Sets messages aside, soon.
    pub(super) fn set_aside(self: &Rc<Self>, letters: Vec<Unreadable>) {
        if letters.is_empty() {
            return;
        }
        for (message, why, _) in &letters {
            tracing::error!(message = message.0, why, "a message is set aside as a dead letter");
        }
        self.letters.gathered.borrow_mut().extend(letters);
        if !self.letters.is_writing.replace(true) {
            let this = Rc::clone(self);
            self.tasks.spawn(async move { this.write_letters().await });
        }
    }

    /// Until none are left.
    async fn write_letters(&self) {
        loop {
            tokio::time::sleep(GATHER).await;
            let gathered = self.letters.gathered.take();
            if gathered.is_empty() {
                self.letters.is_writing.set(false);
                return;
            }
            let letters: Vec<_> = gathered.iter().map(|(id, why, _)| (*id, why.clone())).collect();
            match self.parts.bus.set_aside(&letters).await {
                // Counted when it is so: what comes again is set aside again.
                Ok(()) => announce_many(Fact::MessageSetAside, letters.len() as u64),
                Err(failure) => tracing::warn!(
                    %failure,
                    messages = letters.len(),
                    "dead letters could not be set aside; they come again"
                ),
            }
        }
    }
}
