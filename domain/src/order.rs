//! The life of an order.

use serde::{Deserialize, Serialize};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Accepted by the shop, not yet decided by the store.
    Pending,
    /// Its units are held until a time.
    Reserved,
    /// A payment is under way.
    Paying,
    /// Out of time while paying; the payment is being cancelled.
    Expiring,
    /// The tickets are the buyer's.
    Confirmed,
    /// Confirmed once, given back.
    Cancelled,
    /// Confirmed once, given back, money returned.
    Refunded,
    /// The store said no.
    Rejected,
    /// Nobody decided it in time, or the hold ran out.
    Expired,
    /// A dead letter that nobody replayed.
    Failed,
}

impl OrderStatus {
    /// Every status, in the order of the life cycle.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Reserved,
        Self::Paying,
        Self::Expiring,
        Self::Confirmed,
        Self::Cancelled,
        Self::Refunded,
        Self::Rejected,
        Self::Expired,
        Self::Failed,
    ];

    /// Whether the life cycle has an arrow from here to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        use OrderStatus as S;
        match self {
            S::Pending => matches!(next, S::Reserved | S::Confirmed | S::Rejected | S::Expired | S::Failed),
            S::Reserved => matches!(next, S::Paying | S::Expired | S::Cancelled),
            S::Paying => matches!(next, S::Confirmed | S::Reserved | S::Expiring),
            S::Expiring => matches!(next, S::Expired | S::Confirmed),
            S::Confirmed => matches!(next, S::Cancelled | S::Refunded),
            S::Cancelled | S::Refunded | S::Rejected | S::Expired | S::Failed => false,
        }
    }

    /// Whether the order's units are taken from the pool.
    #[must_use]
    pub fn is_live(self) -> bool {
        self.is_held() || self == Self::Confirmed
    }

    /// Whether its units are held rather than sold.
    #[must_use]
    pub fn is_held(self) -> bool {
        matches!(self, Self::Reserved | Self::Paying | Self::Expiring)
    }

    /// The status as it stands in answers and rows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reserved => "reserved",
            Self::Paying => "paying",
            Self::Expiring => "expiring",
            Self::Confirmed => "confirmed",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Failed => "failed",
        }
    }
}

/// Why the store said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The pool was full.
    SoldOut,
    /// The buyer had no units left under the limit.
    LimitReached,
}

impl RejectReason {
    /// The reason as it stands in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SoldOut => "sold_out",
            Self::LimitReached => "limit",
        }
    }
}

/// What the store said about an order id, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The units are the buyer's.
    Confirmed,
    /// The units are held for the buyer, who has to pay. What becomes of them then is the [`Hold`](crate::Hold)'s.
    Reserved,
    /// No units, and why.
    Rejected(RejectReason),
    /// Never published in time.
    Expired,
    /// Set aside as a dead letter and not replayed in time.
    Failed,
}

impl Decision {
    /// Every decision there is.
    pub const ALL: [Self; 6] = [
        Self::Confirmed,
        Self::Reserved,
        Self::Rejected(RejectReason::SoldOut),
        Self::Rejected(RejectReason::LimitReached),
        Self::Expired,
        Self::Failed,
    ];

    /// The status that the decision gives the order.
    #[must_use]
    pub fn status(self) -> OrderStatus {
        match self {
            Self::Confirmed => OrderStatus::Confirmed,
            Self::Reserved => OrderStatus::Reserved,
            Self::Rejected(_) => OrderStatus::Rejected,
            Self::Expired => OrderStatus::Expired,
            Self::Failed => OrderStatus::Failed,
        }
    }

    /// One byte for notes and rows; never renumber, rows of old sales carry them.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Confirmed => 1,
            Self::Rejected(RejectReason::SoldOut) => 2,
            Self::Expired => 3,
            Self::Failed => 4,
            Self::Rejected(RejectReason::LimitReached) => 5,
            Self::Reserved => 6,
        }
    }

    /// The decision of a [`code`](Self::code); `None` for a number that no version wrote.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_an_end() {
        use OrderStatus as S;
        for end in [S::Cancelled, S::Refunded, S::Rejected, S::Expired, S::Failed] {
            assert!(S::ALL.iter().all(|next| !end.may_become(*next)), "{end:?}");
        }
    }

    #[test]
    fn nothing_becomes_itself_or_pending_again() {
        for status in OrderStatus::ALL {
            assert!(!status.may_become(status) && !status.may_become(OrderStatus::Pending));
        }
    }

    #[test]
    fn every_decision_is_an_arrow_from_pending_and_survives_its_code() {
        for decision in Decision::ALL {
            assert!(OrderStatus::Pending.may_become(decision.status()));
            assert_eq!(Decision::from_code(decision.code()), Some(decision));
        }
        assert_eq!(Decision::from_code(0), None);
    }
}
