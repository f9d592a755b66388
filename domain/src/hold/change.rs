//! The rule.

use super::{
    Decline, EXTENSION, FIRST_LOOK, Hold, HoldAnswer, HoldChange, HoldRefused, MAX_ATTEMPTS, Payment, PaymentId,
};
use crate::{order::OrderStatus, time::Millis};

use HoldAnswer::{Changed, Refused, Unchanged};
use OrderStatus as S;

impl Hold {
    /// Changes the order as it is wanted at `now`, if its state allows it.
    pub fn change(&mut self, now: Millis, wanted: &HoldChange) -> HoldAnswer {
        let answer = match wanted {
            HoldChange::Pay { attempt } => self.pay(now, *attempt),
            HoldChange::Extend => self.extend(now),
            HoldChange::Cancel => self.cancel(),
            HoldChange::Refund => self.refund(),
            HoldChange::RunOut => self.run_out(now),
            HoldChange::Opened { attempt, payment, page } => self.opened(*attempt, payment, page.as_deref()),
            HoldChange::Captured { attempt, payment, minor } => self.captured(*attempt, payment, *minor),
            HoldChange::Failed { attempt, why } => self.failed(*attempt, *why),
            HoldChange::Repaid { payment, minor } => self.repaid(payment, *minor),
            HoldChange::LookAgain { at } => return self.look_again(*at),
        };
        if answer == Changed {
            // Whoever stood still with his `now` in hand writes it long after: he must not make it look as if it had run out early.
            self.changed_at = self.changed_at.max(now);
            // Whoever changed it goes on with it at once, or others do.
            self.look_at = if self.status == S::Paying { now.plus(FIRST_LOOK) } else { now };
        }
        answer
    }

    fn is_out_of_time(&self, now: Millis) -> bool {
        now >= self.hold_until
    }

    fn pay(&mut self, now: Millis, attempt: u32) -> HoldAnswer {
        if attempt <= self.attempt {
            return Unchanged;
        }
        match self.status {
            S::Reserved if self.is_out_of_time(now) && !sabotage::pays_too_late() => Refused(HoldRefused::OutOfTime),
            S::Reserved if self.attempt >= MAX_ATTEMPTS => Refused(HoldRefused::TooManyAttempts),
            S::Reserved if attempt != self.attempt + 1 => {
                Refused(HoldRefused::NotTheNextAttempt { next: self.attempt + 1 })
            }
            S::Reserved => {
                (self.status, self.attempt, self.paying_at) = (S::Paying, attempt, now);
                (self.page, self.decline) = (None, None);
                Changed
            }
            S::Paying | S::Expiring => Refused(HoldRefused::PaymentUnderWay),
            S::Confirmed => Refused(HoldRefused::AlreadyPaid),
            ended => Refused(HoldRefused::Ended(ended)),
        }
    }

    fn extend(&mut self, now: Millis) -> HoldAnswer {
        match self.status {
            S::Reserved if self.is_out_of_time(now) => Refused(HoldRefused::OutOfTime),
            S::Reserved if self.extended => Refused(HoldRefused::AlreadyExtended),
            S::Reserved => {
                self.hold_until = self.hold_until.plus(EXTENSION);
                self.extended = true;
                Changed
            }
            S::Paying | S::Expiring => Refused(HoldRefused::PaymentUnderWay),
            S::Confirmed => Refused(HoldRefused::AlreadyPaid),
            ended => Refused(HoldRefused::Ended(ended)),
        }
    }

    fn cancel(&mut self) -> HoldAnswer {
        match self.status {
            S::Reserved => {
                self.status = S::Cancelled;
                Changed
            }
            S::Cancelled => Unchanged,
            S::Paying | S::Expiring => Refused(HoldRefused::PaymentUnderWay),
            S::Confirmed => Refused(HoldRefused::AlreadyPaid),
            ended => Refused(HoldRefused::Ended(ended)),
        }
    }

    fn refund(&mut self) -> HoldAnswer {
        match self.status {
            S::Confirmed => {
                self.status = S::Refunded;
                Changed
            }
            S::Refunded => Unchanged,
            S::Paying | S::Expiring => Refused(HoldRefused::PaymentUnderWay),
            S::Reserved => Refused(HoldRefused::NotPaid),
            ended => Refused(HoldRefused::Ended(ended)),
        }
    }

