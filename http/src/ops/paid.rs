//! Orders that are paid online, in lines for the control room: from the process's own metrics, as everything there. Only processes
//! that write look after them; elsewhere there are no lines.

use super::{
    chronicle::Look,
    room::{LATELY, in_words, lag},
};
use stampede_web::{
    LagRow, Lang, Tone,
    format::{figure, integer},
};
use std::time::Duration;

/// What the alert HoldsOverdue waits for.
const OVERDUE: Duration = Duration::from_secs(60);
/// Wishes of buyers are done within milliseconds.
const LANE: Duration = Duration::from_secs(5);
/// The states of an order that is paid online, in the order it comes by them.
const STATES: [&str; 7] = ["reserved", "paying", "expiring", "confirmed", "expired", "cancelled", "refunded"];
/// Declines and payments are counted over so many seconds: as long as anything is kept.
const COUNTED_FOR: usize = 300;

/// How the payment provider is, as far as this process called it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Provider {
    /// It failed too often, and is not called for a moment.
    pub(super) is_left_in_peace: bool,
    /// Calls a second that it refused to do.
    pub(super) refuses: f64,
}

/// `None`: this process calls none.
pub(super) fn provider(look: &Look<'_>) -> Option<Provider> {
    let left = look.now("stampede_payment_provider_left_in_peace", &[])?;
    let refuses = look.rate("stampede_payment_calls_total", &[("outcome", "impossible")], LATELY);
    Some(Provider { is_left_in_peace: left > 0.0, refuses })
}

/// The lines; none where nobody looks after holds.
pub(super) fn lines(look: &Look<'_>) -> Vec<LagRow> {
    if look.now("stampede_holds", &[]).is_none() {
        return Vec::new();
    }
    let age = |name| look.now(name, &[]).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let mut lines = vec![holds(look), money(look), under_way(look, age("stampede_oldest_payment_seconds"))];
    lines.push(lag("Most overdue hold", age("stampede_holds_overdue_seconds"), OVERDUE));
    lines.push(declines(look));
    lines.extend(provider(look).map(|provider| provider_in_words(look, provider)));
    // Pub/Sub does not tell what waits.
    if let Some(oldest) = age("stampede_lane_oldest_message_seconds") {
        let waiting = whole(look.now("stampede_lane_backlog_messages", &[]).unwrap_or(0.0));
        let row = lag("Wishes on the lane", Some(oldest), LANE);
        lines.push(LagRow { value: Some(format!("{waiting}, the oldest {}", in_words(oldest))), ..row });
    }
    lines
}

fn holds(look: &Look<'_>) -> LagRow {
    let count = |state| whole(look.now("stampede_holds", &[("status", state)]).unwrap_or(0.0));
    let states = STATES.map(|state| format!("{state} {}", count(state)));
    row("Orders", states.join(" · "), "of all that were ever reserved", Tone::Calm)
}

fn money(look: &Look<'_>) -> LagRow {
    let of = |kind| whole(look.now("stampede_held_money_minor_units", &[("kind", kind)]).unwrap_or(0.0));
    let lost = look.now("stampede_money_unaccounted_minor_units", &[]).unwrap_or(0.0);
    let sums = format!(
        "{} taken · {} given back · {} earned · {} to be given back",
        of("captured"),
        of("refunded"),
        of("earned"),
        of("owed")
    );
    if lost == 0.0 {
        row("Money", sums, "it adds up; in cents", Tone::Calm)
    } else {
        let wrong = format!("IT DOES NOT ADD UP by {}; in cents", whole(lost));
        row("Money", sums, &wrong, Tone::Alarm)
    }
}

fn under_way(look: &Look<'_>, oldest: Option<Duration>) -> LagRow {
    let of = |state| look.now("stampede_holds", &[("status", state)]).unwrap_or(0.0);
    let (paying, unknown) = (of("paying"), of("expiring"));
    let oldest = oldest.filter(|oldest| !oldest.is_zero());
    let value = match oldest {
        Some(oldest) => format!("{}, the oldest for {}", whole(paying + unknown), in_words(oldest)),
        None => whole(paying + unknown),
    };
    if unknown > 0.0 {
        let limit = format!("of {} the time is up, and how they stand is not known", whole(unknown));
        row("Payments under way", value, &limit, Tone::Watch)
    } else {
        row("Payments under way", value, "none of them out of time", Tone::Calm)
    }
}

fn declines(look: &Look<'_>) -> LagRow {
    let came =
        |change| look.rise("stampede_hold_changes_total", &[("change", change), ("outcome", "changed")], COUNTED_FOR);
    let (declined, paid) = (came("failed"), came("captured"));
    // A provider that is out of order declines everybody; people alone are not so unlucky.
    let tone = if declined > 10.0 && declined > 4.0 * paid { Tone::Watch } else { Tone::Calm };
    row("Declined", format!("{}, and {} paid", whole(declined), whole(paid)), "in the last five minutes", tone)
}

