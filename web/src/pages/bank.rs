//! The simulated bank: another house with another look, unmistakably a rehearsal. No number of a card ever comes back
//! to a page.

use super::{Links, event::FieldError};
use crate::Lang;
use serde::Serialize;

/// What is being paid, and to whom.
#[derive(Clone, Debug, Serialize)]
pub struct BankPayment {
    /// The shop, as the bank names it.
    pub merchant: String,
    /// What is paid for, in the shop's words, for example `2 × VIP Pass, Frequency Festival`.
    pub description: String,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Until when the shop waits, unix milliseconds; `None` when the bank was not told.
    pub until_ms: Option<i64>,
    /// IANA time zone in which that is told.
    pub time_zone: String,
}

/// The page that asks for a card.
#[derive(Clone, Debug, Serialize)]
pub struct BankCardPage {
    /// What is being paid.
    pub payment: BankPayment,
    /// Takes the POST with the fields `number`, `expiry`, `cvc`.
    pub action: String,
    /// Takes the POST that goes back to the shop without paying.
    pub back_url: String,
    /// Why the last try was declined, in the words of [`DeclineView`](crate::DeclineView).
    pub declined: Option<String>,
    /// What is wrong with the fields: `number`, `expiry`, `cvc`, each with `required` or any other code; `number` also
    /// with `not_a_test_card`.
    pub errors: Vec<FieldError>,
    /// The cards that play a part each.
    pub test_cards: Vec<TestCard>,
    /// Language switch and front page.
    pub links: Links,
}

/// A card of the rehearsal.
#[derive(Clone, Debug, Serialize)]
pub struct TestCard {
    /// Its number, in groups.
    pub number: String,
    /// What it does, by the name that the simulated bank gives the card (`visa`, `insufficient_funds`, `asks`, `slow`,
    /// `late`, `twice` …); a name without words here is shown as it is.
    pub does: String,
}

/// The page that asks whether it is you (3-D Secure).
#[derive(Clone, Debug, Serialize)]
pub struct BankStepPage {
    /// What is being paid.
    pub payment: BankPayment,
    /// The last four digits of the card.
    pub card_ending: String,
    /// Takes the POST that says yes.
    pub approve_url: String,
    /// Takes the POST that says no.
    pub refuse_url: String,
    /// Language switch and front page.
    pub links: Links,
}

impl BankCardPage {
    /// Blank, declined, with mistakes.
    pub fn samples(lang: Lang) -> Vec<(&'static str, BankCardPage)> {
        let blank = BankCardPage {
            payment: payment(),
            action: "/bank/payments/pay_0199b0df".into(),
            back_url: "/bank/payments/pay_0199b0df/back".into(),
            declined: None,
            errors: Vec::new(),
            test_cards: test_cards(),
            links: Links::to(lang, "/bank/payments/pay_0199b0df"),
        };
        let wrong = |errors: [(&str, &str); 3]| BankCardPage {
            errors: errors.map(|(field, code)| FieldError { field: field.into(), code: code.into() }).to_vec(),
            ..blank.clone()
        };
        let declined = |reason: &str| BankCardPage { declined: Some(reason.into()), ..blank.clone() };
        let mut foreign = declined("lost_or_stolen");
        foreign.payment.merchant = "</p><script>alert(1)</script>".into();
        foreign.payment.description = "x".repeat(200);
        foreign.payment.until_ms = None;
        foreign.test_cards = vec![TestCard { number: "0000".into(), does: "sing <b>".into() }];
        vec![
            ("card", blank.clone()),
            ("card-declined", declined("insufficient_funds")),
            ("card-mistakes", wrong([("number", "invalid"), ("expiry", "invalid"), ("cvc", "invalid")])),
            ("card-empty", wrong([("number", "required"), ("expiry", "required"), ("cvc", "required")])),
            ("card-odd", wrong([("number", "not_a_test_card"), ("expiry", "invalid"), ("form", "unknown")])),
            ("card-foreign", foreign),
        ]
    }
}

impl BankStepPage {
    /// The question.
    pub fn samples(lang: Lang) -> Vec<(&'static str, BankStepPage)> {
        let page = BankStepPage {
            payment: payment(),
            card_ending: "3184".into(),
            approve_url: "/bank/payments/pay_0199b0df/approve".into(),
            refuse_url: "/bank/payments/pay_0199b0df/refuse".into(),
            links: Links::to(lang, "/bank/payments/pay_0199b0df/step"),
        };
        vec![("step", page)]
    }
}

fn payment() -> BankPayment {
    BankPayment {
        merchant: "Stampede Tickets".into(),
        description: "2 × VIP Pass, Frequency Festival 20XX".into(),
        amount_minor: 100_200,
        currency: "EUR".into(),
        until_ms: Some(1_779_120_257_000 + 531_000),
        time_zone: "Europe/Vienna".into(),
    }
}

fn test_cards() -> Vec<TestCard> {
    [
        ("4242 4242 4242 4242", "visa"),
        ("5555 5555 5555 4444", "mastercard"),
        ("4000 0000 0000 0002", "declined"),
        ("4000 0000 0000 9995", "insufficient_funds"),
        ("4000 0000 0000 9987", "lost"),
        ("4000 0000 0000 9979", "stolen"),
        ("4000 0000 0000 0069", "expired"),
        ("4000 0000 0000 0127", "incorrect_cvc"),
        ("4000 0000 0000 0119", "processing_error"),
        ("4000 0027 6000 3184", "asks"),
        ("4000 0084 0000 1629", "asks_declined"),
        ("4000 0082 6000 3178", "asks_insufficient_funds"),
        ("4000 0099 0000 0012", "slow"),
        ("4000 0099 0000 0020", "slow_declined"),
        ("4000 0099 0000 0038", "late"),
        ("4000 0099 0000 0046", "late_stubborn"),
        ("4000 0099 0000 0053", "done_and_lost"),
        ("4000 0099 0000 0061", "lost_before"),
        ("4000 0099 0000 0079", "twice"),
        ("4000 0099 0000 0087", "first"),
        ("4000 0099 0000 0095", "out_of_order"),
        ("4000 0099 0000 0103", "never"),
        ("4000 0099 0000 0111", "after_all"),
    ]
    .map(|(number, does)| TestCard { number: number.into(), does: does.into() })
    .to_vec()
}
