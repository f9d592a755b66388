//! How a notice shows who sent it: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY` under a secret that both sides know.
//!
//! It is Stripe's scheme (<https://docs.stripe.com/webhooks/signatures>), and the simulated bank signs in the same way, so that
//! one address can be tested with either. The raw bytes are signed: a body that was parsed and written again does not fit.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use stampede_actors::ports::BadNotice;
use stampede_domain::Millis;
use std::time::Duration;

/// How old a notice may be, or how far our clock may be behind: what was overheard is of no use later.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// Signatures that one header may carry: one a secret, and while secrets are changed there are two.
const MOST_SIGNATURES: usize = 8;

/// The secrets under which notices are believed. Several while one takes the other's place.
pub(crate) struct NoticeSecrets(Vec<Hmac<Sha256>>);

impl NoticeSecrets {
    /// Secrets, the current one first. An empty one is left out: everybody knows it.
    pub(crate) fn new(secrets: &[String]) -> Self {
        let mac = |secret: &String| Hmac::new_from_slice(secret.as_bytes()).expect("because HMAC takes every length");
        Self(secrets.iter().filter(|secret| !secret.is_empty()).map(mac).collect())
    }

    /// The header that goes with a body; `None` without a secret.
    pub(crate) fn sign(&self, now: Millis, body: &[u8]) -> Option<String> {
        let seconds = now.0.div_euclid(1000);
        let code = signed(self.0.first()?, &seconds.to_string(), body).finalize().into_bytes();
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(format!("t={seconds},v1={hex}"))
    }

    /// Whether one of the secrets signed this lately.
    pub(crate) fn check(&self, now: Millis, header: &str, body: &[u8]) -> Result<(), BadNotice> {
        let mut time = None;
        let mut codes = Vec::new();
        for part in header.split(',') {
            match part.trim().split_once('=') {
                Some(("t", seconds)) if time.is_none() => time = Some(seconds),
                Some(("t", _)) => return Err(BadNotice::Forged("it has two times")),
                Some(("v1", code)) if codes.len() < MOST_SIGNATURES => codes.extend(unhex(code)),
                _ => {}
            }
        }
        let time = time.ok_or(BadNotice::Forged("it has no time"))?;
        // Checked before the time: who has no secret learns nothing of our clock.
        let fits = |code: &Vec<u8>| self.0.iter().any(|mac| signed(mac, time, body).verify_slice(code).is_ok());
        if !codes.iter().any(fits) {
            return Err(BadNotice::Forged("none of the secrets signed it"));
        }
        let seconds: i64 = time.parse().map_err(|_| BadNotice::Forged("its time is no number"))?;
        let at = Millis(seconds.saturating_mul(1000));
        if now.since(at) > TOLERANCE || at.since(now) > TOLERANCE {
            return Err(BadNotice::Forged("it was signed too long ago"));
        }
        Ok(())
    }
}

/// What is said of a notice that is signed and cannot be read: where it went wrong, and nothing of what it says, which may name
/// people.
pub(crate) fn unreadable(error: &serde_json::Error) -> BadNotice {
    BadNotice::Unreadable(format!("{:?} at column {}", error.classify(), error.column()))
}

fn signed(mac: &Hmac<Sha256>, time: &str, body: &[u8]) -> Hmac<Sha256> {
    mac.clone().chain_update(time.as_bytes()).chain_update(b".").chain_update(body)
}

