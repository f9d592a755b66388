//! How often one address is written to because somebody asked for it. By process and in memory: whoever restarts us to write to a
//! stranger six times an hour has won little.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Between two links to one address: longer than a mail takes to arrive, shorter than patience.
const BETWEEN: Duration = Duration::from_secs(60);
/// Links to one address in [`HOUR`].
const MOST_IN_AN_HOUR: usize = 5;
const HOUR: Duration = Duration::from_hours(1);
/// Addresses that are remembered, of at most 254 bytes each. Then nobody else gets a link until one of them is an hour old.
const MOST_ADDRESSES: usize = 20_000;

/// Who was written to in the last hour.
#[derive(Default)]
pub(super) struct LinkLimits(HashMap<String, VecDeque<Instant>>);

impl LinkLimits {
    /// Whether the address may be written to, which counts then.
    pub(super) fn may(&mut self, address: &str, now: Instant) -> bool {
        if self.0.len() >= MOST_ADDRESSES && !self.0.contains_key(address) {
            self.0.retain(|_, times| times.back().is_some_and(|last| now.duration_since(*last) < HOUR));
            if self.0.len() >= MOST_ADDRESSES {
                return false;
            }
        }
        let times = self.0.entry(address.to_owned()).or_default();
        while times.front().is_some_and(|first| now.duration_since(*first) >= HOUR) {
            times.pop_front();
        }
        let is_soon = times.back().is_some_and(|last| now.duration_since(*last) < BETWEEN);
        let may = !is_soon && times.len() < MOST_IN_AN_HOUR;
        if may {
            times.push_back(now);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_one_link_a_minute_and_five_an_hour() {
        let (mut limits, began) = (LinkLimits::default(), Instant::now());
        let after = |seconds| began + Duration::from_secs(seconds);
        assert!(limits.may("a@b", began) && !limits.may("a@b", after(59)) && limits.may("c@d", began));
        for minute in 1..5 {
            assert!(limits.may("a@b", after(minute * 60)), "{minute}");
        }
        assert!(!limits.may("a@b", after(5 * 60)) && !limits.may("a@b", after(3599)));
        assert!(limits.may("a@b", after(3600)), "the first one is an hour old");
        assert!(!limits.may("a@b", after(3659)));
    }

    #[test]
    fn no_more_addresses_are_remembered_than_there_is_room_for() {
        let (mut limits, began) = (LinkLimits::default(), Instant::now());
        for number in 0..MOST_ADDRESSES {
            assert!(limits.may(&format!("{number}@b"), began));
        }
        assert!(!limits.may("one@more", began + BETWEEN) && limits.may("1@b", began + BETWEEN));
        assert!(limits.may("one@more", began + HOUR));
        assert_eq!(limits.0.len(), 2);
    }
}
