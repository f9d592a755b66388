//! The event of an order as a calendar file (RFC 5545), so that nobody misses what they have tickets for.
//!
//! Times are in UTC, which every calendar shows in its reader's zone and which needs no description of a zone. The order's id is the
//! entry's (RFC 7986), so that a file that is opened again changes its entry and adds none.

use crate::{Lang, TicketsPage, texts};
use jiff::{Timestamp, tz::TimeZone};

/// Longest line in octets, its end not counted (RFC 5545, 3.1).
const LINE: usize = 75;

/// The calendar file of an order, in the page's language.
pub fn calendar(lang: Lang, page: &TicketsPage) -> String {
    let count = page.tickets.len().to_string();
    let key = if page.tickets.len() == 1 { "ticket_one" } else { "ticket_many" };
    let tickets = texts::find(lang, key).unwrap_or("{n}").replace("{n}", &count);
    let number = texts::find(lang, "order_number").unwrap_or_default();
    let description = format!("{tickets}, {}\n{number} {}", page.ticket_type, page.order_id);
    let mut file = String::with_capacity(1024);
    for (name, value) in [
        ("BEGIN", "VCALENDAR".to_owned()),
        ("VERSION", "2.0".to_owned()),
        ("PRODID", "-//Stampede//Tickets//EN".to_owned()),
        ("BEGIN", "VEVENT".to_owned()),
        ("UID", page.order_id.clone()),
        ("DTSTAMP", moment(page.confirmed_at_ms)),
        ("DTSTART", moment(page.starts_at_ms)),
        ("DTEND", moment(page.ends_at_ms)),
        ("SUMMARY", text(&page.event_name)),
        ("LOCATION", text(&page.place)),
        ("DESCRIPTION", text(&description)),
        ("URL", address(&page.event_url)),
        ("END", "VEVENT".to_owned()),
        ("END", "VCALENDAR".to_owned()),
    ] {
        write_line(&mut file, &format!("{name}:{value}"));
    }
    file
}

/// A moment in UTC: `20270819T130000Z`.
fn moment(unix_ms: i64) -> String {
    let at = Timestamp::from_millisecond(unix_ms).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A value of the type TEXT (3.3.11). Control characters, which it may not have, are left out.
fn text(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len() + 8);
    for letter in value.chars() {
        match letter {
            '\\' | ';' | ',' => escaped.extend(['\\', letter]),
            '\n' => escaped.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A value of the type URI, which has no escapes and no room for anything that is none.
fn address(value: &str) -> String {
    value.chars().filter(char::is_ascii_graphic).collect()
}

/// A line, folded between characters.
fn write_line(file: &mut String, line: &str) {
    let mut room = LINE;
    for letter in line.chars() {
        if letter.len_utf8() > room {
            file.push_str("\r\n ");
            // The blank is one.
            room = LINE - 1;
        }
        room -= letter.len_utf8();
        file.push(letter);
    }
    file.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use icalendar::{Calendar, CalendarComponent, Component, DatePerhapsTime, EventLike};

    fn odd() -> TicketsPage {
        let mut page = TicketsPage::samples(Lang::De).swap_remove(0).1;
        page.event_name = "Fête; mit, Komma\\ und \u{7}Läuten 🎧".into();
        page.place = "Straße ".repeat(40).trim().into();
        page
    }

    #[test]
    fn another_program_reads_what_was_meant() {
        let page = odd();
        let file = calendar(Lang::De, &page);
        let read: Calendar = file.parse().expect("because it is a calendar");
        let [CalendarComponent::Event(event)] = read.components.as_slice() else { panic!("{read:?}") };
        assert_eq!(event.get_uid(), Some(page.order_id.as_str()));
        assert_eq!(event.get_summary(), Some("Fête; mit, Komma\\ und Läuten 🎧"));
        assert_eq!(event.get_location(), Some(page.place.as_str()));
        assert_eq!(
            event.get_description(),
            Some(format!("2 Tickets, General Admission\nNummer {}", page.order_id).as_str())
        );
        assert_eq!(event.get_url(), Some(page.event_url.as_str()));
        let at = |time: Option<DatePerhapsTime>| format!("{time:?}");
        assert!(at(event.get_start()).contains("2026-08-20T16:00:00"), "{:?}", event.get_start());
        assert!(at(event.get_end()).contains("2026-08-23T02:00:00"), "{:?}", event.get_end());
        assert!(file.contains("\r\nDTSTAMP:20260518T160417Z\r\n"), "{file}");
    }

    #[test]
    fn lines_are_short_and_end_as_the_format_says() {
        let file = calendar(Lang::De, &odd());
        assert!(file.ends_with("END:VCALENDAR\r\n"));
        assert!(file.split("\r\n").all(|line| line.len() <= LINE), "{file}");
        assert_eq!(file.matches('\n').count(), file.matches("\r\n").count());
        assert!(file.contains("\r\n "), "something is folded");
    }

    #[test]
    fn nobody_writes_a_line_of_their_own() {
        let mut page = odd();
        page.event_name = "Fest\r\nATTENDEE:mailto:eva@example.org".into();
        page.event_url = "https://x/\r\nATTACH:y".into();
        let file = calendar(Lang::En, &page).replace("\r\n ", "");
        assert!(file.lines().all(|line| !line.starts_with("ATT")), "{file}");
    }

    #[test]
    fn the_same_order_is_the_same_entry() {
        assert_eq!(calendar(Lang::En, &odd()), calendar(Lang::En, &odd()));
    }
}
