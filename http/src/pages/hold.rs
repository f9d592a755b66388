//! How an order that is paid online stands, as its buyer is shown it.

use crate::{paying::is_own_path, wishes};
use stampede_domain::{
    Decline, Hold, Millis, OnlinePayment, OrderStatus, PaymentId,
    hold::{EXTENSION, MAX_ATTEMPTS},
};
use stampede_web::{
    CancelledView, DeclineView, ExpiredView, ExtendView, HoldView, Lang, OrderStatusView, ReceiptView, RefundState,
    RefundView,
};

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
        OrderStatus::Paying if wishes::payment_word(hold, seen.is_back) == Some("checking") => {
            OrderStatusView::Checking { out_of_time: false }
        }
        OrderStatus::Paying => OrderStatusView::Paying {
            continue_url: hold.page.as_deref().and_then(|page| bank_url(page, seen.lang, seen.key)),
            until_ms: Some(hold.hold_until.0),
            declined: None,
        },
        OrderStatus::Expiring => OrderStatusView::Checking { out_of_time: true },
        OrderStatus::Confirmed => {
            OrderStatusView::Confirmed { receipt: hold.paid_by.as_ref().map(|paid_by| receipt(hold, paid_by, seen)) }
        }
        OrderStatus::Expired => OrderStatusView::Expired {
            after: match refund(hold) {
                Some(refund) => ExpiredView::PaidLate { refund: Some(refund) },
                None => ExpiredView::Unpaid,
            },
        },
        OrderStatus::Cancelled => OrderStatusView::Cancelled { how: CancelledView::GivenBack },
        OrderStatus::Refunded => OrderStatusView::Refunded { refund: refund(hold) },
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
        bank_is_silent: false,
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

/// The VAT that a sum contains, rounded to whole minor units, halves up.
pub(super) fn vat(total: i64, basis_points: u32) -> i64 {
    let (total, rate) = (i128::from(total), i128::from(basis_points));
    let divisor = 10_000 + rate;
    i64::try_from((2 * total * rate + divisor) / (2 * divisor)).unwrap_or(i64::MAX)
}

fn receipt(hold: &Hold, paid_by: &PaymentId, seen: &Seen<'_>) -> ReceiptView {
    let vat_basis_points = seen.online.map_or(0, |online| online.vat_basis_points);
    ReceiptView {
        number: paid_by.to_string(),
        paid_at_ms: hold.changed_at.0,
        method: String::new(),
        amount_minor: hold.amount.minor,
        vat_minor: vat(hold.amount.minor, vat_basis_points),
        vat_basis_points,
        currency: hold.amount.currency.code().to_owned(),
    }
}

/// All the money that came and goes back, if any came.
fn refund(hold: &Hold) -> Option<RefundView> {
    let captured = hold.payments.iter().fold(0_i64, |sum, payment| sum.saturating_add(payment.captured));
    let state = if hold.owed_minor() > 0 {
        RefundState::OnItsWay
    } else {
        RefundState::Done { at_ms: hold.changed_at.0 }
    };
    let (currency, to) = (hold.amount.currency.code().to_owned(), String::new());
    (captured > 0).then_some(RefundView { amount_minor: captured, currency, to, state })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vat_of_a_sum_is_rounded_to_the_nearest_cent() {
        assert_eq!(vat(100_200, 1_300), 11_527);
        assert_eq!((vat(100_200, 0), vat(0, 1_300), vat(3, 10_000)), (0, 0, 2));
        assert_eq!(vat(i64::MAX, 10_000), i64::MAX / 2 + 1);
    }

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
