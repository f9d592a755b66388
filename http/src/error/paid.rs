//! Refusals and failures about orders that are paid online.

use super::Problem;
use actix_web::http::StatusCode;
use stampede_actors::facts::PutOff;
use stampede_domain::{HoldRefused, OrderId, OrderStatus};
use std::time::Duration;

/// When to look again at an order that is on its way from one state to the next.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Problem {
    /// The tickets of an order that is not paid.
    #[must_use]
    pub fn payment_required(status: OrderStatus) -> Self {
        let no = |detail: &str| Self::new(StatusCode::PAYMENT_REQUIRED, "payment_required", "Not paid yet", detail);
        match status {
            OrderStatus::Paying => no("The payment is under way. The order has its tickets as soon as it is paid.").after_about(LOOK_AGAIN),
            OrderStatus::Expiring => {
                no("The time to pay is over, and we are finding out whether the money came. If it did, the tickets are here soon.")
                    .after_about(LOOK_AGAIN)
            }
            _ => no("The tickets are held until the order's holdUntil. Begin to pay at /api/v1/orders/{order}/payment, or on the order's page."),
        }
    }

    /// What the state of an order that is paid online does not allow.
    #[must_use]
    pub fn hold_refused(refused: HoldRefused) -> Self {
        let new = |status, title, detail: &str| Self::new(status, refused.code(), title, detail);
        let conflict = |title, detail: &str| new(StatusCode::CONFLICT, title, detail);
        match refused {
            HoldRefused::OutOfTime | HoldRefused::Ended(OrderStatus::Expired) => {
                let detail = "The time to pay is over, and the tickets are there for everyone again. Place a new order.";
                new(StatusCode::GONE, "The hold is over", detail)
            }
            HoldRefused::Ended(status) => {
                let detail = format!("The order has ended ({}). Place a new one.", status.as_str());
                conflict("Order ended", &detail)
            }
            HoldRefused::TooEarly => conflict("The hold is not over", "The hold has not run out yet."),
            HoldRefused::PaymentUnderWay => {
                let detail = "A payment is under way. Finish it where it was begun, or ask again once it has ended.";
                conflict("A payment is under way", detail).after_about(LOOK_AGAIN)
            }
            HoldRefused::AlreadyPaid => conflict("Paid already", "The order is paid, and its tickets are yours."),
            HoldRefused::NotPaid => {
                conflict("Not paid", "The order is not paid, so there is nothing to give back. Cancel it instead.")
            }
            HoldRefused::TooManyAttempts => {
                let detail = "Too many payments of this order were declined. Cancel it and place a new one, with another card.";
                conflict("Too many attempts", detail)
            }
            HoldRefused::NotTheNextAttempt { next } => {
                let detail = format!(
                    "The next payment of this order is attempt {next}; you asked without having seen what happened since. Look at \
                     the order and send that number if it is still to be paid."
                );
                conflict("Another attempt is next", &detail)
            }
            HoldRefused::AlreadyExtended => {
                conflict("Extended already", "A hold becomes longer once, and this one has. Pay before its holdUntil.")
            }
        }
    }

    /// The order is not one of those that are paid here.
    #[must_use]
    pub fn not_paid_online() -> Self {
        let detail = "This order is not paid online, so there is nothing to pay, to extend or to give back here.";
        Self::new(StatusCode::CONFLICT, "not_paid_online", "Not paid online", detail)
    }

    /// The order is not decided.
    #[must_use]
    pub fn not_reserved_yet() -> Self {
        let detail = "The order is not decided yet, which takes a moment. Ask again then.";
        Self::new(StatusCode::CONFLICT, "not_reserved_yet", "Not reserved yet", detail)
            .after_about(Duration::from_secs(1))
    }

    /// Somebody who cannot show that the order is theirs wants to change it.
    #[must_use]
    pub fn not_yours_to_change() -> Self {
        let detail = "An order is paid, extended and cancelled by whoever has its key: send the k of the ticketsUrl that it was \
                      answered with as ?k=…, or ask in the browser that ordered it.";
        Self::new(StatusCode::FORBIDDEN, "not_yours", "Not yours", detail)
    }

    /// Nobody can take the wish now.
    #[must_use]
    pub fn wish_put_off(why: PutOff) -> Self {
        let detail = "We cannot take this down at the moment, and it changed nothing. Ask again after Retry-After.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why.code(), "Not now", detail).after_about(LOOK_AGAIN)
    }

    /// Nobody knows whether the wish was taken down.
    #[must_use]
    pub fn wish_unknown(order: OrderId) -> Self {
        let detail = "We do not know yet whether this was taken down. Look at statusUrl, or ask for the same again: nothing is done twice.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unknown", "Outcome unknown", detail)
            .about(order)
            .after_about(LOOK_AGAIN)
    }

    /// Without the organizer's token.
    #[must_use]
    pub fn organizers_only() -> Self {
        let detail = "Only the organizer gives money back. Send the token as “Authorization: Bearer …”.";
        Self::new(StatusCode::UNAUTHORIZED, "organizers_only", "Organizers only", detail)
    }

    /// With another token than the organizer's, or in a shop that has none.
    #[must_use]
    pub fn not_the_organizer() -> Self {
        let detail = "This is not the organizer's token, or this shop was started without one.";
        Self::new(StatusCode::FORBIDDEN, "not_the_organizer", "Not the organizer", detail)
    }

    /// A notice that was not signed by the provider of payments, or not lately.
    #[must_use]
    pub fn forged_notice() -> Self {
        let detail = "The signature does not fit. Only the provider of payments sends notices here.";
        Self::new(StatusCode::BAD_REQUEST, "forged", "Not signed by the provider", detail)
    }

    /// A notice that is signed and not understood.
    #[must_use]
    pub fn unreadable_notice() -> Self {
        let detail = "The notice is signed, and cannot be read.";
        Self::new(StatusCode::BAD_REQUEST, "unreadable", "Cannot be read", detail)
    }

    /// A notice that could not be written down.
    #[must_use]
    pub fn notice_not_kept() -> Self {
        let detail = "The notice could not be written down. Send it again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_kept", "Not kept", detail).after_about(LOOK_AGAIN)
    }

    /// The simulated bank does not answer.
    #[must_use]
    pub fn bank_silent() -> Self {
        let detail = "The bank does not answer at the moment. Nothing is charged twice: try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "bank_silent", "The bank is silent", detail).after_about(LOOK_AGAIN)
    }
}
