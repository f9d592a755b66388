//! The cards of the rehearsal. A number decides what happens; it is looked at once and kept nowhere.
//!
//! The first nine digits `4000 0099 0` are ours: Stripe's test cards know no such ones. The others do here what they do there.

use serde::{Deserialize, Serialize};
use stampede_domain::{Decline, Millis};

/// A card that a buyer gave, without its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub(super) part: Part,
    pub(super) brand: &'static str,
    /// The last four digits.
    pub(super) ending: String,
}

/// What is wrong with a field of a card: `field` is `number`, `expiry` or `cvc`; `code` is `required`, `invalid`, and for a number
/// that would be a card's also `not_a_test_card`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardProblem {
    /// Which field.
    pub field: &'static str,
    /// What is wrong.
    pub code: &'static str,
}

/// A card to try, for the page that lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TestCard {
    /// Its number, in groups of four digits.
    pub number: &'static str,
    /// What it does, by name.
    pub does: &'static str,
    pub(super) part: Part,
}

/// The part that a card plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Pays,
    Declines(Decline),
    /// Asks whether it is the buyer, and then pays, or declines.
    Asks(Option<Decline>),
    /// Pays, or declines, after some seconds.
    Slow(Option<Decline>),
    /// Pays long after; can be cancelled meanwhile, or not.
    Late {
        stubborn: bool,
    },
    /// Declines, and long after takes the money all the same: a bank that went back on its word.
    AfterAll,
    /// Does what the shop asks for next, and the answer is lost.
    DoneAndLost,
    /// What the shop asks for next is lost on its way.
    LostBefore,
    Notices(Notices),
}

/// How the bank reports what happens to a payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Notices {
    /// Once, soon after the buyer is back.
    #[default]
    Once,
    Twice,
    /// Before the buyer is back.
    First,
    /// What happened first is told last.
    OutOfOrder,
    Never,
}

impl Part {
    pub(super) fn notices(self) -> Notices {
        if let Self::Notices(notices) = self { notices } else { Notices::Once }
    }
}

const fn card(number: &'static str, does: &'static str, part: Part) -> TestCard {
    TestCard { number, does, part }
}

/// Every card that the bank knows.
pub const TEST_CARDS: &[TestCard] = &[
    card("4242 4242 4242 4242", "visa", Part::Pays),
    card("5555 5555 5555 4444", "mastercard", Part::Pays),
    card("4000 0000 0000 0002", "declined", Part::Declines(Decline::Declined)),
    card("4000 0000 0000 9995", "insufficient_funds", Part::Declines(Decline::InsufficientFunds)),
    // Told as declined and nothing more: whoever holds it shall not learn that it was reported.
    card("4000 0000 0000 9987", "lost", Part::Declines(Decline::Declined)),
    card("4000 0000 0000 9979", "stolen", Part::Declines(Decline::Declined)),
    card("4000 0000 0000 0069", "expired", Part::Declines(Decline::CardExpired)),
    card("4000 0000 0000 0127", "incorrect_cvc", Part::Declines(Decline::IncorrectDetails)),
    card("4000 0000 0000 0119", "processing_error", Part::Declines(Decline::Declined)),
    card("4000 0025 0000 3155", "asks", Part::Asks(None)),
    card("4000 0027 6000 3184", "asks", Part::Asks(None)),
    card("4000 0084 0000 1629", "asks_declined", Part::Asks(Some(Decline::Declined))),
    card("4000 0082 6000 3178", "asks_insufficient_funds", Part::Asks(Some(Decline::InsufficientFunds))),
    card("4000 0099 0000 0012", "slow", Part::Slow(None)),
    card("4000 0099 0000 0020", "slow_declined", Part::Slow(Some(Decline::Declined))),
    card("4000 0099 0000 0038", "late", Part::Late { stubborn: false }),
    card("4000 0099 0000 0046", "late_stubborn", Part::Late { stubborn: true }),
    card("4000 0099 0000 0053", "done_and_lost", Part::DoneAndLost),
    card("4000 0099 0000 0061", "lost_before", Part::LostBefore),
    card("4000 0099 0000 0079", "twice", Part::Notices(Notices::Twice)),
    card("4000 0099 0000 0087", "first", Part::Notices(Notices::First)),
    card("4000 0099 0000 0095", "out_of_order", Part::Notices(Notices::OutOfOrder)),
    card("4000 0099 0000 0103", "never", Part::Notices(Notices::Never)),
    card("4000 0099 0000 0111", "after_all", Part::AfterAll),
];

impl Card {
    /// Reads what was typed: a number with spaces or hyphens, an expiry like `12/34` or `12 / 2034`, three or four digits of
    /// security code.
    ///
    /// # Errors
    /// Every field that is wrong.
    pub fn read(now: Millis, number: &str, expiry: &str, cvc: &str) -> Result<Self, Vec<CardProblem>> {
        let found = known(number).map_err(|code| CardProblem { field: "number", code });
        let mut problems: Vec<_> = found.err().into_iter().collect();
        let others = [("expiry", expiry, is_ahead(now, expiry)), ("cvc", cvc, is_code(cvc))];
        for (field, typed, is_fine) in others {
            if !is_fine {
                let code = if typed.trim().is_empty() { "required" } else { "invalid" };
                problems.push(CardProblem { field, code });
            }
        }
        match found {
            Ok(card) if problems.is_empty() => Ok(Self::of(card)),
            _ => Err(problems),
        }
    }

