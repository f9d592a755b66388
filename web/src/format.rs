//! How numbers, money, dates and durations are written in each language. Pure functions; no clock, no locale of the
//! machine. German follows Austria: `1.000.000`, `€ 199,00`, `Jänner`, `18:00 Uhr`.

use crate::Lang;
use jiff::{Timestamp, Zoned, civil::Weekday, tz::TimeZone};

const NO_BREAK: char = '\u{a0}';

/// A whole number in groups of three: `1.000.000` or `1,000,000`.
pub fn integer(lang: Lang, number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(group_separator(lang));
        }
        text.push(digit);
    }
    text
}

/// A measured figure: whole from ten on, below it with the digits that tell something: `12,400`, `4.3`, `0.021`.
pub fn figure(lang: Lang, figure: f64) -> String {
    let size = figure.abs();
    if !figure.is_finite() {
        return "–".into();
    }
    if size >= 9.95 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float saturates, and this one is positive"
        )]
        let whole = integer(lang, size.round() as u64);
        return if figure < 0.0 { format!("−{whole}") } else { whole };
    }
    let text = match size {
        0.0 => "0".into(),
        0.995.. => format!("{figure:.1}"),
        0.0995.. => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    };
    if lang == Lang::De { text.replace('.', ",") } else { text }
}

/// What stands between groups of three digits.
pub fn group_separator(lang: Lang) -> char {
    match lang {
        Lang::De => '.',
        Lang::En => ',',
    }
}

/// An amount in minor units of an ISO 4217 currency: `€ 199,00` or `€199.00`. Currencies without a sign of their own
/// are written with their code; those without minor units (JPY and friends) without decimals.
pub fn money(lang: Lang, minor: i64, currency: &str) -> String {
    let whole_only = matches!(currency, "JPY" | "KRW" | "CLP" | "ISK" | "VND");
    let scale = if whole_only { 1 } else { 100 };
    let amount = minor.unsigned_abs();
    let mut text = String::new();
    if minor < 0 {
        text.push('−');
    }
    let sign = match currency {
        "EUR" => "€",
        "USD" => "$",
        "GBP" => "£",
        other => other,
    };
    text.push_str(sign);
    if lang == Lang::De || sign == currency {
        text.push(NO_BREAK);
    }
    text.push_str(&integer(lang, amount / scale));
    if !whole_only {
        text.push(if lang == Lang::De { ',' } else { '.' });
        text.push_str(&format!("{:02}", amount % scale));
    }
    text
}

/// A rate in hundredths of a percent: `13 %` or `13%`, with the decimals it has: `7,7 %`.
pub fn percent(lang: Lang, basis_points: u32) -> String {
    let (whole, rest) = (integer(lang, u64::from(basis_points / 100)), basis_points % 100);
    let decimals = match (rest, rest % 10) {
        (0, _) => String::new(),
        (_, 0) => format!(".{}", rest / 10),
        _ => format!(".{rest:02}"),
    };
    match lang {
        Lang::De => format!("{whole}{}{NO_BREAK}%", decimals.replace('.', ",")),
        Lang::En => format!("{whole}{decimals}%"),
    }
}

/// `Do., 20. August 2026, 18:00 Uhr` or `Thu 20 August 2026, 18:00`; seconds appear when they are not zero.
pub fn date_time(lang: Lang, unix_ms: i64, time_zone: &str) -> String {
    let at = zoned(unix_ms, time_zone);
    let (day, month, year) = (at.day(), month(lang, at.month()), at.year());
    match lang {
        Lang::De => format!("{}, {day}. {month} {year}, {}", weekday(lang, at.weekday()), clock(lang, &at)),
        Lang::En => format!("{} {day} {month} {year}, {}", weekday(lang, at.weekday()), clock(lang, &at)),
    }
}

