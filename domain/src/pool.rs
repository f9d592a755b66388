//! The sellable units of one ticket type, as the store keeps them.

use serde::{Deserialize, Serialize};

/// The numbers of a pool at one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolNumbers {
    /// Units that exist.
    pub capacity: u32,
    /// Units of orders that are reserved, paying or expiring.
    pub held: u32,
    /// Units of confirmed orders.
    pub sold: u32,
    /// Raised by every change of the row.
    pub version: u64,
}

impl PoolNumbers {
    /// Units that belong to live orders.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.held.saturating_add(self.sold)
    }

    /// Units that belong to nobody.
    #[must_use]
    pub fn unsold(&self) -> u32 {
        self.capacity.saturating_sub(self.used())
    }

    /// Whether `quantity` more units fit: the guard of law 1, which the stores also enforce as a constraint.
    #[must_use]
    pub fn fits(&self, quantity: u32) -> bool {
        self.used().checked_add(quantity).is_some_and(|used| used <= self.capacity)
    }
}
