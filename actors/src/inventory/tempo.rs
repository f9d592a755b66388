//! How often one buyer may ask: a bot that asks a thousand times a second must not cost others their turn.
//!
//! Counts attempts in windows of a second and forgets them with the window, so memory is bounded by one second's buyers. Each
//! `Inventory` counts for itself: a buyer who is spread over workers gets as many turns as there are workers, which is harmless.

use stampede_domain::{BuyerId, Millis};
use std::{collections::HashMap, time::Duration};

/// The window.
const WINDOW: Duration = Duration::from_secs(1);

pub(super) struct Tempo {
    /// Attempts of one buyer in a window; 0: as many as they like.
    most: u32,
    begun: Millis,
    attempts: HashMap<BuyerId, u32>,
}

impl Tempo {
    pub(super) fn new(most: u32) -> Self {
        Self { most, begun: Millis(0), attempts: HashMap::new() }
    }

    /// Whether this buyer may ask now.
    pub(super) fn allows(&mut self, now: Millis, buyer: BuyerId) -> bool {
        if self.most == 0 {
            return true;
        }
        // A clock that stepped back begins a new window too.
        if now < self.begun || now.since(self.begun) >= WINDOW {
            self.begun = now;
            self.attempts.clear();
        }
        let attempts = self.attempts.entry(buyer).or_default();
        *attempts = attempts.saturating_add(1);
        *attempts <= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buyer_who_asks_too_often_waits_for_the_next_second_and_nobody_else_does() {
        let mut tempo = Tempo::new(2);
        let (bot, eva) = (BuyerId(1), BuyerId(2));
        let allowed: Vec<_> = (0..4).map(|_| tempo.allows(Millis(5_000), bot)).collect();
        assert_eq!(allowed, [true, true, false, false]);
        assert!(tempo.allows(Millis(5_000), eva));
        assert!(!tempo.allows(Millis(5_999), bot));
        assert!(tempo.allows(Millis(6_000), bot));
    }

    #[test]
    fn without_a_limit_everybody_may_ask() {
        let mut tempo = Tempo::new(0);
        assert!((0..1_000).all(|_| tempo.allows(Millis(1), BuyerId(1))));
    }
}
