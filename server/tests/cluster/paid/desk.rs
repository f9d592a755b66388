//! Where buyers pay: on the pages of the simulated bank in the embedded shop, or on the hosted pages of a Stripe of our own.

use super::{Happened, crowd::Crowd};
use rand::{Rng, rngs::SmallRng};
use stampede_bank::{Card, SimulatedStripe};
use std::time::Duration;

/// Where they pay.
#[derive(Clone)]
pub(super) enum Desk {
    /// By a card of the rehearsal, whose number says what the bank does wrong.
    Bank {
        /// Also with cards that take a minute.
        patient: bool,
    },
    /// On the hosted page of a session.
    Stripe(SimulatedStripe),
}

/// What a buyer does at the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Play {
    /// Gives a card that is declined.
    IsDeclined,
    /// Gives one that pays, sooner or later.
    Pays,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paid {
    /// The bank has it.
    Given,
    /// The bank said no and shows its page again: another card may be given there.
    AnotherCard,
    /// The page is gone: too late.
    Gone,
    /// Nobody knows: it may be done again.
    Unknown,
}

/// A card that pays: its number, what the bank does wrong, and of a hundred buyers so many have one.
type Good = (&'static str, &'static str, u32);

/// A card that takes a minute, which cannot be cancelled: it keeps its units for that long.
const STUBBORN: Good = ("4000009900000046", "card: late, and cannot be stopped", 2);
const GOOD: [Good; 10] = [
    ("4242424242424242", "card: pays", 34),
    ("4000002500003155", "card: asks", 9),
    ("4000009900000012", "card: slow", 8),
    ("4000009900000038", "card: late", 3),
    ("4000009900000053", "card: done and lost", 9),
    ("4000009900000061", "card: lost before", 9),
    ("4000009900000079", "card: told twice", 8),
    ("4000009900000087", "card: told first", 6),
    ("4000009900000095", "card: told out of order", 6),
    ("4000009900000103", "card: never told", 6),
];
/// Cards that are declined, one after the other.
const BAD: [(&str, &str); 5] = [
    ("4000000000000002", "card: declined"),
    ("4000000000009995", "card: without money"),
    ("4000000000000069", "card: expired"),
    ("4000008400001629", "card: asks, and is declined"),
    ("4000009900000020", "card: slow, and is declined"),
];
const FORM: &str = "application/x-www-form-urlencoded";
/// Of a hundred who pay at Stripe, those whose bank takes its time.
const LATE: u32 = 8;

impl Desk {
    /// What a buyer can meet here, none of it yet.
    pub(super) fn cards(&self) -> Happened {
        let Self::Bank { patient } = self else { return Happened::new() };
        let good = patient.then_some(&STUBBORN).into_iter().chain(&GOOD).map(|(_, name, _)| *name);
        good.chain(BAD.map(|(_, name)| name)).map(|name| (name, 0)).collect()
    }

    /// The buyer stands before a page.
    pub(super) async fn pays(&self, crowd: &Crowd, page: &str, play: Play, chance: &mut SmallRng) -> Paid {
        match self {
            Self::Bank { patient } => {
                let (number, name) = drawn(play, *patient, chance);
                let paid = at_the_bank(crowd, page, number, name.contains("asks")).await;
                if paid == Paid::Given {
                    crowd.count(name);
                }
                paid
            }
            Self::Stripe(stripe) => at_stripe(stripe, crowd, page, play, chance),
        }
    }
}

fn drawn(play: Play, patient: bool, chance: &mut SmallRng) -> (&'static str, &'static str) {
    if play == Play::IsDeclined {
        return BAD[chance.random_range(0..BAD.len())];
    }
    let mut number = chance.random_range(0..100);
    for (card, name, share) in patient.then_some(&STUBBORN).into_iter().chain(&GOOD) {
        if number < *share {
            return (card, name);
        }
        number -= share;
    }
    (GOOD[0].0, GOOD[0].1)
}

async fn at_the_bank(crowd: &Crowd, page: &str, number: &str, asks: bool) -> Paid {
    let card = format!("number={number}&expiry=12%2F40&cvc=123");
    let Some(given) = crowd.post(&format!("/en{page}"), FORM, "", &card).await else { return Paid::Unknown };
    match given.status {
        303 if asks => match crowd.post(&format!("/en{page}/approve"), FORM, "", "").await {
            Some(approved) if approved.status == 303 => Paid::Given,
            Some(other) if other.status < 500 => {
                crowd.wonder("“it is me”", &other);
                Paid::Gone
            }
            _ => Paid::Unknown,
        },
        303 => Paid::Given,
        404 => Paid::Gone,
        503 | 408 => Paid::Unknown,
        _ => {
            crowd.wonder("a card", &given);
            Paid::Gone
        }
    }
}

/// The page is `https://checkout.stripe.com/c/pay/{session}#fid`.
fn at_stripe(stripe: &SimulatedStripe, crowd: &Crowd, page: &str, play: Play, chance: &mut SmallRng) -> Paid {
    let session = page.rsplit('/').next().and_then(|end| end.split('#').next()).unwrap_or_default();
    let card = match play {
        Play::IsDeclined => Card::Declined,
        Play::Pays if chance.random_range(0..100) < LATE => {
            let hold = crowd.size.hold;
            Card::Late(hold.mul_f64(chance.random_range(0.2..1.6)))
        }
        Play::Pays => Card::Good,
    };
    match (stripe.card(session, card), play) {
        (false, _) => Paid::Gone,
        (true, Play::IsDeclined) => Paid::AnotherCard,
        (true, Play::Pays) => Paid::Given,
    }
}

/// How long a buyer types.
pub(super) const TYPES: Duration = Duration::from_millis(600);
