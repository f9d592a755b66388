//! Where an order stands, with what each state needs to say. A viewer without the right to the details is told the
//! state alone: the options inside are then `None`.

use crate::pages::money::{ReceiptView, RefundView};
use serde::Serialize;

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OrderStatusView {
    /// Taken, not decided.
    Pending,
    /// Held for the buyer until paid.
    Reserved {
        /// The clock and the buttons; `None` for a viewer who may not see them.
        hold: Option<HoldView>,
    },
    /// The buyer has gone to pay.
    Paying {
        /// Where the payment goes on; `None` while the provider has not opened it, or for a viewer who may not pay.
        continue_url: Option<String>,
        /// Until when it has to be done, unix milliseconds, when that may be told.
        until_ms: Option<i64>,
        /// The last card was declined, and another can be tried at the same place.
        declined: Option<DeclineView>,
    },
    /// Nobody knows yet whether the money moved: the outcome is unknown, or the time ran out in the middle.
    Checking {
        /// True when the hold has run out, so that a "no" gives the tickets back (`expiring`).
        out_of_time: bool,
        /// True when the bank has been silent for longer than a moment.
        bank_is_silent: bool,
    },
    /// Theirs.
    Confirmed {
        /// What was paid; `None` when nothing was, or for a viewer who may not see it.
        receipt: Option<ReceiptView>,
        /// What came beyond that and goes back; `None` when nothing did, or for a viewer who may not see it.
        refund: Option<RefundView>,
    },
    /// Decided against.
    Rejected {
        /// `sold_out`, `limit`, `sale_over`, `paused`; anything else is told without a reason.
        reason: String,
    },
    /// Over before it was theirs.
    Expired {
        /// How.
        after: ExpiredView,
    },
    /// Broke on our side; nothing was bought.
    Failed,
    /// Given back.
    Cancelled {
        /// How.
        how: CancelledView,
        /// Money that came all the same and goes back; `None` when none did, or for a viewer who may not see it.
        refund: Option<RefundView>,
    },
    /// The tickets are no longer theirs, and the money goes back.
    Refunded {
        /// The money; `None` for a viewer who may not see it.
        refund: Option<RefundView>,
    },
    /// Cannot be told right now.
    Unknown,
}

/// A hold: until when, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HoldView {
    /// Until when paying may begin, unix milliseconds, by the clock of `OrderPage::now_ms`.
    pub until_ms: i64,
    /// Takes the POST that begins to pay.
    pub pay_url: String,
    /// Takes the POST that gives the tickets back.
    pub give_back_url: String,
    /// Number of the payment that the button begins, sent as `attempt`, so that two clicks are one payment.
    pub attempt: u32,
    /// More time, when it is allowed and not used up.
    pub extend: Option<ExtendView>,
    /// The last payment was declined.
    pub declined: Option<DeclineView>,
    /// True when no more payments may begin: too many were declined.
    pub attempts_are_used_up: bool,
}

/// One extension of a hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExtendView {
    /// Takes the POST that asks for it.
    pub url: String,
    /// How much time it gives, in seconds.
    pub by_s: u64,
}

/// A declined payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeclineView {
    /// `insufficient_funds`, `expired_card`, `incorrect_cvc`, `not_authenticated`, `processing_error`; anything else is
    /// told without a reason, as it should be for lost and stolen cards.
    pub reason: String,
}

/// How an order expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "after", rename_all = "snake_case")]
pub enum ExpiredView {
    /// It never reached its decision in time; nothing was held.
    NotTaken,
    /// The hold ran out unpaid.
    Unpaid,
    /// Money came when the tickets had gone back already; it is refunded.
    PaidLate {
        /// The money; `None` for a viewer who may not see it.
        refund: Option<RefundView>,
    },
}

/// How an order was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelledView {
    /// By the buyer, before paying.
    GivenBack,
    /// After it was confirmed, without money to return.
    NoLongerValid,
}

impl OrderStatusView {
    /// True when asking again will not change the answer.
    pub fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::Pending | Self::Unknown | Self::Reserved { .. } | Self::Paying { .. } | Self::Checking { .. }
        )
    }

    /// The JSON's `status` that this state is shown for.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Reserved { .. } => "reserved",
            Self::Paying { .. } | Self::Checking { out_of_time: false, .. } => "paying",
            Self::Checking { out_of_time: true, .. } => "expiring",
            Self::Confirmed { .. } => "confirmed",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Failed => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Refunded { .. } => "refunded",
            Self::Unknown => "unknown",
        }
    }

    /// The JSON's `payment` that tells states of one name apart: `opening`, `open`, `checking`. The page renews itself
    /// when the JSON has another one; a JSON without one changes nothing.
    pub fn payment(&self) -> Option<&'static str> {
        match self {
            Self::Paying { continue_url: None, .. } => Some("opening"),
            Self::Paying { .. } => Some("open"),
            Self::Checking { .. } => Some("checking"),
            _ => None,
        }
    }

    /// The word under which the page's texts for this state are kept.
    pub(crate) fn face(&self) -> &'static str {
        match self {
            Self::Reserved { hold: Some(HoldView { declined: Some(_), .. }) }
            | Self::Paying { declined: Some(_), .. } => "declined",
            Self::Paying { continue_url: None, .. } => "opening",
            Self::Checking { .. } => "checking",
            Self::Confirmed { receipt: Some(_), .. } => "paid",
            Self::Expired { after: ExpiredView::Unpaid } => "unpaid",
            Self::Expired { after: ExpiredView::PaidLate { .. } }
            | Self::Cancelled { how: CancelledView::GivenBack, refund: Some(_) } => "paid_late",
            Self::Cancelled { how: CancelledView::GivenBack, .. } => "given_back",
            other => other.name(),
        }
    }

    /// The moment that the page counts down to, unix milliseconds.
    pub(crate) fn until_ms(&self) -> Option<i64> {
        match self {
            Self::Reserved { hold } => hold.as_ref().map(|hold| hold.until_ms),
            Self::Paying { until_ms, .. } => *until_ms,
            _ => None,
        }
    }

    /// Why the last payment was declined, if it was and one can try again.
    pub(crate) fn declined(&self) -> Option<&DeclineView> {
        match self {
            Self::Reserved { hold } => hold.as_ref()?.declined.as_ref(),
            Self::Paying { declined, .. } => declined.as_ref(),
            _ => None,
        }
    }

    /// The money on its way back, if any.
    pub(crate) fn refund(&self) -> Option<&RefundView> {
        match self {
            Self::Refunded { refund }
            | Self::Expired { after: ExpiredView::PaidLate { refund } }
            | Self::Confirmed { refund, .. }
            | Self::Cancelled { refund, .. } => refund.as_ref(),
            _ => None,
        }
    }
}
