//! Whom the routes of paid orders reach besides actors: the simulated bank, the reader of the provider's notices, the organizer.

use crate::bank::BankDesk;
use actix_web::{HttpRequest, http::header};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use stampede_actors::ports::{BadNotice, PaymentNotice};
use stampede_domain::Millis;
use std::{fmt, sync::Arc};
use subtle::ConstantTimeEq;

/// Reads what the provider sent: now, its signature, the raw body.
pub type ReadNotice = Arc<dyn Fn(Millis, &str, &Bytes) -> Result<Option<PaymentNotice>, BadNotice> + Send + Sync>;

/// Everything is absent until it is said.
#[derive(Clone, Default)]
pub struct Paying {
    /// Who may give money back.
    pub organizer: Option<OrganizerToken>,
    /// Judges and reads what comes to the address for notices; absent: nobody sends any, and there is no such address.
    pub read_notice: Option<ReadNotice>,
    /// The header that notices are signed in, e.g. `Stripe-Signature`.
    pub signature_header: &'static str,
    /// The simulated bank, where it is the provider.
    pub bank: Option<Arc<dyn BankDesk>>,
    /// Where else buyers pay, e.g. `https://checkout.stripe.com`: forms may lead there.
    pub pay_origin: Option<String>,
}

impl Paying {
    /// Whether a form may lead to this page of a provider. Everything else is only linked to.
    pub(crate) fn leads_to(&self, page: &str) -> bool {
        is_own_path(page)
            || self.pay_origin.as_deref().is_some_and(|origin| {
                page.strip_prefix(origin).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            })
    }
}

/// Whether an address is a path of ours, and not another house that begins with two slashes.
pub(crate) fn is_own_path(page: &str) -> bool {
    page.starts_with('/') && !page.starts_with("//") && !page.starts_with("/\\")
}

impl fmt::Debug for Paying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paying")
            .field("organizer", &self.organizer.is_some())
            .field("read_notice", &self.read_notice.is_some())
            .field("signature_header", &self.signature_header)
            .field("bank", &self.bank.is_some())
            .field("pay_origin", &self.pay_origin)
            .finish()
    }
}

/// The organizer's token: its hash, so that neither a dump nor the time of a comparison tells it.
#[derive(Clone, Copy)]
pub struct OrganizerToken([u8; 32]);

/// Whether somebody is the organizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Organizer {
    /// They showed no token.
    Unknown,
    /// They showed another one.
    Other,
    /// They are.
    Proven,
}

impl OrganizerToken {
    /// The token that is asked for.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(hash(token.as_bytes()))
    }

    fn is(&self, token: &[u8]) -> bool {
        self.0.ct_eq(&hash(token)).into()
    }
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Who asks, by the `Authorization` header (RFC 6750).
pub(crate) fn organizer(expected: Option<&OrganizerToken>, request: &HttpRequest) -> Organizer {
    let Some(sent) = request.headers().get(header::AUTHORIZATION) else { return Organizer::Unknown };
    let Some((scheme, token)) = sent.as_bytes().split_at_checked(7) else { return Organizer::Unknown };
    if !scheme.eq_ignore_ascii_case(b"Bearer ") {
        return Organizer::Unknown;
    }
    if expected.is_some_and(|expected| expected.is(token.trim_ascii())) { Organizer::Proven } else { Organizer::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn asked(header: &str) -> Organizer {
        let token = OrganizerToken::new("give-it-back");
        organizer(Some(&token), &TestRequest::get().insert_header(("Authorization", header)).to_http_request())
    }

    #[test]
    fn only_the_token_itself_is_the_organizers() {
        assert_eq!(asked("Bearer give-it-back"), Organizer::Proven);
        assert_eq!(asked("bearer  give-it-back"), Organizer::Proven);
        for other in ["Bearer give-it-bac", "Bearer give-it-back2", "Bearer ", "Bearer GIVE-IT-BACK"] {
            assert_eq!(asked(other), Organizer::Other, "{other}");
        }
        for none in ["give-it-back", "Basic give-it-back", "Bearer", ""] {
            assert_eq!(asked(none), Organizer::Unknown, "{none}");
        }
        let request = TestRequest::get().insert_header(("Authorization", "Bearer give-it-back")).to_http_request();
        assert_eq!(organizer(None, &request), Organizer::Other, "a shop without a token gives nothing back");
        assert_eq!(organizer(None, &TestRequest::get().to_http_request()), Organizer::Unknown);
    }

    #[test]
    fn a_form_leads_to_the_provider_and_to_nobody_who_looks_like_it() {
        let paying = Paying { pay_origin: Some("https://pay.example".into()), ..Paying::default() };
        for good in ["/bank/payments/p1", "https://pay.example/p1", "https://pay.example"] {
            assert!(paying.leads_to(good), "{good}");
        }
        for bad in ["//evil.example", "/\\evil.example", "https://pay.example.evil", "http://pay.example/", "javascript:1"]
        {
            assert!(!paying.leads_to(bad), "{bad}");
        }
    }
}
