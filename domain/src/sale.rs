//! What a shopper sees of a sale.

use crate::{event::Terms, ledger::BookNumbers, time::Millis};
use serde::Serialize;

/// The state of a ticket type's sale at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SaleState {
    /// It opens later.
    NotOpen,
    /// Tickets can be bought.
    OnSale,
    /// Tickets can be bought, but one in twenty or fewer is left.
    NearlyGone,
    /// Nothing is free now, but units in flight may come back.
    AllInFlight,
    /// Everything is sold.
    SoldOut,
    /// Stopped by the organizer.
    Paused,
    /// It has ended.
    Over,
    /// The ledger is not open: nobody can say.
    Unknown,
}

impl SaleState {
    /// The state of a sale under `terms` with `numbers`, at `now`.
    #[must_use]
    pub fn at(now: Millis, terms: &Terms, numbers: Option<&BookNumbers>) -> Self {
        let Some(numbers) = numbers else { return Self::Unknown };
        let (free, capacity) = (numbers.free(), numbers.settled.capacity);
        if now < terms.opens_at {
            Self::NotOpen
        } else if now >= terms.closes_at {
            Self::Over
        } else if free == 0 && numbers.claimed == 0 && numbers.settled.held == 0 {
            Self::SoldOut
        } else if terms.paused {
            Self::Paused
        } else if free == 0 {
            Self::AllInFlight
        } else if free <= capacity / 20 {
            Self::NearlyGone
        } else {
            Self::OnSale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::PoolNumbers;

    #[test]
    fn each_state_is_reached() {
        let terms = Terms { opens_at: Millis(10), closes_at: Millis(20), paused: false, limit_per_buyer: None };
        let numbers = |sold, claimed| BookNumbers {
            settled: PoolNumbers { capacity: 100, held: 0, sold, version: 1 },
            claimed,
            promised: 0,
            claims: claimed,
            epoch: 1,
        };
        let at = |now, numbers: BookNumbers| SaleState::at(Millis(now), &terms, Some(&numbers));
        assert_eq!(at(9, numbers(0, 0)), SaleState::NotOpen);
        assert_eq!(at(10, numbers(0, 0)), SaleState::OnSale);
        assert_eq!(at(10, numbers(94, 1)), SaleState::NearlyGone);
        assert_eq!(at(10, numbers(94, 6)), SaleState::AllInFlight);
        assert_eq!(at(10, numbers(100, 0)), SaleState::SoldOut);
        assert_eq!(at(20, numbers(0, 0)), SaleState::Over);
        assert_eq!(
            SaleState::at(Millis(10), &Terms { paused: true, ..terms }, Some(&numbers(0, 0))),
            SaleState::Paused
        );
        assert_eq!(SaleState::at(Millis(10), &terms, None), SaleState::Unknown);
    }
}
