//! How an order that is paid online stands, as its buyer is shown it.

use crate::{money, paying::is_own_path, wishes};
use stampede_domain::{
    Decline, Hold, Millis, OnlinePayment, OrderStatus,
    hold::{EXTENSION, MAX_ATTEMPTS},
};
use stampede_web::{CancelledView, DeclineView, ExpiredView, ExtendView, HoldView, Lang, OrderStatusView};

/// What the view needs to know beside the order.
pub(super) struct Seen<'a> {
    /// In which language.
    pub(super) lang: Lang,
    /// The query with the order's key, `?k=…`.
    pub(super) key: &'a str,
    /// Server time.
    pub(super) now: Millis,
    /// Whether the buyer has just come from the bank.
    pub(super) is_back: bool,
    /// How its ticket type is paid, if that is still known.
    pub(super) online: Option<OnlinePayment>,
}

/// The state with everything that its buyer may see and do.
pub(super) fn status(hold: &Hold, seen: &Seen<'_>) -> OrderStatusView {
    match hold.status {
        OrderStatus::Paying if wishes::payment_word(hold, seen.now, seen.is_back) == Some("checking") => {
            OrderStatusView::Checking { out_of_time: false, bank_is_silent: wishes::bank_is_silent(hold, seen.now) }
        }
        OrderStatus::Paying => OrderStatusView::Paying {
            continue_url: hold.page.as_deref().and_then(|page| bank_url(page, seen.lang, seen.key)),
            until_ms: Some(hold.hold_until.0),
            declined: None,
        },
        OrderStatus::Expiring => {
            OrderStatusView::Checking { out_of_time: true, bank_is_silent: wishes::bank_is_silent(hold, seen.now) }
        }
        OrderStatus::Confirmed => {
            OrderStatusView::Confirmed { receipt: money::receipt(hold, seen.online), refund: money::refund(hold) }
        }
        OrderStatus::Expired => OrderStatusView::Expired {
            after: match money::refund(hold) {
                Some(refund) => ExpiredView::PaidLate { refund: Some(refund) },
                None => ExpiredView::Unpaid,
            },
        },
        OrderStatus::Cancelled => {
            OrderStatusView::Cancelled { how: CancelledView::GivenBack, refund: money::refund(hold) }
        }
        OrderStatus::Refunded => OrderStatusView::Refunded { refund: money::refund(hold) },
        // A hold has none of the others.
        _ => OrderStatusView::Reserved { hold: Some(reserved(hold, seen)) },
    }
}

fn reserved(hold: &Hold, seen: &Seen<'_>) -> HoldView {
    let url = |what: &str| format!("/{}/orders/{}/{what}{}", seen.lang.tag(), hold.order, seen.key);
    let may_extend = !hold.extended && seen.now < hold.hold_until;
    HoldView {
        until_ms: hold.hold_until.0,
        pay_url: url("pay"),
        give_back_url: url("cancel"),
        attempt: hold.attempt.saturating_add(1),
        extend: may_extend.then(|| ExtendView { url: url("extend"), by_s: EXTENSION.as_secs() }),
        declined: hold.decline.map(|why| DeclineView { reason: decline(why).into() }),
        attempts_are_used_up: hold.attempt >= MAX_ATTEMPTS,
    }
}

/// The word that pages have for it.
pub(super) fn decline(why: Decline) -> &'static str {
    match why {
        Decline::InsufficientFunds => "insufficient_funds",
        Decline::CardExpired => "expired_card",
        Decline::IncorrectDetails => "incorrect_cvc",
        Decline::NotAuthenticated => "not_authenticated",
        Decline::Cancelled | Decline::Lost => "processing_error",
        Decline::Declined => "declined",
    }
}

/// Where a payment goes on: our own pages in the buyer's language and with the order's key, which leads back; others as they are.
pub(super) fn bank_url(page: &str, lang: Lang, key: &str) -> Option<String> {
    if is_own_path(page) {
        let lang = if page.starts_with("/bank/") { format!("/{}", lang.tag()) } else { String::new() };
        let key = if page.contains('?') { "" } else { key };
        return Some(format!("{lang}{page}{key}"));
    }
    wishes::is_page(page).then(|| page.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buyers_are_led_to_our_pages_and_to_https() {
        let led = |page| bank_url(page, Lang::De, "?k=K");
        assert_eq!(led("/bank/payments/p1").as_deref(), Some("/de/bank/payments/p1?k=K"));
        assert_eq!(led("https://pay.example/p1").as_deref(), Some("https://pay.example/p1"));
        for odd in ["//pay.example", "http://pay.example", "javascript:alert(1)", ""] {
            assert_eq!(led(odd), None, "{odd}");
        }
    }
}
