//! Which idempotency keys are taken: UUIDv7s of about now.

use crate::{id::OrderId, time::Millis};
use std::time::Duration;
use uuid::{Uuid, Variant};

/// How old a key may be. A tab left open longer gets a fresh one.
pub const OLDEST: Duration = Duration::from_hours(24);
/// How far ahead a key's time may lie: clocks of phones are wrong.
pub const AHEAD: Duration = Duration::from_mins(2);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefused {
    /// Not a UUID of version 7.
    #[error("the Idempotency-Key must be a UUID of version 7 (RFC 9562), which begins with the time in milliseconds")]
    NotAUuidV7,
    /// Made too long ago.
    #[error("the Idempotency-Key is older than 24 hours")]
    TooOld,
    /// Made in the future.
    #[error("the Idempotency-Key lies more than 2 minutes ahead of our clock")]
    Ahead,
}

/// The order id of a key that a buyer sent at `now`.
///
/// # Errors
/// The reason why the key is not taken; nothing was changed.
pub fn order_id(key: &str, now: Millis) -> Result<OrderId, KeyRefused> {
    let uuid = Uuid::try_parse(key).map_err(|_| KeyRefused::NotAUuidV7)?;
    if uuid.get_version_num() != 7 || uuid.get_variant() != Variant::RFC4122 {
        return Err(KeyRefused::NotAUuidV7);
    }
    let id = OrderId(uuid);
    if id.time() < now.minus(OLDEST) {
        Err(KeyRefused::TooOld)
    } else if id.time() > now.plus(AHEAD) {
        Err(KeyRefused::Ahead)
    } else {
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "018bcfe5-6807-7000-8000-000000000000";
    const MADE: Millis = Millis(1_700_000_000_007);

    #[test]
    fn a_key_lives_from_two_minutes_before_its_time_to_a_day_after() {
        assert!(order_id(KEY, MADE).is_ok());
        assert!(order_id(KEY, MADE.minus(AHEAD)).is_ok());
        assert!(order_id(KEY, MADE.plus(OLDEST)).is_ok());
        assert_eq!(order_id(KEY, MADE.minus(AHEAD).minus(Duration::from_millis(1))), Err(KeyRefused::Ahead));
        assert_eq!(order_id(KEY, MADE.plus(OLDEST).plus(Duration::from_millis(1))), Err(KeyRefused::TooOld));
    }

    #[test]
    fn only_version_seven_is_a_key() {
        for wrong in ["", "x", "c0ffee00-0000-4000-8000-000000000000", "018bcfe5-6807-7000-c000-000000000000"] {
            assert_eq!(order_id(wrong, MADE), Err(KeyRefused::NotAUuidV7), "{wrong}");
        }
    }
}