    /// The test card that does something, by its name in [`TEST_CARDS`]: for tests and simulations.
    #[must_use]
    pub fn that(does: &str) -> Option<Self> {
        TEST_CARDS.iter().find(|card| card.does == does).map(Self::of)
    }

    fn of(card: &TestCard) -> Self {
        let brand = if card.number.starts_with('5') { "mastercard" } else { "visa" };
        let ending = card.number.rsplit(' ').next().unwrap_or_default().to_owned();
        Self { part: card.part, brand, ending }
    }
}

fn known(typed: &str) -> Result<&'static TestCard, &'static str> {
    let is_between = |sign: &char| !sign.is_whitespace() && *sign != '-';
    let digits = || typed.chars().filter(is_between);
    if digits().next().is_none() {
        return Err("required");
    }
    if !(12..=19).contains(&digits().count()) || !digits().all(|sign| sign.is_ascii_digit()) || !is_luhn(digits()) {
        return Err("invalid");
    }
    let is_it = |card: &&TestCard| card.number.chars().filter(|sign| *sign != ' ').eq(digits());
    TEST_CARDS.iter().find(is_it).ok_or("not_a_test_card")
}

/// The check digit of ISO/IEC 7812-1: a mistyped number is told as mistyped.
fn is_luhn(digits: impl Iterator<Item = char>) -> bool {
    let digits: Vec<u32> = digits.filter_map(|sign| sign.to_digit(10)).collect();
    let double = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let sum: u32 =
        digits.iter().rev().enumerate().map(|(at, digit)| if at % 2 == 1 { double(*digit) } else { *digit }).sum();
    sum.is_multiple_of(10)
}

/// A card is good until its month has ended.
fn is_ahead(now: Millis, typed: &str) -> bool {
    let typed: String = typed.chars().filter(|sign| !sign.is_whitespace()).collect();
    let Some((month, year)) = typed.split_once('/') else { return false };
    let is_number = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(month) || !is_number(year) || !(year.len() == 2 || year.len() == 4) || month.len() > 2 {
        return false;
    }
    let (Ok(month), Ok(year)) = (month.parse::<u32>(), year.parse::<u32>()) else { return false };
    let year = if year < 100 { 2000 + year } else { year };
    let this_month = now.rfc3339();
    (1..=12).contains(&month) && *format!("{year:04}-{month:02}") >= this_month[..7]
}

fn is_code(typed: &str) -> bool {
    let typed = typed.trim();
    (3..=4).contains(&typed.len()) && typed.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In November 2023.
    const NOW: Millis = Millis(1_700_000_000_000);

    fn problems(number: &str, expiry: &str, cvc: &str) -> Vec<(&'static str, &'static str)> {
        let problems = Card::read(NOW, number, expiry, cvc).expect_err("this is a card");
        problems.into_iter().map(|problem| (problem.field, problem.code)).collect()
    }

    #[test]
    fn every_test_card_has_a_right_check_digit_and_is_read_back() {
        for card in TEST_CARDS {
            let read = Card::read(NOW, card.number, "11/23", "123").unwrap();
            assert_eq!(read.part, card.part, "{}", card.does);
            assert!(card.number.ends_with(&read.ending));
            assert!(Card::that(card.does).is_some());
        }
    }

    #[test]
    fn a_card_is_typed_in_many_ways() {
        for (number, expiry) in
            [("4242424242424242", "12/34"), (" 4242-4242-4242-4242 ", "1 / 2034"), ("4242 4242 4242 4242", "11/23")]
        {
            assert_eq!(Card::read(NOW, number, expiry, " 1234 ").unwrap().ending, "4242");
        }
    }

    #[test]
    fn each_field_tells_what_is_wrong_with_it() {
        assert_eq!(problems("", " ", ""), [("number", "required"), ("expiry", "required"), ("cvc", "required")]);
        assert_eq!(
            problems("4242 4242 4242 4241", "13/30", "12"),
            [("number", "invalid"), ("expiry", "invalid"), ("cvc", "invalid")]
        );
        assert_eq!(problems("4111 1111 1111 1111", "12/34", "123"), [("number", "not_a_test_card")]);
        assert_eq!(problems("4242x4242y4242z4242", "12/34", "123"), [("number", "invalid")]);
        for past in ["10/23", "12/2022", "1234", "/", "12/", "1/1/1", "ä/ö", "012/34", "12/340"] {
            assert_eq!(problems("4242424242424242", past, "123"), [("expiry", "invalid")], "{past}");
        }
    }

    #[test]
    fn nothing_of_a_number_but_its_end_is_kept() {
        let card = Card::read(NOW, "4000 0027 6000 3184", "12/34", "987").unwrap();
        let written = format!("{card:?}");
        assert!(!written.contains("4000") && !written.contains("987"), "{written}");
    }
}
