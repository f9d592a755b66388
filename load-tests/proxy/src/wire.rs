//! How a wire treats bytes and those who connect.

use std::time::Duration;

/// A wire. The default is sound: everything passes at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wire {
    /// From who connected to the server.
    pub forth: Way,
    /// From the server back.
    pub back: Way,
    /// What happens to who connects.
    pub door: Door,
}

/// One direction of a wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// How long each byte is under way.
    pub delay: Duration,
    /// Up to this much longer, at random; bytes never overtake each other.
    pub jitter: Duration,
    /// The most bytes a second of each connection; 0: as many as there are.
    pub bytes_per_second: u32,
    /// Whether bytes pass at all.
    pub flow: Flow,
}

/// Whether bytes pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They do.
    #[default]
    Passes,
    /// They are not even read: who sends fills the kernel's buffers and then waits. What was held passes later.
    Held,
    /// They are read and lost, and nobody is told. A stream with a hole is of no use to anybody, so a connection that has lost
    /// something loses everything from then on, also when the wire is sound again.
    Swallowed,
}

/// What happens to who connects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// They are connected.
    #[default]
    Open,
    /// They are taken, and reset at once.
    Slammed,
    /// Nobody listens: connection refused.
    Gone,
}

impl Wire {
    /// The same in both directions.
    #[must_use]
    pub fn both(way: Way) -> Self {
        Self { forth: way, back: way, door: Door::Open }
    }

    /// Slower by so much in each direction.
    #[must_use]
    pub fn slower(delay: Duration, jitter: Duration) -> Self {
        Self::both(Way { delay, jitter, ..Way::default() })
    }

    /// Everything is swallowed: a partition.
    #[must_use]
    pub fn black_hole() -> Self {
        Self::both(Way { flow: Flow::Swallowed, ..Way::default() })
    }

    /// Nobody can connect.
    #[must_use]
    pub fn with_door(door: Door) -> Self {
        Self { door, ..Self::default() }
    }
}