fn provider_in_words(look: &Look<'_>, provider: Provider) -> LagRow {
    let rate = |outcome| look.rate("stampede_payment_calls_total", &[("outcome", outcome)], LATELY);
    let failed = rate("unavailable") + rate("unknown");
    let english = |rate| figure(Lang::En, rate);
    let calls = format!("{} calls answered a second, {} failed", english(rate("answered")), english(failed));
    let (value, tone) = match provider {
        Provider { is_left_in_peace: true, .. } => ("left in peace for a moment", Tone::Alarm),
        Provider { refuses, .. } if refuses > 0.0 => ("refuses calls", Tone::Watch),
        Provider { .. } if failed > 0.0 => ("some calls fail", Tone::Watch),
        Provider { .. } => ("is called", Tone::Calm),
    };
    row("Payment provider", value.to_owned(), &calls, tone)
}

fn row(name: &str, value: String, limit: &str, tone: Tone) -> LagRow {
    LagRow { name: name.to_owned(), value: Some(value), limit: limit.to_owned(), tone }
}

fn whole(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count, or a sum far below 2^52")]
    let size = number.abs().round() as u64;
    format!("{}{}", if number < 0.0 { "−" } else { "" }, integer(Lang::En, size))
}

#[cfg(test)]
mod tests {
    use super::{super::chronicle::Chronicle, *};
    use stampede_domain::Millis;

    const BEFORE: &str = "stampede_hold_changes_total{change=\"failed\",outcome=\"changed\"} 0
stampede_payment_calls_total{call=\"find\",outcome=\"answered\"} 0
stampede_payment_calls_total{call=\"find\",outcome=\"unavailable\"} 0";

    fn told(text: &str) -> Vec<(String, String, Tone)> {
        let chronicle = Chronicle::default();
        chronicle.read(Millis(0), BEFORE);
        chronicle.read(Millis(1_000), text);
        let lines = lines(&chronicle.look());
        lines
            .into_iter()
            .map(|line| (line.name, line.value.unwrap_or_default() + "; " + &line.limit, line.tone))
            .collect()
    }

    #[test]
    fn a_process_that_looks_after_no_holds_has_no_lines() {
        assert_eq!(told("stampede_orders_total 3"), []);
    }

    #[test]
    fn a_provider_that_is_down_and_money_that_does_not_add_up_are_said_loud() {
        let calm = "stampede_holds{status=\"paying\"} 2
stampede_holds{status=\"expiring\"} 0
stampede_holds{status=\"confirmed\"} 1200
stampede_held_money_minor_units{kind=\"captured\"} 60000000
stampede_money_unaccounted_minor_units 0
stampede_oldest_payment_seconds 41
stampede_holds_overdue_seconds 0
stampede_payment_provider_left_in_peace 0
stampede_lane_backlog_messages 3
stampede_lane_oldest_message_seconds 0.02
stampede_hold_changes_total{change=\"failed\",outcome=\"changed\"} 4
stampede_payment_calls_total{call=\"find\",outcome=\"answered\"} 20";
        let lines = told(calm);
        assert!(lines.iter().all(|(.., tone)| *tone == Tone::Calm), "{lines:?}");
        let said = |lines: &[(String, String, Tone)], name: &str| {
            lines.iter().find(|(line, ..)| line == name).map(|(_, said, tone)| (said.clone(), *tone)).unwrap()
        };
        assert!(said(&lines, "Orders").0.contains("paying 2 · expiring 0 · confirmed 1,200"), "{lines:?}");
        assert_eq!(said(&lines, "Payments under way").0.split(';').next(), Some("2, the oldest for 41 s"));
        assert!(said(&lines, "Declined").0.starts_with("4, and 0 paid"), "{lines:?}");
        assert!(said(&lines, "Wishes on the lane").0.starts_with("3, the oldest 20 ms"), "{lines:?}");

        let bad = calm
            .replace("left_in_peace 0", "left_in_peace 1")
            .replace("unaccounted_minor_units 0", "unaccounted_minor_units 100")
            .replace("overdue_seconds 0", "overdue_seconds 61")
            .replace("\"expiring\"} 0", "\"expiring\"} 1");
        let lines = told(&bad);
        assert_eq!(said(&lines, "Payment provider").1, Tone::Alarm);
        assert!(said(&lines, "Money").0.contains("DOES NOT ADD UP by 100"), "{lines:?}");
        assert_eq!((said(&lines, "Money").1, said(&lines, "Most overdue hold").1), (Tone::Alarm, Tone::Alarm));
        assert_eq!(said(&lines, "Payments under way").1, Tone::Watch);
    }
}