    fn run_out(&mut self, now: Millis) -> HoldAnswer {
        match self.status {
            S::Reserved | S::Paying if !self.is_out_of_time(now) && !sabotage::runs_out_early() => {
                Refused(HoldRefused::TooEarly)
            }
            S::Reserved => {
                self.status = S::Expired;
                Changed
            }
            // Its money may be on the way: only the provider's word gives the units back.
            S::Paying => {
                self.status = if sabotage::expires_while_paying() { S::Expired } else { S::Expiring };
                Changed
            }
            _ => Unchanged,
        }
    }

    fn opened(&mut self, attempt: u32, payment: &PaymentId, page: Option<&str>) -> HoldAnswer {
        let is_new = self.payments.iter().all(|known| known.id != *payment);
        if is_new {
            self.note(attempt, payment);
        }
        let is_under_way = attempt == self.attempt && matches!(self.status, S::Paying | S::Expiring);
        if is_under_way && page.is_some() && self.page.as_deref() != page {
            self.page = page.map(str::to_owned);
            return Changed;
        }
        if is_new { Changed } else { Unchanged }
    }

    fn captured(&mut self, attempt: u32, payment: &PaymentId, minor: i64) -> HoldAnswer {
        let known = self.note(attempt, payment);
        let is_news = minor > known.captured;
        known.captured = known.captured.max(minor);
        // What was given back before it was awaited pays for nothing any more.
        let (captured, kept) = (known.captured, known.captured.saturating_sub(known.refunded));
        let is_awaited = attempt == self.attempt && matches!(self.status, S::Paying | S::Expiring);
        if is_awaited && kept == self.amount.minor {
            (self.status, self.paid_by, self.decline) = (S::Confirmed, Some(payment.clone()), None);
            return Changed;
        }
        if sabotage::confirms_late_money() && self.status == S::Expired {
            (self.status, self.paid_by) = (S::Confirmed, Some(payment.clone()));
            return Changed;
        }
        // Another sum than was asked for pays for nothing: it goes back, and the buyer may try again.
        if is_awaited && captured > 0 {
            return self.failed(attempt, Decline::Declined);
        }
        if is_news { Changed } else { Unchanged }
    }

    fn failed(&mut self, attempt: u32, why: Decline) -> HoldAnswer {
        if attempt != self.attempt {
            return Unchanged;
        }
        self.status = match self.status {
            // Also when its time is up: then it is nobody's any more, and the next look lets it run out.
            S::Paying => S::Reserved,
            S::Expiring => S::Expired,
            _ => return Unchanged,
        };
        (self.page, self.decline) = (None, Some(why));
        Changed
    }

    fn repaid(&mut self, payment: &PaymentId, minor: i64) -> HoldAnswer {
        match self.payments.iter_mut().find(|known| known.id == *payment) {
            Some(known) if minor > known.refunded => {
                known.refunded = minor;
                Changed
            }
            _ => Unchanged,
        }
    }

    fn look_again(&mut self, at: Millis) -> HoldAnswer {
        if self.due_at().is_none() || self.look_at == at {
            return Unchanged;
        }
        self.look_at = at;
        Changed
    }

    /// The payment of that name, noted if it was not known.
    fn note(&mut self, attempt: u32, payment: &PaymentId) -> &mut Payment {
        let place = self.payments.iter().position(|known| known.id == *payment);
        let place = place.unwrap_or_else(|| {
            self.payments.push(Payment { id: payment.clone(), attempt, captured: 0, refunded: 0 });
            self.payments.len() - 1
        });
        &mut self.payments[place]
    }
}

/// Mistakes that somebody might make here; all of them `false` in a product.
mod sabotage {
    #[cfg(feature = "sabotage")]
    use crate::sabotage::{Sabotage, is_on};

    macro_rules! switches {
        ($($name:ident: $switch:ident,)*) => {
            $(
                #[cfg(feature = "sabotage")]
                pub(super) fn $name() -> bool {
                    is_on(Sabotage::$switch)
                }

                #[cfg(not(feature = "sabotage"))]
                pub(super) const fn $name() -> bool {
                    false
                }
            )*
        };
    }

    switches! {
        pays_too_late: PaysTooLate,
        runs_out_early: RunsOutEarly,
        expires_while_paying: ExpiresWhilePaying,
        confirms_late_money: ConfirmsLateMoney,
    }
}
