//! The expected no: an answer, not a fault.

use crate::{order::OrderStatus, time::Millis};

/// Why an order is not taken. A refusal at the claim leaves the key unused, but for the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRefused {
    /// The sale opens later.
    NotOpen {
        /// When it opens.
        opens_at: Millis,
    },
    /// The organizer has paused the sale.
    Paused,
    /// The sale has ended.
    SaleOver,
    /// Fewer units are free than were asked for. Units in flight may come back, so it is final only when `free` and
    /// `in_flight` are both 0.
    SoldOut {
        /// Units that are free now.
        free: u32,
        /// Units in flight now.
        in_flight: u32,
    },
    /// The ticket type allows fewer units in one order.
    TooManyAtOnce {
        /// Units an order may have.
        max: u32,
    },
    /// The buyer would have more units than the limit allows.
    LimitReached {
        /// Units a buyer may have.
        limit: u32,
        /// Units this buyer has or has asked for.
        taken: u32,
    },
    /// The key belongs to an order with another body or buyer.
    KeyReused,
    /// The key's order has ended without tickets, or was given back; a new key is needed.
    Ended(OrderStatus),
}

impl OrderRefused {
    /// The machine-readable name, which stands in `code` of the answer and in the metric.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotOpen { .. } => "not_open",
            Self::Paused => "paused",
            Self::SaleOver => "sale_over",
            Self::SoldOut { .. } => "sold_out",
            Self::TooManyAtOnce { .. } => "too_many_at_once",
            Self::LimitReached { .. } => "limit",
            Self::KeyReused => "key_reused",
            Self::Ended(status) => status.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs of buyers compare these.
    #[test]
    fn each_no_has_the_name_that_answers_and_metrics_show() {
        let (opens_at, status) = (Millis(0), OrderStatus::Expired);
        let refusals = [
            OrderRefused::NotOpen { opens_at },
            OrderRefused::Paused,
            OrderRefused::SaleOver,
            OrderRefused::SoldOut { free: 0, in_flight: 0 },
            OrderRefused::TooManyAtOnce { max: 6 },
            OrderRefused::LimitReached { limit: 6, taken: 6 },
            OrderRefused::KeyReused,
            OrderRefused::Ended(status),
        ];
        let names = refusals.map(OrderRefused::code).join(" ");
        assert_eq!(names, "not_open paused sale_over sold_out too_many_at_once limit key_reused expired");
    }
}
