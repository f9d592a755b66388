//! "Something has changed": told to whoever waits, however it was heard.

use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Counts what was heard, and what has been told.
#[derive(Debug, Default)]
pub(super) struct News {
    heard: AtomicU64,
    told: AtomicU64,
    arrived: Notify,
}

impl News {
    pub(super) fn arrive(&self) {
        self.heard.fetch_add(1, Ordering::SeqCst);
        self.arrived.notify_waiters();
    }

    /// Returns when there are news that nobody was told of, however many; all who wait are told.
    pub(super) async fn wait(&self) {
        let arrived = self.arrived.notified();
        tokio::pin!(arrived);
        // From here on nothing is missed, even before the first poll.
        arrived.as_mut().enable();
        let heard = self.heard.load(Ordering::SeqCst);
        if self.told.swap(heard, Ordering::SeqCst) < heard {
            return;
        }
        arrived.await;
        self.told.store(self.heard.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}
