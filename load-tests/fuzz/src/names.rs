//! Names that come from outside: keys, slugs; and the one answer that the program itself asks for.

use stampede_domain::{Millis, OrderId, Slug, key};
use std::time::Duration;

/// 2027-06-01T10:00:00Z. The corpus has keys of about then.
pub(crate) const NOW: Millis = Millis(1_811_844_000_000);

/// A key: taken only as a UUIDv7 of about now; any other is refused in words of ours.
pub fn order_key(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match key::order_id(&text, NOW) {
        Ok(id) => {
            let written = id.to_string();
            assert_eq!(written.parse::<OrderId>().ok(), Some(id));
            assert_eq!(key::order_id(&written, NOW), Ok(id), "the same in the form we write");
            assert_eq!(OrderId::from(id.bytes()), id);
            assert_eq!(id.0.get_version_num(), 7);
            let day = Duration::from_hours(24);
            assert!((NOW.minus(day)..=NOW.plus(Duration::from_mins(2))).contains(&id.time()), "{id}");
        }
        Err(why) => assert!(why.to_string().len() < 150 && why.to_string().is_ascii()),
    }
    if let Ok(id) = text.parse::<OrderId>() {
        assert_eq!(id.to_string().parse::<OrderId>().ok(), Some(id));
        assert!((0..1 << 48).contains(&id.time().0) && !id.time().rfc3339().is_empty());
    }
}

/// A slug: what is one stands in an address as it is.
pub fn slug(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match text.parse::<Slug>() {
        Ok(slug) => {
            assert_eq!(slug.as_str(), text);
            assert!((1..=Slug::MAX_LENGTH).contains(&text.len()));
            assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert!(!text.starts_with('-') && !text.ends_with('-') && !text.contains("--"));
        }
        Err(why) => assert!(why.to_string().chars().count() < 200, "{why}"),
    }
}

/// What a health check is answered: a status of three digits and a body, or nothing.
pub fn health_answer(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some((status, body)) = stampede_server::fuzz::health_answer(&text) {
        assert!(status < 1000 && text.ends_with(['\r', '\n', ' ']) | text.contains(body), "{status}");
        assert!(text.starts_with("HTTP/1.1 "));
    }
}