/// `Do., 20. August, 18:00 Uhr`: the festival's year is said by its own texts (`20XX`).
pub fn day_time(lang: Lang, unix_ms: i64, time_zone: &str) -> String {
    let at = zoned(unix_ms, time_zone);
    let (day, month) = (at.day(), month(lang, at.month()));
    match lang {
        Lang::De => format!("{}, {day}. {month}, {}", weekday(lang, at.weekday()), clock(lang, &at)),
        Lang::En => format!("{} {day} {month}, {}", weekday(lang, at.weekday()), clock(lang, &at)),
    }
}

/// `20.–22. August` or `20–22 August`, without the year, for the poster.
pub fn day_range(lang: Lang, from_ms: i64, to_ms: i64, time_zone: &str) -> String {
    let (from, to) = (zoned(from_ms, time_zone), zoned(to_ms, time_zone));
    let dot = if lang == Lang::De { "." } else { "" };
    let last = format!("{}{dot} {}", to.day(), month(lang, to.month()));
    if from.date() == to.date() {
        last
    } else if from.month() == to.month() && from.year() == to.year() {
        format!("{}{dot}–{last}", from.day())
    } else {
        format!("{}{dot} {} – {last}", from.day(), month(lang, from.month()))
    }
}

/// The time of day alone: `18:00 Uhr` or `18:00`.
pub fn time_of_day(lang: Lang, unix_ms: i64, time_zone: &str) -> String {
    clock(lang, &zoned(unix_ms, time_zone))
}

/// RFC 3339 in UTC, for `datetime` attributes and the script.
pub fn iso(unix_ms: i64) -> String {
    timestamp(unix_ms).to_string()
}

/// A span in its two largest units, in words: `1 Minute 5 Sekunden`, `2 days 3 hours`.
pub fn duration(lang: Lang, seconds: u64) -> String {
    let units: [(u64, [&str; 4]); 4] = [
        (86_400, ["Tag", "Tage", "day", "days"]),
        (3_600, ["Stunde", "Stunden", "hour", "hours"]),
        (60, ["Minute", "Minuten", "minute", "minutes"]),
        (1, ["Sekunde", "Sekunden", "second", "seconds"]),
    ];
    let first = units.iter().position(|(size, _)| seconds >= *size).unwrap_or(units.len() - 1);
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, names) in units.iter().skip(first).take(2) {
        let count = rest / size;
        rest %= size;
        if count > 0 || words.is_empty() {
            let plural = usize::from(count != 1) + if lang == Lang::En { 2 } else { 0 };
            words.push(format!("{}{NO_BREAK}{}", integer(lang, count), names[plural]));
        }
    }
    words.join(" ")
}

fn clock(lang: Lang, at: &Zoned) -> String {
    let mut text = format!("{:02}:{:02}", at.hour(), at.minute());
    if at.second() != 0 {
        text.push_str(&format!(":{:02}", at.second()));
    }
    if lang == Lang::De {
        text.push_str("\u{a0}Uhr");
    }
    text
}

/// A zone the database does not know is read as UTC: a page with an odd clock beats no page.
fn zoned(unix_ms: i64, time_zone: &str) -> Zoned {
    timestamp(unix_ms).to_zoned(TimeZone::get(time_zone).unwrap_or(TimeZone::UTC))
}

fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn month(lang: Lang, month: i8) -> &'static str {
    const DE: [&str; 12] = [
        "Jänner",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let index = usize::from(month.unsigned_abs().clamp(1, 12)) - 1;
    if lang == Lang::De { DE[index] } else { EN[index] }
}