/// 32 bytes of hexadecimal digits.
fn unhex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_700_000_000_000);
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secrets(of: &[&str]) -> NoticeSecrets {
        NoticeSecrets::new(&of.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>())
    }

    fn forged(outcome: Result<(), BadNotice>) -> &'static str {
        match outcome {
            Err(BadNotice::Forged(why)) => why,
            other => panic!("believed: {other:?}"),
        }
    }

    /// Made with `printf '%s' '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test`.
    const KNOWN: &str = "c89214b5b5da833daed6f0b8c5bb6bd58cea9022bd80ccc78230f3942d632925";

    #[test]
    fn a_known_signature_is_made_and_believed() {
        let keys = secrets(&["whsec_test"]);
        let header = format!("t=1700000000,v1={KNOWN}");
        assert_eq!(keys.sign(NOW, BODY).as_deref(), Some(header.as_str()));
        assert_eq!(keys.check(NOW, &header, BODY), Ok(()));
        let stripes = format!(
            "t=1700000000, v1={}, v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39",
            KNOWN.to_uppercase()
        );
        assert_eq!(keys.check(NOW, &stripes, BODY), Ok(()));
    }

    #[test]
    fn another_body_time_or_secret_does_not_fit() {
        let keys = secrets(&["whsec_test"]);
        let header = keys.sign(NOW, BODY).unwrap();
        let unsigned = "none of the secrets signed it";
        assert_eq!(forged(keys.check(NOW, &header, br#"{"id":"evt_2"}"#)), unsigned);
        assert_eq!(forged(keys.check(NOW, &header.replace("t=1700000000", "t=1700000001"), BODY)), unsigned);
        assert_eq!(forged(secrets(&["whsec_other"]).check(NOW, &header, BODY)), unsigned);
        assert_eq!(forged(secrets(&[]).check(NOW, &header, BODY)), unsigned);
        assert_eq!(forged(secrets(&[""]).check(NOW, &secrets(&["x"]).sign(NOW, BODY).unwrap(), BODY)), unsigned);
    }

    #[test]
    fn what_was_signed_more_than_five_minutes_ago_or_ahead_is_not_believed() {
        let keys = secrets(&["whsec_test"]);
        let header = keys.sign(NOW, BODY).unwrap();
        for edge in [NOW.plus(TOLERANCE), NOW.minus(TOLERANCE)] {
            assert_eq!(keys.check(edge, &header, BODY), Ok(()));
        }
        let beyond = TOLERANCE + Duration::from_millis(1);
        for outside in [NOW.plus(beyond), NOW.minus(beyond)] {
            assert_eq!(forged(keys.check(outside, &header, BODY)), "it was signed too long ago");
        }
    }

    #[test]
    fn while_secrets_are_changed_both_are_believed() {
        let (old, new) = (secrets(&["old"]), secrets(&["new"]));
        let both = secrets(&["new", "old"]);
        for signer in [&old, &new] {
            assert_eq!(both.check(NOW, &signer.sign(NOW, BODY).unwrap(), BODY), Ok(()));
        }
        // The provider signs with each of its secrets; we may still know only one.
        let code = |keys: &NoticeSecrets| keys.sign(NOW, BODY).unwrap().split_once(",v1=").unwrap().1.to_owned();
        let header = format!("t=1700000000,v1={},v1={}", code(&new), code(&old));
        assert_eq!(old.check(NOW, &header, BODY), Ok(()));
    }

    #[test]
    fn headers_of_strangers_are_refused_and_break_nothing() {
        let keys = secrets(&["whsec_test"]);
        let long = format!("t=1700000000,{}", "v1=00,".repeat(100_000));
        let umlauts = format!("t=1700000000,v1={}", "ä".repeat(32));
        let late = format!("{}t=1700000000,v1={KNOWN}", format!("v1={},", "0".repeat(64)).repeat(MOST_SIGNATURES));
        for header in ["", ",", "t", "t=", "v1=", "t=1700000000", &long, &umlauts, &late, "t=x,v1=y", "=,=,="] {
            forged(keys.check(NOW, header, BODY));
        }
        assert_eq!(forged(keys.check(NOW, &format!("t=1700000000,t=1700000001,v1={KNOWN}"), BODY)), "it has two times");
        let no_number = signed(&keys.0[0], "soon", BODY).finalize().into_bytes();
        let hex: String = no_number.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(forged(keys.check(NOW, &format!("t=soon,v1={hex}"), BODY)), "its time is no number");
    }
}
