//! Moments, as Unix milliseconds. Reading a clock is somebody else's job (`actors::clock`).

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl Millis {
    /// The moment `duration` later; saturates at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The moment `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long ago `earlier` was, zero when it lies ahead (clocks may step back).
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The moment as RFC 3339 in UTC with milliseconds, e.g. `2027-08-19T16:00:00.000Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        format!("{moment:.3}")
    }
}

impl From<jiff::Timestamp> for Millis {
    fn from(moment: jiff::Timestamp) -> Self {
        Self(moment.as_millisecond())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_with_milliseconds_and_z() {
        assert_eq!(Millis(1_700_000_000_007).rfc3339(), "2023-11-14T22:13:20.007Z");
    }

    #[test]
    fn what_lies_ahead_was_zero_ago() {
        assert_eq!(Millis(5).since(Millis(9)), Duration::ZERO);
    }

    #[test]
    fn a_moment_is_so_many_milliseconds_after_another() {
        let moment = Millis::from("2023-11-14T22:13:20.007Z".parse::<jiff::Timestamp>().unwrap());
        assert_eq!(moment, Millis(1_700_000_000_007));
        assert_eq!(moment.plus(Duration::from_secs(2)).since(moment), Duration::from_secs(2));
        assert_eq!(moment.minus(Duration::from_millis(7)), Millis(1_700_000_000_000));
    }
}
