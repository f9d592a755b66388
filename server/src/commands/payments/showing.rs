//! What was compared, for people and programs. Sums are in minor units, as the books have them.

use super::super::say;
use serde_json::{Value, json};
use stampede_actors::reconciliation::{Difference, Reconciliation, Sums, What};
use stampede_domain::{Millis, OrderId};

/// What is told of a comparison.
pub(super) struct Told<'a> {
    pub(super) at: Millis,
    pub(super) since: Option<Millis>,
    pub(super) provider: &'static str,
    pub(super) found: &'a Reconciliation,
}

impl Told<'_> {
    pub(super) fn as_text(&self) {
        let Self { found, provider, .. } = self;
        let since = self.since.map_or_else(|| "all payments".to_owned(), |since| format!("since {}", since.rfc3339()));
        say(format_args!("payments compared at {}, {since}", self.at.rfc3339()));
        for (whose, sums) in [(format!("provider ({provider})"), found.at_provider), ("books".into(), found.in_books)] {
            let Sums { payments, captured, refunded } = sums;
            say(format_args!(
                "  {whose:<20} {payments:>9} payments, {captured} taken, {refunded} given back, in cents"
            ));
        }
        if found.older > 0 {
            say(format_args!("  {} older ones in the books were not compared", found.older));
        }
        if found.differences.is_empty() {
            return say(same(found));
        }
        say(format_args!("{} payments differ:", found.differences.len()));
        for difference in &found.differences {
            say(format_args!("  {}", line(difference)));
        }
        for what in What::ALL.into_iter().filter(|what| found.differences.iter().any(|one| one.what == *what)) {
            say(format_args!("{}: {}", in_words(what), to_do(what)));
        }
    }

    pub(super) fn as_json(&self) {
        let Self { found, provider, .. } = self;
        let sums = |sums: Sums| {
            let Sums { payments, captured, refunded } = sums;
            json!({ "payments": payments, "captured": captured, "refunded": refunded })
        };
        say(json!({
            "at": self.at.rfc3339(),
            "since": self.since.map(Millis::rfc3339),
            "providerName": provider,
            "equal": found.differences.is_empty(),
            "provider": sums(found.at_provider),
            "books": sums(found.in_books),
            "olderNotCompared": found.older,
            "differences": found.differences.iter().map(difference_as_json).collect::<Vec<_>>(),
        }));
    }
}

/// A shop that runs writes down what it is told while it is compared: the sums are of the first look, the verdict is of the last.
fn same(found: &Reconciliation) -> &'static str {
    if found.at_provider == found.in_books {
        "They are the same."
    } else {
        "They are the same by now: what makes the sums differ was written down meanwhile."
    }
}

fn difference_as_json(difference: &Difference) -> Value {
    let side = |side: Option<(OrderId, i64, i64)>| {
        side.map(|(order, captured, refunded)| {
            json!({ "orderId": order.to_string(), "captured": captured, "refunded": refunded })
        })
    };
    json!({
        "payment": difference.payment,
        "what": difference.what.name(),
        "provider": side(difference.provider),
        "books": side(difference.books),
        "toDo": to_do(difference.what),
    })
}

fn line(difference: &Difference) -> String {
    let order = difference.books.or(difference.provider).map(|(order, ..)| order.to_string()).unwrap_or_default();
    let side = |side: Option<(OrderId, i64, i64)>| match side {
        Some((_, captured, refunded)) => format!("{captured} taken, {refunded} given back"),
        None => "unknown".to_owned(),
    };
    let (there, here) = (side(difference.provider), side(difference.books));
    format!("{} of order {order}: {}; provider: {there}; books: {here}", difference.payment, in_words(difference.what))
}

fn in_words(what: What) -> &'static str {
    match what {
        What::OnlyAtProvider => "only at the provider",
        What::OfNoOrder => "of no order",
        What::OnlyInBooks => "only in the books",
        What::OfAnotherOrder => "of another order",
        What::OtherCaptured => "another sum was taken",
        What::OtherRefunded => "another sum was given back",
    }
}

/// One sentence for whoever has to do something about it.
fn to_do(what: What) -> &'static str {
    match what {
        What::OnlyAtProvider => {
            "look whether its order is still asked after (its page says “checking”); if not, give what was taken back at the \
             provider's desk"
        }
        What::OfNoOrder => {
            "find out whether the books were restored from an older backup, or the demo was reset; else give what was taken back \
             at the provider's desk"
        }
        What::OnlyInBooks => {
            "see that the key is that of the account which took the money, test or live; the books are right only if it is not"
        }
        What::OfAnotherOrder => {
            "stop selling, keep both books, and look for a hand in the database: the shop makes no such row"
        }
        What::OtherCaptured => {
            "wait until the shop, running, has asked after the order again; if it stays, believe the provider and follow the runbook \
             “The money does not add up”"
        }
        What::OtherRefunded => {
            "money was given back at the provider's desk without the shop, or not yet: if the order is to end, refund it in the shop \
             too, which gives back only what is missing"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_the_first_look_do_not_contradict_the_verdict_of_the_last() {
        let paid = Sums { payments: 1, captured: 100, refunded: 0 };
        let mut found = Reconciliation { at_provider: paid, in_books: paid, ..Reconciliation::default() };
        assert_eq!(same(&found), "They are the same.");
        found.in_books.captured = 0;
        assert!(same(&found).contains("by now"));
    }
}
