//! What an order costs, what was paid and what goes back, as pages and mails say it.

use stampede_domain::{Hold, Millis, Money, OnlinePayment, OrderStatus, TicketType};
use stampede_web::{PriceView, ReceiptView, RefundState, RefundView};

/// The VAT that a sum contains, rounded to whole minor units, halves up.
pub(crate) fn vat(total: i64, basis_points: u32) -> i64 {
    let (total, rate) = (i128::from(total), i128::from(basis_points));
    let divisor = 10_000 + rate;
    i64::try_from((2 * total * rate + divisor) / (2 * divisor)).unwrap_or(i64::MAX)
}

/// What units of a type that is paid online cost now; the sum is the one that will be held and paid.
pub(crate) fn price(ticket_type: &TicketType, online: OnlinePayment, quantity: u32) -> Option<PriceView> {
    let total = ticket_type.hold()?.unit.times(quantity)?;
    Some(PriceView {
        ticket_type: ticket_type.name.clone(),
        quantity,
        unit_minor: ticket_type.price.minor,
        fee_minor: online.fee_minor.checked_mul(i64::from(quantity))?,
        total_minor: total.minor,
        vat_minor: vat(total.minor, online.vat_basis_points),
        vat_basis_points: online.vat_basis_points,
        currency: total.currency.code().to_owned(),
    })
}

/// What an order cost when its units were reserved. The organizer may have changed the price since: then the sum is told as it was,
/// and the fee is in it.
pub(crate) fn price_paid(ticket_type: &TicketType, online: OnlinePayment, hold: &Hold) -> Option<PriceView> {
    let now = price(ticket_type, online, hold.quantity)?;
    if now.total_minor == hold.amount.minor {
        return Some(now);
    }
    Some(PriceView {
        unit_minor: hold.amount.minor.checked_div(hold.quantity.into())?,
        fee_minor: 0,
        total_minor: hold.amount.minor,
        vat_minor: vat(hold.amount.minor, now.vat_basis_points),
        currency: hold.amount.currency.code().to_owned(),
        ..now
    })
}

/// What units cost that are paid at the gate: by whom and with which taxes is the gate's matter.
pub(crate) fn price_at_gate(ticket_type: &TicketType, quantity: u32) -> Option<PriceView> {
    let total = ticket_type.price.times(quantity)?;
    Some(PriceView {
        ticket_type: ticket_type.name.clone(),
        quantity,
        unit_minor: ticket_type.price.minor,
        fee_minor: 0,
        total_minor: total.minor,
        vat_minor: 0,
        vat_basis_points: 0,
        currency: total.currency.code().to_owned(),
    })
}

/// What an order costs: what was agreed when its units were reserved; before that, what will be.
pub(crate) fn total(ticket_type: &TicketType, quantity: u32, hold: Option<&Hold>) -> Option<Money> {
    let unit = ticket_type.hold().map_or(ticket_type.price, |terms| terms.unit);
    hold.map_or_else(|| unit.times(quantity), |hold| Some(hold.amount))
}

/// What paid an order; `None` while nothing has.
pub(crate) fn receipt(hold: &Hold, online: Option<OnlinePayment>) -> Option<ReceiptView> {
    let vat_basis_points = online.map_or(0, |online| online.vat_basis_points);
    Some(ReceiptView {
        number: hold.paid_by.as_ref()?.to_string(),
        paid_at_ms: paid_at(hold).map(|at| at.0),
        // Of the card we know nothing, not even its last digits; the page says in a word how it was paid.
        method: String::new(),
        amount_minor: hold.amount.minor,
        vat_minor: vat(hold.amount.minor, vat_basis_points),
        vat_basis_points,
        currency: hold.amount.currency.code().to_owned(),
    })
}

/// When the order was paid: the row's last change, while nothing came after it. A receipt says no time rather than that of a refund.
fn paid_at(hold: &Hold) -> Option<Millis> {
    (hold.status == OrderStatus::Confirmed && refund(hold).is_none()).then_some(hold.changed_at)
}

/// All the money that came and is not for this order (any more), if any came.
pub(crate) fn refund(hold: &Hold) -> Option<RefundView> {
    let captured = hold.payments.iter().fold(0_i64, |sum, payment| sum.saturating_add(payment.captured));
    let earned = if hold.status == OrderStatus::Confirmed { hold.amount.minor } else { 0 };
    let amount_minor = captured.saturating_sub(earned);
    let state =
        if hold.owed_minor() > 0 { RefundState::OnItsWay } else { RefundState::Done { at_ms: hold.changed_at.0 } };
    let (currency, to) = (hold.amount.currency.code().to_owned(), String::new());
    (amount_minor > 0).then_some(RefundView { amount_minor, currency, to, state })
}

#[cfg(test)]
mod tests {
    use super::vat;

    #[test]
    fn the_vat_of_a_sum_is_rounded_to_the_nearest_cent() {
        assert_eq!(vat(100_200, 1_300), 11_527);
        assert_eq!((vat(100_200, 0), vat(0, 1_300), vat(3, 10_000)), (0, 0, 2));
        assert_eq!(vat(i64::MAX, 10_000), i64::MAX / 2 + 1);
    }
}
