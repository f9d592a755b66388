//! Buses: the durable hand-over.

pub mod dead_letters;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz {
    pub use super::{
        pubsub::fuzz::{pubsub_attribute, pubsub_label},
        sqlite::fuzz::{QueueRows, QueueSeen},
    };
}
#[cfg(any(test, feature = "memory"))]
pub(crate) mod memory;
mod pubsub;
mod sqlite;

#[cfg(test)]
mod contract;

pub use dead_letters::{DeadLetterShelf, NewDeadLetter, PostgresDeadLetters};
pub use pubsub::{OpenPubSubError, PubSubBus, PubSubOptions, bootstrap};
pub use sqlite::{QueueOptions, SqliteBus};

use std::{fs, sync::LazyLock};

/// This process among those of a shop, as it stands in dead letters: host and number.
#[must_use]
pub fn process() -> &'static str {
    static PROCESS: LazyLock<String> = LazyLock::new(|| {
        // Linux; elsewhere the number has to do.
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}/{}", host.trim(), std::process::id())
    });
    &PROCESS
}
