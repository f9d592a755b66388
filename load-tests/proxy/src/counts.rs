//! What a proxy has done, so that a fault that hit nothing can be told.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the proxy began; an effect is a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections taken, slammed ones among them.
    pub accepted: u64,
    /// Connections that are carried now.
    pub open: u64,
    /// Connections reset as soon as they were taken.
    pub slammed: u64,
    /// Connections for which the server could not be reached.
    pub unreachable: u64,
    /// Connections ended by [`Proxy::end_all`](crate::Proxy::end_all).
    pub ended: u64,
    /// Connections ended by a [`Cut`](crate::Cut).
    pub cut: u64,
    /// Bytes passed on to the server.
    pub forth: u64,
    /// Bytes passed back.
    pub back: u64,
    /// Bytes read and lost.
    pub swallowed: u64,
    /// Bytes that had to wait, for their delay or their bandwidth.
    pub slowed: u64,
    /// Times that a connection was found held: its bytes were not even read.
    pub held: u64,
}

macro_rules! counters {
    ($($name:ident),+) => {
        #[derive(Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)+
        }

        impl Counters {
            pub(crate) fn read(&self, open: u64) -> Counts {
                Counts { open, $($name: self.$name.load(Ordering::Relaxed),)+ }
            }
        }
    };
}

counters!(accepted, slammed, unreachable, ended, cut, forth, back, swallowed, slowed, held);

pub(crate) fn add(counter: &AtomicU64, bytes: usize) {
    counter.fetch_add(bytes as u64, Ordering::Relaxed);
}
