//! Mistakes that somebody could make with an order that is paid online: each must be caught.

crate::bug::bugs! {
    /// A mistake about holds and payments.
    PaidBug:
    ExpiresUnasked "paid_expires_unasked" "a hold that ends while it is being paid is released before the provider is asked";
    CancelsNothing "paid_cancels_nothing" "a payment whose making nobody heard of counts as never made";
    UnknownIsFailed "paid_unknown_is_failed" "a call whose answer was lost counts as failed";
    FreshPaymentKeys "paid_fresh_payment_keys" "each call makes another payment";
    FreshRefundKeys "paid_fresh_refund_keys" "each call gives the money back once more";
    LateMoneyConfirms "paid_late_money_confirms" "money that comes after the end confirms the order";
    LateMoneyIgnored "paid_late_money_ignored" "money that comes for an order that has ended is not noted";
    PaysTooLate "paid_too_late" "whoever pays is not asked for the time";
    RunsOutEarly "paid_runs_out_early" "a hold is ended whenever somebody looks";
    AuthorizedIsPaid "paid_authorized_is_paid" "money that is only set aside counts as taken";
    OldDeclineCounts "paid_old_decline_counts" "the decline of an earlier payment ends the one under way";
    NotedBeforeAsked "paid_noted_before_asked" "a repayment is noted before it is asked for";
    RepaidNotNoted "paid_repaid_not_noted" "a repayment is never noted";
    SecondPaymentAtOnce "paid_second_at_once" "a second payment begins while the first is under way";
    UnitsTwice "paid_units_twice" "units are given back once more when the end is told again";
    BooksAnotherPayment "paid_books_another" "money is noted of the first payment, whichever brought it";
    ForgetsExpiring "paid_forgets_expiring" "nobody looks after an order whose time ran out while it was being paid";
}