fn weekday(lang: Lang, weekday: Weekday) -> &'static str {
    const DE: [&str; 7] = ["Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa.", "So."];
    const EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let index = usize::from(weekday.to_monday_zero_offset().unsigned_abs()).min(6);
    if lang == Lang::De { DE[index] } else { EN[index] }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THURSDAY_SIX_PM: i64 = 1_787_241_600_000; // 2026-08-20T16:00:00Z
    const VIENNA: &str = "Europe/Vienna";

    #[test]
    fn numbers_are_grouped_as_their_readers_write_them() {
        assert_eq!(integer(Lang::De, 1_000_000), "1.000.000");
        assert_eq!(integer(Lang::En, 1_000_000), "1,000,000");
        assert_eq!(integer(Lang::De, 999), "999");
        assert_eq!(integer(Lang::En, 0), "0");
    }

    #[test]
    fn money_is_written_as_austrians_write_it() {
        assert_eq!(money(Lang::De, 19_900, "EUR"), "€\u{a0}199,00");
        assert_eq!(money(Lang::En, 119_905, "EUR"), "€1,199.05");
        assert_eq!(money(Lang::De, -50, "CHF"), "−CHF\u{a0}0,50");
        assert_eq!(money(Lang::En, 1_500, "JPY"), "JPY\u{a0}1,500");
    }

    #[test]
    fn a_rate_has_the_decimals_it_needs() {
        assert_eq!(percent(Lang::De, 1_300), "13\u{a0}%");
        assert_eq!(percent(Lang::De, 770), "7,7\u{a0}%");
        assert_eq!(percent(Lang::En, 805), "8.05%");
    }

    #[test]
    fn times_are_told_in_the_zone_of_the_event() {
        assert_eq!(date_time(Lang::De, THURSDAY_SIX_PM, VIENNA), "Do., 20. August 2026, 18:00\u{a0}Uhr");
        assert_eq!(date_time(Lang::En, THURSDAY_SIX_PM + 7_000, VIENNA), "Thu 20 August 2026, 18:00:07");
        assert_eq!(day_time(Lang::De, THURSDAY_SIX_PM, "Not/AZone"), "Do., 20. August, 16:00\u{a0}Uhr");
        assert_eq!(iso(THURSDAY_SIX_PM), "2026-08-20T16:00:00Z");
    }

    #[test]
    fn a_range_of_days_names_its_month_once() {
        let two_days = 2 * 86_400_000;
        assert_eq!(day_range(Lang::De, THURSDAY_SIX_PM, THURSDAY_SIX_PM + two_days, VIENNA), "20.–22. August");
        assert_eq!(day_range(Lang::En, THURSDAY_SIX_PM, THURSDAY_SIX_PM, VIENNA), "20 August");
        let over = day_range(Lang::De, THURSDAY_SIX_PM, THURSDAY_SIX_PM + 7 * two_days, VIENNA);
        assert_eq!(over, "20. August – 3. September");
    }

    #[test]
    fn january_is_jaenner_in_austria() {
        assert_eq!(day_range(Lang::De, 1_768_478_400_000, 1_768_478_400_000, VIENNA), "15. Jänner");
    }

    #[test]
    fn durations_use_their_two_largest_units() {
        assert_eq!(duration(Lang::De, 65), "1\u{a0}Minute 5\u{a0}Sekunden");
        assert_eq!(duration(Lang::En, 2 * 86_400 + 3 * 3_600 + 59), "2\u{a0}days 3\u{a0}hours");
        assert_eq!(duration(Lang::De, 0), "0\u{a0}Sekunden");
        assert_eq!(duration(Lang::En, 3_600), "1\u{a0}hour");
    }

    #[test]
    fn a_figure_has_the_digits_that_tell_something() {
        let cases = [
            (0.0, "0"),
            (0.021, "0.021"),
            (0.5, "0.50"),
            (4.27, "4.3"),
            (9.97, "10"),
            (12_400.4, "12,400"),
            (-31.0, "−31"),
        ];
        for (value, text) in cases {
            assert_eq!(figure(Lang::En, value), text);
        }
        assert_eq!(figure(Lang::De, 4.27), "4,3");
        assert_eq!(figure(Lang::En, f64::NAN), "–");
    }

    #[test]
    fn moments_beyond_the_calendar_do_not_panic() {
        assert_eq!(iso(i64::MAX), "1970-01-01T00:00:00Z");
    }
}
