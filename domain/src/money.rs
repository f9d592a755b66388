//! Money: whole minor units (cents) and a currency. No floating point, no arithmetic across currencies.

use iso_currency::Currency;
use serde::{Deserialize, Serialize};

/// An amount in the minor units of an ISO 4217 currency: `19_900 EUR` is € 199.00.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Cents, or whatever the currency's smallest unit is.
    pub minor: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// The price of `quantity` units; `None` when it does not fit 64 bits.
    #[must_use]
    pub fn times(self, quantity: u32) -> Option<Self> {
        Some(Self { minor: self.minor.checked_mul(i64::from(quantity))?, currency: self.currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_that_does_not_fit_is_none_rather_than_wrong() {
        let price = |minor| Money { minor, currency: Currency::EUR };
        assert_eq!(price(19_900).times(3), Some(price(59_700)));
        assert_eq!(price(i64::MAX / 2).times(3), None);
    }
}
